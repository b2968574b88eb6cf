"""Speed and pitch: varispeed by resampling, time and pitch apart by Rubber Band or torchaudio."""

from __future__ import annotations

from math import log2
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Avoid, Cost, NodeError, RunContext, accelerated, node, torchaudio

from .._common.versions import used_by
from .rate import convert, converted

Method = Literal["rubberband", "phase-vocoder"]
Ratio = Annotated[float, Field(ge=0.1, le=10)]
Rpm = Annotated[float, Field(ge=5, le=200)]

_VOCODER_SECONDS = 0.046
_UNCHANGED = "left as it is"
_LIBRARIES = {"rubberband": "pedalboard", "phase-vocoder": "torchaudio"}
_ON_THE_CPU = [
    Avoid("mps", "its spectra are complex numbers, which stay off this device"),
    Avoid("cuda", "Rubber Band computes on the CPU", {"method": ("rubberband",)}),
]


@node(version=1, uses=("soxr",), cost=Cost(seconds_per_second=0.02))
def change_speed(
    ctx: RunContext,
    audio: Audio,
    *,
    ratio: Ratio | None = None,
    cents: Annotated[float, Field(ge=-4800, le=4800)] | None = None,
    from_rpm: Rpm | None = None,
    to_rpm: Rpm | None = None,
) -> Audio:
    """Play a sound faster or slower, pitch and all: a record or a tape at the wrong speed.

    The result is round(frames / ratio) frames long, at the same sample rate, without delay. What a
    faster sound would carry beyond half the sample rate is gone, as it is when resampling (soxr's
    highest quality). Say how much in one of three ways; without any it is what came in.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        ratio: the speed it should have over the speed it has: 2 is twice as fast, an octave up.
        cents: the same in hundredths of a semitone: 1200 is twice as fast.
        from_rpm: the speed at which the record was played, in revolutions per minute, such as
            45 or 33.3333.
        to_rpm: the speed at which it should have been, such as 78.26.

    Raises:
        NodeError: more than one of the three is given; the sound's rate times the ratio is
            below 1 kHz or above 768 kHz.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> shellac = Audio(np.zeros((1, 44100)), 44100)
        >>> change_speed(shellac, from_rpm=45.0, to_rpm=78.26)
        Audio(1 ch, 25358 frames, 44100 Hz, 0.575 s)
    """
    factor = _ratio(ratio, cents, from_rpm, to_rpm)
    if factor == 1:
        ctx.note(summary=_UNCHANGED)
        return audio
    frames = round(audio.frames / factor)
    ctx.note(speed_ratio=factor, cents=1200 * log2(factor))
    result = np.zeros((audio.channels, frames), np.float32)
    done = 0
    blocks = converted(
        [audio.samples], audio.channels, audio.sample_rate * factor, audio.sample_rate, frames
    )
    for block in blocks:
        result[:, done : done + block.shape[1]] = block
        done += block.shape[1]
    return audio.with_samples(result)


@node(
    version=1,
    device=accelerated,
    prepare=used_by("method", _LIBRARIES),
    cost=Cost(seconds_per_second=0.3, bytes_per_input_byte=6),
    avoid=_ON_THE_CPU,
)
def time_stretch(
    ctx: RunContext,
    tracks: list[Audio],
    *,
    ratio: Ratio = 1.0,
    method: Method = "rubberband",
) -> Audio:
    """Play sounds faster or slower at the pitch they have.

    The result is round(frames / ratio) frames long. At a ratio of 1 it is what came in. Give the
    stems of a mix together, and take ``phase-vocoder`` for them: they then add up to the mix
    stretched alike, which they do not when each is stretched for itself, nor with Rubber Band.
    The result has the channels of all tracks, one after the other; `select_channels` takes them
    apart.

    Where an onset comes to lie is known to some milliseconds only: a stretched sound is put
    together from short pieces. On the whole it neither leads nor lags.

    Args:
        ctx: filled in by the engine.
        tracks: one sound, or several of one rate and length.
        ratio: the new speed over the old: 2 is twice as fast.
        method: ``rubberband`` (Rubber Band, by pedalboard), which keeps onsets sharp; or
            ``phase-vocoder`` (J. Flanagan and R. Golden, 1966; torchaudio's, with the same phases
            for all channels), which blurs them, is linear, and runs on an accelerator where there
            is one.

    Raises:
        NodeError: the tracks differ in rate or length.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> time_stretch([Audio(np.zeros((2, 44100)), 44100)], ratio=1.25)
        Audio(2 ch, 35280 frames, 44100 Hz, 0.800 s)
    """
    sound = _together(tracks)
    frames = round(sound.frames / ratio)
    _note_length(ctx, sound, frames)
    if ratio == 1 or not sound.samples.any():
        return _in_length(sound, frames)
    if method == "rubberband":
        return _by_rubberband(sound, frames, ratio=ratio)
    return _in_length(sound.with_samples(_by_vocoder(ctx, sound, ratio)), frames)


@node(
    version=1,
    device=accelerated,
    uses=("soxr",),
    prepare=used_by("method", _LIBRARIES),
    cost=Cost(seconds_per_second=0.3, bytes_per_input_byte=6),
    avoid=_ON_THE_CPU,
)
def pitch_shift(
    ctx: RunContext,
    tracks: list[Audio],
    *,
    semitones: Annotated[float, Field(ge=-24, le=24)] = 0.0,
    preserve_formants: bool = False,
    method: Method = "rubberband",
) -> Audio:
    """Raise or lower the pitch of sounds and keep their length.

    At 0 semitones the result is what came in. Give the stems of a mix together, as to
    `time_stretch`: the result has the channels of all tracks, one after the other.

    Args:
        ctx: filled in by the engine.
        tracks: one sound, or several of one rate and length.
        semitones: how far, in semitones; parts of one are cents.
        preserve_formants: keep the character of a voice. Only with ``rubberband``.
        method: ``rubberband`` (Rubber Band, by pedalboard), or ``phase-vocoder`` (torchaudio's,
            then resampled by soxr), on an accelerator where there is one.

    Raises:
        NodeError: the tracks differ in rate or length; formants with ``phase-vocoder``.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> pitch_shift([Audio(np.zeros((2, 44100)), 44100)], semitones=-1.0)
        Audio(2 ch, 44100 frames, 44100 Hz, 1.000 s)
    """
    sound = _together(tracks)
    if preserve_formants and method != "rubberband":
        raise NodeError("only the method 'rubberband' preserves formants")
    if semitones == 0 or not sound.samples.any():
        ctx.note(summary=_UNCHANGED)
        return sound
    ctx.note(shift_semitones=semitones)
    if method == "rubberband":
        return _by_rubberband(
            sound, sound.frames, semitones=semitones, preserve_formants=preserve_formants
        )
    factor = 2 ** (semitones / 12)
    longer = _by_vocoder(ctx, sound, 1 / factor)
    rate = sound.sample_rate
    return sound.with_samples(convert(longer, rate * factor, rate, sound.frames))


def _ratio(
    ratio: float | None, cents: float | None, from_rpm: float | None, to_rpm: float | None
) -> float:
    """Return the ratio of speeds that was said in one of three ways."""
    if (from_rpm is None) != (to_rpm is None):
        raise NodeError("from_rpm and to_rpm are given together")
    said = []
    if ratio is not None:
        said.append(ratio)
    if cents is not None:
        said.append(2 ** (cents / 1200))
    if from_rpm is not None and to_rpm is not None:
        said.append(to_rpm / from_rpm)
    if len(said) > 1:
        raise NodeError("give only one of ratio, cents, and from_rpm with to_rpm")
    return said[0] if said else 1.0


def _note_length(ctx: RunContext, sound: Audio, frames: int) -> None:
    if frames == sound.frames:
        ctx.note(summary=_UNCHANGED)
    else:
        after = frames / sound.sample_rate
        ctx.note(length_before_seconds=sound.duration_seconds, length_after_seconds=after)


def _together(tracks: list[Audio]) -> Audio:
    """Return tracks as the channels of one sound."""
    first = tracks[0]
    for other in tracks[1:]:
        if other.sample_rate != first.sample_rate or other.frames != first.frames:
            raise NodeError(
                f"the tracks go in one go and must be alike: one is {first.frames} frames at "
                f"{first.sample_rate} Hz, another {other.frames} frames at {other.sample_rate} Hz"
            )
    if len(tracks) == 1:
        return first
    return Audio(np.concatenate([one.samples for one in tracks]), first.sample_rate)


def _by_rubberband(
    sound: Audio,
    frames: int,
    *,
    ratio: float = 1.0,
    semitones: float = 0.0,
    preserve_formants: bool = False,
) -> Audio:
    from pedalboard import time_stretch as stretched

    # pedalboard takes the longer axis for time
    padded = np.zeros((sound.channels, max(sound.frames, sound.channels + 1)), np.float32)
    padded[:, : sound.frames] = sound.samples
    found = stretched(
        padded,
        sound.sample_rate,
        stretch_factor=ratio,
        pitch_shift_in_semitones=semitones,
        preserve_formants=preserve_formants,
    )
    return _in_length(sound.with_samples(found), frames)


def _by_vocoder(ctx: RunContext, sound: Audio, ratio: float) -> NDArray[np.float32]:
    """Return samples stretched by a phase vocoder on a device, all channels by the same phases.

    torchaudio's vocoder says how the phases of the sum of all channels go on. Each channel is
    turned by the angle by which the sum is: so what comes out is linear in the channels. Stems add
    up to the stretched mix, and the image between left and right stays.
    """
    import torch

    length = int(2 ** max(5, round(np.log2(_VOCODER_SECONDS * sound.sample_rate))))
    hop = length // 8
    window = torch.hann_window(length, device=ctx.device)
    advance = torch.linspace(0, torch.pi * hop, length // 2 + 1, device=ctx.device)[..., None]

    def spectra(samples: NDArray[np.float32]) -> Any:
        heard = torch.from_numpy(np.pad(samples, (0, 2 * length))).to(ctx.device)
        return torch.stft(
            heard, length, hop, window=window, center=True, pad_mode="constant",
            return_complex=True,
        )  # fmt: skip

    frames = round(sound.frames / ratio)
    result = np.zeros((sound.channels, frames), np.float32)
    with torch.no_grad():
        leading = spectra(_leading(sound.samples))
        turned = torchaudio().functional.phase_vocoder(leading[None], ratio, advance)[0]
        steps = torch.arange(0, leading.shape[-1], ratio, device=ctx.device)[: turned.shape[-1]]
        before, share = steps.long(), steps % 1.0
        angles = torch.angle(turned)
        leading_angles = torch.angle(torch.nn.functional.pad(leading, (0, 2)))
        turns = [
            weight * torch.polar(torch.ones_like(angles), angles - leading_angles[:, index])
            for index, weight in ((before, 1 - share), (before + 1, share))
        ]
        for channel, samples in enumerate(sound.samples):
            own = torch.nn.functional.pad(spectra(samples), (0, 2))
            longer = own[:, before] * turns[0] + own[:, before + 1] * turns[1]
            found = torch.istft(longer, length, hop, window=window, center=True)[:frames]
            result[channel, : len(found)] = found.cpu().numpy()
            ctx.progress(channel + 1, sound.channels)
    return result


def _leading(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what leads the phases: the sum of the channels, one of them where they cancel."""
    total: NDArray[np.float32] = samples.sum(axis=0)
    powers = np.square(samples, dtype=np.float64).sum(axis=1)
    cancelled = np.square(total, dtype=np.float64).sum() < 0.01 * powers.sum()
    return samples[int(powers.argmax())] if cancelled else total


def _in_length(sound: Audio, frames: int) -> Audio:
    """Return a sound of exactly so many frames: cut, or with silence after it."""
    if sound.frames == frames:
        return sound
    result = np.zeros((sound.channels, frames), np.float32)
    kept = min(frames, sound.frames)
    result[:, :kept] = sound.samples[:, :kept]
    return sound.with_samples(result)
