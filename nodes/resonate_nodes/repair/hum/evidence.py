"""Whether a sound hums, by the amplitudes of the harmonics at the knots.

Hum stands out from what lies beside it, and keeps its level.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..._common.quantiles import quantiles
from .knots import Array, Complex

# It stands out three quarters of the time. In a short sound a held note does so too, by chance: so
# all harmonics together have to stand out further, by this over the number of windows.
_WINDOW_KNOTS = 40
LEAST_KNOTS = 12
_STANDS_OUT_DB = 8.0
_TOGETHER_DB = 46.0
_LEVEL_WINDOWS = 4
_STEADY = 0.6
_LOUDEST_STEADY = 0.7
_LEAST_HARMONICS = 2
# What does not stand out so far may do so in all channels, and throughout a longer sound: then this
# is enough for each of two harmonics that are not both those of a higher note; and this for the sum
# of all, over the number of windows, but no less. Of the base alone, as a pure tone, more is asked.
# A channel hums with the others from the last sum on.
_SOFTLY_DB = 3.0
_SOFTLY_TOGETHER_DB, _LEAST_TOGETHER_DB = 90.0, 10.0
_ALONE_DB, _ALONE_STEADY = 22.0, 0.9
_WITH_OTHERS_DB, _LEAST_WITH_OTHERS_DB = 40.0, 4.0
#: as good as nothing, in power
TINY = 1e-30


def evidence(amplitudes: Complex, harmonics: int) -> tuple[NDArray[np.bool_], float]:
    """Return which channels hum, and how far what hums stands out, in dB over all harmonics."""
    stands_out, keeps_level = prominence(amplitudes)
    stands_out_db = 10 * np.log10(stands_out)
    windows = 2 * amplitudes.shape[2] / _WINDOW_KNOTS
    channels = _clearly(amplitudes, stands_out_db, keeps_level, harmonics, windows)
    # all channels together: the mean of what they say, which a chance in one of them sways less
    pooled_db, pooled_level = stands_out_db.mean(axis=0), keeps_level.mean(axis=0)
    softly = (pooled_db > _SOFTLY_DB) & (pooled_level > _STEADY)
    sum_db = float(np.sum((pooled_db - _SOFTLY_DB) * softly))
    found = np.flatnonzero(softly) + 1
    several = len(found) >= _LEAST_HARMONICS and np.gcd.reduce(found) == 1
    alone = pooled_db[0] > _ALONE_DB and pooled_level[0] > _ALONE_STEADY
    needed_db = max(_SOFTLY_TOGETHER_DB / windows, _LEAST_TOGETHER_DB)
    if channels.any() or ((several or alone) and sum_db > needed_db):
        heard = (stands_out_db > _SOFTLY_DB) & (keeps_level > _STEADY)
        each_db = np.sum((stands_out_db - _SOFTLY_DB) * heard, axis=1)
        channels |= each_db > max(_WITH_OTHERS_DB / windows, _LEAST_WITH_OTHERS_DB)
    return channels, float(np.sum(np.maximum(stands_out_db[channels], 0)))


def _clearly(
    amplitudes: Complex, stands_out_db: Array, keeps_level: Array, harmonics: int, windows: float
) -> NDArray[np.bool_]:
    """Return which channels hum by what each shows alone."""
    present = (stands_out_db > _STANDS_OUT_DB) & (keeps_level > _STEADY)
    channels = present.sum(axis=1) >= min(_LEAST_HARMONICS, harmonics)
    together_db = np.sum((stands_out_db - _STANDS_OUT_DB) * present, axis=1)
    channels &= together_db * windows > _TOGETHER_DB
    power = np.mean(np.abs(amplitudes) ** 2, axis=2) * (stands_out_db > _STANDS_OUT_DB)
    loudest = power.argmax(axis=1)
    clear: NDArray[np.bool_] = channels & (
        keeps_level[np.arange(len(loudest)), loudest] > _LOUDEST_STEADY
    )
    return clear


def prominence(amplitudes: Complex) -> tuple[Array, Array]:
    """Return by channel and harmonic how far it stands out in power, and how steady it is.

    In windows of two seconds (at 50 Hz): the power at the hum over the mean of what lies 1.5 to
    4.5 Hz beside it, reached three quarters of the time; and the lower quartile of its level over
    the upper one.
    """
    knots = amplitudes.shape[2]
    power = _windowed(amplitudes, min(_WINDOW_KNOTS, knots))
    beside = power[..., _bins_beside(power.shape[3])].mean(axis=3)
    stands_out = quantiles(power[..., 0] / np.maximum(beside, 1e-30), [0.25])[0]
    # what is louder half a Hz off is a note near by
    near = np.moveaxis(power[..., [0, 1, -1]], 3, 0)
    middle, above, below = quantiles(near, [0.5])[0]
    stands_out[middle < np.maximum(above, below)] = 0
    shorter = np.clip(2 * knots // (_LEVEL_WINDOWS + 1), LEAST_KNOTS, _WINDOW_KNOTS)
    level = np.sqrt(_windowed(amplitudes, int(shorter))[..., 0])
    low, high = quantiles(level, [0.25, 0.75])
    return np.maximum(stands_out, 1e-30), low / np.maximum(high, 1e-30)


def _windowed(amplitudes: Complex, width: int) -> Array:
    """Return spectra of power in windows that overlap by half: the last two axes."""
    starts = np.arange(0, amplitudes.shape[2] - width + 1, max(1, width // 2))
    cut = amplitudes[:, :, starts[:, None] + np.arange(width)]
    power: Array = np.abs(np.fft.fft(cut * _hann(width), axis=3)) ** 2
    return power


@lru_cache(maxsize=8)
def _hann(width: int) -> Array:
    return np.hanning(width + 2)[1:-1]


def beside_power(amplitudes: Complex) -> Array:
    """Return the power that one knot has of what lies beside each harmonic, at each knot."""
    knots = amplitudes.shape[2]
    width = min(_WINDOW_KNOTS, knots)
    power = _windowed(amplitudes, width)
    # the median, as of an exponential distribution: one bass note beside it is not what lies under
    beside = np.median(power[..., _bins_beside(width)], axis=3) / np.log(2)
    beside /= np.sum(np.hanning(width + 2)[1:-1] ** 2)
    centres = np.arange(beside.shape[2]) * max(1, width // 2) + (width - 1) / 2
    place = np.clip(np.interp(np.arange(knots), centres, np.arange(len(centres))), 0, None)
    before = place.astype(int)
    after = np.minimum(before + 1, len(centres) - 1)
    part = place - before
    between: Array = (1 - part) * beside[..., before] + part * beside[..., after]
    return between


def _bins_beside(width: int) -> NDArray[np.bool_]:
    """Return which bins of a window of some knots lie 1.5 to 4.5 Hz (at 50 Hz) off its middle."""
    bins = np.abs(np.fft.fftfreq(width, 1 / width))
    chosen: NDArray[np.bool_] = (bins >= 3) & (bins <= max(4, min(9, width // 4)))
    return chosen
