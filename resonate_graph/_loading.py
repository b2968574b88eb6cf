"""Graphs that lie somewhere: in files, and the stock graphs that packages bring."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ._api import Graph
from ._base.errors import CatalogError
from ._base.near_names import instead
from ._graph.library import Library, read_text
from ._graph.schema import schema as schema_of
from ._graph.stock import stock_graphs
from ._node.catalog import Catalog

__all__ = ["load", "schema", "stock"]


def load(
    path: str | os.PathLike[str],
    *,
    nodes: Collection[str] = (),
    graphs: str | os.PathLike[str] | None = None,
) -> Graph:
    """Read a graph file.

    Args:
        path: the JSON file.
        nodes: modules or ``.py`` files with nodes of your own.
        graphs: a folder with graphs that this one may use as ``./name.json``, besides those that
            lie beside it.

    Raises:
        InputError: the file cannot be read.
        GraphError: it is no graph document; with every problem of form.
        CatalogError: a module of `nodes` cannot be used.
    """
    path = Path(path)
    library = Library(path.parent, None if graphs is None else Path(graphs))
    return Graph.from_json(
        read_text(path, str(path)), source=str(path), nodes=nodes, library=library
    )


def stock(name: str, *, nodes: Collection[str] = ()) -> Graph:
    """Return a stock graph by its name, such as ``vocal-repair``.

    Raises:
        CatalogError: there is no such graph; the message names one that is near, or all.
    """
    graphs = stock_graphs()
    if name not in graphs:
        raise CatalogError(f"no stock graph {name!r}{instead(name, graphs)}")
    graph = Graph.from_json(graphs[name], source=name, nodes=nodes)
    graph._text = None  # nobody has the file before them, so its lines tell nothing
    return graph


def schema(*, nodes: Collection[str] = ()) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of graph files, for editors, with every installed node.

    Args:
        nodes: modules or ``.py`` files with nodes of your own.

    Raises:
        CatalogError: a module of `nodes` cannot be used.

    Example:
        >>> import resonate_graph as rg
        >>> rg.schema()["$defs"]["node-gain"]["properties"]["type"]["const"]
        'gain'
    """
    catalog = Catalog.installed()
    for module in nodes:
        catalog = catalog.with_module(module)
    return schema_of(catalog)
