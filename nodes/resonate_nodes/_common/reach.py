"""How far float32 goes: sums and squares of samples beyond it overflow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Squares of what is below it, summed over hours, are finite.
_HUGE = 2.0**40


def in_reach(samples: NDArray[np.float32]) -> np.float32:
    """Return a power of two that brings a sound where squares of float32 are finite: mostly 1."""
    peak = float(np.abs(samples).max(initial=0.0))
    return np.float32(1.0 if peak < _HUGE else 2.0 ** -np.ceil(np.log2(peak)))
