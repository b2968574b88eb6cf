"""The tables of a sweep: what differs, what is the same in all, and what is best."""

from __future__ import annotations

from typing import Any

from resonate_graph import Row
from resonate_graph._experiment.tables import Table, in_one, tables


def row(number: int, params: dict[str, Any], seconds: float = 1.0, **figures: Any) -> Row:
    return Row(f"{number:02d}", params, "done", seconds=seconds, ran=("a", "b"), figures=figures)


def of(lufs: float, ratio: float | None = None) -> dict[str, float | None]:
    found: dict[str, float | None] = {"integrated_lufs": lufs, "true_peak_dbtp": -1.0}
    return found if ratio is None else {**found, "si_sdr_db": ratio}


def test_with_one_output_all_is_in_one_table() -> None:
    rows = [
        row(1, {"x": 1, "y": 5}, 2.0, out=of(-14, 9)),
        row(2, {"x": 2, "y": 5}, out=of(-16, 12)),
    ]
    assert tables(rows) == [
        Table(
            "out",
            ["", "x", "LUFS", "SI-SDR dB", "took"],
            [["01", "1", "-14.00", "9.00", "2.0 s"], ["02", "2", "-16.00", "12.00", "1.0 s"]],
            best=[(1, 3)],
            same=[("y", "5"), ("dBTP", "-1.00")],
        )
    ]


def test_with_several_there_is_one_for_each_and_one_for_the_runs() -> None:
    rows = [row(n, {"x": n}, loud=of(-14.0 - n), quiet=of(-30.0)) for n in (1, 2)]
    runs, loud, quiet = tables(rows)
    assert (runs.title, runs.headings) == ("", ["", "x", "took"])
    assert (loud.title, loud.headings) == ("loud", ["", "x", "LUFS"])
    assert (quiet.title, quiet.cells) == ("quiet", [])
    assert quiet.same_in_words == "LUFS -30.00, dBTP -1.00"
    assert in_one(rows).headings == ["", "x", "loud LUFS", "took"]


def test_all_that_are_best_are_marked_and_what_failed_has_no_figures() -> None:
    rows = [row(n, {"x": n}, out=of(-14, ratio)) for n, ratio in enumerate((7.0, 9.0, 9.0), 1)]
    rows.append(Row("04", {"x": 4}, "failed", "no"))
    (table,) = tables(rows)
    assert table.best == [(1, 2), (2, 2)]
    assert table.cells[3] == ["04", "4", "", "failed"]


def test_of_one_combination_everything_is_told() -> None:
    (table,) = tables([row(1, {"x": 1}, out=of(-14))])
    assert table.headings == ["", "x", "LUFS", "dBTP", "took"]
    assert table.same == []


def test_nothing_at_all_is_an_empty_table() -> None:
    assert tables([]) == [Table("", ["", "took"], [])]
