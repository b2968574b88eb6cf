from __future__ import annotations

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import resonate_graph as rg
from resonate_graph import Audio, File, GraphError, ParamError, node
from resonate_nodes import Band, eq, gain
from tests.toy_nodes import count, label, normalize, peak, picky, scale, sides, store_as, total

TONE = Audio(np.ones((2, 4)), 8000)


def test_a_built_graph_is_the_document_one_would_write() -> None:
    graph = rg.Graph("demo", description="halves, and sums")
    mix = graph.input("mix", Audio, description="the mix")
    amount = graph.param("amount", float, default=0.5, minimum=0, maximum=1)
    halves = graph.add(sides, "split")(mix)
    quieter = graph.add(scale, device=["cuda", "cpu"])(halves.left, factor=amount)
    summed = graph.add(total, "sum")([quieter, halves.right], weights=[1.0, amount])
    graph.output("song.wav", summed)
    assert json.loads(graph.to_json()) == {
        "format": 1,
        "name": "demo",
        "description": "halves, and sums",
        "inputs": {"mix": {"type": "audio", "description": "the mix"}},
        "params": {"amount": {"type": "number", "default": 0.5, "minimum": 0, "maximum": 1}},
        "nodes": {
            "split": {"type": "sides", "inputs": {"audio": "$mix"}},
            "scale": {
                "type": "scale",
                "inputs": {"audio": "split.left"},
                "params": {"factor": {"$param": "amount"}},
                "device": ["cuda", "cpu"],
            },
            "sum": {
                "type": "total",
                "inputs": {"tracks": ["scale", "split.right"]},
                "params": {"weights": [1.0, {"$param": "amount"}]},
            },
        },
        "outputs": {"song.wav": "sum"},
    }
    graph.check(["mix"])


def test_a_built_graph_runs_as_the_functions_do() -> None:
    graph = rg.Graph("g")
    mix = graph.input("mix", Audio)
    halves = graph.add(sides)(mix)
    graph.output("out", graph.add(total)([halves.left, halves.right], weights=[1.0, 0.5]))
    result = graph.run({"mix": TONE}, store=False)
    assert result["out"] == total([sides(TONE).left, sides(TONE).right], weights=[1.0, 0.5])


def test_inputs_may_be_given_by_name_and_optional_ones_left_out() -> None:
    graph = rg.Graph("g")
    mix = graph.input("mix", Audio)
    graph.add(total, "a")(tracks=[mix], more=None)
    graph.add(total, "b")([mix], more=mix)
    assert graph.document.nodes["a"].inputs == {"tracks": ["$mix"]}
    assert graph.document.nodes["b"].inputs == {"tracks": ["$mix"], "more": "$mix"}


def test_scalars_and_reports_travel_on_wires_too() -> None:
    graph = rg.Graph("g")
    mix = graph.input("mix", Audio)
    target = graph.input("target", float)
    graph.output("out", graph.add(normalize)(mix, graph.add(peak)(mix), target))
    graph.output("frames", graph.add(count)(mix))
    graph.output("name", graph.add(label)(graph.input("name", str)))
    result = graph.run({"mix": TONE, "target": 3, "name": "größe"}, store=False)
    assert (result["frames"], result["name"]) == (4, "größe")
    assert result["out"] == Audio(np.full((2, 4), 3.0), 8000)


def test_a_models_own_fields_are_written_and_defaults_are_not() -> None:
    graph = rg.Graph("g")
    band = Band(kind="bell", frequency_hz=1000, gain_db=3)
    graph.output("out", graph.add(eq)(graph.input("mix", Audio), bands=[band]))
    assert graph.document.nodes["eq"].params == {
        "bands": [{"kind": "bell", "frequency_hz": 1000, "gain_db": 3}]
    }
    graph.check()


def test_numpys_scalars_become_plain_numbers() -> None:
    graph = rg.Graph("g")
    graph.add(gain)(graph.input("mix", Audio), gain_db=np.float32(-6))  # type: ignore[arg-type]
    assert type(graph.document.nodes["gain"].params["gain_db"]) is float


# -- names -------------------------------------------------------------------------------------


def test_nodes_without_a_name_are_numbered_whenever_they_are_wired() -> None:
    graph = rg.Graph("g")
    mix = graph.input("mix", Audio)
    louder, softer = graph.add(gain), graph.add(gain)
    softer(louder(mix))
    softer(mix)
    assert {name: spec.inputs for name, spec in graph.document.nodes.items()} == {
        "gain": {"audio": "$mix"}, "gain_2": {"audio": "gain"}, "gain_3": {"audio": "$mix"}
    }  # fmt: skip


def test_a_name_stands_for_one_node() -> None:
    graph = rg.Graph("g")
    mix = graph.input("mix", Audio)
    louder = graph.add(gain, "louder")
    louder(mix)
    with pytest.raises(GraphError, match="there is a node 'louder' already"):
        louder(mix)


def test_inputs_params_and_outputs_are_not_replaced() -> None:
    graph = rg.Graph("g")
    mix = graph.input("mix", Audio)
    graph.param("level", float, default=1.0)
    graph.output("out", mix)
    before = graph.document
    for call, said in (
        (lambda: graph.input("mix", float), "there is an input 'mix' already"),
        (lambda: graph.param("level", int), "there is a param 'level' already"),
        (lambda: graph.output("out", graph.add(gain)(mix)), "there is an output 'out' already"),
    ):
        with pytest.raises(GraphError, match=said):
            call()
    assert graph.document.inputs == before.inputs
    assert graph.document.params == before.params
    assert graph.document.outputs == before.outputs


@pytest.mark.parametrize("name", ["", "a b", "a.b", "../a", "$a", "1st", "a/b"])
def test_names_are_those_a_file_may_have(name: str) -> None:
    graph = rg.Graph("g")
    mix = graph.input("mix", Audio)
    calls: list[Any] = [
        lambda: rg.Graph(name),
        lambda: graph.input(name, Audio),
        lambda: graph.param(name, float),
        lambda: graph.output(name + ".", mix),
    ]
    if name:  # an empty name is none: the node is named after its type
        calls.append(lambda: graph.add(gain, name)(mix))
    for call in calls:
        with pytest.raises(GraphError, match="is no valid name"):
            call()
    assert rg.Graph.from_json(graph.to_json()).document == graph.document


# -- what cannot be wired ----------------------------------------------------------------------


def test_values_are_no_wires() -> None:
    graph = rg.Graph("g")
    loose: Any = graph.add(gain)
    for value, said in [(TONE, "not audio"), (1.0, "not number"), ("mix", "not string")]:
        with pytest.raises(GraphError, match=f"audio takes a node's output, {said}"):
            loose(value)


def test_several_outputs_are_no_wire() -> None:
    graph = rg.Graph("g")
    halves: Any = graph.add(sides)(graph.input("mix", Audio))
    with pytest.raises(GraphError, match="not several outputs: name one"):
        graph.output("out", halves)


def test_wires_stay_in_their_graph() -> None:
    other = rg.Graph("other").input("mix", Audio)
    with pytest.raises(GraphError, match=r"\$mix belongs to another graph"):
        rg.Graph("g").add(gain)(other)


def test_audio_and_wires_are_no_params() -> None:
    graph = rg.Graph("g")
    mix: Any = graph.input("mix", Audio)
    value: Any
    for value in (mix, TONE, [mix]):
        with pytest.raises(ParamError, match="audio goes into input ports"):
            graph.add(gain)(mix, gain_db=value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, object(), "\ud800"])
def test_what_no_json_holds_is_no_param(value: Any) -> None:
    graph = rg.Graph("g")
    with pytest.raises(ParamError, match="gain_db: JSON cannot hold"):
        graph.add(gain)(graph.input("mix", Audio), gain_db=value)


def test_a_plain_function_is_no_node() -> None:
    with pytest.raises(ParamError, match=r"is no node: decorate the function with @node\(\)"):
        rg.Graph("g").add(lambda audio: audio)


def test_too_many_inputs_are_refused() -> None:
    graph = rg.Graph("g")
    mix = graph.input("mix", Audio)
    loose: Any = graph.add(gain)
    with pytest.raises(ParamError, match="gain takes 1 inputs, 2 were given"):
        loose(mix, mix)


def test_only_audio_and_scalars_are_inputs_and_only_scalars_are_params() -> None:
    graph = rg.Graph("g")
    of_inputs = "input 'in': its type is Audio, float, int, str or bool, not "
    with pytest.raises(GraphError, match=f"{of_inputs}File"):
        graph.input("in", File)
    loose: Any = graph
    with pytest.raises(GraphError, match="param 'mix': its type is float, int, str or bool, not A"):
        loose.param("mix", Audio)
    for no_type in ("audio", None, 3, Audio | None):
        with pytest.raises(GraphError, match=re.escape(f"{of_inputs}{no_type!r}")):
            loose.input("in", no_type)


@pytest.mark.parametrize("device", ["tpu", "cuda:", "cuda:01", "cuda:-1", "CUDA", "mps:0", ""])
def test_a_device_is_a_kind_or_a_certain_card(device: str) -> None:
    graph = rg.Graph("g")
    mix = graph.input("mix", Audio)
    graph.add(gain, "fine", device=["cuda:1", "cuda", "mps", "cpu"])(mix)
    with pytest.raises(GraphError, match=r"node 'gain': it is mps, cuda, cpu, or a .* cuda:1$"):
        graph.add(gain, "gain", device=[device])(mix)


# -- changing what was loaded ------------------------------------------------------------------


def test_a_loaded_graph_can_be_built_on() -> None:
    graph = rg.Graph.from_json(
        '{"format": 1, "name": "g", "inputs": {"mix": {"type": "audio"}},'
        ' "nodes": {"gain": {"type": "gain", "inputs": {"audio": "$mix"}}},'
        ' "outputs": {"out": "gain"}}'
    )
    other = graph.input("other", Audio)
    graph.output("more", graph.add(gain)(other, gain_db=-6))
    assert list(graph.document.nodes) == ["gain", "gain_2"]
    graph.check(["mix", "other"])


def test_the_document_is_a_copy() -> None:
    graph = rg.Graph("g")
    graph.input("mix", Audio)
    graph.document.inputs.clear()
    assert list(graph.document.inputs) == ["mix"]


def test_nodes_keep_their_promises_in_a_built_graph_as_well() -> None:
    graph = rg.Graph("g")
    halves = graph.add(picky)(graph.input("mix", Audio))
    graph.output("right", halves.right)
    with pytest.raises(GraphError, match="has no right side"):
        graph.check()
    raw = graph.add(store_as)(halves.left, suffix=".raw")
    graph.output("raw", raw)
    assert "store_as" in graph.document.nodes


def test_what_a_check_found_is_said_of_that_graph_and_call_alone() -> None:
    graph = rg.Graph("level")
    mix = graph.input("mix", Audio)
    level = graph.param("level_db", int, default=-6)
    quiet = graph.add(gain, "quiet")(mix, gain_db=level)
    graph.output("quiet", quiet)
    assert list(graph.check(["mix"], {"level_db": 1}).steps) == ["quiet"]
    for inputs, params in (([], {"level_db": 1}), (["mix"], {"level_db": True}),
                           (["mix"], {"level_db": 1.0})):  # fmt: skip
        with pytest.raises(GraphError):
            graph.check(inputs, params)
    graph.output("loud", graph.add(gain, "loud")(quiet, gain_db=6))
    assert list(graph.check(["mix"], {"level_db": 1}).steps) == ["quiet", "loud"]
    assert list(graph.check(["mix"], {"level_db": 1}, outputs=["quiet"]).needed) == ["quiet"]

    def found(value: int) -> Any:
        steps = graph.check(["mix"], {"level_db": value % 50}).steps
        return steps["quiet"].plain_params["gain_db"]

    changed: Any = graph.check(["mix"], {"level_db": 1})
    for what in (changed.steps, changed.inputs, changed.outputs):
        with pytest.raises(TypeError, match="does not support item deletion"):
            del what[next(iter(what))]

    with ThreadPoolExecutor(8) as threads:  # more calls than are remembered
        assert list(threads.map(found, range(300))) == [value % 50 for value in range(300)]


def test_a_graph_is_run_while_another_thread_adds_to_it() -> None:
    graph = rg.Graph("growing")
    x = graph.input("x", float)
    wire = graph.add(tick, "n0")(x)
    graph.output("y", wire)

    def grow() -> None:
        wire = x
        for number in range(1, 100):
            wire = graph.add(tick, f"n{number}")(wire)
            graph.output(f"y{number}", wire)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(2) as threads:
            growing = threads.submit(grow)
            while not growing.done():
                assert '"n0"' in graph.to_json()
                assert "n0" in graph.document.nodes
                assert "n0" in repr(graph)
                result = graph.run({"x": 1.0}, store=False)
                ran = result.provenance
                outputs = ran["graph"]["outputs"]
                assert list(outputs) == list(result)
                assert set(outputs.values()) <= ran["nodes"].keys()
            growing.result()
    finally:
        sys.setswitchinterval(interval)
    assert list(graph.run({"x": 1.0}, store=False))[-1] == "y99"


def test_nodes_that_threads_add_without_a_name_have_a_name_each() -> None:
    graph, part = rg.Graph("crowded"), rg.Graph("part")
    part.output("y", part.add(tick)(part.input("x", float)))
    x = graph.input("x", float)

    def grow(number: int) -> None:
        for _ in range(20):
            graph.add(tick)(x)
            graph.add(part)(x)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as threads:
            for grown in [threads.submit(grow, number) for number in range(8)]:
                grown.result()
    finally:
        sys.setswitchinterval(interval)
    assert len(graph.document.nodes) == 2 * 8 * 20


@node()
def tick(x: float) -> float:
    return x + 1
