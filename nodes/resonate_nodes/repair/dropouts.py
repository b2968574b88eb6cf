"""Dropouts and offsets: samples that are not there, and a level that should not be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, NodeError, RunContext, node

from .._common.channels import decibels
from .._common.notes import note_known
from .._common.runs import mask_of, runs, touched
from . import autoregression as ar
from .plausibility import MaxReplaced, too_much, warn_of_what_is_left

Array = NDArray[np.float64]
Places = NDArray[np.intp]

_LEAST_SECONDS = 0.0002
_LEAST_FRAMES = 4
# A gap has edges: the sound around it is louder than this, or would not be heard to stop.
_AUDIBLE = 1e-4
# And louder than this many of the smallest steps of the channel: what is softer rests at zero by
# rounding, as the end of a fade does in 16 bits.
_LEAST_STEPS = 32
_AROUND_SECONDS = 0.005
_CONTEXT_SECONDS = 0.08
_ORDER_SECONDS = 0.012
_HIGHEST_ORDER = 1024
# What stands in for sound: so long at least, so much softer than the sound on both sides, or held.
_STAND_IN_SECONDS = 0.002
_STAND_IN_STEPS = 4
_SOFTER = 0.01
# A sound that passes through zero has this part of its samples just above dither, up to so many
# times as much. One of few bits, dithered, has none: its next level is far off.
_PASSING = 4
_HARDLY_PASSES = 1e-4
# A held level that is nearly as loud as what is beside it was clipped.
_PEAK = 0.98
# And in a sound that rests so often beside it, as one of few bits does, it is nothing.
_RESTS = 0.2
# A shorter run of zeros amid few bits is the sound's own where no error of a prediction of this
# order is so many times larger than what two in a hundred around exceed.
_REST_ORDER = 32
_SURPRISING, _USUAL_PERCENT = 2.0, 98.0
# What comes to rest on a level, and leaves it without a jump, was not interrupted: so many steps
# before it, and the one after it, are no larger than these parts of what is usual there.
_LAST_STEPS = 8
_COMES_SOFTLY, _LEAVES_SOFTLY = 0.1, 0.5
# A block that was repeated is the same, sample by sample; in a sound that is soft or a pattern of
# few values that may be so by itself. It ends with a step that is so much larger than others there.
_LONGEST_BLOCK_SECONDS = 0.05
_LEAST_VALUES = 16
_STEP = 2.0
# A sound of which so much comes again within that time is a pattern.
_PATTERN = 0.2
# Below this part of the other, one side of a gap is all but silent.
_ONE_SIDED = 0.1
_MOST_PLACES = 20


@node(version=6, uses=("scipy",))
def repair_dropouts(
    ctx: RunContext,
    audio: Audio,
    *,
    max_gap_ms: Annotated[float, Field(ge=0.1, le=50)] = 20.0,
    regions_seconds: list[tuple[float, float]] | None = None,
    max_replaced_percent: MaxReplaced = 20.0,
) -> Audio:
    """Fill in short stretches where the sound is not there, in the middle of it.

    A dropout is a run of exact zeros of 0.2 ms or more (at least four samples), with sound above
    -80 dBFS within 5 ms on both sides. That sound also has to exceed 32 times the smallest sample
    of the channel that is not zero (-60 dBFS in 16 bits): what is softer rests at zero by rounding.
    In sound of few bits so does a run of less than 2 ms that a linear prediction finds no more
    surprising than what is around it.
    A dropout is also what stands in its place for 2 ms or more: noise of up to four steps of 16
    bits (dither) with sound 40 dB louder on both sides, the last sample held (where it is no peak,
    nowhere else is it held, and the sound does not come to rest there), or the samples before it
    once more (a block that was repeated).

    A dropout is filled in by an autoregressive model of up to order 1024 of the 80 ms on either
    side, extrapolated from both and cross-faded: forwards from what was before, backwards from what
    comes after (W. Etter, *Restoration of a discrete-time signal segment by interpolation based on
    the left-sided and right-sided autoregressive parameters*, IEEE Trans. Signal Processing 44,
    1996). Each channel is treated by itself. All other samples
    stay as they are, bit by bit.

    Where more than some per cent of a second would be filled in, as of a sound that is gated at its
    own pace, that stretch of the channel is left as it is, with the warning ``not-plausible``.
    Longer gaps are left as they are, with the warning ``long-dropout``: nothing but invention
    could fill them.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        max_gap_ms: the longest gap that is filled in.
        regions_seconds: gaps that are known, as (start, end), such as those of a salvaged file
            (`resonate_graph.salvage`): they are filled in whatever stands in them, in all
            channels, beside the dropouts that are found. At the beginning and the end of the
            sound, where one side is not known, they become silence.
        max_replaced_percent: how much of any second of a channel may be filled in of what is
            found. Two gaps a second of up to 20 ms each are up to 10 %.

    Raises:
        NodeError: a region ends before it begins, or does not lie within the sound.
    """
    known = _frames_of(regions_seconds or (), audio)
    least = max(_LEAST_FRAMES, round(_LEAST_SECONDS * audio.sample_rate))
    longest = max(least, round(max_gap_ms / 1000 * audio.sample_rate))
    result = audio.samples.astype(np.float64)
    too_long, left = 0, []
    places: set[tuple[int, int]] = set()
    for channel in result:
        starts, stops = _gaps(channel, least, audio.sample_rate)
        new = _apart(starts, stops, known)
        short = stops - starts <= longest
        too_long += int(np.count_nonzero(new & ~short))
        starts, stops = starts[new & short], stops[new & short]
        gaps = mask_of(starts, stops, audio.frames)
        left.append(too_much(gaps, audio.sample_rate, max_replaced_percent))
        alone = touched(starts, stops, left[-1])
        filled = [*zip(starts[~alone], stops[~alone], strict=True)]
        named = [gap for gap in known if gap[1] - gap[0] <= longest]
        too_long += len(known) - len(named)
        places.update((int(start), int(stop)) for start, stop in [*filled, *named])
        for start, stop in sorted([*filled, *named]):
            channel[start:stop] = _bridged(channel, start, stop, audio.sample_rate)
    if too_long:
        ctx.warn(
            "long-dropout",
            f"{too_long} gaps of more than {max_gap_ms:g} ms are left as they are",
        )
    warn_of_what_is_left(
        ctx, audio, [runs(one) for one in left], "what looks like dropouts is too frequent"
    )
    if places:
        _note(ctx, audio, sorted(places))
    else:
        ctx.note(summary=f"no dropouts {'filled' if too_long else 'found'}")
    return audio.with_samples(result)


def _note(ctx: RunContext, audio: Audio, places: Sequence[tuple[int, int]]) -> None:
    """Note how many gaps were filled, and where; what lies in several channels at once is one."""
    starts, stops = (np.array(one, np.intp) for one in zip(*places, strict=True))
    starts, stops = runs(mask_of(starts, stops, audio.frames))
    ctx.note(
        gaps_filled=len(starts),
        longest_ms=1000 * float((stops - starts).max()) / audio.sample_rate,
        places_seconds=[float(one) / audio.sample_rate for one in starts[:_MOST_PLACES]],
    )


@node(version=1)
def remove_dc(ctx: RunContext, audio: Audio) -> Audio:
    """Remove a constant offset: each channel's mean over the whole sound.

    The offset alone goes; a `highpass` takes a drifting one. Below -120 dBFS it is left.

    Args:
        ctx: filled in by the engine.
        audio: the sound.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> remove_dc(Audio(np.array([0.5, 0.25]), 44100)).samples.tolist()
        [[0.125, -0.125]]
    """
    if not audio.frames:
        ctx.note(summary="no offset found")
        return audio
    offset = audio.samples.mean(axis=1, keepdims=True, dtype=np.float64)
    offset[np.abs(offset) < 1e-6] = 0
    if not offset.any():
        ctx.note(summary="no offset found")
        return audio
    note_known(ctx, largest_offset_dbfs=decibels(np.abs(offset).max()))
    return audio.with_samples(audio.samples - offset)


def _frames_of(regions: Sequence[tuple[float, float]], audio: Audio) -> list[tuple[int, int]]:
    """Return the frames of regions, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(regions):
        start, stop = round(begin * audio.sample_rate), round(end * audio.sample_rate)
        if not 0 <= start < stop <= audio.frames:
            raise NodeError(
                f"regions_seconds has {begin:g} to {end:g} s, which is no part of a sound of "
                f"{audio.duration_seconds:g} s"
            )
        if joined and start <= joined[-1][1]:
            first, last = joined.pop()
            start, stop = first, max(last, stop)
        joined.append((start, stop))
    return joined


def _apart(starts: Places, stops: Places, known: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Return which of some gaps overlap none of those that are known."""
    apart = np.ones(len(starts), bool)
    for first, last in known:
        apart &= (stops <= first) | (starts >= last)
    return apart


def _gaps(channel: Array, least: int, sample_rate: int) -> tuple[Places, Places]:
    """Return where gaps with sound on both sides start and stop."""
    starts, stops = runs(channel == 0)
    step = _smallest(channel)
    audible = max(_AUDIBLE, _LEAST_STEPS * step)
    softer = np.minimum(*_levels_beside(channel, starts, stops, sample_rate))
    silent = (stops - starts >= least) & (softer > audible)
    dithered = not _passes_zero(channel)
    coarse = _is_coarse(step)
    if dithered and not coarse:
        silent[:] = False
    # of few bits, here at least: it rests, and comes again, by itself
    few = _coarse_beside(channel, starts, stops, silent, sample_rate)
    silent &= ~few | _moves_beside(channel, starts, stops, sample_rate)
    silent &= ~_may_rest(channel, starts, stops, silent & few, sample_rate)
    found = mask_of(starts[silent], stops[silent], len(channel))
    longer = max(least, round(_STAND_IN_SECONDS * sample_rate))
    for stand_in in () if coarse or dithered else (_dithered, _held, _repeated):
        starts, stops = stand_in(channel, longer, sample_rate)
        softer = np.minimum(*_levels_beside(channel, starts, stops, sample_rate))
        loud = softer > audible
        found |= mask_of(starts[loud], stops[loud], len(channel))
    return runs(found)


def _smallest(channel: Array) -> float:
    """Return the magnitude of the smallest sample that is not zero; infinity where all are."""
    return float(np.abs(channel).min(where=channel != 0, initial=np.inf))


def _is_coarse(step: float) -> bool:
    return step * 32_768 > _STAND_IN_STEPS


def _coarse_beside(
    channel: Array, starts: Places, stops: Places, asked: NDArray[np.bool_], sample_rate: int
) -> NDArray[np.bool_]:
    """Return which runs, of those asked for, lie amid sound of few bits, as before a fade of it."""
    context = round(_CONTEXT_SECONDS * sample_rate)
    coarse = np.zeros(len(starts), bool)
    for index in np.flatnonzero(asked):
        around = channel[max(starts[index] - context, 0) : stops[index] + context]
        coarse[index] = _is_coarse(_smallest(around))
    return coarse


def _passes_zero(channel: Array) -> bool:
    """Say whether a sound has samples just above dither, as one that passes through zero does."""
    magnitudes = np.abs(channel * 32_768)
    heard = magnitudes > _STAND_IN_STEPS
    passing = heard & (magnitudes <= _PASSING * _STAND_IN_STEPS)
    return bool(np.count_nonzero(passing) >= _HARDLY_PASSES * np.count_nonzero(heard))


def _levels_beside(
    channel: Array, starts: Places, stops: Places, sample_rate: int
) -> tuple[Array, Array]:
    """Return the loudest sample within 5 ms before and after each run."""
    around = max(1, round(_AROUND_SECONDS * sample_rate))
    before = [np.abs(channel[max(one - around, 0) : one]).max(initial=0) for one in starts]
    after = [np.abs(channel[one : one + around]).max(initial=0) for one in stops]
    return np.array(before, np.float64), np.array(after, np.float64)


def _may_rest(
    channel: Array, starts: Places, stops: Places, asked: NDArray[np.bool_], sample_rate: int
) -> NDArray[np.bool_]:
    """Return which runs of zeros, of those asked for, may be what the sound was, rounded."""
    from scipy.signal import lfilter

    context = round(_CONTEXT_SECONDS * sample_rate)
    short = stops - starts < round(_STAND_IN_SECONDS * sample_rate)
    found = np.zeros(len(starts), bool)
    for index in np.flatnonzero(asked & short):
        start, stop = starts[index], stops[index]
        first = max(start - context, 0)
        before, after = channel[first:start], channel[stop : stop + context]
        order = min(_REST_ORDER, len(before) // 3, len(after) // 3)
        if not order:
            continue
        model = ar.burg(max(before, after, key=len), order)
        errors = np.abs(lfilter(model, [1.0], channel[first : stop + context]))
        run = slice(start - first, stop - first + order)
        usual = np.percentile([*errors[order : run.start], *errors[run.stop :]], _USUAL_PERCENT)
        found[index] = errors[run].max() <= _SURPRISING * usual
    return found


def _dithered(channel: Array, longer: int, sample_rate: int) -> tuple[Places, Places]:
    """Return the runs that hold dither of 16 bits amid sound that is much louder."""
    steps = channel * 32_768
    quiet = (np.abs(steps) <= _STAND_IN_STEPS) & (steps == np.rint(steps))
    starts, stops = runs(quiet)
    long = stops - starts >= longer
    starts, stops = starts[long], stops[long]
    softer = np.minimum(*_levels_beside(channel, starts, stops, sample_rate))
    there = softer * _SOFTER * 32_768 > _STAND_IN_STEPS
    return starts[there], stops[there]


def _held(channel: Array, longer: int, sample_rate: int) -> tuple[Places, Places]:
    """Return the runs that hold one sample, after that sample."""
    starts, stops = runs(np.diff(channel) == 0)
    starts, stops = starts + 1, stops + 1
    long = stops - starts >= longer
    starts, stops = starts[long], stops[long]
    level = np.abs(channel[starts])
    before, after = _levels_beside(channel, starts, stops, sample_rate)
    # what is held elsewhere too is a pulse wave's or a coarse converter's; a peak is clipped
    in_order, held = np.sort(channel), channel[starts]
    count = np.searchsorted(in_order, held, "right") - np.searchsorted(in_order, held, "left")
    alone = count < 2 * (stops - starts)
    there = (level > 0) & (level < _PEAK * np.maximum(before, after)) & alone
    there &= _moves_beside(channel, starts, stops, sample_rate)
    there &= ~_comes_to_rest(channel, starts, stops, sample_rate)
    return starts[there], stops[there]


def _repeated(channel: Array, longer: int, sample_rate: int) -> tuple[Places, Places]:
    """Return the runs that are the same as the samples before them, of the run's own length.

    Only lags that explain one run as long as the lag itself are blocks: a sound with a period goes
    on explaining.
    """
    starts, stops = [], []
    longest = min(round(_LONGEST_BLOCK_SECONDS * sample_rate), len(channel) // 2)
    for lag, begin, end in _clusters(channel, longer, longest):
        low, high = max(begin - lag, lag), min(end + lag, len(channel))
        later, earlier = channel[low:high], channel[low - lag : high - lag]
        first, last = runs((later == earlier) & (later != 0))
        block = last - first == lag
        starts.append(low + first[block])
        stops.append(low + last[block])
    if not starts:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    begins, unique = np.unique(np.concatenate(starts), return_index=True)
    ends = np.concatenate(stops)[unique]
    there = _steps_out(channel, begins, ends, sample_rate)
    for index, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        there[index] &= len(np.unique(channel[begin:end])) >= _LEAST_VALUES
    return begins[there], ends[there]


def _clusters(channel: Array, least: int, longest: int) -> list[tuple[int, int, int]]:
    """Return where samples come again exactly, four in a row, again and again at one distance.

    As (distance, first, last); none where that is so in a good part of the sound, as in a pattern.
    """
    bits = np.ascontiguousarray(channel.astype(np.float32)).view(np.uint32).astype(np.uint64)
    keys = np.zeros(max(len(bits) - 3, 0), np.uint64)
    for shift in range(4):
        keys = keys * np.uint64(0x9E3779B97F4A7C15) + bits[shift : shift + len(keys)]
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    distances = (order[1:] - order[:-1])[same]
    places = order[1:][same]
    near = (distances >= least) & (distances <= longest)
    if np.count_nonzero(near) > _PATTERN * len(keys):
        return []
    distances, places = distances[near], places[near]
    by_distance = np.lexsort((places, distances))
    distances, places = distances[by_distance], places[by_distance]
    if not len(places):
        return []
    apart = (np.diff(distances) != 0) | (np.diff(places) > distances[1:])
    edges = np.concatenate([[0], np.flatnonzero(apart) + 1, [len(places)]])
    first, last = edges[:-1], edges[1:]
    # a block explains nearly as many keys as it has samples
    enough = last - first >= 0.9 * (distances[first] - 3)
    return [
        (int(distances[one]), int(places[one]), int(places[other - 1]) + 1)
        for one, other in zip(first[enough], last[enough], strict=True)
    ]


def _moves_beside(
    channel: Array, starts: Places, stops: Places, sample_rate: int
) -> NDArray[np.bool_]:
    """Return which runs lie amid sound that hardly ever rests from one sample to the next."""
    around = max(1, round(_AROUND_SECONDS * sample_rate))
    rests = np.concatenate([[0], np.cumsum(np.diff(channel) == 0)])
    last = len(rests) - 1
    before = rests[np.maximum(starts - 1, 0)] - rests[np.maximum(starts - 1 - around, 0)]
    after = rests[np.minimum(stops + around, last)] - rests[np.minimum(stops, last)]
    moves: NDArray[np.bool_] = np.maximum(before, after) < _RESTS * around
    return moves


def _comes_to_rest(
    channel: Array, starts: Places, stops: Places, sample_rate: int
) -> NDArray[np.bool_]:
    """Return which runs of one level the sound comes to softly, and leaves without a jump."""
    around = max(_LAST_STEPS, round(_AROUND_SECONDS * sample_rate))
    steps = np.abs(np.diff(channel))
    found = np.zeros(len(starts), bool)
    for index, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        before = steps[max(start - around, 0) : start - 1]
        after = steps[stop - 1 : stop - 1 + around]
        if len(before) and len(after):
            last, first = before[-_LAST_STEPS:].mean(), after[0]
            comes = last <= _COMES_SOFTLY * before.mean()
            found[index] = comes and first <= _LEAVES_SOFTLY * after.mean()
    return found


def _steps_out(
    channel: Array, starts: Places, stops: Places, sample_rate: int
) -> NDArray[np.bool_]:
    """Return which runs end with a step that is larger than the others around."""
    around = max(1, round(_AROUND_SECONDS * sample_rate))
    steps = np.abs(np.diff(channel))
    found = np.zeros(len(starts), bool)
    for index, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        if not start or stop >= len(channel):
            continue
        beside = np.concatenate(
            [steps[max(start - around, 0) : start], steps[stop : stop + around]]
        )
        found[index] = steps[stop - 1] > _STEP * np.median(beside, axis=0) > 0
    return found


def _bridged(channel: Array, start: int, stop: int, sample_rate: int) -> Array:
    """Return what fills a gap: what was before carried on, faded into what comes after.

    Neither goes beyond what it was, nor far beyond the other side where that is all but silent, or
    where the sound ends there.
    """
    context = round(_CONTEXT_SECONDS * sample_rate)
    around = max(1, round(_AROUND_SECONDS * sample_rate))
    before = channel[max(start - context, 0) : start]
    after = channel[stop : stop + context][::-1]
    softer = min(np.abs(side[-around:]).max(initial=0) for side in (before, after))
    length = stop - start
    place = (np.arange(length) + 0.5) / length
    fade = np.cos(np.pi / 2 * place) ** 2
    carried_on = []
    for side in (before, after):
        most = min(np.abs(side).max(initial=0), softer / _ONE_SIDED)
        carried_on.append(np.clip(_carried_on(side, length, sample_rate), -most, most))
    forwards, backwards = carried_on
    return fade * forwards + (1 - fade) * backwards[::-1]


def _carried_on(samples: Array, length: int, sample_rate: int) -> Array:
    """Return how a sound goes on, by its autoregressive model: Burg's method."""
    from scipy.signal import lfilter, lfiltic

    order = min(_HIGHEST_ORDER, round(_ORDER_SECONDS * sample_rate), len(samples) // 3)
    if order < 1:
        return np.zeros(length)
    model = ar.burg(samples, order)
    state = lfiltic([1.0], model, samples[::-1][:order])
    further: Array = lfilter([1.0], model, np.zeros(length), zi=state)[0]
    return further
