"""The search for clicks in one channel: what stands out, what of it is none, what to fill in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._common.rounding import rounding_step
from ..._common.running import running_maximum
from ..._common.runs import mask_of, runs, touched, touching, without_gaps
from ..._common.silence import silence
from .. import autoregression as ar
from ..plausibility import LOWEST_PITCH_HZ, recurring, too_much, too_regular
from .crackle import few, part_of_the_sound
from .prediction import CELL_SECONDS, CELLS, level, level_before_and_after, prediction_errors

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

# How often crackle is sought: clicks hide one another.
_PASSES = 4
# A click reaches as far as it stands out by this much, and over gaps as short as this.
_EDGE_SIGMA = 4.0
_GAP_SECONDS = 0.00015
# What is removed is more than this many steps of a sound of few bits: less is its rounding.
_LEAST_STEPS = 4
# What is filled in may be louder than what stood there, or is beside it, by 0.5 dB.
_RAISED = 10 ** (0.5 / 20)
# One side of a click is far softer than the other below this part of it, and a click stands out
# from the louder one above the next; or above the last where it is longer than a sixth of the
# model's order, which is far to carry on a sound from one side. With one figure for both, a third
# of the sounds that are cut in their middle and resampled would lose their first millisecond.
_ONE_SIDED = 0.1
_STANDS_OUT = 0.5
_LONG_STANDS_OUT = 1.0
# What is there again differs by less than this much of what was to be removed, in energy.
_HEARD_AGAIN = 0.5
# A sound begins where it is predicted worse by this in the 8 ms after than in the 8 ms before.
_BEGINS = 3.0
# And a pulse of a pitch by less than this on both sides.
_A_PULSE = 0.3


class Search(NamedTuple):
    """What is taken for a click.

    Attributes:
        threshold: how far it stands out, in standard deviations.
        longest_seconds: how long it lasts at most.
        max_replaced_percent: how much of any second may be replaced.
        highest: the highest level of the channel, at which it may have been clipped.
        longest_tail_seconds: how long what rings after it lasts at most; 0 where none is sought.
    """

    threshold: float
    longest_seconds: float
    max_replaced_percent: float
    highest: float = 1.0
    longest_tail_seconds: float = 0.0


class Found(NamedTuple):
    """A channel without its clicks, where they were, and where what was found is none."""

    repaired: Array
    clicks: Mask
    left: Mask


def crackle_in(
    channels: Sequence[Array], sample_rate: int, blocks: ar.Blocks, searches: Sequence[Search]
) -> list[Found]:
    """Return each channel without its crackle."""
    return [
        _crackle(one, sample_rate, blocks, search)
        for one, search in zip(channels, searches, strict=True)
    ]


def _crackle(samples: Array, sample_rate: int, blocks: ar.Blocks, search: Search) -> Found:
    """Return one channel without its crackle: what stands out, sought again and again."""
    order = ar.order_for(sample_rate)
    gap = max(2, round(_GAP_SECONDS * sample_rate))
    missing, refused, recurs, left = np.zeros((4, len(samples)), bool)
    repaired = samples
    for _ in range(_PASSES):
        clicks, pitched = _clicks(repaired, sample_rate, blocks, search)
        recurs |= pitched
        refused |= pitched
        new = clicks & ~touching(clicks, refused)
        left |= too_much(missing | new | recurs, sample_rate, search.max_replaced_percent)
        left |= too_regular(recurs, missing | new, sample_rate)
        if not (new & ~missing).any():
            break
        missing = without_gaps(missing | new, gap)
        repaired = samples.copy()
        kept = missing & ~touching(missing, left)
        # the second time without the clicks in the model
        for _ in range(2):
            ar.interpolate(repaired, kept, blocks, order)
        kept &= ~doubtful(samples, repaired, kept, sample_rate)
        kept &= ~part_of_the_sound(repaired, kept, sample_rate)
        refused |= missing & ~kept
        missing = kept
        repaired[~missing] = samples[~missing]
    clicks = missing & ~touching(missing, left)
    clicks &= ~few(clicks, recurs, sample_rate)
    return Found(np.where(clicks, repaired, samples), clicks, left)


def _clicks(
    samples: Array, sample_rate: int, blocks: ar.Blocks, search: Search
) -> tuple[Mask, Mask]:
    """Return where clicks are, and where what looks like them recurs with a pitch."""
    matched, error, _ = prediction_errors(samples, blocks, ar.order_for(sample_rate))
    matched /= level(matched, sample_rate)
    before, after = level_before_and_after(error, sample_rate)
    error /= np.maximum(before, after)
    found: Mask = matched > search.threshold
    found &= error > search.threshold
    if not found.any():
        return found, found
    gap = max(2, round(_GAP_SECONDS * sample_rate))
    standing_out = without_gaps(found | (error > _EDGE_SIGMA), gap)
    starts, stops = runs(standing_out)
    clicks = touched(starts, stops, found)
    recurs = np.zeros(len(starts), bool)
    if clicks.any():
        strengths = np.maximum.reduceat(matched, starts)
        peaks = [
            start + matched[start:stop].argmax() for start, stop in zip(starts, stops, strict=True)
        ]
        recurs = clicks & recurring(np.array(peaks), strengths, sample_rate)
    longest = max(1, round(search.longest_seconds * sample_rate))
    clicks &= ~recurs & (stops - starts <= longest)
    # crackle is all over at once: what is louder from there on is the beginning of a sound
    clicks &= after[np.minimum(stops, len(samples) - 1)] <= _BEGINS * before[starts]
    # and one sample more on either side, where a click stands out by less
    starts, stops = np.maximum(starts - 1, 0), np.minimum(stops + 1, len(samples))
    return (
        mask_of(starts[clicks], stops[clicks], len(samples)),
        mask_of(starts[recurs], stops[recurs], len(samples)),
    )


def doubtful(samples: Array, repaired: Array, missing: Mask, sample_rate: int) -> Mask:
    """Return which of the samples that were filled in had better stay as they were.

    What is filled in may be as loud as what stood there, or as the sound on both sides is: never
    louder because one side is. Where one side is far softer than the other, as at the beginning
    and the end of a sound, a click has to stand out from the louder one to be told from an onset.
    What is no more than a few steps of the rounding is rounding.
    """
    starts, stops = runs(missing)
    if not len(starts):
        return np.zeros(len(samples), bool)
    before, after = _beside(samples, missing, starts, stops, sample_rate)
    softer, louder = np.minimum(before, after), np.maximum(before, after)

    def peaks(values: Array) -> Array:
        whole = np.append(np.where(missing, np.abs(values), 0), 0)
        highest: Array = np.maximum.reduceat(whole, np.stack([starts, stops], 1).ravel())[::2]
        return highest

    removed = peaks(samples - repaired)
    raised = peaks(repaired) > _RAISED * np.maximum(peaks(samples), softer)
    one_sided = softer < _ONE_SIDED * louder
    is_long = stops - starts > ar.order_for(sample_rate) // 6
    # the first sample of a hard start stands out of the silence, as the last of a hard stop does
    silent = silence(samples, ar.order_for(sample_rate))
    needs_more = is_long | silent[starts] | silent[stops - 1]
    an_onset = removed < np.where(needs_more, _LONG_STANDS_OUT, _STANDS_OUT) * louder
    unsafe = raised | (one_sided & an_onset) | (removed < _LEAST_STEPS * rounding_step(samples))
    for run in np.flatnonzero(one_sided & ~unsafe):
        unsafe[run] = _heard_again(samples, repaired, starts[run], stops[run], sample_rate)
    return mask_of(starts[unsafe], stops[unsafe], len(samples))


def a_pulse(samples: Array, repaired: Array, start: int, stop: int, sample_rate: int) -> bool:
    """Say whether what stands somewhere is there before and after too: as a pulse of a pitch.

    At the ends of a sound the one side that is heard tells. Clicks that are alike come in pairs.
    """
    here, apart = _apart(samples, start, stop, sample_rate)
    furthest = round(sample_rate / LOWEST_PITCH_HZ)
    least = _A_PULSE * np.sum((samples[start:stop] - repaired[start:stop]) ** 2)
    before, after = apart[:here], apart[here:]
    at_begin, at_end = here < furthest, len(after) <= furthest
    there = before.min(initial=np.inf) < least, after.min(initial=np.inf) < least
    return (there[0] or at_begin) and (there[1] or at_end) and any(there)


def _heard_again(samples: Array, repaired: Array, start: int, stop: int, sample_rate: int) -> bool:
    """Say whether what stands somewhere is there again within 26 ms: then it is no click.

    With what lies around it, as far as the model reaches, it differs there by less than it does
    from what was to be filled in.
    """
    apart = _apart(samples, start, stop, sample_rate)[1]
    removed = np.sum((samples[start:stop] - repaired[start:stop]) ** 2)
    return bool(apart.min(initial=np.inf) < _HEARD_AGAIN * removed)


def _apart(samples: Array, start: int, stop: int, sample_rate: int) -> tuple[int, Array]:
    """Return by how much energy all within 26 ms differs from what stands somewhere; and where.

    What overlaps it does not count: it is infinitely far.
    """
    from scipy.signal import correlate

    order = ar.order_for(sample_rate)
    low, high = max(start - order, 0), min(stop + order, len(samples))
    furthest = round(sample_rate / LOWEST_PITCH_HZ)
    around = samples[max(low - furthest, 0) : high + furthest]
    here = low - max(low - furthest, 0)
    energy = np.concatenate([[0.0], np.cumsum(around**2)])
    apart = energy[high - low :] - energy[: len(energy) - (high - low)]
    apart += np.sum(samples[low:high] ** 2)
    apart -= 2 * correlate(around, samples[low:high], "valid")
    apart[max(here - (stop - start), 0) : here + (stop - start) + 1] = np.inf  # itself
    return here, apart


def _beside(
    samples: Array, missing: Mask, starts: Places, stops: Places, sample_rate: int
) -> tuple[Array, Array]:
    """Return the peak of the sound in the 8 ms before and in the 8 ms after each run.

    It is 0 where less than the order of the model is heard there.
    """
    order = ar.order_for(sample_rate)
    half = max(order, round(CELLS * CELL_SECONDS * sample_rate)) // 2
    heard = ~missing & ~silence(samples, order)
    width = 2 * half + 1
    loudest = running_maximum(np.pad(np.where(heard, np.abs(samples), 0), width), width)
    counts = np.cumsum(np.pad(heard, (width + 1, width)))
    before = np.where(
        counts[starts + width] - counts[starts] >= order, loudest[starts + width - 1 - half], 0
    )
    after = np.where(
        counts[stops + 2 * width] - counts[stops + width] >= order, loudest[stops + width + half], 0
    )
    return before, after
