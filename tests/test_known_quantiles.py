"""Quantiles of many columns with gaps are numpy's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from dfe_core.known_quantiles import known_quantiles

SHARES = (0.025, 0.3, 0.5, 0.975, 1.0)


@pytest.mark.parametrize("rows", [1, 2, 3, 101])
def test_quantiles_of_columns_with_gaps_are_those_of_numpy_to_the_last_bit(rows: int) -> None:
    rng = np.random.default_rng(rows)
    values = 10 * rng.normal(size=(rows, 5, 7))
    values[rng.random(values.shape) < 0.3] = np.nan
    values[:, 0, 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column of which nothing is known
        expected = np.nanquantile(values, SHARES, axis=0)
    np.testing.assert_array_equal(known_quantiles(values, SHARES), expected)
