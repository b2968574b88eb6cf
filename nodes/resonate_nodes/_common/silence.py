"""Digital silence: where samples are exactly zero, sound begins and ends as at the ends of a file.

What stood there before it was cut, muted or padded is not known, and nothing is to be put there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .runs import Mask, mask_of, runs

#: Shorter than this is no silence: a wave rests at zero as long, by rounding.
LEAST_SECONDS = 0.001


def silence(samples: NDArray[np.floating], least_frames: int) -> Mask:
    """Return where all channels are zero for so many frames or more.

    Args:
        samples: shape (channels, frames), or (frames,).
        least_frames: how long silence lasts at least.
    """
    silent: Mask = np.all(np.atleast_2d(samples) == 0, axis=0)
    starts, stops = runs(silent)
    long = stops - starts >= least_frames
    return mask_of(starts[long], stops[long], samples.shape[-1])


def least_frames(sample_rate: int) -> int:
    """Return how many zeros are silence at some sample rate."""
    return max(16, round(LEAST_SECONDS * sample_rate))
