"""Smooth clicks by their shapes: the matched filter of clicks that last.

A click that lasts a millisecond and is smooth is hardly larger, sample by sample, than what the
model cannot predict; over its whole length it is. A shape `s` in a sound that the model `a` whitens
is told by how far it stands out in deviations::

    z(t) = sum_f |A(f)|^2 X(f) conj(S(f)) e^(2j pi f t) / (sigma |A S|)

S. J. Godsill, P. J. W. Rayner: *Digital Audio Restoration* (Springer 1998), chapter 5, where the
shape is one sample. The shapes here are a bump and double lobes, of a few lengths.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import autoregression as ar
from .prediction import WHITE, level

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


def shaped(
    samples: Array, blocks: ar.Blocks, sample_rate: int, *, beneath: Array, steady: bool
) -> Shaped:
    """Return how far smooth clicks stand out.

    Args:
        samples: the sound.
        blocks: the blocks it is cut into.
        sample_rate: in Hz.
        beneath: a sound of the same length that the models are made of.
        steady: whether the models are those of what lasts (`autoregression.steady_models`).
    """
    from scipy.fft import irfft, next_fast_len, rfft
    from scipy.ndimage import maximum_filter1d

    shapes = _shapes(sample_rate)
    most = np.zeros(blocks.count * blocks.hop)
    which = np.zeros(len(most), np.intp)
    if not shapes:
        return Shaped(most[: len(samples)], which[: len(samples)])
    order = ar.order_for(sample_rate)
    reach = order + max(map(len, shapes)) // 2 + 1
    size = next_fast_len(blocks.hop + 2 * reach, real=True)
    spectra = [rfft(np.roll(np.pad(one, (0, size - len(one))), -(len(one) // 2))) for one in shapes]
    turned = [one.conj().astype(np.complex64) for one in spectra]
    weights = np.full(size // 2 + 1, 2.0 / size)
    weights[0] /= 2
    if size % 2 == 0:
        weights[-1] /= 2
    powers = np.stack([weights * np.abs(one) ** 2 for one in spectra], axis=1)
    models = ar.steady_models if steady else ar.models
    inside = slice(reach, reach + blocks.hop)
    for group in blocks.groups():
        response = np.abs(rfft(models(beneath, blocks, group, order, white=WHITE), size)) ** 2
        spectrum = rfft(blocks.cut(samples, group, reach, reach), size, axis=1) * response
        norms = np.sqrt(response @ powers)
        whitened = spectrum.astype(np.complex64)
        place = slice(group.start * blocks.hop, group.stop * blocks.hop)
        for index, one in enumerate(turned):
            found = np.abs(irfft(whitened * one, size, axis=1)[:, inside])
            found = (found / norms[:, index, None]).ravel()
            larger = found > most[place]
            most[place][larger] = found[larger]
            which[place][larger] = index
    stands_out = most[: len(samples)] / level(most[: len(samples)], sample_rate)
    one_sided = np.logical_or(*ar.one_sided(samples, order))
    stands_out[maximum_filter1d(one_sided, 2 * (reach - order) + 1)] = 0
    lengths = np.array([len(one) for one in shapes])[which[: len(samples)]]
    return Shaped(stands_out, lengths)


@cache
def _shapes(sample_rate: int) -> tuple[Array, ...]:
    bumps = [round(seconds * sample_rate) for seconds in _BUMPS_SECONDS]
    lobes = [round(seconds * sample_rate) for seconds in _LOBES_SECONDS]
    found = [np.sin(np.pi * np.arange(1, n + 1) / (n + 1)) for n in bumps if n >= _LEAST_SAMPLES]
    found += [
        np.sin(2 * np.pi * (np.arange(n) + 0.5) / n) * np.hanning(n + 2)[1:-1]
        for n in lobes
        if n >= _LEAST_SAMPLES
    ]
    return tuple(found)
