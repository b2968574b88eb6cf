"""Paths as people write them."""

from __future__ import annotations

import os
from pathlib import Path


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path whose ``~`` is a home folder; as it is where there is no such user.

    A shell leaves it alone then, and whoever opens the path says that there is no such file.
    """
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):  # no such user; a NUL in the name of one
        return Path(path)
