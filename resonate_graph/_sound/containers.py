"""Where a sound file ends, read from its container without decoding it.

libsndfile stops quietly where a WAV or OGG file was cut off, and passes over damaged OGG pages.
Of an MP3 file without a Xing header it guesses the length from the size, and drops what is beyond
the guess. So these containers are walked here, from frame to frame.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from .._base.errors import InputError

NOT_READ = "this is no WAV, FLAC, OGG or MP3 file"

_MAX_CHUNKS = 10_000
_BLOCK_BYTES = 1 << 16

_OGG_FIRST, _OGG_LAST = 2, 4
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))

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


def whole(path: Path, raw: IO[bytes]) -> IO[bytes] | io.RawIOBase:
    """Return what to decode: the file, or the file with its true length written before it.

    Args:
        path: the file's name, for messages.
        raw: the file.

    Raises:
        InputError: it is empty, damaged, or ends before its container says it should.
    """
    size = raw.seek(0, io.SEEK_END)
    head = _at(raw, 0, 12)
    decodable: IO[bytes] | io.RawIOBase = raw
    if not head:
        raise InputError(path, "it is empty (0 bytes)")
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        _require(path, size, _wav_end(raw))
    elif head[:4] == b"OggS":
        _check_ogg(path, raw, size)
    elif head[:3] == b"ID3" or _mpeg_frame(head[:4]) is not None:
        decodable = _whole_mp3(path, raw, size)
    decodable.seek(0)
    return decodable


def _require(path: Path, size: int, end: int | None) -> None:
    if end is not None and end > size:
        raise InputError(path, f"it is cut off: {size:,} of the {end:,} bytes it should have")


def _at(raw: IO[bytes], position: int, length: int) -> bytes:
    raw.seek(position)
    return raw.read(length)


# -- WAV ----------------------------------------------------------------------------------------


def wav_chunks(raw: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, position and length of each chunk of a WAV file, as the file says them."""
    size = raw.seek(0, io.SEEK_END)
    position, wide = 12, None
    for _ in range(_MAX_CHUNKS):
        head = _at(raw, position, 24)
        if len(head) < 8 or position > size:
            break
        name, length = struct.unpack_from("<4sI", head)
        if name == b"ds64" and len(head) == 24:
            wide = struct.unpack_from("<Q", head, 16)[0]
        if name == b"data" and length == 0xFFFFFFFF:
            length = wide or 0
        yield name, position + 8, length
        if name == b"data" and not length:  # a streamed file says nothing of its end
            break
        position += 8 + length + length % 2


def _wav_end(raw: IO[bytes]) -> int | None:
    """Return where the data chunk says it ends; None where it says nothing (a streamed file)."""
    for name, position, length in wav_chunks(raw):
        if name == b"data":
            return position + length if length else None
    return None


# -- OGG (RFC 3533) -----------------------------------------------------------------------------


def _check_ogg(path: Path, raw: IO[bytes], size: int) -> None:
    position, flags, begun = 0, 0, False
    while (head := _at(raw, position, 27))[:4] == b"OggS":
        table = raw.read(head[-1])
        end = position + 27 + len(table) + sum(table)
        if len(head) < 27 or len(table) < head[-1] or end > size:
            raise InputError(path, f"it is cut off in the page at byte {position:,}")
        page = _at(raw, position, end - position)
        if _ogg_checksum(page) != int.from_bytes(page[22:26], "little"):
            raise InputError(path, f"it is damaged: the page at byte {position:,} is not intact")
        flags = page[5]
        if flags & _OGG_FIRST and begun:
            raise InputError(path, "it holds several recordings one after another: split it first")
        begun = begun or not flags & _OGG_FIRST
        position = end
    if not flags & _OGG_LAST:
        where = "ends" if position >= size else "is damaged"
        raise InputError(
            path, f"it is cut off: it {where} at byte {position:,}, before its last page"
        )


def _ogg_checksum(page: bytes) -> int:
    """Return the CRC of a page: zlib's polynomial, but with the bits in the other order."""
    body = page[:22] + bytes(4) + page[26:]
    mirrored = zlib.crc32(body.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


# -- MP3 (ISO 11172-3, ISO 13818-3) -------------------------------------------------------------


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


def _whole_mp3(path: Path, raw: IO[bytes], size: int) -> IO[bytes] | io.RawIOBase:
    """Check that all frames are there; where no header tells how many they are, add one."""
    start = _after_tag(raw, 0)
    if _at(raw, start, 4) == b"fLaC":
        return raw
    first = _mpeg_frame(_at(raw, start, 4))
    if first is None or not _followed(raw, start, first, at_end=True):
        raise InputError(path, NOT_READ)
    told, told_bytes = _told_length(_at(raw, start, first.length))
    _require(path, size, start + told_bytes if told_bytes else None)
    count, end = _count_frames(raw, start, size)
    _require(path, size, end)
    audio_frames = count if told is None else count - 1
    if told is not None and told > audio_frames:
        raise InputError(
            path, f"it is cut off: {audio_frames:,} of the {told:,} MPEG frames it should have"
        )
    if told == audio_frames or first.layer != _LAYER_3:
        return raw
    return _Prefixed(_xing_frame(first, count), raw, start, size)


def _count_frames(raw: IO[bytes], start: int, size: int) -> tuple[int, int]:
    """Return how many frames there are, and where the last one ends; junk is passed over."""
    count, end, position = 0, start, start
    while position < size:
        frame = _mpeg_frame(_at(raw, position, 4))
        if frame is None:
            after = _after_tag(raw, position)
            position = after if after > position else _next_frame(raw, position, size)
        else:
            position += frame.length
            count, end = count + 1, position
    return count, end


def _after_tag(raw: IO[bytes], position: int) -> int:
    """Return where an ID3v2 tag ends, the same position where there is none."""
    head = _at(raw, position, 10)
    if head[:3] != b"ID3" or len(head) < 10:
        return position
    length = 0
    for byte in head[6:]:
        length = length << 7 | byte & 0x7F
    return position + 10 + length


def _next_frame(raw: IO[bytes], position: int, size: int) -> int:
    """Return where the next two frames in a row begin; the file's size, where nowhere."""
    while position < size:
        block = _at(raw, position, _BLOCK_BYTES)
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
    header = _at(raw, position + frame.length, 4)
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


class _Prefixed(io.RawIOBase):
    """A file as if some bytes stood before its part from `start` to `end`."""

    def __init__(self, prefix: bytes, raw: IO[bytes], start: int, end: int) -> None:
        self._prefix = prefix
        self._raw = raw
        self._start = start
        self._size = len(prefix) + end - start
        self._position = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        before = len(self._prefix)
        if self._position < before:
            part = self._prefix[self._position : self._position + len(buffer)]
        else:
            part = _at(self._raw, self._start + self._position - before, len(buffer))
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)
