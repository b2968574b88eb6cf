"""Clicks told from music: what may be one is judged by all that is known.

Each candidate (`candidates`) is judged by a small neural network (`judge`) over a few
traits (`traits`): how far it stands out, how long it is, how large and how sharp what would
be removed is, how the sound differs before and after, and what else stands out near, and how often
something does. How sure one has to be depends on what else is found in the seconds around, and in
other channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._common.runs import mask_of, runs, touching
from ..._common.silence import silence
from .. import autoregression as ar
from ..plausibility import recurring, too_alike, too_much, too_regular
from .candidates import Candidates, candidates
from .extents import reaching
from .judge import log_odds
from .search import Found, Search, a_pulse, doubtful
from .tails import pops_among, without_tails
from .traits import largest

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

# What has twice this rate, or more, is searched at about this one: the network was fitted there.
_SOUGHT_HZ = 44_100
# What is so close to another one and stands out by so much less is an echo of it.
_CLOSE_SECONDS, _ECHO = 0.001, 0.1
_TINY = 1e-9
# So near to a plateau of a clipped sound it is a corner of that.
_CORNER_SECONDS = 0.005
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
_LEAST_REMOVED = -2.2
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
# At an edge, what begins a sound out of what is 20 dB softer is the snap of a stick or a plectrum,
# unless it is so much louder than what it sets off within 8 ms.
_ONSET_SECONDS, _SILENT_BEFORE, _SNAP = 0.008, 0.1, 8.0


class Judged(NamedTuple):
    """What is found in one channel, at the rate at which it was sought.

    Attributes:
        samples: the sound.
        clicks: where clicks are.
        doubted: where what is no click alone is one if another channel has one there.
        pitched: where what looks like one recurs with a pitch.
        larger: where candidates are that are far larger than the sound beside them, clicks or not.
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
    larger: Mask
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
    edges, larger = (
        mask_of(may_be.starts[those], may_be.stops[those], len(samples))
        for those in (may_be.at_edge, may_be.removed > _FAR_LARGER)
    )
    found = Judged(
        samples=samples,
        clicks=clicks,
        doubted=doubted,
        pitched=pitched,
        larger=larger,
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
    left |= too_alike(clicks, found.larger, found.samples, found.beneath, found.sample_rate)
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
    removed = may_be.removed
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
