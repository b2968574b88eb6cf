"""The best of many ringing tails at many clicks: how much each explains, and the best refined.

A tail is ``Re(c z^n)`` from its first sample on. What prediction leaves of it is the model's filter
applied to it; how much of that is in the prediction error is a sum of powers of ``z`` over what the
same filter, applied backwards, makes of the error: one recursion for all places. Missing samples
before a tail explain a part of it too, told by an orthonormal basis of what they do to the error.

All arrays are stacked: one row for each click, or for each fit that is refined, so that a step of
the refinement is the same few products of matrices for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Places = NDArray[np.intp]

#: So many samples before a tail are missing at most: the first place where one may begin.
MOST_MISSING = 32
#: The shortest decay that is sought.
SHORTEST_SECONDS = 0.0003
#: A tail is sought in a window of so many decays, that hold nearly all of its energy.
WINDOW_DECAYS = 3.0
#: Each missing sample has to explain so much, in variances of the prediction error.
WORTH = 3.0
# The grid, and how finely it is sought in afterwards, at so many places before and after.
_LOWEST_HZ, _HIGHEST_HZ, _FREQUENCIES, _DECAYS = 60.0, 5000.0, 38, 5
_ROUNDS, _FINER = 8, 0.6
_STEPS = np.array([-1.0, 0.0, 1.0])
_NEAR = 2
# Sums of powers are taken in pieces of this length.
_PIECE = 64
_BEHIND = np.add.outer(np.arange(_PIECE), np.arange(_PIECE))
_TINY = 1e-12


class Heard(NamedTuple):
    """The prediction error around clicks, and what of it missing samples explain.

    Attributes:
        errors: in deviations, zeros behind.
        models: the filters that left them.
        counts: at how many places a tail may begin, from `MOST_MISSING` on.
        matched: the errors through the filter once more, backwards: a tail adds up in it.
        shifted: the filters as matrices, for sums over powers.
        spans: orthonormal bases of what missing samples do to the error, one column each, from the
            last before a tail backwards; rows are samples, up to the order behind its begin.
        asides: how much of each column is in the error before each place.
    """

    errors: Array
    models: Array
    counts: Places
    matched: Array
    shifted: Array
    spans: Array
    asides: Array

    def of(self, rows: list[int]) -> Heard:
        """Return the same of some of the clicks."""
        return Heard(
            self.errors[rows],
            self.models[rows],
            self.counts[rows],
            self.matched[rows],
            self.shifted[rows],
            self.spans[rows],
            self.asides[rows],
        )


class Fits(NamedTuple):
    """The best tails, one for each click: in samples, and in deviations.

    Attributes:
        worth: how much each explains with what is missing before it, missing samples weighed.
        gains: how much it does by itself.
        places: where it begins.
        poles: of it.
        real: what it has of the real part of the powers,
        imaginary: and of the imaginary part.
    """

    worth: Array
    gains: Array
    places: Places
    poles: Complex
    real: Array
    imaginary: Array


class _Poles(NamedTuple):
    """Poles, and powers of them.

    Attributes:
        poles: one each.
        powers: from 0 on, in rows: the real parts of all poles, then the imaginary ones.
        steps: the powers, from 0 on, of its power by the length of a piece, in rows.
        squares: the sum of all its squared powers.
        sizes: the sum of the squares of their magnitudes.
    """

    poles: Complex
    powers: Array
    steps: Complex
    squares: Complex
    sizes: Array


def heard(errors: list[Array], models: Array, counts: list[int]) -> Heard:
    """Return what is heard around clicks, before any tail is tried.

    Args:
        errors: the prediction error around each, in deviations.
        models: the filters that left them, one row each.
        counts: at how many places a tail may begin.
    """
    order, longest, most = models.shape[1] - 1, max(map(len, errors)), max(counts)
    whole = np.zeros((len(errors), longest + most + 2 * _PIECE))
    matched = np.zeros_like(whole)
    for row, (error, model) in enumerate(zip(errors, models, strict=True)):
        whole[row, : len(error)] = error
        matched[row, : len(error)] = np.convolve(error, model[::-1])[order:]
    windows = np.lib.stride_tricks.sliding_window_view
    shifted = windows(np.pad(models, ((0, 0), (order, 0))), order + 1, axis=1)[..., ::-1].copy()
    beside = np.pad(models, ((0, 0), (MOST_MISSING - 1, MOST_MISSING - 1)))
    spans = np.linalg.qr(windows(beside, MOST_MISSING, axis=1))[0]
    asides = windows(whole, MOST_MISSING + order, axis=1)[:, :most] @ spans
    return Heard(whole, models, np.array(counts), matched, shifted, spans, asides)


def best_of_grid(
    click: Heard, slowest: float, sample_rate: int, missing: tuple[int, ...]
) -> list[Fits]:
    """Return the best tails of a grid at one click, one for each number of missing samples.

    Args:
        click: one click.
        slowest: the slowest decay, in seconds.
        sample_rate: in Hz.
        missing: how many samples may be missing before it.
    """
    order, pieces = click.models.shape[1] - 1, -(-click.errors.shape[1] // _PIECE)
    poles = _grid(slowest, sample_rate, order, pieces)
    places = MOST_MISSING + np.arange(click.counts[0])[None]
    return list(_best(click, places, poles, missing))


def refined(clicks: Heard, fits: Fits, missing: int, slowest: float, sample_rate: int) -> Fits:
    """Return the best tails near some: of other frequencies, decays, and beginnings.

    Args:
        clicks: one for each fit.
        fits: the best of the grid.
        missing: how many samples are missing before each.
        slowest: the slowest decay, in seconds.
        sample_rate: in Hz.
    """
    order, pieces = clicks.models.shape[1] - 1, -(-clicks.errors.shape[1] // _PIECE)
    turn = np.log(_HIGHEST_HZ / _LOWEST_HZ) / (_FREQUENCIES - 1)
    stretch = np.log(slowest / SHORTEST_SECONDS) / (_DECAYS - 1)
    near = np.arange(-_NEAR, _NEAR + 1)
    for finer in _FINER ** np.arange(_ROUNDS):
        decays = decays_of(fits.poles)[:, None] * np.exp(_STEPS * stretch * finer)
        decays = np.clip(decays, SHORTEST_SECONDS * sample_rate, slowest * sample_rate)
        angles = np.angle(fits.poles)[:, None] * np.exp(_STEPS * turn * finer)
        angles = np.clip(angles, 0, np.pi)
        tried = np.exp(1j * angles[:, :, None] - 1 / decays[:, None, :]).reshape(len(decays), -1)
        poles = _with_powers(tried, order, pieces)
        (others,) = _best(clicks, fits.places[:, None] + near, poles, (missing,))
        better = others.worth > fits.worth
        fits = Fits(*(np.where(better, *pair) for pair in zip(others, fits, strict=True)))
    return fits


def decays_of(poles: Complex) -> Array:
    """Return within how many samples the powers of poles fall by 8.7 dB."""
    decays: Array = -1 / np.log(np.abs(poles))
    return decays


def tail_of(pole: complex, real: float, imaginary: float, length: int) -> Array:
    """Return a tail, so many samples of it."""
    powers = _powers(np.array([[pole]]), length)[0, :, 0]
    tail: Array = real * powers.real + imaginary * powers.imag
    return tail


def _best(clicks: Heard, places: Places, poles: _Poles, options: tuple[int, ...]) -> Iterator[Fits]:
    """Yield the best tails of some poles at some places, one after the other.

    One for each number of samples that may be missing before it, in rising order.
    """
    order, count = clicks.models.shape[1] - 1, poles.poles.shape[1]
    # what prediction leaves of z^n is z^n times a sum of powers, all of them from `order` on
    begins = clicks.shifted @ poles.powers[:, : order + 1]
    goes_on = begins[:, order, :count] + 1j * begins[:, order, count:]
    begins = begins[:, :order]
    square = goes_on**2 * poles.squares / 2
    size = (goes_on.real**2 + goes_on.imag**2) * poles.sizes / 2
    later = np.stack([size + square.real, size - square.real, square.imag])
    energies = _energies(begins) + later[:, :, None]
    found = _sums(clicks.matched, places, poles)
    # what missing samples explain of it is not the tail's
    columns = clicks.spans[:, MOST_MISSING:].transpose(0, 2, 1) @ begins
    row = np.arange(len(places))
    there = places - MOST_MISSING
    allowed = (there >= 0) & (there < clicks.counts[:, None])
    beside = clicks.asides[row[:, None], np.clip(there, 0, clicks.counts[:, None] - 1)]
    freely, before = np.where(allowed, 0.0, -np.inf), 0
    for missing in options:
        new = slice(before, missing)
        if missing > before:
            energies = energies - _energies(columns[:, new])
            found -= beside[..., new] @ columns[:, new]
            freely += np.sum(beside[..., new] ** 2, axis=-1) - WORTH * (missing - before)
        real, imaginary, mixed = energies
        determinant = np.maximum(real * imaginary - mixed**2, _TINY * (real + imaginary) ** 2)
        real, imaginary, mixed = energies / determinant
        a, b = found[..., :count], found[..., count:]
        gains = (imaginary * a - 2 * mixed * b) * a
        gains += real * b * b
        gains += freely[..., None]
        index = gains.reshape(len(places), -1).argmax(axis=1)
        place, pole = np.divmod(index, count)
        a, b = a[row, place, pole], b[row, place, pole]
        x = imaginary[row, 0, pole] * a - mixed[row, 0, pole] * b
        y = real[row, 0, pole] * b - mixed[row, 0, pole] * a
        yield Fits(
            worth=x * a + y * b + freely[row, place],
            gains=x * a + y * b,
            places=places[row, place],
            poles=np.broadcast_to(poles.poles, (len(places), count))[row, pole],
            real=x,
            imaginary=y,
        )
        before = missing


def _energies(parts: Array) -> Array:
    """Return the energies of real and of imaginary parts, and their product, summed over rows."""
    count = parts.shape[-1] // 2
    real, imaginary = parts[..., :count], parts[..., count:]
    return np.stack([
        _over_rows(real, real), _over_rows(imaginary, imaginary), _over_rows(real, imaginary)
    ])  # fmt: skip


def _sums(values: Array, places: Places, poles: _Poles) -> Array:
    """Return the sum of z^n values[p + n] over n, for each place p and pole z.

    Places are one after the other; parts as in powers.
    """
    rows, wanted = places.shape
    near = -(-wanted // _PIECE)
    count = poles.poles.shape[1]
    last = values.shape[1]
    far = max(-(-(last - int(places[:, 0].min())) // _PIECE) - near, 0)
    reached = places[:, :1] + np.arange((near + far) * _PIECE)
    inside = values[np.arange(rows)[:, None], np.minimum(reached, last - 1)]
    inside = inside.reshape(rows, near + far, _PIECE)
    powers = poles.powers[:, :_PIECE]
    each, steps = inside[:, near:] @ powers, poles.steps[:, :far]
    real, imaginary = each[..., :count], each[..., count:]
    now_real = _over_rows(real, steps.real) - _over_rows(imaginary, steps.imag)
    now_imaginary = _over_rows(real, steps.imag) + _over_rows(imaginary, steps.real)
    sums = np.empty((rows, wanted, 2 * count))
    alone = np.zeros((rows, 2 * _PIECE))
    for piece in reversed(range(near)):
        alone[:, :_PIECE] = inside[:, piece]
        there = sums[:, piece * _PIECE : (piece + 1) * _PIECE]
        backwards = poles.powers[:, _PIECE : _PIECE - there.shape[1] : -1]
        up, across = backwards[..., :count], backwards[..., count:]
        there[:] = alone[:, _BEHIND[: there.shape[1]]] @ powers
        there[..., :count] += up * now_real - across * now_imaginary
        there[..., count:] += up * now_imaginary + across * now_real
        now_real, now_imaginary = there[:, :1, :count], there[:, :1, count:]
    return sums


def _over_rows(one: Array, other: Array) -> Array:
    """Return the products of two, summed over rows."""
    summed: Array = np.einsum("fnp,fnp->fp", one, other)
    return summed[:, None]


def _with_powers(poles: Complex, order: int, pieces: int) -> _Poles:
    """Return poles with powers of them up to the order, and steps over so many pieces."""
    powers = _powers(poles, max(order, _PIECE) + 1)
    return _Poles(
        poles,
        np.concatenate([powers.real, powers.imag], axis=2),
        _powers(powers[:, _PIECE], pieces),
        1 / (1 - poles**2),
        1 / (1 - np.abs(poles) ** 2),
    )


def _powers(poles: Complex, count: int) -> Complex:
    """Return the powers of poles from 0 on, in rows."""
    factors = np.repeat(poles[:, None], count, axis=1)
    factors[:, 0] = 1
    return np.asarray(np.cumprod(factors, axis=1), np.complex128)


@lru_cache(maxsize=4)
def _grid(slowest: float, sample_rate: int, order: int, pieces: int) -> _Poles:
    """Return the poles that are tried first, one for each frequency and decay."""
    frequencies = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _FREQUENCIES)
    decays = np.geomspace(SHORTEST_SECONDS, slowest, _DECAYS)
    angles = 2j * np.pi * frequencies / sample_rate
    poles = np.exp(angles[:, None] - 1 / (decays * sample_rate)).reshape(1, -1)
    return _with_powers(poles, order, pieces)
