"""Maps of frames: nearest neighbours and layout, by cuML where it is installed."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from dfe_core.devices import on_device
from dfe_core.embedding.cuml_ways import cuml_for
from dfe_core.embedding.device_search import FROM_POINTS
from dfe_core.embedding.quality import map_quality
from dfe_core.embedding.umap_layout import nearest_neighbours, umap_layout
from dfe_core.expressions.dataset import Dataset
from dfe_core.tokenizer.storage import load_model


def maps(device: torch.device, dataset: str, sample: int) -> dict[str, Any]:
    """Seconds and quality of the map of so many frames by ψ, on the CPU and, where cuML serves, on the device."""
    model, _ = load_model("default", device="cpu")
    psi = Dataset.open(dataset).psi()
    rows = np.sort(np.random.default_rng(0).choice(len(psi), min(sample, len(psi)), replace=False))
    vectors = np.ascontiguousarray(psi[rows] @ model.frame.numpy(), np.float32)
    found: dict[str, Any] = {"frames": len(vectors), "cpu": _mapped("cpu", vectors)}
    with on_device(str(device)):
        version = cuml_for(len(vectors))
    if version is None:
        return found | {"cuML": f"does not serve: not installed, no GPU, or fewer than {FROM_POINTS:,} frames"}
    found[f"cuML {version}"] = _mapped(str(device), vectors)
    index = {}
    for name in ("cpu", str(device)):
        with on_device(name):
            index[name] = nearest_neighbours(vectors, "euclidean", 15).index
    same = [len(set(a) & set(b)) for a, b in zip(*(x.tolist() for x in index.values()), strict=True)]
    return found | {"neighbours that are the same": float(np.mean(same)) / 15}


def _mapped(device: str, vectors: np.ndarray) -> dict[str, float]:
    with on_device(device):
        started = time.perf_counter()
        nearest_neighbours(vectors, "euclidean", 15)
        near = time.perf_counter() - started
        started = time.perf_counter()
        places = umap_layout(vectors)
        took = time.perf_counter() - started
    quality = map_quality(vectors, places, "euclidean").as_json()
    return {"neighbours, s": near, "map, s": took, "trustworthiness": quality["trustworthiness"]}
