"""The spectrum of the noise beneath a sound: a floor that is sought in its own frames.

For each frequency it is the tenth percentile of the spectrum smoothed over a quarter of a second,
as in R. Martin, *Noise power spectral density estimation based on optimal smoothing and minimum
statistics* (IEEE Trans. Speech and Audio Processing 9, 2001); and then a low percentile over 650 Hz
around each frequency, because hiss has a smooth spectrum and held notes do not. Two things make
that true of sounds in general:

- Noise is rarely white. A line, in dB over octaves, is laid through the floors of those frequencies
  where noise is heard alone, and taken away before the percentile over frequencies and put back
  after it. Else the lowest octaves of pink noise would have the floor of those above them.
- A floor is heard only where the sound pauses. Where it does, the levels that are reached rarely
  and often lie close together; the further they lie apart, the more of what was found is the sound
  itself, and the lower the noise is taken to be.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .stft import Single

Array = NDArray[np.float64]

#: Below this nothing is heard of.
LOWEST = 1e-20

_SMOOTHED_FRAMES = 21
_RARELY, _LOW, _OFTEN = 0.03, 0.1, 0.2
_AROUND_BINS = 31
_AROUND_PERCENTILE = 30
_SMOOTHED_BINS = 15
# A low percentile lies below the mean, in power; this makes up for part of it, so that rather
# some noise stays than music goes.
_BIAS = 1.2
# Steady noise alone reaches its levels of 3 % and 20 % of the time within 1.5 dB, rain and the
# surface of a record within 3 dB; music without noise at most places 5 to 10 dB apart.
_ALONE_DB = 3.0
_PAUSES_DB = 3.5
_MOST_DOUBT_DB = 10.0
# The line is laid from 60 Hz to 0.8 of half the sample rate, through bands of a quarter of an
# octave. A bin is some 21 Hz wide at any rate.
_FIRST_BIN, _LAST_PART = 3, 0.8
_BANDS = 33
_FEWEST_BANDS = 6
_LEAST_OCTAVES = 2.0
_STEEPEST_DB = -6.0
_FLAT_BELOW_BIN = 2


def noise_floor(power: Single) -> Single:
    """Return the noise floor of some frames of one channel, as power, in each frequency.

    Args:
        power: their spectra, of shape (frames, bins), at least one frame.
    """
    from scipy.ndimage import median_filter, percentile_filter, uniform_filter1d

    smooth = uniform_filter1d(power, min(_SMOOTHED_FRAMES, len(power)), axis=0)
    rarely, low, often = np.quantile(smooth, [_RARELY, _LOW, _OFTEN], axis=0).astype(np.float64)
    apart_db = 10 * np.log10((often + LOWEST) / (rarely + LOWEST))
    colour = _colour(low, apart_db)
    white = percentile_filter(low / colour, _AROUND_PERCENTILE, _AROUND_BINS, mode="nearest")
    white = uniform_filter1d(white, _SMOOTHED_BINS, mode="nearest")
    around_db = median_filter(apart_db, _AROUND_BINS, mode="nearest")
    around_db = uniform_filter1d(around_db, _SMOOTHED_BINS, mode="nearest")
    doubt_db = np.clip(around_db - _PAUSES_DB, 0, _MOST_DOUBT_DB)
    floor: Single = np.maximum(_BIAS * white * colour * 10 ** (-doubt_db / 10), LOWEST).astype(
        np.float32
    )
    return floor


def _colour(low: Array, apart_db: Array) -> Array:
    """Return the power of noise that falls as the noise of a sound does; all ones for white noise.

    The slope is the median of those between any two bands an octave or more apart (H. Theil, 1950).
    """
    bins = np.arange(len(low))
    edges = np.geomspace(_FIRST_BIN, max(_LAST_PART * len(low), _FIRST_BIN + 1), _BANDS).astype(int)
    octaves, levels_db = [], []
    for first, last in pairwise(edges):
        if last > first and np.median(apart_db[first:last]) <= _ALONE_DB:
            octaves.append(np.log2(bins[first:last].mean()))
            levels_db.append(10 * np.log10(np.median(low[first:last]) + LOWEST))
    if len(octaves) < _FEWEST_BANDS or octaves[-1] - octaves[0] < _LEAST_OCTAVES:
        return np.ones(len(low))
    one, other = np.triu_indices(len(octaves), 1)
    away, rise = np.subtract(*np.take(octaves, [other, one])), np.take(levels_db, other)
    rise -= np.take(levels_db, one)
    slope_db = np.clip(np.median((rise / away)[away >= 1]), _STEEPEST_DB, 0)
    colour: Array = np.maximum(bins, _FLAT_BELOW_BIN) ** (slope_db / (10 * np.log10(2)))
    return colour
