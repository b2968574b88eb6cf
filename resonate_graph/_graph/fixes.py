"""Mending graph files where that takes no guess: what `resonate check --fix` does.

Names that nodes have renamed, pins of older versions, and a missing format are changed where they
stand in the text, so that its layout stays. A file of an older format is laid out anew. Whatever
else is wrong stays for the author: what was most likely meant is said, and not done.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._node.catalog import Catalog
from .._node.declaration import NodeType
from .document import FORMAT, MIGRATIONS
from .layout import layout
from .migration import newer_pin
from .positions import Positions, join


@dataclass(frozen=True)
class _Change:
    """A key or a value to be written otherwise."""

    pointer: str
    is_key: bool
    before: str
    after: str
    told: str


def fixed(text: str, source: str, catalog: Catalog) -> tuple[str, list[str]]:
    """Return a graph file's text with all that takes no guess mended, and what was changed.

    Where nothing was, the text is what it was. A text that is no JSON, or has a key twice, is left
    as it is; the check says so.

    Args:
        text: the JSON text.
        source: the file's name, for messages.
        catalog: the nodes that are installed.
    """
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        return text, []
    positions = Positions(text)
    if not isinstance(plain, dict) or positions.duplicates or positions.constants:
        return text, []
    told = []
    if (older := plain.get("format")) in MIGRATIONS and type(older) is int:
        for step in range(older, FORMAT):
            plain = {**MIGRATIONS[step](plain), "format": step + 1}
        try:
            text = layout(plain)
        except (AttributeError, TypeError):  # it is no graph either
            return text, []
        told.append(f"format {older} -> {FORMAT}")
        positions = Positions(text)
    changes = list(_bodies(plain, "", catalog))
    text = _changed(text, positions, changes)
    if "format" not in plain and "nodes" in plain:
        text = _with_format(text)
        told.append(f'"format": {FORMAT} is written')
    return text, [*told, *(one.told for one in changes)]


def _bodies(body: Any, pointer: str, catalog: Catalog) -> Iterator[_Change]:
    """Yield what is to be changed in a graph, and in all definitions inside it."""
    graphs, nodes = (body.get(key) for key in ("graphs", "nodes"))
    for name, inner in graphs.items() if isinstance(graphs, dict) else ():
        if isinstance(inner, dict):
            yield from _bodies(inner, join(pointer, "graphs", name), catalog)
    if not isinstance(nodes, dict):
        return
    types = {name: _type_of(node, catalog) for name, node in nodes.items()}
    for name, node in nodes.items():
        place = join(pointer, "nodes", name)
        node_type = types[name]
        if node_type is not None:
            yield from _pin(node, place, node_type, name)
            yield from _names(node, place, node_type, name)
        if isinstance(node, dict):
            for kind in ("inputs", "for_each"):
                yield from _wires(node.get(kind), join(place, kind), types)
    yield from _wires(body.get("outputs"), join(pointer, "outputs"), types)


def _type_of(node: Any, catalog: Catalog) -> NodeType | None:
    kind = node.get("type") if isinstance(node, dict) else None
    return catalog.types.get(kind.partition("@")[0]) if isinstance(kind, str) else None


def _pin(node: Mapping[str, Any], place: str, node_type: NodeType, name: str) -> Iterator[_Change]:
    if (newer := newer_pin(node["type"], node_type)) is not None:
        told = f"node {name}: {node['type']} -> {newer}"
        yield _Change(join(place, "type"), False, node["type"], newer, told)


def _names(
    node: Mapping[str, Any], place: str, node_type: NodeType, name: str
) -> Iterator[_Change]:
    """Yield the ports and params of a node that are called otherwise now."""
    known = {
        "inputs": [one.name for one in node_type.inputs],
        "params": list(node_type.params.model_fields),
    }
    for kind, names in known.items():
        given = node.get(kind)
        if not isinstance(given, dict):
            continue
        for old in given:
            new = node_type.renamed.get(old)
            if old not in names and new is not None and new in names and new not in given:
                told = f"node {name}: {kind[:-1]} {old} -> {new}"
                yield _Change(join(place, kind, old), True, old, new, told)


def _wires(given: Any, place: str, types: Mapping[str, NodeType | None]) -> Iterator[_Change]:
    """Yield the wires that name an output that is called otherwise now."""
    if isinstance(given, (dict, list)):
        items = given.items() if isinstance(given, dict) else enumerate(given)
        for key, item in items:
            yield from _wires(item, join(place, key), types)
    elif isinstance(given, str):
        node, dot, port = given.partition(".")
        node_type = types.get(node)
        if node_type is None or not dot or node_type.output(port) is not None:
            return
        new = node_type.renamed.get(port)
        if new is not None and node_type.output(new) is not None:
            yield _Change(place, False, given, f"{node}.{new}", f"wire {given} -> {node}.{new}")


def _changed(text: str, positions: Positions, changes: list[_Change]) -> str:
    """Return a text with changes made, each where it stands."""
    starts = sorted(
        ((positions.offset(one.pointer, key=one.is_key), one) for one in changes),
        key=lambda pair: -pair[0],
    )
    for start, one in starts:
        _, length = json.JSONDecoder().raw_decode(text[start:])
        written = json.dumps(one.after, ensure_ascii=False)
        text = f"{text[:start]}{written}{text[start + length :]}"
    return text


def _with_format(text: str) -> str:
    """Return the text of an object with the format as its first key, laid out as the next one."""
    start = text.index("{") + 1
    rest = text[start:]
    gap = rest[: len(rest) - len(rest.lstrip())]
    return f'{text[:start]}{gap}"format": {FORMAT},{gap or " "}{rest.lstrip()}'
