"""Where in time two faces do the same."""

from __future__ import annotations

import numpy as np

from dfe_core.conversations.recurrence import answered_onsets, cross_recurrence, recurrence_by_lag


def test_recurrence_is_where_both_show_the_same_and_its_profile_peaks_at_the_lag():
    rng = np.random.default_rng(0)
    first = rng.random((200, 2)) < 0.1
    second = np.roll(first, 7, axis=0)
    picture = cross_recurrence(first, second, bins=200)
    assert picture.shape == (200, 200)
    assert np.array_equal(picture, first.astype(float) @ second.T.astype(float))
    lags, profile = recurrence_by_lag(picture[:, :])
    middle = np.abs(lags) < 50
    assert lags[middle][np.argmax(profile[middle])] == 7


def test_bins_hold_the_share_of_their_steps():
    first = np.array([[1], [1], [0], [0]], bool)
    second = np.array([[0], [1], [1], [1]], bool)
    assert cross_recurrence(first, second, bins=2).tolist() == [[0.5, 1.0], [0.0, 0.0]]


def test_onsets_are_answered_by_the_next_one_within_the_lag_to_either_side():
    first, second = np.zeros(30, bool), np.zeros(30, bool)
    first[[2, 12, 25]] = True
    second[[5, 11, 29]] = True
    assert answered_onsets(first, second, 3) == [(2, 5), (12, 11)]
    assert answered_onsets(first, second, 4) == [(2, 5), (12, 11), (25, 29)]
