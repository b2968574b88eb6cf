"""What is known of each stretch that may be a click: the traits that it is judged by.

A click is added to a sound and over at once: what goes on beneath it is the same before and after.
An onset changes the sound: it is louder after it, excited for a while, and of another spectrum. And
where a texture is made of short sounds, as rain and applause are, many are alike.

All are logarithms of ratios, or shares, so neither the level of a sound nor its rate is in them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._common.runs import mask_of
from .. import autoregression as ar
from .prediction import level_before_and_after

Array = NDArray[np.float64]
Places = NDArray[np.intp]

# How far around a candidate the sound is compared, and what else stands out is sought.
_AROUND_SECONDS = 0.010
_FAR_AROUND_SECONDS = 0.040
_BESIDE_SECONDS = 0.005
_CLOSE_SECONDS = 0.001
# Between these distances what excites the sound, and how bright it is, are told on either side.
_PROFILE_SECONDS = (0.0, 0.001, 0.0025, 0.005, 0.010, 0.020, 0.040)
# How restless a sound is, is told by so many of its parts: by what stands out in each of these.
_CELL_SECONDS, _RESTLESS_HOP_SECONDS = 0.001, 0.1
_QUANTILES = (0.5, 0.75, 0.9, 0.97)
# Within these times others are counted, and within the next the one that stands out most is sought.
_OFTEN_SECONDS = (0.05, 0.5)
_LOUDEST_SECONDS = 0.02
# What stands out at least this much as far is counted as alike.
_ALIKE = 0.5
# How much louder the error is after a click does not matter beyond this: before it may be silence.
_MOST_RISE = 2.0
# Nor how much louder the sound is: there it has an edge.
MOST_CHANGE = 3.0
# The spectra before and after are compared in so many octaves below this part of the rate.
_HIGHEST, _OCTAVES = 0.45, 7
# Of fewer samples, as at rates below 1 kHz, spectra do not all reach as high.
_LEAST_SPECTRUM = 10
_TINY = 1e-9
# Stretches are told one by one where there is at most one in so many samples.
_SAMPLES_OF_A_STRETCH = 512
# Beside what is far louder, rounding may leave nothing of an error's energy.
_LEAST_ENERGY = 1e-3
# So many spectra are taken at once.
_AT_ONCE = 1024
#: A candidate stands out by the geometric mean of two measures, each the largest within this time.
BRIEFLY_SECONDS = 0.00015


class Measured(NamedTuple):
    """What a search has measured of a sound, one value per sample each.

    Attributes:
        samples: the sound.
        beneath: with all that may be a click filled in.
        error: how badly each is predicted, against the level around it.
        joint: how far a click stands out in both measures.
        lasting: how large the prediction error is over a while, against its level.
        before: the level of the error before each sample.
        after: and after it.
        left_over: the error of what is beneath, against the louder of the two.
        matched: the output of the matched filter, against its level.
        smooth: how far what is smooth and lasts stands out.
        forwards: how badly each is predicted from before.
        forwards_beneath: and of what is beneath.
        sample_rate: of all of these, in Hz.
    """

    samples: Array
    beneath: Array
    error: Array
    joint: Array
    lasting: Array
    before: Array
    after: Array
    left_over: Array
    matched: Array
    smooth: Array
    forwards: Array
    forwards_beneath: Array
    sample_rate: int


class Traits(NamedTuple):
    """The traits, one row for each stretch, and three of them by name."""

    rows: Array
    change: Array
    louder_after: Array
    removed: Array


def traits_of(sound: Measured, starts: Places, stops: Places) -> Traits:
    """Return the traits of some stretches, each at least one sample long, in rising order."""
    rate = sound.sample_rate
    close, beside = (round(one * rate) for one in (_CLOSE_SECONDS, _BESIDE_SECONDS))
    around, far_around = (round(one * rate) for one in (_AROUND_SECONDS, _FAR_AROUND_SECONDS))
    briefly = round(BRIEFLY_SECONDS * rate)
    middle = (starts + stops) // 2
    beneath, left_over = sound.beneath, sound.left_over
    strength = np.log(largest(sound.joint, starts - briefly, stops + briefly))
    energy = np.log(np.maximum(largest(sound.lasting, starts, stops), _LEAST_ENERGY))
    length = np.log((stops - starts) / rate * 1000)
    change = np.log(sound.after[middle] / sound.before[middle])
    louder = np.maximum(sound.before, sound.after)[middle]
    rms = _rms(beneath, starts - around, stops + around)
    removed_there = np.where(mask_of(starts, stops, len(beneath)), sound.samples - beneath, 0)
    removed = np.log(largest(np.abs(removed_there), starts, stops) / rms + _TINY)
    rough = np.log(np.maximum(largest(left_over, starts - close, stops + close), 1))
    others = np.maximum(
        largest(left_over, starts - beside, starts), largest(left_over, stops, stops + beside)
    )
    louder_after = _louder_after(beneath, starts, stops, around)
    bright = np.log(np.stack(_profile(np.diff(beneath, prepend=0), starts, stops, rate)))
    bright -= bright.mean(axis=0)
    rows = np.stack([
        strength,
        np.clip(change, 0, _MOST_RISE),
        length,
        strength * length,
        rough,
        np.log(rms / louder),
        np.maximum(np.log(np.maximum(others, 1)) - strength, -2),
        length**2,
        removed * length,
        removed,
        energy,
        change,
        *_how_often(starts, stops, strength, rate),
        louder_after,
        *_shape(removed_there, starts, stops),
        _louder_after(beneath, starts, stops, far_around),
        *(np.log(one + 0.05) for one in _profile(left_over, starts, stops, rate)),
        *bright,
        *_restless(sound.error, middle, rate),
        *_other_spectrum(beneath, starts, stops, around, rate),
        *_evidence(sound, starts, stops),
        *_smoothness(sound, starts, stops),
    ], axis=1)  # fmt: skip
    return Traits(rows, change, louder_after, removed)


def _louder_after(beneath: Array, starts: Places, stops: Places, around: int) -> Array:
    """Return how much louder the sound is after each than before it."""
    before, after = _rms(beneath, starts - around, starts), _rms(beneath, stops, stops + around)
    louder: Array = np.clip(np.log(after / before), -MOST_CHANGE, MOST_CHANGE)
    return louder


def _profile(values: Array, starts: Places, stops: Places, sample_rate: int) -> list[Array]:
    """Return the level before and after each, nearer and farther away, against their mean."""
    told = []
    for nearer, farther in pairwise(_PROFILE_SECONDS):
        near, far = round(nearer * sample_rate), round(farther * sample_rate)
        far = max(far, near + 1)
        told.append(_rms(values, starts - far, starts - near))
        told.append(_rms(values, stops + near, stops + far))
    return told


def _restless(error: Array, places: Places, sample_rate: int) -> list[Array]:
    """Return how far the error stands out in most of the second around each, and in less of it."""
    cell = max(1, round(_CELL_SECONDS * sample_rate))
    count = -(-len(error) // cell)
    peaks = np.pad(error, (0, count * cell - len(error))).reshape(count, cell).max(axis=1)
    half = min(round(_OFTEN_SECONDS[1] / _CELL_SECONDS), count)
    hop = round(_RESTLESS_HOP_SECONDS / _CELL_SECONDS)
    starts = np.arange(0, count, hop)
    inside = (starts >= half) & (starts + half <= count)
    told = np.empty((len(starts), len(_QUANTILES)))
    if inside.any():
        windows = np.lib.stride_tricks.sliding_window_view(peaks, 2 * half)[starts[inside] - half]
        told[inside] = np.quantile(np.sort(windows, axis=1), _QUANTILES, axis=1).T
    for one in np.flatnonzero(~inside):
        around = peaks[max(starts[one] - half, 0) : starts[one] + half]
        told[one] = np.quantile(around, _QUANTILES)
    nearest = np.minimum((places // cell + hop // 2) // hop, len(starts) - 1)
    return list(np.log(np.clip(told[nearest].T, 0.1, 100)))


def _other_spectrum(
    beneath: Array, starts: Places, stops: Places, around: int, sample_rate: int
) -> tuple[Array, Array]:
    """Return by how much the octaves differ before and after each, and how much brighter it is."""
    from scipy.fft import rfft, rfftfreq

    around = max(around, _LEAST_SPECTRUM)
    padded = np.pad(beneath, around)
    windows = np.lib.stride_tricks.sliding_window_view(padded, around)
    window = np.hanning(around + 2)[1:-1]
    edges = _HIGHEST * sample_rate / 2.0 ** np.arange(_OCTAVES, -1, -1)
    bins = np.searchsorted(rfftfreq(around, 1 / sample_rate), edges)
    bins = np.unique(np.maximum(bins, 1))
    told = np.zeros((2, len(starts)))
    for first in range(0, len(starts), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        bands = []
        for place in (starts[part], stops[part] + around):
            power = np.abs(rfft(windows[place] * window, axis=1)) ** 2
            bands.append(np.add.reduceat(power, bins, axis=1)[:, :-1])
        least = 1e-4 * (bands[0] + bands[1]).max(axis=1, keepdims=True) + _TINY
        differs = np.log((bands[1] + least) / (bands[0] + least)) / 2
        told[0, part] = np.sqrt(
            np.mean((differs - differs.mean(axis=1, keepdims=True)) ** 2, axis=1)
        )
        half = differs.shape[1] // 2
        told[1, part] = differs[:, half:].mean(axis=1) - differs[:, :half].mean(axis=1)
    return told[0], told[1]


def _evidence(sound: Measured, starts: Places, stops: Places) -> tuple[Array, ...]:
    """Return how much likelier the sound is with each filled in than as it is.

    That is by how much the energy of the prediction error becomes less, in variances: twice the
    logarithm of the ratio of the likelihoods, if the excitation is Gaussian. In all; for each
    sample; what of the energy stays; and how large that is, each sample.
    """
    order = ar.order_for(sound.sample_rate)
    level = np.maximum(*level_before_and_after(sound.forwards_beneath, sound.sample_rate))
    last = np.minimum(stops + order, len(level))
    energies = []
    for error in (sound.forwards, sound.forwards_beneath):
        sums = np.concatenate([[0.0], np.cumsum((error / level) ** 2)])
        energies.append(sums[last] - sums[starts])
    before, after = energies
    gain = np.log(np.maximum(before - after, 0) + 1)
    return (
        gain,
        gain - np.log(stops - starts),
        np.log((after + 1) / (before + 1)),
        np.log(after / (last - starts) + _TINY),
    )


def _smoothness(sound: Measured, starts: Places, stops: Places) -> tuple[Array, Array]:
    """Return how far each stands out by its shape, and how much more than by its samples."""
    smooth = np.log(largest(sound.smooth, starts, stops) + 1)
    return smooth, smooth - np.log(largest(sound.matched, starts, stops) + 1)


def _how_often(
    starts: Places, stops: Places, strength: Array, sample_rate: int
) -> tuple[Array, ...]:
    """Return how many others there are, and what they are.

    That is how many are near, and less near; how far the loudest one close by stands out; how many
    of those less near are alike or more so; and which part of that time they take.
    """

    def within(seconds: float) -> tuple[Places, Places]:
        reach = round(seconds * sample_rate)
        return np.searchsorted(stops, starts - reach), np.searchsorted(starts, stops + reach)

    near, far = (np.log(np.maximum(last - first, 1)) for first, last in map(within, _OFTEN_SECONDS))
    loudest, alike = np.zeros((2, len(starts)))
    least = strength + np.log(_ALIKE)
    for one, (first, last) in enumerate(zip(*within(_LOUDEST_SECONDS), strict=True)):
        loudest[one] = max(
            strength[first:one].max(initial=0.0), strength[one + 1 : last].max(initial=0.0)
        )
    first, last = within(_OFTEN_SECONDS[1])
    for one in range(len(starts)):
        alike[one] = np.count_nonzero(strength[first[one] : last[one]] >= least[one])
    covered = np.concatenate([[0], np.cumsum(stops - starts)])
    share = (covered[last] - covered[first]) / (2 * _OFTEN_SECONDS[1] * sample_rate)
    return near, far, loudest - strength, np.log(alike), np.log(share + 1e-4)


def _shape(removed: Array, starts: Places, stops: Places) -> tuple[Array, Array, Array, Array]:
    """Return how sharp and how rough each is, where its middle lies, and where its peak."""
    level = _rms(removed, starts, stops)
    sharp = np.log(largest(np.abs(removed), starts, stops) / level + _TINY)
    rough = np.log(_rms(np.diff(removed, append=0), starts - 1, stops) / level)
    energy = np.concatenate([[0.0], np.cumsum(removed**2)])
    moment = np.concatenate([[0.0], np.cumsum(removed**2 * np.arange(len(removed)))])
    whole = energy[stops] - energy[starts]
    middle = np.where(
        whole > 0, (moment[stops] - moment[starts]) / np.maximum(whole, 1e-30), starts
    )
    lies = np.clip((middle - starts) / np.maximum(stops - 1 - starts, 1), 0, 1)
    third = (stops - starts + 2) // 3
    early = (energy[starts + third] - energy[starts]) / np.maximum(whole, 1e-30)
    return sharp, rough, lies, np.clip(early, 0, 1)


def largest(values: Array, starts: Places, stops: Places) -> Array:
    """Return the largest value of each stretch, as far as it lies within; 0 where none does."""
    bounds = np.clip(np.stack([starts, stops], axis=1), 0, len(values))
    if len(bounds) * _SAMPLES_OF_A_STRETCH < len(values):
        return np.array([values[a:b].max() if b > a else 0.0 for a, b in bounds.tolist()])
    if bounds.max(initial=0) == len(values):
        values = np.append(values, 0.0)
    found: Array = np.maximum.reduceat(values, bounds.ravel())[::2]
    found[bounds[:, 1] <= bounds[:, 0]] = 0.0
    return found


def _rms(values: Array, starts: Places, stops: Places) -> Array:
    bounds = np.clip(np.stack([starts, stops], axis=1), 0, len(values))
    lengths = bounds[:, 1] - bounds[:, 0]
    if len(bounds) * _SAMPLES_OF_A_STRETCH < len(values):
        parts = (values[a:b] for a, b in bounds.tolist())
        energy = np.array([part @ part for part in parts])
    else:
        energy = np.add.reduceat(np.append(values**2, 0.0), bounds.ravel())[::2]
        energy[lengths <= 0] = 0.0
    rms: Array = np.sqrt(energy / np.maximum(lengths, 1)) + _TINY
    return rms
