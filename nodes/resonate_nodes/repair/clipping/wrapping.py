"""Integer overflow: peaks beyond full scale that came back at the other end, told and put back.

What does not saturate wraps: a sample beyond full scale, as of an adder of integers, is stored as
what is left of it, two full scales away. The sound jumps from one end to the other, goes on there
as it would have gone on beyond, and jumps back. Two full scales added to it, it is as smooth there
as it is around. That is how it is told from clipping, which is flat, from clicks, and from what
jumps by itself: a square wave is flat on both sides of its jumps, a sawtooth does not jump back,
and noise is smooth nowhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._common.runs import Mask, Places, mask_of, runs

Single = NDArray[np.float32]

# From one end to the other it is two full scales: half of that is a jump.
_RANGE, _JUMP = 2.0, 1.0
# What overflows comes back so soon, and went beyond by no more than as much again (6 dB).
_LONGEST_SECONDS = 0.025
# Unwrapped, the curvature at a jump is no more than so many times what is near it, or hardly any;
# where that itself is as large as this, jumps are part of the sound. Near is so long before and
# after, or so many samples; half of these have to tell of it, beside no other jump.
_NEAR_SECONDS, _NEAR_SAMPLES, _TELL = 0.0003, 12, 0.5
_AS_SMOOTH, _HARDLY_CURVED = 2.0, 1e-3
_MOST_CURVED = 0.4
# A sound that goes beyond comes through the middle, as a square wave with noise on it does not: so
# much of the time around is within half of full scale.
_MIDDLE, _IN_THE_MIDDLE = 0.5, 0.05
# It went beyond by so much at least, and is no plateau.
_LEAST_BEYOND = 1e-3
# What saturates does not wrap: it rests at its highest level, more often than at so many jumps.
_AT_THE_TOP, _RESTS, _FEW = 1 - 4e-5, 0.05, 3


class Unwrapped(NamedTuple):
    """A channel whose overflows are put back, and where they were."""

    samples: Single
    wrapped: Mask


def unwrapped(channel: Single, sample_rate: int) -> Unwrapped:
    """Put back what overflowed, as far as it can be told; all other samples stay.

    Args:
        channel: the samples; full scale is 1.
        sample_rate: in Hz.
    """
    starts, stops = _overflows(channel, sample_rate)
    wrapped = mask_of(starts, stops, len(channel))
    back = np.where(channel > 0, channel - np.float32(_RANGE), channel + np.float32(_RANGE))
    return Unwrapped(np.where(wrapped, back, channel), wrapped)


def _overflows(channel: Single, sample_rate: int) -> tuple[Places, Places]:
    """Return where overflows begin and end."""
    samples = channel.astype(np.float64)
    steps = np.diff(samples, prepend=samples[:1])
    jumps = np.flatnonzero(np.abs(steps) > _JUMP)
    nothing = np.zeros(0, np.intp)
    if len(jumps) < 2 or np.abs(samples).max() > 1:
        return nothing, nothing
    at_the_top = np.abs(samples) >= _AT_THE_TOP * np.abs(samples).max()
    rests = at_the_top[1:] & at_the_top[:-1] & (np.abs(steps[1:]) < _JUMP)
    if np.count_nonzero(rests) > _FEW + _RESTS * len(jumps):
        return nothing, nothing
    smooth = _smooth(samples, steps, jumps, sample_rate)
    starts, stops, down = jumps[:-1], jumps[1:], steps[jumps[:-1]] < 0
    edges = np.stack([starts, stops], axis=1).ravel()
    lowest = np.minimum.reduceat(samples, edges)[::2]
    highest = np.maximum.reduceat(samples, edges)[::2]
    beyond = np.where(down, highest + 1, 1 - lowest)
    there = np.where(down, highest < 0, lowest > 0)
    # one sample is no plateau, but stands out of both its neighbours
    uneven = (highest > lowest) | (stops - starts == 1)
    over = smooth[:-1] & smooth[1:] & (down != (steps[stops] < 0))
    over &= there & uneven & (beyond >= _LEAST_BEYOND)
    over &= stops - starts <= round(_LONGEST_SECONDS * sample_rate)
    # in a row of them each jump leads beyond or back, in turn; of an odd number of jumps one is not
    # known, and so not where it began
    first, last = runs(over)
    whole = (last - first) % 2 == 1
    over = mask_of(first[whole], last[whole], len(over))
    place = np.arange(len(over))
    begin = np.maximum.accumulate(np.where(over & ~np.append(False, over[:-1]), place, 0))
    over &= (place - begin) % 2 == 0
    return starts[over], stops[over]


def _smooth(
    samples: NDArray[np.float64], steps: NDArray[np.float64], jumps: Places, sample_rate: int
) -> Mask:
    """Return at which jumps the sound goes on smoothly, two full scales away."""
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    unfolded = samples.copy()
    unfolded[jumps[0] :] -= np.cumsum(
        np.where(np.abs(steps) > _JUMP, np.copysign(_RANGE, steps), 0)
    )[jumps[0] :]
    curved = np.abs(np.diff(np.pad(unfolded, 1, mode="edge"), 2))
    beside = np.maximum(curved[jumps - 1], curved[jumps])
    tells = np.ones(len(samples))
    tells[jumps - 1] = tells[jumps] = 0
    curved *= tells
    reach = max(_NEAR_SAMPLES, round(_NEAR_SECONDS * sample_rate))
    near = maximum_filter1d(curved, 2 * reach + 1)[jumps]
    told = uniform_filter1d(tells, 2 * reach + 1, mode="constant")[jumps]
    around = 2 * round(_LONGEST_SECONDS * sample_rate) + 1
    middle = uniform_filter1d((np.abs(samples) < _MIDDLE).astype(np.float64), around)[jumps]
    smooth: Mask = (near <= _MOST_CURVED) & (beside <= _AS_SMOOTH * near + _HARDLY_CURVED)
    smooth &= (told >= _TELL) & (middle >= _IN_THE_MIDDLE)
    return smooth
