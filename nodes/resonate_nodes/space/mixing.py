"""Mixing: gain, sums, exact residuals, crossfades. Made in float64 and rounded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, NodeError, ParamError, Placed, RunContext, node

from .._common.channels import decibels
from .._common.notes import apart_dbfs, note_known, note_level

Decibels = Annotated[float, Field(ge=-120, le=60)]


@node(version=1)
def gain(ctx: RunContext, audio: Audio, *, gain_db: Decibels = 0.0) -> Audio:
    """Make the sound louder or softer.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        gain_db: what to add to the level, in dB. 0 leaves every sample as it is.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> round(float(gain(Audio(np.ones(8), 44100), gain_db=-6.0).samples[0, 0]), 4)
        0.5012
    """
    ctx.note(gain_db=gain_db)
    if gain_db == 0:
        return audio
    louder = np.empty(audio.samples.shape, np.float32)
    with np.errstate(over="ignore"):  # of what is beyond float32 the sound itself tells
        # numpy takes float64 by the piece; an array of it would take more time than the product
        np.multiply(audio.samples, _ratio(gain_db), out=louder, dtype=np.float64, casting="unsafe")
    louder.flags.writeable = False  # so it need not be copied
    return audio.with_samples(louder)


def _fits_tracks(question: Placed) -> None:
    _require_one_rate(question.sample_rates.get("tracks", ()))


@node(version=1, fits=_fits_tracks)
def mix(ctx: RunContext, tracks: list[Audio], *, gains_db: list[Decibels] | None = None) -> Audio:
    """Sum tracks, each at its own gain.

    The result is as long as the longest track; shorter ones end in silence. A mono track goes
    into every channel of the others at its level. The sum may exceed full scale; nothing is
    clipped.

    Args:
        ctx: filled in by the engine.
        tracks: sounds of one sample rate, mono or of one channel count.
        gains_db: one gain per track, in the same order, in dB; None for 0 dB each.

    Raises:
        NodeError: the tracks differ in rate, or in channel count where none is mono.
        ParamError: there are not as many gains as tracks.
    """
    if not tracks:
        raise NodeError("there is nothing to mix: connect at least one track")
    gains = gains_db if gains_db is not None else [0.0] * len(tracks)
    if len(gains) != len(tracks):
        raise ParamError(
            f"{len(tracks)} tracks need {len(tracks)} gains, {len(gains)} were given",
            param="gains_db",
        )
    total = _sum(tracks, [_ratio(value) for value in gains])
    ctx.note(tracks=len(tracks))
    note_known(ctx, peak_dbfs=decibels(max(total.max(initial=0.0), -total.min(initial=0.0))))
    return Audio(total, tracks[0].sample_rate, _common_layout(tracks))


@node(version=1)
def residual(ctx: RunContext, mix: Audio, stems: list[Audio]) -> Audio:
    """What is left of a mix without some of its stems: exactly mix minus the sum of the stems.

    Separated stems do not add up to the mix; the residual of all of them is what separation
    lost, the residual of the vocals is an instrumental with everything else untouched.

    Args:
        ctx: filled in by the engine.
        mix: the whole.
        stems: what to take out, of the same rate, length and channel count.

    Raises:
        NodeError: a stem differs from the mix in rate, length or channel count.
    """
    _require_alike(mix, stems, "mix", "stem")
    ctx.note(stems_taken_out=len(stems))
    rest = mix.with_samples(_sum([mix, *stems], [1.0] + [-1.0] * len(stems)))
    note_level(ctx, mix, rest)
    return rest


@node(version=1)
def average_stems(
    ctx: RunContext,
    stems: list[Audio],
    *,
    weights: list[Annotated[float, Field(ge=0, le=1e6)]] | None = None,
) -> Audio:
    """Average what several models made of one stem: an ensemble.

    Models err in different places, so that their mean errs less. Each stem has a node of its own,
    and so weights of its own.

    Args:
        ctx: filled in by the engine.
        stems: the same stem by each model, of one rate, length and channel count.
        weights: what each counts for, in the same order; None for all alike.

    Raises:
        NodeError: there is none, or they differ in rate, length or channel count.
        ParamError: there are not as many weights as stems, or all are 0.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> one, other = Audio(np.zeros((1, 4)), 44100), Audio(np.ones((1, 4)), 44100)
        >>> float(average_stems([one, other], weights=[1.0, 3.0]).samples[0, 0])
        0.75
    """
    if not stems:
        raise NodeError("there is nothing to average: connect at least one stem")
    shares = weights if weights is not None else [1.0] * len(stems)
    if len(shares) != len(stems) or not sum(shares):
        raise ParamError(
            f"{len(stems)} stems need {len(stems)} weights that are not all 0, not {shares}",
            param="weights",
        )
    _require_alike(stems[0], stems[1:], "first stem", "other")
    ctx.note(stems_averaged=len(stems))
    total = sum(shares)
    mean = _sum(stems, [share / total for share in shares])
    return Audio(mean, stems[0].sample_rate, _common_layout(stems))


@node(version=1)
def invert(ctx: RunContext, audio: Audio) -> Audio:
    """Turn the polarity of every channel over: each sample times -1. Twice gives the sound back.

    Args:
        ctx: filled in by the engine.
        audio: the sound.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> invert(Audio(np.array([0.5, -0.25]), 44100)).samples.tolist()
        [[-0.5, 0.25]]
    """
    ctx.note(summary="polarity inverted")
    return audio.with_samples(-audio.samples)


@node(version=1)
def difference(ctx: RunContext, before: Audio, after: Audio) -> Audio:
    """Hear what a node took out (or put in): before minus after, rounded once to float32.

    Wire what goes into a node to `before` and what comes out of it to `after`. Since no node
    delays, what is left is what was changed; where nothing was, it is digital silence.

    Args:
        ctx: filled in by the engine.
        before: the sound before.
        after: the sound after, of the same rate, length and channel count.

    Raises:
        NodeError: they differ in rate, length or channel count.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> clicked = Audio(np.array([0.0, 1.0, 0.0]), 44100)
        >>> difference(clicked, Audio(np.zeros(3), 44100)) == clicked
        True
    """
    _require_alike(before, [after], "sound before", "sound after")
    if (level := apart_dbfs(before, after)) is None:
        ctx.note(summary="no difference")
    else:
        ctx.note(difference_dbfs=level)
    return before.with_samples(before.samples.astype(np.float64) - after.samples)


@node(version=1)
def blend(
    ctx: RunContext, dry: Audio, wet: Audio, *, amount: Annotated[float, Field(ge=0, le=1)] = 0.5
) -> Audio:
    """Mix a sound with what a node made of it: so any node has an amount.

    The two are added by their shares, (1 - amount) dry and amount wet: what both have in common
    keeps its level.

    Args:
        ctx: filled in by the engine.
        dry: the sound before.
        wet: the sound after, of the same rate, length and channel count.
        amount: 0 is dry, 1 is wet, each sample by sample.

    Raises:
        NodeError: they differ in rate, length or channel count.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> dry, wet = Audio(np.ones(2), 44100), Audio(np.zeros(2), 44100)
        >>> blend(dry, wet, amount=0.25).samples.tolist()
        [[0.75, 0.75]]
    """
    _require_alike(dry, [wet], "dry sound", "wet one")
    ctx.note(wet_percent=100 * amount)
    if amount in (0, 1):
        return wet if amount else dry
    return dry.with_samples(_sum([dry, wet], [1 - amount, amount]))


@node(version=1)
def crossfade(
    ctx: RunContext,
    first: Audio,
    second: Audio,
    *,
    overlap_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.05,
    curve: Literal["equal_power", "equal_gain"] = "equal_power",
) -> Audio:
    """Join two sounds: the end of the first fades out while the beginning of the second fades in.

    The result is as long as both together, less the overlap. A mono sound goes into every channel
    of the other.

    Args:
        ctx: filled in by the engine.
        first: the sound that comes first.
        second: the sound that follows, of the same rate.
        overlap_seconds: how long they sound together; 0 joins them end to end.
        curve: ``equal_power`` keeps the loudness of two sounds that have nothing in common;
            ``equal_gain`` that of the same material, such as two takes that are in time.

    Raises:
        NodeError: one of them is shorter than the overlap, or they differ in rate, or in channel
            count where neither is mono.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> song = Audio(np.ones((2, 44100)), 44100)
        >>> crossfade(song, song, overlap_seconds=0.5)
        Audio(2 ch, 66150 frames, 44100 Hz, 1.500 s)
    """
    channels = _common_channels([first, second])
    overlap = round(overlap_seconds * first.sample_rate)
    for sound, name in ((first, "first"), (second, "second")):
        if sound.frames < overlap:
            raise NodeError(
                f"the {name} sound has {sound.duration_seconds:g} s, an overlap of "
                f"{overlap_seconds:g} s needs as much of both: shorten the overlap"
            )
    ctx.note(overlap_seconds=overlap / first.sample_rate)
    place = (np.arange(overlap) + 0.5) / max(1, overlap)
    rise = np.sin(np.pi / 2 * place) if curve == "equal_power" else place
    start = first.frames - overlap
    joined = np.empty((channels, start + second.frames), np.float32)
    joined[:, :start] = first.samples[:, :start]
    joined[:, start : first.frames] = (
        rise[::-1] * first.samples[:, start:] + rise * second.samples[:, :overlap]
    )
    joined[:, first.frames :] = second.samples[:, overlap:]
    return Audio(joined, first.sample_rate, _common_layout([first, second]))


def _require_alike(one: Audio, others: Sequence[Audio], name: str, other_name: str) -> None:
    for other in others:
        if (other.sample_rate, other.samples.shape) != (one.sample_rate, one.samples.shape):
            raise NodeError(f"the {other_name} is {other}, the {name} {one}: they have to match")


def _sum(tracks: Sequence[Audio], ratios: Sequence[float]) -> NDArray[np.float64]:
    total = np.zeros((_common_channels(tracks), max(track.frames for track in tracks)))
    for track, ratio in zip(tracks, ratios, strict=True):
        total[:, : track.frames] += track.samples * np.float64(ratio)
    return total


def _common_channels(tracks: Sequence[Audio]) -> int:
    """Return how many channels tracks have together: mono goes into each channel of others."""
    _require_one_rate([track.sample_rate for track in tracks])
    channels = {track.channels for track in tracks}
    if len(channels - {1}) > 1:
        found = ", ".join(map(str, sorted(channels)))
        raise NodeError(f"the tracks have different channel counts ({found})")
    return max(channels)


def _require_one_rate(rates: Sequence[int]) -> None:
    if len(set(rates)) > 1:
        found = ", ".join(f"{rate} Hz" for rate in sorted(set(rates)))
        raise NodeError(f"the tracks have different rates ({found}): resample them to one first")


def _common_layout(tracks: Sequence[Audio]) -> str | None:
    """Return what the channels of a sum are: what the tracks say that say it, if they agree."""
    channels = _common_channels(tracks)
    said = {track.layout for track in tracks if track.channels == channels and track.layout}
    return said.pop() if len(said) == 1 else None


def _ratio(decibels: float) -> float:
    return float(10 ** (decibels / 20))
