"""What is installed: versions of distributions and entry points, each looked up once per process.

So what is told of a run is what ran in it, whatever is installed meanwhile.
"""

from __future__ import annotations

from functools import cache
from importlib import metadata


@cache
def version_of(distribution: str) -> str:
    """Return the installed version of a distribution, as pip names it.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    return metadata.version(distribution)


@cache
def _all_points() -> metadata.EntryPoints:
    return metadata.entry_points()


def entry_points(group: str) -> metadata.EntryPoints:
    """Return the entry points of a group."""
    return _all_points().select(group=group)
