"""A page of a graph: its picture, and the same as a table for who reads rather than looks."""

from __future__ import annotations

import math
import re

from .._node.notes import did_in_words
from . import parts
from .graph_svg import svg
from .graph_view import Item, View, status_text

_STYLE = """
main { max-width: 110rem }
"""
#: So much smaller than it is made a picture may be shown: letters of 11 pixels are still read.
_LEAST_SCALE = 0.85


def page(view: View) -> str:
    """Return a page that needs no other file."""
    body = fragment(view) + parts.section("Steps", _table(view))
    return parts.document(view.name, body, lead=view.description, style=_STYLE)


def fragment(view: View) -> str:
    """Return the picture as a part of a page: where it is wider than the page, it is moved.

    It is made a little smaller where that is enough to have all of it in sight.
    """
    picture = svg(view, heading=False)
    found = re.search(r'width="(\d+)"', picture)
    assert found is not None
    width = int(found[1])
    least = math.ceil(_LEAST_SCALE * width)
    room, hint = f"resonate-room-{width}", f"resonate-hint-{width}"
    return (
        f"<style>.{room}>svg{{min-width:{least}px}}@container (max-width:{least - 0.5}px)"
        f"{{.{room}>svg{{min-width:{width}px}}.{hint}{{display:block}}}}</style>\n"
        '<div style="container-type:inline-size">\n'
        f'<p class="{hint}" style="margin:.2rem 0 .4rem;font-size:.88rem" hidden>'
        "The picture is wider than there is room: move it to the side. &#8596;</p>\n"
        f'<div class="rg-graph {room}" style="overflow-x:auto" tabindex="0" role="region" '
        'aria-label="picture of the graph">\n'
        + picture.replace("<svg ", f'<svg style="width:100%;height:auto;max-width:{width}px" ', 1)
        + "</div>\n</div>\n"
    )


def _table(view: View) -> str:
    steps = [item for item in view.items if item.kind in ("step", "frame")]
    known = any(item.standing is not None for item in steps)
    did = any(item.standing is not None and item.standing.did for item in steps)
    headings = ["step", "type", "from", "set", *["status"] * known, *["what it did"] * did]
    rows = [
        [
            item.id,
            item.type,
            _sources(view, item),
            ", ".join(f"{name} = {value}" for name, value in item.params),
            *([status_text(item.standing) if item.standing else ""] * known),
            *([did_in_words(item.standing.did) if item.standing else ""] * did),
        ]
        for item in steps
    ]
    return parts.table(headings, rows)


def _sources(view: View, item: Item) -> str:
    """Say what goes into an item, as graphs write it."""
    return ", ".join(
        link.source if link.output in ("", "out") else f"{link.source}.{link.output}"
        for link in view.links
        if link.target == item.id
    )
