"""Where a channel was clipped: its levels, by polarity and stretch of time.

A clipped peak is a plateau: some samples in a row that are alike, between flanks far too steep for
so flat a top. Going as far again to both sides as a run of samples is long, a smooth peak, which is
a parabola, has fallen by eight times what it falls within; a cut one by much more. That holds at
any level, and beneath a tolerance too: in what was dithered, filtered or resampled after it was
clipped, plateaus are not quite flat, and their level wanders.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._common.reach import in_reach, scaled
from ..._common.runs import mask_of, runs
from .bending import bent
from .dc_blocker import DcBlocker, dc_blocker

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

# What counts as lying at the clipping level: float32 keeps 1.2e-7, an encoder of 24 bits 1.2e-7
# of full scale.
_AT_LEVEL = 1e-5
# Samples pile up at the highest level where it holds a quarter of what lies within 1 %. There are
# so many runs of them, and so many of those have steep flanks.
_NEAR_LEVEL = 0.01
_PILED_UP = 0.25
_LEAST_AT_THE_TOP = 3
_LEAST_STEEP_AT_THE_TOP = 2

# A plateau has so many samples, lies in the upper part of what is around it, and its flanks are so
# much steeper than those of a parabola.
_RUN = 3
_HIGH = 0.25
_STEEPER = 2.0
# One of some length between two jumps was made so: the waves of a synthesiser. Where most lie
# between jumps, the short ones that do were made so, too.
_LONG = 8
_JUMP = 0.7
_MOSTLY = 0.5
# A sound that takes few values is flat wherever it is slow: its steps count as no slope. They are
# told from so many samples, and their distance near the top.
_VALUES = 65_536
_LEAST_VALUES = 5
_NEAR_TOP = 0.9
# It was made of steps where it mostly stays, not at its top only, and leaps by so many of these
# distances: the square and triangle waves of old game consoles.
_STAYS, _LEAPS, _NOT_AT_THE_TOP = 0.5, 4, 0.98

# By how much neighbouring samples of a plateau may differ, and how far it may lie from the level.
_TOLERANCES = ((_AT_LEVEL, _AT_LEVEL), (1e-3, 0.01), (5e-3, 0.02), (5e-3, 0.05))
# A wider one counts in a second where it finds more by half.
_MORE = 1.5
# The level is the median of so many plateaus that reach this much of what is around them.
_LEVEL_OF = 9
_REACHING = 0.8
# A second is clipped that has so many, in which so much of what reaches the level lies in plateaus,
# and next to nothing goes beyond.
_LEAST_PLATEAUS = 8
_LEAST_FLAT = 0.5
_MOST_BEYOND = 0.05
# Where next to nothing lies between the levels, as in a square wave, or where a sound rests at one
# of them, as between pulses, it was made so.
_LEAST_BETWEEN = 0.03
_RESTING = 0.5
_NOT_AT_THE_OTHER = 0.1
# What went into a filter against DC is judged where it shows nearly as many clipped samples.
_AS_MANY = 0.8


class Clipped(NamedTuple):
    """Which samples of a channel lie at the levels at which it was clipped.

    Attributes:
        upper: cut off upwards.
        lower: cut off downwards.
        blocker: the filter against DC that it went through afterwards, where there is one.
    """

    upper: Mask
    lower: Mask
    blocker: DcBlocker | None = None

    def as_cut_off(self, channel: Single) -> Single:
        """Return a channel as it was when it was cut off, before any filter against DC."""
        return channel if self.blocker is None else self.blocker.undone(channel)

    @property
    def either(self) -> Mask:
        """Return which samples were cut off at all."""
        both: Mask = self.upper | self.lower
        return both


def clipped(channel: Single, sample_rate: int, threshold_dbfs: float | None = None) -> Clipped:
    """Find which samples of a channel were clipped.

    Args:
        channel: the samples.
        sample_rate: in Hz.
        threshold_dbfs: the level at which it was clipped; None to find it.
    """
    if threshold_dbfs is not None:
        level = 10 ** (threshold_dbfs / 20) * (1 - _AT_LEVEL)
        return Clipped(channel >= level, channel <= -level)
    channel = scaled(channel, in_reach(channel))
    found = _found(channel, sample_rate)
    blocker = dc_blocker(channel, _tops(np.abs(channel), sample_rate), sample_rate)
    if blocker is not None:
        there = _found(blocker.undone(channel), sample_rate)
        if np.count_nonzero(there.either) > _AS_MANY * np.count_nonzero(found.either):
            return there._replace(blocker=blocker)
    return found


def _found(channel: Single, sample_rate: int) -> Clipped:
    upper, lower = (_cut_off(one, sample_rate) for one in (channel, -channel))
    if not (upper.any() or lower.any()):
        return Clipped(upper, lower)
    fine = _in_proportion(channel, upper, lower, sample_rate)
    if bent(channel, upper & fine, lower & fine, sample_rate, _AT_LEVEL):
        fine[:] = False
    return Clipped(upper & fine, lower & fine)


class _Plateaus(NamedTuple):
    """Flat tops with steep flanks: where they begin and end, how high and how low they are."""

    starts: Places
    stops: Places
    highs: Array
    lows: Array

    def of(self, chosen: Mask) -> _Plateaus:
        """Return some of them."""
        return _Plateaus(
            self.starts[chosen], self.stops[chosen], self.highs[chosen], self.lows[chosen]
        )


def _cut_off(channel: Single, sample_rate: int) -> Mask:
    """Return which samples were cut off upwards."""
    if not len(channel) or channel.max() <= 0:
        return np.zeros(len(channel), bool)
    tops = _tops(channel, sample_rate)
    step = _step(channel)
    if _made_of_steps(channel, tops, step):
        return np.zeros(len(channel), bool)
    found = _at_the_top(channel, tops, step)
    for closeness, spread in _TOLERANCES:
        plateaus = _plateaus(channel, tops, closeness, step)
        wider = _at_a_level(channel, tops, plateaus, spread, sample_rate)
        more = _by_second(wider, sample_rate) > _MORE * _by_second(found, sample_rate)
        found = np.where(_in_seconds(more, sample_rate, len(channel)), wider, found)
    return found


def _tops(channel: Single, sample_rate: int) -> Single:
    """Return the highest sample of the tenth of a second around each, and of those beside it."""
    block = max(_RUN, sample_rate // 10)
    count = -(-len(channel) // block)
    highest = np.pad(channel, (0, count * block - len(channel))).reshape(count, block).max(axis=1)
    padded = np.pad(np.maximum(highest, 0), 1)
    around = np.maximum(np.maximum(padded[:-2], padded[2:]), padded[1:-1])
    tops: Single = np.repeat(around, block)[: len(channel)]
    return tops


def _step(channel: Single) -> float:
    """Return the distance of the values that a sound takes, or takes near its top."""
    first = max(int(np.argmax(channel)) - _VALUES // 2, 0)
    values = np.unique(channel[first : first + _VALUES])
    high = values[values >= _NEAR_TOP * values[-1]]
    steps = [float(np.diff(some).min()) for some in (values, high) if len(some) >= _LEAST_VALUES]
    return max(steps, default=0.0)


def _made_of_steps(channel: Single, tops: Single, step: float) -> bool:
    """Return whether a sound mostly stays where it is, and leaps elsewhere."""
    here = channel[1:]
    asked = (here > _HIGH * tops[1:]) & (here < _NOT_AT_THE_TOP * tops[1:])
    moves = np.abs(np.diff(channel))[asked]
    moved = moves[moves > _AT_LEVEL * tops[1:][asked]]
    if not len(moved) or len(moved) > (1 - _STAYS) * len(moves):
        return False
    return float(np.median(moved)) > _LEAPS * step


def _plateaus(channel: Single, tops: Single, closeness: float, step: float) -> _Plateaus:
    """Find plateaus whose samples differ from the next by so much of what is around at most."""
    alike = np.abs(np.diff(channel)) <= closeness * tops[1:]
    alike &= channel[1:] > _HIGH * tops[1:]
    starts, stops = runs(alike)
    stops = stops + 1
    lengths = stops - starts
    whole = (lengths >= _RUN) & (starts >= lengths) & (stops + lengths <= len(channel))
    starts, stops, lengths = starts[whole], stops[whole], lengths[whole]
    if not len(starts):
        return _Plateaus(starts, stops, np.zeros(0), np.zeros(0))
    samples = channel.astype(np.float64)
    edges = np.stack([starts, stops], axis=1).ravel()
    highs = np.maximum.reduceat(samples, edges)[::2]
    lows = np.minimum.reduceat(samples, edges)[::2]
    left, right = samples[starts - lengths], samples[stops - 1 + lengths]
    fallen = lows - (left + right) / 2
    steep = fallen > _STEEPER * 8 * np.maximum(highs - lows, step)
    beside = lows - np.maximum(samples[starts - 1], samples[stops])
    a_top = (beside > 0) & (np.maximum(left, right) < lows)
    found, between_jumps = steep & a_top, beside > _JUMP * fallen
    if np.count_nonzero(found & between_jumps) > _MOSTLY * np.count_nonzero(found):
        found &= ~between_jumps
    found &= (lengths < _LONG) | ~between_jumps
    return _Plateaus(starts, stops, highs, lows).of(found)


def _at_the_top(channel: Single, tops: Single, step: float) -> Mask:
    """Return what lies at the highest level of all, if samples pile up there in plateaus."""
    top = float(channel.max())
    level = top * (1 - _AT_LEVEL)
    at_level = channel >= level
    near = np.count_nonzero(channel >= top * (1 - _NEAR_LEVEL))
    if np.count_nonzero(at_level) > _PILED_UP * near:
        starts, stops = runs(at_level)
        plateaus = _plateaus(channel, tops, _AT_LEVEL, step)
        if (
            np.count_nonzero(stops - starts >= _RUN) >= _LEAST_AT_THE_TOP
            and np.count_nonzero(plateaus.lows >= level) >= _LEAST_STEEP_AT_THE_TOP
        ):
            return at_level
    return np.zeros(len(channel), bool)


def _at_a_level(
    channel: Single, tops: Single, plateaus: _Plateaus, spread: float, sample_rate: int
) -> Mask:
    """Return what lies at a level that wanders, in the seconds in which plateaus keep to one."""
    from scipy.ndimage import median_filter

    nothing = np.zeros(len(channel), bool)
    found = plateaus.of(plateaus.highs >= _REACHING * tops[plateaus.starts])
    for _ in range(2):
        if len(found.starts) < _LEAST_PLATEAUS:
            return nothing
        levels = median_filter(found.highs, _LEVEL_OF, mode="nearest")
        kept = np.abs(found.highs - levels) <= spread * levels
        found, levels = found.of(kept), levels[kept]
    if len(found.starts) < _LEAST_PLATEAUS:
        return nothing
    below = float(np.quantile(1 - found.lows / levels, 0.95)) + _AT_LEVEL
    level = np.interp(np.arange(len(channel)), found.starts, levels)
    at_level = channel >= (1 - below) * level
    flat = at_level & mask_of(found.starts, found.stops, len(channel))
    beyond = channel > (1 + spread) * level
    reaching, lying, passing = (_by_second(one, sample_rate) for one in (at_level, flat, beyond))
    count = np.bincount(found.starts // sample_rate, minlength=len(reaching))
    damaged = (
        (count >= _LEAST_PLATEAUS)
        & (lying >= _LEAST_FLAT * reaching)
        & (passing <= _MOST_BEYOND * reaching)
    )
    cut_off: Mask = at_level & _in_seconds(damaged, sample_rate, len(channel))
    return cut_off


def _by_second(mask: Mask, sample_rate: int) -> Places:
    """Return how many samples of each second are in a mask."""
    starts = range(0, len(mask), sample_rate)
    return np.array([np.count_nonzero(mask[start : start + sample_rate]) for start in starts])


def _in_seconds(chosen: Mask, sample_rate: int, length: int) -> Mask:
    """Return which samples lie in the seconds that were chosen."""
    return np.repeat(chosen, sample_rate)[:length]


def _in_proportion(channel: Single, upper: Mask, lower: Mask, sample_rate: int) -> Mask:
    """Return which samples lie in a second that is more than the levels it would be clipped at."""
    heard = np.maximum(_by_second(channel != 0, sample_rate), 1)
    up, down = (_by_second(one, sample_rate) / heard for one in (upper, lower))
    resting = (np.maximum(up, down) > _RESTING) & (np.minimum(up, down) < _NOT_AT_THE_OTHER)
    fine: Mask = (up + down <= 1 - _LEAST_BETWEEN) & ~resting
    return _in_seconds(fine, sample_rate, len(channel))
