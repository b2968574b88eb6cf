"""A look-ahead true-peak limiter: all channels under one gain, which is 1 away from peaks.

pedalboard's `BrickwallLimiter` works on its own estimate of the true peak, turns dense material
down by several dB more than it needs, and lets peaks through elsewhere. Here the peaks are
measured by oversampling first, and the gain follows from them:

1. the true peak of every hop of half a millisecond, over all channels, gives the gain each hop
   may have at most;
2. recovery depends on the programme, as in limiters with two stages of release: after a peak that
   stands alone the gain comes back at `release_ms`; what all of the last 100 ms needed is let go
   ten times as slowly. So a click leaves no hole behind it, and the gain of a held note or of
   dense music does not move with each period of the wave;
3. a minimum over the look-ahead, then a mean over the same window, lets the gain fall smoothly
   ahead of a peak and never be above what a hop allows;
4. between hops the gain is interpolated linearly, from knots that suit the hops on both sides;
5. a gain that moves between two samples can lift the waveform there by a trace: what came out is
   measured, and hops where it did are allowed less.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log10

import numpy as np
from numpy.typing import NDArray

from resonate_graph import Audio

from . import bs1770

LOOK_AHEAD_MS = 5.0
RELEASE_MS = 50.0

_HOPS_PER_SECOND = 2000
#: A wave's peaks are this close to each other down to 20 Hz.
_PERIOD_MS = 25
#: What every moment of so long a time needs is no single peak.
_SUSTAINED_MS = 100
_SLOWER = 10
#: Recovery runs towards this much below nothing, so that it arrives.
_BEYOND_DB = 0.1
#: Peaks are brought this far below the ceiling, against the lift of a moving gain.
_MARGIN_DB = 0.02
_ROUNDS = 6


class Limiter:
    """Limits one sound, at any input gain; its peaks are measured once.

    Args:
        audio: the sound.
        ceiling: the highest true peak allowed, as a ratio of full scale.
        release_ms: time constant of the recovery after a single peak.
        look_ahead_ms: how long ahead of a peak the gain begins to fall, at most.
    """

    def __init__(
        self,
        audio: Audio,
        ceiling: float,
        *,
        release_ms: float = RELEASE_MS,
        look_ahead_ms: float = LOOK_AHEAD_MS,
    ) -> None:
        self._audio = audio
        self._ceiling = ceiling
        self._hop = max(1, round(audio.sample_rate / _HOPS_PER_SECOND))
        hops_per_ms = audio.sample_rate / self._hop / 1000
        self._release = release_ms * hops_per_ms
        self._period = max(1, round(_PERIOD_MS * hops_per_ms))
        self._sustained = max(1, round(_SUSTAINED_MS * hops_per_ms))
        # a peak may lie at the far end of its hop, and the gain falls from the knot before
        self._window = max(1, int(look_ahead_ms * hops_per_ms) - 1)
        self._peaks = bs1770.hop_true_peaks(audio, self._hop)
        self._lowest = 1.0
        self._time_turned_down = 0.0

    @property
    def true_peak(self) -> float:
        """The true peak of the sound, as a ratio of full scale."""
        return float(self._peaks.max(initial=0.0))

    @property
    def deepest_reduction_db(self) -> float:
        """By how much what was limited last was turned down at most."""
        return 0.0 - 20 * log10(self._lowest)

    @property
    def time_turned_down_percent(self) -> float:
        """For how much of its time that was turned down, be it only in the recovery."""
        return 100 * self._time_turned_down

    def limit(self, gain_db: float = 0.0) -> Audio:
        """Return the sound, louder by a gain, with no true peak above the ceiling."""
        gain = 10 ** (gain_db / 20)
        with np.errstate(divide="ignore"):
            excess_db = 20 * np.log10(self._peaks * (gain / self._ceiling))
        needed_db = np.where(excess_db > 0, excess_db + _MARGIN_DB, 0.0)
        for _ in range(_ROUNDS):
            knots = self._knots(needed_db)
            self._lowest = float(knots.min(initial=1.0))
            self._time_turned_down = float(np.mean(knots < 1))
            result = self._audio.with_samples(self._applied(gain, knots))
            over = bs1770.hop_true_peaks(result, self._hop) / self._ceiling
            if over.max(initial=0.0) <= 1:
                return result
            needed_db += np.where(over > 1, 20 * np.log10(np.maximum(over, 1)) + _MARGIN_DB, 0.0)
        rest = np.float32((1 - 1e-7) / over.max())
        self._lowest *= float(rest)
        return result.with_samples(result.samples * rest)

    def _applied(self, gain: float, knots: NDArray[np.float64]) -> NDArray[np.float32]:
        samples = self._audio.samples
        result = np.empty(samples.shape, np.float32)
        for start, stop in self._stretches():
            positions = np.arange(start, stop) / self._hop
            curve = np.interp(positions, np.arange(len(knots)), knots)
            result[:, start:stop] = samples[:, start:stop] * (gain * curve)
        result.flags.writeable = False  # so it need not be copied
        return result

    def _knots(self, needed_db: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gain at each edge between hops, from the reduction each hop needs."""
        edges = np.maximum(np.append(needed_db, 0.0), np.append(0.0, needed_db))
        gains = 10 ** (-self._recovering(edges) / 20)
        return _smoothed(gains, self._window)

    def _recovering(self, needed_db: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the reduction with a recovery after each peak, in dB."""
        sustained = _lowest_of(_highest_of(needed_db, self._period), self._sustained)
        recovering: NDArray[np.float64] = np.maximum(
            _decaying(needed_db, self._release), _decaying(sustained, _SLOWER * self._release)
        )
        return recovering

    def _stretches(self) -> Iterator[tuple[int, int]]:
        step = 10 * self._audio.sample_rate
        for start in range(0, self._audio.frames, step):
            yield start, min(start + step, self._audio.frames)


def _decaying(levels: NDArray[np.float64], hops: float) -> NDArray[np.float64]:
    """Return levels that fall no faster than an exponential with a time constant in hops."""
    ramp = np.arange(len(levels)) / hops
    highest = np.maximum.accumulate(np.log(levels + _BEYOND_DB) + ramp)
    decaying: NDArray[np.float64] = np.maximum(np.exp(highest - ramp) - _BEYOND_DB, levels)
    return decaying


def _highest_of(levels: NDArray[np.float64], hops: int) -> NDArray[np.float64]:
    """Return the highest of the last levels."""
    from scipy.ndimage import maximum_filter1d

    highest: NDArray[np.float64] = maximum_filter1d(
        levels, hops, origin=(hops - 1) // 2, mode="constant"
    )
    return highest


def _lowest_of(levels: NDArray[np.float64], hops: int) -> NDArray[np.float64]:
    """Return the lowest of the last levels; before the beginning they were 0."""
    from scipy.ndimage import minimum_filter1d

    lowest: NDArray[np.float64] = minimum_filter1d(
        levels, hops, origin=(hops - 1) // 2, mode="constant"
    )
    return lowest


def _smoothed(gains: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return the gains falling smoothly ahead of each dip, nowhere above what they were."""
    from scipy.ndimage import minimum_filter1d

    padded = np.concatenate([np.ones(window), gains, np.ones(window)])
    # the minimum of what is ahead, then the mean of those minima behind: each holds the present
    ahead = minimum_filter1d(padded, window, origin=-(window // 2))
    weights = np.hanning(window + 2)[1:-1]
    behind = np.convolve(ahead, weights / weights.sum())[: len(padded)]
    smooth: NDArray[np.float64] = np.minimum(behind[window:-window], gains)
    return smooth
