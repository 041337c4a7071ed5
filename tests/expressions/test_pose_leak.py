"""Pose leak on data whose truth is planted: a head that turns, a face that follows it or does not."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.head_pose import head_pose, quadratic
from dfe_core.expressions.pose_leak import (
    PoseLeak,
    measure_pose_leak,
    pose_leak_of,
    stored_pose_leak,
    subject_leak,
    was_measured,
)
from dfe_core.expressions.pose_text import pose_leak_warning
from dfe_core.expressions.recording import Recording

NAMES = ("a", "b", "c")
FPS = 20.0


def wander(rng: np.random.Generator, frames: int, columns: int, width: float = 15.0) -> np.ndarray:
    """(T, C) smooth independent series of unit spread: noise through a Gaussian so many frames wide."""
    out = gaussian_filter1d(rng.normal(size=(frames, columns)), width, axis=0)
    return (out - out.mean(0)) / out.std(0)


def recording(
    name: str,
    psi: np.ndarray,
    angles: np.ndarray | None,
    columns=("HeadPitch", "HeadYaw", "HeadRoll"),
    subject: str = "",
    extractor: str = "tool",
) -> Recording:
    index = np.arange(len(psi))
    extras = {} if angles is None else dict(zip(columns, angles.T.astype(np.float32), strict=True))
    return Recording(
        name=name,
        names=NAMES,
        psi=psi.astype(np.float32),
        time_s=index / FPS,
        frame=index,
        valid=np.ones(len(psi), bool),
        fps=FPS,
        space="toy",
        extractor=extractor,
        subject=subject or name,
        extras=extras,
    )


def dataset(tmp_path, recordings) -> Dataset:
    with open_writer("toy", NAMES, tmp_path) as writer:
        for one in recordings:
            writer.add(one)
        writer.close({"name": "toy", "face": "toy-face", "simulated": False})
    return Dataset.open("toy", tmp_path)


def world(share: float, subjects: int = 6, frames: int = 3000) -> list[Recording]:
    """People of whom this share of variance is a quadratic function of pose, different in each; the rest is theirs."""
    out = []
    for i in range(subjects):
        rng = np.random.default_rng(i)
        angles = 0.1 * wander(rng, frames, 3) + rng.normal(0, 0.3, 3)
        artefact = quadratic(angles) @ rng.normal(size=(9, 3))
        behaviour = wander(rng, frames, 3)
        artefact *= np.sqrt(share / max(artefact.var(0).sum(), 1e-9))
        behaviour *= np.sqrt((1 - share) / behaviour.var(0).sum())
        out.append(recording(f"r{i}", artefact + behaviour + rng.normal(0, 3, 3), angles))
    return out


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_the_planted_share_is_measured_above_chance(tmp_path, share):
    leak = stored_pose_leak(dataset(tmp_path, world(share)).manifest)
    assert leak.leak == pytest.approx(share * (1 - leak.chance), abs=0.08)
    assert leak.chance < 0.2 and leak.subjects == 6 and not leak.mesh
    assert leak.is_high is (share > 0) and (pose_leak_warning(leak) is None) is (share == 0)
    assert leak.held_out < leak.share and leak.held_out == pytest.approx(share, abs=0.35)  # fitted on half the frames


def test_slow_series_without_relation_score_their_chance_level():
    """Two random walks share a lot of variance; only what shifts do not share counts."""
    rng, found = np.random.default_rng(0), []
    for _ in range(30):
        angles, psi = 0.1 * wander(rng, 2000, 3, width=80), wander(rng, 2000, 3, width=80)
        found.append(subject_leak(psi, angles, np.arange(2000) / FPS, np.eye(3)))
    assert np.median([one.share for one in found]) > 0.4
    assert abs(np.median([one.leak for one in found])) < 0.08


def test_leak_is_free_of_units_signs_and_rotation_of_the_pose_axes():
    rng = np.random.default_rng(3)
    angles, time = 0.1 * wander(rng, 1500, 3), np.arange(1500) / FPS
    psi = quadratic(angles) @ rng.normal(size=(9, 3)) + wander(rng, 1500, 3)
    first = subject_leak(psi, angles, time, np.eye(3))
    other = subject_leak(psi, np.degrees(-angles[:, [2, 0, 1]]) + 40, time, np.eye(3))
    assert other.share == pytest.approx(first.share, abs=1e-6) and other.leak == pytest.approx(first.leak, abs=1e-6)


def test_displacement_is_weighed_in_the_metric_of_the_mesh():
    """Pose moves the first coefficient alone: what it weighs on the mesh decides."""
    rng = np.random.default_rng(4)
    angles, time = 0.1 * wander(rng, 1500, 3), np.arange(1500) / FPS
    psi = np.stack([quadratic(angles)[:, 1], *wander(rng, 1500, 2).T], 1)
    heavy, light = (subject_leak(psi, angles, time, np.diag([w, 1.0, 1.0])) for w in (100.0, 0.01))
    assert heavy.share > 0.95 and light.share < 0.3


def test_without_pose_or_with_a_head_that_stands_still_there_is_no_leak(tmp_path):
    rng = np.random.default_rng(5)
    psi = wander(rng, 500, 3)
    for angles in (None, np.zeros((500, 3)), np.full((500, 3), np.nan)):
        data = dataset(tmp_path / str(id(angles)), [recording("r", psi, angles)])
        assert stored_pose_leak(data.manifest) is None and measure_pose_leak(data, None) is None


def test_a_dataset_of_an_earlier_version_is_measured_when_it_is_asked(tmp_path):
    data = dataset(tmp_path, world(0.5, subjects=2))
    kept = stored_pose_leak(data.manifest)
    del data.manifest["pose_leak"]
    assert not was_measured(data) and pose_leak_of(data, None) == kept
    data.manifest["pose_leak"] = None
    assert was_measured(data) and pose_leak_of(data, None) is None


def test_recordings_of_a_subject_count_together_and_frames_without_pose_not(tmp_path):
    rng = np.random.default_rng(6)
    angles = 0.1 * wander(rng, 900, 3)
    psi = quadratic(angles) @ rng.normal(size=(9, 3)) + 0.1 * wander(rng, 900, 3)
    hidden = np.concatenate([np.full((100, 3), np.nan), angles[:300]])
    leak = stored_pose_leak(
        dataset(
            tmp_path,
            [
                recording("r1", np.concatenate([50 + wander(rng, 100, 3), psi[:300]]), hidden, subject="s"),
                recording("r2", psi[300:], angles[300:], subject="s"),
                recording("r3", psi, None, subject="t"),
            ],
        ).manifest
    )
    assert leak.by_subject["s"].frames == 900 and leak.unmeasured == 1 and leak.share > 0.9
    assert PoseLeak.from_json(json.loads(json.dumps(asdict(leak)))) == leak


@pytest.mark.parametrize(
    ("columns", "extractor", "factor"),
    [
        (("pose_Rx", "pose_Ry", "pose_Rz"), "openface", 1),
        (("HeadPitch", "HeadYaw", "HeadRoll"), "live-link-face", 1),
        (("HeadPitch", "HeadYaw", "HeadRoll"), "face-cap", np.pi / 180),
        (("HeadPitch", "HeadYaw", "HeadRoll"), "ifacialmocap", np.pi / 180),
    ],
)
def test_pose_of_every_tool_is_pitch_yaw_and_roll_in_radians(columns, extractor, factor):
    extras = {name: np.full(4, float(i + 1), np.float32) for i, name in enumerate(columns)}
    found = head_pose(extras | {"confidence": np.ones(4)}, extractor)
    assert np.allclose(found.angles, np.array([1, 2, 3]) * factor) and found.columns == columns
    assert head_pose({columns[0]: np.zeros(4)}, extractor) is None
