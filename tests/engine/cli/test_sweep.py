"""`resonate sweep`: what it prints, what it refuses, and what it compares with a reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.engine.commands import Command

Given: TypeAlias = "list[str | Path]"


def rows(text: str) -> list[dict[str, object]]:
    found = json.loads(text)["rows"]
    assert isinstance(found, list)
    return found


def test_a_row_is_told_for_each_combination(
    tmp_path: Path, quieter: Path, mix: Path, call: Command
) -> None:
    given: Given = [
        "-i",
        f"mix={mix}",
        "-p",
        "level_db=-3,-6",
        "--store",
        tmp_path / "store",
    ]
    ended = call("sweep", quieter, *given, "-o", tmp_path / "out")
    assert ended.code == 0
    assert ended.said[::2] == ["1 of 2  level_db=-3", "2 of 2  level_db=-6"]
    heading, *lines, last = [line.split() for line in ended.out.splitlines() if line]
    assert heading == ["level_db", "LUFS", "dBTP", "took"]
    assert [line[:2] for line in lines] == [["01", "-3"], ["02", "-6"]]
    assert last[-1] == str(tmp_path / "out" / "report.html")
    again = call("sweep", quieter, *given, "-o", tmp_path / "out", "--json")
    assert [(row["params"], row["ran"]) for row in rows(again.out)] == [
        ({"level_db": -3}, []),
        ({"level_db": -6}, []),
    ]


def test_without_a_store_all_of_it_is_computed(
    tmp_path: Path, quieter: Path, mix: Path, call: Command
) -> None:
    given: Given = ["-i", f"mix={mix}", "-p", "level_db=-3", "-o", tmp_path / "out"]
    for _ in range(2):
        (row,) = rows(call("sweep", quieter, *given, "--no-store", "--json").out)
        assert row["ran"] == ["gain"]


def test_wrong_values_are_told_before_anything_runs(
    tmp_path: Path, quieter: Path, mix: Path, call: Command
) -> None:
    given: Given = [
        "-i",
        f"mix={mix}",
        "-p",
        "level_db=-3,5,loud",
        "-o",
        tmp_path / "out",
    ]
    ended = call("sweep", quieter, *given, "--store", tmp_path / "store")
    assert ended.code == 2
    assert "5 is above the maximum 0" in ended.err
    assert "'loud'" in ended.err
    assert not list(tmp_path.glob("*/*.html"))
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("named", [False, True])
def test_a_reference_is_one_file_or_one_for_each_output(
    tmp_path: Path, quieter: Path, mix: Path, call: Command, named: bool
) -> None:
    reference = f"out={mix}" if named else str(mix)
    given: Given = [
        "-i",
        f"mix={mix}",
        "-p",
        "level_db=-3",
        "--store",
        tmp_path / "store",
    ]
    ended = call(
        "sweep", quieter, *given, "-o", tmp_path / "out", "--reference", reference, "--json"
    )
    (row,) = rows(ended.out)
    assert isinstance(row["figures"], dict)
    assert row["figures"]["out"]["si_sdr_db"] > 100
    assert row["error"] == ""


def test_a_file_may_have_an_equals_sign_in_its_name(
    tmp_path: Path, quieter: Path, mix: Path, call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b.wav").symlink_to(mix)
    given: Given = [
        "-i",
        f"mix={mix}",
        "-p",
        "level_db=-3",
        "--store",
        "store",
        "-o",
        "out",
    ]
    (row,) = rows(call("sweep", quieter, *given, "--reference", "a=b.wav", "--json").out)
    assert row["error"] == ""


@pytest.mark.parametrize(
    ("references", "said"),
    [
        (["ot={mix}"], "the graph has no output 'ot'; did you mean 'out'"),
        (["{mix}", "{mix}"], "name the output of each: OUTPUT=FILE"),
        (["{mix}", "out={mix}"], "name the output of each: OUTPUT=FILE"),
        (["out={mix}", "out={mix}"], "--reference out was given twice"),
        (["missing.wav"], "missing.wav: there is no such file"),
    ],
)
def test_a_reference_that_makes_no_sense_is_told(
    tmp_path: Path, quieter: Path, mix: Path, call: Command, references: list[str], said: str
) -> None:
    given: Given = [
        "-i",
        f"mix={mix}",
        "-p",
        "level_db=-3",
        "--store",
        tmp_path / "store",
    ]
    options = [part for one in references for part in ("--reference", one.format(mix=mix))]
    ended = call("sweep", quieter, *given, "-o", tmp_path / "out", *options)
    assert ended.code in (1, 2)
    assert said in ended.err
    assert not (tmp_path / "out").exists()
