"""What `check` finds in params: of nodes, of the graph, and those a call overrides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import resonate_graph as rg
from tests.engine.problems import assert_places, graph, only, problems_of


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


def test_a_graph_param_in_place_of_all_params_is_found_at_its_place() -> None:
    text = """{"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}},
      "params": {"amount": {"type": "number", "default": 2}},
      "nodes": {
        "a": {"type": "scale", "inputs": {"audio": "$x"}, "params": ‸{"$param": "amount"}}
      },
      "outputs": {"out": "a"}}"""
    (problem,) = assert_places(text, ("bad-param", "/nodes/a/params"))
    assert problem.message.endswith('"NAME": {"$param": ...}')


def test_null_is_no_value_of_a_graph_param() -> None:
    params = {"factor": {"$param": "amount"}}
    nodes = {"a": {"type": "scale", "inputs": {"audio": "$x"}, "params": params}}
    given = graph(nodes, {"out": "a"}, params={"amount": {"type": "number", "default": 2}})
    assert str(only(given, params={"amount": None})) == "params['amount']: None is no number"


def test_what_is_unknown_inside_of_a_param_is_found_and_says_what_was_meant() -> None:
    """Models of params that say nothing of unknown keys, as pydantic's do by default."""
    text = """{"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}},
      "nodes": {
        "a": {"type": "bend", "inputs": {"audio": "$x"}, "params": {"parts": [
          {"kind": "line", "slope": 1, ‸"colour": 2}, {"kind": "step", ‸"att": 1}]}}
      },
      "outputs": {"out": "a"}}"""
    problems = assert_places(
        text,
        ("unknown-param", "/nodes/a/params/parts/0/colour"),
        ("unknown-param", "/nodes/a/params/parts/1/att"),
    )
    assert problems[0].message == (
        "'bend' has no param 'parts.0.colour'; there are: kind, slope, at"
    )
    assert problems[1].message == "'bend' has no param 'parts.1.att'; did you mean 'at'?"


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
        "graph param 'gain' has no value: give it with `params={'gain': ...}`",
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
        ({"type": "boolean"}, 1, "1 is no boolean: say true or false"),
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
    assert (problem.pointer, problem.line) == ("/nodes/a/params/factor", None)
    assert str(problem) == (
        "params['p']: a.factor: input should be less than or equal to 8, not 80"
    )


def test_what_a_call_brings_is_told_of_the_call_not_of_a_line() -> None:
    for spec, params, said in (
        ({"maximum": 0}, {"p": 3}, "params['p']: 3 is above the maximum 0"),
        (
            {},
            {"a.factor": 80},
            "params['a.factor']: input should be less than or equal to 8, not 80",
        ),
        ({}, {"q": 1}, "params['q']: no param 'q'; there are: p, a.factor"),
    ):
        problem = only(scaled({"p": {"type": "number", "default": 0, **spec}}), params=params)
        assert (str(problem), problem.line) == (said, None)


def test_a_graph_param_written_as_a_wire_is_told_how() -> None:
    hint = 'a param of the graph is written {"$param": "p"}'
    problem = only(graph(
        {"a": {"type": "scale", "inputs": {"audio": "$x"}, "params": {"factor": "$p"}}},
        {"out": "a"}, params={"p": {"type": "number", "default": 1}},
    ))  # fmt: skip
    assert problem.message.endswith(f"not '$p'; {hint}")
    found = graph(
        {"a": {"type": "store_as", "inputs": {"audio": "$x"}, "params": {"suffix": "$p"}}},
        {"out": "a"}, params={"p": {"type": "string", "default": "wav"}},
    ).check()  # fmt: skip
    codes = [(one.code, one.pointer) for one in found.warnings]
    assert codes == [("unused-param", "/params/p"), ("text-param", "/nodes/a/params/suffix")]
    assert found.warnings[1].message == f"suffix is the text '$p'; {hint}"


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
