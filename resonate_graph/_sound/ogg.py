"""Ogg files (RFC 3533), walked from page to page.

libsndfile stops quietly where such a file was cut off, and passes over damaged pages.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from .parts import Part, Reading, read_at

_FIRST, _LAST = 2, 4
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def survey(path: Path, raw: IO[bytes], size: int) -> Reading:
    """Find out whether an Ogg file is all there and intact.

    Raises:
        InputError: it is not, or it holds several recordings.
    """
    position, flags, begun = 0, 0, False
    while (head := read_at(raw, position, 27))[:4] == b"OggS":
        table = raw.read(head[-1])
        end = position + 27 + len(table) + sum(table)
        if len(head) < 27 or len(table) < head[-1] or end > size:
            raise InputError(path, f"it is cut off in the page at byte {position:,}")
        page = read_at(raw, position, end - position)
        if _ogg_checksum(page) != int.from_bytes(page[22:26], "little"):
            raise InputError(path, f"it is damaged: the page at byte {position:,} is not intact")
        flags = page[5]
        if flags & _FIRST and begun:
            raise InputError(path, "it holds several recordings one after another: split it first")
        begun = begun or not flags & _FIRST
        position = end
    if not flags & _LAST:
        where = "ends" if position >= size else "is damaged"
        raise InputError(
            path, f"it is cut off: it {where} at byte {position:,}, before its last page"
        )
    return Reading([Part(raw)])


def _ogg_checksum(page: bytes) -> int:
    """Return the CRC of a page: zlib's polynomial, but with the bits in the other order."""
    body = page[:22] + bytes(4) + page[26:]
    mirrored = zlib.crc32(body.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
