"""Clicks told from music: what may be one is filled in on trial, and judged by all that is known.

A click that is loud and smooth is the better part of what an autoregressive model of its
surroundings is made of, and hides in it. So clicks are sought twice. First with models of what
lasts in each block and its neighbours, in which a click has no part; what stands out a little is
filled in, on trial. Then with models of that, from which clicks stand out as from the clean sound.

Each of these candidates is judged by a small neural network (`click_judge`) over a few traits: how
far it stands out, how long it is, how large and how sharp what would be removed is, how the sound
differs before and after, and what else stands out near, and how often something does. How sure one
has to be depends on what else is found in the seconds around.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._common.running import running_maximum
from .._common.runs import mask_of, runs, touched, touching, without_gaps
from .._common.silence import silence
from . import autoregression as ar
from .click_extents import reaching
from .click_judge import TRAITS, log_odds
from .click_search import Found, Search, a_pulse, doubtful
from .click_shapes import Shaped, Shapes
from .click_tails import pops_among, without_tails
from .click_traits import BRIEFLY_SECONDS, MOST_CHANGE, Measured, largest, traits_of
from .plausibility import recurring, too_much, too_regular
from .prediction import level, level_before_and_after, prediction_errors

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

# What has twice this rate, or more, is searched at about this one: the network was fitted there.
_SOUGHT_HZ = 44_100
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
_TINY = 1e-9
# Or by its shape: by this part of the threshold, and this much more than by any of its samples. It
# reaches as far as this part of the shape.
_SMOOTH, _RATHER_SMOOTH, _OF_A_SHAPE = 0.22, 2.0, 0.75
# A hard start is the hardest within so much time on either side; where what is after it has so
# many times the level of what is before, or less, it is the start of a sound.
_ALONE_SECONDS, _OTHER_LEVEL = 0.002, 4.0
# So near to a plateau of a clipped sound it is a corner of that.
_CORNER_SECONDS = 0.005
# How far less than another one an echo of it stands out.
_ECHO = 0.1
# Where so many plateaus a second, of so many samples, lie at the highest level of all, or one where
# the sound is as loud beside it, the sound was clipped.
_AT_THE_TOP, _PLATEAU, _SEVERAL, _SLOWLY = 0.9999, 3, 8, 0.9
# A candidate that is alone is a click from these log-odds on; with so many beyond doubt in eight
# seconds from less on, by so much for each e-fold, but never from less than the last.
_ALONE_ODDS, _CERTAIN, _ODDS_OF_CERTAIN, _LEAST_ODDS = 4.0, 4.0, 2.0, 0.25
_SECONDS_OF_PRIOR = 8.0
# They rise with those per second that may be clicks or not, against those that rather are: by so
# much for each e-fold that there are more than this.
_UNSURE, _SURE, _ODDS_OF_DOUBT, _NO_DOUBT = -2.0, 1.5, 1.0, 1.5
# So far on both sides is looked.
_AROUND_SECONDS = 2.0
# At a threshold of 12; they rise with its logarithm by so much.
_AT_THRESHOLD = 12.0
_ODDS_OF_THRESHOLD = 3.0
# What is removed is so large beside the sound, as a logarithm (-19 dB): the network knows no less.
_REMOVED, _LEAST_REMOVED = 9, -2.2
# What is so much larger than the sound (19 dB) is a click from so much less on; and from less still
# where it stands out by so many thresholds, or is huge (36 dB), of a sound that is not silent
# beside it (-48 dB): the network was fitted to few such.
_FAR_LARGER, _FEWER_ODDS = 2.2, 1.2
_FAR_OUT, _HUGE, _ODDS_OF_FAR_OUT, _OF_SILENCE = 15.0, 4.2, -1.0, 5.5
# Where another channel has a click, it takes no more than this.
_ODDS_BESIDE_ANOTHER = -2.0
# What recurs with a pitch counts as the sound's own pulses if it looks like a click by so much: in
# all that stands out a little there are even distances by chance.
_ODDS_OF_A_PULSE = -3.0
# At an edge the traits say little: there a click stands out by so many thresholds, and is short.
_AT_EDGES, _LONGEST_AT_EDGES_SECONDS = 2.0, 0.001
# It is one too where the level on one side is 40 dB under the other: resamplers ring into silence.
_EDGE_CHANGE = math.log(100)
# At an edge, what begins a sound out of what is 20 dB softer is the snap of a stick or a plectrum,
# unless it is so much louder than what it sets off within 8 ms.
_ONSET_SECONDS, _SILENT_BEFORE, _SNAP = 0.008, 0.1, 8.0


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
    beneath: Array
    hard_starts: Places


class Judged(NamedTuple):
    """What is found in one channel, at the rate at which it was sought.

    Attributes:
        samples: the sound.
        clicks: where clicks are.
        doubted: where what is no click alone is one if another channel has one there.
        pitched: where what looks like one recurs with a pitch.
        edges: where candidates are of which the sound is known on one side only.
        left: where what is found is none.
        beneath: the sound without any of what may be a click.
        hard_starts: where something begins that prediction from before does not expect.
        sample_rate: in Hz.
    """

    samples: Array
    clicks: Mask
    doubted: Mask
    pitched: Mask
    edges: Mask
    left: Mask
    beneath: Array
    hard_starts: Places
    sample_rate: int


def clicks_in(
    channels: Sequence[Array], sample_rate: int, blocks: ar.Blocks, searches: Sequence[Search]
) -> list[Found]:
    """Return each channel without its clicks.

    What is damaged is so in several channels at once, mostly: where a click is found in one of
    them, it takes less to be one in another.
    """
    factor = decimation(sample_rate)
    found = [
        _judged(_sought(one, sample_rate, factor), round(sample_rate / factor), search)
        for one, search in zip(channels, searches, strict=True)
    ]
    result = []
    for index, (samples, search) in enumerate(zip(channels, searches, strict=True)):
        here = found[index]
        others = [other.clicks & ~other.left for other in found[:index] + found[index + 1 :]]
        if others:
            agreed = touching(here.doubted, np.any(others, axis=0))
            here = _proportionate(here, here.clicks | agreed, search)
        result.append(_repaired(samples, here, factor, sample_rate, blocks, search))
    return result


def _repaired(
    samples: Array,
    found: Judged,
    factor: int,
    sample_rate: int,
    blocks: ar.Blocks,
    search: Search,
) -> Found:
    """Return a channel without the clicks that were found at a part of its rate."""
    close = round(_CORNER_SECONDS * sample_rate)
    clicks = _reaching(found, search)
    clicks, left = (np.repeat(one, factor)[: len(samples)] for one in (clicks, found.left))
    hard_starts = factor * found.hard_starts
    order = ar.order_for(sample_rate)
    known = samples.copy()
    # twice, the second time without the clicks in the model
    for _ in range(2):
        ar.interpolate(known, clicks, blocks, order)
    # a filter rings before what starts hard: whether it does is told at the rate of the sound
    pops = pops_among(hard_starts, known, clicks, sample_rate, search, within=factor)
    clipped = _clipped(samples, sample_rate, search.highest)
    kept, pops = clicks & ~touching(clicks, left | clipped), pops & ~left
    for place in np.flatnonzero(pops):  # a corner of a plateau starts hard as well
        pops[place] = not clipped[max(place - close, 0) : place + close].any()
    if not (kept | pops).any():
        return Found(samples, kept, left)
    repaired = np.where(kept, known, samples)
    # once more, with what is none in the model
    ar.interpolate(repaired, kept, blocks, order)
    repaired, kept = without_tails(samples, repaired, kept, pops, sample_rate, blocks, search)
    kept &= ~doubtful(samples, repaired, kept, sample_rate)
    for start, stop in zip(*runs(kept), strict=True):
        kept[start:stop] = not a_pulse(samples, repaired, start, stop, sample_rate)
    return Found(np.where(kept, repaired, samples), kept, left)


def decimation(sample_rate: int) -> int:
    """Return of how many samples one is searched."""
    return max(1, sample_rate // _SOUGHT_HZ)


def _clipped(samples: Array, sample_rate: int, highest: float) -> Mask:
    """Return what lies at the highest level where it shows that the sound was clipped there.

    That is in seconds with several plateaus, and where the sound rises to one slowly. Another may
    be that of a click, which was louder than the converter could say.
    """
    levels = np.abs(samples)
    top = max(_AT_THE_TOP * highest, _TINY)
    first, last = runs(levels >= top)
    flat = last - first >= _PLATEAU
    counts = np.bincount(first[flat] // sample_rate, minlength=len(samples) // sample_rate + 1)
    beside = np.pad(levels, 1)
    slowly = flat & (np.maximum(beside[first], beside[last + 1]) >= _SLOWLY * top)
    clipped = slowly | (counts[first // sample_rate] >= _SEVERAL)
    return mask_of(first[clipped], last[clipped], len(samples))


def _sought(samples: Array, sample_rate: int, factor: int) -> Array:
    """Return a channel at the rate at which it is sought; its digital silence stays."""
    from scipy.signal import resample_poly

    # a click is heard at a lower rate as well, and how it stands out is known there
    if factor == 1:
        return samples
    lower: Array = resample_poly(samples, 1, factor, padtype="symmetric")
    lower[silence(samples, ar.order_for(sample_rate))[::factor]] = 0
    return lower


def _judged(samples: Array, sample_rate: int, search: Search) -> Judged:
    """Return what is found in one channel at a rate at which it is sought."""
    may_be = candidates(samples, sample_rate, ar.Blocks(len(samples), sample_rate), search)
    clicks, doubted, pitched = _clicks(may_be, samples, sample_rate, search)
    edges = mask_of(may_be.starts[may_be.at_edge], may_be.stops[may_be.at_edge], len(samples))
    found = Judged(
        samples=samples,
        clicks=clicks,
        doubted=doubted,
        pitched=pitched,
        edges=edges,
        left=np.zeros(len(samples), bool),
        beneath=may_be.beneath,
        hard_starts=may_be.hard_starts,
        sample_rate=sample_rate,
    )
    return _proportionate(found, clicks, search)


def _proportionate(found: Judged, clicks: Mask, search: Search) -> Judged:
    """Return what is found, given where clicks are, with what is no click in proportion."""
    left = too_much(clicks | found.pitched, found.sample_rate, search.max_replaced_percent)
    left |= too_regular(found.pitched, clicks, found.sample_rate)
    return found._replace(clicks=clicks, left=left)


def _reaching(found: Judged, search: Search) -> Mask:
    """Return clicks as far as they reach: at an edge, as they were found."""
    longest = max(1, round(search.longest_seconds * found.sample_rate))
    sure = found.clicks & ~touching(found.clicks, found.edges)
    reach = reaching(found.samples, found.beneath, sure, found.sample_rate, longest)
    return reach | (found.clicks & ~sure)


def _clicks(
    may_be: Candidates, samples: Array, sample_rate: int, search: Search
) -> tuple[Mask, Mask, Mask]:
    """Return where candidates are clicks, where they would be beside another, and with a pitch."""
    starts, stops, frames = may_be.starts, may_be.stops, len(samples)
    if not len(starts):
        nothing = np.zeros(frames, bool)
        return nothing, nothing, nothing
    recurs = recurring(may_be.peaks, may_be.strengths, sample_rate)
    odds = log_odds(may_be.traits)
    least = _least_odds(may_be, np.where(may_be.at_edge | recurs, -np.inf, odds), sample_rate)
    least += _ODDS_OF_THRESHOLD * math.log(search.threshold / _AT_THRESHOLD)
    stands_out = may_be.at_once / search.threshold
    removed = may_be.traits[:, _REMOVED]
    larger = removed > _FAR_LARGER
    far_out = larger & ((stands_out > _FAR_OUT) | (removed > _HUGE)) & (removed < _OF_SILENCE)
    are = (removed > _LEAST_REMOVED) & (odds > least - np.where(larger, _FEWER_ODDS, 0))
    are |= far_out & (odds > _ODDS_OF_FAR_OUT)
    brief = stops - starts <= round(_LONGEST_AT_EDGES_SECONDS * sample_rate)
    are = np.where(may_be.at_edge, brief & (stands_out > _AT_EDGES), are)
    may = ~recurs & ~_hard_onsets(samples, may_be, sample_rate)
    may &= ~_echoes(may_be, round(_CLOSE_SECONDS * sample_rate))
    pitched = recurs & (odds > _ODDS_OF_A_PULSE)
    doubted = may & ~may_be.at_edge & (removed > _LEAST_REMOVED) & (odds > _ODDS_BESIDE_ANOTHER)
    where = [mask_of(starts[one], stops[one], frames) for one in (are & may, doubted, pitched)]
    return where[0], where[1], where[2]


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
        rows = np.zeros((0, TRAITS))
        return Candidates(starts, stops, starts, none, none > 0, none, rows, samples, hard_starts)
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
    strengths = largest(matched, starts, stops)
    peaks = np.array(
        [start + matched[start:stop].argmax() for start, stop in zip(starts, stops, strict=True)]
    )
    at_once = largest(np.minimum(matched, error), starts, stops)
    return Candidates(
        starts, stops, peaks, strengths, at_edge, at_once, traits.rows, beneath, hard_starts
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


def _least_odds(may_be: Candidates, odds: Array, sample_rate: int) -> Array:
    """Return from which log-odds on each is a click, by what else is found in the seconds around.

    Damage seldom comes alone: where no click is beyond doubt, one has to be so; the more are, the
    less it takes. And clicks stand out of what is none: where there is no gap between the two, and
    more may be clicks than are, the sound is made of what looks like them, as rain is, or applause.
    """
    reach = round(_AROUND_SECONDS * sample_rate)
    first = np.searchsorted(may_be.peaks, may_be.peaks - reach)
    last = np.searchsorted(may_be.peaks, may_be.peaks + reach, "right")

    def how_many(these: Mask) -> Places:
        counts = np.concatenate([[0], np.cumsum(these)])
        found: Places = counts[last] - counts[first]
        return found

    certain = np.log1p(_SECONDS_OF_PRIOR / (2 * _AROUND_SECONDS) * how_many(odds > _CERTAIN))
    least = np.maximum(_ALONE_ODDS - _ODDS_OF_CERTAIN * certain, _LEAST_ODDS)
    sure = how_many(odds > _SURE) / (2 * _AROUND_SECONDS)
    unsure = how_many((odds > _UNSURE) & (odds <= _SURE)) / (2 * _AROUND_SECONDS)
    doubt = np.maximum(np.log((unsure + 1) / (sure + 1)) - math.log(_NO_DOUBT), 0)
    total: Array = least + _ODDS_OF_DOUBT * doubt
    return total


def _hard_onsets(samples: Array, may_be: Candidates, sample_rate: int) -> Mask:
    """Return which candidates begin a sound out of silence, as a stick or a plectrum does."""
    around = round(_ONSET_SECONDS * sample_rate)
    levels = np.abs(may_be.beneath)
    before = largest(levels, may_be.starts - around, may_be.starts)
    after = largest(levels, may_be.stops, may_be.stops + around)
    removed = largest(np.abs(samples - may_be.beneath), may_be.starts, may_be.stops)
    begins = (before < _SILENT_BEFORE * after) & (may_be.starts > ar.order_for(sample_rate))
    onsets: Mask = may_be.at_edge & begins & (removed < _SNAP * after)
    return onsets


def _echoes(may_be: Candidates, close: int) -> Mask:
    """Return which candidates are what a far louder one close by does to the measures."""
    faint = may_be.strengths[:-1] < _ECHO * may_be.strengths[1:]
    louder = may_be.strengths[1:] < _ECHO * may_be.strengths[:-1]
    near = may_be.starts[1:] - may_be.stops[:-1] <= close
    echoes: Mask = np.append(near & faint, False) | np.append(False, near & louder)
    return echoes


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
    from scipy.ndimage import maximum_filter1d

    near = 2 * round(_CLOSE_SECONDS * sample_rate) + 1
    stands_out = smooth.stands_out
    peaks = np.flatnonzero(
        (stands_out > _SMOOTH * search.threshold)
        & (stands_out >= maximum_filter1d(stands_out, near))
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
