"""The fit of a ringing tail: what starts hard and dies away, beneath it the sound.

It is a maximum-likelihood estimate. The prediction error of the sound, by the model of what lies on
either side, is taken for white noise; in it stands what prediction leaves of the tail, from its
first sample on::

    x[n] = sound[n] + Re(c z^(n - t)),  n >= t,  z = exp(-1 / (decay fs) + 2j pi frequency / fs)

The samples just before ``t`` may be anything: they are missing. For each place, and so many missing
samples, the energy that the best tail explains is told for a grid of frequencies and decays, and
the best of all is refined (`ringing_fit`).

After S. J. Godsill, P. J. W. Rayner: *Digital Audio Restoration* (Springer 1998), chapter 7, where
pulses of low frequency are additive and have an autoregressive form; here a tail has one pole pair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import autoregression as ar
from . import ringing_fit as fit
from .prediction import CELL_SECONDS, CELLS, MEDIAN_OF_GAUSSIAN
from .ringing_fit import MOST_MISSING, SHORTEST_SECONDS, WINDOW_DECAYS, WORTH

Array = NDArray[np.float64]

# What the model sees on either side.
_SEEN_SECONDS = 0.046
# A trace of noise in the model, 70 dB under the sound: it must not dig below that of a codec.
_WHITE = 1e-7
# It may begin so much before what was found, and so many samples before it may be missing.
_EARLIER_SECONDS = 0.0004
_MISSING = (0, 4, 12, MOST_MISSING)
# A tail is over where it is 40 dB down, and is subtracted until it is 60 dB down, fading over the
# last decay.
OVER, _SUBTRACTED = math.log(100), math.log(1000)
# A fit is refined where it explains this part of what stands out at first, and of what filling in
# does; it explains all where what it leaves is noise: it stands out by so little.
_PROMISING, NOISE = 0.7, 4.5
# Of the square of what stands out most a tail explains this part, or it is none.
PART_OF_PEAK = 0.1


class Tail(NamedTuple):
    """A click with a ringing tail.

    Attributes:
        start: from where on samples are missing, up to where the tail begins.
        begin: where the tail begins.
        samples: the tail.
        frequency_hz: of its ringing.
        decay_seconds: in which it falls by 8.7 dB.
        gain: how much energy it explains, in variances of the prediction error.
        over_filling: how much more it explains than filling in does, missing samples weighed.
        stood_out: how far the prediction error stood out where it lies, in deviations.
        left: how far it does without it.
        left_power: the mean square of the prediction error without it, in variances.
        rises: how much larger the prediction error is after it than before.
    """

    start: int
    begin: int
    samples: Array
    frequency_hz: float
    decay_seconds: float
    gain: float
    over_filling: float
    stood_out: float
    left: float
    left_power: float
    rises: float


class _Click(NamedTuple):
    """What is known of a click before any tail is tried.

    Attributes:
        which: the number of it.
        first: where the prediction error around it begins, in the sound.
        stop: where the click ends in the error.
        error: the prediction error, in deviations.
        model: the filter that left it.
        before: the deviation of the error before it,
        deviation: and the larger one of those before and after: all of the sound.
        filled: how much filling in explains, missing samples weighed.
    """

    which: int
    first: int
    stop: int
    error: Array
    model: Array
    before: float
    deviation: float
    filled: float


class _Fit(NamedTuple):
    """The best tail at a click: in samples, and in deviations; and what it leaves of the error."""

    worth: float
    gain: float
    missing: int
    place: int
    pole: complex
    samples: Array
    left: Array

    @property
    def lies(self) -> int:
        """How many samples it is told by, with those that are missing."""
        return self.missing + round(WINDOW_DECAYS * _decay(self.pole))


def tails_of(
    samples: Array,
    filled: Array,
    clicks: Sequence[tuple[int, int]],
    sample_rate: int,
    longest_seconds: float,
    *,
    may_miss: bool = True,
) -> list[Tail | None]:
    """Return the tail that fits best at each of some clicks; None where none does.

    Nor where too little of the sound is known. Each is sought as if it were the only one.

    Args:
        samples: the sound.
        filled: the same with all clicks filled in.
        clicks: where each begins, and where what stands out of it ends.
        sample_rate: in Hz.
        longest_seconds: how long the tails last at most, until they are 40 dB down.
        may_miss: whether samples may be missing before them.
    """
    order, early = ar.order_for(sample_rate), _early(sample_rate)
    whole = round(WINDOW_DECAYS * longest_seconds / OVER * sample_rate)
    found: list[Tail | None] = [None] * len(clicks)
    at_once: dict[int, list[int]] = {}
    for index, (start, stop) in enumerate(clicks):
        window = min(whole, len(samples) - stop)
        enough = start >= early + _beside(sample_rate) + order and window >= order
        if enough and window >= 2 * WINDOW_DECAYS * SHORTEST_SECONDS * sample_rate:
            at_once.setdefault(window, []).append(index)
    for window, those in at_once.items():
        around = _known(samples, filled, clicks, those, sample_rate, window)
        slowest = window / (WINDOW_DECAYS * sample_rate)
        options = _MISSING if may_miss else _MISSING[:1]
        fits = _fitted(around, options, slowest, sample_rate)
        for click, best in zip(around, fits, strict=True):
            if best:
                found[click.which] = _tail(click, best, sample_rate)
    return found


def reach(sample_rate: int) -> int:
    """Return how many samples before a click have a part in which tail is found at it."""
    told = _early(sample_rate) + _beside(sample_rate) + ar.order_for(sample_rate)
    return max(round(_SEEN_SECONDS * sample_rate), told)


def _early(sample_rate: int) -> int:
    """Return so many samples before a click the first of what belongs to it may lie."""
    return round(_EARLIER_SECONDS * sample_rate) + MOST_MISSING


def _beside(sample_rate: int) -> int:
    """Return how many samples before and after it tell the level of the prediction error."""
    return round(CELLS * CELL_SECONDS * sample_rate)


def _known(
    samples: Array,
    filled: Array,
    clicks: Sequence[tuple[int, int]],
    those: list[int],
    sample_rate: int,
    window: int,
) -> list[_Click]:
    """Return what is known of those clicks, given how long the window behind each is.

    Not of those beside which nothing is heard.
    """
    order, early, beside = (one(sample_rate) for one in (ar.order_for, _early, _beside))
    seen = round(_SEEN_SECONDS * sample_rate)
    sides = [
        (filled[max(start - seen, 0) : start], filled[stop + window :][:seen])
        for start, stop in (clicks[index] for index in those)
    ]
    known = []
    for index, model in zip(those, ar.pooled_models(sides, order, _WHITE), strict=True):
        start, stop = clicks[index]
        first = start - early - beside - order
        there = filled[first : stop + window].copy()
        there[start - first : stop - first] = samples[start:stop]
        error = np.convolve(there, model, "valid")
        ends = beside + early + stop - start
        before, after = _deviation(error[:beside]), _deviation(error[ends : ends + beside])
        if min(before, after) > 0:
            error = error[beside:] / max(before, after)
            explained = _explained(error[early:], model, stop - start)
            known.append(_Click(
                index, start - early, ends - beside, error, model, before,
                max(before, after), explained,
            ))  # fmt: skip
    return known


def _fitted(
    clicks: list[_Click], options: tuple[int, ...], slowest: float, sample_rate: int
) -> list[_Fit | None]:
    """Return the best tail at each click, if one is worth to be refined."""
    if not clicks:
        return []
    counts = [click.stop + 1 - MOST_MISSING for click in clicks]
    heard = fit.heard(
        [click.error for click in clicks], np.stack([click.model for click in clicks]), counts
    )
    grid = [
        fit.best_of_grid(heard.of([row]), slowest, sample_rate, options)
        for row in range(len(clicks))
    ]
    best: list[_Fit | None] = [None] * len(clicks)
    sought = list(range(len(clicks)))
    for option, missing in enumerate(options):
        rows = [row for row in sought if _promises(clicks[row], grid[row][option], missing)]
        if not rows:
            continue
        one_by_one = (grid[row][option] for row in rows)
        firsts = fit.Fits(*(np.concatenate(one) for one in zip(*one_by_one, strict=True)))
        fits = fit.refined(heard.of(rows), firsts, missing, slowest, sample_rate)
        for index, row in enumerate(rows):
            told = _told(clicks[row], heard.spans[row], missing, fits, index)
            if (now := best[row]) is None or told.worth > now.worth:
                best[row] = told
            if np.abs(told.left[: told.lies]).max() <= NOISE:
                sought.remove(row)  # the fewest missing samples that do
    return best


def _promises(click: _Click, fits: fit.Fits, missing: int) -> bool:
    """Say whether the best tail of the grid is worth to be refined."""
    order, place = len(click.model) - 1, int(fits.places[0])
    there = click.error[place - missing : place + order]
    highest = float(np.abs(there[: missing + order // 2]).max())
    return bool(
        fits.worth[0] > _PROMISING * max(click.filled, float(there @ there))
        and fits.gains[0] > _PROMISING * PART_OF_PEAK * highest**2
    )


def _told(click: _Click, span: Array, missing: int, fits: fit.Fits, index: int) -> _Fit:
    """Return one of some fits, with the tail and what it leaves of the error from there on."""
    order, place, pole = len(click.model) - 1, int(fits.places[index]), complex(fits.poles[index])
    decay = _decay(pole)
    c = float(fits.real[index]), float(fits.imaginary[index])
    tail = fit.tail_of(pole, *c, round(_SUBTRACTED * decay))
    tail *= np.clip((len(tail) - np.arange(len(tail))) / decay, 0, 1)
    left = click.error[place - missing :].copy()
    whitened = np.convolve(tail, click.model)[: len(left) - missing]
    left[missing : missing + len(whitened)] -= whitened
    span = span[MOST_MISSING - missing :, :missing]
    left[: missing + order] -= left[: missing + order] @ span @ span.T
    return _Fit(
        float(fits.worth[index]), float(fits.gains[index]), missing, place, pole, tail, left
    )


def _tail(click: _Click, best: _Fit, sample_rate: int) -> Tail:
    """Return the tail of a click: the best one, as it stands in the sound."""
    order, begin = len(click.model) - 1, best.place - best.missing
    stood_out = np.abs(click.error[begin:][: best.missing + order + 1]).max()
    # once more what lies after it, now without what prediction left of the tail
    later = _deviation(best.left[click.stop - begin :][: _beside(sample_rate)])
    scale = click.deviation / max(click.before, later * click.deviation)
    left = best.left[: best.lies] * scale
    return Tail(
        start=click.first + begin,
        begin=click.first + best.place,
        samples=best.samples * click.deviation,
        frequency_hz=float(np.angle(best.pole)) * sample_rate / (2 * np.pi),
        decay_seconds=_decay(best.pole) / sample_rate,
        gain=best.gain * scale**2,
        over_filling=(best.worth - click.filled) * scale**2,
        stood_out=float(stood_out) * scale,
        left=float(np.abs(left).max()),
        left_power=float(np.mean(left**2)),
        rises=later * click.deviation / click.before,
    )


def _explained(error: Array, model: Array, missing: int) -> float:
    """Return how much filling in the first samples explains, missing samples weighed."""
    from scipy.linalg import solveh_banded

    order = len(model) - 1
    lags = np.correlate(model, model, "full")[order:]
    width = min(order, missing - 1)
    band = np.repeat(lags[: width + 1, None], missing, axis=1)
    right = np.correlate(error[: missing + order], model, "valid")
    return float(right @ solveh_banded(band, right, lower=True)) - WORTH * missing


def _deviation(error: Array) -> float:
    return float(np.median(np.abs(error)) / MEDIAN_OF_GAUSSIAN) if len(error) else 0.0


def _decay(pole: complex) -> float:
    """Return within how many samples the powers of a pole fall by 8.7 dB."""
    return -1 / math.log(abs(pole))
