"""Sounds so loud that the squares of their samples are not finite in float32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Single = NDArray[np.float32]

# Samples above this are made smaller first.
_HUGE = 2.0**40


def in_reach(*sounds: Single) -> np.float32:
    """Return a power of two that brings sounds where squares of float32 are finite: mostly 1."""
    peak = max(
        max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0))) for samples in sounds
    )
    return np.float32(1.0 if peak < _HUGE else 2.0 ** -np.ceil(np.log2(peak)))


def scaled(samples: Single, factor: np.float32) -> Single:
    """Return samples times such a factor; themselves where it is 1."""
    return samples if factor == 1 else samples * factor


def scaled_back(samples: Single, factor: np.float32) -> Single:
    """Return what `scaled` made, or something as loud, over the factor: finite all the same."""
    if factor == 1:
        return samples
    most = np.finfo(np.float32).max * factor
    back: Single = np.clip(samples, -most, most) / factor
    return back
