"""The noise of a sound where all of it pauses, told by all frequencies at once.

A low percentile of each frequency by itself lies below the noise where the noise is uneven, and
above it where the sound hardly ever pauses at that frequency. But a voice pauses at all frequencies
at once. The frames that are softest in all bands together hold the noise alone, and its mean over
them is that of the noise, as S. F. Boll, *Suppression of acoustic noise in speech using spectral
subtraction* (IEEE Trans. ASSP 27, 1979) takes it.

Music may sound in those frames as well. They are therefore believed, band by band, only as far as
they look like noise: its power is spread over time and frequency as that of Gaussian noise is, and
the mean of the logarithms lies 2.5 dB below the logarithm of the mean (A. H. Gray, J. D. Markel,
*A spectral-flatness measure for studying the autocorrelation method*, IEEE Trans. ASSP 22, 1974).
What is less even has harmonics, or it decays. Noise that comes and goes, such as rain, may be a
little less even.

Wind moves: its even moments have many levels. Its floor at any moment is the highest of the lowest
even levels of the stretches of 0.8 s around it, which is the opening of mathematical morphology:
words are narrower than that, or not even.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..._common.quantiles import low_quantiles
from ..stft import Single
from .noise_spectrum import LOG_MEAN_DB, SMOOTHED_FRAMES, power_level_db

Array = NDArray[np.float64]

# Bands from the first bin above 0 Hz on: a bin is some 21 Hz wide at any rate.
_BANDS, _LEAST_BAND, _FEWEST_BANDS = 30, 4, 10
_FEWEST_FRAMES = 172
_LOW = 0.1
# How far a band lies above its soft moments counts up to so many dB, as an uneven one does.
_SOFT, _LEAST_ABOVE_DB, _MOST_ABOVE_DB, _MOST_UNEVEN_DB = 0.05, -3.0, 12.0, 6.0
# Pauses are frames this near to the softest of them, and no more than so many.
_SOFTEST, _NEAR_DB, _MOST_PAUSES = 0.03, 0.7, 0.3
# Noise is even within 0.2 dB, and within a seventh more of what its level strays by; what lies half
# a dB beyond is something else, and so is what is much more even, such as a lasting tone.
_EVEN_DB, _EVEN_PER_STRAY, _DOUBTFUL_DB = 0.2, 0.15, 0.5
_MOST_STRAY_DB = 2.0
# Of the bands around one, more than two thirds look like noise as well: the narrow ones do by
# chance where a low note dies away.
_AROUND_PERCENTILE, _AROUND_BANDS = 30, 25
_TOO_EVEN_DB, _LIKE_NOISE_DB = -1.2, -0.6
# Levels of 3 % and 20 % of a normal distribution lie 1.04 standard deviations apart.
_RARELY, _OFTEN, _DEVIATIONS = 0.03, 0.2, 1.04
_EVEN_MOMENT_DB = 1.0
_FEWEST_EVEN = 0.05
# Bands believed by more than half make the line; so far above it a band is noise, and is not.
_TOLD, _ON_LINE_DB, _OFF_LINE_DB = 0.5, 3.0, 6.0
# Steady noise strays by 1 dB at most, the surface of a record by 2 dB, wind by 3 dB and more.
_STEADY_DB, _MOVING_DB = 2.0, 4.0
_SOFT_PART = 0.2
_OPENED_FRAMES = 34
# By how much the opening lies below the mean of steady noise, times the root of the bins.
_BELOW_MEAN_DB = 2.0


@dataclass(frozen=True)
class Pauses:
    """The noise of some frames of one channel. Levels are power in dB, one for each band.

    Attributes:
        level_db: its level in the pauses.
        part: how far that is to be believed, from 0 to 1.
        moving_db: its level at each frame, of shape (frames, bands).
        moving_part: how far it is to be taken for moving, from 0 to 1.
    """

    level_db: Array
    part: Array
    moving_db: Array
    moving_part: Array


def noise_in_pauses(power: Single) -> Pauses | None:
    """Return the noise in the pauses of some frames; None where they are too few to tell.

    Args:
        power: their spectra, of shape (frames, bins).
    """
    edges = _edges(power.shape[1])
    if len(edges) <= _FEWEST_BANDS or len(power) < _FEWEST_FRAMES:
        return None
    widths = np.diff(edges)
    mean = _over_bands(power, edges)
    colour_db = low_quantiles(power_level_db(_smoothed(mean)), [_LOW])[0]
    within_db = in_bins(colour_db, power.shape[1]).astype(np.float32)
    white = _over_bands(power * np.float32(10) ** (-within_db / 10), edges)
    logs = _over_bands(power_level_db(power) - within_db, edges)
    levels_db = power_level_db(_smoothed(white))
    uneven_db = levels_db - _smoothed(logs) - LOG_MEAN_DB

    stray_db = _stray(levels_db, uneven_db, widths)
    bound_db = _EVEN_DB + _EVEN_PER_STRAY * np.minimum(stray_db, _MOST_STRAY_DB)
    pauses = _pauses(levels_db, uneven_db)
    part = _evenness(np.median(uneven_db[pauses], axis=0), bound_db)
    soft = levels_db <= low_quantiles(levels_db, [_SOFT_PART])[0]
    soft_db = np.nanmedian(np.where(soft, uneven_db, np.nan), axis=0)
    moving = np.clip((stray_db - _STEADY_DB) / (_MOVING_DB - _STEADY_DB), 0, 1)
    shape_db = power_level_db(
        _over_bands(10 ** (in_bins(colour_db, power.shape[1]) / 10)[None], edges)
    )
    # these frames are the softest: the mean of noise that strays lies about so far above theirs
    level_db = power_level_db(white[pauses].mean(axis=0)) + stray_db + shape_db[0]
    moving_db = _opening(levels_db, uneven_db) + _BELOW_MEAN_DB / np.sqrt(widths) + shape_db
    moving_part = moving * _evenness(soft_db, bound_db)
    return Pauses(
        level_db=level_db,
        part=part * _on_line(level_db, part, edges),
        moving_db=moving_db,
        moving_part=moving_part * _on_line(np.median(moving_db, axis=0), moving_part, edges),
    )


def in_bins(of_bands: Array | Single, bins: int) -> Array:
    """Return what is given for each band at each frequency, in between by straight lines."""
    middles, places = _grid(bins)
    between: Array = np.interp(places, middles, of_bands)
    return between


def bands_of(bins: int) -> int:
    """Return how many bands there are for so many frequencies."""
    return len(_edges(bins)) - 1


@lru_cache(maxsize=8)
def _grid(bins: int) -> tuple[Array, Array]:
    """Return where the middles of the bands lie, and the bins, on a scale of octaves."""
    edges = _edges(bins)
    return np.log(np.sqrt(edges[:-1] * (edges[1:] - 1.0))), np.log(np.maximum(np.arange(bins), 0.5))


def _edges(bins: int) -> NDArray[np.int_]:
    """Return where the bands begin, and where the last one ends."""
    edges = [1]
    for edge in np.geomspace(_LEAST_BAND, bins, _BANDS):
        if round(edge) - edges[-1] >= _LEAST_BAND:
            edges.append(round(edge))
    edges[-1] = bins
    return np.array(edges)


def _over_bands(values: Array | Single, edges: NDArray[np.int_]) -> Array:
    """Return the means over the bins of each band."""
    sums = np.add.reduceat(values, edges[:-1], axis=1).astype(np.float64)
    means: Array = sums / np.diff(edges)
    return means


def _smoothed(values: Array) -> Array:
    from scipy.ndimage import uniform_filter1d

    smooth: Array = uniform_filter1d(values, SMOOTHED_FRAMES, axis=0)
    return smooth


def _pauses(levels_db: Array, uneven_db: Array) -> NDArray[np.bool_]:
    """Return the frames in which all bands together are softest, and look most like noise."""
    above_db = levels_db - low_quantiles(levels_db, [_SOFT])[0]
    away = np.clip(above_db, _LEAST_ABOVE_DB, _MOST_ABOVE_DB)
    away += np.clip(uneven_db, 0, _MOST_UNEVEN_DB)
    away = away.mean(axis=1)
    softest, most = np.quantile(away, [_SOFTEST, _MOST_PAUSES])
    chosen: NDArray[np.bool_] = np.less_equal(away, min(softest + _NEAR_DB, most))
    return chosen


def _stray(levels_db: Array, uneven_db: Array, widths: NDArray[np.int_]) -> Array:
    """Return by how much the level of the noise strays over time: a standard deviation in dB.

    It is that of the softest even moments; and of neighbouring bands that of the steadier ones, as
    in the others it is the sound that strays.
    """
    from scipy.ndimage import percentile_filter

    even = uneven_db < _EVEN_MOMENT_DB + 1 / np.sqrt(widths)
    found = np.full(len(widths), np.nan)
    for band, chosen in enumerate(even.T):
        if chosen.mean() >= _FEWEST_EVEN:
            low, high = np.quantile(levels_db[chosen, band], [_RARELY, _OFTEN])
            found[band] = (high - low) / _DEVIATIONS
    told = np.isfinite(found)
    found[~told] = np.median(found[told]) if told.any() else 0.0
    stray: Array = percentile_filter(found, _AROUND_PERCENTILE, _AROUND_BANDS, mode="nearest")
    return stray


def _evenness(uneven_db: Array, bound_db: Array) -> Array:
    """Return how much each band looks like noise, from 0 to 1: no more than most around it do."""
    from scipy.ndimage import percentile_filter

    even = np.clip((bound_db + _DOUBTFUL_DB - uneven_db) / _DOUBTFUL_DB, 0, 1)
    even *= np.clip((uneven_db - _TOO_EVEN_DB) / (_LIKE_NOISE_DB - _TOO_EVEN_DB), 0, 1)
    around = percentile_filter(even, _AROUND_PERCENTILE, _AROUND_BANDS)
    believed: Array = np.minimum(even, around)
    return believed


def _on_line(level_db: Array, part: Array, edges: NDArray[np.int_]) -> Array:
    """Return, from 1 to 0, how near to a line each band stays, through those that look like noise.

    The line is that of H. Theil (1950), in dB over octaves, and noise rises by a few dB above it.
    What is held at a low pitch rises by more: it has too few bins for it to be told by evenness.
    """
    octaves = np.log2(np.sqrt(edges[:-1] * (edges[1:] - 1.0)))
    told = np.flatnonzero(part > _TOLD)
    one, other = told[np.triu_indices(len(told), 1)[0]], told[np.triu_indices(len(told), 1)[1]]
    away = octaves[other] - octaves[one]
    far = away >= 1
    if not far.any():
        return np.ones(len(level_db))
    slope = np.median((level_db[other] - level_db[one])[far] / away[far])
    above_db = level_db - slope * octaves
    above_db -= np.median(above_db[told])
    near: Array = np.clip((_OFF_LINE_DB - above_db) / (_OFF_LINE_DB - _ON_LINE_DB), 0, 1)
    return near


def _opening(levels_db: Array, uneven_db: Array) -> Array:
    """Return the level of the noise at each frame, where it moves."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

    size = 2 * _OPENED_FRAMES + 1
    even_db = np.where(uneven_db < _EVEN_MOMENT_DB, levels_db, np.inf)
    lowest = minimum_filter1d(even_db, size, axis=0, mode="nearest")
    lowest[np.isinf(lowest)] = -np.inf
    opened = maximum_filter1d(lowest, size, axis=0, mode="nearest")
    usual = low_quantiles(levels_db, [_LOW])[0]
    opened = np.where(np.isinf(opened), usual, opened)
    smooth: Array = uniform_filter1d(opened, _OPENED_FRAMES, axis=0, mode="nearest")
    return smooth
