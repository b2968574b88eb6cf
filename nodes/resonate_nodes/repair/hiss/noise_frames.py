"""Which frames of a sound tell of its noise, and which do not.

A pause tells of the noise as long as it is left as it was recorded. Where somebody muted it, it
holds nothing, or the dither and the rounding of a file of 16 bit; where a gate or an expander
turned it down, it holds the noise at a lower level. In a stretch that is to hold noise alone there
may be black, fades and clicks as well.

Spectra are given as the power of each bin, of shape (frames, bins), of one channel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..._common.quantiles import low_quantiles
from ..stft import Spectra, Stft
from .noise_spectrum import SMOOTHED_FRAMES

Power = NDArray[np.float32]
Chosen = NDArray[np.bool_]

# So many spectra lie in memory at once.
_FRAMES_AT_ONCE = 128

# TPDF dither and rounding to 16 bit are noise at -96.3 dBFS; shaped dither, and what filters and
# codecs make of any, lies higher. In a sound that is soft itself, noise at such levels is its own.
_ROUNDING = 10 ** (-84.0 / 10)
_BELOW_SOUND_DB = 50.0
# A gate is looked for in bands of about 350 Hz, of which those count that hold noise at all. What
# a quarter of them stay below at a moment is noise, unless sound fills nearly all of the spectrum.
_BAND_BINS = 16
_FEWEST_BANDS = 12
_FEWEST_FRAMES = 200
_BAND_RANGE = 1e-5
_BRIEF_FRAMES = 5
_WITHOUT_SOUND_PERCENTILE = 25
_QUANTILE = 0.1
_TINY = 1e-20
# Of real recordings, those without a gate that pass the one test are far from passing the other:
# a violin has 2 % of its frames in between, but bands that are apart by 20 dB more than others;
# the surface of a record is even, but has 20 % in between. Gates: up to 8 %, and 3.4 dB.
_DEPTHS_DB = np.arange(3.0, 40.0, 0.5)
_LEAST_PART = 0.08
_VALLEY_DB = 1.5
_VALLEY_PART = 0.08
_EVENNESS_DB = 4.0
_CLOSED_FRAMES = 30
# Noise alone is as loud at all times: what is further from the rest than this is something else.
_STEADY_DB = 1.5
_STEADY_SIGMA = 4.0
_LOUD_PERCENTILE = 90
_BELOW_NOISE_DB = 20.0


def power_of(spectra: Spectra, out: Power | None = None) -> Power:
    """Return the squares of magnitudes."""
    power: Power = np.square(spectra.real, out=out)
    power += np.square(spectra.imag)
    return power


def powers(stft: Stft, first: int, last: int) -> Power:
    """Return the power of the spectra of some frames, of shape (channels, frames, bins)."""
    found = np.empty((len(stft.samples), last - first, len(stft.window) // 2 + 1), np.float32)
    for start in range(first, last, _FRAMES_AT_ONCE):
        stop = min(start + _FRAMES_AT_ONCE, last)
        power_of(stft.spectra(start, stop), out=found[:, start - first : stop - first])
    return found


def above_rounding(power: Power, window_power: float, sound: float) -> Chosen:
    """Return which frames hold more than digital silence, dither or the rounding of 16 bit.

    Args:
        power: the spectra.
        window_power: the sum of the squares of the window that they were made with.
        sound: mean square of the whole channel. What lies less than 50 dB below it counts
            however soft it is.
    """
    rounding = min(_ROUNDING, sound * 10 ** (-_BELOW_SOUND_DB / 10))
    chosen: Chosen = _mean_squares(power, window_power) > rounding
    return chosen


def beside_muted(heard: Chosen, overlap: int) -> Chosen:
    """Return which frames that are heard may hold part of what was muted beside them.

    Such a frame has the spectrum of the sound, at a level of nothing that was recorded.

    Args:
        heard: what `above_rounding` says of all frames, in the order of time.
        overlap: in how many frames each sample lies.
    """
    from scipy.ndimage import binary_dilation

    if heard.all():
        return np.zeros_like(heard)
    near: Chosen = binary_dilation(~heard, iterations=overlap - 1) & heard
    return near


def closed_frames(power: Power) -> Chosen:
    """Return which frames were turned down by a gate or an expander.

    A gate is known by two things that hardly a sound does by itself: the noise between the sounds
    has two levels and next to nothing in between, and at all frequencies the two are as far apart.
    Where that is not so, or what is softer comes and goes as fast as notes do, no frame was turned
    down.
    """
    from scipy.ndimage import binary_dilation, uniform_filter1d

    none: Chosen = np.zeros(len(power), np.bool_)
    bands = power.shape[1] // _BAND_BINS
    if len(power) < _FEWEST_FRAMES or bands < _FEWEST_BANDS:
        return none
    level = power[:, : bands * _BAND_BINS].reshape(len(power), bands, _BAND_BINS).mean(axis=2)
    lowest = _lowest(level)
    level = level[:, lowest > _BAND_RANGE * lowest.max()]
    if level.shape[1] < _FEWEST_BANDS:
        return none
    brief = uniform_filter1d(level, _BRIEF_FRAMES, axis=0) / _lowest(level)
    above_db = 10 * np.log10(np.percentile(brief, _WITHOUT_SOUND_PERCENTILE, axis=1) + _TINY)
    closed: Chosen = np.less(above_db, _valley_db(above_db))
    closings = int(np.count_nonzero(np.diff(closed, prepend=False) & closed))
    if closed.sum() < _CLOSED_FRAMES * max(closings, 1):
        return none
    apart_db = 10 * np.log10(_lowest(level[~closed]) / _lowest(level[closed]))
    low, high = np.percentile(apart_db, [10, 90])
    if high - low > _EVENNESS_DB:
        return none
    # being smoothed over time, the frames beside those that are open look open as well
    widened: Chosen = binary_dilation(closed, iterations=_BRIEF_FRAMES // 2)
    return widened


def steady_frames(power: Power, window_power: float, inside: NDArray[np.float64]) -> Chosen:
    """Return which frames of a noise profile hold its noise: no black, no fades, no clicks.

    Noise alone is as loud at all times. Its level is where most frames lie closest together; what
    is further from there than chance takes noise is something else.

    Args:
        power: the spectra.
        window_power: as for `above_rounding`.
        inside: what part of each frame lies within the profile: what of the window's power.
    """
    levels = _mean_squares(power, window_power) / inside
    heard: Chosen = levels > 0
    if not heard.any():
        return heard
    loud = np.percentile(levels[heard], _LOUD_PERCENTILE)
    heard = np.greater(levels, min(_ROUNDING, loud * 10 ** (-_BELOW_NOISE_DB / 10)))
    usual = np.median(power[heard], axis=0)
    usual = np.maximum(usual, _BAND_RANGE * usual.max() + _TINY)
    level_db = 10 * np.log10((power / usual).mean(axis=1, dtype=np.float64) / inside + _TINY)
    middle, spread = _densest(level_db[heard])
    apart_db: NDArray[np.float64] = np.abs(level_db - middle)
    steady: Chosen = heard & (apart_db <= max(_STEADY_DB, _STEADY_SIGMA * spread))
    return steady


def _mean_squares(power: Power, window_power: float) -> NDArray[np.float64]:
    """Return the mean square of the samples of each frame."""
    length = 2 * (power.shape[1] - 1)
    squares: NDArray[np.float64] = power.sum(axis=1, dtype=np.float64)
    squares *= 2 / (length * window_power)
    return squares


def _lowest(level: Power) -> Power:
    """Return a low level of each band, as `log_mmse` seeks the floor."""
    from scipy.ndimage import uniform_filter1d

    smooth = uniform_filter1d(level, min(SMOOTHED_FRAMES, len(level)), axis=0)
    lowest: Power = low_quantiles(smooth, [_QUANTILE])[0].astype(np.float32)
    np.maximum(lowest, np.float32(_TINY), out=lowest)
    return lowest


def _valley_db(levels_db: NDArray[np.float64]) -> float:
    """Return the level that divides two crowds of frames; minus infinity where it is one."""
    below = np.array([(levels_db < depth).mean() for depth in _DEPTHS_DB])
    near = np.array([(np.abs(levels_db - depth) < _VALLEY_DB).mean() for depth in _DEPTHS_DB])
    near[(below < _LEAST_PART) | (below > 1 - _LEAST_PART)] = np.inf
    return float(_DEPTHS_DB[near.argmin()]) if near.min() <= _VALLEY_PART else -np.inf


def _densest(levels_db: NDArray[np.float64]) -> tuple[float, float]:
    """Return the middle of the shortest half of some levels, and the deviation it stands for."""
    ordered = np.sort(levels_db)
    half = len(ordered) // 2
    widths = ordered[half:] - ordered[: len(ordered) - half]
    first = int(widths.argmin())
    return float(ordered[first : first + half + 1].mean()), float(widths[first] / 2 / 0.6745)
