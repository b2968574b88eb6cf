"""What may be clicks: filled in on trial, so that they do not hide in their own model.

A click that is loud and smooth is the better part of what an autoregressive model of its
surroundings is made of, and hides in it. So clicks are sought twice. First with models of what
lasts in each block and its neighbours, in which a click has no part; what stands out a little is
filled in, on trial. Then with models of that, from which clicks stand out as from the clean sound.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._common.running import running_maximum
from ..._common.runs import mask_of, runs, touched, without_gaps
from .. import autoregression as ar
from .judge import TRAITS
from .prediction import level, level_before_and_after, prediction_errors
from .search import Search
from .shapes import Shaped, Shapes
from .traits import BRIEFLY_SECONDS, MOST_CHANGE, Measured, largest, traits_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

# A candidate stands out by this part of the threshold: in the geometric mean of the two measures,
# each the largest within 0.15 ms, or in the error's root mean square over 0.75 ms.
_CANDIDATE = 0.4
_LASTING = 0.16
_LASTING_SECONDS = 0.00075
# It reaches as far as the error stands out by this much, and by a share of the largest within
# 0.4 ms; over short gaps, and over longer ones in which what it was found by stays high.
_EDGE_SIGMA = 3.0
_EDGE_SHARE = 0.03
_GAP_SECONDS = 0.00015
_BRIDGE_SECONDS = 0.0004
_MATCHED_BRIDGE = 6.0
_LASTING_BRIDGE = 1.75
_MATCHED_SHARE = 0.2
_LASTING_SHARE = 0.6
_CLOSE_SECONDS = 0.001
# Or by its shape: by this part of the threshold, and this much more than by any of its samples. It
# reaches as far as this part of the shape.
_SMOOTH, _RATHER_SMOOTH, _OF_A_SHAPE = 0.22, 2.0, 0.75
# A hard start is the hardest within so much time on either side; where what is after it has so
# many times the level of what is before, or less, it is the start of a sound.
_ALONE_SECONDS, _OTHER_LEVEL = 0.002, 4.0
# The sound is known on one side only, too, where the level of that side is 40 dB over the other's:
# resamplers ring into silence.
_EDGE_CHANGE = math.log(100)


class Candidates(NamedTuple):
    """What may be clicks.

    Attributes:
        starts: where each begins.
        stops: where each ends.
        peaks: where each stands out most.
        strengths: how far it does so, in the matched filter.
        at_edge: whether the sound is known on one side only: at its ends, beside digital silence,
            and where it is next to silent on the other.
        at_once: how far it stands out in both measures at the same sample: what counts there.
        traits: what is known of each, one row each, in the order of the network's.
        removed: how large what would be removed is beside the sound, as a logarithm.
        beneath: the sound with all of them filled in.
        hard_starts: where something begins that prediction from before does not expect.
    """

    starts: Places
    stops: Places
    peaks: Places
    strengths: Array
    at_edge: Mask
    at_once: Array
    traits: Array
    removed: Array
    beneath: Array
    hard_starts: Places


def candidates(samples: Array, sample_rate: int, blocks: ar.Blocks, search: Search) -> Candidates:
    """Return what may be clicks, as long as clicks are at most."""
    order = ar.order_for(sample_rate)
    beneath = samples
    for steady in (True, False):
        shapes = Shapes(blocks, sample_rate)
        matched, error, forwards = prediction_errors(
            samples, blocks, order, beneath=beneath, steady=steady, shapes=shapes
        )
        smooth = shapes.shaped(samples)
        matched /= level(matched, sample_rate)
        before, after = level_before_and_after(error, sample_rate)
        louder = np.maximum(before, after)
        error /= louder
        joint, lasting = _joint(matched, error, sample_rate), _lasting(error, sample_rate)
        # what begins or ends there is smooth, too
        goes_on = (after < _OTHER_LEVEL * before) & (before < _OTHER_LEVEL * after)
        apart = smooth._replace(stands_out=np.where(goes_on, smooth.stands_out, 0))
        starts, stops = _standing_out(matched, error, joint, lasting, apart, sample_rate, search)
        beneath = samples.copy()
        ar.interpolate(beneath, mask_of(starts, stops, len(samples)), blocks, order)
        if not len(starts):
            break
    one_sided = np.logical_or(*ar.one_sided(samples, order))
    hard_starts = _hard_starts(forwards, one_sided, sample_rate, search)
    if not len(starts):
        none = np.zeros(0)
        return Candidates(
            starts=starts,
            stops=stops,
            peaks=starts,
            strengths=none,
            at_edge=none > 0,
            at_once=none,
            traits=np.zeros((0, TRAITS)),
            removed=none,
            beneath=samples,
            hard_starts=hard_starts,
        )
    remains = prediction_errors(beneath, blocks, order)
    measured = Measured(
        samples,
        beneath,
        error,
        joint,
        lasting,
        before,
        after,
        remains.lesser / louder,
        matched,
        smooth.stands_out if smooth.stands_out.any() else matched,
        forwards,
        remains.forwards,
        sample_rate,
    )
    traits = traits_of(measured, starts, stops)
    at_edge = touched(starts, stops, one_sided)
    at_edge |= np.abs(traits.change) > _EDGE_CHANGE
    at_edge |= np.abs(traits.louder_after) >= MOST_CHANGE
    peaks = np.array(
        [start + matched[start:stop].argmax() for start, stop in zip(starts, stops, strict=True)]
    )
    return Candidates(
        starts=starts,
        stops=stops,
        peaks=peaks,
        strengths=largest(matched, starts, stops),
        at_edge=at_edge,
        at_once=largest(np.minimum(matched, error), starts, stops),
        traits=traits.rows,
        removed=traits.removed,
        beneath=beneath,
        hard_starts=hard_starts,
    )


def _hard_starts(forwards: Array, one_sided: Mask, sample_rate: int, search: Search) -> Places:
    """Return where prediction from before is worst, by the threshold, between like sides."""
    if not search.longest_tail_seconds:
        return np.zeros(0, np.intp)
    before, after = level_before_and_after(forwards, sample_rate)
    stands_out = forwards / np.maximum(before, after)
    near = 2 * round(_ALONE_SECONDS * sample_rate) + 1
    highest = (stands_out > search.threshold) & (stands_out >= running_maximum(stands_out, near))
    goes_on = (after < _OTHER_LEVEL * before) & (before < _OTHER_LEVEL * after)
    starts: Places = np.flatnonzero(highest & goes_on & ~one_sided)
    return starts


def _joint(matched: Array, error: Array, sample_rate: int) -> Array:
    """Return how far a click stands out in both measures: missed ones do so a few samples apart."""
    width = 2 * round(BRIEFLY_SECONDS * sample_rate) + 1
    joint: Array = np.sqrt(running_maximum(matched, width) * running_maximum(error, width))
    return joint


def _lasting(error: Array, sample_rate: int) -> Array:
    """Return the root mean square of the error over a while: a smooth click lasts."""
    from scipy.ndimage import uniform_filter1d

    width = max(2, round(_LASTING_SECONDS * sample_rate))
    power: Array = np.maximum(uniform_filter1d(error**2, width), 0)
    return np.sqrt(power)


def _standing_out(
    matched: Array,
    error: Array,
    joint: Array,
    lasting: Array,
    smooth: Shaped,
    sample_rate: int,
    search: Search,
) -> tuple[Places, Places]:
    """Return where what may be a click starts and stops."""
    bridge = round(_BRIDGE_SECONDS * sample_rate)
    edge = np.maximum(_EDGE_SIGMA, _EDGE_SHARE * running_maximum(error, 2 * bridge + 1))
    apart = without_gaps(error > edge, max(2, round(_GAP_SECONDS * sample_rate)))
    starts, stops = runs(apart)
    short = starts[1:] - stops[:-1] <= bridge
    ends, begins = stops[:-1][short], starts[1:][short]
    if len(ends):
        bridged = _lowest(matched, ends, begins) > np.maximum(
            _MATCHED_BRIDGE, _MATCHED_SHARE * largest(matched, ends - bridge, begins + bridge)
        )
        bridged |= _lowest(lasting, ends, begins) > np.maximum(
            _LASTING_BRIDGE, _LASTING_SHARE * largest(lasting, ends - bridge, begins + bridge)
        )
        starts, stops = runs(apart | mask_of(ends[bridged], begins[bridged], len(apart)))
    found = joint > _CANDIDATE * search.threshold
    found |= lasting > _LASTING * search.threshold
    longest = max(1, round(search.longest_seconds * sample_rate))
    chosen = touched(starts, stops, found)
    too_long = chosen & (stops - starts > longest)
    lasts = mask_of(starts[too_long], stops[too_long], len(error))
    chosen &= ~too_long
    # and one sample more on either side, where a click stands out by less
    starts, stops = np.maximum(starts[chosen] - 1, 0), np.minimum(stops[chosen] + 1, len(error))
    known = mask_of(starts, stops, len(error))
    first, last = _smooth(matched, known, smooth, sample_rate, search)
    short = ~touched(first, last, lasts)
    first, last = first[short], last[short]
    return runs(known | mask_of(first, last, len(error)))


def _smooth(
    matched: Array, known: Mask, smooth: Shaped, sample_rate: int, search: Search
) -> tuple[Places, Places]:
    """Return what stands out by its shape, and is not known, or does so by that far more."""
    near = 2 * round(_CLOSE_SECONDS * sample_rate) + 1
    stands_out = smooth.stands_out
    peaks = np.flatnonzero(
        (stands_out > _SMOOTH * search.threshold)
        & (stands_out >= running_maximum(stands_out, near))
    )
    half = np.maximum(np.round(_OF_A_SHAPE * smooth.lengths[peaks] / 2).astype(np.intp), 1)
    starts, stops = np.maximum(peaks - half, 0), np.minimum(peaks + half + 1, len(matched))
    beside = smooth.lengths[peaks]  # there it is an echo
    chosen = ~touched(np.maximum(starts - beside, 0), stops + beside, known)
    chosen |= stands_out[peaks] > _RATHER_SMOOTH * largest(matched, starts, stops)
    return starts[chosen], stops[chosen]


def _lowest(values: Array, starts: Places, stops: Places) -> Array:
    """Return the lowest value of each stretch: none is empty, nor reaches beyond the end."""
    lowest: Array = np.minimum.reduceat(values, np.stack([starts, stops], axis=1).ravel())[::2]
    return lowest
