"""The null of circular shifts: exact moments, honest p-values, Benjamini and Hochberg's q."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from statsmodels.stats.multitest import multipletests

from dfe_core.facs.shifts import drawn_counts, false_discovery_rates, null_tails, shift_moments


def _bursts(rng: np.random.Generator, frames: int, columns: int) -> np.ndarray:
    """0/1 series with long runs, as expressions are."""
    return (np.repeat(rng.random((frames // 10 + 1, columns)), 10, axis=0)[:frames] < 0.2).astype(np.float32)


@pytest.mark.parametrize("frames", [50, 51, 97])
def test_moments_are_those_of_every_shift_tried(frames: int) -> None:
    rng = np.random.default_rng(0)
    x, y = _bursts(rng, frames, 3), _bursts(rng, frames, 2)
    every = np.stack([x.T @ np.roll(y, -s, axis=0) for s in range(frames)])
    mean, variance = shift_moments(x, y)
    np.testing.assert_allclose(mean, every.mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, every.var(0), rtol=1e-4, atol=1e-4)


def test_drawn_shifts_keep_each_series_and_differ_between_columns() -> None:
    rng = np.random.default_rng(1)
    y = _bursts(rng, 60, 2)
    identity = csr_matrix(np.eye(60, dtype=np.float32))
    drawn = drawn_counts(np.random.default_rng(2), identity, y, 4)
    for draw in drawn:
        for column in range(2):
            assert any(np.array_equal(draw[:, column], np.roll(y[:, column], -s)) for s in range(60))
    assert len({draw.tobytes() for draw in drawn}) == 4


def test_p_values_are_ranks_among_the_shifted() -> None:
    rng = np.random.default_rng(3)
    null = rng.standard_normal((100, 20, 10))
    tails = null_tails(null, np.full((20, 10), 10.0))
    z = np.array([0.0, 1.96, -1.96, 9.0, np.nan])
    p = tails.p_values(z, np.full(5, 10.0))
    flat = null.ravel()
    assert p[0] > 0.95
    assert p[1] == pytest.approx(2 * ((flat >= 1.96).sum() + 1) / 20001, rel=0.02)
    assert p[2] == pytest.approx(2 * ((flat <= -1.96).sum() + 1) / 20001, rel=0.02)
    assert p[3] == pytest.approx(2 / 20001) and np.isnan(p[4])


def test_skewed_counts_are_not_judged_by_a_normal() -> None:
    rng = np.random.default_rng(4)
    null = rng.exponential(size=(200, 50, 1)) - 1
    p = null_tails(null, np.full((50, 1), 10.0)).p_values(np.array([3.0]), np.array([10.0]))
    assert p[0] == pytest.approx(2 * np.exp(-4), rel=0.15)  # a normal would say 0.0027


def test_q_is_benjamini_and_hochbergs() -> None:
    rng = np.random.default_rng(5)
    p = np.concatenate([rng.random(50), rng.random(20) * 1e-3])
    np.testing.assert_allclose(false_discovery_rates(p), multipletests(p, method="fdr_bh")[1])
    assert np.isnan(false_discovery_rates(np.array([0.01, np.nan]))[1])
