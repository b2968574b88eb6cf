"""Graphs in graphs: a node that uses another graph is spelled out as that graph's nodes.

That is spelling only. Everything after this sees plain nodes, called by the way to them, such as
``repair/vocals/denoise``, so a chain has the same keys however it is written. Each keeps the place
of the definition that it came from, for messages. `scopes` says what is used where, `wires` where
what goes into a used graph comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .._base.errors import Problem
from .document import GraphDocument, NodeSpec
from .library import Library, is_use
from .places import Place, Spelled
from .positions import join
from .problems import Located
from .scopes import Scope, Scopes
from .wires import Wires


@dataclass(frozen=True)
class Flat:
    """A graph with all that it uses spelled out.

    Attributes:
        source: the graph as it is written.
        document: its plain nodes; their names are ways such as ``repair/vocals/denoise``.
        located: gives problems their places.
        problems: what was wrong with how graphs are used.
        siblings: the names that can be meant beside a node, by the way to them.
        expected: wires that go into a used graph, with the type of the input and its place.
    """

    source: GraphDocument
    document: GraphDocument
    located: Located
    problems: list[Problem] = field(default_factory=list)
    siblings: dict[str, list[str]] = field(default_factory=dict)
    expected: list[tuple[str, str, str]] = field(default_factory=list)


def flatten(document: GraphDocument, located: Located, library: Library) -> Flat:
    """Return a graph with all that it uses spelled out; what is wrong with that is in it.

    Raises:
        GraphError: it would be too large.
    """
    if not any(is_use(spec) for spec in document.nodes.values()):
        return Flat(document, document, located, siblings={"": list(document.nodes)})
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
        self._expected: list[tuple[str, str, str]] = []
        nodes = dict(self._nodes(top))
        outputs = {
            name: self._wires.one(top, wire, place.at("outputs", name))
            for name, wire in document.outputs.items()
        }
        self._expect(top)
        flat = GraphDocument.model_construct(
            **{**dict(document), "nodes": nodes, "outputs": outputs, "params": scopes.params}
        )
        self.flat = Flat(document, flat, spelled, scopes.problems, scopes.siblings, self._expected)

    def _nodes(self, scope: Scope) -> Iterator[tuple[str, NodeSpec]]:
        """Yield the plain nodes of a scope and of all inside it, in the order they are written."""
        for name, spec in scope.body.nodes.items():
            if (use := scope.uses.get(name)) is not None:
                for copy in use.copies.values():
                    yield from self._nodes(copy)
            else:
                yield scope.prefix + name, self._plain(scope, spec, scope.place.at("nodes", name))

    def _plain(self, scope: Scope, spec: NodeSpec, place: Place) -> NodeSpec:
        inputs: dict[str, str | list[str]] = {}
        for port, given in spec.inputs.items():
            where = place.at("inputs", port)
            if isinstance(given, list):
                inputs[port] = [
                    end
                    for index, wire in enumerate(given)
                    for end in self._wires.follow(scope, wire, where.at(index))
                ]
            else:
                ends = self._wires.follow(scope, given, where)
                inputs[port] = ends if ".*" in given else ends[0]
        params = _renamed(scope, spec.params) if scope.outer else spec.params
        device = spec.device or scope.device
        return spec.model_copy(update={"inputs": inputs, "params": params, "device": device})

    def _expect(self, scope: Scope) -> None:
        """Note which type each wire must have that goes into a used graph."""
        for use in scope.uses.values():
            for key, copy in use.copies.items():
                for name in copy.wires:
                    each = name in (use.spec.for_each or {})
                    parts = ("for_each", name, key) if each else ("inputs", name)
                    pointer = join("/nodes", use.way, *parts)
                    end = self._wires.input(copy, name, copy.place)
                    self._expected.append((end, copy.body.inputs[name].type, pointer))
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
