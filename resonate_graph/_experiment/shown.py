"""How the rows of a sweep show themselves in notebooks: a table, and players to compare by ear."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .._base.display import Bundle, shows
from .._page.notebook import table_and_players
from .._page.player import SOUNDS, Track
from .rows import Row, Rows
from .tables import in_one


@shows(Rows)
def _rows(rows: Rows) -> Bundle:
    return _compared(rows)


@shows(Row)
def _row(row: Row) -> Bundle:
    return _compared([row])


def _compared(rows: Sequence[Row]) -> Bundle:
    outputs = dict.fromkeys(output for row in rows for output in row.files)
    players = {output: [track for row in rows for track in _tracks(row, output)]
               for output in outputs}  # fmt: skip
    table = in_one(rows)
    return table_and_players(
        table.headings,
        table.cells,
        players,
        alike=table.same_in_words,
        failures=[f"{row.name}: {row.error}" for row in rows if row.error],
    )


def _tracks(row: Row, output: str) -> list[Track]:
    """Return what came of a row as one output, if it can be heard and is there."""
    path = Path(row.files.get(output, ""))
    if path.suffix.lower() not in SOUNDS or not path.is_file():
        return []
    settings = ", ".join(f"{name} {value}" for name, value in row.params.items())
    return [Track(row.name, row.name, file=path.read_bytes(), note=settings)]
