"""Smooth clicks by their shapes: the matched filter of clicks that last.

A click that lasts a millisecond and is smooth is hardly larger, sample by sample, than what the
model cannot predict; over its whole length it is. A shape `s` in a sound that the model `a` whitens
is told by how far it stands out in deviations::

    z(t) = sum_f |A(f)|^2 X(f) conj(S(f)) e^(2j pi f t) / (sigma |A S|)

S. J. Godsill, P. J. W. Rayner: *Digital Audio Restoration* (Springer 1998), chapter 5, where the
shape is one sample. The shapes here are a bump and double lobes, of a few lengths.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import autoregression as ar
from .prediction import Complex, level

Array = NDArray[np.float64]
Places = NDArray[np.intp]

# How long the shapes are: half a sine, and one sine under a Hann window.
_BUMPS_SECONDS = (0.0008,)
_LOBES_SECONDS = (0.0006, 0.0012, 0.0024)
# At rates at which one is shorter, it is no shape.
_LEAST_SAMPLES = 4


class Shaped(NamedTuple):
    """How far what has one of the shapes stands out around each sample.

    Attributes:
        stands_out: in deviations, the most of any shape; 0 where the sound is known on one side.
        lengths: of the shape that does so most, in samples.
    """

    stands_out: Array
    lengths: Places


class Shapes:
    """Hears of blocks, and tells how far smooth clicks stand out in them.

    Args:
        blocks: the blocks that a sound is cut into.
        sample_rate: in Hz.
    """

    def __init__(self, blocks: ar.Blocks, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._shapes = _shapes(sample_rate)
        self._most = np.zeros((blocks.count, blocks.hop), np.float32)
        self._which = np.zeros((blocks.count, blocks.hop), np.int8)
        self._beyond = max(map(len, self._shapes), default=0) // 2 + 1
        #: How many samples on either side of a block it needs to hear.
        self.reach = ar.order_for(sample_rate) + self._beyond

    def hear(self, group: range, spectrum: Complex, response: Complex, size: int) -> None:
        """Hear of some blocks: their spectra, and those of the filters that whiten them."""
        from scipy.fft import irfft

        if not self._shapes:
            return
        turned, powers = _spectra(self._shapes, size)
        power = response.real**2 + response.imag**2
        norms = np.sqrt(power @ powers).astype(np.float32)
        whitened = (spectrum * power).astype(np.complex64)
        most, which = (one[group.start : group.stop] for one in (self._most, self._which))
        inside = slice(self.reach, self.reach + most.shape[1])
        for index, one in enumerate(turned):
            found = np.abs(irfft(whitened * one, size, axis=1)[:, inside])
            found /= norms[:, index, None]
            np.copyto(which, index, where=found > most)
            np.maximum(most, found, out=most)

    def shaped(self, samples: Array) -> Shaped:
        """Return how far smooth clicks stand out in the sound that the blocks are of."""
        from scipy.ndimage import maximum_filter1d

        if not self._shapes:
            return Shaped(np.zeros(len(samples)), np.zeros(len(samples), np.intp))
        strongest = self._most.ravel()[: len(samples)].astype(np.float64)
        stands_out = strongest / level(strongest, self._sample_rate)
        one_sided = np.logical_or(*ar.one_sided(samples, ar.order_for(self._sample_rate)))
        stands_out[maximum_filter1d(one_sided, 2 * self._beyond + 1)] = 0
        lengths = np.array([len(one) for one in self._shapes])
        return Shaped(stands_out, lengths[self._which.ravel()[: len(samples)]])


@lru_cache(maxsize=8)
def _spectra(shapes: tuple[tuple[float, ...], ...], size: int) -> tuple[list[Complex], Array]:
    """Return the spectra of shapes, turned, and what their powers at each frequency count for."""
    from scipy.fft import rfft

    spectra = [rfft(np.roll(np.pad(one, (0, size - len(one))), -(len(one) // 2))) for one in shapes]
    weights = np.full(size // 2 + 1, 2.0 / size)
    weights[0] /= 2
    if size % 2 == 0:
        weights[-1] /= 2
    powers = np.stack([weights * np.abs(one) ** 2 for one in spectra], axis=1)
    return [one.conj().astype(np.complex64) for one in spectra], powers


@cache
def _shapes(sample_rate: int) -> tuple[tuple[float, ...], ...]:
    bumps = [round(seconds * sample_rate) for seconds in _BUMPS_SECONDS]
    lobes = [round(seconds * sample_rate) for seconds in _LOBES_SECONDS]
    found = [np.sin(np.pi * np.arange(1, n + 1) / (n + 1)) for n in bumps if n >= _LEAST_SAMPLES]
    found += [
        np.sin(2 * np.pi * (np.arange(n) + 0.5) / n) * np.hanning(n + 2)[1:-1]
        for n in lobes
        if n >= _LEAST_SAMPLES
    ]
    return tuple(tuple(one.tolist()) for one in found)
