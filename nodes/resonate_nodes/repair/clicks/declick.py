"""Clicks and crackle: found by what an autoregressive model cannot predict, and filled in by it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, Finding, Report, RunContext, node

from ..._common.channels import Listed, channel_names, decibels, per_minute
from ..._common.runs import Gathered, runs
from ..._common.stretches import Stretch, stretches
from .. import autoregression as ar
from ..plausibility import MaxReplaced, places_of, warn_of_what_is_left
from .evidence import clicks_in, decimation
from .groove_walls import Mended, in_both, mended
from .prediction import cell_frames
from .search import Found, Search, crackle_in

Array = NDArray[np.float64]
Method = Callable[[Sequence[Array], int, ar.Blocks, Sequence[Search]], list[Found]]
Threshold = Annotated[float, Field(ge=2, le=1000)]

# What is searched at once, and what of the sound around it has a part in it: more than a second,
# since proportion is judged by the second.
_STRETCH_SECONDS, _AROUND_SECONDS = 30.0, 2.0
# Where the model sees less of the sound than this, nothing can be told from it.
_LEAST_ORDERS = 4
# What lies so close together counts as one click: it may be missing one in its middle.
_ONE_CLICK_SECONDS = 0.00025
# What so many clicks a minute are to a listener: a rule of thumb, not a standard.
_HOW_MANY = (
    (2.0, "few, as on a clean disc"),
    (20.0, "a disc that was played"),
    (100.0, "heard all the time"),
    (math.inf, "worn, or badly damaged"),
)
# Measured on 10 minutes of stereo; with the better wall taken, on 3 minutes.
_COST = Cost(seconds_per_second=0.05, bytes_per_input_byte=1.5, bytes=400_000_000)
_COST_WITH_WALLS = replace(_COST, bytes_per_input_byte=3.0)


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


@node(version=10, uses=("scipy",), cost=_COST_WITH_WALLS)
def detect_clicks(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_sigma: Threshold = 12.0,
    max_click_ms: Annotated[float, Field(ge=0.02, le=3.5)] = 3.5,
    max_tail_ms: Annotated[float, Field(ge=0, le=50)] = 30.0,
    max_replaced_percent: MaxReplaced = 5.0,
    mono_source: bool = False,
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
        max_tail_ms: as for `declick`.
        max_replaced_percent: as for `declick`.
        mono_source: as for `declick`.
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
    search = Search(
        threshold_sigma,
        max_click_ms / 1000,
        max_replaced_percent,
        longest_tail_seconds=max_tail_ms / 1000,
    )
    source = _from_the_better_wall(ctx, audio, search) if mono_source else None
    anywhere, damaged = Gathered(), [Gathered() for _ in audio.samples]
    for stretch, found in _searched(ctx, audio, clicks_in, search, source):
        anywhere.add(np.any([one.clicks for one in found], axis=0), stretch.start)
        parts = audio.samples[:, stretch.own]
        for gathered, one, samples in zip(damaged, found, parts, strict=True):
            gathered.add(one.clicks, stretch.start, np.abs(samples - one.repaired))
    gap = _within_one_click(audio.sample_rate)
    channels: list[ChannelClicks] = []
    clicks: list[Click] = []
    for name, gathered in zip(channel_names(audio.channels, audio.speakers), damaged, strict=True):
        (starts, stops), peaks = gathered.runs(gap), gathered.largest(gap).tolist()
        channels.append(
            ChannelClicks(
                channel=name,
                clicks=len(peaks),
                clicks_per_minute=per_minute(len(peaks), audio),
                loudest_dbfs=decibels(max(peaks, default=0.0)),
                median_dbfs=decibels(np.median(peaks)) if peaks else None,
                damaged_percent=100 * gathered.count() / max(audio.frames, 1),
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
    count = len(anywhere.runs(gap)[0])
    ctx.note(clicks_found=count)
    return ClicksReport(
        clicks=count,
        clicks_per_minute=per_minute(count, audio),
        channels=tuple(channels),
        loudest=tuple(sorted(loudest, key=lambda click: click.time_seconds)),
    )


@node(version=11, uses=("scipy",), cost=_COST_WITH_WALLS)
def declick(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_sigma: Threshold = 12.0,
    max_click_ms: Annotated[float, Field(ge=0.02, le=3.5)] = 3.5,
    max_tail_ms: Annotated[float, Field(ge=0, le=50)] = 30.0,
    max_replaced_percent: MaxReplaced = 5.0,
    mono_source: bool = False,
) -> Audio:
    """Remove clicks and scratches, as of a record, and leave all other samples as they are.

    Each channel is modelled as an autoregressive process in blocks of some 45 ms that overlap by
    half. A click is what the model predicts badly forwards and backwards in time, by a wide margin
    over the 8 ms on either side. What may be one is filled in on trial, first by models in which
    what is over soon has no part, and judged by how far it stands out from the sound beneath, how
    long it is, how large it is beside the sound, whether the sound is louder after it, as after the
    onset of a drum, how smooth the sound is without it, what else stands out near and how often: by
    a small network, fitted to clicks in music and speech. What stands out by twenty times the
    threshold is a click whatever the network says. At 88.2 kHz and more they are sought at half of
    that rate, or less. Where the sound itself was clipped, what touches its plateaus is no click.
    What is judged to be a click is filled in with the samples that make the model's excitation
    smallest; all others stay, bit by bit.

    A click that rings on is not filled in as far as it rings: its tail, a sinusoid of 60 to 5,000
    Hz that dies away, is fitted in what the model cannot predict, and subtracted, so that the sound
    beneath it stays. What the network does not take for a click is a pop where it stands out by the
    threshold and is such a tail from its first sample on, and nothing else: what is left is noise
    as before and after. So drums, plucked strings and bells stay. Nor is there one among more than
    ten hard starts a second, as of rain.

    At the beginning and the end of a sound, and beside digital silence, one side is not known. A
    click has to be half as loud as the sound beside it there, or as loud where it lasts longer than
    some 0.2 ms or begins or ends in digital silence; and what is filled in is never louder than
    what stood there, or than what lies on both sides, by more than 0.5 dB. What begins a sound
    out of silence, or of what is 20 dB softer, is the snap of a stick or a plectrum unless it is
    eight times as loud as what it sets off.

    What recurs with a pitch is no click: six pulses or more, alike and evenly spaced, 38 to 1,100 a
    second, or what is there again within 26 ms before and after. Nor is the rounding of 8 or 16
    bits. Where such pulses are the rule in a second of a channel, or more of it would be replaced
    than ``max_replaced_percent``, that second is left as it is, with the warning ``not-plausible``:
    square waves, brass. So the buzz of a dimmer is left, too. So are two seconds that are made of
    bursts, eight a second or more, alike in length and energy: a rattle, grains of a synthesiser.

    A mono record that was played in stereo holds its sound twice: left and right are the two walls
    of the groove, and most clicks are in one. With ``mono_source`` such a click is sought in the
    difference of the walls, where the music cancels, and replaced by what the better wall has,
    sample by sample: the one that the model predicts better there. It may last up to 20 ms. The
    walls may differ in level, also as it drifts, and by a delay of up to 0.3 ms. What was hurt in
    both walls is sought and filled in afterwards as any click; it has to stand out by a third more.
    Where left and right differ by more than 1.5 % of their energy they are no walls of one groove:
    nothing is taken from the other there, with the warning ``walls-differ``, nor in a sound of one
    channel or of more than two. Narrow stereo differs by less: where something was taken, and what
    left and right differ in is louder where the music is, the same warning says so.

    After S. J. Godsill, P. J. W. Rayner: *Digital Audio Restoration* (1998), chapter 5 (the
    matched filter), and A. J. E. M. Janssen, R. N. J. Veldhuis, L. B. Vries: *Adaptive
    interpolation of discrete-time signals that can be modeled as autoregressive processes* (1986).

    A sound shorter than four times the model order (4 ms at 44.1 kHz) comes back as it is.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        threshold_sigma: how far a click stands out from what lies around it, in standard
            deviations of the prediction error, where it is neither long nor otherwise doubtful;
            from half as much on it may be one. Lower finds softer clicks, and takes the sharpest
            onsets and the pulses of a voice for clicks at times.
        max_click_ms: what lasts longer, but for its tail, is not taken for a click. The network
            knows none that are longer than 3.5 ms.
        max_tail_ms: how long the ringing tail of a click or a pop lasts at most, until it is 40 dB
            down. Below 1.4 ms none is sought.
        max_replaced_percent: how much of any second of a channel may be replaced; what needs more
            is no click; tails do not count. Fifty clicks a second are 4 %, a square wave of 300 Hz
            is 26 %.
        mono_source: whether left and right are the two walls of a mono groove.

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
    search = Search(
        threshold_sigma,
        max_click_ms / 1000,
        max_replaced_percent,
        longest_tail_seconds=max_tail_ms / 1000,
    )
    source = _from_the_better_wall(ctx, audio, search) if mono_source else None
    return _repaired(ctx, audio, clicks_in, search, "clicks", source)


@node(version=8, uses=("scipy",), cost=_COST)
def decrackle(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_sigma: Threshold = 9.5,
    max_click_ms: Annotated[float, Field(ge=0.02, le=2)] = 0.4,
    max_replaced_percent: MaxReplaced = 15.0,
) -> Audio:
    """Remove crackle: many small, short clicks. For large clicks use `declick`, and first.

    The model is that of `declick`, for clicks that are softer, shorter and many: each sample that
    stands out by so much is one, what was found is filled in and the search repeated, up to three
    times, because clicks hide one another.
    What it leaves alone is what `declick` does; and where the sound is predicted three times as
    badly afterwards, as at the beginning of a note. The rest is judged by all that was found within
    a second: where it lies at the peaks of the wave or at certain heights of it more often than
    by chance, as the corners of a guitar's distortion and the edges of pulses do, where the sound
    is louder after most of it, as after drops of rain, where pulses of a pitch are beside it, and
    where there are fewer than six, none of it is crackle: that is many, and comes from elsewhere.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        threshold_sigma: how far a click stands out from what lies around it, in standard
            deviations of the prediction error.
        max_click_ms: what lasts longer is not taken for crackle.
        max_replaced_percent: how much of any second of a channel may be replaced; what needs more
            is no click. Crackle of 400 clicks a second is 4 %, of 1,000 clicks 10 %.
    """
    search = Search(threshold_sigma, max_click_ms / 1000, max_replaced_percent)
    return _repaired(ctx, audio, crackle_in, search, "crackle")


def _from_the_better_wall(ctx: RunContext, audio: Audio, search: Search) -> Mended | None:
    """Return the two walls of a mono groove, each mended by the other; None where there are none.

    Warn with ``walls-differ`` where left and right are not such.
    """
    if audio.channels != 2:
        ctx.warn(
            "walls-differ",
            f"the two walls of a mono groove are two channels, and this sound has {audio.channels}",
        )
        return None
    if _too_short(audio):
        return None
    found = mended(audio.samples, audio.sample_rate, search)
    if found.apart.any():
        ctx.warn(
            "walls-differ",
            "left and right are not the two walls of a mono groove, and nothing is taken from one "
            f"for the other: {places_of(runs(found.apart), audio.sample_rate)}",
        )
    if found.apart.all():
        return None
    if found.doubtful.any():
        ctx.warn(
            "walls-differ",
            "what left and right differ in follows the music, as in stereo, and not as the noise "
            "of two walls does; if this is no mono record, leave mono_source out: "
            f"{places_of(runs(found.doubtful), audio.sample_rate)}",
        )
    if found.replaced.any():
        either = Gathered()
        either.add(found.replaced[0] | found.replaced[1], 0)
        ctx.note(clicks_from_other_wall=len(either.runs(_within_one_click(audio.sample_rate))[0]))
    return found


def _repaired(
    ctx: RunContext,
    audio: Audio,
    method: Method,
    search: Search,
    name: str,
    source: Mended | None = None,
) -> Audio:
    result = np.empty_like(audio.samples)
    anywhere, replaced, left = Gathered(), 0, False
    for stretch, found in _searched(ctx, audio, method, search, source):
        for channel, one in zip(result[:, stretch.own], found, strict=True):
            channel[:] = one.repaired
        anywhere.add(np.any([one.clicks for one in found], axis=0), stretch.start)
        replaced += sum(int(np.count_nonzero(one.clicks)) for one in found)
        left |= any(one.left.any() for one in found)
    gap = _within_one_click(audio.sample_rate) if method is clicks_in else 0
    ctx.note(
        clicks_removed=len(anywhere.runs(gap)[0]),
        samples_replaced_percent=100 * replaced / max(audio.samples.size, 1),
    )
    if not replaced:
        ctx.note(summary=f"no {name} {'removed' if left else 'found'}")
    result.flags.writeable = False  # so it need not be copied
    return audio.with_samples(result)


def _within_one_click(sample_rate: int) -> int:
    """Return how many samples may lie between parts of what counts as one click."""
    return round(_ONE_CLICK_SECONDS * sample_rate)


def _too_short(audio: Audio) -> bool:
    """Whether the model sees too little of a sound to tell anything from it."""
    return audio.frames < _LEAST_ORDERS * ar.order_for(audio.sample_rate)


def _searched(
    ctx: RunContext, audio: Audio, method: Method, search: Search, source: Mended | None = None
) -> Iterator[tuple[Stretch, list[Found]]]:
    """Yield what is found in all channels, a stretch at a time; warn in the end of what is left."""
    if source is not None:
        search = in_both(search)
    searches = [search._replace(highest=_highest(channel)) for channel in audio.samples]
    left = [Gathered() for _ in audio.samples]
    for stretch in _stretches(audio):
        ctx.progress(stretch.start, audio.frames)
        found = _searched_in(stretch, audio, method, searches, source)
        for gathered, one in zip(left, found, strict=True):
            gathered.add(one.left, stretch.start)
        yield stretch, found
    places = [gathered.runs() for gathered in left]
    warn_of_what_is_left(ctx, audio, places, "what looks like clicks is part of the sound")


def _stretches(audio: Audio) -> Iterator[Stretch]:
    """Return the stretches of a sound: blocks lie in each as they do in the whole."""
    rate, factor = audio.sample_rate, decimation(audio.sample_rate)
    lower = round(rate / factor)
    grid = math.lcm(
        ar.hop_frames(rate), factor * math.lcm(ar.hop_frames(lower), cell_frames(lower))
    )
    length, around = (
        -(-round(seconds * rate) // grid) * grid for seconds in (_STRETCH_SECONDS, _AROUND_SECONDS)
    )
    return stretches(audio.frames, length, around)


def _highest(channel: NDArray[np.float32]) -> float:
    return max(float(channel.max(initial=0)), -float(channel.min(initial=0)))


def _searched_in(
    stretch: Stretch,
    audio: Audio,
    method: Method,
    searches: Sequence[Search],
    source: Mended | None,
) -> list[Found]:
    """Return what is found in a stretch of each channel."""
    heard = audio.samples if source is None else source.samples
    channels = list(heard[:, stretch.whole].astype(np.float64))
    frames = len(channels[0])
    if _too_short(audio):
        nothing = np.zeros(frames, bool)
        found = [Found(samples, nothing, nothing) for samples in channels]
    else:
        blocks = ar.Blocks(frames, audio.sample_rate)
        found = method(channels, audio.sample_rate, blocks, searches)
    result = []
    for index, one in enumerate(found):
        clicks, left = one.clicks[stretch.inside], one.left[stretch.inside]
        if source is not None:
            clicks = clicks | source.replaced[index, stretch.own]
            left = left | source.left[index, stretch.own]
        result.append(Found(one.repaired[stretch.inside], clicks, left))
    return result
