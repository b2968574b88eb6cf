"""The tables of a sweep: one for each output, of what differs between the combinations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from .rows import Row

_MEASURES = {
    "integrated_lufs": "LUFS",
    "true_peak_dbtp": "dBTP",
    "si_sdr_db": "SI-SDR dB",
}

#: The measure of which more is better.
_BETTER = "si_sdr_db"


@dataclass(frozen=True)
class Table:
    """What became of an output, or of the runs as a whole.

    Attributes:
        title: the output; empty for what is of no certain output.
        headings: the headings of the columns.
        cells: a row for each combination.
        best: row and column of the best values, where they are not all alike.
        same: heading and value of columns that would hold the same in each row.
    """

    title: str
    headings: list[str]
    cells: list[list[str]]
    best: list[tuple[int, int]] = field(default_factory=list)
    same: list[tuple[str, str]] = field(default_factory=list)

    @property
    def same_in_words(self) -> str:
        """What is the same in each row; empty for nothing."""
        return ", ".join(f"{heading} {value}" for heading, value in self.same)


def tables(rows: Sequence[Row]) -> list[Table]:
    """Return the tables of a sweep; with one output, all is in one."""
    outputs = list(dict.fromkeys(output for row in rows for output in row.figures))
    runs = _columns_of_runs(rows)
    params = _columns_of_params(rows)
    if len(outputs) < 2:
        measured = _columns_of(rows, outputs[0]) if outputs else []
        return [_table(outputs[0] if outputs else "", rows, [*params, *measured, *runs])]
    return [
        _table("", rows, [*params, *runs]),
        *(_table_of(one, rows, params) for one in outputs),
    ]


def _table_of(output: str, rows: Sequence[Row], params: Sequence[_Column]) -> Table:
    """Return the table of an output; of one that is the same in all, only what that is."""
    measured = list(_columns_of(rows, output))
    if all(one.is_the_same for one in measured):
        return Table(output, [], [], same=_table(output, rows, measured).same)
    return _table(output, rows, [*params, *measured])


def in_one(rows: Sequence[Row]) -> Table:
    """Return all that differs between the combinations as one table, however wide."""
    outputs = list(dict.fromkeys(output for row in rows for output in row.figures))
    columns = [*_columns_of_params(rows)]
    for output in outputs:
        prefix = f"{output} " if len(outputs) > 1 else ""
        columns += [replace(one, heading=f"{prefix}{one.heading}")
                    for one in _columns_of(rows, output)]  # fmt: skip
    return _table("", rows, [*columns, *_columns_of_runs(rows)])


@dataclass(frozen=True)
class _Column:
    """A column: its heading, a cell for each row, and the values of which the highest is best."""

    heading: str
    cells: list[str]
    values: list[float | None] | None = None
    is_kept: bool = False

    @property
    def is_the_same(self) -> bool:
        """Whether it says nothing of the differences."""
        told = {cell for cell in self.cells if cell}
        return not self.is_kept and len(self.cells) > 1 and len(told) < 2


def _columns_of_params(rows: Sequence[Row]) -> list[_Column]:
    names = dict.fromkeys(name for row in rows for name in row.params)
    return [_Column(name, [str(row.params.get(name, "")) for row in rows]) for name in names]


def _columns_of_runs(rows: Sequence[Row]) -> list[_Column]:
    took = [f"{row.seconds:.1f} s" if row.status == "done" else row.status for row in rows]
    ran = [f"{len(row.ran)}" if row.status == "done" else "" for row in rows]
    steps = [_Column("steps ran", ran)] if len(set(ran)) > 1 else []
    return [*steps, _Column("took", took, is_kept=True)]


def _columns_of(rows: Sequence[Row], output: str) -> Iterator[_Column]:
    figures = [row.figures.get(output, {}) for row in rows]
    for measure, heading in _MEASURES.items():
        if any(measure in one for one in figures):
            values = [one.get(measure) for one in figures]
            cells = ["" if value is None else f"{value:.2f}" for value in values]
            yield _Column(heading, cells, values if measure == _BETTER else None)


def _table(title: str, rows: Sequence[Row], columns: Sequence[_Column]) -> Table:
    shown = [one for one in columns if not one.is_the_same]
    same = [(one.heading, next((cell for cell in one.cells if cell), ""))
            for one in columns if one.is_the_same]  # fmt: skip
    cells = [[row.name, *(one.cells[n] for one in shown)] for n, row in enumerate(rows)]
    best = [
        (n, column)
        for column, one in enumerate(shown, 1)
        for n, value in enumerate(one.values or ())
        if value is not None and value == max(v for v in one.values or () if v is not None)
    ]
    headings = ["", *(one.heading for one in shown)]
    return Table(title, headings, cells, best, [pair for pair in same if pair[1]])
