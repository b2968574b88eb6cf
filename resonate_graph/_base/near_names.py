"""What is said after "no node 'x'": the names that were most likely meant, or those there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from itertools import islice

#: How many names one that names nothing is compared with, and how many of them are listed.
_COMPARED, _LISTED = 1000, 50


def instead(name: str, known: Iterable[str]) -> str:
    """Return what is to be said after "no node 'x'": what was probably meant, or what there is."""
    names = list(islice(known, _COMPARED))
    if near := difflib.get_close_matches(name, names, n=2):
        return did_you_mean(near)
    listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    return f"; there are: {listed}" if names else "; there are none"


def did_you_mean(names: Sequence[str]) -> str:
    """Return a question to follow a message; nothing where no name is near."""
    return f"; did you mean {' or '.join(map(repr, names))}?" if names else ""
