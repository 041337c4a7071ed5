"""Faces keep their numbers through gaps and crossings."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.video.landmarker import usual_count
from dfe_core.video.tracking import PATIENCE_S, Tracker


def box(x: float, y: float = 100.0, size: float = 80.0) -> np.ndarray:
    return np.array([x - size / 2, y - size / 2, x + size / 2, y + size / 2])


def test_faces_keep_their_numbers_in_whatever_order_they_come():
    tracker, rng = Tracker(), np.random.default_rng(0)
    for i in range(60):
        places = np.array([100 + 2 * i, 500 - 2 * i, 900])
        order = rng.permutation(3)
        owners = tracker.update(np.stack([box(places[k]) for k in order]), i / 30)
        assert tracker.count == 3
        if i == 0:
            known = {k: owner for k, owner in zip(order, owners, strict=True)}
        assert [known[k] for k in order] == owners


def test_a_face_that_is_lost_for_a_moment_is_the_same_and_after_long_is_new():
    tracker = Tracker()
    first = tracker.update(np.stack([box(100)]), 0.0)
    assert tracker.update(np.empty((0, 4)), 0.5) == []
    assert tracker.update(np.stack([box(130)]), PATIENCE_S - 0.5) == first
    assert tracker.update(np.stack([box(130)]), 2 * PATIENCE_S) != first


def test_a_face_far_away_or_of_another_size_is_another_face():
    tracker = Tracker()
    assert tracker.update(np.stack([box(100)]), 0.0) == [0]
    assert tracker.update(np.stack([box(400)]), 0.1) == [1]
    assert tracker.update(np.stack([box(400, size=300)]), 0.2) == [2]


def test_crossing_faces_are_told_apart_by_the_least_total_shift():
    tracker = Tracker()
    assert tracker.update(np.stack([box(300, 100), box(340, 130)]), 0.0) == [0, 1]
    assert tracker.update(np.stack([box(345, 130), box(310, 100)]), 0.04) == [1, 0]


def test_a_face_too_many_takes_no_number_from_those_that_stayed():
    """The far newcomer must not be fitted in by moving the others on by one place each."""
    tracker = Tracker()
    assert tracker.update(np.stack([box(735), box(574), box(363)]), 0.0) == [0, 1, 2]
    assert tracker.update(np.stack([box(363), box(576), box(366)]), 0.04)[:2] == [2, 1]


def test_a_face_found_twice_counts_once():
    from dfe_core.video.landmarker import Face, distinct

    faces = [
        Face(scores=np.zeros(52), landmarks=np.zeros((478, 3)), matrix=np.eye(4), confidence=confidence, box=box)
        for confidence, box in zip((0.4, 0.6, 0.9), (box(363), box(366), box(600)), strict=True)
    ]
    assert [face.confidence for face in distinct(faces)] == [0.6, 0.9]


@pytest.mark.parametrize(
    ("counts", "followed"),
    [
        ([], 1),
        ([0, 0, 0, 0], 1),
        ([1, 1, 0, 1, 1], 1),
        ([1, 2, 1, 1, 1], 1),  # one slip
        ([2, 2, 2, 0, 2, 2], 2),
        ([2, 2, 2, 2, 1], 2),
        ([1, 1, 1, 2, 2], None),
        ([1, 2], None),
        ([3, 3], 3),
    ],
)
def test_as_many_faces_are_followed_as_are_nearly_always_there(counts, followed):
    assert usual_count(counts) == followed
