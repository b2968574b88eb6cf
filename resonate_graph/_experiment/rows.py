"""The page of a sweep: a table, and the results in players, to be switched between."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from .._base.display import Shown
from .._page import parts
from .._page.player import Ready, link, player
from .._page.terms import explained


@dataclass(frozen=True)
class Row(Shown):
    """One combination of a sweep.

    Attributes:
        name: the name of its folder, such as ``02``.
        params: the params that were set.
        status: ``done`` or ``failed``.
        error: why it failed, or why it could not be compared; empty where all went well.
        seconds: how long it took.
        ran: the nodes that were computed.
        files: the files written, by output.
        pictures: the spectrogram of each output that can be heard.
        figures: ``integrated_lufs``, ``true_peak_dbtp`` and, with a reference, ``si_sdr_db`` of
            each audio output.
    """

    name: str
    params: Mapping[str, Any]
    status: str
    error: str = ""
    seconds: float = 0.0
    ran: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)


class Rows(Shown, list[Row]):
    """The rows of a sweep: a list of them, in a notebook a table with players to compare by ear."""


@dataclass(frozen=True)
class Source:
    """What the results of a sweep are heard beside: an input, or the reference.

    Attributes:
        name: ``input NAME`` or ``reference``.
        file: the file.
        picture: its picture; empty where it could not be read any more.
    """

    name: str
    file: str
    picture: str = ""


@dataclass(frozen=True)
class Heard:
    """What players have of a sweep.

    Attributes:
        sources: the inputs and the reference.
        results: the outputs of each combination, by its name.
    """

    sources: list[Ready] = field(default_factory=list)
    results: dict[str, dict[str, Ready]] = field(default_factory=dict)


def report_page(
    graph: str, sources: Sequence[Source], rows: Sequence[Row], folder: Path, heard: Heard
) -> str:
    """Return the page, with links relative to the folder it will lie in."""
    failed = [row for row in rows if row.status != "done"]
    headings, cells = table(rows)
    count = f"{len(rows)} combination{'s' * (len(rows) != 1)}"
    of = ", ".join(dict.fromkeys(Path(one.file).name for one in sources))
    lead = [f"{count} of {of}" if of else count, f"{datetime.now():%d %B %Y, %H:%M}".lstrip("0")]
    return parts.document(
        f"{graph}: settings side by side",
        "".join(map(_failure, failed))
        + explained(parts.table(headings, cells, best=_best(rows)))
        + "".join(_players(rows, folder, heard))
        + _files(rows, folder),
        lead=" · ".join([*lead, f"{len(failed)} failed"] if failed else lead),
    )


def table(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and cells of the table of a sweep."""
    params = list(dict.fromkeys(name for row in rows for name in row.params))
    measures = list(
        dict.fromkeys(
            (output, measure)
            for row in rows
            for output, found in row.figures.items()
            for measure in found
        )
    )
    several = len({output for output, _ in measures}) > 1
    headings = ["", *params, "seconds", "ran"]
    headings += [f"{output} {_HEADINGS[one]}" if several else _HEADINGS[one]
                 for output, one in measures]  # fmt: skip
    cells = [
        [
            row.name,
            *(str(row.params.get(name, "")) for name in params),
            f"{row.seconds:.1f}" if row.status == "done" else row.status,
            ", ".join(row.ran) if row.status == "done" else row.error,
            *(_number(row.figures.get(output, {}).get(one)) for output, one in measures),
        ]
        for row in rows
    ]
    return headings, cells


_HEADINGS = {
    "integrated_lufs": "LUFS",
    "true_peak_dbtp": "dBTP",
    "si_sdr_db": "SI-SDR dB",
}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _best(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Return the cells with the highest SI-SDR of their column, if there is more than one."""
    headings, cells = table(rows)
    found = []
    for column, heading in enumerate(headings):
        values = {index: float(row[column]) for index, row in enumerate(cells) if row[column]
                  } if heading.endswith(_HEADINGS["si_sdr_db"]) else {}  # fmt: skip
        if len(set(values.values())) > 1:
            found += [(index, column) for index, one in values.items()
                      if one == max(values.values())]  # fmt: skip
    return found


def _failure(row: Row) -> str:
    settings = ", ".join(f"{name} = {value}" for name, value in row.params.items())
    return parts.notice(f"{row.name} ({settings}) failed: {row.error}", kind="failed")


def _players(rows: Sequence[Row], folder: Path, heard: Heard) -> list[str]:
    """Return a player for each output: all results of it, and what went in."""
    names = dict.fromkeys(name for row in rows for name in heard.results.get(row.name, {}))
    made = []
    for name in names:
        results = [
            heard.results[row.name][name] for row in rows if name in heard.results.get(row.name, {})
        ]
        made.append(
            parts.section(name, player([*heard.sources, *results], folder=folder, label=name))
        )
    return made


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
