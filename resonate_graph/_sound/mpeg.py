"""MPEG audio (ISO 11172-3, ISO 13818-3), walked from frame to frame.

Of an MP3 file without a Xing header libsndfile guesses the length from the size, and drops what is
beyond the guess.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from .._base.errors import InputError
from .parts import NOT_READ, Part, Prefixed, Reading, read_at, require_end

_BLOCK_BYTES = 1 << 16

_MPEG_1, _MPEG_2 = 3, 2
_LAYER_1, _LAYER_2, _LAYER_3 = 3, 2, 1
_MPEG_RATES = {
    _MPEG_1: (44100, 48000, 32000),
    _MPEG_2: (22050, 24000, 16000),
    0: (11025, 12000, 8000),
}
_MPEG_KBPS = {
    (_MPEG_1, _LAYER_1): tuple(range(32, 480, 32)),
    (_MPEG_1, _LAYER_2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (_MPEG_1, _LAYER_3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (_MPEG_2, _LAYER_1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (_MPEG_2, _LAYER_2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (_MPEG_2, _LAYER_3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


@dataclass(frozen=True)
class _MpegFrame:
    """What the four bytes of a frame's header say.

    Attributes:
        header: the four bytes.
        kind: version, layer and sample rate, which stay the same through a file.
        layer: as coded in the header.
        length: in bytes, header included.
        side_info: bytes between the header and where a Xing mark stands.
    """

    header: bytes
    kind: int
    layer: int
    length: int
    side_info: int


@lru_cache(maxsize=1024)
def _mpeg_frame(header: bytes) -> _MpegFrame | None:
    """Read a frame's header; None where it is none."""
    bits = int.from_bytes(header, "big")
    version, layer = bits >> 19 & 3, bits >> 17 & 3
    bit_rate_index, rate_index = bits >> 12 & 15, bits >> 10 & 3
    if len(header) < 4 or bits >> 21 != 0x7FF or version == 1 or layer == 0:
        return None
    if not 0 < bit_rate_index < 15 or rate_index == 3:
        return None
    first = version == _MPEG_1
    bit_rate = 1000 * _MPEG_KBPS[_MPEG_1 if first else _MPEG_2, layer][bit_rate_index - 1]
    slot, slots = {_LAYER_1: (4, 12), _LAYER_2: (1, 144), _LAYER_3: (1, 144 if first else 72)}[
        layer
    ]
    length = slot * (slots * bit_rate // _MPEG_RATES[version][rate_index] + (bits >> 9 & 1))
    stereo = bits >> 6 & 3 != 3
    return _MpegFrame(header, bits & 0xFFFE0C00, layer, length, (9, 17, 32)[first + stereo])


def is_frame(head: bytes) -> bool:
    """Whether a file that begins so may begin with a frame of MPEG audio."""
    return _mpeg_frame(head[:4]) is not None


def survey(path: Path, raw: IO[bytes], size: int) -> Reading:
    """Check that all frames are there; where no header tells how many they are, add one.

    Raises:
        InputError: they are not, or this is no MPEG audio.
    """
    start = _after_tag(raw, 0)
    if read_at(raw, start, 4) == b"fLaC":
        return Reading([Part(raw)])
    first = _mpeg_frame(read_at(raw, start, 4))
    if first is None or not _followed(raw, start, first, at_end=True):
        raise InputError(path, NOT_READ)
    told, told_bytes = _told_length(read_at(raw, start, first.length))
    require_end(path, size, start + told_bytes if told_bytes else None)
    count, end = _count_frames(raw, start, size)
    require_end(path, size, end)
    audio_frames = count if told is None else count - 1
    if told is not None and told > audio_frames:
        raise InputError(
            path, f"it is cut off: {audio_frames:,} of the {told:,} MPEG frames it should have"
        )
    if told == audio_frames or first.layer != _LAYER_3:
        return Reading([Part(raw)])
    return Reading([Part(Prefixed(_xing_frame(first, count), raw, start, size))])


def _count_frames(raw: IO[bytes], start: int, size: int) -> tuple[int, int]:
    """Return how many frames there are, and where the last one ends; junk is passed over."""
    count, end, position = 0, start, start
    while position < size:
        frame = _mpeg_frame(read_at(raw, position, 4))
        if frame is None:
            after = _after_tag(raw, position)
            position = after if after > position else _next_frame(raw, position, size)
        else:
            position += frame.length
            count, end = count + 1, position
    return count, end


def _after_tag(raw: IO[bytes], position: int) -> int:
    """Return where an ID3v2 tag ends, the same position where there is none."""
    head = read_at(raw, position, 10)
    if head[:3] != b"ID3" or len(head) < 10:
        return position
    length = 0
    for byte in head[6:]:
        length = length << 7 | byte & 0x7F
    return position + 10 + length


def _next_frame(raw: IO[bytes], position: int, size: int) -> int:
    """Return where the next two frames in a row begin; the file's size, where nowhere."""
    while position < size:
        block = read_at(raw, position, _BLOCK_BYTES)
        sync = block.find(b"\xff")
        while sync >= 0:
            frame = _mpeg_frame(block[sync : sync + 4])
            if frame is not None and _followed(raw, position + sync, frame):
                return position + sync
            sync = block.find(b"\xff", sync + 1)
        position += max(1, len(block) - 3)
    return size


def _followed(raw: IO[bytes], position: int, frame: _MpegFrame, *, at_end: bool = False) -> bool:
    """Whether another frame of the same kind follows, or the file's end where that is enough."""
    header = read_at(raw, position + frame.length, 4)
    following = _mpeg_frame(header)
    if following is None:
        return at_end and (len(header) < 4 or header[:3] == b"TAG")
    return following.kind == frame.kind


def _told_length(frame: bytes) -> tuple[int | None, int | None]:
    """Return how many frames and bytes a Xing, Info or VBRI header says there are."""
    mark = max(frame.find(name, 4, 64) for name in (b"Xing", b"Info"))
    if mark >= 0 and len(frame) >= mark + 16:
        flags, one, two = struct.unpack_from(">III", frame, mark + 4)
        told = one if flags & 1 else None
        told_bytes = (two if flags & 1 else one) if flags & 2 else None
        return told, told_bytes
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        told_bytes, told = struct.unpack_from(">II", frame, 46)
        return told, told_bytes
    return None, None


def _xing_frame(first: _MpegFrame, count: int) -> bytes:
    """Return a silent frame that says how many frames follow it."""
    flags, rates = first.header[1] | 1, first.header[2] & 0x0C | 0xE0  # no CRC, highest bit rate
    frame = _mpeg_frame(bytes((0xFF, flags, rates, first.header[3])))
    assert frame is not None
    mark = b"Xing" + (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    return (frame.header + bytes(frame.side_info) + mark).ljust(frame.length, b"\0")
