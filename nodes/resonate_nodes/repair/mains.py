"""Hum as it is found in a sound: where it is, in which channels and when, and what it sounds like.

It is described at knots, a few periods apart: the frequency of its base, and the amplitude and the
phase of each harmonic. Between them all of these change linearly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._common.silence import least_frames, silence

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

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
# The mains keep their frequency for minutes: a track that moves must say more than the best that
# does not, by so much and so much for each window.
_STIFFNESS = 0.1
_MOVES_NATS, _MOVES_NATS_PER_WINDOW = 2.5, 0.04
# Hum stands out from what lies beside it three quarters of the time, and keeps its level. In a
# short sound a held note does so too, by chance: so all harmonics together have to stand out
# further, by this over the number of windows.
_WINDOW_KNOTS = 40
LEAST_KNOTS = 12
_STANDS_OUT_DB = 8.0
_TOGETHER_DB = 46.0
_LEVEL_WINDOWS = 4
_STEADY = 0.6
_LOUDEST_STEADY = 0.7
_LEAST_HARMONICS = 2
# What does not stand out so far may do so in all channels, and throughout a longer sound: then this
# is enough for each of two harmonics that are not both those of a higher note; and this for the sum
# of all, over the number of windows, but no less. Of the base alone, as a pure tone, more is asked.
# A channel hums with the others from the last sum on.
_SOFTLY_DB = 3.0
_SOFTLY_TOGETHER_DB, _LEAST_TOGETHER_DB = 90.0, 10.0
_ALONE_DB, _ALONE_STEADY = 22.0, 0.9
_WITH_OTHERS_DB, _LEAST_WITH_OTHERS_DB = 40.0, 4.0
# Where hum does not last it is sought in stretches of 6 s, and so many knots. There it is on where
# this much of it is, over so many knots. And it is nearer to what was named, as the mains are: bass
# notes come and go, and G1 lies 2 % below 50 Hz.
_SEARCH_AT_TIMES = 0.005
_STRETCH_SECONDS, _STRETCH_KNOTS = 6.0, 120
_ON = 0.5
_ON_KNOTS = 9
# A frequency that is the same throughout is known better still by the phases of all harmonics, in
# windows of so many knots, within one step. What is there throughout, and more so where its
# frequency is steady, is followed by longer windows than what comes and goes; unless no harmonic
# keeps its level so well, as where the hum swells.
_PHASE_KNOTS, _PHASE_STEPS = 160, 81
_THROUGHOUT, _THROUGHOUT_STEADY = 1.5, 2.5
_THROUGHOUT_LEVEL = 0.8
# How often the weights of moments are made anew, and what is as good as no distance: so many times
# the power beside. Along a track that moves, and is never quite right, the hum itself strays.
_ROUNDS = 10
_NEAR, _NEAR_MOVING = 0.1, 30.0
_TINY = 1e-30
# The bandwidth at -3 dB of a Hann window of one second, in Hz.
_HANN_BANDWIDTH = 1.44


class Knots:
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

    def turned(self, amplitudes: Complex, frequency_hz: float) -> Complex:
        """Return amplitudes that were found at the base as they are at a frequency beside it."""
        away = 2 * np.pi * (frequency_hz - self.base_hz) * np.arange(len(self)) / self.per_second
        numbers = np.arange(1, amplitudes.shape[1] + 1)
        turned: Complex = amplitudes * np.exp(-1j * np.outer(numbers, away))
        return turned


class Hum(NamedTuple):
    """What was found: where it is, what it is, in which channels, at which knots, how clearly."""

    knots: Knots
    frequencies: Array
    amplitudes: Complex
    channels: NDArray[np.bool_]
    lasts: NDArray[np.bool_]
    score: float

    @property
    def steady(self) -> bool:
        """Whether its frequency is the same throughout."""
        return bool(np.ptp(self.frequencies) == 0)

    @property
    def window_factor(self) -> float:
        """How much longer it may be followed at once than hum that is there at times."""
        _, keeps_level = _prominence(self.amplitudes[self.channels])
        if not self.lasts.all() or keeps_level.max() < _THROUGHOUT_LEVEL:
            return 1.0
        return _THROUGHOUT_STEADY if self.steady else _THROUGHOUT

    @property
    def base_hz(self) -> float:
        """The mean base frequency."""
        return float(self.frequencies[self.lasts].mean())


def hum_near(
    samples: Array,
    sample_rate: int,
    base_hz: float,
    harmonics: int,
    pass_of: Callable[[int], Callable[[float], None]],
) -> Hum | None:
    """Return the hum near a base frequency, None where there is none.

    Args:
        samples: the sound, of shape (channels, frames).
        sample_rate: in Hz.
        base_hz: about where the base is.
        harmonics: how many are looked for, the base included.
        pass_of: gives what is told how much of the first (0) and the second pass (1) is done.
    """
    knots = Knots(samples.shape[1], sample_rate, base_hz)
    highest = sample_rate / 2 / (base_hz * (1 + _SEARCH))
    count = min(harmonics, int(np.ceil(highest)) - 1)
    if count < 1 or len(knots) < LEAST_KNOTS:
        return None
    steady = np.full(len(knots), base_hz)
    tracked = knots.amplitudes(samples, steady, min(count, _TRACKED_HARMONICS), pass_of(0))
    frequencies = _followed(tracked, knots)
    if np.ptp(frequencies) == 0:
        tracked = knots.turned(tracked, frequencies[0])
        frequencies += _phases_turn_hz(tracked, knots)
    amplitudes = knots.amplitudes(samples, frequencies, count, pass_of(1))
    channels, score = _evidence(amplitudes, harmonics)
    lasts = np.ones(len(knots), np.bool_)
    if not channels.any():
        stretch = max(_STRETCH_KNOTS, round(_STRETCH_SECONDS * knots.per_second))
        channels, lasts, score = _in_stretches(amplitudes, harmonics, stretch)
        if channels.any() and abs(frequencies[lasts].mean() / base_hz - 1) > _SEARCH_AT_TIMES:
            return None
    if not channels.any():
        return None
    return Hum(knots, frequencies, amplitudes, channels, lasts, score)


def _evidence(amplitudes: Complex, harmonics: int) -> tuple[NDArray[np.bool_], float]:
    """Return which channels hum, and how far what hums stands out, in dB over all harmonics."""
    stands_out, keeps_level = _prominence(amplitudes)
    stands_out_db = 10 * np.log10(stands_out)
    windows = 2 * amplitudes.shape[2] / _WINDOW_KNOTS
    channels = _clearly(amplitudes, stands_out_db, keeps_level, harmonics, windows)
    # all channels together: the mean of what they say, which a chance in one of them sways less
    pooled_db, pooled_level = stands_out_db.mean(axis=0), keeps_level.mean(axis=0)
    softly = (pooled_db > _SOFTLY_DB) & (pooled_level > _STEADY)
    sum_db = float(np.sum((pooled_db - _SOFTLY_DB) * softly))
    found = np.flatnonzero(softly) + 1
    several = len(found) >= _LEAST_HARMONICS and np.gcd.reduce(found) == 1
    alone = pooled_db[0] > _ALONE_DB and pooled_level[0] > _ALONE_STEADY
    needed_db = max(_SOFTLY_TOGETHER_DB / windows, _LEAST_TOGETHER_DB)
    if channels.any() or ((several or alone) and sum_db > needed_db):
        heard = (stands_out_db > _SOFTLY_DB) & (keeps_level > _STEADY)
        each_db = np.sum((stands_out_db - _SOFTLY_DB) * heard, axis=1)
        channels |= each_db > max(_WITH_OTHERS_DB / windows, _LEAST_WITH_OTHERS_DB)
    return channels, float(np.sum(np.maximum(stands_out_db[channels], 0)))


def _clearly(
    amplitudes: Complex, stands_out_db: Array, keeps_level: Array, harmonics: int, windows: float
) -> NDArray[np.bool_]:
    """Return which channels hum by what each shows alone."""
    present = (stands_out_db > _STANDS_OUT_DB) & (keeps_level > _STEADY)
    channels = present.sum(axis=1) >= min(_LEAST_HARMONICS, harmonics)
    together_db = np.sum((stands_out_db - _STANDS_OUT_DB) * present, axis=1)
    channels &= together_db * windows > _TOGETHER_DB
    power = np.mean(np.abs(amplitudes) ** 2, axis=2) * (stands_out_db > _STANDS_OUT_DB)
    loudest = power.argmax(axis=1)
    clear: NDArray[np.bool_] = channels & (
        keeps_level[np.arange(len(loudest)), loudest] > _LOUDEST_STEADY
    )
    return clear


def _in_stretches(
    amplitudes: Complex, harmonics: int, length: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], float]:
    """Return which channels hum at times, at which knots, and how clearly.

    They are sought in stretches of a length, in knots.
    """
    from scipy.ndimage import uniform_filter1d

    count = amplitudes.shape[2]
    channels, within = np.zeros(len(amplitudes), np.bool_), np.zeros(count, np.bool_)
    best = 0.0
    for start in range(0, count - length + 1, length // 4):
        stretch = slice(start, start + length)
        found, score = _evidence(amplitudes[:, :, stretch], harmonics)
        if found.any():
            channels |= found
            within[stretch] = True
            best = max(best, score)
    if not channels.any():
        return channels, within, best
    # where it is on, all harmonics have the phase and the level that they have in the stretches
    steady = uniform_filter1d(amplitudes, length // 2, axis=2)
    heard = amplitudes[channels]
    steady = steady[channels]
    part = np.sum((heard * steady.conj()).real, axis=(0, 1)) / np.sum(
        np.abs(steady) ** 2, axis=(0, 1)
    )
    lasts: NDArray[np.bool_] = within & (uniform_filter1d(part, _ON_KNOTS) > _ON)
    return channels & lasts.any(), lasts, best


def _followed(amplitudes: Complex, knots: Knots) -> Array:
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
    path = _smoothest_path(said)
    best = said.sum(axis=0)
    gained = said[np.arange(len(path)), path].sum() - _STIFFNESS * np.sum(np.diff(path) ** 2)
    if gained - best.max() < _MOVES_NATS + _MOVES_NATS_PER_WINDOW * len(path):
        return np.full(count, knots.base_hz * (1 + _STEP * _highest(best) - _SEARCH))
    centres = starts + (width - 1) / 2
    exactly = [_highest(row, at) for row, at in zip(said, path, strict=True)]
    found_hz = np.interp(exactly, np.arange(len(offsets)), offsets)
    return knots.base_hz + np.interp(np.arange(count), centres, found_hz)


def _phases_turn_hz(amplitudes: Complex, knots: Knots) -> float:
    """Return by how much the base is higher, going by how the phases of all harmonics turn.

    Levels do not count, so that a note has no more to say than the hum beneath it; but harmonics
    that do not stand out from what lies beside them say nothing, if any does.
    """
    width = min(_PHASE_KNOTS, amplitudes.shape[2])
    phases = amplitudes / np.maximum(np.abs(amplitudes), _TINY)
    cut = np.lib.stride_tricks.sliding_window_view(phases, width, axis=2)[:, :, :: width // 2]
    steps_hz = knots.base_hz * np.linspace(-_STEP, _STEP, _PHASE_STEPS)
    turns = np.outer(np.arange(width) / knots.per_second, steps_hz)
    stands_out, _ = _prominence(amplitudes)
    weights = np.maximum(1 - 1 / stands_out, 0) if stands_out.max() > 1 else stands_out**0
    said = sum(
        weights[:, index]
        @ np.sum(np.abs(cut[:, index] @ np.exp(-2j * np.pi * (index + 1) * turns)) ** 2, axis=1)
        for index in range(amplitudes.shape[1])
    )
    return float(np.interp(_highest(said), np.arange(len(steps_hz)), steps_hz))


def _highest(values: Array, at: int | None = None) -> float:
    """Return where values are highest, between the samples: at the top of a parabola.

    Near a place, within half a sample of it, if one is given.
    """
    place = int(values.argmax()) if at is None else int(at)
    if not 0 < place < len(values) - 1:
        return float(place)
    before, there, after = (float(value) for value in values[place - 1 : place + 2])
    bend = before - 2 * there + after
    return place + float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else place


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
    beside = power[..., _bins_beside(power.shape[3])].mean(axis=3)
    stands_out = np.quantile(power[..., 0] / np.maximum(beside, 1e-30), 0.25, axis=2)
    # what is louder half a Hz off is a note near by
    middle, above, below = np.moveaxis(np.median(power[..., [0, 1, -1]], axis=2), 2, 0)
    stands_out[middle < np.maximum(above, below)] = 0
    shorter = np.clip(2 * knots // (_LEVEL_WINDOWS + 1), LEAST_KNOTS, _WINDOW_KNOTS)
    level = np.sqrt(_windowed(amplitudes, int(shorter))[..., 0])
    low, high = np.quantile(level, [0.25, 0.75], axis=2)
    return np.maximum(stands_out, 1e-30), low / np.maximum(high, 1e-30)


def _windowed(amplitudes: Complex, width: int) -> Array:
    """Return spectra of power in windows that overlap by half: the last two axes."""
    cut = np.lib.stride_tricks.sliding_window_view(amplitudes, width, axis=2)
    window = np.hanning(width + 2)[1:-1]
    power: Array = np.abs(np.fft.fft(cut[:, :, :: max(1, width // 2)] * window, axis=3)) ** 2
    return power


def smoothed(hum: Hum, q: float) -> Complex:
    """Return the amplitudes under a window as long as q says; zeros where there is no hum.

    It is longer for hum that keeps its level throughout, above all at a steady frequency.

    They are not means but geometric medians in the complex plane (E. Weiszfeld's iteration, 1937):
    a note that passes is far from what the hum is around that time, and counts the less for it.
    """
    knots = hum.knots
    width = round(_HANN_BANDWIDTH * hum.window_factor * q / knots.base_hz * knots.per_second)
    window = np.hanning(min(max(width, 1), 2 * len(knots) - 1) // 2 * 2 + 3)[1:-1]
    lasts = hum.lasts.astype(np.float64)
    beside = _beside(hum.amplitudes)
    near = _NEAR if hum.steady else _NEAR_MOVING
    middle = hum.amplitudes
    weights = lasts * np.ones_like(beside)
    for _ in range(_ROUNDS):
        mass = np.maximum(_under(window, weights), _TINY)
        heard = hum.amplitudes * weights
        middle = np.empty_like(heard)
        middle.real, middle.imag = (
            _under(window, heard.real) / mass,
            _under(window, heard.imag) / mass,
        )
        noise = _under(window**2, weights**2) * beside / mass**2
        away = np.abs(hum.amplitudes - middle) ** 2
        weights = lasts / np.sqrt(away + near * beside + _TINY)
    power = np.maximum(np.abs(middle) ** 2, _TINY)
    gains = hum.channels[:, None, None] * lasts * np.maximum(1 - noise / power, 0)
    found: Complex = middle * gains
    return found


def _under(window: Array, values: Array) -> Array:
    """Return the sums of values under a window around each knot."""
    from scipy.ndimage import convolve1d

    sums: Array = convolve1d(values, window, mode="constant")
    return sums


def _beside(amplitudes: Complex) -> Array:
    """Return the power that one knot has of what lies beside each harmonic, at each knot."""
    knots = amplitudes.shape[2]
    width = min(_WINDOW_KNOTS, knots)
    power = _windowed(amplitudes, width)
    # the median, as of an exponential distribution: one bass note beside it is not what lies under
    beside = np.median(power[..., _bins_beside(width)], axis=3) / np.log(2)
    beside /= np.sum(np.hanning(width + 2)[1:-1] ** 2)
    centres = np.arange(beside.shape[2]) * max(1, width // 2) + (width - 1) / 2
    place = np.clip(np.interp(np.arange(knots), centres, np.arange(len(centres))), 0, None)
    before = place.astype(int)
    after = np.minimum(before + 1, len(centres) - 1)
    part = place - before
    between: Array = (1 - part) * beside[..., before] + part * beside[..., after]
    return between


def _bins_beside(width: int) -> NDArray[np.bool_]:
    """Return which bins of a window of some knots lie 1.5 to 4.5 Hz (at 50 Hz) off its middle."""
    bins = np.abs(np.fft.fftfreq(width, 1 / width))
    chosen: NDArray[np.bool_] = (bins >= 3) & (bins <= max(4, min(9, width // 4)))
    return chosen


def without(samples: Array, hum: Hum, q: float) -> Array:
    """Return the samples without the hum; there is none in digital silence."""
    knots, amplitudes = hum.knots, smoothed(hum, q)
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
