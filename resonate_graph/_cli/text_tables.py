"""Text as wide as there is room: tables whose long columns are folded, and paragraphs."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.cells import cell_len

_GAP = 2

#: A column that is folded is no narrower, where there is any room for it; and wide enough to read.
_NARROWEST, _READABLE = 8, 20

_NUMBER = re.compile(r"[-+]?[0-9][0-9.,]*( ?(%|s|dB|B|kB|MB|GB|TB|LUFS|dBTP))?\*?")


def columns() -> int | None:
    """Return how wide lines may be: as ``COLUMNS`` or the terminal says; None where none does."""
    with contextlib.suppress(ValueError):
        if (wanted := int(os.environ.get("COLUMNS", ""))) > 0:
            return wanted
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def stderr_columns() -> int | None:
    """Return how wide lines on stderr may be; None where nobody says it."""
    with contextlib.suppress(ValueError):
        if (wanted := int(os.environ.get("COLUMNS", ""))) > 0:
            return wanted
    with contextlib.suppress(OSError, ValueError):
        return os.get_terminal_size(sys.stderr.fileno()).columns
    return None


def laid_out(
    rows: Sequence[Sequence[str]], width: int | None, folding: Sequence[bool]
) -> Iterator[str]:
    """Yield the lines of a table, the one of its headings first, without blanks at their ends.

    Columns that hold nothing but numbers are flush right.

    Args:
        rows: the headings, then the cells.
        width: how wide a line may be; None for a line per row, however long.
        folding: which columns may be folded.
    """
    widths = _widths(rows, width, folding)
    right = [_is_of_numbers(column) for column in zip(*rows[1:], strict=True)] or [False] * len(
        widths
    )
    for row in rows:
        folded = [_folded(cell, room) for cell, room in zip(row, widths, strict=True)]
        for parts in zip_longest(*folded, fillvalue=""):
            cells = zip(parts, widths, right, strict=True)
            line = (" " * _GAP).join(_filled(part, room, flush) for part, room, flush in cells)
            yield line.rstrip()


def roomy(
    rows: Sequence[Sequence[str]],
    width: int | None,
    folding: Sequence[bool],
    spare: Sequence[int],
) -> list[int]:
    """Return the columns that there is room for, if those that are folded get a little of it.

    Args:
        rows: the headings, then the cells.
        width: how wide a line may be; None for any width.
        folding: which columns may be folded.
        spare: the columns that may be left out, the first one first.
    """
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    least = [min(wide, _READABLE) if may else wide
             for wide, may in zip(widths, folding, strict=True)]  # fmt: skip
    told = [any(cells) for cells in zip(*rows[1:], strict=True)] or [True] * len(widths)
    kept = [column for column, wide in enumerate(widths) if wide and (told[column] or not width)]
    for column in spare:
        if width is None or sum(least[n] + _GAP for n in kept) - _GAP <= width:
            break
        kept = [one for one in kept if one != column]
    return kept


def wrapped(text: str, width: int | None, *, indent: str = "", hang: str = "") -> Iterator[str]:
    """Yield a text in lines; those that begin with a space, and empty ones, stay as they are.

    Args:
        text: the text.
        width: how wide a line may be; None for lines as long as paragraphs.
        indent: what stands before each line.
        hang: what stands before each line but the first, besides.
    """
    for paragraph in _paragraphs(text):
        if width is None or not paragraph or paragraph[0] == " ":
            yield f"{indent}{paragraph}".rstrip()
        else:
            yield from textwrap.wrap(
                paragraph,
                max(width, len(indent + hang) + _NARROWEST),
                initial_indent=indent,
                subsequent_indent=indent + hang,
                break_on_hyphens=False,
            )


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a text, each as one line; what is indented line by line."""
    paragraph: list[str] = []
    for line in text.splitlines():
        if line.strip() and line[0] != " " and not line.startswith(("- ", "* ")):
            paragraph.append(line)
            continue
        if paragraph:
            yield " ".join(paragraph)
        paragraph = []
        if line.startswith(("- ", "* ")):
            paragraph = [line]
        else:
            yield line
    if paragraph:
        yield " ".join(paragraph)


def _widths(rows: Sequence[Sequence[str]], width: int | None, folding: Sequence[bool]) -> list[int]:
    """Return how wide each column is: as its longest cell, or less where it may be folded."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    if width is None:
        return widths
    room = width - _GAP * (len(widths) - 1)
    while sum(widths) > room:
        foldable = [n for n, may in enumerate(folding) if may and widths[n] > _NARROWEST]
        if not foldable:
            foldable = [n for n, wide in enumerate(widths) if wide > _NARROWEST]
        if not foldable:
            break
        widest = max(widths[n] for n in foldable)
        for n in foldable:  # all that are as wide, so that none is folded for the others
            if widths[n] == widest and sum(widths) > room:
                widths[n] -= 1
    return widths


def _is_of_numbers(column: Sequence[str]) -> bool:
    return any(column) and all(_NUMBER.fullmatch(cell) for cell in column if cell)


def _folded(cell: str, room: int) -> list[str]:
    if cell_len(cell) <= room:
        return [cell]
    return textwrap.wrap(cell, room, break_on_hyphens=False) or [""]


def _filled(text: str, room: int, flush_right: bool) -> str:
    blanks = " " * (room - cell_len(text))
    return blanks + text if flush_right else text + blanks
