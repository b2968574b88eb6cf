"""The list of the nodes there are, kept from one call to the next: to make it, all are imported.

It has what is said of each node too, and is there to be read and nothing else: what checks, plans
and runs graphs looks at the nodes themselves. What it was made of is written beside it: the files
of all modules that were loaded, and what could be imported from where. Where any of that is
otherwise, it is made again.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import platformdirs
from blake3 import blake3

from .. import OutputError, __version__
from .._base.docstrings import summary
from .._base.publish import publish
from .loading import BEGUN, loading
from .pieces import Piece, has_shape

if TYPE_CHECKING:  # a list that was kept is read without
    from .. import Catalog

#: What changed so shortly before this process began, or later, may not be what it imported.
_SETTLED_SECONDS = 2.0

#: So many lists are kept, of as many environments.
_MOST_KEPT = 8

#: The ends of names that can be imported, or that tell what is installed; folders have none.
_TELLING = (".py", ".so", ".pyd", ".pth", ".dist-info", ".egg-info", ".egg-link", ".egg", ".zip")


@dataclass(frozen=True)
class Listed:
    """A node in a list.

    Attributes:
        id: what graphs call it.
        subject: what it is about.
        summary: what it does, in a line.
        said: what is said of it in full, in a list that was kept.
    """

    id: str
    subject: str
    summary: str
    said: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Listing:
    """The nodes there are, by id, and what is wrong with packs that cannot be used."""

    nodes: tuple[Listed, ...]
    broken: tuple[str, ...]


def installed(folder: Path | None = None) -> Listing:
    """Return the list of the nodes of all installed packs.

    Args:
        folder: where it is kept; the user's cache folder if None.
    """
    found = kept(folder)
    if found is None:
        from .. import Catalog

        looked_into = _folders(sys.path)
        with loading():
            found = _in_full(Catalog.installed())
        if not found.broken:  # what is wrong may be mended elsewhere than in files of Python
            _keep(found.nodes, _place(folder), looked_into)
    return found


def made(catalog: Catalog) -> Listing:
    """Return the list of the nodes of a catalog."""
    from .node_tables import subject

    nodes = tuple(Listed(one.id, subject(one), summary(one.doc)) for one in catalog)
    return Listing(nodes, tuple(map(str, catalog.broken)))


def _in_full(catalog: Catalog) -> Listing:
    """Return the list of the nodes of a catalog, with what is said of each."""
    from .one_node import said_of

    listing = made(catalog)
    nodes = tuple(
        replace(listed, said=tuple(said_of(one, catalog, ())))
        for listed, one in zip(listing.nodes, catalog, strict=True)
    )
    return replace(listing, nodes=nodes)


def kept(folder: Path | None = None) -> Listing | None:
    """Return the list that was kept, if all is as it was; None where it is not, or is no list."""
    try:
        found = json.loads(_place(folder).read_bytes())
        if found["made_of"] != _made_of(found["made_of"]["files"], found["made_of"]["folders"]):
            return None
        return Listing(tuple(_listed(**one) for one in found["nodes"]), ())
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None


def _listed(id: str, subject: str, summary: str, said: Sequence[Any]) -> Listed:
    """Return a node of a list that was kept.

    Raises:
        TypeError: it is none; and so ValueError.
    """
    pieces = tuple((layout, tuple(map(tuple, rows))) for layout, rows in said)
    cells = (cell for _, rows in pieces for row in rows for cell in row)
    if {*map(type, (id, subject, summary, *cells))} != {str} or not all(map(has_shape, pieces)):
        raise TypeError
    return Listed(id, subject, summary, pieces)


def _place(folder: Path | None) -> Path:
    """Return the file of the list: each place where Python looks has its own."""
    folder = folder or platformdirs.user_cache_path("resonate_graph") / "nodes"
    looks_into = "\n".join([sys.prefix, *sys.path])
    return folder / f"{blake3(looks_into.encode(errors='surrogateescape')).hexdigest(8)}.json"


def _keep(nodes: Sequence[Listed], path: Path, looked_into: Mapping[str, str]) -> None:
    """Keep a list for the next call; where that cannot be done, it is made again then.

    Args:
        nodes: the list.
        path: its file.
        looked_into: the folders of `sys.path` as they were before anything was looked for there.
    """
    files, packages = _loaded()
    made_of = _made_of(sorted(files), sorted({*packages, *sys.path}))
    times = [when / 1e9 for told in made_of["files"].values() for when in told[:2]]
    installed_meanwhile = not looked_into.items() <= made_of["folders"].items()
    if installed_meanwhile or max(times) > BEGUN - _SETTLED_SECONDS:
        return
    text = json.dumps({"made_of": made_of, "nodes": [asdict(one) for one in nodes]})
    with contextlib.suppress(OSError, OutputError, ValueError):
        publish(path, lambda file: file.write(text.encode()), durable=False)
        others = sorted(path.parent.glob("*.json"), key=lambda one: one.stat().st_mtime)
        for old in others[:-_MOST_KEPT]:
            old.unlink()


def _loaded() -> tuple[set[str], set[str]]:
    """Return the files of all modules that were loaded, and the folders of packages."""
    files: set[str] = set()
    folders: set[str] = set()
    for module in [*sys.modules.values()]:
        if not issubclass(type(module), ModuleType):  # some only say that they are
            continue
        # some answer for whatever attribute they are asked for, or are loaded by the question
        facts = object.__getattribute__(module, "__dict__")
        if isinstance(file := facts.get("__file__"), str):
            files.add(file)
        if isinstance(path := facts.get("__path__"), Iterable):
            folders.update(map(str, path))
    return files, folders


def _made_of(files: Iterable[str], folders: Iterable[str]) -> Mapping[str, Any]:
    """Return what a list depends on: which Python looks where, and what is there."""
    return {
        "version": __version__,
        "python": [sys.version, sys.executable, sys.flags.optimize],
        "path": list(sys.path),
        "finders": [getattr(one, "__name__", type(one).__name__) for one in sys.meta_path],
        "files": {file: _state(file) for file in files},
        "folders": _folders(folders),
    }


def _folders(folders: Iterable[str]) -> Mapping[str, str]:
    return {folder: _names(folder) for folder in folders}


def _state(file: str) -> list[int]:
    try:
        found = Path(file).stat()
    except OSError:
        return [0, 0, -1]
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size]


def _names(folder: str) -> str:
    """Return a digest of what can be imported from a folder, and of what is installed there."""
    told = blake3()
    for line in _lines(folder or "."):
        told.update(f"{line}\n".encode(errors="surrogateescape"))
    return told.hexdigest(16)


def _lines(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as inside:
            names = sorted(one.name for one in inside)
    except OSError:  # it is not there, or is an archive
        yield str(_state(folder))
        return
    for name in names:
        if "." not in name or name.endswith(_TELLING):
            yield name
        if name.endswith(("-info", ".egg")):
            yield str(_state(f"{folder}/{name}/entry_points.txt"))
