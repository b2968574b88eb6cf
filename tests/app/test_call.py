"""What was chosen, as JSON, as a command and as Python."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from resonate_graph import Graph, load, read_audio, stock
from resonate_graph._app.call import Chosen, differing
from resonate_graph._app.words import plainly
from tests.engine.commands import OWN_NODES, Command


@pytest.fixture
def chosen(take: Path) -> Chosen:
    """A stock graph with one of its settings changed."""
    bound, labels = {"master": str(take)}, {"master": "my take.wav"}
    return Chosen(
        stock("deliver"), "deliver", True, bound, labels, ["master"], {"target_lufs": -18}
    )


def test_the_graph_that_is_taken_home_gives_the_same_samples(
    chosen: Chosen, take: Path, tmp_path: Path
) -> None:
    path = tmp_path / "deliver.json"
    path.write_text(chosen.as_json())
    here = chosen.graph.run({"master": take}, chosen.params, store=False)
    there = load(path).run({"master": take}, store=False)
    assert here.report["outputs"] == there.report["outputs"]
    assert path.read_text() == Graph.from_json(path.read_text()).to_json()


def test_params_of_nodes_go_into_the_graph_too() -> None:
    params = {"drums_gate.ratio": 8}
    changed = Chosen(stock("song-repair"), "song-repair", True, params=params)
    assert Graph.from_json(changed.as_json()).document.nodes["drums_gate"].params["ratio"] == 8


@pytest.mark.parametrize("way", ["repair/vocals/level", "end/level", "outer/inner/level"])
def test_params_in_used_graphs_go_into_the_graph_of_that_use_alone(
    way: str, tmp_path: Path
) -> None:
    level = {"type": "limit", "inputs": {"audio": "$audio"}, "params": {"ceiling_dbtp": -2}}
    limited = {
        "inputs": {"audio": {"type": "audio"}}, "nodes": {"level": level},
        "outputs": {"limited": "level"},
    }  # fmt: skip
    (tmp_path / "limited.json").write_text(json.dumps({"format": 1, "name": "limited", **limited}))
    inner = {"type": "graph", "graph": "own", "inputs": {"audio": "$audio"}}
    document = {
        "format": 1, "name": "used", "inputs": {"mix": {"type": "audio"}},
        "graphs": {"outer": {
            "inputs": {"audio": {"type": "audio"}}, "graphs": {"own": limited},
            "nodes": {"inner": inner, "other": inner},
            "outputs": {"one": "inner", "two": "other"},
        }},
        "nodes": {
            "repair": {"type": "graph", "graph": "./limited.json",
                       "for_each": {"audio": {"vocals": "$mix", "rest": "$mix"}}},
            "end": {"type": "graph", "graph": "deliver", "inputs": {"master": "$mix"}},
            "outer": {"type": "graph", "graph": "outer", "inputs": {"audio": "$mix"}},
        },
        "outputs": {"a": "repair.vocals", "b": "repair.rest", "c": "end.delivered",
                    "d": "outer.one", "e": "outer.two"},
    }  # fmt: skip
    path = tmp_path / "used.json"
    path.write_text(json.dumps(document))
    graph = load(path)
    changed = Graph.from_json(
        Chosen(graph, "used", False, params={f"{way}.release_ms": 75}).as_json()
    )
    before, after = graph.check().steps, changed.check().steps
    assert [name for name in before if before[name].plain_params != after[name].plain_params] == [
        way
    ]
    assert after[way].plain_params == {**before[way].plain_params, "release_ms": 75}


def test_the_command_names_what_people_call_their_files(chosen: Chosen) -> None:
    assert chosen.command() == (
        "resonate run deliver -i 'master=my take.wav' -p target_lufs=-18 -o out"
    )
    assert "inputs = {'master': 'my take.wav'}" in chosen.python()
    assert "graph.run(inputs, params={'target_lufs': -18})" in chosen.python()


def test_the_command_says_where_files_lie_that_were_not_brought(chosen: Chosen, take: Path) -> None:
    there = replace(chosen, brought=())
    assert shlex.split(there.command())[4] == f"master={take}"
    assert f"inputs = {{'master': {str(take)!r}}}" in there.python()


@pytest.mark.parametrize("grid", [{}, {"target_lufs": [-20, -18]}])
def test_the_command_and_the_lines_of_python_do_the_same(
    chosen: Chosen, take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], grid: dict[str, list[float]],
) -> None:  # fmt: skip
    (tmp_path / "level.json").write_text(chosen.as_json())
    there = replace(
        chosen, name="level.json", stock=False, file=str(tmp_path / "level.json"),
        store=str(tmp_path / "store"), nodes=[str(OWN_NODES)],
    )  # fmt: skip
    for folder, name in (("by command", "command"), ("by Python", "python")):
        (tmp_path / folder).mkdir()
        shutil.copy(take, tmp_path / folder / "my take.wav")
        monkeypatch.chdir(tmp_path / folder)
        lines = getattr(there, name)(grid)
        if name == "python":
            exec(lines, {})
        else:
            assert Command(capsys)(*shlex.split(lines)[1:]).code == 0
    made = [sorted(one.rglob("*delivered.wav")) for one in sorted(tmp_path.glob("by *"))]
    assert len(made[0]) == len(made[1]) == max(1, len(grid.get("target_lufs", ())))
    for one, other in zip(*made, strict=True):
        assert read_audio(one).digest == read_audio(other).digest


def test_what_differs_between_two_runs_is_said() -> None:
    said = differing({"model": "mini", "gain_db": 3}, {"model": "mini", "ratio": 2})
    assert said == "gain_db = 3, ratio = as the graph has it"


def test_messages_are_said_in_the_words_of_the_page() -> None:
    said = plainly(
        "/cache/recording.wav: raise the limit with `max_minutes=...`; params['gain_db']: too much",
        {"mix": "my take.wav"},
        {"mix": "/cache/recording.wav"},
    )
    assert said == (
        "my take.wav: raise the limit with --max-minutes on the command line; gain_db: too much"
    )
