"""A look-ahead true-peak limiter: all channels under one gain, nothing below the ceiling touched.

pedalboard's `BrickwallLimiter` works on its own estimate of the true peak, turns dense material
down by several dB more than it needs, and lets peaks through elsewhere. Here the peaks are
measured by oversampling first, and the gain follows from them:

1. the true peak of every hop of 1 ms, over all channels, gives the gain each hop may have at most;
2. recovery is linear in dB;
3. a minimum over the look-ahead, then a mean over the same window, lets the gain fall smoothly
   ahead of a peak and never be above what a hop allows;
4. between hops the gain is interpolated linearly, from knots that suit the hops on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from resonate_graph import Audio

from . import _bs1770

LOOK_AHEAD_MS = 5
RELEASE_DB_PER_SECOND = 60.0

_HOPS_PER_SECOND = 1000


class Limiter:
    """Limits one sound, at any input gain; its peaks are measured once.

    Args:
        audio: the sound.
        ceiling: the highest true peak allowed, as a ratio of full scale.
    """

    def __init__(self, audio: Audio, ceiling: float) -> None:
        self._audio = audio
        self._ceiling = ceiling
        self._hop = max(1, round(audio.sample_rate / _HOPS_PER_SECOND))
        self._peaks = _bs1770.hop_true_peaks(audio, self._hop)

    @property
    def true_peak(self) -> float:
        """The true peak of the sound, as a ratio of full scale."""
        return float(self._peaks.max(initial=0.0))

    def limit(self, gain_db: float) -> Audio:
        """Return the sound, louder by a gain, with no true peak above the ceiling."""
        gain = 10 ** (gain_db / 20)
        knots = self._knots(gain)
        audio = self._audio
        result = np.empty(audio.samples.shape, np.float32)
        for start, stop in self._stretches():
            positions = np.arange(start, stop) / self._hop
            curve = np.interp(positions, np.arange(len(knots)), knots)
            result[:, start:stop] = audio.samples[:, start:stop] * (gain * curve)
        # a gain that moves between two samples can lift the waveform there by a trace
        over = _bs1770.true_peak(audio.with_samples(result)) / self._ceiling
        if over > 1:
            result *= np.float32((1 - 1e-7) / over)
        return audio.with_samples(result)

    def _knots(self, gain: float) -> NDArray[np.float64]:
        """Return the gain at each edge between hops."""
        with np.errstate(divide="ignore"):
            allowed = np.minimum(1.0, self._ceiling / (gain * self._peaks))
        edges = np.minimum(np.append(allowed, 1.0), np.append(1.0, allowed))
        return _smoothed(_recovering(edges))

    def _stretches(self) -> Iterator[tuple[int, int]]:
        step = 10 * self._audio.sample_rate
        for start in range(0, self._audio.frames, step):
            yield start, min(start + step, self._audio.frames)


def _recovering(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gains with a recovery after each dip that is linear in dB."""
    step = RELEASE_DB_PER_SECOND / _HOPS_PER_SECOND
    ramp = step * np.arange(len(edges))
    levels = np.minimum.accumulate(20 * np.log10(edges) - ramp) + ramp
    recovering: NDArray[np.float64] = np.minimum(10 ** (levels / 20), edges)
    return recovering


def _smoothed(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the gains falling smoothly ahead of each dip, nowhere above what they were."""
    from scipy.ndimage import minimum_filter1d

    window = LOOK_AHEAD_MS * _HOPS_PER_SECOND // 1000 + 1
    padded = np.concatenate([np.ones(window), gains, np.ones(window)])
    # the minimum of what is ahead, then the mean of those minima behind: each holds the present
    ahead = minimum_filter1d(padded, window, origin=-(window // 2))
    weights = np.hanning(window + 2)[1:-1]
    behind = np.convolve(ahead, weights / weights.sum())[: len(padded)]
    smooth: NDArray[np.float64] = np.minimum(behind[window:-window], gains)
    return smooth
