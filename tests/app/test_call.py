"""What was chosen, as JSON, as a command and as Python."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from resonate_graph import Graph, load, stock
from resonate_graph._app.call import Chosen, differing


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


def test_the_command_names_what_people_call_their_files(chosen: Chosen) -> None:
    assert chosen.command() == "resonate run deliver -i 'master=my take.wav' -p target_lufs=-18"
    lines = chosen.python()
    assert "graph.run({'master': 'my take.wav'}, params={'target_lufs': -18})" in lines


def test_the_command_says_where_files_lie_that_were_not_brought(chosen: Chosen, take: Path) -> None:
    there = replace(chosen, brought=())
    assert shlex.split(there.command())[4] == f"master={take}"
    assert f"graph.run({{'master': {str(take)!r}}}" in there.python()


def test_what_differs_between_two_runs_is_said() -> None:
    said = differing({"model": "mini", "gain_db": 3}, {"model": "mini", "ratio": 2})
    assert said == "gain_db = 3, ratio = as the graph has it"
