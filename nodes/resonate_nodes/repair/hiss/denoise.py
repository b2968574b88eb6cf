"""Broadband noise: told by a profile of it, or a floor that is sought; and brought down."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Finding, NodeError, Report, RunContext, node

from ..._common.channels import channel_names, power_decibels
from ..._common.notes import note_floor, note_known, note_removed
from ..._common.reach import above_softest, scaled, scaled_down_again
from ..._common.stretches import stretches
from . import log_mmse, noise_profile

_FRAME_SECONDS = 0.0232
_FRAMES_AT_ONCE = 1 << 18
_LOWEST_RATE = 1000
_PROFILE_SECONDS = 60.0
_LEAST_SECONDS = 0.25
#: TPDF dither and rounding give no more than one step of 16 bit, or two where it was done twice
_SILENT_STEPS = 2
#: squared correlation of a profile that is the recording: what differs lies 20 dB below
_LIKENESS = 0.99
#: energy taken from a sound, against its own, that is as good as nothing: -60 dB
_NOTHING = 1e-6
_NOTHING_BY_PROFILE = 1e-5
_NEARLY_ALL = 0.75
# What the levels of noise in one bin deviate by, in dB, and the threshold that stands for its mean.
_STD_DB = 5.57
_USUAL_STD = 1.5
_UNCHANGED = "no noise taken"
#: the middles of octaves, as ISO 266 has them; below 63 Hz the spectra are too coarse
_OCTAVES_HZ = (63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16_000.0, 31_500.0)


@node(version=10, uses=("scipy",))
def denoise(
    ctx: RunContext,
    audio: Audio,
    noise: Audio | None = None,
    *,
    strength: Annotated[float, Field(ge=0, le=1)] = 0.5,
    stationary: bool = False,
    threshold_std: Annotated[float, Field(ge=0, le=10)] = 1.5,
) -> Audio:
    """Reduce hiss and other broadband noise.

    The log-spectral estimator of Y. Ephraim and D. Malah (1985) brings down what is near the
    noise, by up to 20 dB, and spares what stands out of it; where there is nothing but noise, for
    half a second and 1.3 kHz around, by up to 50 dB. The noise is that of the profile, a
    stretch of noise alone. Without one its floor is sought in the sound itself, after R. Martin's
    minimum statistics (2001): held notes are spared. Where all of the sound pauses, as a voice
    does, the noise is what is heard there; where it comes and goes slowly, as wind does, it is
    followed. Only what looks like noise is taken: what is as even in time and frequency as noise
    is, and, of dense material that never pauses for it, does not rise towards the low as music
    does. Pauses that were muted do not count, whether they are digital silence or its dither in
    16 bit; where a gate or an expander turned the pauses down by 6 dB or more, and can be told by
    what it did to the noise, they have a floor of their own.

    What is not noise in the profile does not count either: black, fades and clicks. A profile that
    tells nothing gives a warning, and the floor is then sought in the sound as without one:
    ``profile-silent`` where it is silent (in some channels only: those are left as they are), and
    ``profile-is-recording`` where it is the sound itself. One with less than a quarter of a second
    of noise is used, with the warning ``profile-short``: its thresholds are uneven. Where next to
    nothing was found to be noise (what was taken lies 60 dB below the sound, by a profile 50 dB, at
    a strength of 1), ``no-noise-found`` says so; where a profile takes more than three quarters of
    the sound's energy, as one that holds music does, ``nearly-all-taken``.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        noise: a stretch of noise alone, at the same rate.
        strength: how much of what is found to be noise is removed; 0 changes nothing.
        stationary: without a profile: one noise floor for the whole sound, from its quietest
            stretch at each frequency; otherwise it is followed in steps of 12 s. With a profile
            it has no effect.
        threshold_std: with a profile: 1.5 takes the noise for as loud as the profile is; each
            standard deviation more (5.6 dB) for that much louder. Without one it has no effect.

    Raises:
        NodeError: the noise profile has another rate, or is shorter than one analysis frame; the
            sample rate is below 1 kHz.
    """
    _require_rate(audio)
    frame = _frame_length(audio.sample_rate)
    if strength == 0 or not audio.frames:
        ctx.note(summary=_UNCHANGED)
        return audio
    if noise is not None:
        _require_fit(audio, noise, frame)
    if not np.any(audio.samples):
        ctx.note(summary=_UNCHANGED)
        return audio
    factor = above_softest(*(one.samples for one in (audio, noise) if one is not None))
    samples = scaled(audio.samples, factor)
    profile = None if noise is None else _profile(ctx, audio, noise, factor)
    if profile is not None:
        last = len(profile.powers) - 1
        powers = profile.powers[np.minimum(np.arange(audio.channels), last)]
        reduced = log_mmse.denoised(
            samples,
            audio.sample_rate,
            stationary=True,
            strength=strength,
            profile=powers * np.float32(10 ** ((threshold_std - _USUAL_STD) * _STD_DB / 10)),
            progress=ctx.progress,
        )
        told_nothing = ~powers.any(axis=1)
        reduced[told_nothing] = samples[told_nothing]
    elif audio.frames < frame:
        ctx.warn("too-short", f"{audio.frames} frames are too few to tell noise from sound")
        ctx.note(summary=_UNCHANGED)
        return audio
    else:
        reduced = log_mmse.denoised(
            samples,
            audio.sample_rate,
            stationary=stationary,
            strength=strength,
            progress=ctx.progress,
        )
    reduced = scaled_down_again(reduced, factor)
    for before, after in zip(audio.samples, reduced, strict=True):
        after[before == 0] = 0  # digital silence stays
    _warn_of_extremes(
        ctx, _taken(audio.samples, reduced) / strength**2, by_profile=profile is not None
    )
    reduced.flags.writeable = False  # so it need not be copied
    result = audio.with_samples(reduced)
    note_floor(ctx, audio, result)
    note_removed(ctx, audio, result, _UNCHANGED)
    return result


# So far below the sound it is as good as inaudible, or plain to hear: a rule of thumb.
_HARDLY_HEARD_DB, _CLEARLY_HEARD_DB = 55.0, 35.0


class ChannelNoise(Report):
    """The noise floor of one channel, in RMS levels.

    Attributes:
        channel: which channel.
        noise_dbfs: level of the noise floor; None for digital silence, or too short a sound.
        sound_dbfs: level of the whole channel; None for digital silence.
        below_sound_db: how far the noise lies below the sound; None without either.
    """

    channel: str
    noise_dbfs: float | None
    sound_dbfs: float | None
    below_sound_db: float | None


class NoiseBand(Report):
    """The noise floor in one octave, as mean power of the channels.

    Attributes:
        centre_hz: the middle of the octave.
        noise_dbfs: its RMS level; None for silence.
    """

    centre_hz: float
    noise_dbfs: float | None


class NoiseReport(Report):
    """The noise floor. RMS levels are such that a sine of full scale has -3.01 dBFS.

    Attributes:
        noise_dbfs: its RMS level, as mean power of the channels; None for digital silence, or too
            short a sound.
        channels: the same for each channel.
        octaves: the same for each octave that lies below half the sample rate.
    """

    noise_dbfs: float | None
    channels: tuple[ChannelNoise, ...]
    octaves: tuple[NoiseBand, ...]

    def findings(self) -> list[Finding]:
        """Say how far the noise lies below the sound."""
        if self.noise_dbfs is None:
            return [Finding("No noise floor can be told: it is silent between sounds, or short.")]
        distances = [one.below_sound_db for one in self.channels if one.below_sound_db is not None]
        below = min(distances, default=math.inf)
        level = f"The noise floor lies at {self.noise_dbfs:.0f} dBFS".replace("-", "−")
        if below > _HARDLY_HEARD_DB:
            return [Finding(f"{level}: hardly heard.")]
        heard = "clearly heard" if below < _CLEARLY_HEARD_DB else "heard in quiet places"
        return [
            Finding(
                f"{level}, {below:.0f} dB below the sound: {heard}.",
                "The node denoise lowers it; a sound without pauses may only seem to have one.",
            )
        ]


@node(version=5, uses=("scipy",))
def noise_floor(ctx: RunContext, audio: Audio) -> NoiseReport:
    """Measure the steady noise beneath a sound: hiss, hum and rumble together.

    It is sought where `denoise` seeks it without a profile: for each frequency in the quietest
    moments of stretches of 12 s (R. Martin's minimum statistics, 2001), of which the quietest
    counts. Steady noise alone is measured within 1 dB. Beneath dense material that never pauses
    it is what the pauses between notes leave, and comes out too loud rather than too soft.
    What was muted does not count, be it digital silence or its dither in 16 bit; where a gate
    turned the pauses down, and can be told, it is the noise while the gate is open.

    A sound shorter than a quarter of a second has no noise floor: that gives the warning
    ``too-short``.

    Args:
        ctx: filled in by the engine.
        audio: the sound, at 1 kHz or more.

    Raises:
        NodeError: the sample rate is below 1 kHz.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> hiss = 0.001 * np.random.default_rng(0).standard_normal(3 * 44100)
        >>> round(noise_floor(Audio(hiss, 44100)).noise_dbfs)
        -60
    """
    _require_rate(audio)
    short = audio.frames < _LEAST_SECONDS * audio.sample_rate
    if short and audio.frames:
        ctx.warn("too-short", f"{audio.duration_seconds:.2f} s are too short to find noise in")
    powers: list[NDArray[np.float64]] = []
    channels: list[ChannelNoise] = []
    for name, samples in zip(
        channel_names(audio.channels, audio.speakers), audio.samples, strict=True
    ):
        ctx.progress(len(channels), audio.channels)
        heard = not short and bool(samples.any())
        factor = above_softest(samples)
        found = (log_mmse.noise_powers(scaled(samples, factor)[None], audio.sample_rate)[0]
                 / float(factor) ** 2 if heard else np.zeros(1))  # fmt: skip
        powers.append(found)
        square = np.mean(np.square(samples, dtype=np.float64)) if audio.frames else 0.0
        noise, sound = power_decibels(found.sum()), power_decibels(square)
        below = None if noise is None or sound is None else sound - noise
        channels.append(ChannelNoise(channel=name, noise_dbfs=noise, sound_dbfs=sound,
                                     below_sound_db=below))  # fmt: skip
    mean = np.sum(np.broadcast_arrays(*powers), axis=0) / len(powers)
    floor = power_decibels(mean.sum())
    note_known(ctx, noise_dbfs=floor)
    return NoiseReport(
        noise_dbfs=floor,
        channels=tuple(channels),
        octaves=tuple(_octaves(mean, audio.sample_rate)) if mean.any() else (),
    )


def _octaves(powers: NDArray[np.float64], sample_rate: int) -> Iterator[NoiseBand]:
    """Yield the octaves that lie whole between 20 Hz and half the sample rate."""
    hertz = np.linspace(0, sample_rate / 2, len(powers))
    for centre in _OCTAVES_HZ:
        low, high = centre / np.sqrt(2), centre * np.sqrt(2)
        if high <= sample_rate / 2:
            inside = powers[(hertz >= low) & (hertz < high)]
            yield NoiseBand(centre_hz=centre, noise_dbfs=power_decibels(inside.sum()))


def _require_rate(audio: Audio) -> None:
    if audio.sample_rate < _LOWEST_RATE:
        raise NodeError(f"noise is told from sound at 1 kHz or more, not at {audio.sample_rate} Hz")


def _require_fit(audio: Audio, noise: Audio, frame: int) -> None:
    if noise.sample_rate != audio.sample_rate:
        raise NodeError(
            f"the noise profile is at {noise.sample_rate} Hz, the sound at {audio.sample_rate} Hz"
        )
    if noise.frames < frame and not _is_recording(noise, audio):
        raise NodeError(
            f"the noise profile is {noise.frames} frames long; it needs at least {frame} "
            f"({1000 * frame / noise.sample_rate:.0f} ms)"
        )


def _profile(
    ctx: RunContext, audio: Audio, noise: Audio, factor: np.float32
) -> noise_profile.Profile | None:
    """Return the profile, times a factor; None, with a warning, where it says nothing of noise."""
    instead = "the noise is sought in the sound instead, as without a profile"
    if _is_recording(noise, audio):
        ctx.warn("profile-is-recording", f"the noise profile is the recording itself; {instead}")
        return None
    samples = noise.samples[:, : int(_PROFILE_SECONDS * noise.sample_rate)]
    muted = np.array([_is_silent(channel) for channel in samples])
    profile = noise_profile.profile_of(
        scaled(np.where(muted[:, None], np.float32(0), samples), factor),
        noise.sample_rate,
        log_mmse.analysis_window(noise.sample_rate),
    )
    silent = [not seconds for seconds in profile.seconds]  # muted, or as good as that
    if all(silent):
        ctx.warn("profile-silent", f"the noise profile is silent; {instead}")
        return None
    lost = [
        name
        for index, name in enumerate(channel_names(audio.channels, audio.speakers))
        if silent[min(index, noise.channels - 1)] and audio.samples[index].any()
    ]
    if lost:
        ctx.warn(
            "profile-silent",
            f"in {', '.join(lost)} the noise profile is silent, and the sound is left as it is",
        )
    seconds = min(found for found in profile.seconds if found)
    if seconds < _LEAST_SECONDS:
        ctx.warn(
            "profile-short",
            f"only {1000 * seconds:.0f} ms of the noise profile are steady noise, too few to know "
            "its level at each frequency; a second or more gives an even result",
        )
    return profile


def _is_silent(samples: NDArray[np.float32]) -> bool:
    """Whether a channel holds nothing but zeros, or the dither of a file of 16 bit."""
    if np.abs(samples).max(initial=0) > _SILENT_STEPS / 32_768:
        return False
    steps = samples * np.float32(32_768)
    return np.array_equal(steps, np.rint(steps))


def _is_recording(noise: Audio, audio: Audio) -> bool:
    """Whether a profile is the sound itself, at whatever level and with little done to it."""
    if noise.frames != audio.frames:
        return False
    one, other = noise.samples.astype(np.float64), audio.samples.astype(np.float64)
    if len(one) != len(other):
        one, other = one.mean(axis=0), other.mean(axis=0)
    alike = np.vdot(one, other) ** 2
    return bool(alike > _LIKENESS * np.vdot(one, one) * np.vdot(other, other))


def _taken(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Return the energy of what was taken, as a ratio of the sound's."""
    taken, sound = 0.0, 0.0
    for stretch in stretches(before.shape[1], _FRAMES_AT_ONCE, around=0):
        heard = before[:, stretch.own]
        taken += float(np.sum(np.square(heard - after[:, stretch.own], dtype=np.float64)))
        sound += float(np.sum(np.square(heard, dtype=np.float64)))
    return taken / sound


def _warn_of_extremes(ctx: RunContext, taken: float, *, by_profile: bool) -> None:
    """Say where next to nothing was taken, or nearly all, at a strength of 1."""
    if by_profile and taken > _NEARLY_ALL:
        ctx.warn(
            "nearly-all-taken",
            f"{100 * taken:.0f} % of the sound's energy were taken for noise: is there nothing but "
            "noise in the profile?",
        )
    elif by_profile and taken <= _NOTHING_BY_PROFILE:
        ctx.warn(
            "no-noise-found",
            "next to nothing was taken: the profile is softer than what it should take; is it of "
            "this recording, at its level?",
        )
    elif not by_profile and taken <= _NOTHING:
        ctx.warn(
            "no-noise-found",
            "next to nothing was found to be noise: what was taken lies more than 60 dB below the "
            "sound; if there is noise, give a stretch of it alone as the profile",
        )


def _frame_length(sample_rate: int) -> int:
    """Return the power of two nearest to 23 ms: 1024 at 44.1 kHz."""
    return int(2 ** max(6, round(np.log2(_FRAME_SECONDS * sample_rate))))
