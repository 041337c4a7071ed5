"""Statistics of recordings: known answers, and simulated performances beside real takes."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.simulation_statistics import STATISTIC_NAMES, dataset_statistics, face_statistics
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import import_dataset
from dfe_core.faces import save_face
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.simulate.dataset import simulate_dataset
from tests.real_faces import anny

__all__ = ["anny"]

REAL = {
    "left_right": (0.975, 0.998),
    "mean_correlation": (0.22, 0.35),
    "correlated_pairs": (0.11, 0.30),
    "active": (1.2, 18.5),
    "raised": (1, 41),
    "jitter": (0.0, 0.00013),
    "blinks_per_minute": (7.7, 25.3),
    "participation": (1.9, 2.3),
    "dimensions_90": (3, 3),
    "dimensions_99": (5, 9),
    "lid_gaze": (0.32, 0.96),
    "mouth_jaw": (-0.13, 0.49),
    "jaw_3_8_hz": (0.0, 0.004),
    "speed_median": (0.18, 1.95),
    "speed_95": (3.7, 19.0),
    "posture": (0.15, 0.77),
    "still_per_minute": (16.5, 33.3),
    "still_s": (0.96, 1.31),
    "still_share": (0.31, 0.76),
}
"""Least and largest value over the five Live Link Face takes of the shared data (two performers: range of motion, acted
fear, anger and sadness, idle; 30 to 134 s each; see its SOURCE.md), on the Anny head."""

SIMULATED = {
    "left_right": (0.985, 0.9995),
    "mean_correlation": (0.2, 0.35),
    "correlated_pairs": (0.11, 0.30),
    "active": (7, 15),
    "raised": (10, 35),
    "jitter": (0.00002, 0.00015),
    "blinks_per_minute": (8, 22),
    "dimensions_99": (5, 11),
    "lid_gaze": (0.8, 0.95),
    "mouth_jaw": (0.4, 0.85),
    "jaw_3_8_hz": (0.0, 0.1),
    "posture": (0.15, 0.6),
}
"""Where the median of simulated conversation in windows of 30 s must lie. mouthClose follows the jaw more than in these
takes, none of which holds speech; its bounds are those of more takes of the same performers."""


def psi_of(frames=600, **columns):
    psi = np.zeros((frames, 52))
    for name, values in columns.items():
        psi[:, ARKIT_NAMES.index(name)] = values
    return psi


def statistics_of(psi, fps=30.0):
    return face_statistics(psi, np.arange(len(psi)) / fps, ARKIT_NAMES, np.eye(52) * 1e-6)


TIME = np.arange(600) / 30


def test_sides_that_move_alike_correlate_and_the_mouth_to_the_left_is_no_pair_with_that_to_the_right():
    wave = 0.3 + 0.2 * np.sin(TIME)
    alike = statistics_of(
        psi_of(mouthSmileLeft=wave, mouthSmileRight=0.7 * wave, mouthLeft=wave, mouthRight=0.6 - wave)
    )
    assert alike.left_right == pytest.approx(1)
    assert statistics_of(psi_of(mouthSmileLeft=wave, mouthSmileRight=0.3 + 0.2 * np.cos(TIME))).left_right < 0.2


def test_dimensions_are_those_of_the_mesh_and_participation_counts_equal_variances():
    rng = np.random.default_rng(0)
    psi = psi_of(
        mouthPucker=rng.normal(0.5, 0.1, 600), jawOpen=rng.normal(0.5, 0.1, 600), browInnerUp=rng.normal(0.5, 0.1, 600)
    )
    found = statistics_of(psi)
    assert found.participation == pytest.approx(3, abs=0.1) and found.dimensions_90 == 3
    assert found.correlated_pairs == 0 and found.mean_correlation < 0.1


def test_coefficients_at_once_and_raised_on_average_are_counted():
    found = statistics_of(psi_of(jawOpen=0.11, mouthPucker=0.06, mouthFunnel=np.where(np.arange(600) % 2, 0.3, 0.0)))
    assert found.active == pytest.approx(1.5) and found.raised == 3


def test_jitter_is_the_noise_and_not_the_movement_beneath_it():
    rng = np.random.default_rng(1)
    psi = psi_of(
        jawOpen=0.4 + 0.2 * np.sin(TIME) + rng.normal(0, 0.003, 600),
        mouthPucker=0.4 + 0.2 * np.cos(TIME) + rng.normal(0, 0.003, 600),
    )
    assert statistics_of(psi).jitter == pytest.approx(0.003, rel=0.15)


@pytest.mark.parametrize(("hertz", "share"), [(1.0, 0.0), (5.0, 1.0)])
def test_power_of_the_jaw_is_counted_by_its_rate(hertz, share):
    assert statistics_of(psi_of(jawOpen=0.3 + 0.2 * np.sin(2 * np.pi * hertz * TIME))).jaw_3_8_hz == pytest.approx(
        share, abs=0.02
    )


def test_blinks_are_brief_and_closed_eyes_are_none():
    lids = np.zeros(600)
    for start in (30, 200, 350):
        lids[start : start + 6] = [0.3, 0.8, 1, 0.9, 0.5, 0.2]
    lids[450:520] = 1
    found = statistics_of(psi_of(eyeBlinkLeft=lids, eyeBlinkRight=lids))
    assert found.blinks_per_minute == pytest.approx(3 * 3)


def test_still_stretches_are_counted_and_the_mean_face_is_posture():
    jaw = np.where((TIME > 5) & (TIME < 15), 0.3 + 0.2 * np.sin(8 * TIME), 0.3)
    found = statistics_of(psi_of(jawOpen=jaw))
    assert found.still_per_minute == pytest.approx(2 * 3, abs=0.1) and found.still_share == pytest.approx(0.5, abs=0.05)
    assert found.posture == pytest.approx(jaw.mean() ** 2 / np.mean(jaw**2))


def test_too_few_frames_and_other_coefficients_are_refused():
    with pytest.raises(DataError, match="29 frames"):
        statistics_of(psi_of(29))
    with pytest.raises(DataError, match="not ARKit's"):
        face_statistics(psi_of(), TIME, tuple(f"e{i}" for i in range(52)), np.eye(52))


def test_windows_leave_out_what_is_skipped_and_a_short_rest(tmp_path, toy_face):
    data = simulate_dataset("w", toy_face, subjects=1, minutes_per_subject=2, root=tmp_path)
    table = dataset_statistics(data, toy_face, skip_s=10, window_s=20)
    assert table["start_s"].tolist() == [10, 30] * 2 and list(table.columns[2:]) == list(STATISTIC_NAMES)
    assert len(dataset_statistics(data, toy_face)) == 2


@pytest.fixture(scope="module")
def real(shared, tmp_path_factory, anny) -> Dataset:
    root = tmp_path_factory.mktemp("real")
    save_face(anny, root)
    import_dataset(sorted((shared / "data" / "arkit_livelinkface").glob("*.csv")), "takes", root=root)
    return Dataset.open("takes", root)


def test_simulated_conversation_has_the_statistics_of_real_takes(tmp_path_factory, toy_face):
    data = simulate_dataset(
        "people",
        toy_face,
        subjects=8,
        minutes_per_subject=4,
        seed=1,
        effect="stress",
        root=tmp_path_factory.mktemp("people"),
    )
    table = dataset_statistics(data, toy_face, skip_s=data.manifest["simulation"]["instructed_s"], window_s=30)
    median = table[list(STATISTIC_NAMES)].median()
    outside = {name: median[name] for name, (least, most) in SIMULATED.items() if not least <= median[name] <= most}
    assert not outside


def test_the_ranges_of_real_takes_are_those_of_the_takes(real, anny):
    table = dataset_statistics(real, anny)
    assert len(table) == 5
    for name, (least, most) in REAL.items():
        assert table[name].min() == pytest.approx(least, rel=0.06, abs=0.011), name
        assert table[name].max() == pytest.approx(most, rel=0.06, abs=0.011), name
