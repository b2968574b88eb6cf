"""Where the values of a JSON text stand: JSON pointer to line and column.

Only needed once there is something to complain about, so a graph that is right never pays for
it. tree-sitter reads the text; it also reads broken text, and deeply nested text without
recursion.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import tree_sitter_json
from tree_sitter import Language, Node, Parser


@dataclass(frozen=True)
class Position:
    """A place in a text: line and column in characters, both from 1."""

    line: int
    column: int


class Positions:
    """The places of all values of one JSON text."""

    def __init__(self, text: str) -> None:
        self._lines = text.encode().split(b"\n")
        self._places: dict[str, Position] = {}
        self.duplicates: list[str] = []
        tree = Parser(Language(tree_sitter_json.language())).parse(text.encode())
        self._walk(tree.root_node)

    def find(self, pointer: str) -> Position:
        """Return the place of a pointer; of its nearest parent, where the value is not there."""
        while pointer and pointer not in self._places:
            pointer = pointer.rpartition("/")[0]
        return self._places.get(pointer, Position(1, 1))

    def find_key(self, pointer: str) -> Position:
        """Return the place of the key that introduces a value, or else of the value."""
        return self._places.get(f"key:{pointer}") or self.find(pointer)

    def _walk(self, root: Node) -> None:
        stack: list[tuple[str, Node]] = [("", child) for child in root.named_children]
        while stack:
            pointer, node = stack.pop()
            self._places.setdefault(pointer, self._position(node))
            if node.type == "object":
                pairs = [child for child in node.named_children if child.type == "pair"]
                stack.extend(reversed([self._pair(pointer, pair) for pair in pairs]))
            elif node.type == "array":
                items = [child for child in node.named_children if child.type != "comment"]
                stack.extend(
                    reversed([(f"{pointer}/{index}", item) for index, item in enumerate(items)])
                )

    def _pair(self, parent: str, pair: Node) -> tuple[str, Node]:
        key = pair.child_by_field_name("key")
        value = pair.child_by_field_name("value")
        pointer = join(parent, _text(key))
        if f"key:{pointer}" in self._places:
            self.duplicates.append(pointer)
            pointer = f"{pointer}\0again"  # keeps the first one's place
        if key is not None:
            self._places[f"key:{pointer}"] = self._position(key)
        return pointer, value or pair

    def _position(self, node: Node) -> Position:
        row, column = node.start_point
        before = self._lines[row][:column] if row < len(self._lines) else b""
        return Position(row + 1, len(before.decode(errors="replace")) + 1)


def join(pointer: str, *parts: str | int) -> str:
    """Append parts to a JSON pointer, escaped as RFC 6901 says."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return "".join([pointer, *(f"/{part}" for part in escaped)])


def _text(key: Node | None) -> str:
    raw = (key.text or b"") if key is not None else b""
    try:
        return str(json.loads(raw))
    except ValueError:
        return raw.decode(errors="replace")
