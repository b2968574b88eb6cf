"""A sense of proportion: what is found too often, or recurs with the sound, is no damage.

Damage is rare and irregular. A detector that wants to replace a good part of a sound has met one
that it does not understand; and what comes again and again at the same distance is a pitch: the
pulses of a brass tone, of a voice, of a synthesiser. That clicks are sought in what a pitch does
not explain goes back to S. V. Vaseghi, P. J. W. Rayner, *Detection and suppression of impulsive
noise in speech communication systems* (IEE Proceedings I 137, 1990).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, RunContext

from .._common.channels import channel_names
from .._common.runs import mask_of, runs, touched

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]
#: Where stretches start and stop.
Runs = tuple[Places, Places]

#: How much of any second of a channel may be replaced; with 100, all of it.
MaxReplaced = Annotated[float, Field(gt=0, le=100)]

#: The lowest pitch whose pulses are known as such.
LOWEST_PITCH_HZ = 38.0
_HIGHEST_PITCH_HZ = 1100.0
# So many pulses at the same distance are a pitch: each of them where the one before it has it
# expected, to within the jitter, and at least this much of the strength of the one in question.
# Crackle of 400 clicks a second has 0.3 % of such by chance.
_PULSES = 6
_JITTER_SECONDS = 80e-6
_ALIKE = 0.4
# The distance is sought to so many pulses before and after: others may lie between.
_NEIGHBOURS = 8
# So many of them in a second, and so much of all that was found there, are the rule.
_MANY = 10
_RULE = 0.25
# So many a second, within two seconds, are many: damage that is so is of all sizes. Where the
# middle half of it is as alike in energy and in length, half of it lasts, and it is most of the
# sound, the sound is made of it: also of what was found, where half of that is as near to the
# middle of all as these, or as this part of what they may be apart.
_ALIKE_SECONDS, _OFTEN = 2.0, 8.0
_ALIKE_DB, _ALIKE_LENGTHS, _ALIKE_FOUND = 8.0, 1.5, 0.4
_LASTS_SECONDS, _MOST = 0.00025, 0.5
_ALIKE_STEP_SECONDS = 0.25
_TINY = 1e-30
# How many stretches a warning names.
_TOLD = 3


def too_much(replaced: Mask, sample_rate: int, max_replaced_percent: float) -> Mask:
    """Return which samples lie in a second of which more than some per cent would be replaced.

    In a second wherever it begins; a sound that is shorter is judged as a whole.
    """
    second = min(sample_rate, len(replaced))
    over = _counted(replaced, second) > max_replaced_percent / 100 * second
    return _covered(over, second)


def too_regular(recurring: Mask, found: Mask, sample_rate: int) -> Mask:
    """Return which samples lie in a second in which recurring with a pitch is the rule.

    That is: ten runs or more do so, and a quarter of all that were found.
    """
    second = min(sample_rate, len(found))
    pitched = _counted(_beginnings(recurring), second)
    both = _counted(_beginnings(recurring | found), second)
    return _covered((pitched >= _MANY) & (pitched >= _RULE * both), second)


def too_alike(found: Mask, others: Mask, samples: Array, beneath: Array, sample_rate: int) -> Mask:
    """Return which samples lie in two seconds that are made of what was found, over and over alike.

    A rattle, a scratched string, a synthesis from grains: bursts like each other, with little in
    between. Clicks of a record, also in its pauses, differ in length and by many dB; and those that
    are alike, as of a digital fault, are shorter.

    Args:
        found: where something was.
        others: where what is large stands out and is not taken for damage.
        samples: the sound.
        beneath: the same without all of these.
        sample_rate: in Hz.
    """
    both = found | others
    starts, stops = runs(both)
    window = min(round(_ALIKE_SECONDS * sample_rate), len(found))
    fewest = _OFTEN * max(window / sample_rate, 1.0)
    alike = np.zeros(len(found), bool)
    if len(starts) < fewest:
        return alike
    removed = np.concatenate([[0.0], np.cumsum(np.where(both, samples - beneath, 0.0) ** 2)])
    whole = np.concatenate([[0.0], np.cumsum(samples**2)])
    energies_db = 10 * np.log10(removed[stops] - removed[starts] + _TINY)
    lengths = np.log(stops - starts)
    are = touched(starts, stops, found)
    step = max(1, round(_ALIKE_STEP_SECONDS * sample_rate))
    for first in range(0, len(found) - window + step, step):
        begin = min(first, len(found) - window)
        those = slice(*np.searchsorted(starts, [begin, begin + window]))
        if (
            those.stop - those.start >= fewest
            and are[those].any()
            and _are_alike(energies_db[those], are[those], _ALIKE_DB)
            and _are_alike(lengths[those], are[those], math.log(_ALIKE_LENGTHS))
            and np.median(lengths[those]) > math.log(_LASTS_SECONDS * sample_rate)
            and removed[begin + window] - removed[begin]
            > _MOST * (whole[begin + window] - whole[begin])
        ):
            alike[begin : begin + window] = True
    return alike


def _are_alike(values: Array, found: Mask, most: float) -> bool:
    """Say whether some values are alike, in their middle half, and those of what was found too."""
    lower, middle, upper = np.percentile(values, [25, 50, 75])
    off = np.median(np.abs(values[found] - middle))
    return bool(upper - lower < most and off < max(upper - lower, _ALIKE_FOUND * most))


def _counted(mask: Mask, window: int) -> Places:
    """Return how much of a mask lies in the window that begins at each sample."""
    counts = np.concatenate([[0], np.cumsum(mask)])
    inside: Places = counts[window:] - counts[: len(counts) - window]
    return inside


def _covered(windows: Mask, window: int) -> Mask:
    """Return which samples lie in windows, given which of them, by their first samples."""
    starts, stops = runs(windows)
    return mask_of(starts, stops + window - 1, len(windows) + window - 1)


def _beginnings(mask: Mask) -> Mask:
    begins = mask.copy()
    begins[1:] &= ~mask[:-1]
    return begins


def recurring(places: Places, strengths: Array, sample_rate: int) -> Mask:
    """Return which pulses recur with a pitch: as one of six or more, alike and evenly spaced.

    Args:
        places: where pulses are, in rising order.
        strengths: how strong each is.
        sample_rate: in Hz.
    """
    jitter = max(1, round(_JITTER_SECONDS * sample_rate))
    found = np.zeros(len(places), bool)
    everyone = np.arange(len(places))
    for rank in range(1, min(_NEIGHBOURS, len(places) - 1) + 1):
        for step in (rank, -rank):
            others = everyone + step
            inside = np.flatnonzero((others >= 0) & (others < len(places)) & ~found)
            distance = np.abs(places[inside + step] - places[inside])
            a_pitch = (distance * LOWEST_PITCH_HZ <= sample_rate) & (
                distance * _HIGHEST_PITCH_HZ >= sample_rate
            )
            chosen = inside[a_pitch]
            distance = distance[a_pitch]
            count = np.ones(len(chosen), np.intp)
            for period in (distance, -distance):
                count += _followers(places, strengths, chosen, period, jitter)
            found[chosen[count >= _PULSES]] = True
    return found


def _followers(
    places: Places, strengths: Array, chosen: Places, period: Places, jitter: int
) -> Places:
    """Return how many pulses like each of the chosen follow it, a period from one to the next."""
    count = np.zeros(len(chosen), np.intp)
    going = np.arange(len(chosen))
    at = places[chosen]
    for _ in range(_PULSES - 1):
        expected = at + period[going]
        after = np.minimum(np.searchsorted(places, expected), len(places) - 1)
        before = np.maximum(after - 1, 0)
        nearest = np.where(
            np.abs(places[before] - expected) < np.abs(places[after] - expected), before, after
        )
        there = (np.abs(places[nearest] - expected) <= jitter) & (
            strengths[nearest] >= _ALIKE * strengths[chosen[going]]
        )
        going, at = going[there], places[nearest[there]]
        count[going] += 1
        if not len(going):
            break
    return count


def warn_of_what_is_left(ctx: RunContext, audio: Audio, left: Sequence[Runs], what: str) -> None:
    """Warn with ``not-plausible`` of the stretches of each channel that are left as they are."""
    names = channel_names(audio.channels, audio.speakers)
    places = [
        f"{place} ({name})"
        for name, runs_of_channel in zip(names, left, strict=True)
        for place in _places(runs_of_channel, audio.sample_rate)
    ]
    if places:
        ctx.warn("not-plausible", f"{what}, and stays as it is: {_some(places)}")


def places_of(found: Runs, sample_rate: int) -> str:
    """Return where the first of some runs are, for a warning."""
    return _some(_places(found, sample_rate))


def _places(found: Runs, sample_rate: int) -> list[str]:
    return [
        f"{start / sample_rate:.2f} to {stop / sample_rate:.2f} s"
        for start, stop in zip(*found, strict=True)
    ]


def _some(places: Sequence[str]) -> str:
    more = f" and {len(places) - _TOLD} more" if len(places) > _TOLD else ""
    return f"{', '.join(places[:_TOLD])}{more}"
