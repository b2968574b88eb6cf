"""A high-pass of first order against DC that came after the clipping, and what went into it.

Behind it each plateau decays, by the same part from one sample to the next. What was cut off is
missing in the samples after it too: the filter would have taken a part of it from each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Single = NDArray[np.float32]

# It is told by how fast plateaus decay, in nats a second: in such steps, from so slow to so fast (a
# cutoff of 0.1 to 60 Hz), where so many samples of the upper half decay alike, and so many times as
# many as at one of so many steps beside.
_DECAY_STEP, _LEAST_DECAY, _FASTEST_DECAY = 0.5, 0.6, 400.0
_HIGH_ENOUGH = 0.5
_LEAST_DECAYING, _STANDS_OUT, _OTHER_DECAYS = 50, 5.0, 30


class DcBlocker(NamedTuple):
    """A high-pass of first order.

    Attributes:
        decay: by what part what is constant decays, from one sample to the next.
    """

    decay: float

    def undone(self, samples: Single) -> Single:
        """Return what went into it, but for a gain near 1."""
        return _filtered([1, self.decay - 1], [1, -1], samples)

    def applied(self, samples: Single) -> Single:
        """Return what comes out of it, with the same gain."""
        return _filtered([1, -1], [1, self.decay - 1], samples)


def dc_blocker(channel: Single, tops: Single, sample_rate: int) -> DcBlocker | None:
    """Find the filter that a channel went through after it was clipped.

    Args:
        channel: the samples.
        tops: the highest magnitude around each.
        sample_rate: in Hz.

    Returns:
        None where no decay is by far the most frequent one.
    """
    first, second = channel[:-1].astype(np.float64), channel[1:].astype(np.float64)
    high = np.abs(first) > np.maximum(_HIGH_ENOUGH * tops[1:], 1e-9)
    decays = 1 - second[high] / first[high]
    step = _DECAY_STEP / sample_rate
    counts, edges = np.histogram(decays, np.arange(-2, _FASTEST_DECAY / _DECAY_STEP) * step)
    most = int(counts.argmax())
    apart = np.abs(np.arange(len(counts)) - most)
    others = counts[(apart > 2) & (apart <= _OTHER_DECAYS)].max()
    if counts[most] < max(_LEAST_DECAYING, _STANDS_OUT * others):
        return None
    near = decays[(decays >= edges[most] - step) & (decays <= edges[most] + 2 * step)]
    decay = float(np.median(near))
    return DcBlocker(decay) if decay >= _LEAST_DECAY / sample_rate else None


def _filtered(over: list[float], under: list[float], samples: Single) -> Single:
    from scipy.signal import lfilter

    filtered: Single = lfilter(over, under, samples.astype(np.float64)).astype(np.float32)
    return filtered
