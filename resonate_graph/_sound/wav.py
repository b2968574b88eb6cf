"""The one WAV layout this library writes itself: 32-bit float, bit-exact, always the same bytes.

The header is a pure function of (channels, sample rate, frames, layout). So equal audio gives equal
files, and a header read back is verified by comparing it with the one that must be there. Other
writers put time stamps (the PEAK chunk) into float WAV files, which makes equal audio unequal.

Layout, 116 bytes before the samples: RIFF/WAVE, a JUNK chunk that becomes ``ds64`` once the file
needs 64-bit sizes (EBU Tech 3306, RF64), ``fmt`` as WAVE_FORMAT_EXTENSIBLE with the IEEE float
sub-format, ``fact``, and ``data``.
"""

from __future__ import annotations

import struct

from .layouts import layout_of_mask, mask_of

HEADER_BYTES = 116
SAMPLE_BYTES = 4
_MASK_AT = 76

_FLOAT_GUID = struct.pack("<IHH8B", 3, 0, 0x10, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71)
_MAX_32 = 0xFFFFFFFF


def float_wav_header(
    channels: int, sample_rate: int, frames: int, layout: str | None = None
) -> bytes:
    """Return the header of a 32-bit-float WAV file; RF64 where 32 bits cannot hold its size.

    What the channels are is said by the mask of `layout`; without one it says nothing.
    """
    frame_bytes = channels * SAMPLE_BYTES
    data_bytes = frames * frame_bytes
    riff_bytes = HEADER_BYTES - 8 + data_bytes
    wide = riff_bytes > _MAX_32
    sizes = struct.pack("<QQQI", riff_bytes, data_bytes, frames, 0) if wide else bytes(28)
    return b"".join(
        (
            struct.pack("<4sI4s", b"RF64" if wide else b"RIFF", _clip(riff_bytes), b"WAVE"),
            struct.pack("<4sI", b"ds64" if wide else b"JUNK", len(sizes)),
            sizes,
            struct.pack("<4sIHHIIHH", b"fmt ", 40, 0xFFFE, channels, sample_rate,
                        _clip(sample_rate * frame_bytes), frame_bytes, 8 * SAMPLE_BYTES),
            struct.pack("<HHI", 22, 8 * SAMPLE_BYTES, mask_of(layout)),
            _FLOAT_GUID,
            struct.pack("<4sII", b"fact", 4, _clip(frames)),
            struct.pack("<4sI", b"data", _clip(data_bytes)),
        )
    )  # fmt: skip


def read_float_wav_header(header: bytes) -> tuple[int, int, int, str | None] | None:
    """Return (channels, sample_rate, frames, layout), or None unless all is as written here."""
    if len(header) != HEADER_BYTES:
        return None
    channels, sample_rate = struct.unpack_from("<HI", header, 58)
    if header[:4] == b"RF64":
        frames = struct.unpack_from("<Q", header, 36)[0]
    else:
        data_bytes = struct.unpack_from("<I", header, HEADER_BYTES - 4)[0]
        frames = data_bytes // (SAMPLE_BYTES * channels) if channels else 0
    (mask,) = struct.unpack_from("<I", header, _MASK_AT)
    layout = layout_of_mask(mask, channels)
    try:
        expected = float_wav_header(channels, sample_rate, frames, layout)
    except struct.error:  # sizes that no header can hold
        return None
    return (channels, sample_rate, frames, layout) if channels and expected == header else None


def _clip(size: int) -> int:
    return min(size, _MAX_32)
