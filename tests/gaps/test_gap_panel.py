"""Filled stretches on the timeline."""

from __future__ import annotations

import numpy as np

from dashboard.data.channel_lanes import filled_lane
from dfe_core.gaps.settings import FILLED


def test_filled_stretches_are_marked_on_the_timeline():
    filled = np.zeros(10, np.float32)
    filled[3:6] = 1
    filled[8] = 2
    lane = filled_lane({FILLED: filled}, np.array([0, 4, 8]), np.arange(10) / 10)
    assert lane is not None and lane.values.tolist() == [[0, 1, 1]]
    np.testing.assert_allclose(lane.spans, [[0.3, 0.5], [0.8, 0.8]])
    assert filled_lane({}, np.arange(3), np.arange(10) / 10) is None
    assert filled_lane({FILLED: np.zeros(10)}, np.arange(3), np.arange(10) / 10) is None
