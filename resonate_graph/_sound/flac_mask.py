"""The channel mask of a FLAC file, for channels that are not what their number says.

It stands in a field of its Vorbis comment (RFC 9639, section 8.6.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from .layouts import layout_of_mask
from .parts import read_at

_FIELD = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK="
_STREAMINFO, _VORBIS_COMMENT = 0, 4
_MAX_BLOCKS = 1000
_MAX_FIELDS = 10_000
_MAX_FIELD_BYTES = 1 << 20


def flac_layout(raw: IO[bytes], start: int) -> str | None:
    """Return the layout that a mask says; None where there is none, or it does not fit.

    Args:
        raw: the file.
        start: where the stream begins in it.
    """
    channels, layout = 0, None
    for kind, at, length in _blocks(raw, start + 4):
        if kind == _STREAMINFO:
            channels = (read_at(raw, at + 12, 1) or b"\0")[0] >> 1 & 7
            channels += 1
        elif kind == _VORBIS_COMMENT:
            for field in _fields(raw, at, at + length):
                if field.upper().startswith(_FIELD):
                    layout = _of_mask(field[len(_FIELD) :], channels)
    return layout


def _of_mask(text: bytes, channels: int) -> str | None:
    try:
        return layout_of_mask(int(text.decode("ascii", "replace"), 0), channels)
    except ValueError:
        return None


def _blocks(raw: IO[bytes], position: int) -> Iterator[tuple[int, int, int]]:
    """Yield kind, position and length of each block of metadata."""
    for _ in range(_MAX_BLOCKS):
        head = read_at(raw, position, 4)
        if len(head) < 4:
            break
        length = int.from_bytes(head[1:], "big")
        yield head[0] & 0x7F, position + 4, length
        position += 4 + length
        if head[0] & 0x80:
            break


def _fields(raw: IO[bytes], position: int, end: int) -> Iterator[bytes]:
    """Yield the fields of a Vorbis comment; the vendor comes before their number."""
    position += 8 + _word(raw, position)
    for _ in range(min(_MAX_FIELDS, _word(raw, position - 4))):
        length = _word(raw, position)
        if position + 4 + length > end:
            break
        yield read_at(raw, position + 4, min(length, _MAX_FIELD_BYTES))
        position += 4 + length


def _word(raw: IO[bytes], position: int) -> int:
    return int.from_bytes(read_at(raw, position, 4), "little")
