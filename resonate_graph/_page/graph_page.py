"""A page of a graph: its picture, and the same as a table for who reads rather than looks."""

from __future__ import annotations

from .._node.notes import did_in_words
from . import parts
from .graph_svg import svg
from .graph_view import Item, View, status_text

_STYLE = """
main { max-width: 110rem }
"""


def page(view: View) -> str:
    """Return a page that needs no other file."""
    body = fragment(view) + parts.section("Steps", _table(view))
    return parts.document(view.name, body, lead=view.description, style=_STYLE)


def fragment(view: View) -> str:
    """Return the picture as a part of a page: where it is wider than the page, it is moved."""
    return (
        '<div style="overflow-x:auto" tabindex="0" role="region" '
        f'aria-label="picture of the graph">\n{svg(view, heading=False)}</div>\n'
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
