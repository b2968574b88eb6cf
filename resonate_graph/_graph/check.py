"""Checking: document and catalog become a bound graph, or all their problems at once.

Whatever can be known without running is found here: types, ports, wiring, cycles, params and
their ranges, bindings, and what a node's own `prepare` hook can tell (stems a model lacks).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from pydantic import BaseModel

from .._base.dag import Dag
from .._base.errors import (
    CatalogError,
    GraphError,
    MissingModelError,
    ModelError,
    NodeError,
    ParamError,
    Problem,
)
from .._base.near_names import did_you_mean, instead
from .._node.catalog import Catalog
from .._node.declaration import NodeType, Preparation
from .._node.ports import Port, PortType, scalar_type
from .._node.values import plain_json
from .bound import BoundGraph, InputRef, PortRef, Source, Step, dependencies
from .document import GraphDocument, NodeSpec, read
from .idle import idle
from .library import Library
from .offers import Offers
from .param_check import ParamCheck
from .positions import join, node_of
from .problems import Located, Problems
from .subgraphs import Flat, flatten
from .wires import NOWHERE

#: How many nodes of a circle are named.
_SHOWN = 20

#: How much alike names are, from 0 to 1, where nothing else than one of them was meant.
_SURELY_MEANT = 0.75

#: What is said of a type of node that nobody knows, and that is like none.
_OWN_NODES = "; a module or file with nodes of your own is named with `nodes=[...]`"


@dataclass(frozen=True)
class Call:
    """What a caller brings to a graph besides files.

    Attributes:
        params: graph params by name, and node params as ``node.param``.
        inputs: the names of the inputs that are bound; None where bindings do not matter yet.
        outputs: the outputs that are wanted; None for all.
        models: the folder of model weights.
        verify: whether weights are compared with their checksums.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Collection[str] | None = None
    outputs: Collection[str] | None = None
    models: Path | None = None
    verify: bool = False

    @property
    def key(self) -> tuple[object, ...] | None:
        """What tells calls apart; None where values are no plain JSON, or weights are read."""
        try:
            params = json.dumps(self.params)
        except (TypeError, ValueError):
            return None
        names = (None if one is None else frozenset(one) for one in (self.inputs, self.outputs))
        return None if self.verify else (params, self.models, *names)


def check(flat: Flat, catalog: Catalog, call: Call) -> BoundGraph:
    """Return the bound graph of a document, with all that it uses spelled out.

    Raises:
        GraphError: with every problem, each with its place, in document order.
    """
    return _Check(flat, catalog, call).bind()


def parse_checked(text: str, source: str, catalog: Catalog, library: Library) -> GraphDocument:
    """Read a graph file's text; where something is wrong with its form, check the rest as well.

    Args:
        text: the JSON text.
        source: the file's name, for messages.
        catalog: the node types there are.
        library: where the graphs are that it uses.

    Raises:
        GraphError: something is wrong with its form: with every problem of form, and with every
            other that can be seen beside them.
    """
    located = Located(source, text)
    reading = read(text, located)
    if not reading.problems:
        return reading.document
    said = reading.vague | {one.pointer for one in reading.problems}
    odd_nodes = {"/".join(one.split("/")[:3]) for one in said if one.startswith("/nodes/")}
    try:
        flat = flatten(reading.document, located, library)
    except GraphError:  # it would be too large
        raise GraphError(source, reading.problems) from None
    rest = _Check(flat, catalog, Call(), reading.vague)
    rest.look()
    others = [
        one
        for one in rest.problems.found
        if one.pointer not in said
        and not (one.code == "missing-input" and one.pointer.removesuffix("/inputs") in odd_nodes)
    ]
    raise GraphError(source, [*reading.problems, *others])


#: What is wired into each port of each node; None stands for what a wire does not find.
_Wires: TypeAlias = "Mapping[str, Mapping[str, tuple[Source | None, ...]]]"


class _Parts(NamedTuple):
    """What was found of each node, and of the outputs that are wanted."""

    wires: _Wires
    params: Mapping[str, BaseModel | None]
    outputs: Mapping[str, Source | None]
    encoders: Mapping[str, NodeType | None]
    order: Sequence[str]
    needed: Collection[str]


class _Check:
    def __init__(
        self, flat: Flat, catalog: Catalog, call: Call, vague: Collection[str] = ()
    ) -> None:
        self.flat = flat
        self.document = document = flat.document
        self.catalog = catalog
        self.call = call
        self.problems = Problems(flat.located)
        self.problems.include(flat.problems)
        self.vague = vague
        self.params = ParamCheck(document, catalog, call.params, self.problems, vague)
        self.types: dict[str, NodeType | None] = {}
        self.offers = Offers(flat, self.types)
        self.misfits: set[str] = set()  # wires that fit no input of a used graph
        self.doubts: list[Problem] = []

    def bind(self) -> BoundGraph:
        parts = self.look()
        self.problems.raise_any()
        wires, params = parts.wires, parts.params
        steps = {name: self._step(name, wires[name], params[name]) for name in parts.order}
        warnings = tuple(self._warnings(parts.needed))
        return self._bound(steps, parts.outputs, parts.encoders, warnings)

    def look(self) -> _Parts:
        """Find out what is wrong, and return what a graph is made of if nothing is."""
        self._check_call()
        self.params.check_graph()
        wanted = self._wanted_outputs()
        for name, spec in self.document.nodes.items():
            self.types[name] = self._type(name, spec)
        outputs = {
            name: self._source(wire, join("/outputs", name))
            for name, wire in self.document.outputs.items()
        }
        self._check_expected()
        wires = {name: self._inputs(name, spec) for name, spec in self.document.nodes.items()}
        params = {
            name: self.params.of_node(name, spec, self.types[name])
            for name, spec in self.document.nodes.items()
        }
        outputs = {name: source for name, source in outputs.items() if name in wanted}
        order = self._order(wires)
        encoders = {name: self._encoder(name, source) for name, source in outputs.items()}
        needed = self._needed(wanted)
        self._check_bindings(needed)
        self._ask_the_nodes(needed, wires, outputs, params)
        return _Parts(wires, params, outputs, encoders, order, needed)

    # -- the call -------------------------------------------------------------------------

    def _check_call(self) -> None:
        for name in self.call.inputs or ():
            if name not in self.document.inputs:
                hint = partial(instead, name, self.document.inputs)
                message, where = f"no input {name!r}", f"inputs[{name!r}]"
                self.problems.add("unknown-input", "", message, hint=hint, argument=where)

    def _wanted_outputs(self) -> set[str]:
        outputs = self.document.outputs
        if self.call.outputs is None:
            return set(outputs)
        for name in self.call.outputs:
            if name not in outputs:
                hint = partial(instead, name, outputs)
                message = f"no output {name!r}"
                self.problems.add("unknown-output", "", message, hint=hint, argument="outputs")
        return set(self.call.outputs)

    def _check_bindings(self, needed: Collection[str]) -> None:
        if self.call.inputs is None:
            return
        for name, spec in self.document.inputs.items():
            if f"${name}" in needed and name not in self.call.inputs:
                message = f"input {name!r} ({spec.type}) is not bound"
                message += f": give it with `inputs={{{name!r}: ...}}`"
                self.problems.add("missing-binding", join("/inputs", name), message, key=True)

    def _needed(self, wanted: Collection[str]) -> set[str]:
        """Return the nodes and ``$inputs`` that the wanted outputs depend on.

        It goes by the names alone, so it holds for a graph that is not right as well.
        """
        outputs = self.document.outputs
        waiting = [wire for name, wire in outputs.items() if name in wanted]
        seen: set[str] = set()
        while waiting:
            name = waiting.pop().partition(".")[0]
            if name not in seen and (spec := self.document.nodes.get(name)):
                for wires in spec.inputs.values():
                    waiting.extend(wires if isinstance(wires, list) else [wires])
            seen.add(name)
        return seen

    # -- nodes --------------------------------------------------------------------------------

    def _type(self, name: str, spec: NodeSpec) -> NodeType | None:
        if self.vague and join("/nodes", name, "type") in self.vague:
            return None
        try:
            node_type = self.catalog.get(spec.type)
        except CatalogError as error:
            self.problems.add("wrong-version", join("/nodes", name, "type"), str(error))
            return None
        if node_type is None:
            self.problems.add(
                "unknown-type",
                join("/nodes", name, "type"),
                f"no node type {spec.type!r}",
                hint=partial(self._missing_type, spec.type),
            )
        return node_type

    def _missing_type(self, name: str) -> str:
        """Return what is to be said of a type of node that nobody knows."""
        if why := self.catalog.why_missing(name):
            return why
        near = self.catalog.near(name)
        likeness = [difflib.SequenceMatcher(a=one, b=name).ratio() for one in near]
        own = "" if max(likeness, default=0) >= _SURELY_MEANT else _OWN_NODES
        return did_you_mean(near) + own

    def _inputs(self, name: str, spec: NodeSpec) -> dict[str, tuple[Source | None, ...]]:
        node_type = self.types[name]
        pointer = join("/nodes", name, "inputs")
        found: dict[str, tuple[Source | None, ...]] = {}
        if pointer in self.vague:
            return found
        for port_name, given in spec.inputs.items():
            place = join(pointer, port_name)
            port = node_type.input(port_name) if node_type else None
            if port is None and node_type is not None:
                known = [one.name for one in node_type.inputs]
                message = f"{spec.type!r} has no input {port_name!r}"
                hint = partial(node_type.instead, port_name, known)
                self.problems.add("unknown-port", place, message, hint=hint, key=True)
            if not isinstance(given, list):
                found[port_name] = (self._source(given, place, port),)
                continue
            if port and not port.many:
                message = f"input {port_name!r} takes one wire, not a list"
                self.problems.add("not-a-list", place, message)
            found[port_name] = tuple(
                self._source(wire, join(place, index), port) for index, wire in enumerate(given)
            )
        for port in node_type.inputs if node_type else ():
            if found.get(port.name):
                continue
            if not port.optional and not self._misspelt(port.name, spec, node_type):
                message = f"input {port.name!r} ({port}) of {name!r} is not connected"
                where = pointer if spec.inputs else join("/nodes", name)
                hint = partial(self.offers.instead, name, port.type)
                self.problems.add("missing-input", where, message, hint=hint)
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
        if pointer in self.vague:
            return None
        if wire.startswith("$"):
            return self._input_source(wire[1:], pointer, port)
        return None if wire == NOWHERE else self._node_source(wire, pointer, port)

    def _written(self, pointer: str) -> str:
        """Return where it is written what a wire comes from."""
        return self.flat.written.get(pointer, pointer)

    def _node_source(self, wire: str, pointer: str, port: Port | None) -> Source | None:
        node = wire.partition(".")[0]
        if node not in self.document.nodes and "/nodes" not in self.vague:
            message = f"no node {node!r}"
            way, slash, own = node.rpartition("/")
            inputs = (f"${name}" for name in self.document.inputs if not way)
            known = self.flat.siblings.get(way + slash, ())
            hint = partial(instead, own, chain(known, inputs))
            self.problems.add("unknown-node", self._written(pointer), message, hint=hint)
        node_type = self.types.get(node)
        return None if node_type is None else self._output_source(wire, node_type, pointer, port)

    def _output_source(
        self, wire: str, node_type: NodeType, pointer: str, port: Port | None
    ) -> Source | None:
        node, _, port_name = wire.partition(".")
        outputs = node_type.outputs
        if not port_name and len(outputs) > 1:
            names = [one.name for one in outputs]
            own = node.rpartition("/")[2]
            choices = ", ".join(f"{own}.{name}" for name in names)
            message = f"{node!r} has several outputs: say {choices}"
            self.problems.add("ambiguous-port", self._written(pointer), message)
            return None
        output = node_type.output(port_name) if port_name else outputs[0]
        if output is None:
            names = [one.name for one in outputs]
            message = f"{node!r} has no output {port_name!r}"
            hint = partial(node_type.instead, port_name, names)
            self.problems.add("unknown-port", self._written(pointer), message, hint=hint)
            return None
        self._fits(wire, output.type, pointer, port)
        return PortRef(node, output.name)

    def _input_source(self, name: str, pointer: str, port: Port | None) -> Source | None:
        spec = self.document.inputs.get(name)
        if not {"/inputs", join("/inputs", name)}.isdisjoint(self.vague):
            return None
        if spec is None:
            hint = partial(instead, name, self.document.inputs)
            where = self._written(pointer)
            self.problems.add("unknown-input", where, f"no input {name!r}", hint=hint)
            return None
        self._fits(f"${name}", scalar_type(spec.type), pointer, port)
        return InputRef(name)

    def _check_expected(self) -> None:
        """Check the types of what goes into the graphs that are used."""
        for way, name, type_name in self.flat.unconnected:
            message = f"input {name!r} ({type_name}) of {way!r} is not connected"
            hint = partial(self.offers.instead, way, scalar_type(type_name))
            self.problems.add("missing-input", join("/nodes", way), message, hint=hint)
        for wire, type_name, pointer in self.flat.expected:
            source = self._source(wire, pointer)
            kind = scalar_type(type_name) if type_name else None
            if source is not None and kind and not kind.accepts(self._type_of(source)):
                self.misfits.add(wire)
                given = self._type_of(source).name
                message = f"{wire} gives {given}, this input takes {type_name}"
                hint = partial(self.offers.instead, node_of(pointer), kind, wire)
                self.problems.add("wrong-port-type", pointer, message, hint=hint)

    def _fits(self, wire: str, given: PortType, pointer: str, port: Port | None) -> None:
        if port is not None and not port.type.accepts(given):
            if wire in self.misfits and "/" in node_of(pointer):
                return  # it was said where it goes into the used graph
            message = f"{wire} gives {given.name}, input {port.name!r} takes {port.type.name}"
            hint = partial(self.offers.instead, node_of(pointer), port.type, wire)
            self.problems.add("wrong-port-type", pointer, message, hint=hint)

    def _order(self, wires: _Wires) -> list[str]:
        """Return the nodes in topological order: as they are written, as far as that is one."""
        if _are_in_order(wires):
            return list(wires)
        dag = dependencies({name: _all(ports) for name, ports in wires.items()})
        order = dag.in_order()
        if len(order) < len(dag):
            self._report_cycles(dag)
            return []
        return order

    def _report_cycles(self, dag: Dag[str]) -> None:
        import networkx as nx

        position = {name: index for index, name in enumerate(self.document.nodes)}
        for members in nx.strongly_connected_components(nx.DiGraph(dag.edges)):
            # a graph of its own keeps the document's order
            ordered = sorted(members, key=position.__getitem__)
            loop = nx.DiGraph((a, b) for a in ordered for b in dag.successors[a] if b in members)
            if loop.number_of_edges():
                self._report_cycle(nx.find_cycle(loop), position)

    def _report_cycle(self, edges: Iterable[Any], position: Mapping[str, int]) -> None:
        names = [edge[0] for edge in edges]
        first = min(names, key=position.__getitem__)
        turn = names.index(first)
        trip = [*names[turn:], *names[:turn]]
        shown = trip if len(trip) <= _SHOWN else [*trip[:_SHOWN], f"{len(trip) - _SHOWN} more"]
        message = f"these nodes feed each other in a circle: {' -> '.join([*shown, first])}"
        self.problems.add("cycle", join("/nodes", first), message, key=True)

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
            device=tuple(self.document.nodes[name].device or ()),
            references=self.params.references(name),
        )

    def _bound(
        self,
        steps: dict[str, Step],
        outputs: Mapping[str, Source | None],
        encoders: Mapping[str, NodeType | None],
        warnings: tuple[Problem, ...],
    ) -> BoundGraph:
        """Return the graph, with a step for each encoder that an output's suffix asks for."""
        ends: dict[str, Source] = {}
        for name, source in outputs.items():
            assert source is not None
            ends[name] = source
            if (encoder := encoders[name]) is not None:
                steps[name] = Step(
                    id=name,
                    type=encoder,
                    inputs={encoder.inputs[0].name: (source,)},
                    params=encoder.check_params({}),
                )
                ends[name] = PortRef(name, encoder.outputs[0].name)
        # a graph remembers it and gives it to whoever checks: nobody is to change it
        inputs = MappingProxyType(dict(self.document.inputs))
        return BoundGraph(
            self.document.name, MappingProxyType(steps), inputs, MappingProxyType(ends), warnings
        )

    def _warnings(self, needed: Collection[str]) -> Iterator[Problem]:
        """Yield what is no fault, but most likely not meant."""
        used = needed if self.call.outputs is None else self._needed(self.document.outputs)
        reached = {name.partition("/")[0] for name in used}
        for name in self.flat.siblings.get("", ()):
            if name not in reached:
                yield self._unused("node", name)
        for name in self.document.inputs:
            if f"${name}" not in used:
                yield self._unused("input", name)
        for what, name, pointer in idle(self.flat.source):
            yield self._unused(what, name, pointer)
        params = self.params.used_by(used)
        for name in self.document.params:
            if name not in params and "." not in name:  # else one of a graph that this one uses
                yield self._unused("param", name)
        yield from self.params.warnings(used)
        yield from self.doubts
        if self.call.outputs is not None:
            yield from self._idle_arguments(needed)

    def _unused(self, what: str, name: str, pointer: str = "") -> Problem:
        message = f"{what} {name!r} is used by nothing that an output needs"
        pointer = pointer or join(f"/{what}s", name)
        return self.problems.located.problem(f"unused-{what}", pointer, message, key=True)

    def _idle_arguments(self, needed: Collection[str]) -> Iterator[Problem]:
        """Yield what of the call the outputs that are wanted have no use for."""
        message = "the outputs that are wanted have no use for it"
        for name in self.call.inputs or ():
            if f"${name}" not in needed:
                yield Problem("unused-input", message, argument=f"inputs[{name!r}]")
        params = self.params.used_by(needed)
        for name in self.call.params:
            node, dot, _ = name.partition(".")
            if (node not in needed) if dot else (name not in params):
                yield Problem("unused-param", message, argument=f"params[{name!r}]")

    def _encoder(self, name: str, source: Source | None) -> NodeType | None:
        """Return the node type ``encode_flac`` for an audio output named ``song.flac``."""
        _, _, suffix = name.partition(".")
        if not suffix or source is None or self._type_of(source).name != "audio":
            return None
        encoder = self.catalog.types.get(f"encode_{suffix}")
        if encoder is None:
            known = [one.name.removeprefix("encode_") for one in self.catalog
                     if one.name.startswith("encode_")]  # fmt: skip
            why = self.catalog.why_missing(f"encode_{suffix}")
            message = f"no node writes .{suffix} files; there are: {', '.join(known)}{why}"
            self.problems.add("unknown-suffix", join("/outputs", name), message, key=True)
        return encoder

    def _type_of(self, source: Source) -> PortType:
        if isinstance(source, InputRef):
            return scalar_type(self.document.inputs[source.name].type)
        node_type = self.types[source.node]
        port = node_type.output(source.port) if node_type else None
        assert port is not None
        return port.type

    def _ask_the_nodes(
        self,
        needed: Collection[str],
        wires: _Wires,
        outputs: Mapping[str, Source | None],
        params: Mapping[str, BaseModel | None],
    ) -> None:
        """Let the nodes that are needed say what they know to be impossible."""
        able = [name for name, one in self.types.items() if one is not None and one.prepare]
        if not able:
            return
        ports: dict[str, set[str]] = {}
        for source in (*outputs.values(), *_all_of(wires, needed)):
            if isinstance(source, PortRef):
                ports.setdefault(source.node, set()).add(source.port)
        for name in able:
            given = params[name]
            if name in needed and given is not None:
                self._ask_the_node(name, given, frozenset(ports.get(name, ())))

    def _ask_the_node(self, name: str, params: BaseModel, wanted: frozenset[str]) -> None:
        node_type = self.types[name]
        if node_type is None or node_type.prepare is None:
            return

        def warn(message: str, param: str) -> None:
            self.doubts.append(self.params.doubt(name, message, param))

        question = Preparation(
            plain_json(params), wanted, self.call.models, verify=self.call.verify, warn=warn
        )
        try:
            node_type.prepared(question)
        except ParamError as error:
            self.params.add_fault(name, error)
        except NodeError as error:
            self.problems.add("impossible", join("/nodes", name), str(error))
        except MissingModelError:
            return  # weights that are not here yet are no fault of the graph
        except ModelError as error:
            self.problems.add("bad-model", join("/nodes", name), str(error))


def _are_in_order(wires: _Wires) -> bool:
    """Whether each node stands after all that it reads."""
    before: set[str] = set()
    for name, ports in wires.items():
        for source in _all(ports):
            if isinstance(source, PortRef) and source.node not in before:
                return False
        before.add(name)
    return True


def _all_of(wires: _Wires, names: Collection[str]) -> list[Source]:
    return [source for name, ports in wires.items() if name in names for source in _all(ports)]


def _all(ports: Mapping[str, tuple[Source | None, ...]]) -> list[Source]:
    return [source for sources in ports.values() for source in _present(sources)]


def _present(sources: Iterable[Source | None]) -> tuple[Source, ...]:
    return tuple(source for source in sources if source is not None)
