"""The page of a sweep: tables, and the results in players, to be switched between."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from .._page import parts
from .._page.player import link, player
from .._page.terms import explained
from .rows import Heard, Row, Source
from .tables import Table, tables


def report_page(
    graph: str, sources: Sequence[Source], rows: Sequence[Row], folder: Path, heard: Heard
) -> str:
    """Return the page, with links relative to the folder it will lie in."""
    failed = [row for row in rows if row.status != "done"]
    made = {table.title: table for table in tables(rows)}
    count = f"{len(rows)} combination{'s' * (len(rows) != 1)}"
    of = ", ".join(dict.fromkeys(Path(one.file).name for one in sources))
    lead = [f"{count} of {of}" if of else count, f"{datetime.now():%d %B %Y, %H:%M}".lstrip("0")]
    return parts.document(
        f"{graph}: settings side by side",
        "".join(map(_failure, failed))
        + "".join(_tables_and_players(made, rows, folder, heard))
        + _files(rows, folder),
        lead=" · ".join([*lead, f"{len(failed)} failed"] if failed else lead),
    )


def _failure(row: Row) -> str:
    settings = ", ".join(f"{name} = {value}" for name, value in row.params.items())
    return parts.notice(f"{row.name} ({settings}) failed: {row.error}", kind="failed")


def _tables_and_players(
    made: dict[str, Table], rows: Sequence[Row], folder: Path, heard: Heard
) -> list[str]:
    """Return the table of each output, with a player of all its results, and what went in."""
    sounding = dict.fromkeys(name for row in rows for name in heard.results.get(row.name, {}))
    found: list[str] = []
    told: set[str] = set()
    for name in dict.fromkeys([*made, *sounding]):
        shown = explained(_table(made[name]), told) if name in made else ""
        if name in sounding:
            results = [
                heard.results[row.name][name]
                for row in rows
                if name in heard.results.get(row.name, {})
            ]
            shown += player([*heard.sources, *results], folder=folder, label=name)
        found.append(parts.section(name, shown) if name else shown)
    return found


def _table(table: Table) -> str:
    same = html.escape(table.same_in_words)
    told = f"<p>The same in all: {same}</p>\n" if same else ""
    rows = parts.table(table.headings, table.cells, best=table.best) if table.cells else ""
    return rows + told


def _files(rows: Sequence[Row], folder: Path) -> str:
    """Return links to what cannot be heard."""
    items = [
        f'<li><a href="{html.escape(link(Path(path), folder), quote=True)}">'
        f"{html.escape(f'{row.name}: {Path(path).name}')}</a></li>\n"
        for row in rows
        for name, path in row.files.items()
        if name not in row.pictures
    ]
    return parts.section("Other files", f"<ul>\n{''.join(items)}</ul>\n") if items else ""
