"""Gaps are filled from what is around them, marked, bounded, and counted only where that is asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.gaps.filling import FillOptions, fill_dataset, fill_recording
from dfe_core.gaps.observation import hide_coefficients, hide_half
from dfe_core.gaps.own_spread import LAGS_S, expected, straying
from dfe_core.gaps.series import LOST as LOST_STATE
from dfe_core.gaps.series import SEEN, Stretch
from dfe_core.gaps.settings import FILLED, HIGH, LOW
from dfe_core.gaps.store import find_gap_model, open_gap_model
from tests.gaps.conftest import FPS, LOST, SETTINGS, GapWorld, performance, recording_of


def stretch_of(psi: np.ndarray, state: np.ndarray) -> Stretch:
    """A stretch of a person of usual activity."""
    return Stretch(psi=psi, state=state, rate=FPS, activity=1.0, spread=straying([psi], FPS))


def test_lost_frames_of_a_straight_line_are_that_line(world: GapWorld):
    model = world.fitted.model(world.face)
    psi = np.outer(np.arange(60), np.linspace(0.001, 0.01, 52)).astype(np.float32)
    state = np.zeros(60, int)
    state[20:31] = LOST_STATE
    broken = np.where((state == SEEN)[:, None], psi, 9)
    np.testing.assert_allclose(model.predict(stretch_of(broken, state), "linear"), psi, atol=1e-5)


def test_what_is_seen_is_never_changed(world: GapWorld):
    model = world.fitted.model(world.face)
    psi = performance(world.face, 3).astype(np.float32)
    state = np.zeros(len(psi), int)
    state[50:60] = LOST_STATE
    for method in ("network", "linear", "ridge"):
        found = model.predict(stretch_of(psi, state), method)
        np.testing.assert_allclose(found[state == SEEN], psi[state == SEEN], atol=1e-6)


def test_hidden_coefficients_come_from_those_that_move_with_them():
    rng = np.random.default_rng(0)
    drive = rng.normal(size=(4000, 2))
    psi = np.concatenate([drive, drive @ [[1.0], [0.5]], rng.normal(size=(4000, 1))], 1)
    seen = hide_coefficients(np.cov(psi.T), np.array([False, False, True, True]))
    filled = psi @ seen.weights
    assert np.abs(filled[:, 2] - psi[:, 2]).max() < 0.05 and seen.unknown[2] < 0.1
    assert np.abs(filled[:, 3]).max() < 0.3 and seen.unknown[3] > 0.9
    np.testing.assert_array_equal(filled[:, :2], psi[:, :2])


def share_below(world: GapWorld) -> np.ndarray:
    """(E,) how much of each coefficient's movement is in the lower half."""
    moved = (world.face.basis**2).sum(2)
    return moved[:, np.isin(world.face.regions, [3, 4, 5, 6, 7])].sum(1) / moved.sum(1)


def test_a_hidden_half_leaves_the_coefficients_of_the_other(world: GapWorld):
    half = hide_half(world.face, 0.04 * np.eye(52), "lower")
    low = share_below(world)
    assert half.unknown[low < 0.1].mean() < 0.3 and half.unknown[low > 0.999].min() > 0.9


def test_the_spread_grows_with_the_time_to_the_frames_around():
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=(20_000, 1)), 0)
    table = straying([walk], FPS)
    gap = np.array([0.25, 0.5, 1.0])
    found = expected(table, gap, gap)[:, 0]
    np.testing.assert_allclose(found, np.sqrt(gap * FPS / 2), rtol=0.25)  # a Brownian bridge at its middle
    assert len(table) == len(LAGS_S)


def test_every_way_is_judged_on_people_that_nothing_was_fitted_to(world: GapWorld):
    table = {(v.kind, v.method): v for v in world.fitted.verdicts}
    kinds = {kind for kind, _ in table}
    assert kinds == {
        *(f"frames {s:g} s" for s in (0.1, 0.3, 1, 3)),
        *(f"{h} half 1 s" for h in ("upper", "lower", "left", "right")),
        "coefficients",
    }
    assert all(sum(v.chosen for v in table.values() if v.kind == kind) == 1 for kind in kinds)
    assert {v.people for v in table.values()} == {3}
    for kind in ("frames 0.1 s", "lower half 1 s"):
        assert table[kind, "mean"].error_mm > 3 * min(table[kind, m].error_mm for m in ("network", "linear", "ridge"))
    assert table["left half 1 s", "network"].error_mm < table["left half 1 s", "linear"].error_mm
    assert np.mean([v.coverage for v in table.values()]) > 0.75


def test_a_filled_dataset_is_marked_and_bounded_and_does_not_count(world: GapWorld):
    model = replace_without_blind(world)
    report = fill_dataset(world.dataset, model, "plain", FillOptions(), fitted=world.fitted, root=world.root)
    data = Dataset.open("plain", world.root)
    frames, extras = data.frames("r01"), data.extras("r01")
    assert np.flatnonzero(~frames.valid).tolist() == list(range(LOST.start, LOST.stop))
    assert set(extras[FILLED][LOST]) == {1.0} and data.manifest["filled"]["counted"] is False
    assert report.lost == 0 and report.recordings == 12
    truth = world.psi["r01"][LOST]
    assert np.abs(frames.psi[LOST] - truth).max() < 0.25
    inside = [
        (extras[LOW + name][LOST] <= truth[:, i]) & (truth[:, i] <= extras[HIGH + name][LOST])
        for i, name in enumerate(data.names)
    ]
    assert np.mean(inside) > 0.7


def test_asked_for_they_count(world: GapWorld):
    model = replace_without_blind(world)
    fill_dataset(world.dataset, model, "counted", FillOptions(count_filled=True), root=world.root)
    data = Dataset.open("counted", world.root)
    assert data.frames("r01").valid.all() and int(data.recordings["valid_frames"].sum()) == data.frame_count
    assert data.extras("r01")[FILLED].sum() == 4 and np.isnan(data.extras("r01")[LOW + "jawOpen"][:100]).all()
    with pytest.raises(DataError, match="no gap that can be filled"):
        fill_dataset(data, model, "again", FillOptions(), root=world.root)


def test_blind_coefficients_are_filled_in_every_frame(world: GapWorld):
    model = world.fitted.model(world.face)
    psi = performance(world.face, 1)
    blind = [list(world.face.names).index(name) for name in ("cheekPuff", "jawOpen")]
    truth = psi[:, blind].copy()
    psi[:, blind] = 0
    recording = recording_of(world.face, psi, "r", "s")
    found = fill_recording(recording, model, FillOptions(count_filled=True))
    assert set(found.filled) == {2, 1} and set(found.filled[LOST]) == {1}
    for i, column in enumerate(blind):
        assert np.corrcoef(found.psi[:, column], truth[:, i])[0, 1] > 0.7
    np.testing.assert_array_equal(found.psi[:90, 0], psi[:90, 0].astype(np.float32))
    with pytest.raises(DataError, match="count-filled"):
        fill_dataset(world.dataset, model, "blind", FillOptions(), root=world.root)


def replace_without_blind(world: GapWorld):
    """The model of the world, for an extractor that moves all."""
    model = world.fitted.model(world.face)
    return replace(model, observations={k: v for k, v in model.observations.items() if k != "coefficients"})


def test_fast_recordings_are_filled_at_their_own_rate(world: GapWorld):
    model = replace_without_blind(world)
    slow = performance(world.face, 5)
    at = np.arange(0, len(slow) - 1, 1 / 3)
    psi = np.stack([np.interp(at, np.arange(len(slow)), column) for column in slow.T], 1)
    recording = replace(recording_of(world.face, psi, "r", "s"), fps=3 * FPS, time_s=np.arange(len(psi)) / 3 / FPS)
    found = fill_recording(recording, model, FillOptions(method="network"))
    assert set(found.filled[LOST]) == {1} and found.kinds == {("frames 0.1 s", "network"): 4}
    assert np.abs(found.psi[LOST] - psi[LOST]).max() < 0.1
    np.testing.assert_allclose(found.psi[:100], psi[:100], atol=1e-6)


def test_stills_give_nothing_to_learn_from(tmp_path, world: GapWorld):
    from tests.small_world import write_dataset

    data = write_dataset(tmp_path, world.face, {f"r{i}": np.zeros((1, 52)) for i in range(6)})
    with pytest.raises(DataError, match="no stretch of valid frames"):
        find_gap_model(data, world.face, SETTINGS)


def test_gaps_at_an_end_or_too_long_stay(world: GapWorld):
    model = replace_without_blind(world)
    recording = recording_of(world.face, performance(world.face, 5), "r", "s")
    recording.valid[:7] = recording.valid[-3:] = False
    recording.valid[150:180] = False
    filled = fill_recording(recording, model, FillOptions(most_seconds=1.0)).filled
    assert np.flatnonzero(filled).tolist() == list(range(100, 104))


def test_hidden_halves_of_a_weighted_fit_are_filled(world: GapWorld):
    model = replace_without_blind(world)
    psi = performance(world.face, 5)
    share = np.zeros(len(psi), np.float32)
    share[40:60] = 1
    recording = replace(recording_of(world.face, psi, "r", "s"), extras={"hidden upper lip": share})
    lower = share_below(world) > 0.99
    recording.psi[40:60, lower] = 0
    found = fill_recording(recording, model, FillOptions())
    assert set(found.filled[40:60]) == {2} and found.kinds["lower half 1 s", model.methods["lower half 1 s"]] == 20
    before, after = (np.abs(one[40:60] - psi[40:60])[:, lower].mean() for one in (recording.psi, found.psi))
    assert after < 0.5 * before


def test_a_model_is_fitted_once(world: GapWorld):
    again = find_gap_model(world.dataset, world.face, SETTINGS, blind=("cheekPuff", "jawOpen"))
    assert again.path == world.fitted.path and open_gap_model(world.dataset).path == again.path
    with pytest.raises(DataError, match="noSuch"):
        find_gap_model(world.dataset, world.face, SETTINGS, blind=("noSuch",))
