"""Frames by name on the points of a map."""

from __future__ import annotations

import pandas as pd

from dashboard.components.framed import rows_of

POINTS = pd.DataFrame({"recording": ["b", "a", "b", "a"], "frame": [4, 4, 9, 7]})


def test_frames_by_recording_are_found_among_the_points_in_their_order():
    assert rows_of(POINTS, {"a": [7], "b": [4, 5], "gone": [4]}) == [0, 3]


def test_frames_that_are_no_points_select_nothing():
    assert rows_of(POINTS, {"a": [9], "c": [4]}) == []
