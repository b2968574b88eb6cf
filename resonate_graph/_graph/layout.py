"""The canonical layout of graph files: what `resonate fmt` writes.

What a file says stays as it is: its keys, values and descriptions. Nodes stand in the order in
which sound flows, the keys of each in one order, and whatever fits on a line is on one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .._base.dag import Dag

#: Columns of a line.
WIDTH = 120

_GRAPH = ("$schema", "format", "name", "description", "inputs", "params", "graphs", "nodes",
          "outputs", "ui")  # fmt: skip
_NODE = ("type", "graph", "inputs", "for_each", "params", "device", "description", "ui")
_SPEC = ("type", "default", "minimum", "maximum", "enum", "description", "ui")
#: Parts of a graph with an entry a line, however short they are.
_LISTED = ("inputs", "params", "graphs", "nodes")


def layout(document: Mapping[str, Any]) -> str:
    """Return a graph document in the canonical layout.

    Args:
        document: a graph as `document.parse` accepts it, as plain JSON values.

    Example:
        >>> print(layout({"nodes": {}, "name": "g", "outputs": {"out": "$x"}, "format": 1,
        ...               "inputs": {"x": {"type": "audio"}}}), end="")
        {
          "format": 1,
          "name": "g",
          "inputs": {
            "x": {"type": "audio"}
          },
          "nodes": {},
          "outputs": {"out": "$x"}
        }
    """
    return _body(document, "") + "\n"


def text(value: Any, indent: str = "", before: int = 0) -> str:
    """Return a JSON value as a person would write it: on one line, where it fits.

    Args:
        value: plain JSON values.
        indent: what its lines begin with, after the first.
        before: how many columns stand before it on its first line.
    """
    whole = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or len(indent) + before + len(whole) < WIDTH:
        return whole
    inner = indent + "  "
    if isinstance(value, list):
        return _block("[]", [text(item, inner) for item in value], indent)
    return _block("{}", [_entry(key, item, inner) for key, item in value.items()], indent)


def _body(body: Mapping[str, Any], indent: str) -> str:
    inner = indent + "  "
    lines = []
    for key in _in_order(body, _GRAPH):
        if key in _LISTED and body[key]:
            lines.append(f"{json.dumps(key)}: {_part(key, body[key], inner)}")
        else:
            lines.append(_entry(key, body[key], inner))
    return _block("{}", lines, indent)


def _part(kind: str, entries: Mapping[str, Any], indent: str) -> str:
    inner = indent + "  "
    if kind == "graphs":
        lines = [
            f"{json.dumps(name, ensure_ascii=False)}: {_body(body, inner)}"
            for name, body in entries.items()
        ]
    elif kind == "nodes":
        lines = [_entry(name, _ordered(entries[name], _NODE), inner) for name in flow(entries)]
    else:
        lines = [_entry(name, _ordered(one, _SPEC), inner) for name, one in entries.items()]
    return _block("{}", lines, indent)


def flow(nodes: Mapping[str, Any]) -> list[str]:
    """Return the names of nodes in the order in which sound flows.

    Where that leaves a choice, and in a circle, they stand as they did.
    """
    edges = (
        (source, name)
        for name, node in nodes.items()
        for wire in _wires([node.get("inputs"), node.get("for_each")])
        if (source := wire.partition(".")[0]) in nodes
    )
    order = Dag(nodes, edges).in_order()
    return order if len(order) == len(nodes) else list(nodes)


def _wires(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, Mapping) else value or ()
    return [wire for item in items for wire in _wires(item)]


def _entry(key: str, value: Any, indent: str) -> str:
    name = json.dumps(key, ensure_ascii=False)
    return f"{name}: {text(value, indent, len(name) + 2)}"


def _block(ends: str, lines: Sequence[str], indent: str) -> str:
    if not lines:
        return ends
    inner = indent + "  "
    return f"{ends[0]}\n{inner}" + f",\n{inner}".join(lines) + f"\n{indent}{ends[1]}"


def _ordered(spec: Any, keys: Sequence[str]) -> Any:
    return {key: spec[key] for key in _in_order(spec, keys)}


def _in_order(keys: Mapping[str, Any], known: Sequence[str]) -> list[str]:
    return [key for key in known if key in keys]
