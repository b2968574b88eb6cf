"""Where the values of a JSON text stand: JSON pointer to line and column.

Only needed once there is something to complain about, so a graph that is right never pays for
it. The text was read by `json` before, so its syntax is right, but for the words NaN and
Infinity; one pass over its tokens, without recursion, finds every place.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_CONSTANTS = frozenset({"NaN", "Infinity", "-Infinity"})

#: What lies deeper is not told apart: that it is too deep is its only problem.
_DEEPEST = 100


@dataclass(frozen=True)
class Position:
    """A place in a text: line and column in characters, both from 1."""

    line: int
    column: int


@dataclass
class _Open:
    """An object or array whose end was not seen yet; `next` is None where a key must come."""

    pointer: str | None
    next: str | int | None
    keys: set[str] = field(default_factory=set)


class Positions:
    """The places of all values of one JSON text.

    Attributes:
        duplicates: the keys that stand a second time in their object, with that place.
        constants: NaN and the infinities, which are no JSON, with their places.
    """

    def __init__(self, text: str) -> None:
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._values: dict[str, int] = {}
        self._keys: dict[str, int] = {}
        self.duplicates: list[tuple[str, Position]] = []
        self.constants: list[tuple[str, Position]] = []
        self._read(text)

    def find(self, pointer: str) -> Position:
        """Return the place of a pointer; of its nearest parent, where the value is not there."""
        while pointer and pointer not in self._values:
            pointer = pointer.rpartition("/")[0]
        return self._position(self._values.get(pointer, 0))

    def find_key(self, pointer: str) -> Position:
        """Return the place of the key that introduces a value, or else of the value."""
        start = self._keys.get(pointer)
        return self.find(pointer) if start is None else self._position(start)

    def offset(self, pointer: str, *, key: bool = False) -> int:
        """Return at which character a value begins that is there, or the key before it."""
        return self._keys[pointer] if key else self._values[pointer]

    def _read(self, text: str) -> None:
        stack: list[_Open] = []
        for match in _TOKEN.finditer(text):
            token, start = match[0], match.start()
            if token in ("}", "]"):
                stack.pop()
            elif token == ",":
                last = stack[-1].next
                stack[-1].next = last + 1 if isinstance(last, int) else None
            elif stack and stack[-1].next is None:
                self._found_key(stack, str(json.loads(token)), start)
            elif token != ":":
                pointer = _pointer(stack)
                if pointer is not None:
                    self._values[pointer] = start
                    if token in _CONSTANTS:
                        self.constants.append((pointer, self._position(start)))
                if token in ("{", "["):
                    stack.append(_Open(pointer, None if token == "{" else 0))

    def _found_key(self, stack: list[_Open], key: str, start: int) -> None:
        inner = stack[-1]
        inner.next = key
        pointer = _pointer(stack)
        if pointer is not None:
            if key in inner.keys:
                self.duplicates.append((pointer, self._position(start)))
            self._keys.setdefault(pointer, start)
        inner.keys.add(key)

    def _position(self, start: int) -> Position:
        line = bisect_right(self._lines, start)
        return Position(line, start - self._lines[line - 1] + 1)


def join(pointer: str, *parts: str | int) -> str:
    """Append parts to a JSON pointer, escaped as RFC 6901 says."""
    for part in parts:
        text = str(part)
        if "~" in text or "/" in text:
            text = text.replace("~", "~0").replace("/", "~1")
        pointer = f"{pointer}/{text}"
    return pointer


def node_of(pointer: str) -> str:
    """Return the name of the node that a pointer leads into, such as ``/nodes/a~1b/inputs``."""
    return pointer.split("/")[2].replace("~1", "/").replace("~0", "~")


def path_in(document: Any, location: Sequence[str | int]) -> tuple[str | int, ...]:
    """Return where one of pydantic's errors is, without what leads nowhere in the document.

    Those are the tags of the alternatives it tried, and names of what is missing.
    """
    path: list[str | int] = []
    for part in location:
        listed = isinstance(document, list) and isinstance(part, int)
        if listed or (isinstance(document, dict) and part in document):
            document = document[part]
            path.append(part)
    return tuple(path)


def _pointer(stack: list[_Open]) -> str | None:
    """Return the pointer of what comes next, None where that is too deep to be told apart."""
    if not stack:
        return ""
    inner = stack[-1]
    if len(stack) > _DEEPEST or inner.pointer is None or inner.next is None:
        return None
    return join(inner.pointer, inner.next)
