"""How a sample of training frames uses the codewords."""

from __future__ import annotations

import numpy as np

from dfe_core.training.statistics import sample_usage


def test_a_codeword_that_is_not_used_has_no_mean_intensity():
    tokens = np.array([[1, 0], [1, 1], [2, 0]])
    intensities = np.array([[0.5, 0], [0.5, 0.2], [1.0, 0]])
    table = sample_usage(tokens, intensities, 4)
    assert table["uses"].tolist() == [2, 3, 1, 0]
    np.testing.assert_allclose(table["mean_intensity"], [np.nan, 0.4, 1.0, np.nan])
    np.testing.assert_allclose(table["share_of_frames"], [2 / 3, 2 / 3, 1 / 3, 0])
    assert table["main_stage"].tolist() == [1, 0, 0, -1]
