"""Whether crackle that was found comes from elsewhere, or is a part of the sound.

Crackle knows nothing of the sound: it lies anywhere in a wave, and nothing follows it. What a sound
is made of lies at certain heights of its wave, as the corners of a guitar's distortion and the
edges of pulses do, or sets something off, as a drop of rain that rings. One of either says little;
so they are judged by all that were found within a second.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._common.running import running_maximum
from ..._common.runs import mask_of, runs, touched

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

# There is as much crackle as this within a second before and after, and fewer than so many pulses
# of a pitch for each.
_FEWEST, _A_PITCH = 6, 0.15
# How high the sound is somewhere is told by its rank among so many samples of 10 ms on either
# side. The ranks of crackle are spread evenly: no more of them than expected are below any rank by
# the larger of this part of all, and the deviation of so few (Kolmogorov and Smirnov's; a chance of
# one in seven hundred).
_PERIOD_SECONDS, _SAMPLES, _RANKS = 0.01, 64, 16
_UNEVEN, _BY_CHANCE = 0.3, 1.9
# And no more than so much of it lies within a tenth of the highest level there.
_AT_A_PEAK, _MOSTLY = 0.9, 0.3
# By how many dB the sound rises from the half millisecond before a place to that after, no more
# than so many. Crackle is as often followed by a fall: the mean is this, and so many deviations.
_TINY = 1e-30
_WINDOW_SECONDS, _MOST_DB = 0.0005, 10.0
_RISE_DB, _DEVIATIONS = 2.5, 1.9


class _Around(NamedTuple):
    """Which of some places lie within a second of each, as a range, and how many."""

    first: Places
    last: Places
    many: Places

    def sums(self, values: Array) -> Array:
        """Return the sums of some values, of shape (places, ...), over what lies around each."""
        total = np.cumsum(values, axis=0)
        total = np.concatenate([np.zeros_like(total[:1]), total])
        sums: Array = total[self.last] - total[self.first]
        return sums


def few(clicks: Mask, recurring: Mask, sample_rate: int) -> Mask:
    """Return which clicks have hardly another one within a second, or pulses of a pitch beside.

    Crackle is many; and where there are such pulses, what is left of them is another.
    """
    starts, stops = runs(clicks)
    around = _around(starts, sample_rate)
    pulses, _ = runs(recurring)
    beside = np.searchsorted(pulses, starts + sample_rate)
    beside -= np.searchsorted(pulses, starts - sample_rate)
    rare = (around.many < _FEWEST) | (beside > _A_PITCH * around.many)
    return mask_of(starts[rare], stops[rare], len(clicks))


def part_of_the_sound(repaired: Array, missing: Mask, sample_rate: int) -> Mask:
    """Return which of what was filled in is a part of the sound, as what is found around it is.

    Args:
        repaired: the sound, filled in.
        missing: where that was done.
        sample_rate: in Hz.
    """
    starts, stops = runs(missing)
    if not len(starts):
        return np.zeros(len(missing), bool)
    around = _around(starts, sample_rate)
    own = _at_certain_heights(repaired, starts, stops, around, sample_rate)
    own |= _at_the_peaks(repaired, starts, stops, around, sample_rate)
    own |= _set_something_off(repaired, starts, stops, around, sample_rate)
    return mask_of(starts[own], stops[own], len(missing))


def _around(starts: Places, sample_rate: int) -> _Around:
    first = np.searchsorted(starts, starts - sample_rate)
    last = np.searchsorted(starts, starts + sample_rate)
    return _Around(first, last, last - first)


def _at_certain_heights(
    repaired: Array, starts: Places, stops: Places, around: _Around, sample_rate: int
) -> Mask:
    """Return which places have others around them at which the wave is as high or as low."""
    levels, middles = np.abs(repaired), (starts + stops) // 2
    reach = round(_PERIOD_SECONDS * sample_rate)
    beside = middles[:, None] + np.round(np.linspace(-reach, reach, _SAMPLES)).astype(np.intp)
    beside = np.clip(beside, 0, len(repaired) - 1)
    rank = np.mean(levels[beside] < levels[middles, None], axis=1)
    below = np.arange(1, _RANKS) / _RANKS
    parts = around.sums((rank[:, None] < below).astype(np.float64)) / around.many[:, None]
    uneven = np.abs(parts - below).max(axis=1)
    certain: Mask = uneven > np.maximum(_UNEVEN, _BY_CHANCE / np.sqrt(around.many))
    return certain


def _at_the_peaks(
    repaired: Array, starts: Places, stops: Places, around: _Around, sample_rate: int
) -> Mask:
    """Return which places have others around them, most of which lie at the peaks of the sound."""
    levels = np.abs(repaired)
    peaks = running_maximum(levels, 2 * round(_PERIOD_SECONDS * sample_rate) + 1)
    near = touched(starts, stops, levels > _AT_A_PEAK * peaks)
    most: Mask = around.sums(near.astype(np.float64)) > _MOSTLY * around.many
    return most


def _set_something_off(
    repaired: Array, starts: Places, stops: Places, around: _Around, sample_rate: int
) -> Mask:
    """Return which places have others around them after most of which the sound is louder."""
    window = max(4, round(_WINDOW_SECONDS * sample_rate))
    energy = np.concatenate([[0.0], np.cumsum(np.diff(repaired, prepend=repaired[:1]) ** 2)])
    last = len(repaired)
    before = energy[starts] - energy[np.maximum(starts - window, 0)]
    after = energy[np.minimum(stops + 1 + window, last)] - energy[np.minimum(stops + 1, last)]
    rise_db = 10 * np.log10(np.maximum(after, _TINY) / np.maximum(before, _TINY))
    rise_db = np.clip(rise_db, -_MOST_DB, _MOST_DB)
    total, spread = around.sums(rise_db), np.sqrt(around.sums(rise_db**2))
    off: Mask = total > np.maximum(_RISE_DB * around.many, _DEVIATIONS * spread)
    return off
