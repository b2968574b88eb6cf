"""Graphs that lie somewhere: in files, and the stock graphs that packages bring."""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import lru_cache
from importlib import metadata, resources
from pathlib import Path

from ._api import Graph
from ._base.errors import CatalogError, GraphError, InputError, Problem

GROUP = "resonate_graph.graphs"


def load(path: str | os.PathLike[str], *, nodes: Collection[str] = ()) -> Graph:
    """Read a graph file.

    Args:
        path: the JSON file.
        nodes: modules or ``.py`` files with nodes of your own.

    Raises:
        InputError: the file cannot be read.
        GraphError: it is no graph document; with every problem of form.
        CatalogError: a module of `nodes` cannot be used.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "there is no such file" if missing else f"cannot be read: {error.strerror}"
        raise InputError(path, reason) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        problem = Problem("syntax", f"this is no UTF-8 text (byte {error.start})", "", line, column)
        raise GraphError(str(path), [problem]) from None
    return Graph.from_json(text, source=str(path), nodes=nodes)


def stock(name: str, *, nodes: Collection[str] = ()) -> Graph:
    """Return a stock graph by its name, such as ``vocal-repair``.

    Raises:
        CatalogError: there is no such graph; the message lists those that are there.
    """
    graphs = stock_graphs()
    if name not in graphs:
        known = ", ".join(graphs) or "none is installed"
        raise CatalogError(f"no stock graph {name!r}; there are: {known}")
    graph = Graph.from_json(graphs[name], source=name, nodes=nodes)
    graph._text = None  # nobody has the file before them, so its lines tell nothing
    return graph


@lru_cache(maxsize=1)
def stock_graphs() -> dict[str, str]:
    """Return the JSON texts of the installed stock graphs, by name."""
    found: dict[str, str] = {}
    for point in metadata.entry_points(group=GROUP):
        for item in resources.files(point.module).iterdir():
            if item.name.endswith(".json"):
                found[item.name.removesuffix(".json")] = item.read_text(encoding="utf-8")
    return dict(sorted(found.items()))
