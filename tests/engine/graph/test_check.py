"""What `check` finds in a graph: types, ports, wires, circles; all at once."""

from __future__ import annotations

from typing import Any

import pytest

import resonate_graph as rg
from resonate_graph import Audio, GraphError
from tests import toy_nodes
from tests.engine.problems import assert_places, graph, load, only, problems_of
from tests.marks import marked

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
        "input 'reference' (audio) is not bound: give it with `inputs={'reference': ...}`",
        "no node type 'gatee'; did you mean 'gate'?",
        "'split' has no output 'leftt'; did you mean 'left'?",
        "factor: input should be less than or equal to 8, not 80",
        "these nodes feed each other in a circle: ring -> back -> ring",
    ]


def test_faults_of_form_do_not_hide_the_others() -> None:
    text = """{
      "format": 1, "name": ‸"nine and eight", ‸"colour": "red",
      "inputs": {"mix": {"type": "audio"}, "noise": {"type": ‸"sound"}, ‸"2nd": {"type": "audio"}},
      "params": {"loud": {"type": "number", "default": ‸3, "maximum": 0},
                 "odd": {"type": ‸"float"}},
      "nodes": {
        ‸"1st":  {"type": "scale", "inputs": {"audio": "$mix"}, "params": {"factor": ‸"$loud"}},
        "a":    {"type": ‸"scael", "inputs": {"audio": "$noise"}},
        "b":    {"type": "scale", "inputs": {‸"audoi": "$mix"}},
        "c":    {"type": "scale", "inputs": {"audio": ‸"$mxi"}, "params": {"factor": ‸80}},
        ‸"ring": {"type": "scale", "inputs": {"audio": "back"}, ‸"bypass": true},
        "back": {"type": "scale", "inputs": {"audio": "ring"}, "params": {"factor": ‸NaN}},
        "d":    ‸{"inputs": {"audio": "a"}},
        "e":    {"type": "scale", "inputs": {"audio": "d"},
                 "params": {"factor": {"$param": "odd"}}},
        "f":    ‸"scale",
        "g":    {"type": "scale", "inputs": "$mix"},
        ‸"g":    {"type": "scale", "inputs": {"audio": ‸"2nd"}}
      },
      "outputs": {"one": "b", "two": ‸"c.left", "three": ‸"1st", "four": ‸"hh", "five": "f"}
    }"""
    plain, places = marked(text)
    with pytest.raises(GraphError) as caught:
        load(plain)
    problems = caught.value.problems
    assert [(one.line, one.column) for one in problems] == places
    assert [one.code for one in problems] == [
        "bad-name", "unknown-key", "wrong-type", "bad-name", "bad-param", "wrong-type",
        "bad-name", "bad-param", "unknown-type", "unknown-port", "unknown-input", "bad-param",
        "cycle", "unknown-key", "not-finite", "missing-key", "wrong-type", "duplicate-key",
        "bad-name", "unknown-port", "bad-name", "unknown-node",
    ]  # fmt: skip


def test_a_graph_that_is_right_has_no_problems() -> None:
    for name in rg.stock_graphs():
        assert rg.stock(name).check().warnings == ()


def test_what_nothing_uses_is_warned_of() -> None:
    text = """{
      "format": 1, "name": "idle",
      "inputs": {"mix": {"type": "audio"}, ‸"other": {"type": "audio"}},
      "params": {"used": {"type": "number", "default": 1},
                 ‸"idle": {"type": "number", "default": 1}},
      "nodes": {
        "a": {"type": "scale", "inputs": {"audio": "$mix"},
              "params": {"factor": {"$param": "used"}}},
        ‸"b": {"type": "scale", "inputs": {"audio": "$other"},
              "params": {"factor": {"$param": "idle"}}}
      },
      "outputs": {"one": "a", "two": "$mix"}
    }"""
    plain, places = marked(text)
    found = load(plain).check()
    assert sorted((one.line, one.column) for one in found.warnings) == places
    assert {one.message for one in found.warnings} == {
        f"{what} is used by nothing that an output needs"
        for what in ("node 'b'", "input 'other'", "param 'idle'")
    }
    assert found.needed_inputs == ("mix",)


def test_of_a_call_is_warned_what_the_wanted_outputs_do_not_need() -> None:
    text = """{
      "format": 1, "name": "two", "inputs": {"mix": {"type": "audio"}, "other": {"type": "audio"}},
      "nodes": {
        "a": {"type": "scale", "inputs": {"audio": "$mix"}},
        "b": {"type": "scale", "inputs": {"audio": "$other"}}
      },
      "outputs": {"one": "a", "two": "b"}
    }"""
    found = load(text).check(["mix", "other"], params={"b.factor": 2}, outputs=["one"])
    said = "the outputs that are wanted have no use for it"
    assert [str(one) for one in found.warnings] == [
        f"inputs['other']: {said}", f"params['b.factor']: {said}"
    ]  # fmt: skip


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
        "no node type 'zzzz'; a module or file with nodes of your own is named with `nodes=[...]`",
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
    assert (
        problems[3].message
        == "input 'tracks' (list[audio]) of 'c' is not connected; audio here: $x, a, b"
    )


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
        message = f"source gives {given}, input {port!r} takes {wanted}"
        assert problem.message.startswith(f"{message}; {wanted} here: ")


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
