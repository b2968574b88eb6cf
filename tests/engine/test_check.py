from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resonate_graph as rg
from resonate_graph import Audio, GraphError, Problem
from tests import toy_nodes
from tests.marks import marked

TONE = Audio(np.ones((2, 4)), 8000)


def load(text: str) -> rg.Graph:
    return rg.Graph.from_json(text, source="graph.json", nodes=[toy_nodes.MODULE])


def graph(nodes: dict[str, Any], outputs: dict[str, str], **more: Any) -> rg.Graph:
    """A graph with an input `x` of audio, on one line."""
    document = {"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}}, **more}
    return load(json.dumps({**document, "nodes": nodes, "outputs": outputs}))


def problems_of(graph: rg.Graph, **call: Any) -> tuple[Problem, ...]:
    with pytest.raises(GraphError) as caught:
        graph.check(**call)
    return caught.value.problems


def only(graph: rg.Graph, **call: Any) -> Problem:
    (problem,) = problems_of(graph, **call)
    return problem


def assert_places(
    text: str, *expected: tuple[str, str], inputs: Collection[str] | None = None, **call: Any
) -> tuple[Problem, ...]:
    """Assert that a text has these problems (code, pointer), at the places marked in it."""
    plain, places = marked(text)
    problems = problems_of(load(plain), inputs=inputs, **call)
    assert [(one.code, one.pointer) for one in problems] == list(expected)
    assert [(one.line, one.column) for one in problems] == places
    return problems


# -- all at once -------------------------------------------------------------------------------


def test_five_problems_of_five_kinds_are_one_answer() -> None:
    text = """{
      "format": 1, "name": "five", "description": "größer",
      "inputs": {"mix": {"type": "audio"}, ‸"reference": {"type": "audio"}},
      "nodes": {
        "hush":  {"type": ‸"gatee", "inputs": {"audio": "$mix"}},
        "split": {"type": "sides", "inputs": {"audio": "hush"}},
        "first": {"type": "scale", "inputs": {"audio": ‸"split.leftt"}, "params": {"factor": 1}},
        "loud":  {"type": "scale", "inputs": {"audio": "split.left"}, "params": {"factor": ‸80}},
        ‸"ring":  {"type": "total", "inputs": {"tracks": ["loud", "back"]}},
        "back":  {"type": "scale", "inputs": {"audio": "ring"}},
        "match": {"type": "total", "inputs": {"tracks": ["back", "$reference"]}}
      },
      "outputs": {"a": "match", "b": "first"}
    }"""
    problems = assert_places(
        text,
        ("missing-binding", "/inputs/reference"),
        ("unknown-type", "/nodes/hush/type"),
        ("unknown-port", "/nodes/first/inputs/audio"),
        ("bad-param", "/nodes/loud/params/factor"),
        ("cycle", "/nodes/ring"),
        inputs=["mix"],
    )
    assert [one.message for one in problems] == [
        "input 'reference' (audio) is not bound: give it with -i reference=...",
        "no node type 'gatee'; did you mean 'gate'?",
        "'split' has no output 'leftt'; did you mean 'left'?",
        "factor: input should be less than or equal to 8, not 80",
        "these nodes feed each other in a circle: ring -> back -> ring",
    ]


def test_a_graph_that_is_right_has_no_problems() -> None:
    for name in rg.stock_graphs():
        rg.stock(name).check()


def test_problems_of_a_graph_built_in_python_have_a_pointer_but_no_line() -> None:
    graph = rg.Graph("g")
    audio = graph.input("x", Audio)
    graph.output("out", graph.add(toy_nodes.scale, "loud")(audio, factor=80.0))
    problem = only(graph)
    assert (problem.pointer, problem.line) == ("/nodes/loud/params/factor", None)
    assert str(problem) == (
        "/nodes/loud/params/factor: factor: input should be less than or equal to 8, not 80.0"
    )


def test_lines_of_the_text_are_void_once_the_graph_was_changed() -> None:
    graph = load('{"format": 1, "name": "g", "nodes": {"a": {"type": "nope"}}, "outputs": {}}')
    assert only(graph).line == 1
    graph.input("new", Audio)
    assert only(graph).line is None


def test_of_very_many_problems_the_first_are_told_and_the_others_counted() -> None:
    nodes = {f"n{number}": {"type": "scal"} for number in range(2_000)}
    found = graph(nodes, {"out": "nowhere", "in": "n2000"})
    with pytest.raises(GraphError) as caught:
        found.check()
    error = caught.value
    assert [one.pointer for one in error.problems] == [f"/nodes/n{n}/type" for n in range(100)]
    assert {one.message for one in error.problems} == {"no node type 'scal'; did you mean 'scale'?"}
    assert error.omitted == 1_902
    lines = str(error).splitlines()
    assert (lines[0], len(lines)) == ("graph.json: 2002 problems", 102)
    assert lines[-1] == "  and 1902 more"


def test_of_very_many_names_some_are_listed() -> None:
    nodes = {f"n{number}": {"type": "scale", "inputs": {"audio": "$x"}, "params": {"factor": 1}}
             for number in range(2_000)}  # fmt: skip
    listed = ", ".join(f"n{number}" for number in range(50))
    assert only(graph(nodes, {"out": "Q"})).message == f"no node 'Q'; there are: {listed}, ..."


# -- types -------------------------------------------------------------------------------------


def test_an_unknown_type_says_what_it_may_have_been() -> None:
    found = graph({"a": {"type": "seperate"}, "b": {"type": "zzzz"}}, {})
    assert [one.message for one in problems_of(found)] == [
        "no node type 'seperate'; did you mean 'separate'?",
        "no node type 'zzzz'",
    ]


def test_a_pinned_version_has_to_be_the_installed_one() -> None:
    nodes = {"a": {"type": "gain@1", "inputs": {"audio": "$x"}}}
    assert graph(nodes, {"out": "a"}).check().steps["a"].type.name == "gain"
    nodes["a"]["type"] = "gain@99"
    problem = only(graph(nodes, {"out": "a"}))
    assert (problem.code, problem.pointer) == ("wrong-version", "/nodes/a/type")
    assert "pinned to version 99; installed is version 1" in problem.message


# -- wiring ------------------------------------------------------------------------------------


def test_a_wire_to_nothing_says_what_is_there() -> None:
    text = """{"format": 1, "name": "g", "inputs": {"mix": {"type": "audio"}},
      "nodes": {
        "split": {"type": "sides", "inputs": {"audio": ‸"$mxi"}},
        "a": {"type": "total", "inputs": {"tracks": ["split.left", ‸"splitt.left", ‸"mix"]}}
      },
      "outputs": {"out": ‸"b", "side": "split.left"}}"""
    problems = assert_places(
        text,
        ("unknown-input", "/nodes/split/inputs/audio"),
        ("unknown-node", "/nodes/a/inputs/tracks/1"),
        ("unknown-node", "/nodes/a/inputs/tracks/2"),
        ("unknown-node", "/outputs/out"),
    )
    assert [one.message for one in problems] == [
        "no input 'mxi'; did you mean 'mix'?",
        "no node 'splitt'; did you mean 'split'?",
        "no node 'mix'; did you mean '$mix'?",
        "no node 'b'; there are: split, a, $mix",
    ]


def test_a_misspelt_input_port_is_one_problem_not_two() -> None:
    text = """{"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}},
      "nodes": {"a": {"type": "scale", "inputs": {‸"aduio": "$x"}}}, "outputs": {"out": "a"}}"""
    (problem,) = assert_places(text, ("unknown-port", "/nodes/a/inputs/aduio"))
    assert problem.message == "'scale' has no input 'aduio'; did you mean 'audio'?"


def test_a_missing_input_is_found_even_beside_an_unknown_one() -> None:
    text = """{"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}},
      "nodes": {
        "a": {"type": "scale", "inputs": ‸{‸"sidechain": "$x"}},
        "b": ‸{"type": "scale"},
        "c": {"type": "total", "inputs": ‸{"tracks": []}}
      },
      "outputs": {"out": "a"}}"""
    problems = assert_places(
        text,
        ("missing-input", "/nodes/a/inputs"),
        ("unknown-port", "/nodes/a/inputs/sidechain"),
        ("missing-input", "/nodes/b"),
        ("missing-input", "/nodes/c/inputs"),
    )
    assert problems[3].message == "input 'tracks' (list[audio]) of 'c' is not connected"


def test_an_optional_input_may_be_left_open() -> None:
    found = graph({"a": {"type": "total", "inputs": {"tracks": "$x"}}}, {"out": "a"})
    assert found.check().steps["a"].inputs["more"] == ()


def test_a_node_with_several_outputs_has_to_say_which() -> None:
    nodes = {"split": {"type": "sides", "inputs": {"audio": "$x"}}}
    problem = only(graph(nodes, {"out": "split"}))
    assert (problem.code, problem.pointer) == ("ambiguous-port", "/outputs/out")
    assert problem.message == "'split' has several outputs: say split.left, split.right"


def test_the_single_output_may_be_named() -> None:
    nodes = {"a": {"type": "scale", "inputs": {"audio": "$x"}}}
    assert graph(nodes, {"o": "a.out"}).check().outputs == graph(nodes, {"o": "a"}).check().outputs


def test_a_port_that_takes_one_wire_takes_no_list() -> None:
    nodes = {"a": {"type": "scale", "inputs": {"audio": ["$x"]}}}
    assert only(graph(nodes, {"out": "a"})).code == "not-a-list"


SOURCES = {
    "audio": "scale", "Peak": "peak", "LoudPeak": "loud_peak", "integer": "count",
    "boolean": "loud", "file": "store_as",
}  # fmt: skip


@pytest.mark.parametrize(("given", "type_name"), SOURCES.items())
@pytest.mark.parametrize(
    ("wanted", "port", "accepted"),
    [("audio", "audio", {"audio"}), ("Peak", "by", {"Peak", "LoudPeak"}),
     ("number", "target", {"integer"})],
)  # fmt: skip
def test_wires_have_to_fit(
    given: str, type_name: str, wanted: str, port: str, accepted: set[str]
) -> None:
    source = {"type": type_name, "inputs": {"audio": "$x"}}
    if type_name == "store_as":
        source["params"] = {"suffix": ".raw"}
    wires = {"audio": "$x", "by": "p", "target": "n", port: "source"}
    nodes = {
        "p": {"type": "peak", "inputs": {"audio": "$x"}},
        "n": {"type": "count", "inputs": {"audio": "$x"}},
        "source": source,
        "use": {"type": "normalize", "inputs": wires},
    }
    found = graph(nodes, {"out": "use"})
    if given in accepted:
        found.check()
    else:
        problem = only(found)
        assert (problem.code, problem.pointer) == (
            "wrong-port-type", f"/nodes/use/inputs/{port}"
        )  # fmt: skip
        assert problem.message == f"source gives {given}, input {port!r} takes {wanted}"


@pytest.mark.parametrize(
    ("kind", "port", "fits"),
    [("number", "target", True), ("integer", "target", True), ("string", "target", False),
     ("boolean", "target", False), ("audio", "target", False), ("number", "audio", False)],
)  # fmt: skip
def test_graph_inputs_have_to_fit_too(kind: str, port: str, fits: bool) -> None:
    wires = {"audio": "$x", "by": "p", "target": "n", port: "$y"}
    nodes = {
        "p": {"type": "peak", "inputs": {"audio": "$x"}},
        "n": {"type": "count", "inputs": {"audio": "$x"}},
        "use": {"type": "normalize", "inputs": wires},
    }
    inputs = {"x": {"type": "audio"}, "y": {"type": kind}}
    found = graph(nodes, {"out": "use"}, inputs=inputs)
    if fits:
        found.check()
    else:
        assert only(found).code == "wrong-port-type"


def test_each_circle_is_told_once_from_its_first_node() -> None:
    def scale(source: str) -> dict[str, Any]:
        return {"type": "scale", "inputs": {"audio": source}}

    nodes = {"z": scale("y"), "y": scale("x"), "x": scale("z"), "own": scale("own"),
             "behind": scale("x"), "fine": scale("$x")}  # fmt: skip
    found = problems_of(graph(nodes, {"out": "behind", "fine": "fine"}))
    assert [(one.code, one.pointer, one.message.split(": ")[1]) for one in found] == [
        ("cycle", "/nodes/z", "z -> x -> y -> z"),
        ("cycle", "/nodes/own", "own -> own"),
    ]


def test_of_a_large_circle_the_beginning_is_told() -> None:
    nodes = {
        f"n{number}": {
            "type": "scale",
            "inputs": {"audio": f"n{(number - 1) % 30}"},
            "params": {"factor": 1},
        }
        for number in range(30)
    }
    message = only(graph(nodes, {"out": "n3"})).message
    assert message.endswith(" -> n18 -> n19 -> 10 more -> n0")


def test_steps_come_in_an_order_that_runs_and_else_as_they_were_written() -> None:
    def scale(source: str) -> dict[str, Any]:
        return {"type": "scale", "inputs": {"audio": source}}

    nodes = {"d": scale("c"), "b": scale("$x"), "c": scale("a"), "a": scale("$x")}
    assert list(graph(nodes, {"out": "d"}).check().steps) == ["b", "a", "c", "d"]


# -- params ------------------------------------------------------------------------------------


def test_every_bad_param_is_found_at_its_place() -> None:
    text = """{"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}},
      "nodes": {
        "a": {"type": "scale", "inputs": {"audio": "$x"}, "params": {"factor": ‸"2", ‸"facter": 2}},
        "b": {"type": "total", "inputs": {"tracks": "$x"}, "params": {"weights": [1, ‸"2", ‸true]}},
        "c": {"type": "store_as", "inputs": {"audio": "$x"}, "params": ‸{}}
      },
      "outputs": {"out": "a"}}"""
    problems = assert_places(
        text,
        ("bad-param", "/nodes/a/params/factor"),
        ("unknown-param", "/nodes/a/params/facter"),
        ("bad-param", "/nodes/b/params/weights/1"),
        ("bad-param", "/nodes/b/params/weights/2"),
        ("missing-param", "/nodes/c/params/suffix"),
    )
    assert [one.message for one in problems] == [
        "factor: input should be a valid number, not '2'",
        "'scale' has no param 'facter'; did you mean 'factor'?",
        "weights.1: input should be a valid number, not '2'",
        "weights.2: input should be a valid number, not True",
        "'store_as' needs param 'suffix'",
    ]


def test_what_is_unknown_inside_of_a_param_is_found_and_says_what_was_meant() -> None:
    """Models of params that say nothing of unknown keys, as pydantic's do by default."""
    text = """{"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}},
      "nodes": {
        "a": {"type": "bend", "inputs": {"audio": "$x"}, "params": {"parts": [
          {"kind": "line", "slope": 1, ‸"colour": 2}, ‸{"kind": "step", ‸"att": 1}]}}
      },
      "outputs": {"out": "a"}}"""
    problems = assert_places(
        text,
        ("unknown-param", "/nodes/a/params/parts/0/colour"),
        ("missing-param", "/nodes/a/params/parts/1/at"),
        ("unknown-param", "/nodes/a/params/parts/1/att"),
    )
    assert problems[0].message == (
        "'bend' has no param 'parts.0.colour'; there are: kind, slope, at"
    )
    assert problems[2].message == "'bend' has no param 'parts.1.att'; did you mean 'at'?"


def test_a_param_of_several_types_has_one_problem_at_its_place() -> None:
    text = """{"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}},
      "nodes": {
        "a": {"type": "bend", "inputs": {"audio": "$x"}, "params": {"curve": [1, ‸"2"]}},
        "b": {"type": "bend", "inputs": {"audio": "$x"}, "params": {"curve": ‸"2"}},
        "c": {"type": "bend", "inputs": {"audio": "$x"}, "params": {"parts": [
          {"kind": "line", "slope": ‸"1"}, ‸{"kind": "arc"}, ‸{"kind": "step"}, ‸3]}}
      },
      "outputs": {"out": "a"}}"""
    problems = assert_places(
        text,
        ("bad-param", "/nodes/a/params/curve/1"),
        ("bad-param", "/nodes/b/params/curve"),
        ("bad-param", "/nodes/c/params/parts/0/slope"),
        ("bad-param", "/nodes/c/params/parts/1"),
        ("missing-param", "/nodes/c/params/parts/2/at"),
        ("bad-param", "/nodes/c/params/parts/3"),
    )
    assert problems[0].message == "curve.1: input should be a valid number, not '2'"
    assert problems[1].message == (
        "curve: input should be a valid array, or input should be a valid number, not '2'"
    )
    assert problems[4].message == "'bend' needs param 'parts.2.at'"


def scaled(params: dict[str, Any], value: Any = None, **more: Any) -> rg.Graph:
    """A graph whose one node takes the graph param `p` in its factor, or another value."""
    value = {"$param": "p"} if value is None else value
    node = {"type": "scale", "inputs": {"audio": "$x"}, "params": {"factor": value}}
    return graph({"a": node}, {"out": "a"}, params=params, **more)


def factor(graph: rg.Graph, **call: Any) -> Any:
    return graph.check(**call).steps["a"].plain_params["factor"]


def test_graph_params_reach_the_nodes_that_name_them() -> None:
    found = scaled({"p": {"type": "number", "default": 2}})
    assert factor(found) == 2.0
    assert factor(found, params={"p": -3.5}) == -3.5


def test_references_may_stand_inside_of_lists() -> None:
    node = {"type": "total", "inputs": {"tracks": ["$x", "$x"]},
            "params": {"weights": [{"$param": "p"}, 2]}}  # fmt: skip
    found = graph({"a": node}, {"out": "a"}, params={"p": {"type": "number", "default": 1}})
    assert found.check(params={"p": 5}).steps["a"].plain_params == {"weights": [5.0, 2.0]}


def test_references_to_nothing_are_found_in_place() -> None:
    text = """{"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}},
      "params": {"gain": {"type": "number"}},
      "nodes": {
        "a": {"type": "total", "inputs": {"tracks": "$x"},
              "params": {"weights": [1, ‸{"$param": "gian"}, ‸{"$param": "gain"}]}},
        "b": {"type": "scale", "inputs": {"audio": "$x"},
              "params": {"factor": ‸{"$param": "gain", "default": 1}}},
        "c": {"type": "scale", "inputs": {"audio": "$x"}, "params": {"factor": ‸{"$param": 1}}}
      },
      "outputs": {"out": "a"}}"""
    problems = assert_places(
        text,
        ("unknown-param", "/nodes/a/params/weights/1"),
        ("missing-param", "/nodes/a/params/weights/2"),
        ("bad-param", "/nodes/b/params/factor"),
        ("bad-param", "/nodes/c/params/factor"),
    )
    assert [one.message for one in problems] == [
        "no graph param 'gian'; did you mean 'gain'?",
        "graph param 'gain' has no value: give one",
        'a reference is {"$param": name} and nothing else',
        'a reference is {"$param": name} and nothing else',
    ]


def test_a_param_nobody_names_needs_no_value() -> None:
    scaled({"unused": {"type": "number"}}, 1).check()


@pytest.mark.parametrize(
    ("spec", "value", "said"),
    [
        ({"type": "number"}, "2", "'2' is no number"),
        ({"type": "number"}, True, "True is no number"),
        ({"type": "number"}, float("nan"), "nan is not finite"),
        ({"type": "number", "minimum": 0}, -1, "-1 is below the minimum 0"),
        ({"type": "number", "maximum": 1.5}, 2, "2 is above the maximum 1.5"),
        ({"type": "integer"}, 1.0, "1.0 is no integer"),
        ({"type": "string"}, 1, "1 is no string"),
        ({"type": "boolean"}, 1, "1 is no boolean"),
        ({"type": "integer", "enum": [1, 2]}, 3, "3 is none of 1, 2"),
    ],
)
def test_values_of_graph_params_are_checked(spec: dict[str, Any], value: Any, said: str) -> None:
    problem = only(scaled({"p": spec}), params={"p": value})
    assert (problem.code, problem.pointer, problem.message) == ("bad-param", "/params/p", said)


def test_a_default_is_checked_as_any_value() -> None:
    problem = only(scaled({"p": {"type": "number", "default": 5, "maximum": 4}}))
    assert problem.message == "the default 5 is above the maximum 4"


@pytest.mark.parametrize("kind", ["string", "boolean"])
def test_only_numbers_have_a_minimum_and_maximum(kind: str) -> None:
    found = scaled({"p": {"type": kind, "minimum": 0, "maximum": 1}}, 1)
    assert [one.message for one in problems_of(found)] == [
        f"a {kind} has no minimum", f"a {kind} has no maximum"
    ]  # fmt: skip


def test_the_node_checks_what_a_graph_param_brings() -> None:
    problem = only(scaled({"p": {"type": "number"}}), params={"p": 80})
    assert problem.pointer == "/nodes/a/params/factor"
    assert problem.message == "factor: input should be less than or equal to 8, not 80"


def test_a_call_reaches_any_param_of_any_node() -> None:
    assert factor(scaled({}, 1), params={"a.factor": -2}) == -2.0
    assert factor(scaled({"p": {"type": "number"}}), params={"a.factor": 3}) == 3.0
    assert factor(scaled({"p": {"type": "number"}}), params={"a.factor": np.float32(0.5)}) == 0.5


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("a.facter", "unknown-param", "'scale' has no param 'facter'; did you mean 'factor'?"),
        ("aa.factor", "unknown-param", "no node 'aa' for param 'aa.factor'; did you mean 'a'?"),
        ("factor", "unknown-param", "no param 'factor'; did you mean 'a.factor'?"),
        ("a.", "unknown-param", "'scale' has no param ''"),
    ],
)
def test_an_override_of_nothing_says_what_was_meant(name: str, code: str, said: str) -> None:
    problem = only(scaled({}, 1), params={name: 1})
    assert problem.code == code
    assert problem.message.startswith(said)


@pytest.mark.parametrize("value", ["2", True, 9, float("nan"), None, object()])
def test_an_override_is_checked_as_any_value(value: Any) -> None:
    problem = only(scaled({}, 1), params={"a.factor": value})
    assert (problem.code, problem.pointer) == ("bad-param", "/nodes/a/params/factor")


def test_a_value_no_json_holds_is_found_before_anything_runs() -> None:
    found = graph({"a": {"type": "separate", "inputs": {"mix": "$x"}}}, {"out": "a.drums"})
    problem = only(found, params={"a.seed": 2**60})
    assert (problem.code, problem.pointer) == ("bad-param", "/nodes/a/params/seed")


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
