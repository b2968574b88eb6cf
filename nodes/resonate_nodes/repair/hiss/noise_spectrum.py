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
  itself, and the lower the noise is taken to be. Where they lie as close as those of noise alone,
  what a low percentile lies below the mean is made up for when noise is to be taken away.

A sound that never pauses, such as a wall of guitars, has a floor too, and it is the sound. What
is to be taken away is therefore believed only as far as it looks like noise: its power in time and
frequency is spread as that of Gaussian noise is (the mean of the logarithms lies 2.5 dB below the
logarithm of the mean, as in measures of spectral flatness). What rings on between the strokes of
drums is not spread so. Where the level rises little above the floor in any band, more is asked: the
floor is steady, and it does not rise faster towards low frequencies than noise does.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..._common.quantiles import low_quantiles
from ..stft import Single

Array = NDArray[np.float64]

#: Below this nothing is heard of.
LOWEST = 1e-20
#: Levels are those of a quarter of a second.
SMOOTHED_FRAMES = 21
#: By how much the mean of the logarithms lies below the logarithm of the mean, in noise.
LOG_MEAN_DB = 2.507

_RARELY, _LOW, _OFTEN = 0.03, 0.1, 0.2
_AROUND_BINS = 31
_AROUND_PERCENTILE = 30
_SMOOTHED_BINS = 15
# A low percentile lies below the mean, in power; this makes up for part of it, so that rather
# some noise stays than music goes.
_BIAS = 1.2
# Where the levels lie no further apart than those of noise alone do, this makes up for the rest.
_CERTAIN_DB, _LIKELY_DB, _REST_DB = 1.9, 2.4, 1.5
# Steady noise alone reaches its levels of 3 % and 20 % of the time within 1.5 dB, rain and the
# surface of a record within 3 dB; music without noise at most places 5 to 10 dB apart.
_ALONE_DB = 3.0
_PAUSES_DB = 3.5
_MOST_DOUBT_DB = 10.0
# Bands for the judgement: wide enough for a mean, narrow enough for a floor that falls.
_JUDGED_BANDS, _LEAST_BAND = 28, 5
# By how much noise of n bins strays from evenness and steadiness: seen on noises alone.
_DOUBT_PER_ROOT_DB, _DOUBT_PER_SPREAD, _STEADY_SPREADS = 15.0, 2.0, 1.3
_MOST_JUDGED_DB = 15.0
# Noise is uneven by less than 0.1 dB, rain and the surface of a record by less than 1 dB in most
# bands, what rings on between drums by 1 to 4 dB. What is uneven is taken to lie so far below the
# sound as a whole: that matters only where what was found lies nearer to it.
_UNEVEN_DB, _BELOW_PER_DB, _MOST_BELOW_DB = 0.5, 15.0, 20.0
# A sound that pauses rises by this much and more above its floor in one band of ten.
_PAUSELESS_DB, _PAUSING_DB = 7.0, 9.5
_ALIVE_PERCENTILE = 90
_RISE_DB, _RISE_MARGIN_DB, _RISE_FREE_DB, _RISE_BELOW_BIN = 3.5, 3.0, 30.0, 430
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
    return _as_power(_floor(power)[0])


def floor_to_take(power: Single) -> Single:
    """Return what of the noise floor may be taken away: less where it may be the sound itself.

    Args:
        power: as for `noise_floor`.
    """
    floor, apart_db = _floor(power)
    certain = np.clip((_LIKELY_DB - apart_db) / (_LIKELY_DB - _CERTAIN_DB), 0, 1)
    floor *= 10 ** (_REST_DB * certain / 10)
    floor *= 10 ** (-_beyond_noise_db(power, floor) / 10)
    return _as_power(floor)


def power_level_db(power: Array | Single) -> Array:
    """Return power in dB: -200 dB for none."""
    level_db: Array = 10 * np.log10(power + LOWEST)
    return level_db


def _floor(power: Single) -> tuple[Array, Array]:
    """Return the floor, and how far apart the levels reached rarely and often lie, in dB."""
    from scipy.ndimage import median_filter, percentile_filter, uniform_filter1d

    smooth = uniform_filter1d(power, min(SMOOTHED_FRAMES, len(power)), axis=0)
    rarely, low, often = low_quantiles(smooth, [_RARELY, _LOW, _OFTEN])
    apart_db = 10 * np.log10((often + LOWEST) / (rarely + LOWEST))
    colour = _colour(low, apart_db)
    white = percentile_filter(low / colour, _AROUND_PERCENTILE, _AROUND_BINS, mode="nearest")
    white = uniform_filter1d(white, _SMOOTHED_BINS, mode="nearest")
    around_db = median_filter(apart_db, _AROUND_BINS, mode="nearest")
    around_db = uniform_filter1d(around_db, _SMOOTHED_BINS, mode="nearest")
    doubt_db = np.clip(around_db - _PAUSES_DB, 0, _MOST_DOUBT_DB)
    return _BIAS * white * colour * 10 ** (-doubt_db / 10), around_db


def _as_power(floor: Array) -> Single:
    return np.maximum(floor, LOWEST).astype(np.float32)


def _beyond_noise_db(power: Single, floor: Array) -> Array:
    """Return by how much a floor lies above what can be noise, in each bin; 0 in most sounds."""
    from scipy.ndimage import median_filter, uniform_filter1d

    bins = len(floor)
    none = np.zeros(bins)
    edges = _judged_edges(bins)
    if len(edges) < _FEWEST_BANDS:
        return none
    count = np.diff(edges)
    inside, frames = power[:, : edges[-1]], min(SMOOTHED_FRAMES, len(power))
    mean = np.add.reduceat(inside, edges[:-1], axis=1).astype(np.float64) / count
    levels = power_level_db(uniform_filter1d(mean, frames, axis=0))
    rarely, low, often = low_quantiles(levels, [_RARELY, _LOW, _OFTEN])
    usual = power_level_db(mean.mean(axis=0))
    logs = np.add.reduceat(power_level_db(inside), edges[:-1], axis=1) / count
    even = low_quantiles(uniform_filter1d(logs, frames, axis=0), [_LOW])[0] + LOG_MEAN_DB
    uneven_db = np.maximum(low - even - 0.1 - 0.6 / np.sqrt(count), 0)
    found = np.add.reduceat(power_level_db(floor)[: edges[-1]], edges[:-1]) / count
    below_db = np.clip(_BELOW_PER_DB * (uneven_db - _UNEVEN_DB), 0, _MOST_BELOW_DB)
    beyond = found - (usual - median_filter(below_db, 3, mode="nearest"))
    alive_db = np.percentile(usual - rarely, _ALIVE_PERCENTILE)
    share = np.clip((_PAUSING_DB - alive_db) / (_PAUSING_DB - _PAUSELESS_DB), 0, 1)
    spread = np.clip((often - rarely) / (2.6 / np.sqrt(count) + 0.1) - _STEADY_SPREADS, 0, None)
    doubt_db = _DOUBT_PER_ROOT_DB * np.sqrt(uneven_db) + _DOUBT_PER_SPREAD * spread
    doubt_db = median_filter(np.minimum(doubt_db, _MOST_JUDGED_DB), 3, mode="nearest")
    least = np.minimum(found, usual - np.maximum(doubt_db - 1, 0))
    least = _not_rising(least, doubt_db, edges)
    beyond = np.maximum(np.maximum(beyond, share * (found - least)), 0)
    middles = np.log(np.sqrt(edges[:-1] * edges[1:]))
    in_bins: Array = np.interp(np.log(np.maximum(np.arange(bins), 1)), middles, beyond)
    return in_bins


def _not_rising(floor_db: Array, doubt_db: Array, edges: NDArray[np.int_]) -> Array:
    """Return a floor that rises towards low frequencies no more than noise does, where in doubt."""
    result = floor_db.copy()
    octaves = np.log2(np.sqrt(edges[:-1] * edges[1:]))
    free_db = _RISE_FREE_DB * (1 - np.minimum(doubt_db / 4, 1)) + _RISE_MARGIN_DB
    above = int(np.searchsorted(edges[:-1], _RISE_BELOW_BIN))
    for band in range(above - 2, -1, -1):
        higher = slice(band + 1, above)
        bound = result[higher] + _RISE_DB * (octaves[higher] - octaves[band])
        result[band] = min(result[band], bound.min() + free_db[band])
    return result


def _judged_edges(bins: int) -> NDArray[np.int_]:
    """Return where the bands begin, and where the last one ends."""
    edges = [_FIRST_BIN]
    for edge in np.geomspace(_FIRST_BIN, max(bins - 1, _FIRST_BIN + 1), _JUDGED_BANDS):
        if round(edge) - edges[-1] >= _LEAST_BAND:
            edges.append(round(edge))
    return np.array(edges)


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
