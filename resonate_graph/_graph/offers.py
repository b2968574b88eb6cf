"""What would have fitted a port: the wires beside it that give its type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from .._node.declaration import NodeType
from .._node.ports import PortType, scalar_type
from .subgraphs import Flat

#: How many wires are named.
_SHOWN = 6


class Offers:
    """Looks for wires that give what a port takes; asked only where a wrong one stands.

    Args:
        flat: the graph.
        types: the types of its nodes, as far as they are known.
    """

    def __init__(self, flat: Flat, types: Mapping[str, NodeType | None]) -> None:
        self._flat = flat
        self._types = types

    def instead(self, node: str, kind: PortType, wrong: str = "") -> str:
        """Return what is to be said after "it takes audio": the wires that give that.

        Args:
            node: whose port it is: its name in the flat graph, or that of a use.
            kind: what the port takes.
            wrong: the wire that stands there; others of the same node are named first.
        """
        before, slash, _ = node.rpartition("/")
        behind = self._behind(node)
        found = [
            wire
            for wire, end, given in self._beside(before + slash)
            if kind.accepts(given) and end.partition(".")[0] not in behind and wire != wrong
        ]
        own = wrong.partition(".")[0].removeprefix(before + slash)
        found.sort(key=lambda wire: wire.partition(".")[0] != own)
        if not found:
            return f"; nothing here gives {kind.name}"
        more = ", ..." if len(found) > _SHOWN else ""
        return f"; {kind.name} here: {', '.join(found[:_SHOWN])}{more}"

    def _beside(self, way: str) -> Iterator[tuple[str, str, PortType]]:
        """Yield the wires that a scope has: as they are written, where they end, what they give."""
        for wire, end, type_name in self._flat.offered(way):
            if type_name:
                yield wire, end, scalar_type(type_name)
            elif (given := self._type_of(end)) is not None:
                yield wire, end, given
        for name in self._flat.siblings.get(way, ()):
            node_type = self._types.get(way + name)
            ports = node_type.outputs if node_type else ()
            for port in ports:
                wire = name if len(ports) == 1 else f"{name}.{port.name}"
                yield wire, way + wire, port.type

    def _type_of(self, end: str) -> PortType | None:
        """Return what the end of a wire gives; None where that is not known."""
        node, _, port = end.partition(".")
        if end.startswith("$"):
            spec = self._flat.document.inputs.get(end[1:])
            return scalar_type(spec.type) if spec else None
        node_type = self._types.get(node)
        output = node_type.output(port or node_type.outputs[0].name) if node_type else None
        return output.type if output else None

    def _behind(self, node: str) -> set[str]:
        """Return the nodes that a node feeds, and itself: a wire from these would be a circle."""
        inside = f"{node}/"
        waiting = [
            one for one in self._flat.document.nodes if one == node or one.startswith(inside)
        ]
        behind = set(waiting)
        while waiting:
            for one in self._takers.get(waiting.pop(), ()):
                if one not in behind:
                    behind.add(one)
                    waiting.append(one)
        return behind

    @cached_property
    def _takers(self) -> Mapping[str, list[str]]:
        """Which nodes take what a node gives."""
        found: dict[str, list[str]] = {}
        for name, spec in self._flat.document.nodes.items():
            for given in spec.inputs.values():
                for wire in given if isinstance(given, list) else [given]:
                    found.setdefault(wire.partition(".")[0], []).append(name)
        return found
