"""Maps: their quality against oracles, what is mapped, and that they are made once."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.manifold import trustworthiness

from dfe_core.embedding.extend import density_of
from dfe_core.embedding.features import by_cooccurrence, by_deformation, by_geodesic, sample_frames
from dfe_core.embedding.maps import MapSettings, build_map, list_maps, open_map
from dfe_core.embedding.quality import map_quality, neighbour_preservation
from dfe_core.errors import DataError
from dfe_core.tokenizer.mesh_inner_product import displacement_cosine, mesh_factor
from dfe_core.tokens.intervals import build_runs
from tests.small_world import make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory, toy_face):
    return make_world(tmp_path_factory.mktemp("world") / "cache", toy_face)


def test_a_copy_of_the_data_is_a_perfect_map_and_a_shuffle_is_at_chance():
    data = np.random.default_rng(0).normal(size=(300, 2))
    perfect = map_quality(data, data * 3 + 1)
    assert (perfect.trustworthiness, perfect.continuity, perfect.neighbour_preservation) == (1, 1, 1)
    shuffled = map_quality(data, np.random.default_rng(1).permutation(data))
    assert shuffled.neighbour_preservation == pytest.approx(shuffled.chance, abs=0.03)
    assert shuffled.trustworthiness == pytest.approx(0.5, abs=0.1)


def test_trustworthiness_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    data, places = rng.normal(size=(120, 6)), rng.normal(size=(120, 2))
    places += data[:, :2]
    found = map_quality(data, places, neighbours=10)
    assert found.trustworthiness == pytest.approx(trustworthiness(data, places, n_neighbors=10))
    assert found.continuity == pytest.approx(trustworthiness(places, data, n_neighbors=10))


def test_neighbour_preservation_by_hand_and_with_ties():
    line = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
    swapped = np.abs(np.subtract.outer([0, 5, 3, 1.4], [0, 5, 3, 1.4]))
    assert neighbour_preservation(line, line, 1) == 1
    assert neighbour_preservation(line, swapped, 1) == pytest.approx(2 / 4)
    assert neighbour_preservation(np.ones((5, 5)), np.random.default_rng(0).random((5, 5)), 2) == 1


def test_too_few_or_identical_points_have_no_quality():
    few = map_quality(np.eye(4), np.eye(4)[:, :2])
    same = map_quality(np.ones((50, 3)), np.random.default_rng(0).normal(size=(50, 2)))
    assert few.as_json()["trustworthiness"] is None and same.as_json()["neighbour_preservation"] is None


def test_the_mesh_factor_measures_the_rms_of_vertex_distances(toy_face):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, toy_face.coefficients))
    distance = np.sqrt(((toy_face.vertices(a) - toy_face.vertices(b)) ** 2).sum(1).mean())
    assert np.linalg.norm((a - b) @ mesh_factor(toy_face.gram)) == pytest.approx(distance, rel=1e-4)
    fields = [toy_face.displacement(v).ravel() for v in (a, b)]
    cosine = fields[0] @ fields[1] / np.linalg.norm(fields[0]) / np.linalg.norm(fields[1])
    assert displacement_cosine(a[None], b[None], toy_face.gram)[0, 0] == pytest.approx(cosine, abs=1e-4)


def test_codewords_by_deformation_leave_rest_out_and_keep_cosines(world):
    features = by_deformation(world.codebook, world.face)
    assert features.left_out == [0] and features.rows["codeword"].tolist() == list(range(1, 24))
    np.testing.assert_allclose(
        features.vectors @ features.vectors.T,
        displacement_cosine(world.codebook.psi[1:], world.codebook.psi[1:], world.face.gram),
        atol=1e-9,
    )


def test_geodesic_smoothing_brings_neighbouring_patches_closer(world, toy_face):
    from dataclasses import replace

    basis = np.zeros_like(toy_face.basis)
    basis[0, 112, 2], basis[1, 113, 2], basis[2, 0, 2] = 1, 1, 1
    face = replace(toy_face, basis=basis)
    book = replace(world.codebook, psi=np.eye(3, 52, dtype=np.float32), table=world.codebook.table[:3])
    plain, smooth = (f.vectors @ f.vectors.T for f in (by_deformation(book, face), by_geodesic(book, face)))
    assert plain[0, 1] == 0 and smooth[0, 1] > 0.1 and smooth[0, 2] < 0.01


def test_geodesic_smoothing_keeps_a_rigid_translation(world, toy_face):
    from dataclasses import replace

    from dfe_core.embedding.features import _spread

    face = replace(toy_face, basis=np.full_like(toy_face.basis, 0.002))
    np.testing.assert_allclose(_spread(face, 0.01), 0.002, rtol=1e-5)


def test_codewords_that_always_meet_are_near_by_company(world):
    features = by_cooccurrence(world.codebook, build_runs(world.tokens))
    assert 0 in features.left_out
    np.testing.assert_allclose(np.linalg.norm(features.vectors, axis=1), 1)


def test_frames_are_drawn_without_replacement_over_all_recordings(world):
    drawn = [(p.recording, r) for p, rows in sample_frames(world.tokens, 100, 0) for r in rows.tolist()]
    assert len(drawn) == len(set(drawn)) == 100 and len({name for name, _ in drawn}) == 6
    assert sum(len(rows) for _, rows in sample_frames(world.tokens, 10**6, 0)) == 720


def test_a_pca_map_of_frames_is_the_projection_of_their_faces_and_says_what_it_shows(world):
    made = build_map(
        MapSettings(model="m", dataset="d", of="frames", by="psi", method="pca", sample=200),
        root=world.root,
        face=world.face,
    )
    assert made.manifest["sampled"] and made.manifest["total"] == 720 and len(made.points) == 200
    assert {"recording", "frame", "x", "y", "codeword", "subject", "condition"} <= set(made.points)
    assert "200 of 720 frames" in made.statement and "Trustworthiness 0." in made.statement
    row = made.points.iloc[17]
    psi = world.dataset.frames(row["recording"]).psi[row["frame"]]
    all_psi = np.stack(
        [world.dataset.frames(r).psi[f] for r, f in zip(made.points["recording"], made.points["frame"], strict=True)]
    )
    centred = (all_psi - all_psi.mean(0)) @ mesh_factor(world.face.gram)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    assert abs((psi - all_psi.mean(0)) @ mesh_factor(world.face.gram) @ axis) == pytest.approx(abs(row["x"]), rel=1e-3)
    assert made.density["counts"].sum() == 720 and made.manifest["density"]["kind"] == "projected"
    assert "Density of all 720 frames" in made.statement


def test_the_codeword_of_a_frame_is_one_of_its_own_tokens(world):
    made = build_map(
        MapSettings(model="m", dataset="d", of="frames", by="tokens", method="pca", sample=60),
        root=world.root,
        face=world.face,
    )
    for row in made.points.itertuples():
        tokens = world.tokens.recording(row.recording).tokens[row.frame]
        assert row.codeword == (tokens[row.stage] if row.stage >= 0 else 0)
        np.testing.assert_array_equal(made.tokens["tokens"][row.Index], tokens)


def test_a_map_is_made_once_and_anew_for_other_settings(world):
    first = build_map(MapSettings(model="m", method="pca"), root=world.root, face=world.face)
    stamp = (first.path / "manifest.json").stat().st_mtime_ns
    assert (
        build_map(MapSettings(model="m", dataset="d", method="pca"), root=world.root).path / "manifest.json"
    ).stat().st_mtime_ns == stamp
    three = build_map(MapSettings(model="m", method="pca", dimensions=3), root=world.root, face=world.face)
    assert three.path != first.path and {"x", "y", "z"} <= set(three.points)
    assert open_map(MapSettings(model="m", method="pca"), world.root) == first
    assert open_map(MapSettings(model="m", method="pca", seed=5), world.root) is None
    assert {m.path for m in list_maps("m", world.root)} >= {first.path, three.path}


def test_umap_repeats_with_its_seed_and_keeps_neighbours_better_than_chance(world, tmp_path):
    first = build_map(MapSettings(model="m"), root=world.root, face=world.face)
    again = make_world(tmp_path / "cache", world.face)
    second = build_map(MapSettings(model="m"), root=again.root, face=again.face)
    np.testing.assert_array_equal(first.points[["x", "y"]], second.points[["x", "y"]])
    assert first.quality["neighbour_preservation"] > first.quality["chance"]


def test_a_map_is_made_without_the_compiler_of_umap_learn(world, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    monkeypatch.setitem(sys.modules, "numba", None)
    settings = MapSettings(model="m", dataset="d", of="frames", by="tokens", sample=50)
    assert len(build_map(settings, root=world.root, face=world.face).points) == 50


def test_umap_learn_gets_the_same_settings_and_leaves_the_threads_of_torch(world, monkeypatch):
    threads, asked = torch.get_num_threads(), {}

    class Umap:
        def __init__(self, **given):
            asked.update(given)

        def fit_transform(self, vectors):
            torch.set_num_threads(threads + 1)
            return vectors[:, :3]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Umap))
    made = build_map(
        MapSettings(model="m", method="umap-learn", dimensions=3, seed=4), root=world.root, face=world.face
    )
    assert torch.get_num_threads() == threads, "a training after a map runs as one before it"
    assert {"n_components": 3, "metric": "cosine", "random_state": 4, "n_neighbors": 15, "n_jobs": 1}.items() <= (
        asked.items()
    )
    assert made.statement.startswith("UMAP (umap-learn) of 23 codewords") and {"x", "y", "z"} <= set(made.points)


def test_a_whole_map_needs_no_neighbour_and_a_sampled_one_says_its_error(world):
    whole = build_map(
        MapSettings(model="m", dataset="d", of="frames", by="psi", method="pca", sample=10**6),
        root=world.root,
        face=world.face,
    )
    assert whole.manifest["density"]["kind"] == "all"
    np.testing.assert_array_equal(whole.density["counts"], density_of(whole.points[["x", "y"]].to_numpy()).counts)
    umap = build_map(
        MapSettings(model="m", dataset="d", of="frames", by="psi", method="umap", sample=300),
        root=world.root,
        face=world.face,
    )
    told = umap.manifest["density"]
    assert told["kind"] == "nearest" and told["held_out"] == 30 and told["error"][0] <= told["error"][1]
    assert umap.density["counts"].sum() == 720 and "nearest neighbour" in umap.statement


@pytest.mark.parametrize(
    "wrong", [{"of": "faces"}, {"by": "psi"}, {"method": "tsne"}, {"dimensions": 4}, {"of": "frames", "by": "psi"}]
)
def test_maps_that_do_not_exist_are_refused(world, wrong):
    with pytest.raises(DataError):
        build_map(MapSettings(model="m", **wrong), root=world.root, face=world.face)


def test_a_missing_dataset_or_model_is_named(world):
    with pytest.raises(DataError, match="nobody"):
        build_map(MapSettings(model="nobody"), root=world.root, face=world.face)
    with pytest.raises(DataError, match="not encoded"):
        build_map(MapSettings(model="m", dataset="elsewhere", of="frames", by="psi"), root=world.root, face=world.face)
