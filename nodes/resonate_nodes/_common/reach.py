"""Sounds so loud, or so soft, that float32 cannot hold the squares of their samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Single = NDArray[np.float32]

# Samples above this are made smaller first.
_HUGE = 2.0**40
# Where what is soft counts too, sounds below this are made larger; and by so much at most.
_TINY, _MOST = 2.0**-40, 126.0
# Sounds below this are made as loud as this, where what lies far below them counts.
_SOFT = 2.0**-12


def in_reach(*sounds: Single) -> np.float32:
    """Return a power of two that brings sounds where squares of float32 are finite: mostly 1."""
    peak = _peak(*sounds)
    return np.float32(1.0 if peak < _HUGE else 2.0 ** -np.ceil(np.log2(peak)))


def near_full_scale(samples: Single) -> np.float32:
    """Return a power of two that brings a sound where squares are precise too: mostly 1."""
    peak = _peak(samples)
    if peak == 0 or peak >= _TINY:
        return in_reach(samples)
    return np.float32(2.0 ** min(-np.ceil(np.log2(peak)), _MOST))


def above_softest(*sounds: Single) -> np.float32:
    """Return a power of two that brings sounds where what is far below them counts: mostly 1.

    Those with a peak below -72 dBFS are made larger, up to there: powers that are next to nothing
    may be all there is of a noise. No further: they stay too soft to have pauses with the rounding
    of 16 bit in them.
    """
    peak = _peak(*sounds)
    if peak == 0 or peak >= _SOFT:
        return in_reach(*sounds)
    return np.float32(2.0 ** min(np.floor(np.log2(_SOFT / peak)), _MOST))


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


def scaled_down_again(samples: Single, factor: np.float32) -> Single:
    """Return what was `scaled` by more than 1 over the factor, else what `scaled_back` does."""
    return samples / factor if factor > 1 else scaled_back(samples, factor)


def _peak(*sounds: Single) -> float:
    return max(
        max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0))) for samples in sounds
    )
