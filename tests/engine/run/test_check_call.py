"""What `check` finds in a call: inputs, outputs and their suffixes; and what nodes object to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resonate_graph as rg
from resonate_graph import Audio
from tests.engine.problems import assert_places, graph, load, only, problems_of
from tests.marks import marked

TONE = Audio(np.ones((2, 4)), 8000)


# -- bindings and outputs ----------------------------------------------------------------------


def two_inputs() -> rg.Graph:
    nodes = {
        "a": {"type": "scale", "inputs": {"audio": "$x"}},
        "b": {"type": "scale", "inputs": {"audio": "$y"}},
    }
    inputs = {"x": {"type": "audio"}, "y": {"type": "audio"}, "unused": {"type": "audio"}}
    return graph(nodes, {"first": "a", "second": "b"}, inputs=inputs)


def test_what_the_wanted_outputs_need_has_to_be_bound_and_nothing_else() -> None:
    found = two_inputs()
    found.check()
    found.check(["x", "y"])
    found.check(["x"], outputs=["first"])
    assert only(found, inputs=["x"]).pointer == "/inputs/y"
    assert [one.pointer for one in problems_of(found, inputs=[])] == ["/inputs/x", "/inputs/y"]


def test_a_binding_of_nothing_says_what_was_meant() -> None:
    assert only(two_inputs(), inputs=["x", "y", "unusd"]).message == (
        "no input 'unusd'; did you mean 'unused'?"
    )


def test_an_unknown_output_says_what_was_meant() -> None:
    problem = only(two_inputs(), outputs=["frist"])
    assert (problem.code, problem.message) == (
        "unknown-output", "no output 'frist'; did you mean 'first'?"
    )  # fmt: skip


def test_only_wanted_outputs_are_bound() -> None:
    bound = two_inputs().check(outputs=["second"])
    assert list(bound.outputs) == ["second"]
    assert bound.needed == ("b",)
    assert bound.needed_inputs == ("y",)


def test_a_suffix_gives_an_audio_output_its_encoder() -> None:
    nodes = {"a": {"type": "scale", "inputs": {"audio": "$x"}}}
    bound = graph(nodes, {"song.flac": "a", "dry.wav": "$x", "plain": "a"}).check()
    assert bound.steps["song.flac"].type.name == "encode_flac"
    assert list(map(str, bound.steps["song.flac"].sources)) == ["a"]
    assert bound.steps["dry.wav"].type.name == "encode_wav"
    assert list(map(str, bound.steps["dry.wav"].sources)) == ["$x"]
    assert {name: str(end) for name, end in bound.outputs.items()} == {
        "song.flac": "song.flac", "dry.wav": "dry.wav", "plain": "a"
    }  # fmt: skip


def test_an_output_with_a_suffix_is_written_in_that_format(tmp_path: Path) -> None:
    result = graph({}, {"song.flac": "$x"}).run({"x": TONE}, store=False)
    path = result.save(tmp_path)["song.flac"]
    assert path.name == "song.flac"
    assert path.read_bytes().startswith(b"fLaC")


def test_what_is_no_audio_needs_no_encoder() -> None:
    nodes = {"p": {"type": "peak", "inputs": {"audio": "$x"}}}
    assert list(graph(nodes, {"peak.txt": "p"}).check().steps) == ["p"]


def test_a_suffix_nobody_writes_says_which_there_are() -> None:
    problem = only(graph({}, {"song.aac": "$x"}))
    assert (problem.code, problem.pointer) == ("unknown-suffix", "/outputs/song.aac")
    assert problem.message == "no node writes .aac files; there are: flac, mp3, ogg, wav"


# -- what a node itself knows ------------------------------------------------------------------


def picky(mode: str, wire: str) -> rg.Graph:
    node = {"type": "picky", "inputs": {"audio": "$x"}, "params": {"mode": mode}}
    return graph({"a": node}, {"out": wire})


def test_a_nodes_own_objections_are_problems_in_place() -> None:
    picky("left-only", "a.left").check()
    problem = only(picky("left-only", "a.right"))
    assert (problem.code, problem.pointer) == ("bad-param", "/nodes/a/params/mode")
    assert problem.message == "mode 'left-only' has no right side"
    problem = only(picky("never", "a.left"))
    assert (problem.code, problem.pointer) == ("impossible", "/nodes/a")


def test_what_a_finished_node_did_not_foresee_is_a_problem_in_place_too() -> None:
    def confused(question: rg.Preparation) -> Mapping[str, Any]:
        raise KeyError(question.params["mode"])

    @rg.node(version=1, prepare=confused)
    def finished(audio: Audio, *, mode: str = "odd") -> Audio:
        return audio

    made = rg.Graph("made")
    made.output("out", made.add(finished, "a")(made.input("x", Audio)))
    problem = only(made)
    assert (problem.code, problem.pointer) == ("impossible", "/nodes/a")
    assert problem.message.startswith("finished failed in a way its author did not foresee (KeyE")


@pytest.mark.parametrize(
    ("node", "params", "pointer", "said"),
    [
        ("trim", {"start_seconds": 2.0, "end_seconds": 1.0}, "end_seconds", "does not come after"),
        ("encode_mp3", {"bitrate_kbps": 128, "vbr_quality": 2.0}, "vbr_quality", "not both"),
        ("select_channels", {"channels": []}, "channels", "at least 1 item"),
    ],
)
def test_params_of_stock_nodes_that_exclude_each_other_are_found(
    node: str, params: dict[str, Any], pointer: str, said: str
) -> None:
    step = {"type": node, "inputs": {"audio": "$x"}, "params": params}
    problem = only(graph({"a": step}, {"out": "a"}))
    assert (problem.code, problem.pointer) == ("bad-param", f"/nodes/a/params/{pointer}")
    assert said in problem.message


def test_a_node_nobody_needs_is_not_asked() -> None:
    found = picky("never", "$x")
    found.check()


def test_a_nodes_objections_come_with_all_other_problems() -> None:
    text = """{"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}},
      "nodes": {
        "a": {"type": "picky", "inputs": {"audio": "$x"}, "params": {"mode": ‸"mono"}},
        "b": {"type": "scale", "inputs": {"audio": "a.right"}, "params": {"factor": ‸80}}
      },
      "outputs": {‸"song.aac": "b"}}"""
    assert_places(
        text,
        ("bad-param", "/nodes/a/params/mode"),
        ("bad-param", "/nodes/b/params/factor"),
        ("unknown-suffix", "/outputs/song.aac"),
    )


def separated(model: str, stem: str) -> str:
    return f"""{{"format": 1, "name": "g", "inputs": {{"x": {{"type": "audio"}}}},
      "nodes": {{"split": {{"type": "separate", "inputs": {{"mix": "$x"}},
                            "params": {{"model": ‸"{model}"}}}}}},
      "outputs": {{"stem": "split.{stem}"}}}}"""


@pytest.mark.parametrize("model", ["htdemucs", "htdemucs_ft"])
def test_a_stem_the_model_lacks_is_found_before_anything_runs(model: str, models_dir: Path) -> None:
    (problem,) = assert_places(
        separated(model, "guitar"), ("bad-param", "/nodes/split/params/model"), models=models_dir
    )
    assert problem.message == (
        f"model '{model}' has no stem 'guitar'; it has: drums, bass, other, vocals"
    )


def test_a_stem_the_model_has_is_fine(models_dir: Path) -> None:
    text, _ = marked(separated("htdemucs", "vocals"))
    load(text).check(models=models_dir)


def test_stems_of_released_models_are_known_without_their_weights() -> None:
    assert_places(separated("htdemucs", "piano"), ("bad-param", "/nodes/split/params/model"))
    text, _ = marked(separated("htdemucs_6s", "piano"))
    load(text).check()
