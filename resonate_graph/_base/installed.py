"""What is installed: versions of distributions and entry points, each looked up once per process.

So what is told of a run is what ran in it, whatever is installed meanwhile.
"""

from __future__ import annotations

from functools import cache
from importlib import metadata
from typing import Any


@cache
def version_of(distribution: str) -> str:
    """Return the installed version of a distribution, as pip names it.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    found = metadata.distribution(distribution)
    head = (found.read_text("METADATA") or "").partition("\n\n")[0]
    lines = [line for line in head.splitlines() if line.startswith("Version:")]
    # read without the parser of e-mail, which takes longer than a cached run of a small graph
    return lines[0].partition(":")[2].strip() if len(lines) == 1 else found.version


@cache
def _all_points() -> Any:  # of another type in 3.10 than later
    return metadata.entry_points()


def entry_points(group: str) -> metadata.EntryPoints:
    """Return the entry points of a group."""
    points: metadata.EntryPoints = _all_points().select(group=group)
    return points
