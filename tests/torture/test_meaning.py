"""Documents that mean the same have the same keys; documents that mean something else have others.

What a graph means is an expression: types, params and what goes into each port. An expression is
spelled as a document in one of very many ways. So two documents mean the same exactly where their
expressions are equal, whatever became of them in spelling.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resonate_graph._graph.bound import InputRef, PortRef, Source
from resonate_graph._graph.check import Call, check
from resonate_graph._graph.document import parse
from resonate_graph._graph.library import Library
from resonate_graph._graph.problems import Located
from resonate_graph._graph.subgraphs import flatten
from resonate_graph._node.catalog import Catalog
from resonate_graph._run.keys import step_key
from tests import toy_nodes

CATALOG = Catalog.installed().with_module(toy_nodes.MODULE)


@dataclass(frozen=True)
class Input:
    """What is bound to an input."""

    name: str


@dataclass(frozen=True)
class Apply:
    """A node over what goes into its ports; params as canonical JSON, with defaults."""

    type: str
    params: tuple[tuple[str, str], ...]
    ports: tuple[tuple[str, tuple[Wire, ...]], ...]
    out: str = "out"


Wire: TypeAlias = "Input | Apply"
Draw: TypeAlias = random.Random

# -- expressions ----------------------------------------------------------------------------------

NUMBERS = (0.0, 1.0, -1.0, 2.0, 0.5, 0.1, 1 / 3, 1e-300, 7.999999999999999, 8.0)
ANYTHING = (None, True, False, 0, 1, 1.5, "", "0", "1", "1.0", "true", "null", "\u00c4", "A\u0308")
PARAMS: dict[str, dict[str, tuple[Any, ...]]] = {
    "scale": {"factor": (1.0, *NUMBERS)},
    "sides": {},
    "total": {"weights": ([], [1.0], [1.0, 0.5], [0.5, 1.0])},
    "tag": {
        "value": ANYTHING,
        "amount": (1.0, *NUMBERS, 1e300),
        "whole": (0, 1, -1, 2**53 - 1),
        "names": (None, {}, {"a": 1.0}, {"b": 1.0}, {"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 1.0}),
    },
    "bend": {"curve": (1.0, 2.0, [1.0], [1.0, 2.0]), "parts": (None, [])},
}  # the first of each is the default


def expression(draw: Draw, depth: int) -> Wire:
    """Return any expression."""
    if depth == 0 or draw.random() < 0.2:
        return Input(draw.choice("xyz"))
    kind = draw.choice(list(PARAMS))
    params = tuple(
        (name, canonical(draw.choice(values) if draw.random() < 0.6 else values[0]))
        for name, values in PARAMS[kind].items()
    )
    return Apply(kind, params, ports(draw, kind, depth), out_of(draw, kind))


def ports(draw: Draw, kind: str, depth: int) -> tuple[tuple[str, tuple[Wire, ...]], ...]:
    """Return something for each port of a type."""
    if kind != "total":
        return (("audio", (expression(draw, depth - 1),)),)
    tracks = [expression(draw, depth - 1) for _ in range(draw.randrange(1, 4))]
    more = [expression(draw, depth - 1)] if draw.random() < 0.3 else []
    return (("tracks", tuple(tracks)), ("more", tuple(more)))


def out_of(draw: Draw, kind: str) -> str:
    return draw.choice(("left", "right")) if kind == "sides" else "out"


def canonical(value: Any) -> str:
    """Tell apart what JSON tells apart: 1.0 is 1, but neither "1" nor true."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, dict):
        items = [f"{json.dumps(name)}:{canonical(item)}" for name, item in sorted(value.items())]
        return "{" + ",".join(items) + "}"
    return json.dumps(value)


def changed(draw: Draw, wire: Wire) -> Wire:
    """Return an expression that differs in one place; now and then in none."""
    if isinstance(wire, Input):
        return Input(draw.choice("xyz"))
    change = draw.choice((with_another_param, with_another_type, with_other_wires, deeper, deeper))
    return change(draw, wire)


def with_another_param(draw: Draw, wire: Apply) -> Wire:
    if not wire.params:
        return replace(wire, out=out_of(draw, wire.type))
    index = draw.randrange(len(wire.params))
    name, _ = wire.params[index]
    value = canonical(draw.choice(PARAMS[wire.type][name]))
    return replace(wire, params=replaced(wire.params, index, (name, value)))


def with_another_type(draw: Draw, wire: Apply) -> Wire:
    alike = ("scale", "tag", "bend")
    if wire.type not in alike:
        return wire
    kind = draw.choice(alike)
    defaults = tuple((name, canonical(values[0])) for name, values in PARAMS[kind].items())
    return replace(wire, type=kind, params=defaults)


def with_other_wires(draw: Draw, wire: Apply) -> Wire:
    """Turn the order of tracks round, or leave one out."""
    (port, wires), *more = wire.ports
    other = tuple(reversed(wires)) if draw.random() < 0.5 else wires[:-1] or wires
    return replace(wire, ports=((port, other), *more))


def deeper(draw: Draw, wire: Apply) -> Wire:
    """Change something further upstream."""
    index = draw.randrange(len(wire.ports))
    port, wires = wire.ports[index]
    if not wires:
        return wire
    one = draw.randrange(len(wires))
    inner = replaced(wires, one, changed(draw, wires[one]))
    return replace(wire, ports=replaced(wire.ports, index, (port, inner)))


def replaced(items: tuple[Any, ...], index: int, item: Any) -> tuple[Any, ...]:
    return (*items[:index], item, *items[index + 1 :])


# -- spelling -------------------------------------------------------------------------------------


class Spelling:
    """Writes an expression as a document, in one of the ways there are."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._names = iter(draw.sample(range(10_000), 500))
        self._nodes: dict[str, Any] = {}
        self._params: dict[str, Any] = {}
        self._written: dict[Apply, str] = {}

    def document(self, wire: Wire) -> str:
        """Return the document; what it means is wired to the output ``out``."""
        if isinstance(wire, Input):
            wire = Apply("scale", (("factor", "1"),), (("audio", (wire,)),))
        source = self._wire(wire)
        if self._draw.random() < 0.2:  # somebody else's work beside it
            self._wire(expression(self._draw, 1))
        document: dict[str, Any] = {
            "format": 1,
            "name": self._name(),
            "inputs": {name: {"type": "audio"} for name in "xyz"},
            "params": self._shuffled(self._params),
            "nodes": self._shuffled(self._nodes),
            "outputs": {"out": source},
        }
        if self._draw.random() < 0.3:
            document["ui"] = {"zoom": self._draw.random()}
        indent = self._draw.choice((None, 1, 4))
        return json.dumps(self._shuffled(document), indent=indent, ensure_ascii=indent == 1)

    def _wire(self, wire: Wire) -> str:
        if isinstance(wire, Input):
            return f"${wire.name}"
        twin = replace(wire, out="out")  # one node serves all its ports, or one each
        name = self._written.get(twin)
        if name is None or self._draw.random() < 0.3:
            name = self._written[twin] = self._node(wire)
        if wire.out == "out" and self._draw.random() < 0.5:
            return name
        return f"{name}.{wire.out}"

    def _node(self, wire: Apply) -> str:
        spec: dict[str, Any] = {"type": wire.type, "inputs": {}, "params": {}}
        for port, wires in wire.ports:
            texts = [self._wire(one) for one in wires]
            alone = len(texts) == 1 and (port != "tracks" or self._draw.random() < 0.5)
            if texts:
                spec["inputs"][port] = texts[0] if alone else texts
        for index, (name, text) in enumerate(wire.params):
            value = json.loads(text)
            is_default = text == canonical(PARAMS[wire.type][name][0])
            if not is_default or self._draw.random() < 0.5:
                spec["params"][name] = self._value(value, wire.type, name, index)
        for part in ("inputs", "params"):
            spec[part] = self._shuffled(spec[part])
        if self._draw.random() < 0.2:
            spec["ui"] = {"x": self._draw.randrange(100)}
        if self._draw.random() < 0.2:
            spec["device"] = self._draw.choice((["cpu"], ["cuda", "cpu"]))
        name = self._name()
        self._nodes[name] = self._shuffled(spec)
        return name

    def _value(self, value: Any, kind: str, name: str, index: int) -> Any:
        spelt = self._number(value, whole=name == "whole")
        plain = isinstance(value, (bool, int, float, str))
        if plain and self._draw.random() < 0.2:
            types = {bool: "boolean", str: "string", int: "number", float: "number"}
            kind = "integer" if name == "whole" else types[type(value)]
            by = self._name()
            self._params[by] = {"type": kind, "default": spelt}
            return {"$param": by}
        return spelt

    def _number(self, value: Any, *, whole: bool) -> Any:
        """Write whole numbers as integers or not, and zero with either sign."""
        if isinstance(value, list):
            return [self._number(item, whole=whole) for item in value]
        if isinstance(value, dict):
            items = {key: self._number(item, whole=whole) for key, item in value.items()}
            return self._shuffled(items)
        if type(value) is int and not whole and self._draw.random() < 0.5:
            return -0.0 if value == 0 and self._draw.random() < 0.5 else float(value)
        return value

    def _shuffled(self, items: dict[str, Any]) -> dict[str, Any]:
        return dict(self._draw.sample(list(items.items()), len(items)))

    def _name(self) -> str:
        return f"{self._draw.choice(('n', 'node-', '_', 'Z'))}{next(self._names)}"


# -- keys -----------------------------------------------------------------------------------------


def key_of(text: str) -> str:
    """Return what an output would be kept under, if every step gave something else."""
    flat = flatten(parse(text, "graph"), Located("graph", text), Library())
    graph = check(flat, CATALOG, Call())
    contents: dict[Source, str] = {InputRef(name): digest(f"input {name}") for name in "xyz"}
    for name in graph.needed:
        step = graph.steps[name]
        inputs = {
            port: tuple(contents[source] for source in sources)
            for port, sources in step.inputs.items()
        }
        key = step_key(step, inputs, {}).hex
        for port in graph.wanted_ports[name]:
            contents[PortRef(name, port)] = digest(f"{key} {port}")
    return contents[graph.outputs["out"]]


def digest(text: str) -> str:
    return blake3(text.encode()).hexdigest()


# -- the promise ----------------------------------------------------------------------------------


def test_keys_are_equal_exactly_where_documents_mean_the_same(torture: bool) -> None:
    count = {True: 0, False: 0}

    @settings(
        max_examples=50_000 if torture else 300,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**64))
    def promise(seed: int) -> None:
        draw = random.Random(seed)
        one = expression(draw, depth=4)
        other = one
        for _ in range(draw.choice((0, 1, 1, 2))):
            other = changed(draw, other)
        documents = [Spelling(draw).document(wire) for wire in (one, other)]
        keys = [key_of(text) for text in documents]
        assert (keys[0] == keys[1]) is (one == other), "\n".join(documents)
        count[one == other] += 1

    promise()
    assert min(count.values()) > (5_000 if torture else 30)
