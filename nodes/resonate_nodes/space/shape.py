"""Shape: which channels a sound has, where it begins and ends, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, NodeError, ParamError, Preparation, RunContext, node

from .._common.channels import speakers_of

Array = NDArray[np.float64]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Channel = Annotated[int, Field(ge=1, le=16_383)]

_HALF = 0.5**0.5
#: What goes into (left, right) of two channels, after ITU-R BS.775-3: the centre and the surround
#: channels at -3 dB, one surround channel at -6 dB into both, no LFE. Channels above count as those
#: around; those between left or right and the centre go to their side.
_DOWNMIX: dict[str, tuple[float, float]] = {
    "FL": (1, 0), "FR": (0, 1), "FC": (_HALF, _HALF), "LFE": (0, 0),
    "BL": (_HALF, 0), "BR": (0, _HALF), "FLC": (1, 0), "FRC": (0, 1), "BC": (0.5, 0.5),
    "SL": (_HALF, 0), "SR": (0, _HALF), "TC": (0.5, 0.5), "TFL": (_HALF, 0), "TFC": (0.5, 0.5),
    "TFR": (0, _HALF), "TBL": (_HALF, 0), "TBC": (0.5, 0.5), "TBR": (0, _HALF),
}  # fmt: skip

_SILENCE_WINDOW_SECONDS = 0.01
#: Left or right alone, and what they do not share, come out 3 dB lower; nothing usual more.
_CANCELS_DB = 10.0

#: How far up a fade is (0 to 1) at each part (0 to 1) of its length.
_CURVES: dict[str, Callable[[Array], Array]] = {
    "linear": lambda part: part,
    "cosine": lambda part: (1 - np.cos(np.pi * part)) / 2,
    "equal_power": lambda part: np.sin(np.pi / 2 * part),
    "exponential": lambda part: np.expm1(np.log(1000) * part) / 999,
}
Curve = Literal["linear", "cosine", "equal_power", "exponential"]


@node(version=2)
def to_mono(ctx: RunContext, audio: Audio) -> Audio:
    """Make one channel of a sound: the mean of left and right.

    What is the same in both keeps its level; what is in one of them only comes out 6 dB softer,
    and what is out of phase is lost (`check_mono` tells how much). More than two channels are first
    mixed down to two, as by `to_stereo`. Mono comes back unchanged.

    Where left and right take each other away, so that the mean lies more than 10 dB below them (one
    channel of opposite polarity), the warning ``cancels-in-mono`` says so.

    Args:
        ctx: filled in by the engine.
        audio: the sound.

    Raises:
        NodeError: more than eight channels of which nothing is known.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> to_mono(Audio(np.array([[1.0, 1.0], [0.0, 1.0]]), 44100)).samples.tolist()
        [[0.5, 1.0]]
    """
    if audio.channels == 1:
        ctx.note(summary="mono already")
        return audio
    stereo = audio if audio.channels == 2 else _mixed_down(audio, _downmix(ctx, audio))
    mono = _mixed_down(stereo, np.full((1, 2), 0.5))
    lost_db = _lost_db(stereo, mono)
    ctx.note(channels_before=audio.channels)
    if np.isfinite(lost_db):
        ctx.note(lost_db=lost_db)
    if lost_db > _CANCELS_DB:
        left = (
            "nothing is left" if np.isinf(lost_db) else f"what is left lies {lost_db:.0f} dB lower"
        )
        ctx.warn(
            "cancels-in-mono",
            f"left and right take each other away in mono: {left}; one of them may have the "
            "opposite polarity (check_mono measures it)",
        )
    return mono


@node(version=1)
def to_stereo(ctx: RunContext, audio: Audio) -> Audio:
    """Make two channels of a sound.

    Mono goes into both at its level; two channels come back unchanged. More are mixed down after
    ITU-R BS.775: centre and surround at -3 dB, the LFE left out. Such a sum may exceed full scale;
    nothing is clipped. Where the sound does not say what its channels are, three to eight are taken
    for 3.0, quad, 5.0, 5.1, 6.1 and 7.1, with a warning.

    Args:
        ctx: filled in by the engine.
        audio: the sound.

    Raises:
        NodeError: more than eight channels of which nothing is known.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> to_stereo(Audio(np.zeros((6, 48000)), 48000, "5.1")).channels
        2
    """
    if audio.channels == 2:
        ctx.note(summary="stereo already")
        return audio
    ctx.note(channels_before=audio.channels)
    return _mixed_down(audio, _downmix(ctx, audio))


@node(version=1)
def select_channels(
    ctx: RunContext, audio: Audio, *, channels: Annotated[list[Channel], Field(min_length=1)]
) -> Audio:
    """Take some channels, in the order they are named: ``[1]`` is the left one, ``[2, 1]`` swaps.

    As many channels as before stand where those stood: a new order mends one that was wrong. One or
    two channels are mono or stereo; three or more of others, in the order of the file, are for the
    loudspeakers they were for.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        channels: numbers of channels, from 1; one may be named more than once.

    Raises:
        NodeError: the sound has no such channel.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> select_channels(Audio(np.array([[0.1], [0.2]]), 44100), channels=[2]).samples.tolist()
        [[0.20000000298023224]]
    """
    missing = [number for number in channels if number > audio.channels]
    if missing:
        found = "channel 1 only" if audio.channels == 1 else f"channels 1 to {audio.channels}"
        raise NodeError(f"there is no channel {missing[0]}: this sound has {found}")
    ctx.note(channels_taken=channels)
    places = [number - 1 for number in channels]
    layout = None
    if len(places) == audio.channels:
        layout = audio.layout
    elif audio.speakers is not None and len(places) > 2 and places == sorted(set(places)):
        layout = "+".join(audio.speakers[place] for place in places)
    return Audio(audio.samples[places], audio.sample_rate, layout)


def prepare_trim(question: Preparation) -> Mapping[str, Any]:
    """Refuse an end that does not come after the start."""
    _require_order(question.params["start_seconds"], question.params["end_seconds"])
    return {}


def _require_order(start_seconds: float, end_seconds: float | None) -> None:
    if end_seconds is not None and end_seconds <= start_seconds:
        raise ParamError(
            f"the end, {end_seconds:g} s, does not come after the start, {start_seconds:g} s",
            param="end_seconds",
        )


@node(version=1, prepare=prepare_trim, begins=lambda params: params["start_seconds"])
def trim(
    ctx: RunContext,
    audio: Audio,
    *,
    start_seconds: Seconds = 0.0,
    end_seconds: Seconds | None = None,
) -> Audio:
    """Keep what lies between two times; the samples stay as they are.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        start_seconds: where to begin, in seconds, rounded to the nearest sample.
        end_seconds: where to end, in seconds from the beginning of the sound; None, or a time
            after its end, for the end.

    Raises:
        NodeError: the sound ends before the start.
        ParamError: the end does not come after the start.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> trim(Audio(np.zeros(44100), 44100), start_seconds=0.25, end_seconds=0.75)
        Audio(1 ch, 22050 frames, 44100 Hz, 0.500 s)
    """
    _require_order(start_seconds, end_seconds)
    start = _frames(audio, start_seconds)
    if start and start >= audio.frames:
        raise NodeError(
            f"there is nothing from {start_seconds:g} s on: the sound is only "
            f"{audio.duration_seconds:g} s long"
        )
    stop = audio.frames if end_seconds is None else _frames(audio, end_seconds)
    _note_cut(ctx, audio, start, stop)
    if start == 0 and stop >= audio.frames:
        return audio
    return audio.with_samples(audio.samples[:, start:stop])


@node(version=1, uses=("scipy",))
def trim_silence(
    ctx: RunContext,
    audio: Audio,
    *,
    threshold_dbfs: Annotated[float, Field(ge=-120, le=0)] = -60.0,
    margin_ms: Annotated[float, Field(ge=0, le=60_000)] = 50.0,
    ends: Literal["both", "start", "end"] = "both",
) -> Audio:
    """Cut off the silence before and after a sound; silence within it stays.

    The sound begins and ends where the RMS over 10 ms of its loudest channel exceeds the threshold;
    so a single tick in a long lead-in does not count as sound unless it is a strong one. A sound
    that is silent throughout comes back unchanged, with the warning ``all-silent``.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        threshold_dbfs: what lies below is silence: RMS in dB relative to full scale (1.0).
        margin_ms: how much of the silence to keep at each end.
        ends: which ends to cut: ``both``, ``start`` or ``end``.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> from resonate_nodes import pad
        >>> tone = np.sin(np.arange(44100) / 10)
        >>> padded = pad(Audio(tone, 44100), start_seconds=1.0, end_seconds=2.0)
        >>> trim_silence(padded, margin_ms=0.0).duration_seconds < 1.02
        True
    """
    loud = np.flatnonzero(_level(audio) > 10 ** (threshold_dbfs / 20))
    if not loud.size:
        if audio.frames:
            ctx.warn("all-silent", f"nothing lies above {threshold_dbfs:g} dBFS; nothing was cut")
        ctx.note(summary="nothing cut")
        return audio
    margin = _frames(audio, margin_ms / 1000)
    start = max(0, int(loud[0]) - margin) if ends != "end" else 0
    stop = min(audio.frames, int(loud[-1]) + 1 + margin) if ends != "start" else audio.frames
    _note_cut(ctx, audio, start, stop)
    return audio.with_samples(audio.samples[:, start:stop])


@node(version=1)
def fade(
    ctx: RunContext,
    audio: Audio,
    *,
    in_seconds: Seconds = 0.0,
    out_seconds: Seconds = 0.0,
    curve: Curve = "cosine",
) -> Audio:
    """Let a sound rise from silence at its beginning and fall to silence at its end.

    The first sample of a fade in and the last one of a fade out are zero. A fade that is longer
    than the sound is shortened to it.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        in_seconds: how long the fade in is; 0 for none.
        out_seconds: how long the fade out is; 0 for none.
        curve: ``linear`` in amplitude; ``cosine``, which begins and ends gently;
            ``equal_power``, a quarter of a sine: slow near full level; ``exponential``, nearly
            linear in dB over 60 dB: for long fades at the end of music.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> fade(Audio(np.ones(4), 4), in_seconds=1.0, curve="linear").samples.tolist()
        [[0.0, 0.25, 0.5, 0.75]]
    """
    rise = _ramp(min(audio.frames, _frames(audio, in_seconds)), curve)
    fall = _ramp(min(audio.frames, _frames(audio, out_seconds)), curve)[::-1]
    if not len(rise) + len(fall):
        ctx.note(summary="no fade")
        return audio
    rate = audio.sample_rate
    ctx.note(fade_in_seconds=len(rise) / rate, fade_out_seconds=len(fall) / rate)
    samples = audio.samples.astype(np.float64)
    samples[:, : len(rise)] *= rise
    samples[:, audio.frames - len(fall) :] *= fall
    return audio.with_samples(samples)


@node(version=1, begins=lambda params: -params["start_seconds"])
def pad(
    ctx: RunContext,
    audio: Audio,
    *,
    start_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0,
    end_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0,
) -> Audio:
    """Add digital silence before and after a sound.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        start_seconds: how much before it.
        end_seconds: how much after it.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> pad(Audio(np.ones(44100), 44100), end_seconds=0.5)
        Audio(1 ch, 66150 frames, 44100 Hz, 1.500 s)
    """
    before, after = _frames(audio, start_seconds), _frames(audio, end_seconds)
    if not before + after:
        ctx.note(summary="nothing added")
        return audio
    rate = audio.sample_rate
    ctx.note(start_added_seconds=before / rate, end_added_seconds=after / rate)
    return audio.with_samples(np.pad(audio.samples, ((0, 0), (before, after))))


def _note_cut(ctx: RunContext, audio: Audio, start: int, stop: int) -> None:
    """Note how much was cut off at the beginning and at the end."""
    cut = (start, audio.frames - min(stop, audio.frames))
    if not any(cut):
        ctx.note(summary="nothing cut")
    else:
        first, last = (frames / audio.sample_rate for frames in cut)
        ctx.note(cut_at_start_seconds=first, cut_at_end_seconds=last)


def _downmix(ctx: RunContext, audio: Audio) -> Array:
    if audio.channels == 1:
        return np.ones((2, 1))
    speakers = speakers_of(audio)
    if speakers is None:
        raise NodeError(
            f"nothing says what the {audio.channels} channels are, up to 8 it is guessed: "
            "select_channels takes some of them"
        )
    speakers.say_guess(ctx)
    return np.array([_DOWNMIX[name] for name in speakers.names], np.float64).T


def _mixed_down(audio: Audio, matrix: Array) -> Audio:
    """Return channels that are weighted sums of those of a sound: matrix (new, old)."""
    total = np.zeros((len(matrix), audio.frames))
    for new, weights in enumerate(matrix):
        for weight, channel in zip(weights, audio.samples, strict=True):
            if weight:
                total[new] += weight * channel.astype(np.float64)
    return Audio(total, audio.sample_rate)


def _lost_db(stereo: Audio, mono: Audio) -> float:
    """Return how far the mean of two channels lies below them, as power; 0 for silence."""
    both = float(np.mean(np.square(stereo.samples, dtype=np.float64))) if stereo.frames else 0.0
    left = float(np.mean(np.square(mono.samples, dtype=np.float64))) if mono.frames else 0.0
    if not both:
        return 0.0
    return float(10 * np.log10(both / left)) if left else np.inf


def _frames(audio: Audio, seconds: float) -> int:
    return round(seconds * audio.sample_rate)


def _level(audio: Audio) -> Array:
    """Return the RMS of the loudest channel around each sample."""
    from scipy.ndimage import uniform_filter1d

    window = max(1, _frames(audio, _SILENCE_WINDOW_SECONDS))
    loudest = np.zeros(audio.frames)
    for channel in audio.samples:
        power = np.square(channel, dtype=np.float64)
        np.maximum(loudest, uniform_filter1d(power, window, mode="constant"), out=loudest)
    level: Array = np.sqrt(np.maximum(loudest, 0.0))
    return level


def _ramp(frames: int, curve: Curve) -> Array:
    """Return the rise of a fade: 0 at its first sample, 1 at the one after its last."""
    return _CURVES[curve](np.arange(frames) / max(1, frames))
