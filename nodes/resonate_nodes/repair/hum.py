"""Mains hum: found exactly, followed as it wanders, and subtracted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Finding, Report, RunContext, node

from .._common.channels import channel_names, power_decibels
from .._common.notes import note_known
from .._common.silence import least_frames, silence
from .._common.single_threaded import single_threaded
from ..tone.filters import require_below_nyquist

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Base = Annotated[float, Field(ge=10, le=1000)] | Literal["auto"]
Harmonics = Annotated[int, Field(ge=1, le=100)]

_MAINS_HZ = (50.0, 60.0)
# Each harmonic is brought down to 0 Hz and kept at knots: 0.4 of them per period of the base.
_KNOTS_PER_PERIOD = 0.4
_KNOTS_AT_ONCE = 256
# The base lies within 1 % of what was named, and is sought in steps of 0.02 %, by the first
# harmonics: the others move too fast.
_SEARCH = 0.01
_STEP = 0.0002
_TRACKED_HARMONICS = 10
_TRACK_KNOTS = 48
# How much one harmonic in one window may say, in nats, before it counts for a tenth: a loud note
# must not outvote the rest.
_MOST_SAID = 1.0
# What it costs the track to move by one step from one window to the next: this, times the square.
_STIFFNESS = 0.1
# Hum stands out from what lies beside it three quarters of the time, and keeps its level. In a
# short sound a held note does so too, by chance: so all harmonics together have to stand out
# further, by this over the number of windows.
_WINDOW_KNOTS = 40
_LEAST_KNOTS = 12
_STANDS_OUT_DB = 8.0
_TOGETHER_DB = 46.0
_LEVEL_WINDOWS = 4
_STEADY = 0.6
_LOUDEST_STEADY = 0.7
_LEAST_HARMONICS = 2
# The bandwidth at -3 dB of a Hann window of one second, in Hz.
_HANN_BANDWIDTH = 1.44
_DEFAULT_Q = 200.0


@node(version=4, uses=("scipy",))
def dehum(
    ctx: RunContext,
    audio: Audio,
    *,
    base_hz: Base = "auto",
    harmonics: Harmonics = 8,
    q: Annotated[float, Field(ge=10, le=2000)] = _DEFAULT_Q,
) -> Audio:
    """Remove mains hum: find its frequency, follow it as it wanders, and subtract what is steady.

    The base frequency is sought within 1 % of where it should be, in windows of some 2.4 s (at
    50 Hz), by all of the first ten harmonics together; the smoothest path through what they say
    (R. Bellman's dynamic programming, known as the Viterbi algorithm) follows mains and tape
    machines that drift. Along it each harmonic is a sinusoid whose amplitude and phase change
    slowly, and is subtracted: without phase shift or delay, and with little of the bass notes
    beside it. Harmonics at or above half the sample rate are left out. Digital silence stays.

    Where no hum is found the sound comes back as it is, with the warning ``no-hum``: at least two
    harmonics (or the only one asked for) have to stand out from what lies beside them and keep
    their level throughout, by more the shorter the sound is: in a second or two, a held note may
    look like hum. In less than 25 periods (0.5 s at 50 Hz) nothing can be found: that gives the
    warning ``too-short``.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        base_hz: about where the hum is: 50 in most of the world, 60 in the Americas; ``auto`` for
            whichever of these two is there.
        harmonics: how many are removed, the base included.
        q: base frequency over the bandwidth of each harmonic: higher takes less of the music
            with it, lower follows hum whose level changes quickly. At 50 Hz and 200 it is 0.25 Hz.

    Raises:
        NodeError: the base frequency lies at or above half the sample rate.
    """
    bases = _MAINS_HZ if base_hz == "auto" else (base_hz,)
    if _too_short(ctx, audio, bases):
        return audio
    samples = audio.samples.astype(np.float64)
    hum = _strongest(ctx, samples, audio.sample_rate, bases, harmonics)
    if hum is None:
        places = " or ".join(f"{base:g} Hz" for base in bases)
        ctx.warn("no-hum", f"no hum was found around {places}: the sound is left as it is")
        ctx.note(summary="no hum found")
        return audio
    ctx.progress(2 * len(bases), 2 * len(bases) + 1)
    result = _without(samples, hum, q)
    _note(ctx, audio, hum, samples, result)
    return audio.with_samples(result)


def _note(ctx: RunContext, audio: Audio, hum: _Hum, before: Array, after: Array) -> None:
    """Note what was found, and the RMS level of what was taken in the channels that hum."""
    names = channel_names(audio.channels, audio.speakers)
    ctx.note(base_hz=float(hum.frequencies.mean()), harmonics_removed=hum.amplitudes.shape[1])
    powers = [np.mean((before[one] - after[one]) ** 2) for one in np.flatnonzero(hum.channels)]
    note_known(ctx, hum_level_dbfs=power_decibels(np.mean(powers)))
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


@node(version=1, uses=("scipy",))
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
        samples = audio.samples.astype(np.float64)
        hum = _strongest(ctx, samples, audio.sample_rate, bases, harmonics)
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
    powers = 2 * np.mean(np.abs(_smoothed(hum, _DEFAULT_Q)) ** 2, axis=2)
    base = float(hum.frequencies.mean())
    ctx.note(base_hz=base)
    return HumReport(
        found=True,
        base_hz=base,
        lowest_hz=float(hum.frequencies.min()),
        highest_hz=float(hum.frequencies.max()),
        channels=tuple(map(_channel, names, hum.channels, powers.sum(axis=1), samples)),
        harmonics=tuple(
            Harmonic(number=k, frequency_hz=k * base, level_dbfs=power_decibels(power))
            for k, power in enumerate(powers[hum.channels].mean(axis=0), 1)
        ),
    )


def _channel(name: str, found: bool, power: float, samples: Array) -> ChannelHum:
    level, sound = power_decibels(power), power_decibels(np.mean(samples**2))
    return ChannelHum(
        channel=name,
        found=bool(found),
        level_dbfs=level if found else None,
        below_sound_db=sound - level if found and level is not None and sound is not None else None,
    )


def _too_short(ctx: RunContext, audio: Audio, bases: Sequence[float]) -> bool:
    for base in bases:
        require_below_nyquist(audio.sample_rate, base)
    short = len(_Knots(audio.frames, audio.sample_rate, min(bases))) < _LEAST_KNOTS
    if short and audio.frames:
        ctx.warn("too-short", f"{audio.duration_seconds:.2f} s are too short to find hum in")
        ctx.note(summary="too short to find hum in")
    return short


def _strongest(
    ctx: RunContext, samples: Array, sample_rate: int, bases: Sequence[float], harmonics: int
) -> _Hum | None:
    """Return the hum that stands out most, None where there is none."""
    with single_threaded():
        found = [
            hum
            for number, base in enumerate(bases)
            if (hum := _hum(samples, sample_rate, base, harmonics, _Share(ctx, number, len(bases))))
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


class _Knots:
    """Points in time, a few periods apart, at which the hum is described.

    Between them its frequency, and the amplitude of each harmonic, change linearly.
    """

    def __init__(self, frames: int, sample_rate: int, base_hz: float) -> None:
        self.base_hz = base_hz
        self.sample_rate = sample_rate
        #: frames from one to the next
        self.hop = max(1, round(sample_rate / (_KNOTS_PER_PERIOD * base_hz)))
        self.per_second = sample_rate / self.hop
        self._rows = frames // self.hop + 1

    def __len__(self) -> int:
        return self._rows + 1

    def waves(self, frequencies: Array) -> Iterator[tuple[int, int, Complex]]:
        """Yield (first, last, wave): exp(j phase) of the base, a row of samples from each knot."""
        steps = 2 * np.pi * frequencies / self.sample_rate
        starts = np.concatenate([[0.0], np.cumsum(self.hop * (steps[1:] + steps[:-1]) / 2)])
        frames = np.arange(self.hop)
        for first in range(0, self._rows, _KNOTS_AT_ONCE):
            last = min(first + _KNOTS_AT_ONCE, self._rows)
            bend = (steps[first + 1 : last + 1] - steps[first:last]) / (2 * self.hop)
            phase = starts[first:last, None] + steps[first:last, None] * frames
            yield first, last, np.exp(1j * (phase + bend[:, None] * frames**2))

    def rows(self, samples: Array, first: int, last: int) -> Array:
        """Return the samples from each knot to the next, zeros beyond the end."""
        inside = samples[..., first * self.hop : last * self.hop]
        missing = (last - first) * self.hop - inside.shape[-1]
        padded = np.pad(inside, [*[(0, 0)] * (inside.ndim - 1), (0, missing)])
        return padded.reshape(*inside.shape[:-1], last - first, self.hop)

    def amplitudes(
        self,
        samples: Array,
        frequencies: Array,
        harmonics: int,
        progress: Callable[[float], None],
    ) -> Complex:
        """Return the complex amplitude of each harmonic at each knot, by channel.

        Each is a mean under a Hann window that reaches two knots to either side; at the ends, the
        nearest that does so within the sound.
        """
        window = np.hanning(4 * self.hop + 1)[:-1].reshape(4, self.hop).T
        parts = np.zeros((len(samples), harmonics, self._rows + 4, 4), np.complex128)
        mass = np.zeros((self._rows + 4, 4))
        ones = np.ones(samples.shape[1])
        for first, last, wave in self.waves(frequencies):
            progress(first / self._rows)
            place = slice(first + 2, last + 2)
            mass[place] = self.rows(ones, first, last) @ window
            heard = self.rows(samples, first, last).astype(np.complex128)
            for harmonic in range(harmonics):
                heard *= wave.conj()
                parts[:, harmonic, place] = heard @ window
        count = self._rows + 1
        total = sum(parts[:, :, part : part + count, part] for part in range(4))
        weight = sum(mass[part : part + count, part] for part in range(4))
        whole = np.flatnonzero(weight > (1 - 1e-9) * window.sum())
        nearest = np.clip(np.arange(count), whole[0], whole[-1])
        mean: Complex = (total / window.sum())[:, :, nearest]
        return mean


class _Hum(NamedTuple):
    """What was found: where it is, what it is, in which channels, and how much it stands out."""

    knots: _Knots
    frequencies: Array
    amplitudes: Complex
    channels: NDArray[np.bool_]
    score: float


def _hum(
    samples: Array, sample_rate: int, base_hz: float, harmonics: int, share: _Share
) -> _Hum | None:
    """Return the hum near a base frequency, None where there is none."""
    knots = _Knots(samples.shape[1], sample_rate, base_hz)
    highest = sample_rate / 2 / (base_hz * (1 + _SEARCH))
    count = min(harmonics, int(np.ceil(highest)) - 1)
    if count < 1 or len(knots) < _LEAST_KNOTS:
        return None
    steady = np.full(len(knots), base_hz)
    tracked = knots.amplitudes(samples, steady, min(count, _TRACKED_HARMONICS), share.pass_of(0))
    frequencies = _followed(tracked, knots)
    amplitudes = knots.amplitudes(samples, frequencies, count, share.pass_of(1))
    stands_out, keeps_level = _prominence(amplitudes)
    stands_out_db = 10 * np.log10(stands_out)
    present = (stands_out_db > _STANDS_OUT_DB) & (keeps_level > _STEADY)
    channels = present.sum(axis=1) >= min(_LEAST_HARMONICS, harmonics)
    together_db = np.sum((stands_out_db - _STANDS_OUT_DB) * present, axis=1)
    channels &= together_db * (2 * len(knots) / _WINDOW_KNOTS) > _TOGETHER_DB
    power = np.mean(np.abs(amplitudes) ** 2, axis=2) * (stands_out_db > _STANDS_OUT_DB)
    loudest = power.argmax(axis=1)
    channels &= keeps_level[np.arange(len(loudest)), loudest] > _LOUDEST_STEADY
    if not channels.any():
        return None
    return _Hum(knots, frequencies, amplitudes, channels, float(np.log(stands_out[present]).sum()))


def _followed(amplitudes: Complex, knots: _Knots) -> Array:
    """Return the base frequency at each knot, in Hz."""
    count = amplitudes.shape[2]
    width = min(_TRACK_KNOTS, count)
    starts = np.arange(0, count - width + 1, max(1, width // 6))
    window = np.hanning(width + 2)[1:-1]
    offsets = knots.base_hz * np.arange(-_SEARCH, _SEARCH + _STEP / 2, _STEP)
    times = np.arange(width) / knots.per_second
    said = np.zeros((len(starts), len(offsets)))
    for index in range(amplitudes.shape[1]):
        turned = np.exp(-2j * np.pi * (index + 1) * np.outer(times, offsets)) * window[:, None]
        for channel in amplitudes[:, index]:
            cut = np.lib.stride_tricks.sliding_window_view(channel, width)[starts]
            power = (np.abs(cut) ** 2) @ window * window.sum()
            explained = np.abs(cut @ turned) ** 2 / np.maximum(power, 1e-30)[:, None]
            nats = -np.log1p(-np.minimum(explained, 0.9999))
            said += np.where(nats < _MOST_SAID, nats, 0.9 * _MOST_SAID + 0.1 * nats)
    centres = starts + (width - 1) / 2
    return knots.base_hz + np.interp(np.arange(count), centres, offsets[_smoothest_path(said)])


def _smoothest_path(said: Array) -> NDArray[np.intp]:
    """Return the column of each row that says most, at the least movement between rows."""
    columns = np.arange(said.shape[1])
    cost = _STIFFNESS * np.subtract.outer(columns, columns) ** 2
    total, came_from = said[0], []
    for row in said[1:]:
        options = total - cost
        came_from.append(options.argmax(axis=1))
        total = row + options.max(axis=1)
    path = [int(total.argmax())]
    for choice in reversed(came_from):
        path.append(int(choice[path[-1]]))
    return np.array(path[::-1])


def _prominence(amplitudes: Complex) -> tuple[Array, Array]:
    """Return by channel and harmonic how far it stands out in power, and how steady it is.

    In windows of two seconds (at 50 Hz): the power at the hum over the mean of what lies 1.5 to
    4.5 Hz beside it, reached three quarters of the time; and the lower quartile of its level over
    the upper one.
    """
    knots = amplitudes.shape[2]
    power = _windowed(amplitudes, min(_WINDOW_KNOTS, knots))
    bins = np.abs(np.fft.fftfreq(power.shape[3], 1 / power.shape[3]))
    beside = power[..., (bins >= 3) & (bins <= max(4, min(9, power.shape[3] // 4)))].mean(axis=3)
    stands_out = np.quantile(power[..., 0] / np.maximum(beside, 1e-30), 0.25, axis=2)
    shorter = np.clip(2 * knots // (_LEVEL_WINDOWS + 1), _LEAST_KNOTS, _WINDOW_KNOTS)
    level = np.sqrt(_windowed(amplitudes, int(shorter))[..., 0])
    low, high = np.quantile(level, [0.25, 0.75], axis=2)
    return np.maximum(stands_out, 1e-30), low / np.maximum(high, 1e-30)


def _windowed(amplitudes: Complex, width: int) -> Array:
    """Return spectra of power in windows that overlap by half: the last two axes."""
    cut = np.lib.stride_tricks.sliding_window_view(amplitudes, width, axis=2)
    window = np.hanning(width + 2)[1:-1]
    power: Array = np.abs(np.fft.fft(cut[:, :, :: max(1, width // 2)] * window, axis=3)) ** 2
    return power


def _smoothed(hum: _Hum, q: float) -> Complex:
    """Return the amplitudes under a window as long as q says; zeros for channels without hum."""
    from scipy.ndimage import convolve1d

    knots = hum.knots
    width = round(_HANN_BANDWIDTH * q / knots.base_hz * knots.per_second)
    window = np.hanning(min(max(width, 1), 2 * len(knots) - 1) // 2 * 2 + 3)[1:-1]
    mass = convolve1d(np.ones(len(knots)), window, mode="constant")
    parts = [
        convolve1d(part, window, axis=2, mode="constant") / mass
        for part in (hum.amplitudes.real, hum.amplitudes.imag)
    ]
    amplitudes: Complex = (parts[0] + 1j * parts[1]) * hum.channels[:, None, None]
    return amplitudes


def _without(samples: Array, hum: _Hum, q: float) -> Array:
    """Return the samples without the hum; there is none in digital silence."""
    knots, amplitudes = hum.knots, _smoothed(hum, q)
    result = samples.copy()
    ramp = np.arange(knots.hop) / knots.hop
    for first, last, base in knots.waves(hum.frequencies):
        wave = np.ones_like(base)
        added = np.zeros((len(samples), last - first, knots.hop))
        for harmonic in range(amplitudes.shape[1]):
            wave *= base
            level = amplitudes[:, harmonic, first : last + 1, None]
            added += 2 * ((level[:, :-1] + np.diff(level, axis=1) * ramp) * wave).real
        place = result[:, first * knots.hop : last * knots.hop]
        place -= added.reshape(len(samples), -1)[:, : place.shape[1]]
    result[:, silence(samples, least_frames(knots.sample_rate))] = 0
    return result
