"""Whether what looks like hum is hum, or a part of the music.

Hum is there all the time: in the moments in which the music at its frequencies is as soft as the
hum, it is heard. Hits that come at even distances have lines in their spectrum, too, but between
two hits there is nothing. Hum is a series of harmonics of the mains or of twice the mains, as
behind a rectifier: a held note has the third or the fifth of them and its multiples only. Hum
is steady, where a tremolo or a vibrato lets its note come and go at some pace. And it is louder
than what lies beside it, where the lines of a tune that comes again are all of a kind.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .evidence import TINY
from .knots import Array, Complex

# A moment may say so much at most, by this part of the power of the hum.
_CLOSE = 0.1
# Hum is there by so many nats for each moment, all harmonics together, and one of them by so many.
# Where nothing else shows it, that is enough in a sound of so many knots (6 s at 50 Hz), if it is
# the base or the second harmonic that shows it. A channel hums with the others from the last on.
_LEAST_NATS, _LEAST_OF_ONE = 0.9, 0.7
_ENOUGH_NATS, _ENOUGH_KNOTS, _LOWEST = 2.5, 120, 2
_WITH_OTHERS_NATS = 1.0
# A harmonic is heard with so many nats, no more than 60 dB under the strongest one. All of the
# series may be missing but every other one. Hum 70 dB under the sound is as good as none.
_HEARD_NATS, _HEARD_POWER = 0.5, 1e-6
_EVERY_OTHER = 2
_FAINT = 1e-7
# A note that is modulated sways along itself or across it, not both alike as where something else
# sounds beside it: by so much of the power of what sways, which is no more than 30 dB under it.
# It holds in the calmer part of all moments, too: hits over a hum let it sway while they last.
# What is slower than a second (at 50 Hz) does not count: hum swells like that. Where all harmonics
# are heard, and one of the first is the strongest, as of the mains, hits may do it that never end.
_ONE_WAY, _SWAYS, _CALM = 0.8, 1e-3, 0.7
_SLOW_KNOTS = 21
_STRONGEST = 3
# A tune that comes again has lines between the harmonics of the mains, up to so many for each: on
# both sides of most of them, no more than 6 dB softer, and beside so many of them 10 dB over what
# lies half-way. They are told in so many seconds at most, where so many bins lie between them.
_FEWEST_LINES, _AS_STRONG, _OVER_HALF_WAY = 3, 0.25, 10.0
_MOST_PARTS, _LINE_PERIODS, _LINES_SECONDS = 25, 4.0, 16.0


def presence(heard: Complex, middle: Complex) -> Array:
    """Return how much speaks for a hum by channel and harmonic: the mean of all knots, in nats.

    Where the music is loud it says nothing; where it is soft, what is heard is the hum or nothing.

    Args:
        heard: the amplitudes, of shape (channels, harmonics, knots).
        middle: those of the hum.
    """
    power = np.abs(middle) ** 2
    least = _CLOSE * power + TINY
    without, beside = np.abs(heard) ** 2, np.abs(heard - middle) ** 2
    said: Array = np.mean(np.log((without + least) / (beside + least)), axis=2)
    return said


def present_throughout(heard: Complex, middle: Complex) -> tuple[NDArray[np.bool_], float]:
    """Return which channels hum by what is there all the time, and by how many nats in all."""
    said = presence(heard, middle)
    pooled = said.mean(axis=0)
    if (
        heard.shape[2] < _ENOUGH_KNOTS
        or pooled.sum() < _ENOUGH_NATS
        or pooled[:_LOWEST].max() < _LEAST_OF_ONE
    ):
        return np.zeros(len(heard), np.bool_), 0.0
    return said.sum(axis=1) > _WITH_OTHERS_NATS, float(pooled.sum())


def is_music(heard: Complex, middle: Complex, sound_power: float) -> bool:
    """Return whether what looks like hum is part of the music, or as good as nothing.

    Args:
        heard: the amplitudes while it is on, of shape (channels, harmonics, knots), of the channels
            that hum.
        middle: those of the hum.
        sound_power: the mean square of these channels.
    """
    said = presence(heard, middle).mean(axis=0)
    if said.sum() < _LEAST_NATS or said.max() < _LEAST_OF_ONE:
        return True
    power = np.mean(np.abs(middle) ** 2, axis=(0, 2))
    if 2 * power.sum() < _FAINT * sound_power:
        return True
    there = said > _HEARD_NATS
    there &= power > _HEARD_POWER * power[there].max(initial=0)
    numbers = np.flatnonzero(there) + 1
    every = np.gcd.reduce(numbers)
    if every > _EVERY_OTHER or (every == _EVERY_OTHER and len(numbers) == 1):
        return True
    whole = every == 1 and len(numbers) > 1 and power.argmax() < _STRONGEST
    return not whole and bool(np.mean(_modulated(heard[:, there], middle[:, there])) > 0.5)


def repeats(samples: Array, sample_rate: int, base_hz: float, harmonics: int) -> bool:
    """Return whether harmonics are but every so many of the lines of music that comes again.

    A tune of a sequencer that plays ten notes a second has a line at each 10 Hz, and those at 50
    and 100 Hz are no louder than those beside them.

    Args:
        samples: what is heard while it is on, of shape (channels, frames).
        sample_rate: in Hz.
        base_hz: the frequency of what may be hum, which is steady.
        harmonics: how many it has.
    """
    frames = min(samples.shape[1], round(_LINES_SECONDS * sample_rate))
    window = np.hanning(frames)
    powers = np.square(np.abs(np.fft.rfft(samples[:, :frames] * window))).sum(axis=0) + TINY
    bins = frames / sample_rate  # for each Hz
    number = np.arange(1, harmonics + 1)
    number = number[(number + 1) * base_hz * bins < len(powers) - 2]
    if len(number) < _FEWEST_LINES:
        return False

    def lines(numbers: Array) -> Array:
        nearest = np.rint(numbers * base_hz * bins).astype(np.intp)
        loudest: Array = np.max([powers[nearest + step] for step in (-1, 0, 1)], axis=0)
        return loudest

    own = lines(number.astype(np.float64))
    for parts in range(2, _MOST_PARTS + 1):
        if base_hz / parts * bins < _LINE_PERIODS:
            break
        beside = np.minimum(lines(number - 1 / parts), lines(number + 1 / parts))
        half_way = np.minimum(lines(number - 0.5 / parts), lines(number + 0.5 / parts))
        there = beside > _AS_STRONG * own
        plain = there & (beside > _OVER_HALF_WAY * half_way)
        if 2 * np.count_nonzero(there) > len(number) and np.count_nonzero(plain) >= _FEWEST_LINES:
            return True
    return False


def _modulated(heard: Complex, middle: Complex) -> NDArray[np.bool_]:
    """Return by channel and harmonic whether it sways at some pace, as in a tremolo or vibrato."""
    from scipy.ndimage import median_filter

    sways = heard * middle.conj() / (np.abs(middle) ** 2 + TINY)
    sways.real -= median_filter(sways.real, (1, 1, _SLOW_KNOTS), mode="nearest")
    sways.imag -= median_filter(sways.imag, (1, 1, _SLOW_KNOTS), mode="nearest")
    power = np.abs(sways) ** 2
    calm = power <= np.quantile(power, _CALM, axis=2, keepdims=True)
    count = calm.sum(axis=2)
    in_all = np.sum(power * calm, axis=2) / count
    one_way = np.abs(np.sum(sways**2 * calm, axis=2)) / count
    modulated: NDArray[np.bool_] = (in_all > _SWAYS) & (one_way > _ONE_WAY * in_all)
    return modulated
