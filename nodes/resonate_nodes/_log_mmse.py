"""Noise reduction without a noise profile: a noise floor that is sought, and log-MMSE gains.

- The noise floor of each stretch of some 12 s is, for each frequency, the tenth percentile of the
  spectrum smoothed over a quarter of a second, as in R. Martin, *Noise power spectral density
  estimation based on optimal smoothing and minimum statistics* (IEEE Trans. Speech and Audio
  Processing 9, 2001); and then a low percentile over 650 Hz around each frequency, because hiss
  has a smooth spectrum and held notes do not.
- The gains are those of Y. Ephraim, D. Malah, *Speech enhancement using a minimum mean-square
  error log-spectral amplitude estimator* (IEEE Trans. ASSP 33, 1985), with the signal-to-noise
  ratio by the decision-directed rule of their paper of 1984.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_FRAME_SECONDS = 0.046
_OVERLAP = 4
_FRAMES_AT_ONCE = 1024
_SMOOTHED_FRAMES = 21
_QUANTILE = 0.1
_AROUND_BINS = 31
_AROUND_PERCENTILE = 30
_SMOOTHED_BINS = 15
# A low percentile lies below the mean, in power; this makes up for part of it, so that rather
# some noise stays than music goes.
_BIAS = 1.2
_LOWEST = 1e-20
# What all this makes of steady noise, against its mean power.
_FLOOR_OF_NOISE = 0.68
_MEMORY = 0.96
_LEAST_SNR = 10 ** (-25 / 10)
_MOST_SNR = 1e4
_LEAST_GAIN = 0.05


def denoised(samples: Array, sample_rate: int, *, stationary: bool) -> Array:
    """Return samples of shape (channels, frames), at least one of them, with the noise reduced.

    Args:
        samples: the sound.
        sample_rate: in Hz.
        stationary: one noise floor for the whole sound, the lowest of all stretches; otherwise
            one per stretch, and in between a mean of both. Stretches of digital silence do
            not count.
    """
    from scipy.fft import irfft

    padded, window, hop, count = _framed(samples, sample_rate)
    length = len(window)
    floors = np.stack([_floor(one) for _, one in _spectra(padded, window, hop, count)])
    lowest = floors.min(axis=0)
    floors = np.where(np.isinf(floors) | stationary, lowest, floors)
    floors[np.isinf(floors)] = _LOWEST
    result = np.zeros(padded.shape)
    clean = np.ones_like(floors[0])
    for first, spectra in _spectra(padded, window, hop, count):
        power = np.abs(spectra) ** 2
        for index in range(spectra.shape[1]):
            snr = np.minimum(power[:, index] / _between(floors, first + index), _MOST_SNR)
            gain = _gain(snr, clean)
            clean = gain**2 * snr
            spectra[:, index] *= np.maximum(gain, _LEAST_GAIN)
        waves = irfft(spectra, length, axis=2) * (window * 2 / _OVERLAP)
        for index in range(spectra.shape[1]):
            start = (first + index) * hop
            result[:, start : start + length] += waves[:, index]
    return result[:, length : length + samples.shape[1]]


def noise_powers(samples: NDArray[np.float32], sample_rate: int) -> Array:
    """Return the noise in each frequency bin, from 0 Hz to half the sample rate, as mean squares.

    Of the lowest floor of all stretches, and without the caution that `denoised` needs: so that
    steady noise alone is measured as what it is. All zeros where the sound is digital silence.

    Args:
        samples: the sound, of shape (channels, frames), at least one of them.
        sample_rate: in Hz.
    """
    padded, window, hop, count = _framed(samples, sample_rate)
    floors = np.stack([
        _floor(one)
        for first, one in _spectra(padded, window, hop, count)
        if not first or one.shape[1] >= _FRAMES_AT_ONCE // 4
    ]).min(axis=0)  # fmt: skip
    powers = np.where(np.isinf(floors) | (floors <= _LOWEST), 0.0, floors / _FLOOR_OF_NOISE)
    powers *= 2 / (len(window) * np.sum(window**2))
    powers[:, [0, -1]] /= 2  # these two have no mirror image
    return powers


def _framed(samples: NDArray[Any], sample_rate: int) -> tuple[NDArray[Any], Array, int, int]:
    """Return the sound with a margin, the window, the hop, and how many frames there are."""
    length = int(2 ** max(6, round(np.log2(_FRAME_SECONDS * sample_rate))))
    hop = length // _OVERLAP
    window = np.sin(np.pi * (np.arange(length) + 0.5) / length)
    padded = np.pad(samples, ((0, 0), (length, 2 * length)), mode="symmetric")
    return padded, window, hop, (samples.shape[1] + length) // hop + 1


def _spectra(padded: Array, window: Array, hop: int, count: int) -> Iterator[tuple[int, Complex]]:
    """Yield the number of the first frame, and spectra of shape (channels, frames, bins)."""
    from scipy.fft import rfft

    frames = np.lib.stride_tricks.sliding_window_view(padded, len(window), axis=1)[:, ::hop]
    for first in range(0, count, _FRAMES_AT_ONCE):
        some = frames[:, first : min(first + _FRAMES_AT_ONCE, count)]
        yield first, rfft(some * window, axis=2)


def _floor(spectra: Complex) -> Array:
    """Return the noise floor of a stretch, as power, of shape (channels, bins).

    It is infinite in channels where the stretch is digital silence.
    """
    from scipy.ndimage import percentile_filter, uniform_filter1d

    floors = np.full((len(spectra), spectra.shape[2]), np.inf)
    for floor, spectrum in zip(floors, spectra, strict=True):
        power = np.abs(spectrum) ** 2
        power = power[power.any(axis=1)]  # digital silence tells nothing of the noise
        if len(power):
            smooth = uniform_filter1d(power, min(_SMOOTHED_FRAMES, len(power)), axis=0)
            low = np.quantile(smooth, _QUANTILE, axis=0)
            low = percentile_filter(low, _AROUND_PERCENTILE, _AROUND_BINS, mode="nearest")
            low = uniform_filter1d(low, _SMOOTHED_BINS, mode="nearest")
            floor[:] = np.maximum(_BIAS * low, _LOWEST)
    return floors


def _between(floors: Array, frame: int) -> Array:
    """Return the noise floor at one frame: the middle of a stretch has its own."""
    place = np.clip(frame / _FRAMES_AT_ONCE - 0.5, 0, len(floors) - 1)
    before = int(place)
    after = min(before + 1, len(floors) - 1)
    part = place - before
    mean: Array = (1 - part) * floors[before] + part * floors[after]
    return mean


def _gain(snr: Array, clean: Array) -> Array:
    """Return the log-MMSE gain: by the SNR of this frame and the cleaned one of the last."""
    from scipy.special import exp1

    prior = np.maximum(_MEMORY * clean + (1 - _MEMORY) * np.maximum(snr - 1, 0), _LEAST_SNR)
    wiener = prior / (1 + prior)
    gain: Array = np.minimum(wiener * np.exp(exp1(np.maximum(wiener * snr, 1e-8)) / 2), 1.0)
    return gain
