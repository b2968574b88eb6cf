"""Clicks told from music by their traits: a small neural network.

Two layers of rectified units, and one that says how likely a click is. It was fitted by log-loss to
candidates in recordings and made sounds with and without clicks (`tests.benchmarks.fit_clicks`);
`docs/repair.md` has what it does in others. `weights` holds what was fitted.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from . import weights as fitted

Array = NDArray[np.float64]

#: How many units each layer has, the traits first.
UNITS = (59, 64, 32, 1)
#: How many traits there are.
TRAITS = UNITS[0]
# A trait that is further from its mean counts as so many standard deviations.
_FURTHEST = 4.0


def log_odds(traits: Array) -> Array:
    """Return the log-odds of being a click, given the traits of each candidate, one row each."""
    values = (traits - _numbers(fitted.MEANS)) / _numbers(fitted.DEVIATIONS)
    values = np.clip(values, -_FURTHEST, _FURTHEST)
    last = len(fitted.LAYERS) - 1
    for index, (weights, biases) in enumerate(fitted.LAYERS):
        shape = UNITS[index : index + 2]
        values = values @ _numbers(weights).reshape(shape) + _numbers(biases)
        if index < last:
            values = np.maximum(values, 0)
    odds: Array = values[:, 0]
    return odds


@cache
def _numbers(text: str) -> Array:
    return np.array(text.split(), np.float64)
