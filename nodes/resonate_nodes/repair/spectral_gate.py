"""Spectral gating by a profile of the noise: what noisereduce does, in one pass and in float32.

T. Sainburg, M. Thielk, T. Q. Gentner: *Finding, visualizing, and quantifying latent structure
across diverse animal vocal repertoires* (PLoS Computational Biology 16, 2020). The result is that
of noisereduce 3.0.3 (``stationary=True``, the whole sound in one chunk), float32's rounding apart,
but for three things that it does to the sound beyond its job:

- It counts what lies beyond the ends of the sound, below 0 Hz and above half the sample rate as
  noise, when it smooths its mask: 3 dB lost at 30 Hz, however loud. Here nothing is counted there.
- It takes everything within 80 dB of the loudest moment at a frequency for sound.
- It averages the channels of the profile: noise in opposite phase would be none.

The mask is of zeros and ones and is smoothed by two triangles. That is done in whole numbers, by
four means over boxes: exact, and the same however the sound is cut into blocks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .stft import Single, Stft, Synthesis, hann_window

Array = NDArray[np.float64]
# The largest sum is (reach_bins + 1)**2 * (reach_frames + 1)**2: 14,000 at most, at any rate.
Counts = NDArray[np.uint16]

_SMOOTH_HZ = 500
_SMOOTH_SECONDS = 0.05
_RANGE_DB = 80.0


def gated(
    samples: Single,
    profile: Single,
    sample_rate: int,
    length: int,
    *,
    threshold_std: float,
    strength: float,
) -> Single:
    """Return samples of shape (channels, frames) with the noise reduced.

    Args:
        samples: the sound.
        profile: noise alone, as many channels or fewer: the last then counts for the rest.
        sample_rate: in Hz.
        length: of a frame, in samples.
        threshold_std: the threshold, in standard deviations above the noise's mean level, both
            in dB.
        strength: what the gate takes of what lies below the threshold: 1 for all.
    """
    window = hann_window(length)
    stft = Stft(samples, window)
    synthesis = Synthesis(stft, window)
    thresholds = np.stack([_threshold(one, length, threshold_std) for one in profile])
    thresholds = thresholds[np.minimum(np.arange(len(samples)), len(profile) - 1)]
    reach_bins = int(_SMOOTH_HZ / (sample_rate / (length / 2)))
    reach_frames = int(_SMOOTH_SECONDS * sample_rate / stft.hop)
    result = np.empty_like(samples)
    for first, last in stft.blocks():
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


def _threshold(noise: Single, length: int, threshold_std: float) -> Single:
    """Return the power of a bin above which it is sound."""
    from scipy.signal import stft

    _, _, spectra = stft(
        noise.astype(np.float64), nperseg=length, noverlap=length - length // 4, padded=False
    )
    level_db: Array = 20 * np.log10(np.abs(spectra) + np.finfo(np.float64).eps)
    level_db = np.maximum(level_db, level_db.max(axis=1, keepdims=True) - _RANGE_DB)
    threshold_db = level_db.mean(axis=1) + threshold_std * level_db.std(axis=1)
    power: Array = 10 ** (threshold_db / 10) * (length / 2) ** 2  # scipy divides by its window
    return power.astype(np.float32)


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
