"""Neighbours and the layout of large maps on a GPU, by cuML where it is installed.

What is computed is what `umap_layout` computes on a CPU: neighbours among all points, by single-precision distances,
the graph that is made of them, and its layout from the same first places by the same curve. Random draws differ, so
that places do; how far a map can be believed is measured on each (`quality`). cuML (RAPIDS, Apache 2.0) is no
requirement: packages of it are for Linux with a CUDA GPU.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from dfe_core.embedding.device_search import device_for


def cuml_for(points: int) -> str | None:
    """The version of cuML that computes with so many points; None where the CPU does."""
    if find_spec("cuml") is None or device_for(points) is None:
        return None
    try:
        return str(import_module("cuml").__version__)
    except ImportError:  # for another CUDA than this machine's
        return None


def neighbours_by_cuml(vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Euclidean distance (n, count) f32 and row (n, count) int64 of the nearest of (n, D) vectors to each, exact."""
    neighbours = import_module("cuml.neighbors").NearestNeighbors
    found = neighbours(n_neighbors=count, algorithm="brute", metric="euclidean", output_type="numpy").fit(vectors)
    distance, index = found.kneighbors(vectors)
    return _on_host(distance).astype(np.float32), _on_host(index).astype(np.int64)


def spread_out_by_cuml(
    vectors: np.ndarray, graph: csr_matrix, places: np.ndarray, *, curve: tuple[float, float], negative: int, seed: int
) -> np.ndarray:
    """(n, d) float64 places of a layout that begins at `places`; curve: A and B of the similarity on the map."""
    found = import_module("cuml.manifold.umap").simplicial_set_embedding(
        vectors,
        graph.tocoo(),
        n_components=places.shape[1],
        a=curve[0],
        b=curve[1],
        negative_sample_rate=negative,
        init=places.astype(np.float32),
        random_state=seed,
    )
    return _on_host(found).astype(np.float64)


def _on_host(values: Any) -> np.ndarray:
    return np.asarray(values.get() if hasattr(values, "get") else values)
