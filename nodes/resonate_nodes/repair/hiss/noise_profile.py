"""What a stretch of noise alone says of the noise: its mean spectrum.

What is no noise in it (black, fades, clicks; see `noise_frames`) does not count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..stft import Single, Stft
from .noise_frames import powers, steady_frames

# The mean of few frames is uneven; neighbouring frequencies make up for them.
_LEAST_REACH, _MOST_REACH = 1, 15
_REACH_TIMES_FRAMES = 40


@dataclass(frozen=True)
class Profile:
    """The noise of some channels.

    Attributes:
        powers: its mean power in each bin, of shape (channels, bins); 0 in a channel that holds no
            noise.
        seconds: how much of each channel is noise.
    """

    powers: Single
    seconds: tuple[float, ...]


def profile_of(noise: Single, sample_rate: int, window: Single) -> Profile:
    """Return the profile of some noise.

    Args:
        noise: the stretch, of shape (channels, frames), at least one of them.
        sample_rate: in Hz.
        window: that of the spectra in which the noise is sought afterwards.
    """
    stft = Stft(noise, window)
    seconds = noise.shape[1] / sample_rate
    means = np.zeros((len(noise), len(window) // 2 + 1), np.float32)
    parts: list[float] = []
    for channel, power in enumerate(powers(stft, 0, stft.count)):
        found, part = _mean(power, window)
        means[channel] = found
        parts.append(part * seconds)
    return Profile(means, tuple(parts))


def _mean(power: Single, window: Single) -> tuple[NDArray[np.float64] | float, float]:
    """Return the mean of those frames that hold noise, and what part of all they are."""
    from scipy.ndimage import uniform_filter1d

    window_power = float(np.sum(window.astype(np.float64) ** 2))
    steady = steady_frames(power, window_power, np.ones(len(power)))
    count = int(np.count_nonzero(steady))
    if not count:
        return 0.0, 0.0
    reach = min(max(_REACH_TIMES_FRAMES // count, _LEAST_REACH), _MOST_REACH)
    mean = power[steady].mean(axis=0, dtype=np.float64)
    return uniform_filter1d(mean, 2 * reach + 1, mode="nearest"), count / len(power)
