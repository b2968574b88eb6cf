"""Libraries that several threads need at the same time, imported by one of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from threading import RLock

#: Held by the thread that imports; what it imports may call nodes, and come here again.
_IMPORTING = RLock()


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
    with _IMPORTING:
        for name in distributions:
            with suppress(Exception):
                # it waits for whoever imports it without asking here
                import_module(name.replace("-", "_"))
