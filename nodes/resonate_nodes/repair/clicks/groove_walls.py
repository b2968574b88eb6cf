"""The two walls of a mono groove: what one of them was spared stands in for the other.

A mono record holds its sound twice, once in each wall, and played in stereo, left and right are the
two walls. Dust and scratches mostly lie in one. Between the walls the music cancels, and what is
left is their noise, in which a click stands out by far more than in the music; and what to put in
its place was not lost.

One wall is told from the other by a gain, which may drift, and a delay by parts of a sample, both
fitted without what stands out. Which of the two is damaged is told by the music: it is the one that
an autoregressive model predicts worse there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._common.fractional_delay import REACH, delayed
from ..._common.runs import Mask, mask_of, runs, touched, without_gaps
from ..._common.stretches import Stretch, stretches
from .. import autoregression as ar
from ..plausibility import too_much
from .prediction import (
    CELL_SECONDS,
    CELLS,
    FLOOR,
    MEDIAN_OF_GAUSSIAN,
    cell_frames,
    level,
    prediction_errors,
)
from .search import Search
from .wall_noise import follows_the_music

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# What is mended at once, and what of the sound around it has a part in it: more than a second,
# since proportion is judged by the second.
_STRETCH_SECONDS, _SEEN_SECONDS = 30.0, 2.0
# One wall is so much later at most, and what they differ in level is followed in such steps. So
# much of the whole recording is in each: in a pause the noise has no say.
_FURTHEST_SECONDS = 0.0003
_STEP_SECONDS = 0.5
_OF_THE_WHOLE = 0.1
_TINY = 1e-30
# It is fitted so often, each time without what stood out by so much the time before.
_FITS = 4
_OUTLIER_SIGMA = 4.0
# Walls of one groove differ by less than this part of their energy (-18 dB): by their noise. In a
# pause noise is all there is, so there it is held against the whole.
_MOST_APART = 0.015
# Where the music cancels a click may stand out by less: this part of the threshold. It reaches as
# far as the difference, or what is not predicted of it, stands out; over gaps; and lasts so long.
_EASIER = 0.5
_EDGE_SIGMA = 4.0
_GAP_SECONDS = 0.0004
_LONGEST_SECONDS = 0.02
# They stand out from the median of so long a time around.
_AROUND_SECONDS = 0.06
# And as much from what is 74 dB under the loudest that near: one wall tells no more of the other.
_LOUDNESS_SECONDS = 0.02
_AUDIBLE = 2e-4
# The worse wall is known by the errors of so long a time, where the odds are e to this against one,
# their energy is so many times that of the other's, and no less than 40 dB under what it is where a
# click stands out most: in its tail chance would tell.
_JUDGED_SECONDS = 0.0004
_LEAST_ODDS = 10.0
_LEAST_RATIO = 4.0
_LEAST_PART = 1e-4
# What is alike in both walls is mostly music: as a click it has to stand out by so much more.
_ALIKE = 1.35
# Beside a click both walls fade into each other within so long.
_FADE_SECONDS = 0.0001


class Mended(NamedTuple):
    """Two walls, each with the other's samples where it was the worse of them.

    Attributes:
        samples: both walls, shape (2, frames).
        replaced: where that is so in each.
        left: where it is not, since more than may be would be replaced; shape (2, frames).
        apart: where what is in the channels is not the same sound, shape (frames,).
        doubtful: where samples were replaced, and the channels differ as stereo does.
    """

    samples: Single
    replaced: Mask
    left: Mask
    apart: Mask
    doubtful: Mask


class _Match(NamedTuple):
    """How one wall is told by the other.

    Attributes:
        delay: by how many samples the right wall is later.
        gains: by how much the left wall is louder, in the middle of each step.
        step: samples from one to the next.
    """

    delay: float
    gains: Array
    step: int

    def gain(self, first: int, last: int) -> Array:
        """Return by how much the left wall is louder, at each sample."""
        middles = (np.arange(len(self.gains)) + 0.5) * self.step
        steady: Array = np.exp(np.interp(np.arange(first, last), middles, np.log(self.gains)))
        return steady

    def told(self, walls: Array, first: int) -> Array:
        """Return each wall as it is told by the other, of walls from some sample on."""
        left, right = walls
        gain = self.gain(first, first + walls.shape[1])
        moved = delayed(right[None], -self.delay)[0]
        return np.stack([gain * moved, delayed((left / gain)[None], self.delay)[0]])


def mended(walls: Single, sample_rate: int, search: Search) -> Mended:
    """Replace what is damaged in one wall of a mono groove by what the other has.

    The walls are matched as a whole, and mended a stretch at a time.

    Args:
        walls: the samples of both, shape (2, frames); longer than some orders of the model.
        sample_rate: in Hz.
        search: what is taken for a click. It may last 20 ms, since it is not made up.
    """
    match, apart = _matched(walls, sample_rate)
    samples = walls.copy()
    replaced, left = np.zeros((2, *walls.shape), bool)
    doubtful = np.zeros_like(apart)
    if apart.all():
        return Mended(samples, replaced, left, apart, doubtful)
    grid = math.lcm(ar.hop_frames(sample_rate), cell_frames(sample_rate))
    length, around = (
        _whole_times(grid, seconds * sample_rate) for seconds in (_STRETCH_SECONDS, _SEEN_SECONDS)
    )
    for stretch in stretches(walls.shape[1], length, around):
        heard = walls[:, stretch.whole].astype(np.float64)
        told = match.told(heard, stretch.first)
        for index, (wall, other) in enumerate(zip(heard, told, strict=True)):
            part, too_many = _part_of_other(wall, other, apart[stretch.whole], sample_rate, search)
            better = wall + part * (other - wall)
            changed = (better != wall)[stretch.inside]
            samples[index, stretch.own][changed] = better[stretch.inside][changed]
            replaced[index, stretch.own] = changed
            left[index, stretch.own] = too_many[stretch.inside]
        if replaced[:, stretch.own].any():
            # By what is mended: clicks in one wall are in the difference, too.
            wall = samples[0, stretch.own].astype(np.float64)
            other = match.told(samples[:, stretch.own].astype(np.float64), stretch.start)[0]
            known = slice(REACH, len(wall) - REACH)
            doubtful[stretch.own] = follows_the_music(wall[known], other[known], sample_rate)
    return Mended(samples, replaced, left, apart, doubtful)


def in_both(search: Search) -> Search:
    """Return what is a click where it is alike in both walls."""
    return search._replace(threshold=_ALIKE * search.threshold)


def _part_of_other(
    wall: Array, other: Array, apart: Mask, sample_rate: int, search: Search
) -> tuple[Array, Mask]:
    """Return how much of the other wall takes the place of one, and where that would be too much.

    Args:
        wall: the one.
        other: what the other has there.
        apart: where they are no walls of one groove.
        sample_rate: in Hz.
        search: what is taken for a click.
    """
    worse, unsure = _worse(wall, other, sample_rate, search)
    worse &= ~apart
    left = too_much(worse, sample_rate, search.max_replaced_percent)
    part = _faded(worse & ~left, round(_FADE_SECONDS * sample_rate / 2))
    part[unsure | apart | left] = 0
    return part, left


def _matched(walls: Single, sample_rate: int) -> tuple[_Match, Mask]:
    """Return how one wall is told by the other, and where they are no walls of one groove."""
    left, right = walls
    step = max(1, round(_STEP_SECONDS * sample_rate))
    furthest = max(1, round(_FURTHEST_SECONDS * sample_rate))
    cell = cell_frames(sample_rate)
    length = _whole_times(math.lcm(step, cell), _STRETCH_SECONDS * sample_rate)
    around = _whole_times(cell, REACH + furthest) + (CELLS + 1) * cell
    parts = list(stretches(walls.shape[1], length, around))
    usable = np.ones(len(left), bool)
    delay = float(_whole_delay(left, right, parts, furthest))
    for _ in range(_FITS):
        moved = _moved(right, delay, parts)
        match = _Match(delay, _gains(left, moved, usable, parts, step), step)
        more = _later(left, moved, usable, parts, match)
        delay = float(np.clip(delay + more, -furthest, furthest))
        moved = _moved(right, delay, parts)
        match = _Match(delay, _gains(left, moved, usable, parts, step), step)
        for part in parts:
            apart = np.abs(_difference(left, moved, part, match))
            usual = level(apart, sample_rate)
            usable[part.own] = (apart <= _OUTLIER_SIGMA * usual)[part.inside]
    return match, _apart(left, moved, usable, parts, match)


def _whole_times(grid: int, frames: float) -> int:
    """Return the least multiple of a grid that is no less than so many frames."""
    return -(-round(frames) // grid) * grid


def _whole_delay(left: Single, right: Single, parts: list[Stretch], furthest: int) -> int:
    """Return by how many samples the right wall is later: where both are most alike."""
    lags = np.arange(-furthest, furthest + 1)
    alike = np.zeros(len(lags))
    for part in parts:
        first, last = max(part.start - furthest, 0), min(part.stop + furthest, len(right))
        beside = np.pad(
            right[first:last].astype(np.float64),
            (first - part.start + furthest, part.stop + furthest - last),
        )
        here = left[part.own].astype(np.float64)
        alike += [float(here @ beside[start : start + len(here)]) for start in range(len(lags))]
    return int(lags[np.argmax(alike)])


def _moved(right: Single, delay: float, parts: list[Stretch]) -> Array:
    """Return the right wall as early as the left one."""
    moved = np.empty(len(right))
    for part in parts:
        moved[part.own] = delayed(right[None, part.whole], -delay)[0, part.inside]
    return moved


def _difference(left: Single, moved: Array, part: Stretch, match: _Match) -> Array:
    """Return what the left wall has beside the right one, in a stretch and around it."""
    return left[part.whole] - match.gain(part.first, part.last) * moved[part.whole]


def _later(left: Single, moved: Array, usable: Mask, parts: list[Stretch], match: _Match) -> float:
    """Return by how much later the right wall is than it is thought to be, in samples."""
    along, energy = 0.0, 0.0
    for part in parts:
        slope = match.gain(part.first, part.last) * np.gradient(moved[part.whole])
        slope = np.where(usable[part.whole], slope, 0)[part.inside]
        along += float(_difference(left, moved, part, match)[part.inside] @ slope)
        energy += float(np.sum(slope**2))
    return along / max(energy, _TINY)


def _gains(left: Single, moved: Array, usable: Mask, parts: list[Stretch], step: int) -> Array:
    """Return by how much the left wall is louder, step by step.

    It is the ratio of their levels, not what least squares make of it: those turn down what is
    noisy.
    """
    energies = np.stack([_energies(one, usable, parts, step) for one in (left, moved)])
    around = np.pad(energies, ((0, 0), (1, 1)))
    around = around[:, :-2] + around[:, 1:-1] + around[:, 2:]
    around += _OF_THE_WHOLE * energies.mean(axis=1, keepdims=True) + _TINY
    gains: Array = np.sqrt(around[0] / around[1])
    return gains


def _energies(samples: Single | Array, usable: Mask, parts: list[Stretch], step: int) -> Array:
    """Return the energy of what is usable, in each step. Stretches are whole steps."""
    return np.concatenate([
        _by_step(np.where(usable[part.own], samples[part.own].astype(np.float64) ** 2, 0), step)
        for part in parts
    ])  # fmt: skip


def _by_step(values: Array, step: int) -> Array:
    sums: Array = np.add.reduceat(values, np.arange(0, len(values), step))
    return sums


def _apart(left: Single, moved: Array, usable: Mask, parts: list[Stretch], match: _Match) -> Mask:
    """Return where left and right are no walls of one groove."""
    heard = _energies(left, usable, parts, match.step)
    counts = _by_step(usable.astype(np.float64), match.step)
    differs = np.concatenate([
        _by_step(
            np.where(usable[part.own], _difference(left, moved, part, match)[part.inside] ** 2, 0),
            match.step,
        )
        for part in parts
    ])  # fmt: skip
    usual = heard.sum() / max(counts.sum(), 1) * counts
    another = differs > _MOST_APART * np.maximum(heard, usual)
    another |= differs.sum() > _MOST_APART * heard.sum()
    return np.repeat(another, match.step)[: len(left)]


def _worse(wall: Array, other: Array, sample_rate: int, search: Search) -> tuple[Mask, Mask]:
    """Return where a wall is worse than the other, and where they differ and it is not."""
    from scipy.ndimage import uniform_filter1d

    blocks, order = ar.Blocks(len(wall), sample_rate), ar.order_for(sample_rate)
    starts, stops = _standing_out(wall, other, blocks, sample_rate, search)
    differ = mask_of(starts, stops, len(wall))
    if not len(starts):
        return differ, differ
    music = (wall + other) / 2
    ar.interpolate(music, differ, blocks, order)
    errors = [
        prediction_errors(one, blocks, order, beneath=music)[1] for one in (wall, other, music)
    ]
    width = max(1, round(_JUDGED_SECONDS * sample_rate))
    mine, others = (width * np.maximum(uniform_filter1d(one**2, width), 0) for one in errors[:2])
    odds = np.abs(mine - others) / (2 * level(errors[2], sample_rate) ** 2)
    sure = odds >= _LEAST_ODDS
    sure &= np.maximum(mine, others) >= _LEAST_RATIO * np.minimum(mine, others)
    worse = np.zeros(len(wall), bool)
    for start, stop in zip(starts, stops, strict=True):
        told = start + np.flatnonzero(sure[start:stop])
        told = told[odds[told] >= _LEAST_PART * odds[told].max(initial=0)]
        if len(told):
            between = (told[:-1] + told[1:]) // 2 + 1
            nearest = told[np.searchsorted(between, np.arange(start, stop), side="right")]
            worse[start:stop] = mine[nearest] > others[nearest]
    return worse, differ & ~worse


def _standing_out(
    wall: Array, other: Array, blocks: ar.Blocks, sample_rate: int, search: Search
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where clicks in the difference of the walls start and stop."""
    from scipy.ndimage import maximum_filter1d

    order, around = ar.order_for(sample_rate), max(1, round(_LOUDNESS_SECONDS * sample_rate))
    least = _AUDIBLE * maximum_filter1d(np.maximum(np.abs(wall), np.abs(other)), around)
    measures = (
        *prediction_errors(wall - other, blocks, order, steady=True)[:2],
        np.abs(wall - other),
    )
    matched, error, apart = (
        one / np.maximum(_background(one, sample_rate), least) for one in measures
    )
    found = np.minimum(matched, error) > _EASIER * search.threshold
    reach = (error > _EDGE_SIGMA) | (apart > _EDGE_SIGMA)
    starts, stops = runs(without_gaps(found | reach, round(_GAP_SECONDS * sample_rate)))
    clicks = touched(starts, stops, found)
    clicks &= stops - starts <= round(_LONGEST_SECONDS * sample_rate)
    return starts[clicks], stops[clicks]


def _background(magnitudes: Array, sample_rate: int) -> Array:
    """Return the level around each sample, as a standard deviation: no click is as long."""
    from scipy.ndimage import median_filter

    cell = cell_frames(sample_rate)
    count = -(-len(magnitudes) // cell)
    whole = np.pad(magnitudes, (0, count * cell - len(magnitudes)), mode="edge")
    cells = np.median(whole.reshape(count, cell), axis=1)
    around = median_filter(cells, round(_AROUND_SECONDS / CELL_SECONDS) + 1, mode="nearest")
    usual: Array = np.repeat(np.maximum(around / MEDIAN_OF_GAUSSIAN, FLOOR), cell)
    return usual[: len(magnitudes)]


def _faded(mask: Mask, reach: int) -> Array:
    """Return 1 within a mask, and what falls to 0 within twice some reach beside it."""
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    width = 2 * reach + 1
    wider = maximum_filter1d(mask.astype(np.float64), width)
    part: Array = np.where(mask, 1.0, np.maximum(uniform_filter1d(wider, width), 0))
    part[part < 1e-9] = 0  # what the running mean leaves
    return part
