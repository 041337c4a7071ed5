"""Clusters of a map's points, and lines around its densest parts, against planted groups and a known density."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.path import Path

from dfe_core.embedding.clusters import SHARES, cluster_places, density_lines, middle_points
from dfe_core.embedding.extend import density_of


def test_planted_groups_are_found_the_largest_first_and_strays_belong_to_none():
    rng = np.random.default_rng(0)
    sizes, middles = (80, 40, 20), np.array([[0, 0], [10, 0], [0, 10]])
    groups = [rng.normal(middle, 0.3, (size, 2)) for size, middle in zip(sizes, middles, strict=True)]
    places = np.concatenate([*groups, [[30, 30], [-30, 20]]])
    cluster = cluster_places(places)
    assert [int((cluster == name).sum()) for name in range(3)] == pytest.approx(sizes, abs=4)
    assert cluster[-2:].tolist() == [-1, -1] and cluster.max() == 2
    points = middle_points(places, cluster)
    assert np.linalg.norm(places[points] - middles, axis=1).max() < 0.2


@pytest.mark.parametrize("count", [0, 1, 9])
def test_few_points_have_no_clusters(count):
    cluster = cluster_places(np.zeros((count, 2)))
    assert (cluster == -1).all() and len(middle_points(np.zeros((count, 2)), cluster)) == 0


def test_lines_enclose_their_share_of_all_frames_and_close():
    places = np.random.default_rng(0).normal(size=(40_000, 2)) * [2, 1]
    lines = density_lines(density_of(places))
    assert {share for share, _ in lines} == set(SHARES)
    for share in SHARES:
        longest = max((line for at, line in lines if at == share), key=len)
        np.testing.assert_array_equal(longest[0], longest[-1])
        assert Path(longest).contains_points(places).mean() == pytest.approx(share, abs=0.03)


def test_space_has_no_lines():
    assert density_lines(density_of(np.random.default_rng(0).normal(size=(50, 3)))) == []
