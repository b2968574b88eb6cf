"""``resonate schema fmt diff new migrate`` and ``graphs show``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import resonate_graph as rg
from tests.engine.commands import Command


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_new_graph_is_right_and_laid_out(call: Command, tmp_path: Path) -> None:
    ended = call("new", "mine")
    assert ended.out == "mine.json: resonate run mine.json -i recording=FILE -o out/\n"
    rg.load("mine.json").check()
    assert call("fmt", "--check", "mine.json").code == 0
    again = call("new", "mine")
    assert (again.code, "is there already" in again.err) == (2, True)


def test_a_new_graph_can_begin_as_a_stock_graph(call: Command) -> None:
    assert call("new", "tapes", "--from", "tape").code == 0
    assert rg.load("tapes.json").name == "tapes"
    ended = call("diff", "tape", "tapes.json")
    assert (ended.code, ended.out) == (0, "these graphs mean the same\n")


def test_a_bad_name_is_told(call: Command) -> None:
    ended = call("new", "1st")
    assert ended.code == 2
    assert "'1st' is no valid name" in ended.err


def test_fmt_writes_only_what_changes(call: Command) -> None:
    text = rg.stock_graphs()["tape"]
    Path("a.json").write_text(text)
    Path("b.json").write_text(json.dumps(json.loads(text)))
    Path("c.json").write_text('{"format": 1}')
    ended = call("fmt", "--check", "a.json", "b.json")
    assert (ended.code, ended.out) == (1, "b.json: would be laid out anew\n")
    assert call("fmt", "a.json", "b.json").code == 0
    assert Path("b.json").read_text() == text
    assert call("fmt", "c.json").code == 2
    assert Path("c.json").read_text() == '{"format": 1}'


def test_diff_tells_people_and_programs(call: Command) -> None:
    document = json.loads(rg.stock_graphs()["deliver"])
    document["params"]["target_lufs"]["default"] = -16
    Path("quieter.json").write_text(json.dumps(document))
    ended = call("diff", "deliver", "quieter.json")
    assert (ended.code, ended.out) == (1, "param target_lufs: default -14 -> -16\n")
    assert call.document("diff", "deliver", "quieter.json", code=1) == {
        "differences": [
            {"kind": "param", "name": "target_lufs", "what": "default", "before": -14, "after": -16}
        ]
    }


def test_graphs_show_prints_the_file(call: Command) -> None:
    assert call("graphs", "show", "tape").out == rg.stock_graphs()["tape"]
    ended = call("graphs", "show", "tapes")
    assert (ended.code, "no stock graph 'tapes'" in ended.err) == (2, True)


def test_the_schema_is_printed_or_written(call: Command) -> None:
    printed = call("schema").out
    assert json.loads(printed) == rg.schema()
    assert call("schema", "-o", "s.json").out == "s.json\n"
    assert Path("s.json").read_text() == printed


def test_migrate_says_what_it_did(call: Command) -> None:
    version = rg.Catalog.installed().types["dehum"].version
    document = {
        "format": 1, "name": "g", "inputs": {"x": {"type": "audio"}}, "outputs": {"out": "a"},
        "nodes": {"a": {"type": "dehum@1", "inputs": {"audio": "$x"}}},
    }  # fmt: skip
    Path("old.json").write_text(json.dumps(document))
    told = f"old.json: node a: dehum@1 -> dehum@{version}\n"
    before = Path("old.json").read_text()
    checked = call("migrate", "--check", "old.json")
    assert (checked.code, checked.out, Path("old.json").read_text()) == (1, told, before)
    assert call("migrate", "old.json").out == told
    assert call("migrate", "old.json").out == "old.json: nothing to migrate\n"
