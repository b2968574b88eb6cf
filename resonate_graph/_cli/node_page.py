"""``resonate nodes --markdown``: every node in full on one page, to read beside the graphs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from .. import Catalog, NodeType
from .._base.docstrings import sections, summary
from .node_tables import Row, facts, subject, tables

_TITLE = """\
# Nodes

Made by `resonate nodes --markdown` from the signatures and docstrings of what is installed. The
unit of a param, or of a field of a report, is the end of its name. `resonate nodes TYPE` shows one
node with an example to copy, as a graph and in Python.
"""


def page(catalog: Catalog) -> str:
    """Return a page in Markdown: a list of the nodes by chapter, then a section for each."""
    chapters: dict[tuple[str, str], list[NodeType]] = {}
    for one in sorted(catalog, key=lambda node_type: (subject(node_type), node_type.id)):
        chapters.setdefault(_chapter(one), []).append(one)
    listed = [(_link(title) if one is each[0] else "", _link(one.id), summary(one.doc))
              for (title, _), each in sorted(chapters.items()) for one in each]  # fmt: skip
    parts = [_TITLE, _table(("", "node", ""), listed)]
    for (title, about), each in sorted(chapters.items()):
        parts.append(f"## {title}\n")
        parts += [f"{about}\n"] if about else []
        for one in each:
            parts += _section(one)
    return "\n".join(parts)


def _chapter(node_type: NodeType) -> tuple[str, str]:
    """Return the title of a node's chapter and what is said below it.

    They are the first sentence of the package that its module stands in, up to a colon and after
    it; of a module that stands in none, its subject.
    """
    parent = node_type.function.__module__.rpartition(".")[0]
    if "." not in parent:
        return subject(node_type), ""
    title, _, about = summary(sys.modules[parent].__doc__ or "").partition(": ")
    title = title.removesuffix(".") or parent
    about = about[:1].upper() + about[1:]
    return (f"{node_type.pack}: {title}" if node_type.pack else title), about


def _section(node_type: NodeType) -> Iterator[str]:
    yield f"### {node_type.id}\n"
    libraries = f"; its key holds the version of {', '.join(node_type.uses)}"
    yield f"*{facts(node_type)}{libraries if node_type.uses else ''}.*\n"
    yield f"{sections(node_type.doc)['']}\n"
    for headings, rows in tables(node_type):
        yield _table(headings, [(f"`{row[0]}`", *row[1:]) for row in rows])


def _table(headings: Row, rows: Iterable[Row]) -> str:
    lines = [headings, ("---",) * len(headings), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _link(heading: str) -> str:
    """Return a link to a heading of the page; its anchor is the one GitHub makes."""
    anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    return f"[{heading}](#{anchor})"
