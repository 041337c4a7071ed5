"""UMAP without a compiler: exact neighbours, the fuzzy graph of them, and its layout by sampled edges, in NumPy.

umap-learn compiles its code with Numba in every process, which takes longer than the layout itself. What is computed
here is the same: the graph of McInnes, Healy & Melville 2018 (arXiv:1802.03426), algorithms 1 to 4, its cross-entropy
by sampled edges and negative samples, algorithm 5, with two differences. Neighbours are exact, not those of
NN-descent; and the edges of an epoch move their points in a few rounds, each edge of a round from the same places, not
one edge after another. The layout begins at the first principal components (Kobak & Linderman 2021). On a GPU with cuML
neighbours and layout of large maps are its own (`cuml_ways`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from dfe_core.embedding.cuml_ways import cuml_for, neighbours_by_cuml, spread_out_by_cuml
from dfe_core.progress import Listener, Progress, silent
from dfe_core.tokenizer.mesh_inner_product import unit

A, B = 1.5769434603, 0.8950608779
"""The curve 1 / (1 + A d^2B) of similarity on the map, fitted to a least distance of 0.1 (section 4.2)."""
NEGATIVE = 5
"""Points that a point is pushed away from, for every edge that pulls at it."""
LARGE = 10_000
"""From so many points on 200 epochs are enough, as in umap-learn; below it 500."""
_FORCE = 4.0
_EXTENT = 10.0
_STEPS = 64


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """index (n, k) int and distance (n, k) float32 of every point's nearest points, itself the first."""

    index: np.ndarray
    distance: np.ndarray


def umap_layout(
    vectors: np.ndarray,
    *,
    metric: str = "euclidean",
    dimensions: int = 2,
    neighbours: int = 15,
    seed: int = 0,
    progress: Listener = silent,
) -> np.ndarray:
    """Lay vectors out so that near ones stay near.

    Parameters
    ----------
    vectors: (n, D), n above 2. metric: ``euclidean`` or ``cosine``. dimensions: 2 or 3. neighbours: of a point, itself
        among them, at most n − 1. seed: the same one gives the same layout, whatever the number of threads.

    Returns (n, dimensions) float64.
    """
    vectors = np.ascontiguousarray(unit(vectors) if metric == "cosine" else vectors, np.float32)
    rng = np.random.default_rng(seed)
    graph = fuzzy_graph(nearest_neighbours(vectors, metric, neighbours))
    first = _first_places(vectors, dimensions, rng)
    if cuml_for(len(vectors)):
        return spread_out_by_cuml(vectors, graph, first, curve=(A, B), negative=NEGATIVE, seed=seed)
    return _spread_out(graph, first, rng, progress)


def nearest_neighbours(vectors: np.ndarray, metric: str, neighbours: int) -> Neighbours:
    """The nearest points of every point, exact. vectors: (n, D) float32, of length 1 for the cosine."""
    distance, index = _nearest(vectors, neighbours)
    rows = np.arange(len(vectors))
    at = np.where((index == rows[:, None]).any(1), (index == rows[:, None]).argmax(1), neighbours - 1)
    index[rows, at], distance[rows, at] = index[:, 0], distance[:, 0]  # among equal points the first may be another
    index[:, 0], distance[:, 0] = rows, 0
    order = np.argsort(distance[:, 1:], axis=1, kind="stable") + 1
    index[:, 1:], distance[:, 1:] = np.take_along_axis(index, order, 1), np.take_along_axis(distance, order, 1)
    if metric == "cosine":
        distance = distance**2 / 2
    return Neighbours(index=index, distance=distance.astype(np.float32))


def _nearest(vectors: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    if cuml_for(len(vectors)):
        return neighbours_by_cuml(vectors, neighbours)
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(vectors).kneighbors(vectors)


def fuzzy_graph(near: Neighbours) -> csr_matrix:
    """(n, n) symmetric memberships of 0 to 1: the union of the points' own fuzzy sets of neighbours (algorithms 2, 3).

    A point's nearest other point is a member by 1; the width of its set is such that memberships add up to log2 k.
    """
    distance = near.distance.astype(np.float64)
    count, reach = distance.shape
    some = distance > 0
    nearest = np.where(some.any(1), np.where(some, distance, np.inf).min(1), 0)
    beyond = np.maximum(distance - nearest[:, None], 0)
    width = _widths(beyond[:, 1:], np.log2(reach))
    least = 1e-3 * np.where(nearest > 0, distance.mean(1), distance.mean())
    member = np.exp(-beyond / np.maximum(np.maximum(width, least), 1e-300)[:, None])
    member[:, 0] = 0
    rows = np.repeat(np.arange(count), reach)
    graph = csr_matrix((member.ravel(), (rows, near.index.ravel())), (count, count))
    graph.eliminate_zeros()
    both = graph.multiply(graph.T)
    return (graph + graph.T - both).tocsr()


def _widths(beyond: np.ndarray, total: float) -> np.ndarray:
    """(n,) widths σ with Σ exp(−beyond / σ) = total over a row, by bisection."""
    low, high = np.zeros(len(beyond)), np.full(len(beyond), np.inf)
    width = np.ones(len(beyond))
    for _ in range(_STEPS):
        wide = np.exp(-beyond / np.maximum(width, 1e-300)[:, None]).sum(1) > total
        high, low = np.where(wide, width, high), np.where(wide, low, width)
        width = np.where(np.isinf(high), width * 2, (low + high) / 2)
    return width


def _first_places(vectors: np.ndarray, dimensions: int, rng: np.random.Generator) -> np.ndarray:
    """The first principal components, the longest ten long to either side, with noise that parts equal points."""
    from sklearn.decomposition import PCA

    kept = min(dimensions, *vectors.shape)
    places = PCA(kept, svd_solver="full" if len(vectors) < 1000 else "covariance_eigh").fit_transform(vectors)
    places = np.pad(places, ((0, 0), (0, dimensions - kept))).astype(np.float64)
    places *= _EXTENT / max(float(np.abs(places).max()), 1e-12)
    return places + rng.normal(0, 1e-2, places.shape)


def _spread_out(graph: csr_matrix, places: np.ndarray, rng: np.random.Generator, progress: Listener) -> np.ndarray:
    """Move the points: along sampled edges together, from random others apart, by steps that shrink to nothing."""
    epochs, finer = (200, 1) if len(places) > LARGE else (500, 3)
    edges = graph.tocoo()
    kept = edges.data >= edges.data.max(initial=0) / epochs
    heads, tails = edges.row[kept].astype(np.intp), edges.col[kept].astype(np.intp)
    upto = np.concatenate([[0.0], np.cumsum(edges.data[kept] / edges.data.max(initial=1e-300))])
    rounds = max(1, round(finer * upto[-1] / len(places)))
    at = np.ascontiguousarray(places.T, np.float32)
    for epoch in range(epochs):
        drawn = np.flatnonzero(np.diff(np.floor(upto + rng.random())) > 0)
        for turn in range(rounds):
            part = drawn[turn::rounds]
            _move(at, heads[part], tails[part], np.float32(1 - epoch / epochs), rng)
        progress(Progress(task="layout", done=epoch + 1, total=epochs))
    return at.T.astype(np.float64)


def _move(at: np.ndarray, heads: np.ndarray, tails: np.ndarray, step: np.float32, rng: np.random.Generator) -> None:
    """One round, in place: every edge pulls at its two ends, and its head is pushed away from `NEGATIVE` points."""
    count = at.shape[1]
    here = at[:, heads]
    apart = here - at[:, tails]
    square = (apart**2).sum(0)
    pull = _clipped(apart * _pull(square))
    others = rng.integers(0, count, (NEGATIVE, len(heads)), dtype=np.int32)
    away = here[:, None] - at[:, others]
    square = (away**2).sum(0)
    push = np.where(others == heads, np.float32(0), _push(square))
    moved = pull + _clipped(away * push).sum(1)
    for axis in range(len(at)):
        at[axis] += step * (np.bincount(heads, moved[axis], count) - np.bincount(tails, pull[axis], count))


def _pull(square: np.ndarray) -> np.ndarray:
    """Gradient of the attraction over the difference of places: −2AB d^2(B−1) / (1 + A d^2B)."""
    square = np.maximum(square, np.float32(1e-8))
    power = np.exp(np.float32(B) * np.log(square))
    return np.float32(-2 * A * B) * power / (square * (1 + np.float32(A) * power))


def _push(square: np.ndarray) -> np.ndarray:
    """Gradient of the repulsion over the difference of places: 2B / ((0.001 + d²)(1 + A d^2B))."""
    power = np.exp(np.float32(B) * np.log(np.maximum(square, np.float32(1e-8))))
    return np.float32(2 * B) / ((np.float32(0.001) + square) * (1 + np.float32(A) * power))


def _clipped(force: np.ndarray) -> np.ndarray:
    return np.clip(force, -_FORCE, _FORCE)
