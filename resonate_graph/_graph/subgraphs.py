"""Graphs in graphs: a node that uses another graph is spelled out as that graph's nodes.

That is spelling only. Everything after this sees plain nodes, called by the way to them, such as
``repair/vocals/denoise``, so a chain has the same keys however it is written. Each keeps the place
of the definition that it came from, for messages. `scopes` says what is used where, `wires` where
what goes into a used graph comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._base.errors import Problem
from .document import GraphDocument, NodeSpec
from .library import Library, is_use
from .places import Place, Spelled
from .positions import join
from .problems import Located
from .scopes import Scope, Scopes
from .wires import End, Wires


@dataclass(frozen=True)
class Flat:
    """A graph with all that it uses spelled out.

    Attributes:
        source: the graph as it is written.
        document: its plain nodes; their names are ways such as ``repair/vocals/denoise``.
        located: gives problems their places.
        problems: what was wrong with how graphs are used.
        siblings: the names that can be meant beside a node, by the way to them.
        expected: wires that go into a used graph, with the type of the input and its place, and
            those that come out of one, with no type.
        unconnected: inputs of used graphs that nothing goes into: the way to the use, the input's
            name and type.
        written: for the places of wires that go through used graphs, those where it is written
            what they come from.
        offered: given the way to a scope, its inputs and the outputs of graphs used there: as wires
            that can be written there, with where they end, and the type that an input declares.
    """

    source: GraphDocument
    document: GraphDocument
    located: Located
    problems: list[Problem] = field(default_factory=list)
    siblings: dict[str, list[str]] = field(default_factory=dict)
    expected: list[tuple[str, str, str]] = field(default_factory=list)
    offered: Callable[[str], Iterable[tuple[str, str, str]]] = lambda way: ()
    written: Mapping[str, str] = field(default_factory=dict)
    unconnected: Sequence[tuple[str, str, str]] = ()


def flatten(document: GraphDocument, located: Located, library: Library) -> Flat:
    """Return a graph with all that it uses spelled out; what is wrong with that is in it.

    Raises:
        GraphError: it would be too large.
    """
    if not any(is_use(spec) for spec in document.nodes.values()):
        inputs = [(f"${name}", f"${name}", spec.type) for name, spec in document.inputs.items()]
        siblings = {"": list(document.nodes)}
        return Flat(document, document, located, siblings=siblings, offered=lambda way: inputs)
    return _Flattening(document, located, library).flat


class _Flattening:
    def __init__(self, document: GraphDocument, located: Located, library: Library) -> None:
        place = Place(located, "")
        top = Scope(
            document,
            place,
            library.folder,
            known=((document.graphs, place),),
            trail=((document.name, id(document)),),
            params={name: name for name in document.params},
        )
        spelled = Spelled(located)
        scopes = Scopes(spelled, library)
        scopes.params.update(document.params)
        scopes.open(top)
        self._wires = Wires(scopes.add)
        self._places = spelled.places
        self._written: dict[str, str] = {}
        self._expected: list[tuple[str, str, str]] = []
        nodes = dict(self._nodes(top))
        outputs = {
            name: self._wire(
                self._wires.one(top, wire, where := place.at("outputs", name)),
                where,
                join("/outputs", name),
            )
            for name, wire in document.outputs.items()
        }
        self._expect(top)
        flat = GraphDocument.model_construct(
            **{**dict(document), "nodes": nodes, "outputs": outputs, "params": scopes.params}
        )
        self._scopes = scopes.opened
        self.flat = Flat(
            document,
            flat,
            spelled,
            scopes.problems,
            scopes.siblings,
            self._expected,
            self._offered,
            self._written,
            scopes.unconnected,
        )

    def _nodes(self, scope: Scope) -> Iterator[tuple[str, NodeSpec]]:
        """Yield the plain nodes of a scope and of all inside it, in the order they are written."""
        for name, spec in scope.body.nodes.items():
            if (use := scope.uses.get(name)) is not None:
                for copy in use.copies.values():
                    yield from self._nodes(copy)
            else:
                yield scope.prefix + name, self._plain(scope, name, spec)

    def _plain(self, scope: Scope, name: str, spec: NodeSpec) -> NodeSpec:
        place = scope.place.at("nodes", name)
        inputs: dict[str, str | list[str]] = {}
        for port, given in spec.inputs.items():
            where = place.at("inputs", port)
            pointer = join("/nodes", scope.prefix + name, "inputs", port)
            if isinstance(given, list):
                ends = [
                    (end, where.at(index))
                    for index, wire in enumerate(given)
                    for end in self._wires.follow(scope, wire, where.at(index))
                ]
            else:
                ends = [(end, where) for end in self._wires.follow(scope, given, where)]
            if isinstance(given, list) or ".*" in given:
                inputs[port] = [
                    self._wire(end, at, join(pointer, index))
                    for index, (end, at) in enumerate(ends)
                ]
            else:
                inputs[port] = self._wire(ends[0][0], where, pointer)
        params = _renamed(scope, spec.params) if scope.outer else spec.params
        device = spec.device or scope.device
        return spec.model_copy(update={"inputs": inputs, "params": params, "device": device})

    def _offered(self, way: str) -> Iterator[tuple[str, str, str]]:
        if (scope := self._scopes.get(way)) is None:
            return
        for name, spec in scope.body.inputs.items():
            yield f"${name}", self._wires.input(scope, name, scope.place)[0], spec.type
        for node, use in scope.uses.items():
            for key, copy in use.copies.items():
                start = f"{node}.{key}" if key else node
                for port, output in use.outputs.items():
                    wire = start if len(use.outputs) == 1 else f"{start}.{port}"
                    yield wire, self._wires.end(copy, output)[0], ""

    def _wire(self, end: End, where: Place, pointer: str) -> str:
        """Return the end of a wire, and note where in the documents it stands.

        Args:
            end: where it comes from.
            where: the place of the wire.
            pointer: where it is in the flat graph.
        """
        if pointer[-1].isdigit():  # of a list, in which one wire may have been many
            self._places[pointer] = where
        if end[1] != where:
            self._written[pointer] = self._noted(end[1])
        return end[0]

    def _noted(self, place: Place) -> str:
        """Return a pointer that stands for a place."""
        pointer = f"/wires/{len(self._places)}"
        self._places[pointer] = place
        return pointer

    def _expect(self, scope: Scope) -> None:
        """Note which type each wire must have that goes into a used graph, and what comes out."""
        for use in scope.uses.values():
            for key, copy in use.copies.items():
                for name in copy.wires:
                    each = name in (use.spec.for_each or {})
                    parts = ("for_each", name, key) if each else ("inputs", name)
                    pointer = join("/nodes", use.way, *parts)
                    end = self._wires.input(copy, name, copy.place)
                    wire = self._wire(end, use.place.at(*parts), pointer)
                    self._expected.append((wire, copy.body.inputs[name].type, pointer))
                for output in copy.body.outputs:
                    wire, where = self._wires.end(copy, output)
                    self._expected.append((wire, "", self._noted(where)))
                self._expect(copy)


def _renamed(scope: Scope, value: Any) -> Any:
    """Return a node's param with references to the params of the flat graph."""
    if isinstance(value, dict):
        if isinstance(name := value.get("$param"), str) and len(value) == 1:
            return {"$param": f"{scope.prefix[:-1]}.{name}"}
        return {key: _renamed(scope, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(scope, item) for item in value]
    return value
