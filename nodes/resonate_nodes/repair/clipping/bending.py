"""Whether a channel was bent towards the levels it seems to be clipped at, and so was made so.

What is cut off goes on up to its level as before and leaves it as steeply. A valve, a tanh or a
cubic bends: below the level samples gather, or, where the curve ends in a flat top, the sound
leaves it as a parabola does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..._common.runs import runs

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Mask = NDArray[np.bool_]

# In parts of the level from so much to so much there are so many times as many samples.
_LITTLE_BELOW, _WELL_BELOW = (0.82, 0.92), (0.60, 0.70)
_GATHER = 1.7
# Beside a plateau of so many samples, by how many times as much the fifth has fallen as the second:
# 3 times along a straight line, 9 times along a parabola, up to 5 where the top of a sine was cut
# off by a thousandth. The median of so many flanks tells, of those that fall throughout, by more
# than what rounding leaves and by less than half of the level.
_RUN, _SECOND, _FIFTH = 3, 2, 5
_FALLS, _FLANKS, _ONE_LEVEL = 5.5, 16, 0.8
_LEAST_FALL, _MOST_FALL = 0.004, 0.5


def bent(channel: Single, upper: Mask, lower: Mask, sample_rate: int, at_level: float) -> bool:
    """Return whether a channel bends towards its levels, and was not cut off: it was made so.

    Args:
        channel: the samples.
        upper: which seem to be cut off upwards.
        lower: and downwards.
        sample_rate: in Hz.
        at_level: by what part of it neighbours may differ that lie at the same level.
    """
    sides = ((channel, upper), (-channel, lower))
    return _gathers(sides, sample_rate) or _leaves_as_a_parabola(sides, at_level)


def _gathers(sides: tuple[tuple[Single, Mask], ...], sample_rate: int) -> bool:
    """Return whether there are more samples a little below the levels than well below them."""
    little, well = 0, 0
    for samples, cut_off in sides:
        second = np.arange(len(samples)) // sample_rate
        levels = np.full(second[-1] + 1, np.inf, np.float32)
        np.minimum.at(levels, second[cut_off], samples[cut_off])
        parts = samples / levels[second]
        little += _within(parts, _LITTLE_BELOW)
        well += _within(parts, _WELL_BELOW)
    return little > _GATHER * well


def _within(values: Array | Single, limits: tuple[float, float]) -> int:
    """Return how many values lie within limits."""
    return int(np.count_nonzero((values > limits[0]) & (values < limits[1])))


def _leaves_as_a_parabola(sides: tuple[tuple[Single, Mask], ...], at_level: float) -> bool:
    """Return whether flanks beside plateaus are curved.

    Where the curve is flat at its top, tolerance would take a part of the flanks for plateau: then
    those count that are flat. Where dither came afterwards, what is flat is so by chance.
    """
    flat = tuple((samples, cut_off & _flat(samples, at_level)) for samples, cut_off in sides)
    exact = all(_at_one_level(samples, plateaus, at_level) for samples, plateaus in flat)
    of_these = flat if exact else sides
    falls = np.concatenate([_falls(samples, plateaus) for samples, plateaus in of_these])
    return len(falls) >= _FLANKS and float(np.median(falls)) > _FALLS


def _at_one_level(samples: Single, plateaus: Mask, at_level: float) -> bool:
    """Return whether hardly any plateau is higher or lower than the others."""
    starts, stops = runs(plateaus)
    tops = samples[starts[stops - starts >= _RUN]]
    if not len(tops):
        return True
    level = np.median(tops)
    return bool(np.mean(np.abs(tops - level) <= at_level * level) > _ONE_LEVEL)


def _flat(samples: Single, at_level: float) -> Mask:
    """Return which samples are as their neighbour before or after."""
    alike = np.abs(np.diff(samples)) <= at_level * np.abs(samples[1:])
    flat: Mask = np.append(alike, False) | np.insert(alike, 0, False)
    return flat


def _falls(samples: Single, plateaus: Mask) -> Array:
    """Return by how many times as much the fifth sample has fallen as the second, by flank."""
    starts, stops = runs(plateaus)
    whole = (stops - starts >= _RUN) & (starts > _FIFTH) & (stops < len(samples) - _FIFTH)
    starts, stops = starts[whole], stops[whole]
    if not len(starts):
        return np.zeros(0)
    heights = samples.astype(np.float64)
    tops = np.maximum.reduceat(heights, np.stack([starts, stops], axis=1).ravel())[::2]
    steps = np.arange(_SECOND, _FIFTH + 1)
    flanks = np.concatenate([
        tops[:, None] - heights[starts[:, None] - steps],
        tops[:, None] - heights[stops[:, None] - 1 + steps],
    ])  # fmt: skip
    levels = np.concatenate([tops, tops])
    told = (np.diff(flanks[:, :-1], axis=1) > 0).all(axis=1)
    told &= (flanks[:, 0] > _LEAST_FALL * levels) & (flanks[:, -2] < _MOST_FALL * levels)
    falls: Array = flanks[told, -1] / flanks[told, 0]
    return falls
