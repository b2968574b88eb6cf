"""For authors: the schema, the canonical layout, what differs, what is migrated."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import resonate_graph as rg
from resonate_graph import Catalog, Graph, GraphError
from resonate_graph._graph.fixes import fixed
from resonate_graph._graph.layout import flow, layout
from resonate_graph._graph.migration import migrated
from tests import toy_nodes
from tests.depth import thorough

pytestmark = thorough

STOCK = {name: json.loads(text) for name, text in rg.stock_graphs().items()}

#: What the schema cannot see: it follows no wire and no reference, asks no node what it can do,
#: and does not compare a param's default with its bounds.
BEYOND_A_SCHEMA = {
    "ambiguous-port", "bad-for-each", "bad-model", "bad-param", "cycle", "impossible",
    "missing-input", "missing-param", "not-a-list", "unknown-graph", "unknown-input",
    "unknown-node", "unknown-param", "unknown-port", "unknown-suffix", "wrong-port-type",
}  # fmt: skip


# -- the schema ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = rg.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", STOCK)
def test_the_schema_accepts_stock_graphs(
    validator: jsonschema.Draft202012Validator, name: str
) -> None:
    assert [one.message for one in validator.iter_errors(STOCK[name])] == []
    assert validator.is_valid({"$schema": "./graph.schema.json", **STOCK[name]})


def test_every_node_has_a_branch_that_says_what_it_takes() -> None:
    schema = rg.schema()
    branches = schema["$defs"]["definition"]["properties"]["nodes"]["additionalProperties"]["anyOf"]
    pinned = [one for one in Catalog.installed() if one.version is not None]
    assert len(branches) == len(list(Catalog.installed())) + len(pinned) + 1
    gate = schema["$defs"]["node-gate"]["properties"]
    assert gate["type"]["const"] == "gate"
    threshold = gate["params"]["properties"]["threshold_db"]
    assert threshold["anyOf"][0] == {"maximum": 0, "minimum": -120, "type": "number"}
    assert threshold["default"] == -45
    assert threshold["description"].endswith("Unit: dB.")
    assert "title" not in json.dumps(schema["$defs"]["node-gate"])


def test_nodes_of_ones_own_are_in_the_schema() -> None:
    schema = rg.schema(nodes=[toy_nodes.MODULE])
    document = {
        "format": 1, "name": "own", "inputs": {"x": {"type": "audio"}},
        "nodes": {"a": {"type": "bend", "inputs": {"audio": "$x"},
                        "params": {"parts": [{"kind": "step", "at": {"$param": "p"}}]}}},
        "outputs": {"out": "a"},
    }  # fmt: skip
    assert jsonschema.Draft202012Validator(schema).is_valid(document)
    document["nodes"]["a"]["params"]["parts"][0]["kind"] = "stepp"  # type: ignore[index]
    assert not jsonschema.Draft202012Validator(schema).is_valid(document)


def test_the_schema_and_check_agree_on_broken_graphs(
    validator: jsonschema.Draft202012Validator, torture: bool
) -> None:
    """What the schema refuses of broken graphs check refuses; what it misses is listed."""
    draw, rounds = random.Random(20), 2000 if torture else 40
    missed: set[str] = set()
    refused = 0
    for _ in range(rounds):
        document = copy.deepcopy(draw.choice(list(STOCK.values())))
        broken(document, draw)
        codes = problems(document)
        if validator.is_valid(document):
            missed.update(codes)
        else:
            refused += 1
            assert codes, document
    assert missed <= BEYOND_A_SCHEMA, missed - BEYOND_A_SCHEMA
    assert refused > 0.3 * rounds


def problems(document: Any) -> list[str]:
    try:
        Graph.from_json(json.dumps(document)).check()
    except GraphError as error:
        return [one.code for one in error.problems]
    return []


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield value, key
        if isinstance(item, (dict, list)):
            yield from places(item)


def broken(document: dict[str, Any], draw: random.Random) -> None:
    """Do to a graph what people do to theirs."""
    where, key = draw.choice(list(places(document)))
    ways: list[Callable[[], Any]] = [
        lambda: where.pop(key),
        lambda: where.__setitem__(key, draw.choice([7, -1e9, "x", "no such", [], {}, None, True])),
        lambda: misspell(where, key, draw),
    ]
    draw.choice(ways)()


def misspell(where: Any, key: Any, draw: random.Random) -> None:
    if isinstance(key, str):
        at = draw.randrange(len(key))
        where[key[:at] + draw.choice("aeiou_") + key[at + 1 :]] = where.pop(key)
    elif isinstance(where[key], str):
        where[key] += "e"


# -- the layout ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STOCK)
def test_stock_graphs_stand_in_the_canonical_layout(name: str) -> None:
    assert layout(STOCK[name]) == rg.stock_graphs()[name]
    assert rg.stock(name).to_json() == rg.stock_graphs()[name]


@given(st.sampled_from(sorted(STOCK)), st.randoms(use_true_random=False))
def test_layout_keeps_the_meaning_and_is_stable(name: str, draw: random.Random) -> None:
    """Whatever order its keys were in, a graph comes out the same, but for a choice of the flow."""
    shuffled = shuffle(STOCK[name], draw)
    once = layout(shuffled)
    assert json.loads(once) == STOCK[name]
    assert layout(json.loads(once)) == once
    assert not Graph.from_json(once).differences(rg.stock(name))


def shuffle(value: Any, draw: random.Random) -> Any:
    if not isinstance(value, dict):
        return value
    items = [(key, shuffle(item, draw)) for key, item in value.items()]
    draw.shuffle(items)
    return dict(items)


def test_nodes_stand_as_sound_flows() -> None:
    nodes = {
        "end": {"inputs": {"tracks": ["b", "a.left"]}},
        "b": {"for_each": {"audio": {"k": "a.right"}}},
        "a": {"inputs": {"audio": "$x"}},
        "alone": {},
    }
    assert flow(nodes) == ["a", "b", "end", "alone"]
    circle = {"x": {"inputs": {"i": "y"}}, "y": {"inputs": {"i": "x"}}}
    assert flow(circle) == ["x", "y"]


# -- what differs ----------------------------------------------------------------------------------


def graph(**changes: Any) -> Graph:
    document = {
        "format": 1, "name": "g", "inputs": {"x": {"type": "audio"}},
        "params": {"amount": {"type": "number", "default": 2}},
        "nodes": {
            "a": {"type": "scale", "inputs": {"audio": "$x"}, "params": {"factor": 2}},
            "b": {"type": "scale", "inputs": {"audio": "a"},
                  "params": {"factor": {"$param": "amount"}}},
        },
        "outputs": {"out": "b"},
    }  # fmt: skip
    for pointer, value in changes.items():
        *way, last = pointer.split("__")
        where: Any = document
        for key in way:
            where = where[key]
        where[last] = value
    return Graph.from_json(json.dumps(document), nodes=[toy_nodes.MODULE])


def told(first: Graph, second: Graph) -> list[str]:
    return [str(one) for one in first.differences(second)]


def test_what_is_only_spelled_otherwise_is_no_difference() -> None:
    same = graph(
        name="other", description="d", nodes__a__ui={"x": 1}, nodes__a__params={"factor": 2.0},
        outputs={"out": "b.out"},
    )  # fmt: skip
    assert told(graph(), same) == []
    assert told(graph(nodes__a__params={"factor": 1}), graph(nodes__a__params={})) == []


def test_each_difference_is_told_once() -> None:
    assert told(graph(), graph(nodes__a__params={"factor": 3})) == ["node a: param factor 2 -> 3"]
    assert told(graph(), graph(nodes__b__inputs={"audio": "$x"})) == ["node b: input audio a -> $x"]
    assert told(graph(), graph(outputs={"out": "a"})) == ["output out: is b -> a"]
    assert told(graph(), graph(params__amount__default=1)) == ["param amount: default 2 -> 1"]
    more = graph(nodes__c={"type": "sides", "inputs": {"audio": "a"}}, outputs={"new": "b"})
    assert told(graph(), more) == [
        "node c: only in the second graph",
        "output out: only in the first graph",
        "output new: only in the second graph",
    ]


def test_a_chain_that_is_used_differs_where_its_nodes_do() -> None:
    chain = {
        "inputs": {"audio": {"type": "audio"}},
        "params": {"factor": {"type": "number", "default": 2}},
        "nodes": {"n": {"type": "scale", "inputs": {"audio": "$audio"},
                        "params": {"factor": {"$param": "factor"}}}},
        "outputs": {"out": "n"},
    }  # fmt: skip
    use = {"type": "graph", "graph": "chain", "inputs": {"audio": "$x"}}
    one = graph(graphs={"chain": chain}, nodes__a=use)
    other = graph(graphs={"chain": chain}, nodes__a={**use, "params": {"factor": 3}})
    assert told(one, other) == ["param a.factor: default 2 -> 3"]
    assert "node a/n: only in the second graph" in told(graph(), one)


# -- migrating -------------------------------------------------------------------------------------


def pinned(version: int) -> str:
    return json.dumps(
        {"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}}, "outputs": {"out": "a"},
         "nodes": {"a": {"type": f"dehum@{version}", "inputs": {"audio": "$x"}}}}
    )  # fmt: skip


def test_pins_of_older_versions_become_those_of_the_installed_ones() -> None:
    catalog = Catalog.installed()
    now = catalog.types["dehum"].version
    assert now is not None
    text, done = migrated(pinned(now - 1), "g.json", catalog)
    assert done == [f"node a: dehum@{now - 1} -> dehum@{now}"]
    Graph.from_json(text).check()
    assert migrated(text, "g.json", catalog) == (text, [])
    assert migrated(pinned(now + 1), "g.json", catalog) == (pinned(now + 1), [])


@given(st.sampled_from(sorted(STOCK)), st.randoms(use_true_random=False))
def test_migrating_and_mending_are_idempotent_and_keep_the_meaning(
    name: str, draw: random.Random
) -> None:
    document = copy.deepcopy(STOCK[name])
    catalog = Catalog.installed()
    for node in document["nodes"].values():
        if (known := catalog.types.get(node["type"])) and known.version and draw.random() < 0.7:
            node["type"] += f"@{draw.randint(max(known.version - 2, 1), known.version)}"
    text = layout(document)
    for bring in (migrated, fixed):
        once, _ = bring(text, "g.json", catalog)
        assert bring(once, "g.json", catalog) == (once, [])
        assert not Graph.from_json(once).differences(rg.stock(name))


def test_a_newer_format_is_refused_with_what_to_do() -> None:
    with pytest.raises(GraphError, match=r"format 2 is newer .*: install a newer one"):
        migrated('{"format": 2, "name": "g"}', "g.json", Catalog.installed())
