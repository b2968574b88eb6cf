"""What is installed: versions of distributions and entry points, each looked up once per process.

So what is told of a run is what ran in it, whatever is installed meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import metadata

#: How the groups of entry points begin that this library looks for.
_OURS = "[resonate_graph."


@cache
def version_of(distribution: str) -> str:
    """Return the installed version of a distribution, as pip names it.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    found = metadata.distribution(distribution)
    return _said(found, "Version") or found.version


def name_of(distribution: metadata.Distribution) -> str:
    """Return what a distribution is called."""
    return _said(distribution, "Name") or distribution.metadata["Name"]


def entry_points(group: str) -> list[metadata.EntryPoint]:
    """Return the entry points of one of this library's groups."""
    return [point for point in _our_points() if point.group == group]


@cache
def _our_points() -> tuple[metadata.EntryPoint, ...]:
    return tuple(_find_points())


def _find_points() -> Iterator[metadata.EntryPoint]:
    """Yield all our entry points; whatever else is installed is not read through.

    To read the entry points of all that is installed, as Python does, takes four times as long.
    """
    with_ours = {}
    for one in metadata.distributions():
        if _OURS in (one.read_text("entry_points.txt") or "") and (name := name_of(one)):
            with_ours[re.sub(r"[-_.]+", "-", name).lower()] = name
    for name in with_ours.values():  # of several of a name, the one that is looked up first counts
        yield from metadata.distribution(name).entry_points


def _said(distribution: metadata.Distribution, field: str) -> str:
    """Return what the metadata of a distribution say, in one line; nothing where they do not.

    Read without the parser of e-mail, which takes longer than a cached run of a small graph.
    """
    head = (distribution.read_text("METADATA") or "").partition("\n\n")[0]
    lines = [line for line in head.splitlines() if line.startswith(f"{field}:")]
    return lines[0].partition(":")[2].strip() if len(lines) == 1 else ""
