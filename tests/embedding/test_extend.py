"""The density of all frames: every frame counted once, where an independent neighbour search puts it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from dfe_core.embedding.extend import BINS, density_of_all, held_out_error, nearest_place
from dfe_core.embedding.features import FrameVectors, bags
from dfe_core.embedding.maps import MapSettings, build_map
from dfe_core.tokens.intervals import iter_recordings
from tests.small_world import make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory, toy_face):
    return make_world(tmp_path_factory.mktemp("world") / "cache", toy_face)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_frame_is_put_where_its_nearest_drawn_frame_lies(metric):
    rng = np.random.default_rng(0)
    known, asked, places = rng.normal(size=(700, 9)), rng.normal(size=(1300, 9)), rng.normal(size=(700, 2))
    nearest = NearestNeighbors(n_neighbors=1, metric=metric, algorithm="brute").fit(known).kneighbors(asked)[1][:, 0]
    np.testing.assert_array_equal(nearest_place(known, places, metric)(asked), places[nearest])


def test_held_out_frames_miss_little_where_the_map_follows_the_data_and_much_where_it_does_not():
    data = np.random.default_rng(0).uniform(size=(4000, 2))
    (near, high), count = held_out_error(data, data * 5, "euclidean")
    assert count == 400 and near < 0.02 and near < high
    (far, _), _ = held_out_error(data, np.random.default_rng(1).permutation(data), "euclidean")
    assert far > 0.3


def test_a_bag_is_the_sum_of_intensities_by_codeword():
    made = bags(np.array([[1, 1, 3], [0, 2, 2]]), np.array([[0.5, 1, 2], [1, 1, 0.25]]), np.array([0, 1, 10, 100]))
    np.testing.assert_allclose(made, [[0, 1.5, 0, 200], [0, 0, 12.5, 0]])


@pytest.mark.parametrize(("by", "dimensions"), [("psi", 2), ("tokens", 2), ("psi", 3)])
def test_every_frame_is_counted_once_in_the_cell_of_its_place(world, by, dimensions):
    vectors = FrameVectors(by=by, codebook=world.codebook, face=world.face, dataset=world.dataset)
    parts = [vectors.of(part) for part in iter_recordings(world.tokens)]
    everything = np.concatenate(parts)
    drawn = np.random.default_rng(0).choice(len(everything), 90, replace=False)
    places = np.random.default_rng(1).normal(size=(90, dimensions))
    place = nearest_place(everything[drawn], places, vectors.metric)
    made = density_of_all(world.tokens, vectors, places, place, "nearest", (0.1, 0.2), 9)
    found = np.concatenate([place(part) for part in parts])
    expected = np.histogramdd(found[:, ::-1], made.edges[::-1])[0]
    assert made.counts.shape == (BINS[dimensions],) * dimensions
    np.testing.assert_array_equal(made.counts, expected)
    assert made.frames == made.counts.sum() == 720 and "10.0%" in made.statement


def test_what_falls_beside_the_grid_counts_at_its_edge(world):
    vectors = FrameVectors(by="psi", codebook=world.codebook, face=world.face, dataset=world.dataset)
    places = np.array([[0.0, 0.0], [1.0, 1.0]])
    made = density_of_all(world.tokens, vectors, places, lambda v: np.full((len(v), 2), 99.0), "projected")
    assert made.counts[-1, -1] == 720


def test_maps_in_space_have_a_density_of_all_frames_and_those_of_codewords_none(world):
    deep = build_map(
        MapSettings(model="m", dataset="d", of="frames", by="psi", method="pca", dimensions=3, sample=100),
        root=world.root,
        face=world.face,
    )
    assert deep.density["counts"].sum() == 720 and deep.tokens is not None
    assert [len(deep.density[f"{axis}_edges"]) for axis in "xyz"] == [BINS[3] + 1] * 3
    words = build_map(MapSettings(model="m", method="pca"), root=world.root, face=world.face)
    assert words.density is None and words.tokens is None


def test_bags_of_many_codewords_are_reduced_alike_for_drawn_and_other_frames():
    from dfe_core.embedding.maps import _reducer

    bags_ = np.random.default_rng(0).random((400, 5)) @ np.random.default_rng(1).normal(size=(5, 300))
    reduce = _reducer(bags_, 0)
    assert reduce(bags_).shape == (400, 60) and _reducer(bags_[:, :100], 0)(bags_[:, :100]).shape == (400, 100)
    near = nearest_place(reduce(bags_), np.arange(800).reshape(400, 2), "cosine")
    np.testing.assert_array_equal(near(reduce(bags_[:50])), np.arange(100).reshape(50, 2))
