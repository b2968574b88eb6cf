"""What all tabs of one server share."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from .. import Graph, Store, default_store, load, stock, stock_graphs
from .jobs import Jobs
from .places import Root, Uploads


@dataclass(frozen=True)
class Desk:
    """The runs, the files, and what the command that started the server said.

    Attributes:
        jobs: the runs.
        uploads: what was brought.
        root: the folder whose files may be chosen; None for none.
        store: where results are kept.
        models: the folder of model weights.
        nodes: modules with nodes of the caller's own.
        graph: the graph that is open at first: a stock graph, or a file.
        inputs: what is bound at first, by input.
        params: what is set at first, by param.
        named_store: the folder of the store, where the command named one.
    """

    jobs: Jobs
    uploads: Uploads
    root: Root | None
    store: Store
    models: Path | None = None
    nodes: tuple[str, ...] = ()
    graph: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    named_store: str | None = None

    def close(self) -> None:
        """Stop what runs, and remove what was brought and made."""
        self.jobs.close()
        shutil.rmtree(self.uploads.folder, ignore_errors=True)


_opened: list[Desk] = []


def open_desk(
    work: Path,
    *,
    root: Path | None = None,
    store: Path | None = None,
    models: Path | None = None,
    nodes: tuple[str, ...] = (),
    graph: str | None = None,
    inputs: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
) -> Desk:
    """Open the desk of this process; what servers that are gone left in `work` is removed."""
    jobs = Jobs(work)
    desk = Desk(
        jobs=jobs,
        uploads=Uploads(jobs.folder / "uploads"),
        root=Root(root) if root is not None else None,
        store=Store(store) if store is not None else default_store(),
        models=models,
        nodes=nodes,
        graph=_opened_first(graph),
        inputs=inputs or {},
        params=params or {},
        named_store=None if store is None else str(store.resolve()),
    )
    _opened[:] = [desk]
    return desk


def _opened_first(graph: str | None) -> str | None:
    """Return a graph by its name; one in a file by all of its path, as `--root` has names too."""
    if graph is None or graph in stock_graphs():
        return graph
    return str(Path(graph).resolve())


def the_desk() -> Desk:
    """Return the desk of this process."""
    return _opened[0]


@lru_cache(maxsize=32)
def stock_graph(name: str, nodes: tuple[str, ...]) -> Graph:
    """Return a stock graph; it is read once."""
    return stock(name, nodes=nodes)


def descriptions() -> dict[str, str]:
    """Return what each stock graph is for, by its name."""
    return {name: stock_graph(name, ()).document.description or "" for name in stock_graphs()}


def graph_in_file(path: Path, nodes: tuple[str, ...]) -> Graph:
    """Return the graph of a file.

    Raises:
        InputError: it cannot be read.
        GraphError: it is no graph.
    """
    return load(path, nodes=nodes)
