"""Maps on a GPU: what is asked of cuML, and that its answers become the map. A stand-in computes in its place, for cuML
itself needs a GPU; that its functions are called as they want it is not shown here."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import issparse
from sklearn.neighbors import NearestNeighbors

from dfe_core.embedding import cuml_ways, device_search, extend, umap_layout
from dfe_core.embedding.maps import MapSettings, build_map
from dfe_core.embedding.quality import map_quality
from tests.small_world import make_world

CPU = torch.device("cpu")


class OnDevice:
    """An array as CuPy has it: ``get`` brings it to the host."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def get(self) -> np.ndarray:
        return self.values


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What was asked of a stand-in for cuML, on a machine with a GPU, where a hundred points are many."""
    asked: list[tuple[str, dict[str, Any]]] = []

    class Neighbours:
        def __init__(self, **given: Any) -> None:
            asked.append(("NearestNeighbors", given))
            self.inner = NearestNeighbors(n_neighbors=given["n_neighbors"], algorithm="brute")

        def fit(self, known: np.ndarray) -> Neighbours:
            self.inner.fit(known)
            return self

        def kneighbors(self, points: np.ndarray) -> tuple[OnDevice, OnDevice]:
            distance, index = self.inner.kneighbors(points)
            return OnDevice(distance), OnDevice(index)

    def embedded(vectors: np.ndarray, graph: Any, **given: Any) -> OnDevice:
        asked.append(("simplicial_set_embedding", given))
        assert issparse(graph) and graph.shape == (len(vectors), len(vectors))
        rng = np.random.default_rng(given["random_state"])
        return OnDevice(umap_layout._spread_out(graph.tocsr(), given["init"].astype(float), rng, lambda report: None))

    names = ("cuml", "cuml.neighbors", "cuml.manifold", "cuml.manifold.umap")
    modules = {name: ModuleType(name) for name in names}
    modules["cuml"].__version__ = "0.stand-in"  # type: ignore[attr-defined]
    modules["cuml"].__spec__ = ModuleSpec("cuml", None)
    modules["cuml.neighbors"].NearestNeighbors = Neighbours  # type: ignore[attr-defined]
    modules["cuml.manifold.umap"].simplicial_set_embedding = embedded  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(device_search, "may_be_cuda", lambda: True)
    monkeypatch.setattr(device_search, "chosen_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(device_search, "FROM_POINTS", 100)
    monkeypatch.setattr(extend, "nearest_on_device", lambda known, device: device_search.nearest_on_device(known, CPU))
    monkeypatch.setattr(umap_layout, "LARGE", 100)  # fewer epochs of the stand-in
    return asked


def blobs() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (np.repeat(np.eye(6)[:4] * 8, 40, axis=0) + rng.normal(size=(160, 6))).astype(np.float32)


def test_a_layout_by_cuml_is_of_the_same_graph_from_the_same_places(calls):
    points = blobs()
    found = umap_layout.umap_layout(points, seed=3)
    kinds = [kind for kind, _ in calls]
    assert kinds == ["NearestNeighbors", "simplicial_set_embedding"]
    given = calls[1][1]
    assert (given["a"], given["b"], given["negative_sample_rate"]) == (
        umap_layout.A,
        umap_layout.B,
        umap_layout.NEGATIVE,
    )
    assert given["init"].shape == (160, 2) and np.abs(given["init"]).max() == pytest.approx(10, abs=0.1)
    assert map_quality(points, found).trustworthiness > 0.9


def test_a_map_by_cuml_says_so_and_has_every_frame_in_its_density(calls, tmp_path, toy_face):
    world = make_world(tmp_path / "cache", toy_face)
    settings = MapSettings(model="m", dataset="d", of="frames", by="psi", sample=world.tokens.frames - 20)
    made = build_map(settings, root=world.root, face=toy_face)
    assert made.manifest["cuml"] == "0.stand-in" and made.statement.endswith("Computed on a GPU by cuML 0.stand-in.")
    assert [kind for kind, _ in calls] == ["NearestNeighbors", "simplicial_set_embedding"]
    assert made.density is not None and made.density["counts"].sum() == world.tokens.frames


def test_the_search_of_a_gpu_finds_the_nearest_in_every_batch(monkeypatch):
    points, rng = blobs(), np.random.default_rng(1)
    asked = (points[rng.permutation(160)] + rng.normal(0, 0.5, points.shape)).astype(np.float32)
    monkeypatch.setattr(device_search, "_SCORES", 160 * 33)
    found = device_search.nearest_on_device(points, CPU)(asked)
    np.testing.assert_array_equal(found, ((asked[:, None] - points) ** 2).sum(2).argmin(1))
    assert device_search.nearest_on_device(points, CPU)(asked[:0]).shape == (0,)


def test_without_a_gpu_or_with_few_points_the_cpu_computes(calls, monkeypatch):
    assert cuml_ways.cuml_for(99) is None and cuml_ways.cuml_for(100) == "0.stand-in"
    monkeypatch.setattr(device_search, "chosen_device", lambda: torch.device("cpu"))
    assert cuml_ways.cuml_for(10**8) is None
    umap_layout.nearest_neighbours(blobs(), "euclidean", 15)
    assert not calls
