"""Copies for listening, in pieces that a browser decodes one by one.

A page opened from a folder cannot read a sound file: browsers refuse a script the bytes of other
files. They do let it load scripts. So each piece is a script of its own that hands over its bytes
in base64, and an hour of sound is never loaded whole. A page that is one file has the pieces
inside.

Short sounds are copied as FLAC of 16 bits, scaled so that the highest sample is at full scale:
what is lost lies 98 dB below that. Longer ones are MP3 files of 192 kbit/s. Decoders disagree on
how late an MP3 file begins, so each such piece begins with a marker, a pulse whose place is known.
Pieces overlap: each has a little of its neighbours, which a decoder or a resampler needs to be
right at the edges.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._sound.audio import Audio

#: Up to so many minutes of sound are copied as FLAC; in a page that is one file, fewer.
LOSSLESS_MINUTES = 10.0
LOSSLESS_MINUTES_INSIDE = 2.0

_FLAC_SECONDS, _MP3_SECONDS = 10, 30
_MARKER_SECONDS = 0.05
_KBPS_OF_A_CHANNEL = 96
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
#: LAME's scale of care: three times as fast as its default, a little less fine at the same rate.
_MP3_QUALITY = 7
_FULL_SCALE = 32_767


@dataclass(frozen=True)
class Plan:
    """How a sound is copied.

    Attributes:
        codec: ``flac`` or ``mp3``.
        rate: frames per second, those of the sound.
        frames: how many the sound has.
        piece: how many frames a piece stands for; the last may have fewer.
        lead: how many frames of its neighbours a piece has on either side, where there are any.
        marker: how many frames come before that, with a pulse in the middle; 0 for none.
        scale: what the samples were divided by.
    """

    codec: str
    rate: int
    frames: int
    piece: int
    lead: int
    marker: int
    scale: float

    @property
    def count(self) -> int:
        """How many pieces there are."""
        return -(-self.frames // self.piece)


def plan(audio: Audio, peak: float, lossless_minutes: float) -> Plan:
    """Return how a sound of one or two channels is copied.

    Args:
        audio: the sound.
        peak: its largest amplitude.
        lossless_minutes: from which length on it is compressed with loss.
    """
    rate = audio.sample_rate
    lossy = audio.duration_seconds > 60 * lossless_minutes and rate in _MP3_RATES
    return Plan(
        codec="mp3" if lossy else "flac",
        rate=rate,
        frames=audio.frames,
        piece=rate * (_MP3_SECONDS if lossy else _FLAC_SECONDS),
        lead=rate // 10,
        marker=round(rate * _MARKER_SECONDS) if lossy else 0,
        scale=peak or 1.0,
    )


def pieces(audio: Audio, planned: Plan) -> Iterator[bytes]:
    """Yield the pieces, each a file of its own."""
    encode = _flac if planned.codec == "flac" else _mp3

    def made(index: int) -> bytes:
        start = max(0, index * planned.piece - planned.lead)
        samples = audio.samples[:, start : (index + 1) * planned.piece + planned.lead]
        codes = np.rint(samples * np.float32(_FULL_SCALE / planned.scale)).astype(np.int16)
        return encode(np.ascontiguousarray(codes.T), planned)

    with ThreadPoolExecutor() as pool:
        yield from pool.map(made, range(planned.count))


def _flac(codes: NDArray[np.int16], planned: Plan) -> bytes:
    import soundfile

    content = io.BytesIO()
    soundfile.write(content, codes, planned.rate, "PCM_16", format="FLAC", compression_level=0.5)
    return content.getvalue()


def _mp3(codes: NDArray[np.int16], planned: Plan) -> bytes:
    import lameenc

    channels = codes.shape[1]
    before = np.zeros((planned.marker, channels), np.int16)
    before[planned.marker // 2] = _FULL_SCALE
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(channels)
    encoder.set_in_sample_rate(planned.rate)
    encoder.set_bit_rate(_KBPS_OF_A_CHANNEL * channels)
    encoder.set_quality(_MP3_QUALITY)
    content = encoder.encode(np.concatenate([before, codes]).tobytes())
    return bytes(content) + bytes(encoder.flush())
