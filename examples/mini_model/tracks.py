"""Tracks: one value for each frame of 128 samples, which is how the singer is steered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 44100
HOP = 128
FRAME_S = HOP / RATE_HZ

Floats = NDArray[np.float64]


def smooth(track: Floats, width_s: float) -> Floats:
    """The track through a Hann window of that length, its ends held."""
    half = max(1, round(width_s / FRAME_S / 2))
    window = np.hanning(2 * half + 3)[1:-1]
    window /= window.sum()
    columns = track.reshape(len(track), -1)
    padded = np.pad(columns, ((half, half), (0, 0)), mode="edge")
    done = np.stack([np.convolve(c, window, mode="valid") for c in padded.T], axis=1)
    return np.asarray(done.reshape(track.shape))


def wander(rng: np.random.Generator, count: int, width_s: float) -> Floats:
    """Slow noise of unit deviation."""
    noise = smooth(rng.standard_normal(count), width_s)
    return np.asarray(noise / (noise.std() + 1e-12))


def held(track: Floats, otherwise: float = 1000.0) -> Floats:
    """The track with every gap filled from its nearest frame."""
    known = np.flatnonzero(~np.isnan(track[:, 0]))
    if not known.size:
        return np.full_like(track, otherwise)
    middles = (known[1:] + known[:-1]) / 2
    return np.asarray(track[known[np.searchsorted(middles, np.arange(len(track)))]])


def to_samples(track: Floats) -> Floats:
    """A track of frames drawn out to samples, up to the last frame."""
    at = np.arange((len(track) - 1) * HOP) / HOP
    return np.interp(at, np.arange(len(track)), track)
