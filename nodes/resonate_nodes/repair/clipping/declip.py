"""Clipping and integer overflow: peaks that were cut off, or came back at the other end."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Finding, Report, RunContext, node

from ..._common.channels import Listed, channel_names, decibels, per_minute
from ..._common.notes import note_known
from ..._common.reach import in_reach, scaled, scaled_back
from ..._common.runs import runs, touching
from ..._common.silence import least_frames, silence
from .levels import Clipped, clipped
from .sparse import rebuilt
from .wrapping import Unwrapped, unwrapped

Single = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Where all within such a time was cut off nothing tells how far it went.
_KNOWN_WITHIN_SECONDS = 0.093
_LEAST_KNOWN = 0.01


class Clip(Report):
    """One peak that was cut off.

    Attributes:
        time_seconds: where it begins.
        channel: in which channel.
        length_ms: how long it stays at the level.
    """

    time_seconds: float
    channel: str
    length_ms: float


class ChannelClipping(Report):
    """The clipping of one channel.

    Attributes:
        channel: which channel.
        upper_dbfs: the level at which it is cut off upwards, the highest where it has several, and
            before a filter against DC that came after; None where it is not.
        lower_dbfs: the level at which it is cut off downwards; None where it is not.
        clips: how many peaks were cut off.
        clips_per_minute: how many in each minute of the sound; None without samples.
        clipped_percent: the part of all samples that lies at the level.
        longest_ms: how long the longest stays there; None without one.
        beyond_full_scale: how many samples are beyond full scale, and will be clipped by the next
            encoder that writes integers.
        overflows: how many peaks went beyond full scale and came back at the other end, as where
            integers wrap around; not counted among the clips.
    """

    channel: str
    upper_dbfs: float | None
    lower_dbfs: float | None
    clips: int
    clips_per_minute: float | None
    clipped_percent: float
    longest_ms: float | None
    beyond_full_scale: int
    overflows: int


class ClippingReport(Report):
    """Peaks that were cut off. What was cut off at once in several channels counts once.

    Attributes:
        clips: how many there are.
        clips_per_minute: how many in each minute of the sound; None without samples.
        channels: the same for each channel.
        longest: the longest, in order of time.
    """

    clips: int
    clips_per_minute: float | None
    channels: tuple[ChannelClipping, ...]
    longest: tuple[Clip, ...]

    def findings(self) -> list[Finding]:
        """Say how many peaks were cut off or overflowed, and what is beyond full scale."""
        found = []
        if self.clips:
            percent = max(one.clipped_percent for one in self.channels)
            count = f"{self.clips:,} peak{' was' if self.clips == 1 else 's were'}"
            heard = "heard as distortion" if percent > 0.1 else "hardly heard"
            found.append(
                Finding(
                    f"{count} cut off (clipped), {percent:.2g} % of all samples: {heard}.",
                    "The node declip draws them anew, before anything else changes the level.",
                )
            )
        overflows = sum(one.overflows for one in self.channels)
        if overflows:
            count = f"{overflows:,} peak{' wraps' if overflows == 1 else 's wrap'}"
            found.append(
                Finding(
                    f"{count} around from one end of full scale to the other (integer overflow): "
                    "heard as loud crackling.",
                    "The node declip puts them back; whatever wrote this file should saturate.",
                )
            )
        beyond = sum(one.beyond_full_scale for one in self.channels)
        if beyond:
            found.append(
                Finding(
                    f"{beyond:,} sample{'s are' if beyond > 1 else ' is'} beyond full scale, which "
                    "files of integers cannot hold.",
                    "The node limit, or normalize_peak, brings the sound below it.",
                )
            )
        return found or [Finding("No peaks are cut off.")]


@node(version=8, uses=("scipy",))
def detect_clipping(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_dbfs: Annotated[float, Field(ge=-60, le=0)] | None = None,
    max_listed: Listed = 100,
) -> ClippingReport:
    """Count peaks that were cut off, and say at which level and where: those `declip` rebuilds.

    Without a threshold each channel, polarity and second is judged by itself, as `declip` does: it
    is clipped where its peaks end in plateaus at one level, and nearly none goes beyond. Peaks that
    wrapped around, by an overflow of integers, are counted by themselves.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        threshold_dbfs: the level at which it was clipped, in dBFS; None to find it.
        max_listed: how many are listed with their place.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> tone = np.sin(2 * np.pi * 100 * np.arange(44100) / 44100)
        >>> (channel,) = detect_clipping(Audio(np.clip(tone, -1, 0.5), 44100)).channels
        >>> channel.clips, round(channel.upper_dbfs, 2), channel.lower_dbfs
        (100, -6.02, None)
    """
    anywhere = np.zeros(audio.frames, bool)
    channels: list[ChannelClipping] = []
    clips: list[Clip] = []
    for name, samples in zip(
        channel_names(audio.channels, audio.speakers), audio.samples, strict=True
    ):
        whole, found = _cut_off(samples, audio.sample_rate, threshold_dbfs)
        factor = in_reach(whole.samples)
        levels = found.as_cut_off(scaled(whole.samples, factor))
        upper_dbfs, lower_dbfs = (
            decibels(float(one.max(initial=0.0)) / float(factor))
            for one in (levels[found.upper], -levels[found.lower])
        )
        anywhere |= found.either
        starts, stops = runs(found.either)
        lengths_ms = 1000 * (stops - starts) / audio.sample_rate
        channels.append(
            ChannelClipping(
                channel=name,
                upper_dbfs=upper_dbfs,
                lower_dbfs=lower_dbfs,
                clips=len(starts),
                clips_per_minute=per_minute(len(starts), audio),
                clipped_percent=100 * float(np.count_nonzero(found.either)) / max(audio.frames, 1),
                longest_ms=float(lengths_ms.max()) if len(starts) else None,
                beyond_full_scale=int(np.count_nonzero(np.abs(samples) > 1)),
                overflows=len(runs(whole.wrapped)[0]),
            )
        )
        clips += [
            Clip(time_seconds=float(start / audio.sample_rate), channel=name, length_ms=float(ms))
            for start, ms in zip(starts, lengths_ms, strict=True)
        ]
    clips.sort(key=lambda clip: -clip.length_ms)
    count = len(runs(anywhere)[0])
    ctx.note(clips_found=count)
    overflows = sum(one.overflows for one in channels)
    if overflows:
        ctx.note(overflows_found=overflows)
    return ClippingReport(
        clips=count,
        clips_per_minute=per_minute(count, audio),
        channels=tuple(channels),
        longest=tuple(sorted(clips[:max_listed], key=lambda clip: clip.time_seconds)),
    )


@node(version=11, uses=("scipy",))
def declip(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_dbfs: Annotated[float, Field(ge=-60, le=0)] | None = None,
) -> Audio:
    """Put back peaks that were cut off, by a converter or by gain beyond full scale.

    The rebuilt peaks lie beyond the level at which they were cut, and often beyond full scale:
    that is kept in float, so turn the result down before it is encoded (`normalize_loudness`
    does). All that lies below the level stays as it is, bit by bit, but behind a filter against DC.

    Sought is the simplest spectrum whose waveform agrees with what was not clipped and lies beyond
    the level where it was, by social sparsity: K. Siedenburg, M. Kowalski, M. Dörfler, *Audio
    declipping with social sparsity* (ICASSP 2014), in frames of 23 to 370 ms, after the sound. A
    second result in frames of half the length, and one by hard thresholding (A-SPADE) where it
    differs, are joined with it.

    Peaks beyond full scale that came back at the other end, since integers wrap around where
    nothing saturates, are put back first, to the bit: where two full scales added make the sound as
    smooth as it is around. Where it is jagged itself, as noise at full scale is, they stay; so do
    square waves, sawtooths and what was cut off. It has to be told from the samples as they were
    stored: not after MP3, another rate or another gain.

    Without a threshold each channel, polarity and second is judged by itself: it is clipped where
    its peaks end in plateaus at one level, and nearly none goes beyond. Plateaus need not be quite
    flat, as after dither; where they all decay at one pace, a filter of first order against DC came
    after: they are sought and rebuilt in what went into it, and what the filter makes of the peaks
    is put back, in the samples after them too but for digital silence. A sound without them comes
    back as it is, and so do square and pulse waves, and what takes few values or is bent towards
    its levels, as by a valve or a guitar's distortion: it was made so. A peak that is cut off where
    the sound begins or ends, beside digital silence too, stays: how far it went cannot be told from
    one side. How much is rebuilt has no limit, as clicks have one: in a second of music clipped to
    15 dB an eighth to a fifth of all samples lies at the level, and that they pile up there is what
    shows the damage. After MP3, or a filter that moves the level by more than some per cent, it may
    not be found: name it.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        threshold_dbfs: the level at which it was clipped, in dBFS, the same for all channels; None
            to find it.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> tone = np.sin(2 * np.pi * 440 * np.arange(8192) / 44100)
        >>> restored = declip(Audio(np.clip(tone, -0.9, 0.9), 44100))
        >>> bool(np.abs(restored.samples - tone)[:, 2048:-2048].max() < 0.02)
        True
    """
    factor = in_reach(audio.samples)
    result = audio.samples * factor
    did = _Rebuilt(audio.samples.size)
    for index, stored in enumerate(audio.samples):
        whole, found = _cut_off(stored, audio.sample_rate, threshold_dbfs)
        samples = whole.samples
        channel = result[index] = samples * factor
        source = found.as_cut_off(channel)
        rise = np.zeros_like(source)
        lowest = np.where(found.lower, np.float32(-np.inf), source)
        highest = np.where(found.upper, np.float32(np.inf), source)
        for piece in rebuilt(source, lowest, highest, audio.sample_rate):
            ctx.progress(index + piece.start / audio.frames, audio.channels)
            there = slice(piece.start, piece.start + len(piece.samples))
            rise[there] += piece.part * (piece.samples - source[there])
        stays = touching(found.either, _untold(found.either, channel, audio.sample_rate))
        rise[stays] = 0
        # where pieces are faded into each other a sample may fall a trace short of the level
        np.clip(rise, lowest - source, highest - source, out=rise)
        before, after = (scaled_back(one, factor) for one in (source, source + rise))
        did.add(before, after, found.either & ~stays, whole.wrapped)
        if found.blocker is not None:
            rise = found.blocker.applied(rise)
            rise[silence(samples, least_frames(audio.sample_rate))] = 0  # it was muted afterwards
        result[index] = scaled_back(channel + rise, factor)
        as_before = rise == 0
        result[index, as_before] = samples[as_before]
    did.note(ctx)
    return audio.with_samples(result)


def _cut_off(
    samples: Single, sample_rate: int, threshold_dbfs: float | None
) -> tuple[Unwrapped, Clipped]:
    """Return a channel with its overflows put back, and what else of it was cut off."""
    whole = unwrapped(samples, sample_rate)
    found = clipped(whole.samples, sample_rate, threshold_dbfs)
    if whole.wrapped.any():
        upper, lower = (one & ~whole.wrapped for one in (found.upper, found.lower))
        found = found._replace(upper=upper, lower=lower)
    return whole, found


class _Rebuilt:
    """What was rebuilt of the peaks of all channels."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._count, self._overflows = 0, 0
        self._level, self._rise = np.inf, 1.0

    def add(self, before: Single, after: Single, where: Mask, wrapped: Mask) -> None:
        """Count what was rebuilt of one channel, as it was cut off, and what had wrapped around."""
        self._overflows += len(runs(wrapped)[0])
        if where.any():
            levels = np.abs(before[where])
            self._count += len(levels)
            self._level = min(self._level, float(levels.min()))
            self._rise = max(self._rise, float((np.abs(after[where]) / levels).max()))

    def note(self, ctx: RunContext) -> None:
        """Note the level of clipping, how much was rebuilt, and how far it rose at most."""
        if self._overflows:
            ctx.note(overflows_put_back=self._overflows)
        if not self._count:
            if not self._overflows:
                ctx.note(summary="no clipping found")
            return
        note_known(
            ctx,
            clipped_at_dbfs=decibels(self._level),
            samples_rebuilt_percent=100 * self._count / self._size,
            largest_rise_db=decibels(self._rise),
        )


def _untold(cut_off: Mask, channel: Single, sample_rate: int) -> Mask:
    """Return where there is nothing that tells how far a peak went."""
    from scipy.ndimage import uniform_filter1d

    width = max(1, round(_KNOWN_WITHIN_SECONDS * sample_rate))
    around = uniform_filter1d(cut_off.astype(np.float32), width, mode="nearest")
    untold: Mask = _edges(channel, sample_rate) | (around > 1 - _LEAST_KNOWN)
    return untold


def _edges(channel: Single, sample_rate: int) -> Mask:
    """Return where a channel begins and ends: first and last samples, beside digital silence too.

    How far a peak went that is cut off there as well cannot be told from one side.
    """
    heard = np.pad(~silence(channel, least_frames(sample_rate)), 1)
    edges: Mask = heard[1:-1] & ~(heard[:-2] & heard[2:])
    return edges
