"""Attention that leaves tokens out: exact projections, judged against bisection and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dfe_core.errors import DataError
from dfe_core.probes.pooling import Pooling, entmax, entropy, sparsemax
from dfe_core.probes.sequence_settings import POOLINGS

SCORES = st.lists(st.floats(-6, 6), min_size=1, max_size=12)
WEIGHTS = {
    "sparsemax": (sparsemax, lambda z, t: np.maximum(z - t, 0)),
    "entmax": (entmax, lambda z, t: np.maximum(z / 2 - t, 0) ** 2),
}
"""Both are max(·, 0) of the scores less a threshold at which the weights add up to 1 (Peters et al. 2019, eq. 6)."""


def by_bisection(scores: np.ndarray, shape) -> np.ndarray:
    low, high = scores.min() - 10, scores.max() + 10
    for _ in range(64):
        middle = (low + high) / 2
        low, high = (middle, high) if shape(scores, middle).sum() > 1 else (low, middle)
    return shape(scores, (low + high) / 2)


@pytest.mark.parametrize("name", WEIGHTS)
@settings(max_examples=60, deadline=None)
@given(SCORES)
def test_weights_are_the_exact_projection(name, scores):
    fast, shape = WEIGHTS[name]
    scores = np.array(scores)
    assert fast(torch.as_tensor(scores)).numpy() == pytest.approx(by_bisection(scores, shape), abs=1e-9)


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    """Against every support there is: on each, the projection is the scores less a constant."""
    scores = np.array([0.9, 0.3, 0.8, -1.0, 0.75])
    best = None
    for code in range(1, 32):
        support = np.array([code >> i & 1 for i in range(5)], bool)
        point = np.where(support, scores - (scores[support].sum() - 1) / support.sum(), 0)
        if point.min() >= 0 and (best is None or np.sum((point - scores) ** 2) < np.sum((best - scores) ** 2)):
            best = point
    assert sparsemax(torch.as_tensor(scores)).numpy() == pytest.approx(best)


def test_entmax_lies_between_softmax_and_sparsemax():
    scores = torch.tensor([2.0, 1.2, 1.0, 0.0, -3.0])
    used = [int((f(scores) > 0).sum()) for f in (sparsemax, entmax, lambda z: z.softmax(-1))]
    assert used == sorted(used) and used[0] < used[1] < used[2] == 5


@pytest.mark.parametrize("name", WEIGHTS)
def test_gradients_agree_with_finite_differences(name):
    scores = torch.tensor([[0.9, 0.3, 0.85, -1.0], [2.0, 0.1, 0.0, 0.2]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(WEIGHTS[name][0], (scores,))


@pytest.mark.parametrize("kind", POOLINGS)
def test_missing_tokens_weigh_nothing_and_a_batch_equals_its_units_one_by_one(kind):
    torch.manual_seed(0)
    pool = Pooling(kind, 8)
    x, there = torch.randn(3, 6, 8), torch.tensor([[True] * 6, [True] * 2 + [False] * 4, [False, True] * 3])
    pooled, weights = pool(x, there)
    assert torch.all(weights[~there] == 0) and weights.sum(1).tolist() == pytest.approx([1, 1, 1], abs=1e-6)
    for i in range(3):
        alone, _ = pool(x[i : i + 1, there[i]], torch.ones(1, int(there[i].sum()), dtype=torch.bool))
        assert alone[0].tolist() == pytest.approx(pooled[i].tolist(), abs=1e-6)


def test_entropy_is_one_for_even_weights_and_zero_for_one_token():
    there = torch.tensor([[True, True, True, True], [True, True, False, False], [True, True, True, True]])
    weights = torch.tensor([[0.25] * 4, [0.5, 0.5, 0, 0], [1.0, 0, 0, 0]])
    assert entropy(weights, there).tolist() == pytest.approx([1, 1, 0], abs=1e-6)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(DataError, match="softmax or sparsemax"):
        Pooling("max", 8)
