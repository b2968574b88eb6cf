"""Mains hum: found exactly, followed as it wanders, and subtracted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from resonate_graph import Audio, Cost, Finding, Report, RunContext, node

from ..._common.channels import channel_names, power_decibels
from ..._common.notes import note_known
from ..._common.single_threaded import single_threaded
from ...tone.filters import require_below_nyquist
from .evidence import LEAST_KNOTS
from .knots import Knots, Single
from .mains import DEFAULT_Q, Cleared, Hum, hum_near, smoothed, without

Base = Annotated[float, Field(ge=10, le=1000)] | Literal["auto"]
Harmonics = Annotated[int, Field(ge=1, le=100)]

_MAINS_HZ = (50.0, 60.0)
#: what is louder than hum usually is may be a note: a part of the energy while it is on, and mean
#: square; a lead-in may hold little but hum, and is soft. Where it is louder than all else it is
#: left, unless it was named.
_LOUD_PART, _LOUD = 0.25, 10 ** (-30.0 / 10)
_LOUDER_PART = 0.5


@node(
    version=10,
    uses=("scipy",),
    cost=Cost(seconds_per_second=0.02, bytes_per_input_byte=1.5, bytes=30_000_000),
)
def dehum(
    ctx: RunContext,
    audio: Audio,
    *,
    base_hz: Base = "auto",
    harmonics: Harmonics = 8,
    q: Annotated[float, Field(ge=10, le=2000)] = DEFAULT_Q,
) -> Audio:
    """Remove mains hum: find its frequency, follow it as it wanders, and subtract what is steady.

    The base frequency is sought within 1 % of where it should be, in windows of some 2.4 s (at
    50 Hz), by all of the first ten harmonics together; the smoothest path through what they say
    (R. Bellman's dynamic programming, known as the Viterbi algorithm) follows mains and tape
    machines that drift. Along it each harmonic is a sinusoid whose amplitude and phase change
    slowly, and is subtracted: without phase shift or delay, and with little of the bass notes
    beside it. What both are is the geometric median of what they are around each moment, so that
    a note that passes there counts little. A frequency that seems to move by chance only is
    taken to be the same throughout, as the mains' is for minutes. What of such a
    sinusoid is likely to be music, going by what lies some Hz beside it, stays (N. Wiener's gain).
    Harmonics at or above half the sample rate are left out. Digital silence stays.

    At least two harmonics (or the only one asked for, or the base, if it stands out far) have to
    stand out from what lies beside them and keep their level, by more the shorter the sound is: in
    a second or two, a held note may look like hum. All channels count together, and what is found
    in one is looked for in each. Hum that does not last throughout is sought in stretches of 6 and
    3 s (at 50 Hz), and of 2 s where two of them, apart, have the same levels and phases. It is
    subtracted where it is on: that is the likeliest path through the two states, by what is there
    at each moment. Where none is found, the sound comes back as it is, and
    a note says so. In less than 25 periods (0.5 s at 50 Hz) nothing can be found: that gives the
    warning ``too-short``.

    What is music stays: hits at even distances, between which nothing is heard; notes that have
    only every third harmonic or fewer; what sways at some pace, as in a tremolo or a vibrato; a
    tune that comes again so often that its lines lie between those of the mains as well. A
    synthesiser's note, held throughout and as steady as the mains, cannot be told from them but by
    its level. Where what sounds there lies above -30 dBFS and holds more than half of the energy
    of the channels that hum, while it is on, it stays unless ``base_hz`` names it, with the warning
    ``loud-hum``; from a quarter of the energy on it is taken, with that warning.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        base_hz: about where the hum is: 50 in most of the world, 60 in the Americas; ``auto`` for
            whichever of these two is there. What is louder than all else is only taken where it is
            named.
        harmonics: how many are removed, the base included.
        q: base frequency over the bandwidth of each harmonic: higher takes less of the music
            with it, lower follows hum whose level changes quickly. At 50 Hz and 200 it is 0.25 Hz;
            0.17 Hz where the hum keeps its level while it is there, and 0.1 Hz where its frequency
            is steady too.

    Raises:
        NodeError: the base frequency lies at or above half the sample rate.
    """
    bases = _MAINS_HZ if base_hz == "auto" else (base_hz,)
    if _too_short(ctx, audio, bases):
        return audio
    hum = _strongest(ctx, audio.samples, audio.sample_rate, bases, harmonics)
    if hum is None:
        places = " or ".join(f"{base:g} Hz" for base in bases)
        ctx.note(summary=f"no hum found around {places}")
        return audio
    ctx.progress(2 * len(bases), 2 * len(bases) + 1)
    with single_threaded():
        cleared = without(audio.samples, hum, q)
    part = _loud_part(hum, cleared)
    if part > _LOUDER_PART and base_hz == "auto":
        ctx.warn(
            "loud-hum",
            f"what sounds around {hum.base_hz:.2f} Hz holds {part:.0%} of the energy, as a note "
            "that is held would, and stays: name base_hz if it is hum",
        )
        ctx.note(summary="what may be hum is louder than all else, and stays")
        return audio
    if part > _LOUD_PART:
        ctx.warn(
            "loud-hum",
            f"what was taken around {hum.base_hz:.2f} Hz holds {part:.0%} of the energy: "
            "listen to it; a note that is held throughout would be taken for hum",
        )
    _note(ctx, audio, hum, cleared)
    cleared.samples.flags.writeable = False  # so it need not be copied
    return audio.with_samples(cleared.samples)


def _loud_part(hum: Hum, cleared: Cleared) -> float:
    """Return which part of the energy was taken while the hum is on; 0 where that is soft."""
    taken = float(np.mean(cleared.taken_while_on[hum.channels]))
    return taken / float(np.mean(cleared.heard_while_on[hum.channels])) if taken > _LOUD else 0.0


def _note(ctx: RunContext, audio: Audio, hum: Hum, cleared: Cleared) -> None:
    """Note what was found, and the RMS level of what was taken in the channels that hum."""
    names = channel_names(audio.channels, audio.speakers)
    ctx.note(base_hz=hum.base_hz, harmonics_removed=hum.amplitudes.shape[1])
    if not hum.lasts.all():
        ctx.note(hum_seconds=float(hum.lasts.sum() / hum.knots.per_second))
    note_known(ctx, hum_level_dbfs=power_decibels(np.mean(cleared.taken[hum.channels])))
    ctx.note(channels=[name for name, found in zip(names, hum.channels, strict=True) if found])


class Harmonic(Report):
    """One harmonic of a hum.

    Attributes:
        number: 1 for the base.
        frequency_hz: its mean frequency.
        level_dbfs: its RMS level, the mean power over the channels that hum; None for none.
    """

    number: int
    frequency_hz: float
    level_dbfs: float | None


class ChannelHum(Report):
    """The hum of one channel.

    Attributes:
        channel: which channel.
        found: whether it hums.
        level_dbfs: the RMS level of all harmonics together; None where it does not hum.
        below_sound_db: how far that lies below the RMS level of the channel; None likewise.
    """

    channel: str
    found: bool
    level_dbfs: float | None
    below_sound_db: float | None


class HumReport(Report):
    """Mains hum. RMS levels are such that a sine of full scale has -3.01 dBFS.

    Attributes:
        found: whether there is any.
        base_hz: its mean base frequency; None where there is none.
        lowest_hz: the lowest base frequency, as it wanders; None likewise.
        highest_hz: the highest; None likewise.
        channels: what there is of it in each channel.
        harmonics: its harmonics; none where there is no hum.
    """

    found: bool
    base_hz: float | None
    lowest_hz: float | None
    highest_hz: float | None
    channels: tuple[ChannelHum, ...]
    harmonics: tuple[Harmonic, ...]

    def findings(self) -> list[Finding]:
        """Say whether it hums, and how loud that is."""
        if not self.found or self.base_hz is None:
            return [Finding("No mains hum was found.")]
        distances = [one.below_sound_db for one in self.channels if one.below_sound_db is not None]
        below = f", {min(distances):.0f} dB below the sound" if distances else ""
        return [
            Finding(
                f"Mains hum at {self.base_hz:.2f} Hz{below}.",
                "The node dehum removes it, as the graph tape does.",
            )
        ]


@node(
    version=7,
    uses=("scipy",),
    cost=Cost(seconds_per_second=0.02, bytes_per_input_byte=0.5, bytes=30_000_000),
)
def detect_hum(
    ctx: RunContext,
    audio: Audio,
    *,
    base_hz: Base = "auto",
    harmonics: Harmonics = 8,
) -> HumReport:
    """Say whether there is mains hum, at which frequency, and how loud: that which `dehum` removes.

    In less than 25 periods (0.5 s at 50 Hz) nothing can be found: that gives the warning
    ``too-short``.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        base_hz: about where the hum is: 50 in most of the world, 60 in the Americas; ``auto`` for
            whichever of these two is there.
        harmonics: how many are sought, the base included.

    Raises:
        NodeError: the base frequency lies at or above half the sample rate.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> seconds = np.arange(3 * 8000) / 8000
        >>> hum = sum(0.1 / k * np.sin(2 * np.pi * 50.1 * k * seconds) for k in (1, 2, 3))
        >>> round(detect_hum(Audio(hum, 8000)).base_hz, 1)
        50.1
    """
    bases = _MAINS_HZ if base_hz == "auto" else (base_hz,)
    hum = None
    if not _too_short(ctx, audio, bases):
        hum = _strongest(ctx, audio.samples, audio.sample_rate, bases, harmonics)
    names = channel_names(audio.channels, audio.speakers)
    if hum is None:
        ctx.note(summary="no hum found")
        channels = tuple(
            ChannelHum(channel=name, found=False, level_dbfs=None, below_sound_db=None)
            for name in names
        )
        return HumReport(found=False, base_hz=None, lowest_hz=None, highest_hz=None,
                         channels=channels, harmonics=())  # fmt: skip
    # a sinusoid whose complex amplitude is a has the mean square 2 |a|^2
    amplitudes = smoothed(hum, DEFAULT_Q)[:, :, hum.lasts]
    powers = 2 * np.mean(np.abs(amplitudes) ** 2, axis=2)
    base = hum.base_hz
    ctx.note(base_hz=base)
    return HumReport(
        found=True,
        base_hz=base,
        lowest_hz=float(hum.frequencies[hum.lasts].min()),
        highest_hz=float(hum.frequencies[hum.lasts].max()),
        channels=tuple(map(_channel, names, hum.channels, powers.sum(axis=1), audio.samples)),
        harmonics=tuple(
            Harmonic(number=k, frequency_hz=k * base, level_dbfs=power_decibels(power))
            for k, power in enumerate(powers[hum.channels].mean(axis=0), 1)
        ),
    )


def _channel(name: str, found: bool, power: float, samples: Single) -> ChannelHum:
    level = power_decibels(power)
    sound = power_decibels(np.einsum("i,i", samples, samples, dtype=np.float64) / len(samples))
    return ChannelHum(
        channel=name,
        found=bool(found),
        level_dbfs=level if found else None,
        below_sound_db=sound - level if found and level is not None and sound is not None else None,
    )


def _too_short(ctx: RunContext, audio: Audio, bases: Sequence[float]) -> bool:
    for base in bases:
        require_below_nyquist(audio.sample_rate, base)
    short = len(Knots(audio.frames, audio.sample_rate, min(bases))) < LEAST_KNOTS
    if short and audio.frames:
        ctx.warn("too-short", f"{audio.duration_seconds:.2f} s are too short to find hum in")
        ctx.note(summary="too short to find hum in")
    return short


def _strongest(
    ctx: RunContext, samples: Single, sample_rate: int, bases: Sequence[float], harmonics: int
) -> Hum | None:
    """Return the hum that stands out most, None where there is none."""
    with single_threaded():
        found = [
            hum
            for number, base in enumerate(bases)
            if (
                hum := hum_near(
                    samples, sample_rate, base, harmonics, _Share(ctx, number, len(bases)).pass_of
                )
            )
        ]
    return max(found, key=lambda hum: hum.score, default=None)


class _Share(NamedTuple):
    """One of the bases that are tried, for progress: each is gone through twice, and one more."""

    ctx: RunContext
    number: int
    of: int

    def pass_of(self, half: int) -> Callable[[float], None]:
        """Return what is told how much of the first or the second pass is done, as a ratio."""
        done = 2 * self.number + half
        return lambda ratio: self.ctx.progress(done + ratio, 2 * self.of + 1)
