"""The frame before an MP3 file's first one that tells players where the sound begins and ends.

An encoder adds samples: LAME 576 at the start, and what fills the last frame. Its Info tag says
how many, as it does for files of the `lame` program; lameenc leaves it out. Decoders that know it
(mpg123, libsndfile, ffmpeg, iTunes, foobar2000) drop those samples and their own delay of 529, and
give back what went in, to the sample. It also holds the number of frames, so that the length of a
file of variable bit rate need not be guessed, and a table to seek by.

The layout is that of LAME's `VbrTag.c` and of "Mp3 Info Tag rev 1 specifications" (G. Szabo, 2005).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import isqrt

import numpy as np
from numpy.typing import NDArray

ENCODER_DELAY = 576

MPEG1_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
MPEG2_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)

_MPEG1, _MONO = 3, 3
_RATES = {
    _MPEG1: (44100, 48000, 32000),
    2: (22050, 24000, 16000),
    0: (11025, 12000, 8000),
}
_TAG_BYTES = 120 + 36
_CBR, _VBR = 1, 4  # how the tag codes LAME's ways to choose the bit rate
_SOURCE_RATES = (32000, 44100, 48000)


@dataclass(frozen=True)
class _Header:
    """What the four bytes of a layer III frame say."""

    version: int
    rate_index: int
    kbps_index: int
    padding: int
    mode: int

    @classmethod
    def read(cls, four: bytes) -> _Header:
        bits = int.from_bytes(four, "big")
        return cls(bits >> 19 & 3, bits >> 10 & 3, bits >> 12 & 15, bits >> 9 & 1, bits >> 6 & 3)

    @property
    def sample_rate(self) -> int:
        return _RATES[self.version][self.rate_index]

    @property
    def samples(self) -> int:
        return 1152 if self.version == _MPEG1 else 576

    @property
    def kbps(self) -> int:
        return (MPEG1_KBPS if self.version == _MPEG1 else MPEG2_KBPS)[self.kbps_index - 1]

    @property
    def bytes(self) -> int:
        return self.samples // 8 * 1000 * self.kbps // self.sample_rate + self.padding

    @property
    def side_info_bytes(self) -> int:
        if self.version == _MPEG1:
            return 17 if self.mode == _MONO else 32
        return 9 if self.mode == _MONO else 17


def with_info_tag(content: bytes, frames: int, *, vbr_quality: float | None = None) -> bytes:
    """Return an MP3 stream by LAME with the tag's frame before it.

    Args:
        content: the stream, nothing but frames.
        frames: how many samples per channel went in.
        vbr_quality: LAME's quality of a variable bit rate, None for a constant one.
    """
    starts = list(_frame_starts(content))
    first = _Header.read(content[:4])
    padding = len(starts) * first.samples - ENCODER_DELAY - frames
    frame = _empty_frame(content[:4])
    size = len(frame) + len(content)
    at = 4 + first.side_info_bytes
    body = b"".join(
        (
            b"Info" if vbr_quality is None else b"Xing",
            struct.pack(">III", 0b1111, len(starts), size),
            _seek_table(starts, len(frame), size),
            struct.pack(">I", 0 if vbr_quality is None else round(100 - 10 * vbr_quality)),
            b"LAME3.100",
            struct.pack(">B", _CBR if vbr_quality is None else _VBR),
            bytes(1 + 4 + 2 + 2 + 1),  # low-pass, peak, gains and noise shaping are not known
            struct.pack(">B", min(first.kbps, 255) if vbr_quality is None else 0),
            (ENCODER_DELAY << 12 | padding).to_bytes(3, "big"),
            struct.pack(">B", _source_rate(first.sample_rate) << 6 | _stereo_mode(first) << 2),
            bytes(1 + 2),
            struct.pack(">IH", size, _crc16(content)),
        )
    )
    frame[at : at + len(body)] = body
    frame[at + len(body) : at + len(body) + 2] = _crc16(frame[: at + len(body)]).to_bytes(2, "big")
    return bytes(frame) + content


def _frame_starts(content: bytes) -> Iterator[int]:
    position = 0
    while position < len(content):
        yield position
        position += _Header.read(content[position : position + 4]).bytes


def _empty_frame(header: bytes) -> bytearray:
    """Return a silent frame of the stream's kind, at its bit rate where the tag has room in it."""
    rates = range(_Header.read(header).kbps_index, 15)
    for kbps_index in (*rates, 14):
        third = kbps_index << 4 | header[2] & 0b1100
        four = bytes((header[0], header[1] | 1, third, header[3]))
        size = _Header.read(four).bytes
        if size >= 4 + _Header.read(four).side_info_bytes + _TAG_BYTES:
            break
    return bytearray(four.ljust(size, b"\0"))


def _seek_table(starts: list[int], offset: int, size: int) -> bytes:
    """Return where each hundredth of the time is, in 256ths of the file."""
    at = [starts[len(starts) * percent // 100] + offset for percent in range(100)]
    return bytes(256 * position // size for position in at)


def _source_rate(sample_rate: int) -> int:
    return sum(sample_rate > rate for rate in _SOURCE_RATES)


def _stereo_mode(first: _Header) -> int:
    return {0: 1, 1: 3, 2: 2, _MONO: 0}[first.mode]


def _crc16(content: bytes | bytearray) -> int:
    """Return the CRC-16 (polynomial 8005 hex, reflected, starting from 0) that LAME uses.

    A Python loop over bytes would take longer than the encoding: rows of the content are summed
    beside each other, then joined. Zeros before the content change nothing.
    """
    table = _crc_table()
    rows = isqrt(len(content)) + 1
    width = -(-len(content) // rows)
    padded = bytes(content).rjust(rows * width, b"\0")
    sums = np.zeros(rows, np.uint16)
    for column in np.frombuffer(padded, np.uint8).reshape(rows, width).T:
        sums = table[(sums ^ column) & 0xFF] ^ (sums >> 8)
    shifted = np.uint16(1) << np.arange(16, dtype=np.uint16)  # each bit, a row later
    for _ in range(width):
        shifted = table[shifted & 0xFF] ^ (shifted >> 8)
    total = 0
    for own in sums:
        moved = 0
        for bit in range(16):
            moved ^= int(shifted[bit]) if total >> bit & 1 else 0
        total = moved ^ int(own)
    return total


@cache
def _crc_table() -> NDArray[np.uint16]:
    table = np.arange(256, dtype=np.uint16)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ 0xA001, table >> 1).astype(np.uint16)
    return table
