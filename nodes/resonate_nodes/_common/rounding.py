"""Rounding: the steps in which samples of few bits are told."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Eight bits have steps of 2**-7; what is coarser is the sound itself.
_COARSEST = 2.0**-7
# How far from a whole number of steps a sample may lie: float32 keeps 16 bits to 0.002 of one.
_WHOLE = 0.01


def rounding_step(channel: NDArray[np.floating]) -> float:
    """Return the step that all samples of a channel are whole numbers of; 0 where there is none.

    It is found at any gain, since a sound that was rounded comes within one step of zero.
    """
    step = float(np.abs(channel).min(where=channel != 0, initial=np.inf))
    if step > _COARSEST:
        return 0.0
    steps = channel.astype(np.float64) / step
    return step if np.abs(steps - np.round(steps)).max() < _WHOLE else 0.0
