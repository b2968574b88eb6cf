"""Quantiles beside NumPy's, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from resonate_nodes._common.quantiles import low_quantiles, quantiles

LOW = (0.0, 0.03, 0.1, 0.2)
QUARTERS = (0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 2, 3, 21, 100, 1024])
def test_quantiles_are_those_of_numpy(count: int, kind: type[np.floating]) -> None:
    values = np.random.default_rng(count).standard_normal((count, 33)).astype(kind)
    before = values.copy()
    np.testing.assert_array_equal(low_quantiles(values, LOW), np.quantile(values, LOW, axis=0))
    rows = values.T.reshape(3, 11, count)
    np.testing.assert_array_equal(quantiles(rows, QUARTERS), np.quantile(rows, QUARTERS, axis=2))
    np.testing.assert_array_equal(values, before)
