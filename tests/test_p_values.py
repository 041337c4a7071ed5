"""p and q at the floor of their test are printed as bounds."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.p_values import at_floor, bounds, p_text, p_words


@pytest.mark.parametrize(
    ("p", "permutations", "floor"),
    [(1 / 1001, 1000, True), (2 / 1001, 1000, False), (1 / 1001, 999, True), (0.0, 0, False), (None, 1000, False)],
)
def test_the_smallest_p_of_a_permutation_test_is_a_bound(p, permutations, floor):
    assert bool(at_floor(p, permutations)) is floor


def test_a_bound_is_printed_as_one_and_other_values_as_they_are():
    assert p_text(1 / 1001, True) == "≤ 0.001" and p_text(0.0314) == "0.031"
    assert p_text(None) == p_text(float("nan")) == "–"
    assert p_words("p", 0.0314) == "p = 0.031" and p_words("q", 1e-4, True) == "q ≤ 0.0001"


def test_the_bounds_of_an_adjusted_column_are_those_of_its_p():
    p = np.array([0.001, 0.5, 0.001])
    assert bounds([0.004, 0.7, 0.006], at_floor(p, 999)) == {0.004, 0.006}
