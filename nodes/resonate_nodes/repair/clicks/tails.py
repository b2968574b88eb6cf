"""The ringing tails of clicks and pops: subtracted, not filled in.

What a stylus does after a scratch is a hard start and a ringing tail, a sinusoid that dies away
within milliseconds: far longer than what can be filled in. Where the fit (`ringing`) explains what
stands out by a tail, and better than filling in does, the tail is subtracted, and the sound beneath
it stays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..._common.runs import runs, touched
from .. import autoregression as ar
from ..plausibility import recurring
from .ringing import NOISE, OVER, PART_OF_PEAK, Tail, reach, tails_of
from .ringing_fit import SHORTEST_SECONDS
from .search import Search

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

# A click has a tail where that explains so much, in variances of the prediction error, and so much
# more than filling in; all but noise, or a small part of what stood out; where the sound goes on
# after it as it was before, to within a factor; and where its decay lies within what is sought: at
# the ends of that it is something else.
_GAIN, _OVER_FILLING, _PART, _CHANGE = 150.0, 30.0, 0.03, 2.5
_LEAST_DECAY, _MOST_DECAY = 1.17, 0.97
# What the network does not take for a click is a pop where that explains more, and leaves a mean
# square as of noise; where it is large beside the sound; and its pitch is within what is sought.
_GAIN_OF_POP, _POWER, _LARGE, _POP_HZ = 3000.0, 1.6, 1.0, (80.0, 4900.0)
# Where more start hard, a second, within so much time on either side, the sound is made of them, as
# rain is: drops ring by one sinusoid too.
_MOST_A_SECOND, _AROUND_SECONDS = 10.0, 2.0
# So many are fitted at once.
_AT_ONCE = 32
# The sound beside a pop, and what lies so near a click is part of it.
_BESIDE_SECONDS, _NEAR_SECONDS = 0.010, 0.001


def pops_among(
    places: Places,
    samples: Array,
    clicks: Mask,
    sample_rate: int,
    search: Search,
    *,
    within: int = 1,
) -> Mask:
    """Return where pops begin: a hard start, a tail that rings, and nothing else besides noise.

    A drum, a plucked string or a bell start hard and ring as well: but not by one sinusoid from the
    first sample on, to the last bit above the noise. A drop does; but drops are many.

    Args:
        places: where the sound starts hard.
        samples: the sound without its other clicks.
        clicks: where these are.
        sample_rate: in Hz.
        search: what is sought.
        within: so many samples earlier or later they may begin.
    """
    pops = np.zeros(len(samples), bool)
    longest = search.longest_tail_seconds
    near = round(_NEAR_SECONDS * sample_rate)
    recurs = recurring(places, np.ones(len(places)), sample_rate)
    apart = ~touched(np.maximum(places - near, 0), places + near, clicks)
    places, recurs = places[apart], recurs[apart]
    places = places[~recurs & ~_many_around(places, len(samples), sample_rate)]
    around = [(place - within, place + 1 + within) for place in places.tolist()]
    for tail in tails_of(samples, samples, around, sample_rate, longest, may_miss=False):
        if tail is not None and _is_a_pop(tail, samples, sample_rate, search):
            pops[tail.begin] = True
    return pops


def _many_around(places: Places, frames: int, sample_rate: int) -> Mask:
    """Return which places have so many others around that the sound is made of such."""
    reach = round(_AROUND_SECONDS * sample_rate)
    first, last = np.maximum(places - reach, 0), np.minimum(places + reach, frames)
    counts = np.searchsorted(places, last) - np.searchsorted(places, first)
    seconds = np.maximum((last - first) / sample_rate, 1.0)
    many: Mask = counts > _MOST_A_SECOND * seconds
    return many


def without_tails(
    samples: Array,
    repaired: Array,
    clicks: Mask,
    pops: Mask,
    sample_rate: int,
    blocks: ar.Blocks,
    search: Search,
) -> tuple[Array, Mask]:
    """Return the sound without the tails of clicks and pops, and where it was changed.

    Args:
        samples: the sound.
        repaired: the same with the clicks filled in.
        clicks: where they are.
        pops: where pops begin that are no more than a tail.
        sample_rate: in Hz.
        blocks: those in which the sound is modelled.
        search: what is sought.
    """
    if not search.longest_tail_seconds:
        return repaired, clicks
    longest, before = search.longest_tail_seconds, reach(sample_rate)
    heard, sound = samples.copy(), repaired.copy()
    changed, missing = clicks.copy(), clicks.copy()
    places = list(zip(*(one.tolist() for one in runs(clicks | pops)), strict=True))
    may_miss = [bool(clicks[start:stop].any()) for start, stop in places]
    fitted: dict[int, Tail | None] = {}
    for index, (start, stop) in enumerate(places):
        if index not in fitted:
            soon = range(index, min(index + _AT_ONCE, len(places)))
            for a_click in (True, False):
                those = [one for one in soon if one not in fitted and may_miss[one] == a_click]
                around = [places[one] for one in those]
                tails = tails_of(heard, sound, around, sample_rate, longest, may_miss=a_click)
                fitted.update(zip(those, tails, strict=True))
        tail = fitted[index]
        if tail is None or not (
            _has_a_tail(tail, search)
            if may_miss[index]
            else _is_a_pop(tail, sound, sample_rate, search)
        ):
            continue
        end = min(tail.begin + len(tail.samples), len(samples))
        sound[start:stop] = heard[start:stop]
        for one in (sound, heard):
            one[tail.begin : end] -= tail.samples[: end - tail.begin]
        changed[start:stop] = missing[start:stop] = False
        missing[tail.start : tail.begin] = True
        changed[tail.start : end] = True
        # what follows so near is fitted anew, without it
        for later in [one for one in fitted if one > index and places[one][0] - before < end]:
            del fitted[later]
    if (heard != samples).any():
        ar.interpolate(sound, missing, blocks, ar.order_for(sample_rate))
    return np.where(changed, sound, samples), changed


def _has_a_tail(tail: Tail, search: Search) -> bool:
    """Say whether a tail explains a click, and better than filling in does."""
    slowest = search.longest_tail_seconds / OVER
    return (
        _LEAST_DECAY * SHORTEST_SECONDS < tail.decay_seconds < _MOST_DECAY * slowest
        and tail.left <= max(NOISE, _PART * tail.stood_out)
        and tail.gain > max(_GAIN, PART_OF_PEAK * tail.stood_out**2)
        and tail.over_filling > _OVER_FILLING
        and 1 / _CHANGE < tail.rises < _CHANGE
    )


def _is_a_pop(tail: Tail, samples: Array, sample_rate: int, search: Search) -> bool:
    """Say whether it is a pop by itself: the hardest start, and all of it."""
    around = round(_BESIDE_SECONDS * sample_rate)
    beside = samples[max(tail.begin - around, 0) : tail.begin + around]
    return (
        _has_a_tail(tail, search)
        and tail.begin == tail.start
        and tail.gain > _GAIN_OF_POP
        and tail.stood_out > search.threshold
        and tail.left_power < max(_POWER, (_PART * tail.stood_out) ** 2)
        and float(np.abs(tail.samples).max()) > _LARGE * float(np.sqrt(np.mean(beside**2)))
        and _POP_HZ[0] < tail.frequency_hz < _POP_HZ[1]
    )
