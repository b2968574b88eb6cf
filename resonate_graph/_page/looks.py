"""How a sound looks: the extremes of its waveform, to be zoomed into, and its spectrogram.

A browser draws them without decoding anything.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._sound.audio import Audio
from .._sound.overview import overview

#: One column stands for so many samples at least; nearer still, the samples themselves are drawn.
_FINEST_SAMPLES = 64
_MOST_COLUMNS = 1 << 14

_LOWEST_HZ = 20.0
_BANDS = 160
_SPECTRUM_COLUMNS = 1200
_LEVELS_DBFS = (-110.0, 0.0)
#: How many colours: steps of 0.9 dB, which nobody sees and which pack well.
_COLOURS = 128
#: The colours of levels: nine places of the map *magma* (N. Smith and S. van der Walt, CC0).
_MAGMA = np.array([
    (0, 0, 4), (28, 16, 68), (79, 18, 123), (129, 37, 129), (181, 54, 122), (229, 80, 100),
    (251, 135, 97), (254, 194, 135), (252, 253, 191),
])  # fmt: skip


@dataclass(frozen=True)
class Peaks:
    """The waveform, column by column, over all channels.

    Attributes:
        samples: how many samples a column stands for.
        reach: the largest amplitude, which 127 stands for.
        values: lowest and highest of each column, in turn, as bytes from -127 to 127.
    """

    samples: int
    reach: float
    values: bytes


@dataclass(frozen=True)
class Spectrum:
    """A picture of the mean level over all channels, in dBFS, without axes.

    Attributes:
        png: the picture: time to the right, frequency upwards on a logarithmic scale.
        low_hz: the lower edge.
        high_hz: the upper edge.
        seconds: the right edge.
    """

    png: bytes
    low_hz: float
    high_hz: float
    seconds: float


def peaks(audio: Audio) -> Peaks:
    """Return the waveform in columns of equal length, as short as is sensible."""
    columns = min(_MOST_COLUMNS, max(1, -(-audio.frames // _FINEST_SAMPLES)))
    seen = overview(audio, columns=columns)
    low, high = seen.low.min(axis=0), seen.high.max(axis=0)
    reach = float(max(-low.min(initial=0), high.max(initial=0)))
    values = np.empty((len(low), 2), np.int8)
    # outwards, so that a short click never gets lost
    values[:, 0] = np.clip(np.floor(low / (reach or 1) * 127), -127, 127)
    values[:, 1] = np.clip(np.ceil(high / (reach or 1) * 127), -127, 127)
    samples = max(1, -(-audio.frames // columns))
    return Peaks(samples, reach, values.tobytes())


def spectrum(audio: Audio) -> Spectrum:
    """Return the spectrogram: a sine of full scale is at 0 dBFS, the brightest colour."""
    seen = overview(audio, columns=_SPECTRUM_COLUMNS, bands=_BANDS, lowest_hz=_LOWEST_HZ)
    with np.errstate(divide="ignore"):
        levels = 10 * np.log10(seen.power.mean(axis=0))
    low, high = _LEVELS_DBFS
    steps = (np.clip(levels, low, high) - low) / (high - low) * (_COLOURS - 1)
    indices = np.rint(steps).astype(np.uint8)[::-1]
    if not indices.shape[1]:
        indices = np.zeros((_BANDS, 1), np.uint8)
    # all columns but the last are equally wide; the last may be cut off by the end of the sound
    width = seen.seconds[1] - seen.seconds[0] if len(seen.seconds) > 2 else audio.duration_seconds
    return Spectrum(
        _png(indices, _palette()),
        float(seen.hertz[0]),
        float(seen.hertz[-1]),
        float(width * indices.shape[1]),
    )


def _palette() -> NDArray[np.uint8]:
    places = np.linspace(0, len(_MAGMA) - 1, _COLOURS)
    colours = [np.interp(places, np.arange(len(_MAGMA)), one) for one in _MAGMA.T]
    palette: NDArray[np.uint8] = np.rint(np.stack(colours, axis=1)).astype(np.uint8)
    return palette


def _png(indices: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """Return an image of indices into a palette as a PNG file (ISO/IEC 15948)."""
    height, width = indices.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), indices], axis=1)

    def chunk(kind: bytes, data: Any) -> bytes:
        content = kind + bytes(data)
        return (
            struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return b"".join((
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", header),
        chunk(b"PLTE", palette.tobytes()),
        chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)),
        chunk(b"IEND", b""),
    ))  # fmt: skip
