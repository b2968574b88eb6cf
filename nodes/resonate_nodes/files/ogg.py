"""Ogg (RFC 3533) and Vorbis: what libsndfile leaves to its caller."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

#: Where each channel of a WAV file (L R C LFE Ls Rs ...) stands in Vorbis I, section 4.3.9.
CHANNEL_ORDERS: dict[int, tuple[int, ...]] = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 4, 5, 3),
    7: (0, 2, 1, 5, 6, 4, 3),
    8: (0, 2, 1, 6, 7, 4, 5, 3),
}

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def with_own_serial(content: bytes) -> bytes:
    """Return the same stream with a serial number that follows from its content.

    libsndfile draws one from the clock: the same sound would not give the same file.
    """
    pages = [page[:14] + bytes(4) + page[18:22] + bytes(4) + page[26:] for page in _pages(content)]
    serial = zlib.crc32(b"".join(pages)).to_bytes(4, "little")
    numbered = (page[:14] + serial + page[18:] for page in pages)
    return b"".join(page[:22] + _checksum(page) + page[26:] for page in numbered)


def _pages(content: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(content):
        table_end = position + 27 + content[position + 26]
        end = table_end + sum(content[position + 27 : table_end])
        yield content[position:end]
        position = end


def _checksum(page: bytes) -> bytes:
    """Return the CRC of a page: zlib's polynomial, but with the bits in the other order."""
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2).to_bytes(4, "little")
