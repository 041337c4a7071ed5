"""Annotators of intervals: the cheapest path, TICC's states, movements with known edges, and what goes along."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.intervals.annotate import IntervalSettings, state_names
from dfe_core.intervals.directions import Movements, with_pairs
from dfe_core.intervals.displacement import DisplacementSettings, displacement_intervals
from dfe_core.intervals.path import cheapest_path, state_runs, stretches_of
from dfe_core.intervals.regions import RegionMovement, region_spaces
from dfe_core.intervals.spill import without_spill
from dfe_core.intervals.ticc import TiccSettings, fit_ticc, toeplitz_precision
from dfe_core.simulate.curves import minimum_jerk

FPS = 30.0
KNOWN = Movements(labels=("up", "down", "out left"), directions=np.eye(3), sizes=np.array([4.0, 4.0, 4.0]))


def movement(values: np.ndarray, region: str = "brow") -> RegionMovement:
    return RegionMovement(recording="r", region=region, time_s=np.arange(len(values)) / FPS, values=values)


def pulse(frames: int, times: tuple[float, float, float, float], size: float) -> np.ndarray:
    onset, apex, release, end = times
    time = np.arange(frames) / FPS
    rise, fall = ((time - a) / (b - a) for a, b in ((onset, apex), (release, end)))
    return size * minimum_jerk(rise) * (1 - minimum_jerk(fall))


def test_the_cheapest_path_is_the_best_of_all_paths():
    cost = np.random.default_rng(0).random((6, 3)).round(3)
    for change in (0.0, 0.2, 5.0):
        price = {
            path: sum(cost[t, s] for t, s in enumerate(path)) + change * sum(a != b for a, b in pairwise(path))
            for path in product(range(3), repeat=6)
        }
        assert price[tuple(cheapest_path(cost, change).tolist())] == pytest.approx(min(price.values()))


def test_runs_and_stretches_cover_all_frames_once():
    assert state_runs(np.array([1, 1, 0, 2, 2, 2])) == [(1, 0, 2), (0, 2, 3), (2, 3, 6)]
    time = np.r_[np.arange(5), np.arange(20, 24)] / FPS
    assert [(part.start, part.stop) for part in stretches_of(time)] == [(0, 5), (5, 9)]


def test_a_movement_has_its_label_and_begins_and_ends_where_it_does():
    values = np.random.default_rng(1).normal(0, 0.02, (300, 3))
    values[:, 0] += pulse(300, (2.0, 2.5, 3.5, 4.0), 3.0)
    values[:, 1] += pulse(300, (6.0, 6.3, 7.0, 7.6), 2.0)
    found = displacement_intervals(movement(values), KNOWN, DisplacementSettings())
    assert [one.label for one in found] == ["up", "down"]
    for one, (onset, offset) in zip(found, ((2.0, 4.0), (6.0, 7.6)), strict=True):
        assert one.onset_s == pytest.approx(onset, abs=0.07)
        assert one.offset_s == pytest.approx(offset, abs=0.07)


def test_two_movements_at_once_are_both_named_and_a_weak_one_is_none():
    values = np.zeros((300, 3))
    values[:, 0] += pulse(300, (1.0, 1.5, 2.5, 3.0), 3.0)
    values[:, 1] += pulse(300, (1.0, 1.5, 2.5, 3.0), 2.0)
    values[:, 1] += pulse(300, (5.0, 5.5, 6.5, 7.0), 0.7)  # under a fifth of its full size
    found = displacement_intervals(movement(values), KNOWN, DisplacementSettings())
    assert [one.label for one in found] == ["up and down"]


def test_one_sided_movements_and_sums_that_have_a_name_make_no_pairs():
    both = np.array([1.0, 1.0, 0.0]) / np.sqrt(2)
    named = Movements(
        labels=("inner", "outer", "all", "out left"),
        directions=np.stack([np.eye(3)[0], np.eye(3)[1], both, np.eye(3)[2]]),
        sizes=np.full(4, 4.0),
    )
    labels, which = with_pairs(named)
    assert labels == () and which.shape == (0, 2)


def test_what_goes_along_is_taken_out_and_what_is_its_own_stays():
    rng = np.random.default_rng(2)
    mouth, own = np.zeros((900, 2)), np.zeros((900, 2))
    for start in range(1, 28, 4):
        mouth[:, 0] += pulse(900, (start, start + 0.4, start + 1, start + 1.5), rng.uniform(3, 8))
    own[:, 1] = pulse(900, (10.0, 10.4, 11, 11.5), 2.0) + pulse(900, (16.2, 16.6, 17.2, 17.7), 2.0)
    eye = own + 0.3 * mouth[:, ::-1] + rng.normal(0, 0.01, (900, 2))
    plane = Movements(labels=("a", "b"), directions=np.eye(2), sizes=np.array([8.0, 8.0]))
    cleaned = without_spill([[movement(eye, "eye"), movement(mouth, "mouth")]], {"eye": plane, "mouth": plane})[0][
        0
    ].values
    assert np.abs(cleaned - own).max() < 0.15
    assert np.abs(eye - own).max() > 0.8


def test_a_toeplitz_precision_repeats_its_blocks_and_is_the_inverse_where_nothing_is_shrunk():
    rng = np.random.default_rng(3)
    series = rng.standard_normal((4000, 2)).cumsum(0)[::1]
    series = series - series.mean(0)
    noise = rng.standard_normal((6000, 2))
    series = noise[1:] + 0.6 * noise[:-1] @ np.array([[1.0, 0.3], [0.0, 1.0]])
    windows = np.concatenate([series[:-1], series[1:]], 1)
    covariance = np.cov(windows.T)
    dense = toeplitz_precision(covariance, 2, 0.0)
    np.testing.assert_allclose(dense[:2, :2], dense[2:, 2:], atol=1e-8)
    inverse = np.linalg.inv(covariance)
    np.testing.assert_allclose(dense, inverse, atol=0.15 * np.abs(inverse).max())
    sparse = toeplitz_precision(covariance, 2, 0.5)
    assert np.count_nonzero(np.abs(sparse) > 1e-6) < np.count_nonzero(np.abs(dense) > 1e-6)


def test_ticc_tells_apart_states_that_differ_in_covariance_alone():
    rng = np.random.default_rng(4)
    truth = np.repeat([0, 1, 0, 1], 150)
    along = rng.standard_normal((600, 1))
    values = np.where(truth[:, None] == 0, along * [1.0, 1.0], along * [1.0, -1.0]) + 0.1 * rng.standard_normal(
        (600, 2)
    )
    model = fit_ticc([values], TiccSettings(states=2, window=2, change=20.0, starts=1))
    path = model.path(values)
    agree = (path == truth).mean()
    assert max(agree, 1 - agree) > 0.97


def test_states_of_ticc_are_named_by_what_they_are_nearest_to():
    model = fit_ticc(
        [
            np.concatenate([np.zeros((60, 3)), np.tile([3.0, 0, 0], (60, 1)), np.tile([6.0, 0, 0], (60, 1))])
            + np.random.default_rng(5).normal(0, 0.05, (180, 3))
        ],
        TiccSettings(states=3, window=1, change=5.0, starts=1),
    )
    assert sorted(state_names(model, KNOWN)) == ["", "up", "up #2"]


def test_a_coefficient_counts_in_one_region_alone(toy_face):
    spaces = region_spaces(toy_face)
    moved = np.stack([np.abs(space.factor).sum(1) > 1e-6 for space in spaces.values()])
    assert moved.sum(0).max() == 1


@pytest.mark.parametrize("wrong", [{"annotator": "guess"}, {"regions": ()}], ids=["annotator", "none"])
def test_settings_that_are_none_are_refused(wrong: dict):
    with pytest.raises(DataError):
        IntervalSettings(**wrong)
