"""What a node needs that makes a page of its own: `resonate_graph.pages`.

All of it takes text and returns HTML, which `document` makes a page of. Colours, phones, and the
meaning of terms are taken care of.

    >>> from resonate_graph import pages
    >>> body = pages.explained(pages.table(["", "loudness"], [["side A", "−20.1 LUFS"]]))
    >>> page = pages.document("Transfers", body, alone=True)
    >>> "ITU-R BS.1770" in page
    True
"""

from functools import cache
from importlib import resources

from blake3 import blake3

from .marks import marks_of
from .parts import (
    Figure,
    cards,
    command,
    document,
    drawing,
    embedded,
    facts,
    figures,
    folded,
    image,
    notice,
    paragraph,
    section,
    table,
)
from .player import Mark, Track, player
from .terms import explained

__all__ = [
    "Figure",
    "Mark",
    "Track",
    "cards",
    "command",
    "document",
    "drawing",
    "embedded",
    "explained",
    "facts",
    "figures",
    "folded",
    "identity",
    "image",
    "marks_of",
    "notice",
    "paragraph",
    "player",
    "section",
    "table",
]


@cache
def identity() -> str:
    """Return what tells these parts from those of other versions.

    A node that makes pages says it in its ``prepare`` hook, so that a page is made anew where it
    would look or behave otherwise.
    """
    files = (one for one in resources.files(__package__).iterdir() if one.is_file())
    hasher = blake3()
    for one in sorted(files, key=lambda one: one.name):
        hasher.update(one.name.encode() + b"\0" + one.read_bytes())
    return hasher.hexdigest()[:32]
