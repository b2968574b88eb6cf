"""Quantiles as np.quantile has them, to the last bit, of many small rows or of low values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def quantiles(values: NDArray[Any], ratios: Sequence[float]) -> Array:
    """Return quantiles over the last axis.

    What np.quantile does before it looks at the values takes most of its time where they are few.

    Args:
        values: shape (..., count), at least one of them, none NaN.
        ratios: from 0 to 1.

    Returns:
        Shape (ratios, ...).
    """
    return _between(np.sort(values, axis=-1), values.shape[-1], ratios)


def low_quantiles(values: NDArray[Any], ratios: Sequence[float]) -> Array:
    """Return quantiles of each column, where they are low.

    The lowest values of a column are told from the others once, and only they are put in order.

    Args:
        values: shape (rows, columns), at least one row, none of them NaN.
        ratios: from 0 to 1, of low values: the higher the largest of them, the slower it is.

    Returns:
        Shape (ratios, columns).
    """
    columns = np.ascontiguousarray(values.T)  # it is what lies side by side that is sorted fast
    count = len(values)
    last = min(int(max(ratios) * (count - 1)) + 1, count - 1)
    columns.partition(last, axis=1)
    lowest = columns[:, : last + 1]
    lowest.sort(axis=1)
    return _between(lowest, count, ratios)


def _between(ordered: NDArray[Any], count: int, ratios: Sequence[float]) -> Array:
    """Return quantiles of so many values of which the lowest are given, in order."""
    places = np.multiply(ratios, count - 1)
    below = places.astype(int)
    part = places - below
    low, high = ordered[..., below], ordered[..., np.minimum(below + 1, count - 1)]
    rise = high - low
    between = np.where(part < 0.5, low + rise * part, high - rise * (1 - part))
    return np.moveaxis(between, -1, 0)
