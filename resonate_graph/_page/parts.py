"""The parts of a page: its frame, tables, figures, notices. All take text and return HTML.

>>> page = document("Side A", table(["", "loudness"], [["before", "−20.1 LUFS"]]))
>>> page.startswith("<!doctype html>")
True
"""

from __future__ import annotations

import base64
import html
import re
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

_PNG = b"\x89PNG\r\n\x1a\n"
_KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
_NUMBER = re.compile(r"[+\-−–]?[\d.,\s]*\d(\s?(%|°|[a-zA-Zµσ/]+))?|[-–−]|")
_MINUS = re.compile(r"^-(?=[\d.])")
#: The line by which a page of ours is known.
MARK = "<body data-rg-page>"
_PLAYER = 'class="rg-player"'
_SCRIPTS = ("sound.js", "view.js", "lists.js", "pointers.js", "player.js")
_NOTHING = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_RUNS = "; script-src 'unsafe-inline'"
_BESIDE = (
    "default-src 'none'; img-src 'self' data: file:; media-src 'self' data: file:; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline' 'self' file:; connect-src 'self'"
)


class Figure(NamedTuple):
    """A figure that says much, as text.

    Attributes:
        value: the number, or the word.
        unit: its unit; empty for none.
        label: what it is.
        verdict: whether that is much; empty to leave it open.
        link: where more of it stands, as a relative URL; empty for nowhere.
    """

    value: str
    unit: str
    label: str
    verdict: str = ""
    link: str = ""


def document(
    title: str,
    body: str,
    *,
    lead: str = "",
    footer: str = "",
    style: str = "",
    alone: bool = False,
) -> str:
    """Return a page, with styles, and scripts if there is a player on it.

    It loads nothing but files beside it, and its browser is told to refuse anything else.

    Args:
        title: its heading, as text.
        body: what follows, as HTML.
        lead: a line under the heading, as text: what this is, of what, and when it was made.
        footer: what stands at the end, as HTML.
        style: more CSS, for this page only.
        alone: whether all it has is inside, so that nothing at all is to be loaded. Who makes
            such a page may not know what its file will be called: with a player on it, it says its
            name and date where it is opened as a file.
    """
    heading = html.escape(title)
    player = _PLAYER in body
    policy = (_NOTHING + _RUNS * player) if alone else _BESIDE
    styles = _asset("page.css") + (_asset("player.css") if player else "") + style
    own = "<span data-rg-file></span>" if alone and player else ""
    below = f'<p class="lead">{html.escape(lead)}{own}</p>\n' if lead or own else ""
    end = f"<footer>\n{footer}\n</footer>\n" if footer else ""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<link rel="icon" href="data:,">\n'
        f"<title>{heading}</title>\n<style>\n{styles}</style>\n</head>\n{MARK}\n"
        f"<header>\n<h1>{heading}</h1>\n{below}</header>\n<main>\n{body}\n</main>\n{end}"
        f"{script() if player else ''}</body>\n</html>\n"
    )


def embedded(body: str, *, style: str = "") -> str:
    """Return HTML with its styles and scripts, to stand in somebody else's page: a notebook."""
    player = _PLAYER in body
    styles = (_asset("player.css") if player else "") + style
    # the notebook's own keys, which would do something to its cells, are off inside
    return (
        f"<style>\n{styles}</style>\n"
        f'<div class="rg-embedded" data-lm-suppress-shortcuts="true">\n{body}</div>\n'
        f"{script() if player else ''}"
    )


def script() -> str:
    """Return the script element that brings the players on a page to life.

    Where it comes again, as in a notebook, the first one takes the new players as well: so of all
    of them one sounds at a time.
    """
    code = "\n".join(map(_asset, _SCRIPTS))
    return (
        '<script>\n(() => {\n"use strict";\n'
        'if (window.resonatePlayer) {\n  document.querySelectorAll(".rg-player")'
        ".forEach(window.resonatePlayer.mount);\n  return;\n}\n"
        f"{code}}})();\n</script>\n"
    )


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    best: Collection[tuple[int, int]] = (),
) -> str:
    """Return a table of texts. Columns of numbers stand to the right.

    Args:
        headings: one for each column; empty for a table without.
        rows: the cells. The first of each row is its heading.
        best: row and column of cells to be set off, counted from 0.
    """
    lines = [list(row) for row in rows]
    width = max([len(headings), *map(len, lines)], default=0)
    right = [
        column > 0 and all(_NUMBER.fullmatch(row[column]) for row in lines if column < len(row))
        for column in range(width)
    ]
    head = "".join(
        f'<th{_number(right[column])} scope="col">{html.escape(text)}</th>'
        for column, text in enumerate(headings)
    )
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{html.escape(text)}</th>'
            if not column
            else f"<td{_number(right[column], (index, column) in best)}>"
            f"{html.escape(_MINUS.sub('−', text) if right[column] else text)}</td>"
            for column, text in enumerate(row)
        )
        + "</tr>"
        for index, row in enumerate(lines)
    )
    top = f"<thead><tr>{head}</tr></thead>\n" if headings else ""
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="Table">'
        f"<table>\n{top}<tbody>\n{body}\n</tbody>\n</table></div>\n"
    )


def figures(shown: Iterable[Figure]) -> str:
    """Return figures that say most, large."""
    tiles = "\n".join(
        (
            f'<a class="figure" href="{html.escape(one.link, quote=True)}">'
            if one.link
            else '<div class="figure">'
        )
        + f'<b>{html.escape(one.value)}</b><span class="unit">{html.escape(one.unit)}</span>'
        f'<span class="label">{html.escape(one.label)}</span>'
        + (f'<span class="verdict">{html.escape(one.verdict)}</span>' if one.verdict else "")
        + ("</a>" if one.link else "</div>")
        for one in shown
    )
    return f'<div class="figures">\n{tiles}\n</div>\n' if tiles else ""


def notice(text: str, do: str = "", *, kind: str = "") -> str:
    """Return a remark that stands out.

    Args:
        text: what was found, in a sentence.
        do: what to do about it; empty for nothing.
        kind: ``warning``, ``failed``, ``good``, or empty for a remark.
    """
    more = f'<p class="do">{html.escape(do)}</p>' if do else ""
    return f'<div class="notice {kind}" role="note"><p>{html.escape(text)}</p>{more}</div>\n'


def section(heading: str, *content: str) -> str:
    """Return HTML under a heading; nothing where there is nothing to show."""
    joined = "".join(content)
    return f"<section>\n<h2>{html.escape(heading)}</h2>\n{joined}</section>\n" if joined else ""


def cards(content: Iterable[str]) -> str:
    """Return boxes beside one another, as many as there is room for."""
    boxes = "\n".join(f'<div class="card">\n{one}\n</div>' for one in content)
    return f'<div class="cards">\n{boxes}\n</div>\n'


def paragraph(text: str) -> str:
    """Return a paragraph of text."""
    return f"<p>{html.escape(text)}</p>\n"


def facts(items: Mapping[str, str]) -> str:
    """Return names and what they are, as in provenance."""
    lines = "\n".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in items.items()
    )
    return f'<dl class="facts">\n{lines}\n</dl>\n'


def command(text: str) -> str:
    """Return a command to be copied: one click selects all of it."""
    return f"<pre>{html.escape(text)}</pre>\n"


def folded(summary: str, content: str) -> str:
    """Return HTML that is shown when its summary is clicked."""
    return f'<details class="more"><summary>{html.escape(summary)}</summary>\n{content}</details>\n'


def image(content: bytes | str, caption: str, *, suffix: str = ".png", wide: bool = False) -> str:
    """Return a picture with what it shows.

    Args:
        content: the bytes of a picture, which becomes part of the page; or the relative URL of one.
        caption: what is seen on it.
        suffix: of what kind the bytes are: ``.png``, ``.jpg``, ``.jpeg`` or ``.webp``.
        wide: whether it is scrolled in a narrow window rather than made too small to read.

    Raises:
        ValueError: there is no such kind.
    """
    size = ""
    if isinstance(content, str):
        source = html.escape(content, quote=True)
    else:
        kind = _KINDS.get(suffix.lower())
        if kind is None:
            raise ValueError(f"{suffix} is no picture: {', '.join(_KINDS)} are")
        source = f"data:{kind};base64,{base64.b64encode(content).decode()}"
        if content.startswith(_PNG):
            width, height = struct.unpack(">II", content[16:24])
            size = f' width="{width}" height="{height}"'
    shown = html.escape(caption, quote=True)
    return (
        f'<figure class="picture{" wide" * wide}"><img src="{source}" alt="{shown}"{size}>'
        f"<figcaption>{shown}</figcaption></figure>\n"
    )


def drawing(svg: str, caption: str) -> str:
    """Return a drawing given as an SVG element, such as that of a graph."""
    return (
        f'<figure class="picture wide" tabindex="0">{svg}'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>\n"
    )


def _number(right: bool, best: bool = False) -> str:
    classes = " ".join(name for name, on in (("number", right), ("best", best)) if on)
    return f' class="{classes}"' if classes else ""


@cache
def _asset(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
