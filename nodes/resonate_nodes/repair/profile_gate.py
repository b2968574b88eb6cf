"""Spectral gating by a profile of the noise: what noisereduce does, in one pass and in float32.

T. Sainburg, M. Thielk, T. Q. Gentner: *Finding, visualizing, and quantifying latent structure
across diverse animal vocal repertoires* (PLoS Computational Biology 16, 2020). The result is that
of noisereduce 3.0.3 (``stationary=True``, the whole sound in one chunk), float32's rounding apart,
but for three things that it does to the sound beyond its job:

- It counts what lies beyond the ends of the sound, below 0 Hz and above half the sample rate as
  noise, when it smooths its mask: 3 dB lost at 30 Hz, however loud. Here nothing is counted there.
- It takes everything within 80 dB of the loudest moment at a frequency for sound.
- It averages the channels of the profile: noise in opposite phase would be none.

And what is no noise in the profile (black, fades, clicks; see `noise_frames`) does not count.

The mask is of zeros and ones and is smoothed by two triangles. That is done in whole numbers, by
four means over boxes: exact, and the same however the sound is cut into blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .noise_frames import steady_frames
from .stft import OVERLAP, Single, Stft, Synthesis, hann_window

Array = NDArray[np.float64]
# The largest sum is (reach_bins + 1)**2 * (reach_frames + 1)**2: 14,000 at most, at any rate.
Counts = NDArray[np.uint16]

_SMOOTH_HZ = 500
_SMOOTH_SECONDS = 0.05
_RANGE_DB = 80.0


@dataclass(frozen=True)
class Profile:
    """What a stretch of noise alone says of the noise.

    Attributes:
        thresholds: the power of a bin above which it is sound, of shape (channels, bins); 0 in a
            channel that holds no noise.
        seconds: how much of each channel is noise.
    """

    thresholds: Single
    seconds: tuple[float, ...]


def profile_of(noise: Single, sample_rate: int, length: int, *, threshold_std: float) -> Profile:
    """Return the profile of some noise, of shape (channels, frames), at least one frame long.

    Args:
        noise: the stretch. Black, fades and clicks in it do not count.
        sample_rate: in Hz.
        length: of a frame, in samples.
        threshold_std: the threshold, in standard deviations above the noise's mean level, both
            in dB.
    """
    found = [_threshold(one, length, threshold_std) for one in noise]
    second = sample_rate / (length // OVERLAP)
    thresholds = np.stack([threshold for threshold, _ in found])
    return Profile(thresholds, tuple(count / second for _, count in found))


def gated(
    samples: Single,
    profile: Profile,
    sample_rate: int,
    length: int,
    *,
    strength: float,
    progress: Callable[[float, float], object] = lambda done, total: None,
) -> Single:
    """Return samples of shape (channels, frames) with the noise reduced.

    Args:
        samples: the sound.
        profile: of as many channels or fewer: the last then counts for the rest.
        sample_rate: in Hz.
        length: of a frame, in samples.
        strength: what the gate takes of what lies below the threshold: 1 for all.
        progress: told (done, total) now and then.
    """
    window = hann_window(length)
    stft = Stft(samples, window)
    synthesis = Synthesis(stft, window)
    last_one = len(profile.thresholds) - 1
    thresholds = profile.thresholds[np.minimum(np.arange(len(samples)), last_one)]
    reach_bins = int(_SMOOTH_HZ / (sample_rate / (length / 2)))
    reach_frames = int(_SMOOTH_SECONDS * sample_rate / stft.hop)
    result = np.empty_like(samples)
    for first, last in stft.blocks():
        progress(first, stft.count)
        spectra = stft.spectra(first - reach_frames, last + reach_frames)
        mask = spectra.real**2 + spectra.imag**2 > thresholds[:, None]
        gain = _smoothed(mask, reach_bins, reach_frames)
        gain *= np.float32(strength)
        gain += np.float32(1 - strength)
        spectra = spectra[:, reach_frames : reach_frames + last - first]
        spectra *= gain
        start, finished = synthesis.add(spectra)
        result[:, start : start + finished.shape[1]] = finished
    return result


def _threshold(noise: Single, length: int, threshold_std: float) -> tuple[Single, int]:
    """Return the power of a bin above which it is sound, and how many frames say so."""
    from scipy.signal import stft

    hop = length // OVERLAP
    _, _, spectra = stft(
        noise.astype(np.float64), nperseg=length, noverlap=length - hop, padded=False
    )
    squares = hann_window(length).astype(np.float64) ** 2
    covered = np.concatenate([[0], np.cumsum(squares)]) / squares.sum()
    starts = np.arange(spectra.shape[1]) * hop - length // 2
    inside = (covered[np.clip(len(noise) - starts, 0, length)]
              - covered[np.clip(-starts, 0, length)])  # fmt: skip
    window_power = squares.sum() / (length / 2) ** 2  # scipy divides by the window's sum
    power: Single = (spectra.real**2 + spectra.imag**2).T.astype(np.float32)
    spectra = spectra[:, steady_frames(power, window_power, inside)]
    if not spectra.size:
        return np.zeros(len(spectra), np.float32), 0
    level_db: Array = 20 * np.log10(np.abs(spectra) + np.finfo(np.float64).eps)
    level_db = np.maximum(level_db, level_db.max(axis=1, keepdims=True) - _RANGE_DB)
    threshold_db = level_db.mean(axis=1) + threshold_std * level_db.std(axis=1)
    threshold: Array = 10 ** (threshold_db / 10) * (length / 2) ** 2
    return threshold.astype(np.float32), spectra.shape[1]


def _smoothed(mask: NDArray[np.bool_], reach_bins: int, reach_frames: int) -> Single:
    """Return a mask, shape (channels, frames, bins), smoothed; and shorter by the reach, twice.

    A triangle over ``2 * reach + 1`` is a box over ``reach + 1``, twice.
    """
    counts = np.pad(mask.astype(np.uint16), ((0, 0), (0, 0), (reach_bins, reach_bins)))
    inside = np.pad(np.ones(mask.shape[2]), reach_bins)
    for _ in range(2):
        counts = _box(counts, reach_bins, axis=2)
        inside = np.convolve(inside, np.ones(reach_bins + 1), "valid")
    for _ in range(2):
        counts = _box(counts, reach_frames, axis=1)
    gain = counts.astype(np.float32)
    gain *= (1 / (inside * (reach_frames + 1) ** 2)).astype(np.float32)
    return gain


def _box(counts: Counts, reach: int, axis: int) -> Counts:
    """Return the sums of each count and the ``reach`` after it."""
    size = counts.shape[axis] - reach
    parts = np.moveaxis(counts, axis, 0)
    total = np.moveaxis(
        np.zeros([*counts.shape[:axis], size, *counts.shape[axis + 1 :]], np.uint16), axis, 0
    )
    for shift in range(reach + 1):
        total += parts[shift : shift + size]
    return np.moveaxis(total, 0, axis)
