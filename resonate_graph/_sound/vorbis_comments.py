"""Vorbis comments, and the blocks of metadata in FLAC that hold them and pictures (RFC 9639).

They are read here as far as they are intact, and said to be damaged where they are not.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import IO, NamedTuple

from .parts import read_at

COMMENT, PICTURE = 4, 6

_LAST = 0x80
_MAX_BLOCKS = 1024
_MAX_COMMENTS = 1 << 16
#: What stands where bytes were no text.
_NO_TEXT = "\N{REPLACEMENT CHARACTER}"


class Block(NamedTuple):
    """A block of metadata: its kind, and where its content is."""

    kind: int
    start: int
    stop: int


class Comments(NamedTuple):
    """Fields and values, in order, and whether there were others that are damaged."""

    said: list[tuple[str, str]]
    damaged: bool


def metadata_blocks(raw: IO[bytes] | io.RawIOBase, start: int) -> list[Block]:
    """Return the blocks of metadata that follow the mark of a FLAC stream."""
    blocks: list[Block] = []
    position = start + 4
    while len(blocks) < _MAX_BLOCKS:
        head = read_at(raw, position, 4)
        if len(head) < 4:
            break
        stop = position + 4 + int.from_bytes(head[1:], "big")
        blocks.append(Block(head[0] & ~_LAST, position + 4, stop))
        if head[0] & _LAST:
            break
        position = stop
    return blocks


def is_intact(raw: IO[bytes] | io.RawIOBase, block: Block) -> bool:
    """Whether a block of comments or a picture is as long as what it says it holds."""
    if block.kind == COMMENT:
        content = read_at(raw, block.start, block.stop - block.start)
        position, count = 4 + _length(content, 0), _length(content, 4 + _length(content, 0))
        lengths = _Lengths(content, position + 4, min(count, _MAX_COMMENTS + 1))
        return sum(1 for _ in lengths) == count and not lengths.short
    if block.kind == PICTURE:
        position = block.start + 4
        for _ in range(2):
            position += 4 + int.from_bytes(read_at(raw, position, 4), "big")
        position += 16
        return position + 4 + int.from_bytes(read_at(raw, position, 4), "big") == block.stop
    return True


def comments_of(content: bytes) -> Comments:
    """Return the comments in a block, those before the damage where it is damaged."""
    vendor = _length(content, 0)
    count = _length(content, 4 + vendor)
    lengths = _Lengths(content, 8 + vendor, min(count, _MAX_COMMENTS))
    said: list[tuple[str, str]] = []
    found = 0
    for piece in lengths:
        found += 1
        text = piece.decode("utf-8", "replace")
        name, equals, value = text.partition("=")
        if equals and name and is_whole(text):
            said.append((name, value))
        elif piece:
            lengths.short = True
    return Comments(said, lengths.short or found < count)


def is_whole(text: str) -> bool:
    """Whether all of a text was text."""
    return _NO_TEXT not in text


def _length(content: bytes, position: int) -> int:
    found = content[position : position + 4]
    return int(struct.unpack("<I", found)[0]) if len(found) == 4 else 0


class _Lengths:
    """The pieces of a block that each have their length before them.

    Attributes:
        short: whether one is longer than what is left.
    """

    def __init__(self, content: bytes, position: int, count: int) -> None:
        self._content = content
        self._position = position
        self._count = count
        self.short = position > len(content)

    def __iter__(self) -> Iterator[bytes]:
        position = self._position
        for _ in range(self._count):
            if position + 4 > len(self._content):
                self.short = True
                return
            stop = position + 4 + _length(self._content, position)
            if stop > len(self._content):
                self.short = True
                return
            yield self._content[position + 4 : stop]
            position = stop
