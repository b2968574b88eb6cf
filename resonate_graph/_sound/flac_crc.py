"""The checksums of FLAC's frames (RFC 9639, 9.1.8 and 9.3), of many at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: As many bytes are worked on at a time.
_BLOCK_BYTES = 1 << 20


def crc8(data: bytes) -> int:
    """Return the checksum of the header of a frame."""
    remainder = 0
    for byte in data:
        remainder = _CRC8[remainder ^ byte]
    return remainder


def wrong_crc16s(content: bytes, spans: Sequence[tuple[int, int]]) -> list[bool]:
    """Whether each span, with the checksum at its end, is wrong."""
    wrong: list[bool] = []
    batch: list[tuple[int, int]] = []
    held = 0
    for index, (start, stop) in enumerate(spans, 1):
        batch.append((start, stop))
        held += stop - start
        if index == len(spans) or held > _BLOCK_BYTES:
            wrong += [bool(one) for one in _remainders(content, batch)]
            batch, held = [], 0
    return wrong


def _crc_table(polynomial: int, bits: int) -> list[int]:
    table = []
    for value in range(256):
        remainder = value << (bits - 8)
        for _ in range(8):
            remainder = remainder << 1 ^ (polynomial if remainder >> (bits - 1) else 0)
        table.append(remainder & (1 << bits) - 1)
    return table


_CRC8 = _crc_table(0x107, 8)
_CRC16: NDArray[np.uint16] = np.array(_crc_table(0x18005, 16), np.uint16)


def _shifted(remainders: NDArray[np.uint16], count: int) -> NDArray[np.uint16]:
    """Return remainders after so many further bytes of zeros."""
    for _ in range(count):
        remainders = remainders << 8 ^ _CRC16[remainders >> 8]
    return remainders


#: What the upper and the lower byte of a remainder become after a row.
_ROW_BYTES = 256
_BYTES: NDArray[np.uint16] = np.arange(256, dtype=np.uint16)
_UPPER = _shifted(np.left_shift(_BYTES, 8, dtype=np.uint16), _ROW_BYTES)
_LOWER = _shifted(_BYTES, _ROW_BYTES)


def _remainders(content: bytes, spans: Sequence[tuple[int, int]]) -> NDArray[np.uint16]:
    """Return the CRC of each span: of all its rows at a time, and then of the rows in turn.

    Zeros before the first byte, which fill its row, change nothing.
    """
    counts = np.array([-((start - stop) // _ROW_BYTES) for start, stop in spans])
    stops = np.cumsum(counts)
    rows = np.zeros((int(stops[-1]), _ROW_BYTES), np.uint8)
    filled = rows.reshape(-1)
    for (start, stop), end in zip(spans, stops * _ROW_BYTES, strict=True):
        filled[end - (stop - start) : end] = np.frombuffer(content, np.uint8, stop - start, start)
    of_rows = np.zeros(len(rows), np.uint16)
    for column in np.ascontiguousarray(rows.T):
        of_rows = of_rows << 8 ^ _CRC16[of_rows >> 8 ^ column]
    whole = np.zeros(len(spans), np.uint16)
    for row in range(int(counts.max())):
        at = np.flatnonzero(counts > row)
        before = whole[at]
        following = of_rows[(stops - counts)[at] + row]
        whole[at] = _UPPER[before >> 8] ^ _LOWER[before & 0xFF] ^ following
    return whole
