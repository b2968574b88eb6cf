"""How far a click reaches: the stretch whose samples, were they missing, explain most.

A click that is smooth stands out of prediction where it begins and where it ends, and little in
between: found by one of these, it is filled in in part. For each stretch around what was found, the
energy of the prediction error that filling it in takes away is told; the best one has the most,
each sample weighed. With `e` the prediction error by a model `a`, `r` its correlation with `a`, and
`T` the autocorrelation matrix of `a`, that energy is ``r' T^-1 r``, of the part of `r` and `T` that
lies in the stretch. `T` is Toeplitz: one factor of Cholesky's, `L`, does for all stretches, and the
sums of ``(L^-1 r)^2`` are the energies of all that begin at the same sample.

After S. J. Godsill, P. J. W. Rayner: *Digital Audio Restoration* (Springer 1998), chapter 5 (the
least squares interpolator) and 9 (the evidence of click positions).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..._common.runs import runs
from .. import autoregression as ar
from .prediction import WHITE

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# What the model sees on either side, and how far beyond what was found a click may reach.
_SEEN_SECONDS, _BEYOND_SECONDS = 0.046, 0.002
# What was found may be what a click leaves of prediction, just before it begins or after it ends.
_NEAR_SECONDS = 0.0004
# Each sample has to explain so much, in variances of the prediction error: less in a smooth click,
# whose ends explain little and spoil what is filled in beside them, and more in a rough one, as of
# noise, whose ends are better left than filled in. It is as rough as its differences have of the
# energy that those of white noise have; from the last part on wholly so.
_OF_SMOOTH, _OF_ROUGH = 4.0, 12.0
_ROUGH = 0.3
_TINY = 1e-30
# Beginnings are tried at each fourth sample first.
_COARSE = 4


def reaching(samples: Array, beneath: Array, clicks: Mask, sample_rate: int, longest: int) -> Mask:
    """Return clicks as far as they reach.

    Args:
        samples: the sound.
        beneath: the same with the clicks filled in.
        clicks: where they were found.
        sample_rate: in Hz.
        longest: the longest that a click may be, in samples.
    """
    found = clicks.copy()
    order = ar.order_for(sample_rate)
    seen = round(_SEEN_SECONDS * sample_rate)
    beyond = round(_BEYOND_SECONDS * sample_rate)
    near = round(_NEAR_SECONDS * sample_rate)
    for start, stop in zip(*runs(clicks), strict=True):
        first, last = start - beyond, stop + beyond
        if first < order + 4 * order or last > len(samples) - 5 * order:
            continue
        begins, ends = max(first - seen, 0), last + seen
        sides = beneath[begins:first], beneath[last:ends]
        model = ar.pooled_models([sides], order, WHITE)[0]
        deviation = max(_deviation(one, model) for one in sides)
        if deviation <= 0:
            continue
        others = clicks[first:last].copy()
        others[start - first : stop - first] = False
        sound = beneath[first - order : last + order].copy()
        sound[order:-order][~others] = samples[first:last][~others]
        rough = _roughness(samples[start:stop] - beneath[start:stop])
        worth = _OF_SMOOTH + (_OF_ROUGH - _OF_SMOOTH) * rough
        begin, end = _best(
            sound, model / deviation, model, start - first, stop - first, longest, near, worth
        )
        if begin == 0 or end == last - first:
            continue  # it is the sound that is predicted badly
        found[start:stop] = False
        # and one sample more on either side, where a click stands out by less
        found[first + begin - 1 : first + end + 1] = True
    return found


def _best(
    sound: Array,
    whitening: Array,
    model: Array,
    start: int,
    stop: int,
    longest: int,
    near: int,
    worth: float,
) -> tuple[int, int]:
    """Return where the best stretch begins and ends that touches the one found, or nearly so."""
    from scipy.linalg import cholesky, solve_triangular, toeplitz

    error = np.convolve(sound, whitening, "valid")
    right = np.correlate(error, model, "valid")
    width, order = len(right), len(model) - 1
    lags = np.zeros(width)
    half = np.correlate(model, model, "full")[order:]
    lags[: order + 1] = half[:width]
    factor = cholesky(toeplitz(lags), lower=True, check_finite=False)
    lengths = np.arange(1, width + 1)[:, None]

    def best(starts: NDArray[np.intp]) -> tuple[float, int, int]:
        shifted = np.lib.stride_tricks.sliding_window_view(np.pad(right, (0, width)), width)
        whitened = solve_triangular(factor, shifted[starts].T, lower=True, check_finite=False)
        gained = np.cumsum(whitened**2, axis=0) - worth * lengths
        ends = starts + lengths
        gained[(ends < start - near) | (ends > width) | (lengths > longest)] = -np.inf
        row, column = np.unravel_index(gained.argmax(), gained.shape)
        return float(gained[row, column]), int(starts[column]), int(ends[row, column])

    last = stop + near
    begin = best(np.arange(0, last, _COARSE))[1]
    return best(np.arange(max(begin - _COARSE + 1, 0), min(begin + _COARSE, last)))[1:]


def _roughness(click: Array) -> float:
    """Return how rough a click is: 0 where it is smooth, 1 as of noise."""
    differences = np.diff(click, prepend=0, append=0)
    of_white = differences @ differences / (2 * (click @ click) + _TINY)
    return min(float(of_white) / _ROUGH, 1.0)


def _deviation(side: Array, model: Array) -> float:
    if len(side) < 2 * len(model):
        return 0.0
    return float(np.sqrt(np.mean(np.convolve(side, model, "valid") ** 2)))
