"""What FLAC (RFC 9639) says of itself: a STREAMINFO block of the stream, a header of each frame.

Frames do not say how long they are: they are found by their sync codes and the checksums of their
headers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .flac_crc import crc8

MARK = b"fLaC"
#: How a stream begins: with a STREAMINFO block, which may be the last one of its metadata.
INFO_HEADERS = (MARK + b"\0\0\0\x22", MARK + b"\x80\0\0\x22")
INFO_BYTES = 34
#: As far as the header of a frame reaches.
MOST_HEADER_BYTES = 16

#: What frames begin with; the last bit of the second says whether their sizes vary.
_SYNC_BYTES = (0xFF, 0xF8)
_LEAST_HEADER_BYTES = 6
#: Blocks in which sync codes are searched for.
_BLOCK_BYTES = 1 << 20
#: What a frame has beside its samples, at most: its header, those of 8 subframes, its checksum.
_MOST_FRAME_OVERHEAD = 64

#: What the codes in a header of a frame mean; what is not here is reserved, or said elsewhere.
_SIZES = (0, 192, 576, 1152, 2304, 4608, 0, 0, *(256 << n for n in range(8)))
_RATES = dict(
    enumerate((88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000), 1)
)
_BITS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}
#: Those above 7 are two channels, one or both as differences.
_CHANNELS = {code: code + 1 if code < 8 else 2 for code in range(11)}
#: Bytes of a block size, and of a sample rate and its unit, that stand behind the number.
_SIZE_BYTES = {6: 1, 7: 2}
_RATE_BYTES = {12: (1, 1000), 13: (2, 1), 14: (2, 10)}


@dataclass(frozen=True)
class Stream:
    """A stream of a file: what its STREAMINFO says, and where its bytes are.

    Attributes:
        start: where it begins in the file.
        end: where it ends.
        info: the STREAMINFO block.
        headless: whether it begins with its frames.
    """

    start: int
    end: int
    info: bytes
    headless: bool = False

    @classmethod
    def of_frames(cls, header: Header, end: int) -> Stream | None:
        """Return a stream without its beginning, by what frames say; None where they do not."""
        if not header.rate or not header.bits:
            return None
        numbers = header.rate << 44 | (header.channels - 1) << 41 | (header.bits - 1) << 36
        info = struct.pack(">HH6xQ16x", header.frames, header.frames, numbers)
        return cls(0, end, info, headless=True)

    @property
    def _numbers(self) -> int:
        return int.from_bytes(self.info[10:18], "big")

    @property
    def rate(self) -> int:
        return self._numbers >> 44

    @property
    def channels(self) -> int:
        return (self._numbers >> 41 & 7) + 1

    @property
    def bits(self) -> int:
        return (self._numbers >> 36 & 31) + 1

    @property
    def frames(self) -> int:
        """How many frames it claims; nothing where it was written into a pipe."""
        return self._numbers & (1 << 36) - 1

    @property
    def block_frames(self) -> int:
        """The size of the blocks, where all have the same."""
        return int.from_bytes(self.info[2:4], "big")

    @property
    def md5(self) -> bytes | None:
        """The MD5 of the samples; None where none was written."""
        return self.info[18:] if any(self.info[18:]) else None

    @property
    def body(self) -> int:
        """Where the frames begin, at the earliest."""
        return self.start + (0 if self.headless else len(MARK) + 4 + INFO_BYTES)

    def head(self, frames: int) -> bytes:
        """Return the beginning of a file that holds some of its frames."""
        numbers = self._numbers >> 36 << 36 | frames
        info = self.info[:10] + numbers.to_bytes(8, "big") + bytes(16)
        return INFO_HEADERS[1] + info


class Header(NamedTuple):
    """What the header of a frame says.

    Attributes:
        number: which frame it is, or with which frame of sound it begins.
        varying: whether it is the second.
        frames: how many frames of sound it holds.
        channels: how many.
        rate: in Hz; None where only the STREAMINFO says it.
        bits: of a sample, likewise.
    """

    number: int
    varying: bool
    frames: int
    channels: int
    rate: int | None
    bits: int | None

    def fits(self, stream: Stream) -> bool:
        """Whether it may be one of a stream."""
        return (
            self.channels == stream.channels
            and self.rate in (None, stream.rate)
            and self.bits in (None, stream.bits)
        )

    def first(self, stream: Stream) -> int:
        """Return with which frame of sound it begins."""
        return self.number if self.varying else self.number * stream.block_frames


class Frame(NamedTuple):
    """A frame of a stream.

    Attributes:
        start: where its bytes begin.
        stop: where they end.
        first: its first frame of sound.
        frames: how many it holds.
    """

    start: int
    stop: int
    first: int
    frames: int


def headers(content: bytes, stream: Stream | None = None) -> Iterator[tuple[int, Header]]:
    """Yield where something begins as frames do, and what it says; those of a stream if given."""
    for place in _sync_places(content):
        header = _header(content[place : place + MOST_HEADER_BYTES])
        if header is not None and (stream is None or header.fits(stream)):
            yield place, header


def possible(start: int, stop: int, frames: int, stream: Stream) -> bool:
    """Whether a frame can be so long: samples as they are take the most."""
    most = frames * stream.channels * (stream.bits + 1) // 8 + _MOST_FRAME_OVERHEAD
    return stop - start <= most


def _sync_places(content: bytes) -> Iterator[int]:
    array = np.frombuffer(content, np.uint8)
    for start in range(0, len(array), _BLOCK_BYTES):
        block = array[start : start + _BLOCK_BYTES + 1]
        found = (block[:-1] == _SYNC_BYTES[0]) & (block[1:] & 0xFE == _SYNC_BYTES[1])
        yield from (start + int(place) for place in np.flatnonzero(found))


def _header(head: bytes) -> Header | None:
    """Read a frame's header; None where it is none."""
    if len(head) < _LEAST_HEADER_BYTES:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    channels = _CHANNELS.get(head[3] >> 4)
    number, length = _coded_number(head[4:])
    size_at = 4 + length
    rate_at = size_at + _SIZE_BYTES.get(size_code, 0)
    rate_bytes, unit = _RATE_BYTES.get(rate_code, (0, 1))
    end = rate_at + rate_bytes
    if number is None or channels is None or len(head) <= end or crc8(head[:end]) != head[end]:
        return None
    coded = int.from_bytes(head[size_at:rate_at], "big") + 1
    return Header(
        number,
        varying=bool(head[1] & 1),
        frames=coded if size_code in _SIZE_BYTES else _SIZES[size_code],
        channels=channels,
        rate=int.from_bytes(head[rate_at:end], "big") * unit or _RATES.get(rate_code),
        bits=_BITS.get(head[3] >> 1 & 7),
    )


def _coded_number(data: bytes) -> tuple[int | None, int]:
    """Return a number coded as UTF-8 codes characters, and how many bytes it has."""
    first = data[0]
    if first < 0x80:
        return first, 1
    length = 8 - (first ^ 0xFF).bit_length()
    if not 2 <= length <= 7 or len(data) < length:
        return None, 0
    number = first & (0x7F >> length)
    for byte in data[1:length]:
        if byte >> 6 != 2:
            return None, 0
        number = number << 6 | byte & 0x3F
    return number, length
