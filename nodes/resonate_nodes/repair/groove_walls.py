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

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._common.fractional_delay import delayed
from .._common.runs import mask_of, runs, touched, without_gaps
from . import autoregression as ar
from .click_search import Search
from .plausibility import too_much
from .prediction import CELL_SECONDS, FLOOR, MEDIAN_OF_GAUSSIAN, level, prediction_errors

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

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
    """

    samples: Array
    replaced: Mask
    left: Mask
    apart: Mask


def mended(walls: Array, sample_rate: int, search: Search) -> Mended:
    """Replace what is damaged in one wall of a mono groove by what the other has.

    Args:
        walls: the samples of both, shape (2, frames); longer than some orders of the model.
        sample_rate: in Hz.
        search: what is taken for a click. It may last 20 ms, since it is not made up.
    """
    told, apart = _told_by_each_other(walls, sample_rate)
    samples = walls.copy()
    replaced, left = np.zeros((2, *walls.shape), bool)
    if apart.all():
        return Mended(samples, replaced, left, apart)
    for index, (wall, other) in enumerate(zip(walls, told, strict=True)):
        worse, unsure = _worse(wall, other, sample_rate, search)
        worse &= ~apart
        left[index] = too_much(worse, sample_rate, search.max_replaced_percent)
        worse &= ~left[index]
        part = _faded(worse, round(_FADE_SECONDS * sample_rate / 2))
        part[unsure] = 0
        part[apart | left[index]] = 0
        there = part > 0
        samples[index, there] += part[there] * (other - wall)[there]
        replaced[index] = samples[index] != wall
    return Mended(samples, replaced, left, apart)


def in_both(search: Search) -> Search:
    """Return what is a click where it is alike in both walls."""
    return search._replace(threshold=_ALIKE * search.threshold)


def _told_by_each_other(walls: Array, sample_rate: int) -> tuple[Array, Mask]:
    """Return each wall as it is told by the other, and where they are no walls of one groove."""
    left, right = walls
    step = max(1, round(_STEP_SECONDS * sample_rate))
    usable = np.ones(len(left), bool)
    furthest = max(1, round(_FURTHEST_SECONDS * sample_rate))
    delay = float(_whole_delay(left, right, furthest))
    for _ in range(_FITS):
        moved = delayed(right[None], -delay)[0]
        gain = _gains(left, moved, usable, step)
        apart = np.where(usable, left - gain * moved, 0)
        slope = gain * np.gradient(moved)
        more = float(apart @ slope) / max(float(np.sum(slope[usable] ** 2)), _TINY)
        delay = float(np.clip(delay + more, -furthest, furthest))
        moved = delayed(right[None], -delay)[0]
        gain = _gains(left, moved, usable, step)
        apart = np.abs(left - gain * moved)
        usable = apart <= _OUTLIER_SIGMA * level(apart, sample_rate)
    told = np.stack([gain * moved, delayed((left / gain)[None], delay)[0]])
    heard, differs, counts = (
        np.add.reduceat(np.where(usable, one, 0), np.arange(0, len(left), step))
        for one in (left**2, apart**2, np.ones(len(left)))
    )
    usual = heard.sum() / max(counts.sum(), 1) * counts
    another = differs > _MOST_APART * np.maximum(heard, usual)
    another |= differs.sum() > _MOST_APART * heard.sum()
    return told, np.repeat(another, step)[: len(left)]


def _whole_delay(left: Array, right: Array, furthest: int) -> int:
    """Return by how many samples the right wall is later: where both are most alike."""
    lags = range(-furthest, furthest + 1)
    length = len(left)
    alike = [
        float(left[max(-lag, 0) : length - max(lag, 0)] @ right[max(lag, 0) : length + min(lag, 0)])
        for lag in lags
    ]
    return lags[int(np.argmax(alike))]


def _gains(left: Array, right: Array, usable: Mask, step: int) -> Array:
    """Return by how much the left wall is louder, step by step, and from one to the next.

    It is the ratio of their levels, not what least squares make of it: those turn down what is
    noisy.
    """
    starts = np.arange(0, len(left), step)
    energies = np.stack([
        np.add.reduceat(np.where(usable, one**2, 0), starts) for one in (left, right)
    ])  # fmt: skip
    around = np.pad(energies, ((0, 0), (1, 1)))
    around = around[:, :-2] + around[:, 1:-1] + around[:, 2:]
    around += _OF_THE_WHOLE * energies.mean(axis=1, keepdims=True) + _TINY
    gains = np.sqrt(around[0] / around[1])
    middles = starts + step / 2
    steady: Array = np.exp(np.interp(np.arange(len(left)), middles, np.log(gains)))
    return steady


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
    measures = *prediction_errors(wall - other, blocks, order, steady=True), np.abs(wall - other)
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

    cell = max(1, round(CELL_SECONDS * sample_rate))
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
