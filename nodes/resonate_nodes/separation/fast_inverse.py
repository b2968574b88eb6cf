"""The inverse short-time Fourier transform of Demucs' hybrid models on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import torch
from torch import Tensor


def add_inverse(model: Any, mix: Tensor, maps: Tensor, stems: Tensor) -> None:
    """Add to each channel of each stem what its maps stand for.

    Args:
        model: an HTDemucs or an HDemucs.
        mix: spectra of the mix, of shape (batch, channels, bins, frames).
        maps: what the model made of them, of shape (batch, stems, channels, bins, frames); of
            complex spectra, twice as many channels: one for real parts, one for imaginary ones.
        stems: of shape (batch, stems, channels, samples), changed in place.
    """
    inverse = _Inverse(model, frames=maps.shape[-1])
    for target, spectra in zip(stems.flatten(0, 2), _spectra(model, mix, maps), strict=True):
        inverse.add(spectra, target)


def _spectra(model: Any, mix: Tensor, maps: Tensor) -> Iterator[Tensor]:
    """Yield the spectra of each channel of each stem, of shape (bins, frames)."""
    if model.cac:
        pairs = maps.flatten(0, 2)
        for real, imaginary in zip(pairs[::2], pairs[1::2], strict=True):
            yield torch.complex(real, imaginary)
    elif model.wiener_iters < 0:
        phases = mix * (1e-8 + mix.abs()).reciprocal_()
        for item, stem, channel in product(*map(range, maps.shape[:3])):
            yield phases[item, channel] * maps[item, stem, channel]
    else:
        yield from model._mask(mix, maps).flatten(0, 2)


class _Inverse:
    """The inverse of one channel after another: all of them in the same memory.

    The signal is y[n] = sum_t w[n - t hop] irfft(X[t])[n - t hop] / sum_t w[n - t hop]^2, with a
    Hann window w of 4 hop. Where the frames lie is as in Demucs: a hybrid model's first one begins
    one and a half hops (of older ones, none) before the signal, and two frames of silence on either
    side of them count in the denominator; of others the first one's middle is the beginning.

    Args:
        model: whose spectra they are.
        frames: how many frames they have.
    """

    def __init__(self, model: Any, frames: int) -> None:
        self._hop = hop = model.nfft // 4
        hybrid = getattr(model, "hybrid", True)
        silent = 2 if hybrid else 0
        if hybrid:
            self._start = 0 if getattr(model, "hybrid_old", False) else hop // 2 * 3
        else:
            self._start = 2 * hop
        window = torch.hann_window(model.nfft)
        squares = torch.zeros(frames + 3, hop)
        for quarter, part in enumerate(window.square().view(4, hop)):
            squares[max(0, quarter - silent) : frames + silent + quarter] += part
        self._scale = torch.sqrt(torch.tensor(float(model.nfft))) / squares.clamp_min_(1e-11)
        self._window = window
        self._spectra = torch.zeros(frames, model.nfft // 2 + 1, dtype=torch.complex64)
        self._signal = torch.empty(frames + 3, hop)

    def add(self, spectra: Tensor, target: Tensor) -> None:
        """Add the signal of some spectra, of shape (bins, frames), to a channel."""
        bins, frames = spectra.shape
        self._spectra[:, :bins] = spectra.t()
        parts = torch.fft.irfft(self._spectra, 4 * self._hop).mul_(self._window)
        self._signal.zero_()
        for quarter, part in enumerate(parts.view(frames, 4, self._hop).unbind(1)):
            self._signal[quarter : quarter + frames] += part
        self._signal.mul_(self._scale)
        target.add_(self._signal.view(-1)[self._start : self._start + len(target)])
