"""Graphs that other graphs use: stock graphs that packages bring, and files beside a graph.

A graph's text names them and nothing else: a stock graph by its name, a file as ``./name.json``,
relative to the file that names it. What lies outside that file's folder is never read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from .._base.errors import GraphError, InputError, Problem
from .._base.near_names import instead
from .document import MAX_DEPTH, Definition, GraphDocument, NodeSpec, parse
from .problems import Located
from .stock import stock_graphs


class Found(NamedTuple):
    """A whole graph, read.

    Attributes:
        document: the graph.
        located: its text, for the places of problems.
        folder: where the files lie that it may name; None where it may name none.
    """

    document: GraphDocument
    located: Located
    folder: Path | None = None


#: The type of a node that stands for a graph's nodes.
USE = "graph"


class NotUsableError(Exception):
    """A graph cannot be used by the name that another one gives; the text says why.

    Attributes:
        known: the names of those that could be meant.
    """

    def __init__(self, message: str, known: Iterable[str] = ()) -> None:
        self.known = tuple(known)
        super().__init__(message)


class Library:
    """Finds the graphs that a graph uses. Each is read once.

    Args:
        folder: the folder of the graph's own file; None for a graph that was not read from one.
        more: another folder in which the files are looked for that a graph names.
    """

    def __init__(self, folder: Path | None = None, more: Path | None = None) -> None:
        self.folder = folder
        self._more = more
        self._read: dict[str | Path, Found] = {}

    def find(self, name: str, folder: Path | None) -> Found:
        """Return a graph by the name under which another one uses it.

        Args:
            name: a stock graph's name, or a file as ``./name.json``.
            folder: where the graph lies that uses it; None for one that is in no file.

        Raises:
            NotUsableError: there is none, or it may not be read.
            GraphError: it is no graph document; with every problem of form.
        """
        if not name.startswith("./"):
            return self._stock(name)
        path = self._path(name, folder)
        if path not in self._read:
            shown = os.path.relpath(path, self.folder) if self.folder else str(path)
            try:
                text = read_text(path, shown)
            except InputError as error:
                raise NotUsableError(str(error)) from None
            self._read[path] = Found(parse(text, shown), Located(shown, text), path.parent)
        return self._read[path]

    def _stock(self, name: str) -> Found:
        texts = stock_graphs()
        if name not in texts:
            raise NotUsableError(f"no graph {name!r}", texts)
        if name not in self._read:
            self._read[name] = Found(parse(texts[name], name), Located(name, texts[name]))
        return self._read[name]

    def _path(self, name: str, folder: Path | None) -> Path:
        """Return the file of a name, which lies in one of the folders that are allowed."""
        parts = name.split("/")[1:]
        if any(part in ("", ".", "..") for part in parts):
            raise NotUsableError(f"{name!r} is no file below this one: say ./name.json")
        roots = [root.resolve() for root in (folder, self._more) if root is not None]
        if not roots:
            raise NotUsableError(f"{name!r}: this graph lies in no file, so nothing lies beside it")
        for root in roots:
            path = root.joinpath(*parts)
            if path.exists() and not path.resolve().is_relative_to(root):
                raise NotUsableError(f"{name!r} is a link that leads out of {root}")
            if path.is_file():  # a pipe might never end
                return path.resolve()
        raise NotUsableError(f"there is no file {name!r} in {' or '.join(map(str, roots))}")


def read_text(path: Path, shown: str) -> str:
    """Return the text of a graph file.

    Args:
        path: the file.
        shown: what messages call it.

    Raises:
        InputError: it cannot be read.
        GraphError: it is no UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "there is no such file" if missing else f"cannot be read: {error.strerror}"
        raise InputError(Path(shown), reason) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        problem = Problem("syntax", f"this is no UTF-8 text (byte {error.start})", "", line, column)
        raise GraphError(shown, [problem]) from None


def is_use(spec: NodeSpec) -> bool:
    """Whether a node stands for a graph's nodes, or looks as if it should."""
    return spec.type == USE or spec.graph is not None or spec.for_each is not None


def complete(document: GraphDocument, library: Library, *, stock: bool = True) -> GraphDocument:
    """Return a graph that needs no other file: those that it uses are among its definitions.

    Args:
        document: the graph.
        library: where the others are.
        stock: whether stock graphs are copied too.

    Raises:
        GraphError: one cannot be read, or is no graph.
    """
    if not any(is_use(spec) for body in bodies(document) for spec in body.nodes.values()):
        return document
    whole = document.model_copy(deep=True)
    _copy_in(whole, (), library.folder, library, stock, ())
    return whole


def definition_of(document: GraphDocument) -> Definition:
    """Return a document as one that stands inside another."""
    fields = {
        key: getattr(document, key)
        for key in document.model_fields_set
        if key in Definition.model_fields
    }
    return Definition.model_construct(**fields).model_copy(deep=True)


def _copy_in(
    body: Definition,
    known: tuple[Mapping[str, Definition], ...],
    folder: Path | None,
    library: Library,
    stock: bool,
    trail: tuple[int, ...],
) -> None:
    known = (*known, body.graphs)
    own = dict(body.graphs)
    for inner in own.values():
        _copy_in(inner, known, folder, library, stock, trail)
    for spec in body.nodes.values():
        name = spec.graph
        if name is None or any(name in names for names in known) or name in own:
            continue
        if not (stock or name.startswith("./")):
            continue
        try:
            found = library.find(name, folder)
        except NotUsableError as error:
            hint = instead(name, error.known) if error.known else ""
            raise GraphError(name, [Problem("unknown-graph", f"{error}{hint}")]) from None
        if id(found.document) in trail or len(trail) > MAX_DEPTH:
            raise GraphError(name, [Problem("cycle", f"{name!r} uses itself")])
        own[name] = definition_of(found.document)
        # what it means by a stock graph's name is no definition of those around it here
        inside = (*trail, id(found.document))
        _copy_in(own[name], (), found.folder, library, True, inside)
    if own:
        body.graphs = own


def bodies(body: Definition) -> Iterator[Definition]:
    """Yield a document or definition, and all definitions inside it."""
    yield body
    for inner in body.graphs.values():
        yield from bodies(inner)
