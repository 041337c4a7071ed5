"""UMAP's graph and layout against the paper's definitions, written out, and against planted structure."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from dfe_core.embedding import umap_layout as umap
from dfe_core.embedding.extend import MANY, nearest_place


def plain_graph(points: np.ndarray, reach: int) -> np.ndarray:
    """Algorithms 1 to 3 of the paper, point by point."""
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    member = np.zeros_like(distance)
    for i, row in enumerate(distance):
        near = [j for j in np.argsort(row, kind="stable") if j != i][: reach - 1]
        first, low, high = row[near[0]], 1e-9, 1e9
        for _ in range(200):
            width = (low * high) ** 0.5
            total = sum(np.exp(-(row[j] - first) / width) for j in near)
            low, high = (low, width) if total > np.log2(reach) else (width, high)
        member[i, near] = np.exp(-(row[near] - first) / width)
    return member + member.T - member * member.T


def test_the_graph_is_that_of_the_paper():
    points = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    found = umap.fuzzy_graph(umap.nearest_neighbours(points, "euclidean", 8)).toarray()
    np.testing.assert_allclose(found, plain_graph(points.astype(float), 8), atol=2e-4)


def test_the_curve_is_the_one_of_a_least_distance_of_a_tenth():
    d = np.linspace(0, 3, 300)
    wanted = np.where(d < 0.1, 1, np.exp(-(d - 0.1)))
    (a, b), _ = curve_fit(lambda x, a, b: 1 / (1 + a * x ** (2 * b)), d, wanted)
    np.testing.assert_allclose([umap.A, umap.B], [a, b], rtol=1e-4)


def test_forces_are_the_gradients_of_the_cross_entropy():
    at, step = np.array([0.3, 0.8, 2.5]), 1e-5

    def similarity(d):
        return 1 / (1 + umap.A * d ** (2 * umap.B))

    for force, loss in (
        (umap._pull, lambda d: -np.log(similarity(d))),
        (umap._push, lambda d: -np.log(1 - similarity(d))),
    ):
        slope = (loss(at + step) - loss(at - step)) / (2 * step)
        np.testing.assert_allclose(force((at**2).astype(np.float32)) * at, -slope, rtol=2e-2)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_groups_that_are_apart_stay_apart_and_equal_points_do_not_fail(metric):
    rng = np.random.default_rng(0)
    middles = np.repeat(np.eye(6)[:4] * 10, 30, axis=0)
    points = middles + rng.normal(0, 0.3, middles.shape)
    points[:10] = points[0]
    places = umap.umap_layout(points, metric=metric, neighbours=10)
    assert places.shape == (120, 2) and np.isfinite(places).all()
    group = np.repeat(range(4), 30)
    nearest = np.linalg.norm(places[:, None] - places, axis=2) + np.diag(np.full(120, np.inf))
    assert (group[nearest.argmin(1)] == group).mean() > 0.95


def test_the_nearest_of_many_points_is_found_among_the_cells_around_it():
    rng = np.random.default_rng(0)
    known, asked = rng.normal(size=(MANY + 500, 3)), rng.normal(size=(400, 3))
    rows = np.arange(len(known))[:, None]
    found = nearest_place(known, rows, "euclidean")(asked).ravel()
    exact = np.linalg.norm(asked[:, None] - known, axis=2).argmin(1)
    assert (found == exact).mean() > 0.97
