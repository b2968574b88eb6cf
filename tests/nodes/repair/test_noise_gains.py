"""The gains of noise reduction in blocks, beside their formulas over a whole sound in float64."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import convolve1d
from scipy.special import exp1

from resonate_nodes.repair.hiss.noise_gains import MOST_SNR, REACH, Gains

Array = NDArray[np.float64]

BINS = 129


def ratios(frames: int) -> NDArray[np.float32]:
    """Return exponential noise, with something far above it here and there, and below it later."""
    random = np.random.default_rng(0)
    snr = random.exponential(size=(2, frames, BINS))
    snr[:, frames // 4 : frames // 3, 20:50] *= 1000
    snr[1, frames // 2 :] *= 0.01
    return np.minimum(snr, MOST_SNR).astype(np.float32)


def hann(length: int) -> Array:
    window: Array = np.hanning(length)[1:-1]
    window /= window.sum()
    return window


def expected(snr: Array) -> Array:
    """Return the gains of all frames but `REACH` at either end."""
    clean, signal = np.ones(snr.shape[::2]), np.empty_like(snr)
    for frame, here in enumerate(np.moveaxis(snr, 1, 0)):
        prior = np.maximum(0.95 * clean + 0.05 * np.maximum(here - 1, 0), 10**-2.5)
        wiener = prior / (1 + prior)
        gain = np.minimum(wiener * np.exp(exp1(np.maximum(wiener * here, 1e-8)) / 2), 1)
        clean = gain**2 * here
        signal[:, frame] = clean
    smooth = convolve1d(convolve1d(signal, hann(7), axis=1), hann(5), axis=2, mode="nearest")
    gain = 1.2 * smooth / (1 + 1.2 * smooth)
    left = gain**2 * snr
    bands = np.pad(left, ((0, 0), (0, 0), (0, -BINS % 8)), mode="edge")
    bands = bands.reshape(*left.shape[:2], -1, 8).mean(axis=3)
    wide = convolve1d(convolve1d(bands, hann(43), axis=1), hann(9), axis=2, mode="nearest")
    absence = 0.03 ** np.clip((-6 - 10 * np.log10(wide + 1e-10)) / 12, 0, 1)
    middles = np.arange(bands.shape[2]) * 8 + 3.5
    between = np.apply_along_axis(lambda row: np.interp(np.arange(BINS), middles, row), 2, absence)
    gains: Array = np.maximum(gain, 0.1) * between
    return gains[:, REACH:-REACH]


@pytest.mark.parametrize("blocks", [(400,), (49, 1, 150, 200), (120, 7, 7, 7, 259)])
def test_gains_are_those_of_the_formulas_whatever_blocks_they_come_in(
    blocks: tuple[int, ...],
) -> None:
    snr = ratios(sum(blocks))
    gains = Gains(2, BINS)
    parts = np.split(snr, np.cumsum(blocks)[:-1], axis=1)
    found = np.concatenate([gains.following(part) for part in parts], axis=1)
    wanted = expected(snr.astype(np.float64))
    assert found.shape == wanted.shape
    assert found.min() < 0.01
    assert found.max() > 0.9
    np.testing.assert_allclose(found, wanted, rtol=2e-5)
