"""Settings of steps inside graphs that a graph uses, written into its JSON.

A definition is shared by all that use it, so nothing in it can be set for one of them. It gets a
param instead, whose default is what was there, and so has each graph on the way to it; the
outermost one has the new value as its default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .. import stock

_KINDS = {bool: "boolean", int: "integer", float: "number", str: "string"}


def set_inside(document: dict[str, Any], way: str, param: str, before: Any, value: Any) -> None:
    """Set a param of a step inside used graphs.

    Args:
        document: the graph as plain JSON, which is changed. Files that it uses are in it, as
            `Graph.to_json` gives them.
        way: the way to the step, such as ``repair/vocals/denoise``.
        param: the param of it.
        before: what it is now.
        value: what it is to be.
    """
    kinds = {type(one) for one in (before, value) if one is not None}
    kind = _KINDS[float if len(kinds) > 1 else kinds.pop()]
    graphs = document.setdefault("graphs", {})
    name = _exposed(document, [graphs], way.split("/"), param, {"type": kind, "default": before})
    document["params"][name]["default"] = value


def _exposed(
    body: dict[str, Any],
    known: Sequence[dict[str, Any]],
    way: Sequence[str],
    param: str,
    spec: Mapping[str, Any],
) -> str:
    """Give a graph a param that sets one of a step in it, and return what that is called."""
    node, copy, rest = body["nodes"][way[0]], "", way[1:]
    set_ = param
    if rest:
        if "for_each" in node:
            copy, rest = rest[0], rest[1:]
        used = _definition(node["graph"], known)
        set_ = _exposed(used, [*known, used.get("graphs", {})], rest, param, spec)
    name = _free(body, "_".join([*way, param]).replace("-", "_"))
    body.setdefault("params", {})[name] = dict(spec)
    params = node.setdefault("params", {})
    reference = {"$param": name}
    params[set_] = {**params.get(set_, {}), copy: reference} if copy else reference
    return name


def _definition(name: str, known: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the definition that a name means; a stock graph becomes one, for it is changed."""
    found: dict[str, Any] | None = next(
        (graphs[name] for graphs in reversed(known) if name in graphs), None
    )
    if found is None:
        whole = json.loads(stock(name).to_json())
        found = {key: one for key, one in whole.items() if key not in ("format", "name")}
        known[0][name] = found
    return found


def _free(body: Mapping[str, Any], name: str) -> str:
    taken = {*body.get("params", {}), *body.get("inputs", {})}
    return next(one for one in (name, *(f"{name}_{at}" for at in range(2, 1000)))
                if one not in taken)  # fmt: skip
