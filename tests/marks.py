"""Texts whose places are marked in the text itself, so that no test counts columns by hand."""

from __future__ import annotations

MARK = "‸"


def marked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the text without its marks, and line and column of what each mark stands before."""
    places = []
    for index, line in enumerate(text.split("\n")):
        pieces = line.split(MARK)[:-1]
        lengths = [len(piece) for piece in pieces]
        places += [(index + 1, sum(lengths[: count + 1]) + 1) for count in range(len(pieces))]
    return text.replace(MARK, ""), places
