from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import resonate_graph as rg
from tests import toy_nodes


def total(sources: list[str]) -> dict[str, Any]:
    return {"type": "total", "inputs": {"tracks": sources}}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Wires of each node, and of the outputs; nodes are written in any order."""
    count = draw(st.integers(1, 8))
    names = [f"n{index}" for index in range(count)]
    wires = {}
    for index, name in enumerate(names):
        sources = [*names[:index], "$x", "$y"]
        wires[name] = draw(st.lists(st.sampled_from(sources), min_size=1, max_size=4))
    ends = draw(st.lists(st.sampled_from([*names, "$x"]), min_size=1, max_size=3))
    order = draw(st.permutations(names))
    return (
        {name: wires[name] for name in order},
        {f"out{index}": end for index, end in enumerate(ends)},
    )


def reached(wires: dict[str, list[str]], ends: list[str]) -> set[str]:
    """Everything that some ends depend on, themselves included."""
    found = set(ends)
    for end in ends:
        found |= reached(wires, wires.get(end, []))
    return found


@given(graphs())
def test_what_is_needed_is_what_the_outputs_reach(
    drawn: tuple[dict[str, list[str]], dict[str, str]],
) -> None:
    wires, outputs = drawn
    text = json.dumps(
        {
            "format": 1,
            "name": "g",
            "inputs": {"x": {"type": "audio"}, "y": {"type": "audio"}},
            "nodes": {name: total(sources) for name, sources in wires.items()},
            "outputs": outputs,
        }
    )
    bound = rg.Graph.from_json(text, nodes=[toy_nodes.MODULE]).check()
    expected = reached(wires, list(outputs.values()))
    assert {*bound.needed, *(f"${name}" for name in bound.needed_inputs)} == expected
    order = list(bound.steps)
    assert set(order) == set(wires)
    assert list(bound.needed) == [name for name in order if name in expected]
    for name, sources in wires.items():
        assert [str(source) for source in bound.steps[name].sources] == sources
        before = {source for source in sources if not source.startswith("$")}
        assert before <= set(order[: order.index(name)])
    assert bound.wanted_ports == {name: {"out"} for name in bound.needed}


def test_only_the_ports_that_somebody_uses_are_wanted() -> None:
    graph = rg.Graph("g")
    mix = graph.input("mix", rg.Audio)
    halves = graph.add(toy_nodes.sides, "split")(mix)
    graph.output("left", graph.add(toy_nodes.scale, "used")(halves.left))
    graph.output("right", graph.add(toy_nodes.scale, "other")(halves.right))
    assert graph.check().wanted_ports["split"] == {"left", "right"}
    assert graph.check(outputs=["right"]).wanted_ports == {"split": {"right"}, "other": {"out"}}


def test_a_very_long_chain_is_checked_without_recursion() -> None:
    nodes = {f"n{index}": total([f"n{index - 1}" if index else "$x"]) for index in range(5000)}
    text = json.dumps(
        {
            "format": 1,
            "name": "g",
            "inputs": {"x": {"type": "audio"}},
            "nodes": dict(reversed(nodes.items())),
            "outputs": {"out": "n4999"},
        }
    )
    bound = rg.Graph.from_json(text, nodes=[toy_nodes.MODULE]).check(["x"])
    assert list(bound.needed) == list(nodes)
