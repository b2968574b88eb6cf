"""Clicks and crackle: found by what an autoregressive model cannot predict, and filled in by it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, Finding, Report, RunContext, node

from .._common.channels import Listed, channel_names, decibels, per_minute
from .._common.rounding import rounding_step
from .._common.runs import mask_of, runs, touched, touching, without_gaps
from .._common.silence import silence
from . import autoregression as ar
from .plausibility import (
    LOWEST_PITCH_HZ,
    MaxReplaced,
    recurring,
    too_much,
    too_regular,
    warn_of_what_is_left,
)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]
Threshold = Annotated[float, Field(ge=2, le=1000)]

# Where the model sees less of the sound than this, nothing can be told from it.
_LEAST_ORDERS = 4
_DECLICK_PASSES = 2
_DECRACKLE_PASSES = 4
# For finding, a model must not dig below the noise of a codec: 70 dB under the sound.
_WHITE = 1e-7
# The level that a click stands out from is the median of the 8 ms before it or of the 8 ms after
# it, whichever is louder: so the onset of a drum is measured by what it sets off.
_CELL_SECONDS = 0.001
_CELLS = 8
_MEDIAN_OF_GAUSSIAN = 0.6745
_FLOOR = 1e-7
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
# What so many clicks a minute are to a listener: a rule of thumb, not a standard.
_HOW_MANY = (
    (2.0, "few, as on a clean disc"),
    (20.0, "a disc that was played"),
    (100.0, "heard all the time"),
    (math.inf, "worn, or badly damaged"),
)
# Measured on 10 minutes of stereo.
_COST = Cost(seconds_per_second=0.05, bytes_per_input_byte=10)


class Click(Report):
    """One click.

    Attributes:
        time_seconds: where it begins.
        channel: in which channel.
        level_dbfs: the peak of what was added to the sound there; None for nothing.
        length_ms: how long it lasts.
    """

    time_seconds: float
    channel: str
    level_dbfs: float | None
    length_ms: float


class ChannelClicks(Report):
    """The clicks of one channel.

    Attributes:
        channel: which channel.
        clicks: how many.
        clicks_per_minute: how many in each minute of the sound; None without samples.
        loudest_dbfs: the peak of the loudest; None without one.
        median_dbfs: the peak that half of them exceed; None without one.
        damaged_percent: the part of all samples that lies in clicks.
    """

    channel: str
    clicks: int
    clicks_per_minute: float | None
    loudest_dbfs: float | None
    median_dbfs: float | None
    damaged_percent: float


class ClicksReport(Report):
    """Clicks and scratches. What lasts at once in several channels counts once.

    Attributes:
        clicks: how many there are.
        clicks_per_minute: how many in each minute of the sound; None without samples.
        channels: the same for each channel.
        loudest: the loudest, in order of time.
    """

    clicks: int
    clicks_per_minute: float | None
    channels: tuple[ChannelClicks, ...]
    loudest: tuple[Click, ...]

    def findings(self) -> list[Finding]:
        """Say how many there are, and whether that is many."""
        if not self.clicks:
            return [Finding("No clicks were found.")]
        rate = self.clicks_per_minute or 0.0
        much = next(words for most, words in _HOW_MANY if rate <= most)
        count = f"{self.clicks:,} click{'s' * (self.clicks != 1)}"
        return [
            Finding(
                f"{count}, {rate:.3g} a minute: {much}.",
                "The node declick removes them, as the graph vinyl does; decrackle is for crackle.",
            )
        ]


@node(version=3, uses=("scipy",), cost=_COST)
def detect_clicks(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_sigma: Threshold = 12.0,
    max_click_ms: Annotated[float, Field(ge=0.02, le=10)] = 2.0,
    max_replaced_percent: MaxReplaced = 5.0,
    max_listed: Listed = 100,
) -> ClicksReport:
    """Count clicks and scratches, and say where the loudest are: those that `declick` removes.

    What `declick` leaves as not plausible is not counted, with the same warning.

    A click's level is that of what was added to the sound, as far as the sound beneath it can be
    told: the peak of what `declick` takes away.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        threshold_sigma: as for `declick`.
        max_click_ms: as for `declick`.
        max_replaced_percent: as for `declick`.
        max_listed: how many are listed with their place.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
        >>> tone[22050:22080] += 0.3
        >>> found = detect_clicks(Audio(tone, 44100))
        >>> found.clicks, round(found.loudest[0].time_seconds, 2)
        (1, 0.5)
    """
    search = _Search(threshold_sigma, max_click_ms / 1000, max_replaced_percent, _DECLICK_PASSES)
    anywhere = np.zeros(audio.frames, bool)
    channels: list[ChannelClicks] = []
    clicks: list[Click] = []
    for name, (clean, damaged, _), samples in zip(
        channel_names(audio.channels, audio.speakers),
        _channels_searched(ctx, audio, search),
        audio.samples,
        strict=True,
    ):
        anywhere |= damaged
        starts, stops = runs(damaged)
        added = np.abs(samples - clean)
        peaks = [float(added[start:stop].max()) for start, stop in zip(starts, stops, strict=True)]
        channels.append(
            ChannelClicks(
                channel=name,
                clicks=len(peaks),
                clicks_per_minute=per_minute(len(peaks), audio),
                loudest_dbfs=decibels(max(peaks, default=0.0)),
                median_dbfs=decibels(np.median(peaks)) if peaks else None,
                damaged_percent=100 * np.count_nonzero(damaged) / max(audio.frames, 1),
            )
        )
        clicks += [
            Click(
                time_seconds=float(start / audio.sample_rate),
                channel=name,
                level_dbfs=decibels(peak),
                length_ms=float(1000 * (stop - start) / audio.sample_rate),
            )
            for start, stop, peak in zip(starts, stops, peaks, strict=True)
        ]
    clicks.sort(key=lambda click: -np.inf if click.level_dbfs is None else click.level_dbfs)
    loudest = clicks[max(len(clicks) - max_listed, 0) :]
    count = len(runs(anywhere)[0])
    ctx.note(clicks_found=count)
    return ClicksReport(
        clicks=count,
        clicks_per_minute=per_minute(count, audio),
        channels=tuple(channels),
        loudest=tuple(sorted(loudest, key=lambda click: click.time_seconds)),
    )


@node(version=4, uses=("scipy",), cost=_COST)
def declick(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_sigma: Threshold = 12.0,
    max_click_ms: Annotated[float, Field(ge=0.02, le=10)] = 2.0,
    max_replaced_percent: MaxReplaced = 5.0,
) -> Audio:
    """Remove clicks and scratches, as of a record, and leave all other samples as they are.

    Each channel is modelled as an autoregressive process in blocks of some 45 ms that overlap by
    half. A click is what the model predicts badly forwards and backwards in time, by a wide margin
    over the 8 ms on either side, and what is over soon: the onset of a drum seldom is. It is
    filled in with the samples that make the model's excitation smallest; all others stay, bit by
    bit.

    At the beginning and the end of a sound, and beside digital silence, one side is not known. A
    click has to be half as loud as the sound beside it there, or as loud where it lasts longer than
    some 0.2 ms; and what is filled in is never louder than what stood there, or than what lies on
    both sides, by more than 0.5 dB.

    What recurs with a pitch is no click: six pulses or more, alike and evenly spaced, 38 to 1,100
    a second. Nor is the rounding of 8 or 16 bits. Where such pulses are the rule in a second of a
    channel, or more of it would be replaced than ``max_replaced_percent``, that second is left as
    it is, with the warning ``not-plausible``: square waves, brass. So the buzz of a dimmer is left,
    too.

    After S. J. Godsill, P. J. W. Rayner: *Digital Audio Restoration* (1998), chapter 5 (the
    matched filter), and A. J. E. M. Janssen, R. N. J. Veldhuis, L. B. Vries: *Adaptive
    interpolation of discrete-time signals that can be modeled as autoregressive processes* (1986).

    A sound shorter than four times the model order (4 ms at 44.1 kHz) comes back as it is.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        threshold_sigma: how far a click stands out from what lies around it, in standard
            deviations of the prediction error. Lower finds softer clicks, and takes the sharpest
            onsets and the pulses of a voice for clicks at times.
        max_click_ms: what lasts longer is not taken for a click.
        max_replaced_percent: how much of any second of a channel may be replaced; what needs more
            is no click. Fifty clicks a second are 3 %, a square wave of 300 Hz is 26 %.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
        >>> scratched = tone.copy()
        >>> scratched[20000:20030] += 0.3
        >>> repaired = declick(Audio(scratched, 44100))
        >>> bool(np.abs(repaired.samples - tone).max() < 1e-4)
        True
    """
    search = _Search(threshold_sigma, max_click_ms / 1000, max_replaced_percent, _DECLICK_PASSES)
    return _repaired(ctx, audio, search, "clicks")


@node(version=4, uses=("scipy",), cost=_COST)
def decrackle(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_sigma: Threshold = 9.5,
    max_click_ms: Annotated[float, Field(ge=0.02, le=2)] = 0.4,
    max_replaced_percent: MaxReplaced = 15.0,
) -> Audio:
    """Remove crackle: many small, short clicks. For large clicks use `declick`, and first.

    The method is that of `declick`, set for clicks that are softer, shorter and many: what was
    found is filled in and the search repeated, up to three times, because clicks hide one another.
    What it leaves alone is what `declick` does.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        threshold_sigma: how far a click stands out from what lies around it, in standard
            deviations of the prediction error.
        max_click_ms: what lasts longer is not taken for crackle.
        max_replaced_percent: how much of any second of a channel may be replaced; what needs more
            is no click. Crackle of 400 clicks a second is 4 %, of 1,000 clicks 10 %.
    """
    search = _Search(threshold_sigma, max_click_ms / 1000, max_replaced_percent, _DECRACKLE_PASSES)
    return _repaired(ctx, audio, search, "crackle")


class _Search(NamedTuple):
    """What is taken for a click, and how often to look."""

    threshold: float
    longest_seconds: float
    max_replaced_percent: float
    passes: int


class _Found(NamedTuple):
    """A channel without its clicks, where they were, and where what was found is none."""

    repaired: Array
    clicks: Mask
    left: Mask


def _repaired(ctx: RunContext, audio: Audio, search: _Search, name: str) -> Audio:
    result = np.empty_like(audio.samples)
    anywhere, replaced, left = np.zeros(audio.frames, bool), 0, False
    for channel, found in zip(result, _channels_searched(ctx, audio, search), strict=True):
        channel[:] = found.repaired
        anywhere |= found.clicks
        replaced += int(np.count_nonzero(found.clicks))
        left |= bool(found.left.any())
    ctx.note(
        clicks_removed=len(runs(anywhere)[0]),
        samples_replaced_percent=100 * replaced / max(audio.samples.size, 1),
    )
    if not replaced:
        ctx.note(summary=f"no {name} {'removed' if left else 'found'}")
    return audio.with_samples(result)


def _channels_searched(ctx: RunContext, audio: Audio, search: _Search) -> Iterator[_Found]:
    """Yield what is found in each channel; warn, in the end, of what is left alone."""
    blocks = ar.Blocks(audio.frames, audio.sample_rate)
    left = []
    for channel in audio.samples:
        samples = channel.astype(np.float64)
        if audio.frames < _LEAST_ORDERS * ar.order_for(audio.sample_rate):
            nothing = np.zeros(audio.frames, bool)
            found = _Found(samples, nothing, nothing)
        else:
            found = _searched(samples, audio.sample_rate, blocks, search)
        left.append(found.left)
        yield found
    warn_of_what_is_left(ctx, audio, left, "what looks like clicks is part of the sound")


def _searched(samples: Array, sample_rate: int, blocks: ar.Blocks, search: _Search) -> _Found:
    """Return one channel without its clicks."""
    order = ar.order_for(sample_rate)
    gap = max(2, round(_GAP_SECONDS * sample_rate))
    missing, refused, recurs, left = np.zeros((4, len(samples)), bool)
    repaired = samples
    for _ in range(search.passes):
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
        kept &= ~_doubtful(samples, repaired, kept, sample_rate)
        refused |= missing & ~kept
        missing = kept
        repaired[~missing] = samples[~missing]
    clicks = missing & ~touching(missing, left)
    return _Found(np.where(clicks, repaired, samples), clicks, left)


def _clicks(
    samples: Array, sample_rate: int, blocks: ar.Blocks, search: _Search
) -> tuple[Mask, Mask]:
    """Return where clicks are, and where what looks like them recurs with a pitch."""
    matched, error = _prediction_errors(samples, blocks, ar.order_for(sample_rate))
    matched /= _level(matched, sample_rate)
    level = _level(error, sample_rate)
    found: Mask = matched > search.threshold
    found &= error > search.threshold * level
    if not found.any():
        return found, found
    gap = max(2, round(_GAP_SECONDS * sample_rate))
    standing_out = without_gaps(found | (error > _EDGE_SIGMA * level), gap)
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
    # and one sample more on either side, where a click stands out by less
    starts, stops = np.maximum(starts - 1, 0), np.minimum(stops + 1, len(samples))
    return (
        mask_of(starts[clicks], stops[clicks], len(samples)),
        mask_of(starts[recurs], stops[recurs], len(samples)),
    )


def _doubtful(samples: Array, repaired: Array, missing: Mask, sample_rate: int) -> Mask:
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
    an_onset = removed < np.where(is_long, _LONG_STANDS_OUT, _STANDS_OUT) * louder
    doubtful = raised | (one_sided & an_onset) | (removed < _LEAST_STEPS * rounding_step(samples))
    for run in np.flatnonzero(one_sided & ~doubtful):
        doubtful[run] = _heard_again(samples, repaired, starts[run], stops[run], sample_rate)
    return mask_of(starts[doubtful], stops[doubtful], len(samples))


def _heard_again(samples: Array, repaired: Array, start: int, stop: int, sample_rate: int) -> bool:
    """Say whether what stands somewhere is there again within 26 ms: then it is no click.

    With what lies around it, as far as the model reaches, it differs there by less than it does
    from what was to be filled in.
    """
    order = ar.order_for(sample_rate)
    low, high = max(start - order, 0), min(stop + order, len(samples))
    furthest = round(sample_rate / LOWEST_PITCH_HZ)
    around = samples[max(low - furthest, 0) : high + furthest]
    here = low - max(low - furthest, 0)
    windows = np.lib.stride_tricks.sliding_window_view(around, high - low)
    apart = np.sum((windows - samples[low:high]) ** 2, axis=1)
    apart[max(here - (stop - start), 0) : here + (stop - start) + 1] = np.inf  # itself
    removed = np.sum((samples[start:stop] - repaired[start:stop]) ** 2)
    return bool(apart.min(initial=np.inf) < _HEARD_AGAIN * removed)


def _beside(
    samples: Array, missing: Mask, starts: Places, stops: Places, sample_rate: int
) -> tuple[Array, Array]:
    """Return the peak of the sound in the 8 ms before and in the 8 ms after each run.

    It is 0 where less than the order of the model is heard there.
    """
    from scipy.ndimage import maximum_filter1d

    order = ar.order_for(sample_rate)
    half = max(order, round(_CELLS * _CELL_SECONDS * sample_rate)) // 2
    heard = ~missing & ~silence(samples, order)
    width = 2 * half + 1
    loudest = maximum_filter1d(np.pad(np.where(heard, np.abs(samples), 0), width), width)
    counts = np.cumsum(np.pad(heard, (width + 1, width)))
    before = np.where(
        counts[starts + width] - counts[starts] >= order, loudest[starts + width - 1 - half], 0
    )
    after = np.where(
        counts[stops + 2 * width] - counts[stops + width] >= order, loudest[stops + width + half], 0
    )
    return before, after


def _prediction_errors(samples: Array, blocks: ar.Blocks, order: int) -> tuple[Array, Array]:
    """Return two measures of how badly each sample is predicted, both of them magnitudes.

    The first is the output of the matched filter: the prediction error once more through the
    prediction-error filter, backwards. It finds clicks best, but rings before and after them. The
    second is the smaller of the errors of prediction forwards and backwards: one of the two is
    small before a click, the other one after it, so this ends where the click does.

    Where there is nothing to predict from on one side, at the ends of the sound and beside digital
    silence, both are the error of prediction from the other.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    matched, error = np.empty((2, blocks.count * blocks.hop))
    size = next_fast_len(blocks.hop + 2 * order, real=True)
    inside = slice(order, order + blocks.hop)
    only_before, only_after = ar.one_sided(samples, order)
    for group in blocks.groups():
        filters = ar.models(samples, blocks, group, order, white=_WHITE)
        response = rfft(filters, size, axis=1)
        spectrum = rfft(blocks.cut(samples, group, order, order), size, axis=1)
        forwards = np.abs(irfft(spectrum * response, size, axis=1)[:, inside]).ravel()
        backwards = np.abs(irfft(spectrum * response.conj(), size, axis=1)[:, inside]).ravel()
        both = irfft(spectrum * (response * response.conj()), size, axis=1)[:, inside]
        both = (np.abs(both) / np.sqrt(np.sum(filters**2, axis=1))[:, None]).ravel()
        lesser = np.minimum(forwards, backwards)
        place = slice(group.start * blocks.hop, group.stop * blocks.hop)
        for known, from_there in ((only_before, forwards), (only_after, backwards)):
            there = np.flatnonzero(known[place])
            both[there] = lesser[there] = from_there[there]
        error[place] = lesser
        matched[place] = both
    return matched[: len(samples)], error[: len(samples)]


def _level(magnitudes: Array, sample_rate: int) -> Array:
    """Return the level around each sample, as a standard deviation, deaf to what is short."""
    cell = max(1, round(_CELL_SECONDS * sample_rate))
    count = -(-len(magnitudes) // cell)
    whole = np.pad(magnitudes, (0, count * cell - len(magnitudes)), mode="edge")
    medians = np.median(whole.reshape(count, cell), axis=1)
    padded = np.pad(medians, _CELLS, mode="reflect" if count > _CELLS else "edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, _CELLS), axis=1)
    before, after = around[:count], around[_CELLS + 1 :][:count]
    level = np.maximum(np.maximum(before, after) / _MEDIAN_OF_GAUSSIAN, _FLOOR)
    return np.repeat(level, cell)[: len(magnitudes)]
