"""Low quantiles of many columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def low_quantiles(values: NDArray[Any], ratios: Sequence[float]) -> NDArray[np.float64]:
    """Return the quantiles of each column, as np.quantile does, where they are low.

    The lowest values of a column are told from the others once, and only they are put in order.

    Args:
        values: shape (rows, columns), at least one row, none of them NaN.
        ratios: from 0 to 1, of low values: the higher the largest of them, the slower it is.

    Returns:
        Shape (ratios, columns).
    """
    places = np.multiply(ratios, len(values) - 1)
    below = places.astype(int)
    above = np.minimum(below + 1, len(values) - 1)
    columns = np.ascontiguousarray(values.T)  # it is what is side by side that is sorted fast
    columns.partition(above.max(), axis=1)
    lowest = columns[:, : above.max() + 1]
    lowest.sort(axis=1)
    low, high = lowest.T[below].astype(np.float64), lowest.T[above]
    quantiles: NDArray[np.float64] = low + (high - low) * (places - below)[:, None]
    return quantiles
