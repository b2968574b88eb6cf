"""A page of a graph: its picture, and the same as a table for who reads rather than looks."""

from __future__ import annotations

import html

from .graph_svg import DARK, LIGHT, svg
from .graph_view import Item, View, figures, status_text

_STYLE = f"""
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 110rem;
        padding: 0 1rem; background: {LIGHT["ground"]}; color: {LIGHT["ink"]} }}
.wide {{ overflow-x: auto }}
.wide svg {{ display: block; margin: 0 auto }}
table {{ border-collapse: collapse; margin: 1rem 0 }}
th, td {{ border-bottom: 1px solid #8884; padding: .3rem .8rem .3rem 0; text-align: left;
          vertical-align: top; min-width: 6rem }}
@media (prefers-color-scheme: dark) {{
  body {{ background: {DARK["ground"]}; color: {DARK["ink"]} }}
}}
"""


def page(view: View) -> str:
    """Return a page that needs no other file."""
    name = html.escape(view.name)
    said = f"<p>{html.escape(view.description)}</p>\n" if view.description else ""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{name}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n{said}"
        f'<div class="wide" tabindex="0" role="region" aria-label="picture of the graph">\n'
        f"{svg(view, heading=False)}</div>\n{_table(view)}</body>\n</html>\n"
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
            *([_did(item)] * did),
        ]
        for item in steps
    ]
    head = "".join(f'<th scope="col">{one}</th>' for one in headings)
    body = "\n".join(
        f'<tr><th scope="row">{html.escape(first)}</th>'
        + "".join(f"<td>{html.escape(one)}</td>" for one in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<h2>Steps</h2>\n<div class="wide" tabindex="0" role="region" aria-label="steps">\n'
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>\n"
    )


def _sources(view: View, item: Item) -> str:
    """Say what goes into an item, as graphs write it."""
    return ", ".join(
        link.source if link.output in ("", "out") else f"{link.source}.{link.output}"
        for link in view.links
        if link.target == item.id
    )


def _did(item: Item) -> str:
    if item.standing is None:
        return ""
    return ", ".join(f"{words}: {text}" for words, text in figures(item.standing.did))
