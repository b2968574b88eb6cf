"""The fit of a ringing tail: what starts hard and dies away, beneath it the sound.

It is a maximum-likelihood estimate. The prediction error of the sound, by the model of what lies on
either side, is taken for white noise; in it stands what prediction leaves of the tail, from its
first sample on::

    x[n] = sound[n] + Re(c z^(n - t)),  n >= t,  z = exp(-1 / (decay fs) + 2j pi frequency / fs)

The samples just before ``t`` may be anything: they are missing. For each place, and so many missing
samples, the energy that the best tail explains is told for a grid of frequencies and decays, and
the best of all is refined.

After S. J. Godsill, P. J. W. Rayner: *Digital Audio Restoration* (Springer 1998), chapter 7, where
pulses of low frequency are additive and have an autoregressive form; here a tail has one pole pair.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import autoregression as ar
from .prediction import CELL_SECONDS, CELLS, MEDIAN_OF_GAUSSIAN

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

# What the model sees on either side.
_SEEN_SECONDS = 0.046
# A trace of noise in the model, 70 dB under the sound: it must not dig below that of a codec.
_WHITE = 1e-7
# The grid, and how finely it is sought in afterwards.
_LOWEST_HZ, _HIGHEST_HZ, _FREQUENCIES = 60.0, 5000.0, 38
SHORTEST_SECONDS, _DECAYS = 0.0003, 5
_ROUNDS, _FINER = 8, 0.6
_STEPS = np.array([-1.0, 0.0, 1.0])
# It may begin so much before what was found, and so many samples before it may be missing.
_EARLIER_SECONDS = 0.0004
_MISSING = (0, 4, 12, 32)
# Each missing sample has to explain so much, in variances of the prediction error.
_WORTH = 3.0
# A tail is over where it is 40 dB down, and is subtracted until it is 60 dB down, fading over the
# last decay. It is sought in a window of so many decays, that hold nearly all of its energy.
OVER, _SUBTRACTED, _WINDOW = math.log(100), math.log(1000), 3.0
# A fit is refined where it explains this part of what stands out at first, and of what filling in
# does; it explains all where what it leaves is noise: it stands out by so little.
_PROMISING, NOISE = 0.7, 4.5
# Of the square of what stands out most a tail explains this part, or it is none.
PART_OF_PEAK = 0.1
# Sums of powers are taken in pieces of this length.
_PIECE = 32
_TINY = 1e-12


class Tail(NamedTuple):
    """A click with a ringing tail.

    Attributes:
        start: from where on samples are missing, up to where the tail begins.
        begin: where the tail begins.
        samples: the tail.
        frequency_hz: of its ringing.
        decay_seconds: in which it falls by 8.7 dB.
        gain: how much energy it explains, in variances of the prediction error.
        over_filling: how much more it explains than filling in does, missing samples weighed.
        stood_out: how far the prediction error stood out where it lies, in deviations.
        left: how far it does without it.
        left_power: the mean square of the prediction error without it, in variances.
        rises: how much larger the prediction error is after it than before.
    """

    start: int
    begin: int
    samples: Array
    frequency_hz: float
    decay_seconds: float
    gain: float
    over_filling: float
    stood_out: float
    left: float
    left_power: float
    rises: float


def tail_of(
    samples: Array,
    start: int,
    stop: int,
    sample_rate: int,
    longest_seconds: float,
    *,
    may_miss: bool = True,
) -> Tail | None:
    """Return the tail that fits best at a click; None where too little of the sound is known.

    Args:
        samples: the sound.
        start: where the click begins.
        stop: where what stands out of it ends.
        sample_rate: in Hz.
        longest_seconds: how long the tail lasts at most, until it is 40 dB down.
        may_miss: whether samples may be missing before it.
    """
    order = ar.order_for(sample_rate)
    window = min(round(_WINDOW * longest_seconds / OVER * sample_rate), len(samples) - stop)
    slowest = window / (_WINDOW * sample_rate)
    early = round(_EARLIER_SECONDS * sample_rate) + _MISSING[-1]
    before = round(CELLS * CELL_SECONDS * sample_rate)
    first = start - early  # the error is told from here on
    if first < before + order or window < order or slowest < 2 * SHORTEST_SECONDS:
        return None
    seen = round(_SEEN_SECONDS * sample_rate)
    sides = samples[max(start - seen, 0) : start], samples[stop + window :][:seen]
    model = ar.pooled_model(sides, order, _WHITE)
    error = np.convolve(samples[first - before - order : stop + window], model, "valid")
    ended = before + early + stop - start
    deviations = _deviation(error[:before]), _deviation(error[ended : ended + before])
    deviation = max(deviations)
    if min(deviations) <= 0:
        return None
    error = error[before:] / deviation
    places = range(_MISSING[-1], early + stop - start + 1)
    filled = _filled(error[early:], model, stop - start)
    fits = []
    for missing in _MISSING if may_miss else (0,):
        fit = _best(error, model, missing, places, _grid(slowest, sample_rate))
        there = error[fit.place - missing : fit.place + order]
        highest = float(np.abs(there[: missing + order // 2]).max())
        if (
            fit.worth > _PROMISING * max(filled, float(there @ there))
            and fit.gain > _PROMISING * PART_OF_PEAK * highest**2
        ):
            fit = _refined(error, model, fit, places, slowest, sample_rate)
            fits.append((fit, _left(error, model, fit)))
            if np.abs(fits[-1][1][: fit.lies]).max() <= NOISE:
                break  # the fewest missing samples that do
    if not fits:
        return None
    best, left = max(fits, key=lambda one: one[0].worth)
    begins = error[best.place - best.missing :][: best.missing + order + 1]
    # once more what lies after it, now without what prediction left of the tail
    later = _deviation(left[ended - before - best.place + best.missing :][:before])
    scale = deviation / max(deviations[0], later * deviation)
    left = left[: best.lies] * scale
    return Tail(
        start=first + best.place - best.missing,
        begin=first + best.place,
        samples=best.tail() * deviation,
        frequency_hz=float(np.angle(best.pole)) * sample_rate / (2 * np.pi),
        decay_seconds=best.decay / sample_rate,
        gain=best.gain * scale**2,
        over_filling=(best.worth - filled) * scale**2,
        stood_out=float(np.abs(begins).max()) * scale,
        left=float(np.abs(left).max()),
        left_power=float(np.mean(left**2)),
        rises=later * deviation / deviations[0],
    )


class _Fit(NamedTuple):
    """The best tail at some places, of some poles: all in samples, and in deviations."""

    worth: float
    gain: float
    missing: int
    place: int
    pole: complex
    real: float
    imaginary: float

    @property
    def decay(self) -> float:
        return float(-1 / np.log(np.abs(self.pole)))

    @property
    def lies(self) -> int:
        """How many samples it is told by, with those that are missing."""
        return self.missing + round(_WINDOW * self.decay)

    def tail(self) -> Array:
        powers = self.pole ** np.arange(round(_SUBTRACTED * self.decay))
        tail: Array = self.real * powers.real + self.imaginary * powers.imag
        tail *= np.clip((len(tail) - np.arange(len(tail))) / self.decay, 0, 1)
        return tail


def _best(error: Array, model: Array, missing: int, places: range, poles: Complex) -> _Fit:
    """Return the best tail that begins at one of some places, with so many samples missing."""
    order = len(model) - 1
    span = _span(model, missing)
    # what prediction leaves of z^n is z^n times a sum of powers, all of them from `order` on
    sums = np.cumsum(model * _powers(1 / poles, order + 1), axis=1)
    begins = np.zeros((len(poles), missing + order), complex)
    begins[:, missing:] = sums[:, :order] * _powers(poles, order)
    begins -= begins @ span @ span.T
    goes_on = sums[:, order] * poles**order
    square = np.sum(begins**2, axis=1) + goes_on**2 / (1 - poles**2)
    size = np.sum(np.abs(begins) ** 2, axis=1) + np.abs(goes_on) ** 2 / (1 - np.abs(poles) ** 2)
    real, imaginary, mixed = (size + square.real) / 2, (size - square.real) / 2, square.imag / 2
    determinant = np.maximum(real * imaginary - mixed**2, _TINY * size**2)
    inside = np.lib.stride_tricks.sliding_window_view(error, missing + order)
    inside = inside[places.start - missing : places.stop - missing]
    later = _sums(error, poles, places.start + order, places.stop + order)
    found = begins @ inside.T + goes_on[:, None] * later
    a, b = found.real, found.imag
    x = (imaginary[:, None] * a - mixed[:, None] * b) / determinant[:, None]
    y = (real[:, None] * b - mixed[:, None] * a) / determinant[:, None]
    gains = x * a + y * b
    freely = np.sum((inside @ span) ** 2, axis=1) - _WORTH * missing
    one, index = np.unravel_index((gains + freely).argmax(), gains.shape)
    gain = float(gains[one, index])
    return _Fit(
        worth=gain + float(freely[index]),
        gain=gain,
        missing=missing,
        place=places[int(index)],
        pole=complex(poles[one]),
        real=float(x[one, index]),
        imaginary=float(y[one, index]),
    )


def _refined(
    error: Array, model: Array, best: _Fit, places: range, slowest: float, sample_rate: int
) -> _Fit:
    """Return the best tail near one: of other frequencies, decays, and beginnings."""
    ratio = _HIGHEST_HZ / _LOWEST_HZ
    spread = np.array([
        np.log(ratio) / (_FREQUENCIES - 1),
        np.log(slowest / SHORTEST_SECONDS) / (_DECAYS - 1),
    ])  # fmt: skip
    for _ in range(_ROUNDS):
        turns, decays = np.exp(_STEPS[:, None] * spread).T
        decays = np.clip(decays * best.decay, SHORTEST_SECONDS * sample_rate, slowest * sample_rate)
        angles = np.clip(turns * np.angle(best.pole), 0, np.pi)
        poles = np.exp(1j * angles[:, None] - 1 / decays).ravel()
        near = range(max(best.place - 2, places.start), min(best.place + 3, places.stop))
        best = max(best, _best(error, model, best.missing, near, poles), key=lambda fit: fit.worth)
        spread *= _FINER
    return best


def _left(error: Array, model: Array, fit: _Fit) -> Array:
    """Return what of the prediction error a tail and the missing samples leave, from there on."""
    order, missing = len(model) - 1, fit.missing
    left = error[fit.place - missing :].copy()
    whitened = np.convolve(fit.tail(), model)[: len(left) - missing]
    left[missing : missing + len(whitened)] -= whitened
    inside = left[: missing + order]
    span = _span(model, missing)
    inside -= inside @ span @ span.T
    return left


def _filled(error: Array, model: Array, missing: int) -> float:
    """Return how much filling in the first samples explains, missing samples weighed."""
    from scipy.linalg import solveh_banded

    order = len(model) - 1
    lags = np.correlate(model, model, "full")[order:]
    width = min(order, missing - 1)
    band = np.repeat(lags[: width + 1, None], missing, axis=1)
    right = np.correlate(error[: missing + order], model, "valid")
    return float(right @ solveh_banded(band, right, lower=True)) - _WORTH * missing


def _span(model: Array, missing: int) -> Array:
    """Return an orthonormal basis of what samples that are missing do to the prediction error."""
    order = len(model) - 1
    columns = np.zeros((missing + order, missing))
    for k in range(missing):
        columns[k : k + order + 1, k] = model
    basis: Array = np.linalg.qr(columns)[0]
    return basis


def _sums(error: Array, poles: Complex, start: int, stop: int) -> Complex:
    """Return the sum of z^n error[p + n] over n, for each pole z, and each p from start to stop."""
    last = stop - 1
    rest = error[last:]
    pieces = np.pad(rest, (0, -len(rest) % _PIECE)).reshape(-1, _PIECE)
    each = _powers(poles, _PIECE) @ pieces.T
    step = poles**_PIECE
    now = np.zeros(len(poles), np.complex128)
    for piece in each.T[::-1]:
        now *= step
        now += piece
    sums = np.empty((len(poles), stop - start), complex)
    sums[:, -1] = now
    for place in range(last - 1, start - 1, -1):
        now *= poles
        now += error[place]
        sums[:, place - start] = now
    return sums


def _powers(poles: Complex, count: int) -> Complex:
    """Return the powers of each pole from 0 on."""
    factors = np.repeat(poles[:, None], count, axis=1)
    factors[:, 0] = 1
    return np.asarray(np.cumprod(factors, axis=1), np.complex128)


def _deviation(error: Array) -> float:
    return float(np.median(np.abs(error)) / MEDIAN_OF_GAUSSIAN) if len(error) else 0.0


@cache
def _grid(slowest: float, sample_rate: int) -> Complex:
    """Return the poles that are tried first, one for each frequency and decay."""
    frequencies = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _FREQUENCIES)
    decays = np.geomspace(SHORTEST_SECONDS, slowest, _DECAYS)
    angles = 2j * np.pi * frequencies / sample_rate
    poles: Complex = np.exp(angles[:, None] - 1 / (decays * sample_rate)).ravel()
    return poles
