"""Checking: document and catalog become a bound graph, or all their problems at once.

Whatever can be known without running is found here: types, ports, wiring, cycles, params and
their ranges, bindings, and what a node's own `prepare` hook can tell (stems a model lacks).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx
from pydantic import BaseModel, ValidationError

from ._catalog import Catalog
from ._document import GraphDocument, InputSpec, Located, NodeSpec, ParamSpec
from ._errors import CatalogError, GraphError, ModelError, NodeError, ParamError, Problem
from ._graph import BoundGraph, InputRef, PortRef, Source, Step, dependencies
from ._node import NodeType, Preparation
from ._positions import join
from ._types import Port, PortType, scalar_type

_SCALARS: Mapping[str, type | tuple[type, ...]] = {
    "number": (int, float),
    "integer": int,
    "string": str,
    "boolean": bool,
}


@dataclass(frozen=True)
class Call:
    """What a caller brings to a graph besides files.

    Attributes:
        params: graph params by name, and node params as ``node.param``.
        inputs: the names of the inputs that are bound; None where bindings do not matter yet.
        outputs: the outputs that are wanted; None for all.
        models: the folder of model weights.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Collection[str] | None = None
    outputs: Collection[str] | None = None
    models: Path | None = None


def check(document: GraphDocument, catalog: Catalog, call: Call, located: Located) -> BoundGraph:
    """Return the bound graph of a document.

    Raises:
        GraphError: with every problem, each with its place, in document order.
    """
    return _Check(document, catalog, call, located).bind()


class _Check:
    def __init__(
        self, document: GraphDocument, catalog: Catalog, call: Call, located: Located
    ) -> None:
        self.document = document
        self.catalog = catalog
        self.call = call
        self.located = located
        self.problems: list[Problem] = []
        self.types: dict[str, NodeType | None] = {}

    def bind(self) -> BoundGraph:
        self._check_call()
        values = self._graph_params()
        wanted = self._wanted_outputs()
        for name, spec in self.document.nodes.items():
            self.types[name] = self._type(name, spec)
        outputs = {
            name: self._source(wire, join("/outputs", name))
            for name, wire in self.document.outputs.items()
        }
        wires = {name: self._inputs(name, spec) for name, spec in self.document.nodes.items()}
        params = {
            name: self._params(name, spec, values) for name, spec in self.document.nodes.items()
        }
        order = self._order({name: _all(ports) for name, ports in wires.items()})
        self._check_bindings(wanted)
        self._raise_problems()
        steps = {name: self._step(name, wires[name], params[name]) for name in order}
        bound = BoundGraph(
            self.document.name,
            *self._with_encoders(
                steps, {name: source for name, source in outputs.items() if name in wanted}
            ),
        )
        for name in bound.needed:
            self._ask_the_node(bound.steps[name], bound.wanted_ports[name])
        self._raise_problems()
        return bound

    def _raise_problems(self) -> None:
        if self.problems:
            ordered = sorted(self.problems, key=lambda one: (one.line or 0, one.column or 0))
            raise GraphError(self.located.source, ordered)

    def _add(self, code: str, pointer: str, message: str, *, key: bool = False) -> None:
        self.problems.append(self.located.problem(code, pointer, message, key=key))

    # -- the call -------------------------------------------------------------------------

    def _check_call(self) -> None:
        for name in self.call.inputs or ():
            if name not in self.document.inputs:
                hint = _meant(name, self.document.inputs)
                self._add("unknown-input", "", f"no input {name!r}{hint}")
        for name in self.call.params:
            node, _, param = name.partition(".")
            if not param and name not in self.document.params:
                known = [*self.document.params, *self._all_params()]
                self._add("unknown-param", "", f"no param {name!r}{_meant(name, known)}")
            elif param and node not in self.document.nodes:
                hint = _meant(node, self.document.nodes)
                self._add("unknown-param", "", f"no node {node!r} for param {name!r}{hint}")

    def _all_params(self) -> list[str]:
        return [
            f"{node}.{param}"
            for node, spec in self.document.nodes.items()
            if (node_type := self.catalog.types.get(spec.type.partition("@")[0]))
            for param in node_type.params.model_fields
        ]

    def _wanted_outputs(self) -> set[str]:
        outputs = self.document.outputs
        if self.call.outputs is None:
            return set(outputs)
        for name in self.call.outputs:
            if name not in outputs:
                self._add(
                    "unknown-output", "/outputs", f"no output {name!r}{_meant(name, outputs)}"
                )
        return set(self.call.outputs)

    def _check_bindings(self, wanted: Collection[str]) -> None:
        if self.call.inputs is None:
            return
        for name in self._needed_inputs(wanted) - set(self.call.inputs):
            if spec := self.document.inputs.get(name):
                message = f"input {name!r} ({spec.type}) is not bound: give it with -i {name}=..."
                self._add("missing-binding", join("/inputs", name), message, key=True)

    def _needed_inputs(self, wanted: Collection[str]) -> set[str]:
        """Return the inputs the wanted outputs depend on, also in a graph that is not right."""
        outputs = self.document.outputs
        waiting = [wire for name, wire in outputs.items() if name in wanted]
        seen: set[str] = set()
        while waiting:
            name = waiting.pop().partition(".")[0]
            if name not in seen and (spec := self.document.nodes.get(name)):
                for wires in spec.inputs.values():
                    waiting.extend(wires if isinstance(wires, list) else [wires])
            seen.add(name)
        return {name.removeprefix("$") for name in seen if name.startswith("$")}

    # -- params of the graph ----------------------------------------------------------------

    def _graph_params(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, spec in self.document.params.items():
            pointer = join("/params", name)
            given = name in self.call.params
            value = self.call.params[name] if given else spec.default
            if value is None:
                if not self._only_reached_by_overrides(name):
                    self._add("missing-param", pointer, f"param {name!r} has no value: give one")
                continue
            if (fault := _fault(value, spec)) is not None:
                where = "" if given else "the default "
                self._add("bad-param", pointer, f"{where}{value!r} {fault}")
                continue
            values[name] = value
        return values

    def _only_reached_by_overrides(self, name: str) -> bool:
        return f'"$param": "{name}"' not in json.dumps(
            [spec.params for spec in self.document.nodes.values()]
        )

    # -- nodes --------------------------------------------------------------------------------

    def _type(self, name: str, spec: NodeSpec) -> NodeType | None:
        pointer = join("/nodes", name, "type")
        try:
            node_type = self.catalog.get(spec.type)
        except CatalogError as error:
            self._add("wrong-version", pointer, str(error))
            return None
        if node_type is None:
            hint = _did_you_mean(self.catalog.near(spec.type))
            self._add("unknown-type", pointer, f"no node type {spec.type!r}{hint}")
        return node_type

    def _inputs(self, name: str, spec: NodeSpec) -> dict[str, tuple[Source | None, ...]]:
        node_type = self.types[name]
        pointer = join("/nodes", name, "inputs")
        found: dict[str, tuple[Source | None, ...]] = {}
        for port_name, given in spec.inputs.items():
            place = join(pointer, port_name)
            port = node_type.input(port_name) if node_type else None
            if node_type and port is None:
                known = [one.name for one in node_type.inputs]
                message = f"{spec.type!r} has no input {port_name!r}{_meant(port_name, known)}"
                self._add("unknown-port", place, message, key=True)
            wires = given if isinstance(given, list) else [given]
            if port and isinstance(given, list) and not port.many:
                self._add("not-a-list", place, f"input {port_name!r} takes one wire, not a list")
            places = [join(place, index) if isinstance(given, list) else place
                      for index in range(len(wires))]  # fmt: skip
            found[port_name] = tuple(
                self._source(wire, where, port) for wire, where in zip(wires, places, strict=True)
            )
        for port in node_type.inputs if node_type else ():
            missing = not found.get(port.name) and not port.optional
            if missing and not self._misspelt(port.name, spec, node_type):
                message = f"input {port.name!r} ({port}) of {name!r} is not connected"
                self._add(
                    "missing-input", pointer if spec.inputs else join("/nodes", name), message
                )
            found.setdefault(port.name, ())
        return found

    @staticmethod
    def _misspelt(missing: str, spec: NodeSpec, node_type: NodeType | None) -> bool:
        """Whether a port that was reported as unknown most likely was meant to be this one."""
        if node_type is None:
            return True
        unknown = [name for name in spec.inputs if node_type.input(name) is None]
        return bool(difflib.get_close_matches(missing, unknown, n=1))

    def _source(self, wire: str, pointer: str, port: Port | None = None) -> Source | None:
        """Return what a wire refers to, or None after reporting why it refers to nothing."""
        if wire.startswith("$"):
            return self._input_source(wire[1:], pointer, port)
        node, _, port_name = wire.partition(".")
        if node not in self.document.nodes:
            known = [*self.document.nodes, *(f"${name}" for name in self.document.inputs)]
            self._add("unknown-node", pointer, f"no node {node!r}{_meant(node, known)}")
            return None
        node_type = self.types.get(node)
        if node_type is None:
            return None
        names = [one.name for one in node_type.outputs]
        if not port_name and len(names) > 1:
            choices = ", ".join(f"{node}.{name}" for name in names)
            self._add("ambiguous-port", pointer, f"{node!r} has several outputs: say {choices}")
            return None
        output = node_type.output(port_name or names[0])
        if output is None:
            message = f"{node!r} has no output {port_name!r}{_meant(port_name, names)}"
            self._add("unknown-port", pointer, message)
            return None
        self._fits(wire, output.type, pointer, port)
        return PortRef(node, output.name)

    def _input_source(self, name: str, pointer: str, port: Port | None) -> Source | None:
        spec = self.document.inputs.get(name)
        if spec is None:
            hint = _meant(name, self.document.inputs)
            self._add("unknown-input", pointer, f"no input {name!r}{hint}")
            return None
        self._fits(f"${name}", scalar_type(spec.type), pointer, port)
        return InputRef(name)

    def _fits(self, wire: str, given: PortType, pointer: str, port: Port | None) -> None:
        if port is not None and not port.type.accepts(given):
            message = f"{wire} gives {given.name}, input {port.name!r} takes {port.type.name}"
            self._add("wrong-port-type", pointer, message)

    def _params(self, name: str, spec: NodeSpec, values: Mapping[str, Any]) -> BaseModel | None:
        node_type = self.types[name]
        if node_type is None:
            return None
        pointer = join("/nodes", name, "params")
        given, failed = self._fill(spec.params, values, pointer)
        prefix = f"{name}."
        overrides = {
            key.removeprefix(prefix): value
            for key, value in self.call.params.items()
            if key.startswith(prefix)
        }
        if failed:
            return None
        try:
            return node_type.check_params({**given, **overrides})
        except ValidationError as error:
            known = list(node_type.params.model_fields)
            for entry in error.errors():
                self._bad_param(spec.type, pointer, known, entry)
            return None

    def _bad_param(self, type_id: str, pointer: str, known: list[str], entry: Any) -> None:
        path = [str(part) for part in entry["loc"]]
        place = join(pointer, *path)
        if entry["type"] == "extra_forbidden":
            hint = _meant(path[-1], known) if len(path) == 1 else ""
            message = f"{type_id!r} has no param {'.'.join(path)!r}{hint}"
            self._add("unknown-param", place, message, key=True)
        elif entry["type"] == "missing":
            message = f"{type_id!r} needs param {'.'.join(path)!r}"
            self._add("missing-param", place, message)
        else:
            message = f"{'.'.join(path)}: {_lower(entry['msg'])}, not {entry['input']!r}"
            self._add("bad-param", place, message)

    def _fill(self, value: Any, values: Mapping[str, Any], pointer: str) -> tuple[Any, bool]:
        """Put graph params where ``{"$param": name}`` stands; also say whether one was missing."""
        if isinstance(value, dict) and "$param" in value:
            name = value["$param"]
            if list(value) != ["$param"] or not isinstance(name, str):
                self._add("bad-param", pointer, 'a reference is {"$param": name} and nothing else')
                return None, True
            if name not in self.document.params:
                hint = _meant(name, self.document.params)
                self._add("unknown-param", pointer, f"no graph param {name!r}{hint}")
            return values.get(name), name not in values
        if isinstance(value, dict):
            items = {key: self._fill(item, values, join(pointer, key))
                     for key, item in value.items()}  # fmt: skip
            return (
                {key: item for key, (item, _) in items.items()},
                any(failed for _, failed in items.values()),
            )
        if isinstance(value, list):
            parts = [self._fill(item, values, join(pointer, index))
                     for index, item in enumerate(value)]  # fmt: skip
            return [item for item, _ in parts], any(failed for _, failed in parts)
        return value, False

    def _order(self, wires: Mapping[str, list[Source]]) -> list[str]:
        dag = dependencies(wires)
        try:
            position = {name: index for index, name in enumerate(self.document.nodes)}
            return list(nx.lexicographical_topological_sort(dag, key=position.__getitem__))
        except nx.NetworkXUnfeasible:
            for members in nx.strongly_connected_components(dag):
                loop = dag.subgraph(members)
                if loop.number_of_edges():
                    self._report_cycle(nx.find_cycle(loop))
            return []

    def _report_cycle(self, edges: Iterable[Any]) -> None:
        names = [edge[0] for edge in edges]
        first = min(names, key=list(self.document.nodes).index)
        turn = names.index(first)
        round_trip = [*names[turn:], *names[:turn], first]
        message = f"these nodes feed each other in a circle: {' -> '.join(round_trip)}"
        self._add("cycle", join("/nodes", first), message, key=True)

    # -- the result ---------------------------------------------------------------------------

    def _step(
        self, name: str, wires: Mapping[str, tuple[Source | None, ...]], params: BaseModel | None
    ) -> Step:
        node_type = self.types[name]
        assert node_type is not None
        assert params is not None
        return Step(
            id=name,
            type=node_type,
            inputs={port: _present(sources) for port, sources in wires.items()},
            params=params,
            plain_params=params.model_dump(mode="json"),
            device=tuple(self.document.nodes[name].device or ()),
        )

    def _with_encoders(
        self, steps: dict[str, Step], outputs: Mapping[str, Source | None]
    ) -> tuple[dict[str, Step], dict[str, InputSpec], dict[str, Source]]:
        """Give an audio output named ``song.flac`` the ``encode_flac`` node its suffix asks for."""
        final: dict[str, Source] = {}
        for name, source in outputs.items():
            assert source is not None
            final[name] = source
            _, _, suffix = name.partition(".")
            if not suffix or self._type_of(steps, source).name != "audio":
                continue
            pointer = join("/outputs", name)
            encoder = self.catalog.types.get(f"encode_{suffix}")
            if encoder is None:
                known = [one.name.removeprefix("encode_") for one in self.catalog
                         if one.name.startswith("encode_")]  # fmt: skip
                message = f"no node writes .{suffix} files; there are: {', '.join(known)}"
                self._add("unknown-suffix", pointer, message, key=True)
                continue
            params = encoder.check_params({})
            step = Step(
                id=name,
                type=encoder,
                inputs={encoder.inputs[0].name: (source,)},
                params=params,
                plain_params=params.model_dump(mode="json"),
            )
            steps[name] = step
            final[name] = PortRef(name, encoder.outputs[0].name)
        return steps, self.document.inputs, final

    def _type_of(self, steps: Mapping[str, Step], source: Source) -> PortType:
        if isinstance(source, InputRef):
            return scalar_type(self.document.inputs[source.name].type)
        port = steps[source.node].type.output(source.port)
        assert port is not None
        return port.type

    def _ask_the_node(self, step: Step, wanted: frozenset[str]) -> None:
        if step.type.prepare is None:
            return
        question = Preparation(step.plain_params, wanted, self.call.models)
        pointer = join("/nodes", step.id, "params")
        try:
            step.type.prepare(question)
        except ParamError as error:
            place = join(pointer, error.param) if error.param else pointer
            self._add("bad-param", place, str(error))
        except NodeError as error:
            self._add("impossible", join("/nodes", step.id), str(error))
        except ModelError:
            return  # weights that are not here yet are no fault of the graph


def _fault(value: Any, spec: ParamSpec) -> str | None:
    """Say what is wrong with a graph param's value, or None."""
    kind = _SCALARS[spec.type]
    number: Any = value
    if not isinstance(value, kind) or (isinstance(value, bool) and spec.type != "boolean"):
        return f"is no {spec.type}"
    if spec.minimum is not None and number < spec.minimum:
        return f"is below the minimum {spec.minimum}"
    if spec.maximum is not None and number > spec.maximum:
        return f"is above the maximum {spec.maximum}"
    if spec.enum is not None and value not in spec.enum:
        return f"is none of {', '.join(map(repr, spec.enum))}"
    return None


def _all(ports: Mapping[str, tuple[Source | None, ...]]) -> list[Source]:
    return [source for sources in ports.values() for source in _present(sources)]


def _present(sources: Iterable[Source | None]) -> tuple[Source, ...]:
    return tuple(source for source in sources if source is not None)


def _meant(name: str, known: Iterable[str]) -> str:
    names = list(known)
    if near := difflib.get_close_matches(name, names, n=2):
        return _did_you_mean(near)
    return f"; there are: {', '.join(names)}" if names else "; there are none"


def _did_you_mean(names: list[str]) -> str:
    return f"; did you mean {' or '.join(map(repr, names))}?" if names else ""


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
