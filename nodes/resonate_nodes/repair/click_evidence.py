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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._common.running import running_maximum
from .._common.runs import mask_of, runs, touched, touching, without_gaps
from .._common.silence import silence
from . import autoregression as ar
from .click_judge import TRAITS, log_odds
from .click_search import Found, Search, a_pulse, doubtful
from .click_tails import pops_among, without_tails
from .click_traits import (
    BRIEFLY_SECONDS,
    MOST_CHANGE,
    TOLD_BY_SECONDS,
    Measured,
    largest,
    traits_of,
)
from .plausibility import recurring, too_much, too_regular
from .prediction import lesser_errors, level, level_before_and_after, prediction_errors

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
_ALONE_ODDS, _CERTAIN, _ODDS_OF_CERTAIN, _LEAST_ODDS = 4.0, 4.0, 1.5, 0.5
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
# where it stands out by so many thresholds, of a sound that is not silent beside it (-48 dB): the
# network was fitted to few such.
_FAR_LARGER, _FEWER_ODDS = 2.2, 1.2
_FAR_OUT, _ODDS_OF_FAR_OUT, _OF_SILENCE = 15.0, -1.0, 5.5
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
    """What is found in one channel.

    Attributes:
        clicks: where clicks are.
        left: where what is found is none.
        beneath: the sound without any of what may be a click.
        hard_starts: where something begins that prediction from before does not expect.
    """

    clicks: Mask
    left: Mask
    beneath: Array
    hard_starts: Places


def clicks_in(samples: Array, sample_rate: int, blocks: ar.Blocks, search: Search) -> Found:
    """Return one channel without its clicks."""
    close = round(_CORNER_SECONDS * sample_rate)
    factor = decimation(sample_rate)
    if factor == 1:
        clicks, left, repaired, hard_starts = _judged(samples, sample_rate, blocks, search)
    else:  # a click is heard at a lower rate as well, and how it stands out is known there
        lower, rate = _decimated(samples, sample_rate, factor), round(sample_rate / factor)
        found = _judged(lower, rate, ar.Blocks(len(lower), rate), search)
        clicks, left = (np.repeat(one, factor)[: len(samples)] for one in found[:2])
        repaired, hard_starts = samples, factor * found.hard_starts
    known = np.where(clicks, repaired, samples)
    # a filter rings before what starts hard: whether it does is told at the rate of the sound
    pops = pops_among(hard_starts, known, clicks, sample_rate, search, within=factor)
    clipped = _clipped(samples, sample_rate, search.highest)
    kept, pops = clicks & ~touching(clicks, left | clipped), pops & ~left
    for place in np.flatnonzero(pops):  # a corner of a plateau starts hard as well
        pops[place] = not clipped[max(place - close, 0) : place + close].any()
    if not (kept | pops).any():
        return Found(samples, kept, left)
    order = ar.order_for(sample_rate)
    repaired = np.where(kept, repaired, samples)
    # once more, without the clicks in the model, and with what is none in it
    for _ in range(2 if factor > 1 else 1):
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


def _decimated(samples: Array, sample_rate: int, factor: int) -> Array:
    """Return a channel at a lower rate; its digital silence stays."""
    from scipy.signal import resample_poly

    lower: Array = resample_poly(samples, 1, factor, padtype="symmetric")
    lower[silence(samples, ar.order_for(sample_rate))[::factor]] = 0
    return lower


def _judged(samples: Array, sample_rate: int, blocks: ar.Blocks, search: Search) -> Judged:
    """Return what is found in one channel at a rate at which it is sought."""
    may_be = candidates(samples, sample_rate, blocks, search)
    clicks, pitched = _clicks(may_be, samples, sample_rate, search)
    left = too_much(clicks | pitched, sample_rate, search.max_replaced_percent)
    left |= too_regular(pitched, clicks, sample_rate)
    return Judged(clicks, left, may_be.beneath, may_be.hard_starts)


def _clicks(
    may_be: Candidates, samples: Array, sample_rate: int, search: Search
) -> tuple[Mask, Mask]:
    """Return which of the candidates are clicks, and which recur with a pitch: where they are."""
    starts, stops, frames = may_be.starts, may_be.stops, len(samples)
    if not len(starts):
        return np.zeros(frames, bool), np.zeros(frames, bool)
    recurs = recurring(may_be.peaks, may_be.strengths, sample_rate)
    odds = log_odds(may_be.traits)
    least = _least_odds(may_be, np.where(may_be.at_edge | recurs, -np.inf, odds), sample_rate)
    least += _ODDS_OF_THRESHOLD * math.log(search.threshold / _AT_THRESHOLD)
    stands_out = may_be.at_once / search.threshold
    removed = may_be.traits[:, _REMOVED]
    larger = removed > _FAR_LARGER
    far_out = larger & (removed < _OF_SILENCE) & (stands_out > _FAR_OUT)
    are = (removed > _LEAST_REMOVED) & (odds > least - np.where(larger, _FEWER_ODDS, 0))
    are |= far_out & (odds > _ODDS_OF_FAR_OUT)
    brief = stops - starts <= round(_LONGEST_AT_EDGES_SECONDS * sample_rate)
    are = np.where(may_be.at_edge, brief & (stands_out > _AT_EDGES), are)
    are &= ~_hard_onsets(samples, may_be, sample_rate)
    are &= ~recurs & ~_echoes(may_be, round(_CLOSE_SECONDS * sample_rate))
    return mask_of(starts[are], stops[are], frames), mask_of(starts[recurs], stops[recurs], frames)


def candidates(samples: Array, sample_rate: int, blocks: ar.Blocks, search: Search) -> Candidates:
    """Return what may be clicks, as long as clicks are at most."""
    order = ar.order_for(sample_rate)
    beneath = samples
    for steady in (True, False):
        matched, error, forwards = prediction_errors(
            samples, blocks, order, beneath=beneath, steady=steady
        )
        matched /= level(matched, sample_rate)
        before, after = level_before_and_after(error, sample_rate)
        louder = np.maximum(before, after)
        error /= louder
        joint, lasting = _joint(matched, error, sample_rate), _lasting(error, sample_rate)
        starts, stops = _standing_out(matched, error, joint, lasting, sample_rate, search)
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
    near = round(TOLD_BY_SECONDS * sample_rate)
    there = mask_of(
        np.maximum(starts - near, 0), np.minimum(stops + near, len(samples)), len(samples)
    )
    left_over = lesser_errors(beneath, blocks, order, there) / louder
    measured = Measured(
        samples, beneath, error, joint, lasting, before, after, left_over, sample_rate
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
    matched: Array, error: Array, joint: Array, lasting: Array, sample_rate: int, search: Search
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
    chosen = touched(starts, stops, found) & (stops - starts <= longest)
    # and one sample more on either side, where a click stands out by less
    return np.maximum(starts[chosen] - 1, 0), np.minimum(stops[chosen] + 1, len(error))


def _lowest(values: Array, starts: Places, stops: Places) -> Array:
    """Return the lowest value of each stretch: none is empty, nor reaches beyond the end."""
    lowest: Array = np.minimum.reduceat(values, np.stack([starts, stops], axis=1).ravel())[::2]
    return lowest
