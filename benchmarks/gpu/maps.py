"""Maps of frames: nearest neighbours and layout, by cuML where it is installed."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import Any

import numpy as np

from dfe_core.embedding.quality import map_quality
from dfe_core.embedding.umap_layout import nearest_neighbours, umap_layout
from dfe_core.expressions.dataset import Dataset
from dfe_core.tokenizer.storage import load_model


def maps(dataset: str, sample: int) -> dict[str, Any]:
    """Seconds and quality of the map of so many frames by ψ: the shipped way, and cuML's."""
    model, _ = load_model("default", device="cpu")
    psi = Dataset.open(dataset).psi()
    rows = np.sort(np.random.default_rng(0).choice(len(psi), min(sample, len(psi)), replace=False))
    vectors = np.ascontiguousarray(psi[rows] @ model.frame.numpy(), np.float32)
    found: dict[str, Any] = {"frames": len(vectors)}
    started = time.perf_counter()
    near = nearest_neighbours(vectors, "euclidean", 15)
    found["neighbours, s"] = time.perf_counter() - started
    started = time.perf_counter()
    places = umap_layout(vectors)
    found["map as shipped, s"] = time.perf_counter() - started
    found["trustworthiness as shipped"] = map_quality(vectors, places, "euclidean").as_json()["trustworthiness"]
    if find_spec("cuml") is None:
        return found | {"cuML": "not installed: neighbours and layout are those of a CPU"}
    from cuml.manifold import UMAP
    from cuml.neighbors import NearestNeighbors

    started = time.perf_counter()
    index = NearestNeighbors(n_neighbors=15, algorithm="brute").fit(vectors).kneighbors(vectors)[1]
    found["neighbours by cuML, s"] = time.perf_counter() - started
    same = [len(set(a) & set(b)) for a, b in zip(np.asarray(index).tolist(), near.index.tolist(), strict=True)]
    found["neighbours that are the same"] = float(np.mean(same)) / 15
    started = time.perf_counter()
    places = np.asarray(UMAP(n_neighbors=15, min_dist=0.1, random_state=0).fit_transform(vectors))
    found["map by cuML, s"] = time.perf_counter() - started
    found["trustworthiness of cuML's"] = map_quality(vectors, places, "euclidean").as_json()["trustworthiness"]
    return found
