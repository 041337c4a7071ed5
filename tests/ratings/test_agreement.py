"""Agreement and accuracy against published values and planted raters."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.ratings.agreement import (
    MISSING,
    accuracy_interval,
    alpha_interval,
    guessing,
    krippendorff_alpha,
    wilson_interval,
)


def coded(*rows: str) -> np.ndarray:
    """(R, U) codes of rows of letters; a dot is missing."""
    return np.array([[MISSING if c == "." else ord(c) for c in row.replace(" ", "")] for row in rows])


def test_alpha_is_that_of_krippendorffs_examples():
    """Krippendorff 2011, sections A (two observers, binary), B (nominal) and C (four observers, missing data)."""
    assert krippendorff_alpha(coded("0100000010", "1110010000")) == pytest.approx(0.095, abs=5e-4)
    assert krippendorff_alpha(coded("aabbdcccedda", "babbbccceddd")) == pytest.approx(0.692, abs=5e-4)
    four = coded("123321412...", "1233224125.3", ".33323422 51.", "12332441251.")
    assert krippendorff_alpha(four) == pytest.approx(0.743, abs=5e-4)


def test_alpha_knows_perfect_agreement_guessing_and_nothing_to_compare():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 200)
    assert krippendorff_alpha(np.tile(truth, (4, 1))) == 1
    assert abs(krippendorff_alpha(rng.integers(0, 3, (6, 400)))) < 0.05
    assert np.isnan(krippendorff_alpha(coded("11", "11"))) and np.isnan(krippendorff_alpha(coded("1.", ".1")))
    assert np.isnan(krippendorff_alpha(np.full((3, 0), MISSING))) and np.isnan(krippendorff_alpha(coded("..", "..")))


def test_a_rater_drawn_twice_does_not_agree_with_their_own_double():
    values = np.random.default_rng(1).integers(0, 2, (4, 300))
    doubled = krippendorff_alpha(np.concatenate([values, values[:1], values[:1]]))
    weighted = krippendorff_alpha(values, weights=np.array([3, 1, 1, 1]))
    assert doubled > 0.15 and abs(weighted) < 0.06
    assert krippendorff_alpha(values, weights=np.ones(4), units=np.ones(300)) == krippendorff_alpha(values)


def test_intervals_hold_what_they_are_of():
    rng = np.random.default_rng(2)
    skill = rng.random((8, 60)) < 0.8
    values = np.where(skill, 0, rng.integers(0, 2, (8, 60))) ^ (np.arange(60) % 2)
    right = (values == np.arange(60) % 2).astype(float)
    share, alpha = accuracy_interval(right), alpha_interval(values)
    assert share.low < share.value < share.high and share.value == right.mean()
    assert alpha.low < alpha.value < alpha.high
    assert np.isnan(accuracy_interval(right[:2]).low) and np.isnan(alpha_interval(values[:2]).low)
    of = np.arange(60) == 3
    assert alpha_interval(values, of).value == krippendorff_alpha(values, of=of)


@pytest.mark.parametrize(
    ("right", "answers", "low", "high"), [(0, 10, 0, 0.2775), (8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1)]
)
def test_wilson_intervals_are_the_known_ones(right, answers, low, high):
    found = wilson_interval(right, answers)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    assert np.isnan(wilson_interval(0, 0).value)


def test_guessing_reaches_chance_and_no_agreement():
    values = np.zeros((6, 40), int)
    values[:, :20] = MISSING
    found = guessing(values, np.zeros(40, int), np.full(40, 4), studies=200)
    assert found.accuracy.low < 0.25 < found.accuracy.high and abs(found.accuracy.value - 0.25) < 0.02
    assert found.alpha.low < 0 < found.alpha.high
