"""FLAC (RFC 9639): what libsndfile leaves to its caller."""

from __future__ import annotations

import struct

_VORBIS_COMMENT = 4
_LAST = 0x80
_FIELD = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x{:X}"


def with_channel_mask(content: bytes, mask: int) -> bytes:
    """Return the same stream with a comment that says which loudspeakers the channels are for.

    Without it they are what their number says, of which only the mask tells surround channels at
    the side from those at the back (section 8.6.2).
    """
    field = _FIELD.format(mask).encode()
    position = 4
    while True:
        head = content[position]
        end = position + 4 + int.from_bytes(content[position + 1 : position + 4], "big")
        if head & ~_LAST == _VORBIS_COMMENT:
            comment = content[position + 4 : end]
            vendor = 4 + int.from_bytes(comment[:4], "little")
            count = int.from_bytes(comment[vendor : vendor + 4], "little")
            said = comment[:vendor] + struct.pack("<I", count + 1) + comment[vendor + 4 :]
            return content[:position] + _block(head, said, field) + content[end:]
        if head & _LAST:
            last = bytes([head & ~_LAST]) + content[position + 1 : end]
            empty = bytes(4) + struct.pack("<I", 1)
            made = _block(_VORBIS_COMMENT | _LAST, empty, field)
            return content[:position] + last + made + content[end:]
        position = end


def _block(head: int, comment: bytes, field: bytes) -> bytes:
    said = comment + struct.pack("<I", len(field)) + field
    return bytes([head]) + len(said).to_bytes(3, "big") + said
