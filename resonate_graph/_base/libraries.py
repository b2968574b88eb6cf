"""Libraries that several threads need at the same time, imported by one of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from threading import Lock

_IMPORTING = Lock()


def import_whole(distributions: Iterable[str]) -> None:
    """Import the packages of these distributions, unless they are; other threads wait for that.

    Python lets a thread import a part of a package while another one is still importing the
    package itself. Where each then needs what the other has begun, one of them is given it half
    made, and fails: so it is with two parts of scipy, nearly every time. Once the package is there,
    its parts can be imported by as many threads as want to.

    What cannot be imported is left for those who need it to tell.

    Args:
        distributions: as pip names them; of those that name their package otherwise nothing is
            imported.
    """
    names = [name.replace("-", "_") for name in distributions]
    if all(name in sys.modules for name in names) and not _IMPORTING.locked():
        return
    with _IMPORTING:
        for name in names:
            with suppress(Exception):
                import_module(name)
