"""Sums at every circular shift are those of a loop; a positive lag is of a second face that comes after the first."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.conversations.coupling import (
    Answers,
    Centred,
    answered,
    answers,
    centred_track,
    correlations,
    moving_sum,
    windowed_correlation,
)
from dfe_core.conversations.tracks import FaceTrack, resample_on_clock
from dfe_core.conversations.turns import count_turns


def a_track(values: np.ndarray, known: np.ndarray | None = None, onset: np.ndarray | None = None) -> FaceTrack:
    """A track of one thing."""
    known = np.ones(len(values), bool) if known is None else known
    onset = np.zeros(len(values), bool) if onset is None else onset
    return FaceTrack(
        recording="a", start=0, known=known, intensity=values[:, None].astype(np.float32), onset=onset[:, None]
    )


def test_correlations_with_gaps_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(37, 2)), rng.normal(size=(37, 2))
    seen_x, seen_y = rng.random(37) > 0.2, rng.random(37) > 0.2
    x, y = x * seen_x[:, None], y * seen_y[:, None]
    z = correlations(Centred(x, seen_x.astype(float)), Centred(y, seen_y.astype(float)))
    for shift in range(37):
        moved, there = np.roll(y, -shift, 0), np.roll(seen_y, -shift) & seen_x
        expected = (x * moved).sum(0) / np.sqrt((x[there] ** 2).sum(0) * (moved[there] ** 2).sum(0))
        assert np.tanh(z[shift]) == pytest.approx(expected, abs=1e-9)


def test_what_is_in_a_gap_has_no_influence():
    rng = np.random.default_rng(1)
    values, known = rng.random(80), np.ones(80, bool)
    known[30:45] = False
    other = centred_track(a_track(rng.random(80)), 20)
    wild = np.where(known, values, 1e3)
    first, second = (correlations(centred_track(a_track(v, known), 20), other) for v in (values, wild))
    assert first == pytest.approx(second, abs=1e-9)


def test_the_lag_of_a_delayed_copy_is_positive():
    rng = np.random.default_rng(2)
    first = moving_sum(rng.random((300, 1)), 5)[:, 0]
    z = correlations(centred_track(a_track(first), 60), centred_track(a_track(np.roll(first, 7)), 60))
    assert np.argmax(z[:, 0]) == 7
    back = correlations(centred_track(a_track(np.roll(first, 7)), 60), centred_track(a_track(first), 60))
    assert np.argmax(back[:, 0]) == 300 - 7


def test_slow_changes_are_centred_away():
    time = np.arange(600)
    rng = np.random.default_rng(3)
    trend = 5 * np.sin(2 * np.pi * time / 600)
    pair = [centred_track(a_track(trend + 0.5 * rng.normal(size=600)), 40) for _ in range(2)]
    assert abs(np.tanh(correlations(*pair)[0, 0])) < 0.2


def test_answers_are_counted_as_by_hand():
    rng = np.random.default_rng(4)
    lag, onset = 5, [rng.random(60) < 0.25 for _ in range(2)]
    known = np.ones(60, bool)
    known[40:50] = False
    onset[1] &= known
    first, second = (
        answers(a_track(np.zeros(60), onset=onset[0]), lag),
        answers(a_track(np.zeros(60), known, onset[1]), lag),
    )
    above, below = answered(first, second)
    after = {t: slice(t + 1, t + 1 + lag) for t in np.flatnonzero(onset[0]) if t + lag < 60}
    seen = [t for t, part in after.items() if known[part].sum() >= 0.8 * lag]
    assert below[0, 0] == len(seen) > 3
    assert above[0, 0] == sum(onset[1][after[t]].any() for t in seen)


def test_an_answer_comes_after_the_onset_and_not_with_it():
    onset = np.zeros(50, bool)
    onset[20] = True
    one: Answers = answers(a_track(np.zeros(50), onset=onset), 5)
    assert answered(one, one)[0][0, 0] == 0
    assert np.flatnonzero(one.follows[:, 0]).tolist() == [15, 16, 17, 18, 19]


def test_windowed_correlation_is_that_of_each_pair_of_windows():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=200), rng.normal(size=200)
    y[150:] = np.nan
    middle, r = windowed_correlation(x, y, window=30, hop=15, largest=6)
    assert r.shape == (len(middle), 13)
    for w, lag in ((0, -6), (2, 0), (4, 5)):
        start = middle[w] - 15
        expected = np.corrcoef(x[start : start + 30], y[start + lag : start + lag + 30])[0, 1]
        assert r[w, lag + 6] == pytest.approx(expected)
    assert np.isnan(r[middle > 160]).all()


def test_frames_are_interpolated_and_not_joined_across_a_gap():
    time_s = np.r_[np.arange(10), np.arange(20, 30)] * 0.1
    known, values = resample_on_clock(time_s, (time_s * 2)[:, None], np.arange(0, 3.2, 0.05))
    clock = np.arange(0, 3.2, 0.05)
    inside = (clock <= 0.9 + 1e-9) | ((clock >= 2.0 - 1e-9) & (clock <= 2.9 + 1e-9))
    assert (known == inside).all()
    assert values[known, 0] == pytest.approx(clock[known] * 2, abs=1e-5)
    assert (values[~known] == 0).all()


def test_turns_are_counted_with_their_gaps():
    first, second = np.zeros(100), np.zeros(100)
    first[0:20], second[25:40], first[38:60], second[45:50], second[95:99] = 1, 1, 1, 1, 1
    found = count_turns(first, second, 0.1)
    assert found.changes == 2  # after 3.5 s of silence it is no change, nor is what is said within a turn
    assert found.gap_s == pytest.approx(np.median([0.5, -0.2]))
    assert found.both == pytest.approx(0.07) and found.first == pytest.approx(0.42)
    second[22] = np.nan
    assert count_turns(first, second, 0.1).changes == 1
