"""How near a stem is to the true one, in one number."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def si_sdr_db(estimate: ArrayLike, true: ArrayLike) -> float:
    """Scale-invariant SDR (Le Roux et al. 2019) over all channels together.

    The node `compare` gives it too, but fits a filter of 512 samples besides, which takes too long
    for hundreds of stems.
    """
    a = np.asarray(estimate, np.float64).ravel()
    b = np.asarray(true, np.float64).ravel()
    target = (a @ b) / (b @ b) * b
    return float(10 * np.log10((target @ target) / (np.square(a - target).sum() + 1e-12)))
