"""Sun and NeXT audio (.au, .snd), in either byte order."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from .foreign import converted_by
from .parts import Part, Reading, read_at, require_end
from .pcm import Pcm, extent

HEADS = (b".snd", b"dns.")

_OPEN = 0xFFFFFFFF
_KINDS = {
    1: ("ulaw", 1), 2: ("signed", 1), 3: ("signed", 2), 4: ("signed", 3), 5: ("signed", 4),
    6: ("float", 4), 7: ("float", 8), 27: ("alaw", 1),
}  # fmt: skip
#: Codecs that libsndfile decodes, and their bits a sample: G.721 and G.723.
_DECODED = {23: 4, 25: 3, 26: 5}


def survey(path: Path, raw: IO[bytes], size: int) -> Reading:
    """Find out what an AU file holds, and whether it is all there.

    Raises:
        InputError: it is not, or it holds what is not read.
    """
    head = read_at(raw, 0, 24)
    if len(head) < 24:
        raise InputError(path, "it is cut off in its header")
    big = head[:4] == b".snd"
    start, length, code, rate, channels = struct.unpack(">5I" if big else "<5I", head[4:])
    if start < 24:
        raise InputError(path, f"it is damaged: its samples would begin in its header, at {start}")
    if code in _DECODED:
        require_end(path, size, None if length == _OPEN else start + length)
        there = raw.seek(0, io.SEEK_END) - start  # of a file that is to be salvaged
        return Reading([Part(raw, left=max(0, there) * 8 // _DECODED[code])])
    if code not in _KINDS:
        raise InputError(path, f"it is an AU file of encoding {code}: {converted_by(path)}")
    pcm = Pcm(*_KINDS[code], channels, rate, big)
    found = extent(path, raw, size, start, length)
    return Reading([pcm.part(path, raw, start, found.end)], None, found.warnings)
