"""Source and filter: from what glottis and mouth do to samples."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from .articulation import Mouth
from .phonemes import NOISES, noise_band
from .singers import Voice
from .tracks import HOP, RATE_HZ, Floats, to_samples


def harmonics(
    f0: Floats,
    phase: Floats,
    effort: Floats,
    mouth: Mouth,
    voice: Voice,
    level: Floats,
) -> Floats:
    """The sum of all harmonics below 19 kHz, by Horner's rule on the fundamental's phase."""
    out = np.zeros(len(phase))
    block = 128
    for first in range(0, len(f0) - 1, block):
        rows = slice(first, min(first + block + 1, len(f0)))
        if not np.any(level[rows] > 1e-5):
            continue
        count = int(19000 / f0[rows].min())
        frequency = f0[rows][:, None] * np.arange(1, count + 1)
        gain = _tract(frequency, mouth, rows, voice)
        gain *= _source(frequency, f0[rows], effort[rows], voice)
        gain *= np.clip((19000 - frequency) / 3000, 0, 1)
        # Singers even vowels out; in part, so that vibrato still moves the level.
        power = np.sqrt(0.5 * np.sum(np.abs(gain) ** 2, axis=1)) + 1e-9
        gain *= (level[rows] / power**0.75)[:, None]
        span = slice(first * HOP, (rows.stop - 1) * HOP)
        turn = np.exp(1j * phase[span]).astype(np.complex64).reshape(-1, HOP)
        start, end = (np.zeros(turn.shape, np.complex64) for _ in range(2))
        terms = gain.astype(np.complex64)
        for k in range(count - 1, -1, -1):
            start += terms[:-1, k : k + 1]
            start *= turn
            end += terms[1:, k : k + 1]
            end *= turn
        ramp = np.arange(HOP, dtype=np.float32) / HOP
        out[span] = (start.real * (1 - ramp) + end.real * ramp).ravel()
    return out


def air(
    f0: Floats,
    phase: Floats,
    mouth: Mouth,
    voice: Voice,
    rng: np.random.Generator,
    level: Floats,
) -> Floats:
    """Breath through the tract and noise of consonants, in frames of 256 samples."""
    size = 2 * HOP
    count = len(f0)
    # The glottis lets air through once a period: breath of a voiced sound pulses with it.
    depth = to_samples(np.minimum(mouth.voicing, 1.0)) * 0.7
    white = rng.standard_normal((count + 1) * HOP)  # a frame's middle is HOP after its start
    white[HOP:-HOP] *= (1 + depth * np.cos(phase)) / np.sqrt(1 + depth**2 / 2)
    window = np.sqrt(np.hanning(size + 1)[:-1])
    frames = np.lib.stride_tricks.sliding_window_view(white, size)[::HOP] * window
    frequency = np.arange(HOP + 1, dtype=float) * (RATE_HZ / size)
    shape = np.zeros((count, frequency.size))
    airy = np.flatnonzero(mouth.breath > 1e-5)
    if airy.size:
        rows = slice(int(airy[0]), int(airy[-1]) + 1)
        tract = np.abs(_tract(frequency, mouth, rows, voice))
        tract /= np.sqrt(np.mean(tract**2, axis=1, keepdims=True))
        shape[rows] += (mouth.breath[rows, None] * tract) ** 2
    sex_scale = voice.scale * (1.0 if voice.male else 1.12)
    bands = np.stack([noise_band(name, sex_scale, frequency) for name in NOISES])
    shape += mouth.noises**2 @ bands**2
    shape = np.sqrt(shape) * level[:, None]
    done = np.fft.irfft(np.fft.rfft(frames[:count], axis=1) * shape, size, axis=1) * window
    out = np.zeros((count + 1) * HOP)
    out[:-HOP] += done[:, :HOP].ravel()
    out[HOP:] += done[:, HOP:].ravel()
    return out[HOP:-HOP]


def _tract(frequency_hz: Floats, mouth: Mouth, rows: slice, voice: Voice) -> NDArray[np.complex128]:
    """The vocal tract at (frames, frequencies): five poles that move, fixed ones above them."""
    s = 1j * np.atleast_2d(frequency_hz)
    formants = mouth.formants[rows]
    widths = voice.bandwidth * (45 + 0.03 * formants + 0.004 * np.maximum(formants - 1500, 0))
    widths[:, 0] += 12 + 30 * mouth.nasal[rows]
    gain = np.ones(np.broadcast_shapes(s.shape, (len(formants), 1)), complex)
    for k in range(5):
        pole = (-widths[:, k] / 2 + 1j * formants[:, k])[:, None]
        gain *= np.abs(pole) ** 2 / ((s - pole) * (s - pole.conj()))
    gain *= np.interp(np.abs(s), *_upper_poles(voice.scale * (1.0 if voice.male else 1.13)))
    nasal = mouth.nasal[rows][:, None]
    zero = mouth.zero_hz[rows][:, None]
    notch = (s**2 + 90 * s + zero**2) / (s**2 + 700 * s + zero**2)
    return np.asarray(gain * (1 + nasal * (notch - 1)))


@cache
def _upper_poles(scale: float) -> tuple[Floats, Floats]:
    """All that lies above the fifth formant: a grid in hertz, and the gain of a tube's poles.

    Poles 6 to 60 are those of a tube open at the lips, 1 kHz apart; those above, of which every
    one lifts the spectrum a little, are their product's first term.
    """
    grid = np.arange(0, RATE_HZ / 2 + 100, 50.0)
    spacing, poles = 1000.0 * scale, 60
    gain = np.exp((grid / spacing) ** 2 / poles)
    for k in range(6, poles + 1):
        pole_hz = (k - 0.5) * spacing
        wide = 150.0 + 0.06 * pole_hz
        gain *= pole_hz**2 / np.sqrt((pole_hz**2 - grid**2) ** 2 + (wide * grid) ** 2)
    return grid, gain


def _source(
    frequency_hz: Floats, f0: Floats, effort: Floats, voice: Voice
) -> NDArray[np.complex128]:
    """Spectrum of the glottal pulse's derivative: a maximum near f0, then a tilt by effort."""
    s = 1j * frequency_hz
    open_quotient = np.clip(voice.style.open_quotient + 0.15 * (0.5 - effort), 0.3, 0.95)[:, None]
    asymmetry = (0.6 + 0.22 * effort)[:, None]
    glottal = f0[:, None] / (2 * open_quotient)
    width = f0[:, None] / (open_quotient * np.tan(np.pi * (1 - asymmetry)))
    anticausal = s * glottal / (s**2 - width * s + glottal**2)
    tilt = (350 * 2 ** (4.2 * effort))[:, None]
    return np.asarray(anticausal / (1 + s / tilt))
