"""What differs between two graphs in meaning: nodes, params, wires, outputs.

Graphs that they use are spelled out first. Layout, descriptions, names of graphs and what an editor
keeps are no difference, nor are a default that is written out, or ``node.out`` for ``node``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .._node.catalog import Catalog
from .._node.declaration import NodeType
from .._node.values import brief, canonical_json, plain_json
from .document import GraphDocument, NodeSpec, ParamSpec
from .scopes import Link

_ABSENT = object()


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same in two graphs.

    Attributes:
        kind: ``input``, ``param``, ``node`` or ``output``.
        name: its name; that of a node in a used graph is the way to it.
        what: what of it differs, such as ``type``, ``param threshold_db`` or ``input audio``; empty
            where one of the graphs does not have it.
        before: how it is in the first graph; None where that has none.
        after: how it is in the second.
    """

    kind: str
    name: str
    what: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if not self.what:
            which = "first" if self.after is None else "second"
            return f"{self.kind} {self.name}: only in the {which} graph"
        before, after = (brief(_spelled(one)) for one in (self.before, self.after))
        return f"{self.kind} {self.name}: {self.what} {before} -> {after}"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def differences(
    before: GraphDocument, after: GraphDocument, catalog: Catalog
) -> Iterator[Difference]:
    """Yield what differs between two graphs in which all that they use is spelled out."""
    views = [_View(one, catalog) for one in (before, after)]
    for kind in ("input", "param", "node", "output"):
        mine, theirs = (view.parts(kind) for view in views)
        for name in dict.fromkeys([*mine, *theirs]):
            yield from _compared(kind, name, mine.get(name), theirs.get(name))


def _compared(
    kind: str, name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Iterator[Difference]:
    if before is None or after is None:
        if kind == "param" and "." in name:
            return  # it comes with a use, whose nodes are told
        yield Difference(kind, name, "", before and dict(before), after and dict(after))
        return
    for what in dict.fromkeys([*before, *after]):
        one, other = before.get(what, _ABSENT), after.get(what, _ABSENT)
        if not _same(one, other):
            yield Difference(
                kind,
                name,
                what,
                None if one is _ABSENT else one,
                None if other is _ABSENT else other,
            )


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _same(one: Any, other: Any) -> bool:
    if one is _ABSENT or other is _ABSENT:
        return one is other
    return canonical_json(one) == canonical_json(other)


class _View:
    """A graph as it is meant: each part as what can differ of it, by words for that."""

    def __init__(self, document: GraphDocument, catalog: Catalog) -> None:
        self._document = document
        self._catalog = catalog

    def parts(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the inputs, params, nodes or outputs."""
        document = self._document
        if kind == "input":
            return {name: {"type": spec.type} for name, spec in document.inputs.items()}
        if kind == "param":
            return {name: self._param(spec) for name, spec in document.params.items()}
        if kind == "node":
            return {name: self._node(spec) for name, spec in document.nodes.items()}
        return {name: {"is": self._wire(wire)} for name, wire in document.outputs.items()}

    @staticmethod
    def _param(spec: ParamSpec) -> dict[str, Any]:
        default = spec.default
        if isinstance(default, Link):
            default = {"$param": default.name}
        shown = {"type": spec.type, "default": default, "minimum": spec.minimum,
                 "maximum": spec.maximum, "enum": spec.enum}  # fmt: skip
        return {what: value for what, value in shown.items() if value is not None}

    def _node(self, spec: NodeSpec) -> dict[str, Any]:
        node_type = self._catalog.of_any_version(spec.type)
        params = {**_defaults(node_type), **spec.params}
        inputs = {
            f"input {port}": (
                [self._wire(one) for one in wires] if isinstance(wires, list) else self._wire(wires)
            )
            for port, wires in spec.inputs.items()
            if wires != []
        }
        shown: dict[str, Any] = {"type": spec.type.partition("@")[0], **inputs}
        shown.update({f"param {name}": value for name, value in params.items()})
        if spec.device:
            shown["device"] = spec.device
        return shown

    def _wire(self, wire: str) -> str:
        """Return a wire with the port it means."""
        node, dot, port = wire.partition(".")
        spec = self._document.nodes.get(node)
        node_type = self._catalog.of_any_version(spec.type) if spec else None
        outputs = [one.name for one in node_type.outputs] if node_type else []
        if outputs == [port]:
            return node
        return f"{node}{dot}{port}"


def _defaults(node_type: NodeType | None) -> dict[str, Any]:
    if node_type is None:
        return {}
    return plain_json(node_type.params.model_construct())
