"""Pieces of what is said at length: text and tables, before anybody knows how wide lines are."""

from __future__ import annotations

from typing import TypeAlias

#: How a piece is laid out (`paragraph`, `lines`, `table`), and its rows of cells, of which a text
#: is one.
Piece: TypeAlias = tuple[str, tuple[tuple[str, ...], ...]]


def paragraph(text: str) -> Piece:
    """Return text that is folded where lines are narrow."""
    return "paragraph", ((text,),)


def lines(text: str) -> Piece:
    """Return text whose lines stay as they are."""
    return "lines", ((text,),)


def table(headings: tuple[str, ...], *rows: tuple[str, ...]) -> Piece:
    """Return a table; each row has as many cells as there are headings."""
    return "table", (headings, *rows)


def has_shape(piece: Piece) -> bool:
    """Whether a piece is laid out in a way there is, and has what that takes."""
    layout, rows = piece
    if layout == "table":
        return bool(rows and rows[0]) and len({*map(len, rows)}) == 1
    return layout in ("paragraph", "lines") and [len(row) for row in rows] == [1]
