"""Hum as it is found in a sound: where it is, in which channels, when, and what it sounds like."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._common.runs import runs
from ..._common.silence import least_frames, silence
from .evidence import LEAST_KNOTS, TINY, beside_power, evidence, prominence
from .knots import Array, Complex, Knots, Single
from .or_music import is_music, present_throughout, repeats
from .times import hum_at_times, likeliest_path
from .track import (
    MOVES_NATS_WEIGHTED,
    SEARCH,
    TRACKED_HARMONICS,
    followed,
    phases_turn_hz,
    said_by_windows,
    weights,
)

#: base frequency over the bandwidth of each harmonic
DEFAULT_Q = 200.0
# What is there for long, and more so where its frequency is steady, is followed by longer windows;
# unless no harmonic keeps its level so well, as where the hum swells.
_THROUGHOUT, _THROUGHOUT_STEADY = 1.5, 2.5
_THROUGHOUT_LEVEL = 0.8
# How often the weights of moments are made anew, and what is as good as no distance: so many times
# the power beside. Along a track that moves, and is never quite right, the hum itself strays.
_ROUNDS = 10
_NEAR, _NEAR_MOVING = 0.1, 30.0
# What one knot says of whether the hum is on there counts for half, as its neighbours hold parts of
# it. What it is and when it is on are found in turn, so often.
_EACH_KNOT = 0.5
_TIMES_ROUNDS = 3
# The bandwidth at -3 dB of a Hann window of one second, in Hz.
_HANN_BANDWIDTH = 1.44


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
        starts, stops = runs(self.lasts)
        if not len(starts) or np.max(stops - starts) < LEAST_KNOTS:
            return 1.0
        longest = np.argmax(stops - starts)
        here = self.amplitudes[self.channels][:, :, starts[longest] : stops[longest]]
        _, keeps_level = prominence(here)
        if keeps_level.max() < _THROUGHOUT_LEVEL:
            return 1.0
        return _THROUGHOUT_STEADY if self.steady else _THROUGHOUT

    @property
    def base_hz(self) -> float:
        """The mean base frequency."""
        return float(self.frequencies[self.lasts].mean())


def hum_near(
    samples: Single,
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
    highest = sample_rate / 2 / (base_hz * (1 + SEARCH))
    count = min(harmonics, int(np.ceil(highest)) - 1)
    if count < 1 or len(knots) < LEAST_KNOTS:
        return None
    steady = np.full(len(knots), base_hz)
    tracked = knots.amplitudes(samples, steady, min(count, TRACKED_HARMONICS), pass_of(0))
    said = said_by_windows(tracked, knots)
    frequencies = followed(said.sum(axis=(0, 1)), knots)
    if np.ptp(frequencies) == 0:
        counts = weights(knots.turned(tracked, frequencies[0]))
        frequencies = followed(np.tensordot(counts, said), knots, MOVES_NATS_WEIGHTED)
    if np.ptp(frequencies) == 0:
        turned = knots.turned(tracked, frequencies[0])
        frequencies += phases_turn_hz(turned, knots, weights(turned))
    amplitudes = knots.amplitudes(samples, frequencies, count, pass_of(1))
    channels, score = evidence(amplitudes, harmonics)
    within = np.ones(len(knots), np.bool_)
    if not channels.any():
        everywhere = Hum(knots, frequencies, amplitudes, ~channels, within, score)
        channels, score = present_throughout(amplitudes, _middle(everywhere, DEFAULT_Q)[0])
    if not channels.any():
        at_times = hum_at_times(tracked, said, knots, harmonics)
        if at_times is None:
            return None
        _, channels, within, score = at_times
        frequencies = np.full(len(knots), at_times.frequency_hz)
        amplitudes = knots.amplitudes(samples, frequencies, count, lambda ratio: None)
    hum = Hum(knots, frequencies, amplitudes, channels, within, score)
    hum = hum._replace(lasts=_lasts(hum))
    return None if not hum.lasts.any() or _is_music(hum, samples) else hum


def _is_music(hum: Hum, samples: Single) -> bool:
    """Return whether what was found is part of the music, going by when it is on."""
    here = np.ix_(hum.channels, np.ones(hum.amplitudes.shape[1], np.bool_), hum.lasts)
    middle, _ = _middle(hum, DEFAULT_Q)
    squares = [np.einsum("f,f", one, one, dtype=np.float64) for one in samples]
    power = float(np.mean(np.array(squares)[hum.channels]) / samples.shape[1])
    return is_music(hum.amplitudes[here], middle[here], power) or _repeats(hum, samples)


def _repeats(hum: Hum, samples: Single) -> bool:
    """Return whether what was found comes again with the music, where it is on for longest."""
    if not hum.steady:
        return False
    starts, stops = runs(hum.lasts)
    longest = np.argmax(stops - starts)
    place = slice(starts[longest] * hum.knots.hop, stops[longest] * hum.knots.hop)
    heard = samples[hum.channels, place].astype(np.float64)
    return repeats(heard, hum.knots.sample_rate, hum.base_hz, hum.amplitudes.shape[1])


def _lasts(hum: Hum) -> NDArray[np.bool_]:
    """Return at which knots the hum is on, going by where it was heard.

    That is the likeliest path through the two states, by what each knot says, on against off, with
    tails as those of a Cauchy distribution: a note that passes says little.
    """
    lasts = hum.lasts
    beside = beside_power(hum.amplitudes[hum.channels]) + TINY
    heard = hum.amplitudes[hum.channels]
    for _ in range(_TIMES_ROUNDS):
        middle, _ = _middle(hum._replace(lasts=lasts), DEFAULT_Q)
        away = np.abs(heard - middle[hum.channels]) ** 2
        said = np.log1p(np.abs(heard) ** 2 / beside) - np.log1p(away / beside)
        lasts = likeliest_path(_EACH_KNOT * said.sum(axis=(0, 1)))
    return lasts


def smoothed(hum: Hum, q: float) -> Complex:
    """Return the amplitudes under a window as long as q says; zeros where there is no hum.

    It is longer for hum that keeps its level throughout, above all at a steady frequency.

    They are not means but geometric medians in the complex plane (E. Weiszfeld's iteration, 1937):
    a note that passes is far from what the hum is around that time, and counts the less for it.
    """
    middle, noise = _middle(hum, q)
    power = np.maximum(np.abs(middle) ** 2, TINY)
    gains = hum.channels[:, None, None] * hum.lasts * np.maximum(1 - noise / power, 0)
    found: Complex = middle * gains
    return found


def _middle(hum: Hum, q: float) -> tuple[Complex, Array]:
    """Return what the amplitudes are around each knot, and how uncertain that is, as power."""
    knots = hum.knots
    width = round(_HANN_BANDWIDTH * hum.window_factor * q / knots.base_hz * knots.per_second)
    window = np.hanning(min(max(width, 1), 2 * len(knots) - 1) // 2 * 2 + 3)[1:-1]
    lasts = hum.lasts.astype(np.float64)
    beside = beside_power(hum.amplitudes)
    near = _NEAR if hum.steady else _NEAR_MOVING
    middle = hum.amplitudes
    weights = lasts * np.ones_like(beside)
    for _ in range(_ROUNDS):
        mass = np.maximum(_under(window, weights), TINY)
        heard = hum.amplitudes * weights
        middle = np.empty_like(heard)
        middle.real, middle.imag = (
            _under(window, heard.real) / mass,
            _under(window, heard.imag) / mass,
        )
        noise = _under(window**2, weights**2) * beside / mass**2
        away = np.abs(hum.amplitudes - middle) ** 2
        weights = lasts / np.sqrt(away + near * beside + TINY)
    return middle, noise


def _under(window: Array, values: Array) -> Array:
    """Return the sums of values under a window around each knot."""
    from scipy.ndimage import convolve1d

    sums: Array = convolve1d(values, window, mode="constant")
    return sums


class Cleared(NamedTuple):
    """A sound without its hum.

    Attributes:
        samples: shape (channels, frames).
        taken: the mean square of what was taken from each channel.
        taken_while_on: the same, of where the hum is on.
        heard_while_on: the mean square of each channel as it was there.
    """

    samples: Single
    taken: Array
    taken_while_on: Array
    heard_while_on: Array


def without(samples: Single, hum: Hum, q: float) -> Cleared:
    """Return the samples without the hum; there is none in digital silence."""
    channels, frames = samples.shape
    result = np.empty_like(samples)
    silent = silence(samples, least_frames(hum.knots.sample_rate))
    taken, taken_on, heard_on = np.zeros((3, channels))
    frames_on = 0
    for start, added in hum.knots.sums(hum.frequencies, smoothed(hum, q)):
        place = slice(start, start + added.shape[1])
        heard = samples[:, place].astype(np.float64)
        added[:, silent[place]] = 0
        knots = np.arange(start, place.stop) // hum.knots.hop
        on = hum.lasts[np.minimum(knots, len(hum.lasts) - 1)]
        frames_on += int(np.count_nonzero(on))
        power = added**2
        taken += power.sum(axis=1)
        taken_on += power @ on
        heard_on += heard**2 @ on
        result[:, place] = heard - added
    return Cleared(
        result, taken / frames, taken_on / max(frames_on, 1), heard_on / max(frames_on, 1)
    )
