"""Frames by name on the points of a map."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from dashboard.selection.frame_selection import nearest_point, rows_of

POINTS = pd.DataFrame({"recording": ["b", "a", "b", "a"], "frame": [4, 4, 9, 7], "time_s": [0.4, 0.4, 0.9, 0.7]})


def test_frames_by_recording_are_found_among_the_points_in_their_order():
    assert rows_of(POINTS, {"a": [7], "b": [4, 5], "gone": [4]}) == [0, 3]


def test_frames_that_are_no_points_select_nothing():
    assert rows_of(POINTS, {"a": [9], "c": [4]}) == []


def test_a_moment_is_found_as_the_nearest_point_of_its_own_recording():
    assert nearest_point(SimpleNamespace(points=POINTS), "a", 0.6) == 3
    assert nearest_point(SimpleNamespace(points=POINTS), "b", 0.5) == 0
    assert nearest_point(SimpleNamespace(points=POINTS), "c", 0.5) is None
