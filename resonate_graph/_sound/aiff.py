"""AIFF and AIFF-C (Apple, 1989 and 1991): chunks as in WAV, the highest byte of a number first."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from .caf import channel_layout
from .foreign import codec_name, converted_by
from .parts import Part, Reading, read_at, require_end
from .pcm import Pcm, extent

_MAX_CHUNKS = 10_000
#: Compression types: the kind of their samples, whether the highest byte comes first, and their
#: width where the type says it.
_KINDS: dict[bytes, tuple[str, bool, int | None]] = {
    b"NONE": ("signed", True, None),
    b"twos": ("signed", True, None),
    b"sowt": ("signed", False, None),
    b"in16": ("signed", True, 2),
    b"in24": ("signed", True, 3),
    b"in32": ("signed", True, 4),
    b"42n1": ("signed", False, 2),
    b"23ni": ("signed", False, 4),
    b"raw ": ("unsigned", True, None),
    b"fl32": ("float", True, 4),
    b"FL32": ("float", True, 4),
    b"fl64": ("float", True, 8),
    b"FL64": ("float", True, 8),
    b"alaw": ("alaw", True, 1),
    b"ALAW": ("alaw", True, 1),
    b"ulaw": ("ulaw", True, 1),
    b"ULAW": ("ulaw", True, 1),
}
#: Codecs that libsndfile decodes: bytes and frames of a channel's block, 0 where they vary.
_DECODED = {b"ima4": (34, 64), b"GSM ": (33, 160), b"agsm": (33, 160), b"DWVW": (1, 0)}


def survey(path: Path, raw: IO[bytes], size: int) -> Reading:
    """Find out what an AIFF file holds, and whether it is all there.

    Raises:
        InputError: it is not, or it holds what is not read.
    """
    chunks = {name: (start, length) for name, start, length in aiff_chunks(raw)}
    if b"COMM" not in chunks or b"SSND" not in chunks:
        raise InputError(path, "it is cut off or damaged: it has no COMM or no SSND chunk")
    common = read_at(raw, chunks[b"COMM"][0], 22)
    if len(common) < 18:
        raise InputError(path, "it is cut off or damaged: its COMM chunk is not whole")
    channels, frames, bits = struct.unpack_from(">HIH", common)
    rate = _extended(common[8:18])
    packed = common[18:22] if read_at(raw, 8, 4) == b"AIFC" else b"NONE"
    at, length = chunks[b"SSND"]
    (offset,) = struct.unpack(">I", read_at(raw, at, 4).rjust(4, b"\0"))
    (whole,) = struct.unpack(">I", read_at(raw, 4, 4))
    if packed not in _KINDS:
        return _decoded(path, raw, size, packed, range(at + 8 + offset, at + length), channels)
    kind, big, width = _KINDS[packed]
    pcm = Pcm(kind, width or -(-bits // 8), channels, rate, big)
    start = at + 8 + offset
    said = max(0, length - 8 - offset)
    if 0 < frames * pcm.frame_bytes <= said:  # the rest fills a block
        said = frames * pcm.frame_bytes
    found = extent(path, raw, size, start, said, whole + 8)
    layout = order = None
    if b"CHAN" in chunks:
        layout, order = channel_layout(read_at(raw, *chunks[b"CHAN"]), channels)
    return Reading([pcm.part(path, raw, start, found.end)], layout, found.warnings, order)


def aiff_chunks(raw: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, position and length of each chunk, as the file says them."""
    position = 12
    for _ in range(_MAX_CHUNKS):
        head = read_at(raw, position, 8)
        if len(head) < 8:
            break
        name, length = struct.unpack(">4sI", head)
        yield name, position + 8, length
        if name == b"SSND" and not length:  # a streamed file says nothing of its end
            break
        position += 8 + length + length % 2


def _decoded(
    path: Path, raw: IO[bytes], size: int, packed: bytes, samples: range, channels: int
) -> Reading:
    if packed not in _DECODED:
        name = codec_name(packed)
        raise InputError(path, f"it is an AIFF file that holds {name}: {converted_by(path)}")
    require_end(path, size, samples.stop)
    block_bytes, block_frames = _DECODED[packed]
    there = raw.seek(0, io.SEEK_END) - samples.start  # of a file that is to be salvaged
    blocks = max(0, there) // (block_bytes * max(1, channels))
    return Reading([Part(raw, left=blocks * block_frames or None)])


def _extended(number: bytes) -> int:
    """Return a whole rate from a number of 80 bits (IEEE 754 extended)."""
    exponent, mantissa = struct.unpack(">HQ", number)
    try:
        return round(math.ldexp(mantissa, (exponent & 0x7FFF) - 16383 - 63))
    except OverflowError:
        return 0
