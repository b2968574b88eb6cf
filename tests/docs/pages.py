"""The pages that people read, taken apart: their blocks of code, their headings, their links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(
    r"^(?:<!-- (?P<file>\S+) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A block of code in a page.

    Attributes:
        line: the line it begins at.
        kind: what follows the fence: ``python``, ``json``, ``console``, ``sh``, ``text``.
        file: the name it is to be saved under, as a comment before it says; None for none.
        text: what it holds.
    """

    line: int
    kind: str
    file: str | None
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of code of a page."""
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("text")) + 1
        yield Block(line, found["kind"], found["file"], found["text"])


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return what can be linked to within a page, as GitHub names it."""
    headings = (found.replace("`", "") for found in _HEADING.findall(prose(page)))
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def links(page: Path) -> list[str]:
    """Return where a page's links and pictures lead."""
    return _LINK.findall(prose(page))


def commands(text: str) -> Iterator[str]:
    """Yield the calls of ``resonate`` in a block, with what is to be filled in left out."""
    for line in text.splitlines():
        call = line.removeprefix("$ ").partition("   #")[0]
        if call.startswith("resonate ") and not re.search(r"[\[|]|\b[A-Z]{3,}\b", call):
            yield call
