"""Reading what a command was given: graphs, bindings and params."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from .. import (
    Binding,
    CatalogError,
    Graph,
    InputError,
    OutputError,
    load,
    stock,
    stock_graphs,
)
from .._base.near_names import instead
from .._base.paths import expanded
from .._base.publish import require_writable
from .loading import loading

#: What ends so is hardly meant to be a folder.
_OF_FILES = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff", ".json", ".html"}
#: And such files are made by a node of their own.
_BY_NODES = {".flac", ".mp3", ".ogg"}
#: Numbers as people write them, which JSON does not always: ``.6``, ``-.6``, ``+6``, ``6.``
_NUMBER = re.compile(r"([+-]?)(?=\.?[0-9])([0-9]*)(\.[0-9]*)?(e[+-]?[0-9]+)?", re.IGNORECASE)


def open_graph(name: str, nodes: Sequence[str] | None, graphs: Path | None = None) -> Graph:
    """Return the graph of a file, or else the stock graph of that name.

    Args:
        name: the file, or the stock graph's name.
        nodes: modules or files with nodes of the caller's own.
        graphs: a folder with graphs that it may use, besides those beside it.

    Raises:
        GraphError: the file is no graph.
        CatalogError: there is neither, the file cannot be read, or nodes cannot be used.
    """
    with loading():  # among other things, packs of nodes
        return _opened(name, nodes, graphs)


def _opened(name: str, nodes: Sequence[str] | None, graphs: Path | None) -> Graph:
    path = Path(name)
    if not path.is_file() and name in stock_graphs():
        return stock(name, nodes=nodes or ())
    if not path.exists() or path.is_dir():
        what = "this is a folder" if path.is_dir() else "there is no such file"
        other = instead(name, stock_graphs())
        raise CatalogError(f"{name}: {what}, and no stock graph has that name{other}")
    return read_graph(path, nodes, graphs)


def require_folder(folder: Path, *, named: bool = False) -> None:
    """Find out before anything is done that files cannot be written into a folder.

    Args:
        folder: the folder.
        named: the command has --name, which says what files are called.

    Raises:
        BadParameter: it is none, may not be written into, or is meant to be a file.
    """
    if folder.suffix.lower() in _OF_FILES and not folder.exists():
        say = f"-o {folder.parent}" + (f" --name {folder.stem}" if named else "")
        if folder.suffix.lower() in _BY_NODES:
            say += f"; the node encode_{folder.suffix[1:].lower()} makes such files"
        raise typer.BadParameter(f"-o takes a folder, and {folder} looks like a file: say {say}")
    try:
        require_writable(folder)
    except OutputError as error:
        raise typer.BadParameter(f"-o {error}") from error


def require_one_tone(*, quiet: bool, verbose: bool) -> None:
    """Find out that a command is to say both less and more.

    Raises:
        BadParameter: it is.
    """
    if quiet and verbose:
        raise typer.BadParameter("--quiet and --verbose exclude each other")


def read_graph(path: Path, nodes: Sequence[str] | None = None, graphs: Path | None = None) -> Graph:
    """Return the graph of a file. One that cannot be read is a call that makes no sense.

    Raises:
        CatalogError: the file cannot be read, or nodes cannot be used.
        GraphError: the file is no graph.
    """
    try:
        return load(path, nodes=nodes or (), graphs=graphs)
    except InputError as error:
        raise CatalogError(str(error)) from error


def read_inputs(graph: Graph, given: Sequence[str] | None) -> dict[str, Binding]:
    """Return the bindings of ``-i``: files for audio inputs, values for the others."""
    specs = graph.document.inputs
    pairs = _pairs(given, "-i")
    return {
        name: bound_value(text, specs[name].type) if name in specs else text
        for name, text in pairs.items()
    }


def read_params(graph: Graph, given: Sequence[str] | None) -> dict[str, Any]:
    """Return the params of ``-p``: JSON where it is, text otherwise."""
    specs = graph.document.params
    pairs = _pairs(given, "-p")
    return {
        name: _value(text, specs[name].type if name in specs else "")
        for name, text in pairs.items()
    }


def read_grid(
    graph: Graph, given: Sequence[str] | None
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Return the params of ``-p`` that have one value, and those with several, as ``a,b,c``.

    A value that is JSON as a whole, such as a list in brackets, is one value.
    """
    specs = graph.document.params
    fixed: dict[str, Any] = {}
    grid: dict[str, list[Any]] = {}
    for name, text in _pairs(given, "-p").items():
        kind = specs[name].type if name in specs else ""
        parts = [text] if text[:1] in '[{"' else text.split(",")
        values = [_value(part, kind) for part in parts]
        if len(values) == 1:
            fixed[name] = values[0]
        else:
            grid[name] = values
    return fixed, grid


def read_reference(
    graph: Graph, given: Sequence[str] | None
) -> Path | dict[str, str | os.PathLike[str]] | None:
    """Return what ``--reference`` names: one file, or files by output as ``OUTPUT=FILE``.

    A file whose name has an equals sign is one file if it is there and there is no such output.
    """
    named: dict[str, str | os.PathLike[str]] = {}
    plain: list[Path] = []
    for text in given or ():
        name, equals, path = text.partition("=")
        if equals and (name in graph.document.outputs or not Path(text).exists()):
            if name in named:
                raise typer.BadParameter(f"--reference {name} was given twice")
            named[name] = expanded(path)
        else:
            plain.append(Path(text))
    if len(plain) > 1 or (plain and named):
        raise typer.BadParameter("of several references, name the output of each: OUTPUT=FILE")
    return plain[0] if plain else named or None


def split_pair(text: str, option: str) -> tuple[str, str]:
    """Return the name and the value of ``NAME=VALUE``."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{option} takes NAME=VALUE, not {text!r}")
    return name, value


def _pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given or ():
        name, value = split_pair(text, option)
        if name in pairs:
            raise typer.BadParameter(f"{option} {name} was given twice")
        pairs[name] = value
    return pairs


def bound_value(text: str, kind: str) -> Any:
    """Return what is bound to an input of some type."""
    # a shell does not expand the ~ of NAME=~/file
    return str(expanded(text)) if kind == "audio" else _value(text, kind)


def _value(text: str, kind: str) -> Any:
    if kind in ("audio", "string"):
        return text
    try:
        value = json.loads(_as_json(text))
    except (ValueError, RecursionError):
        return text
    finite = not isinstance(value, float) or math.isfinite(value)
    return value if finite else text


def _as_json(text: str) -> str:
    """Return a number as JSON writes it; anything else as it is."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    sign, whole, fraction, exponent = found.groups("")
    tail = fraction + "0" if fraction == "." else fraction
    return f"{sign.strip('+')}{whole or '0'}{tail}{exponent}"
