"""Channels and measures of datasets in which it is known how heads turn, lids close and jaws move."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.channels.measures import CHANNEL_MEASURES, measure_recordings, measured_table
from dfe_core.channels.series import channel_series
from dfe_core.channels.sources import Channel, channel_sources, known_channels
from dfe_core.events.store import exclude
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.facs.store import AlignedFrames, open_au_writer

FPS, SECONDS = 30.0, 30
TIME = np.arange(int(FPS * SECONDS)) / FPS
NAMES = ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthSmileLeft")
BLINKS = np.arange(1.5, SECONDS, 3.0)
POSE = ("pose_Rx", "pose_Ry", "pose_Rz")


def blinking(psi: np.ndarray) -> None:
    psi[:, :2] = (0.8 * np.exp(-4 * np.log(2) * ((TIME[:, None] - BLINKS) / 0.2) ** 2)).max(1)[:, None]


def talking(psi: np.ndarray) -> None:
    psi[:, 2] = 0.2 + np.where(TIME < 15, 0.1 * np.sin(2 * np.pi * 4 * TIME), 0.02 * np.sin(TIME))


def turning(degrees_s: float) -> dict[str, np.ndarray]:
    """A head that turns to and fro at one speed, radians as OpenFace writes them."""
    yaw = np.radians(degrees_s) * np.abs((TIME % 4) - 2)
    return {name: (yaw if name == "pose_Ry" else 0 * yaw).astype(np.float32) for name in POSE}


def write(
    root: Path, parts: dict[str, tuple], names: tuple[str, ...] = NAMES, labels: dict[str, dict] | None = None
) -> Dataset:
    """datasets/d of {recording: (psi, extras, valid)}."""
    with open_writer("d", names, root) as writer:
        for name, (psi, extras, valid) in parts.items():
            writer.add(
                Recording(
                    name=name,
                    names=names,
                    psi=psi,
                    time_s=TIME,
                    frame=np.arange(len(TIME)),
                    valid=valid,
                    fps=FPS,
                    space="arkit",
                    extractor="openface",
                    subject=name.split("-")[0],
                    extras=extras,
                ),
                (labels or {}).get(name),
            )
        writer.close({"name": "d", "face": "toy", "simulated": False})
    return Dataset.open("d", root)


def still(coefficients: int = len(NAMES)) -> np.ndarray:
    return np.zeros((len(TIME), coefficients), np.float32)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """One who does everything, one of whom nothing is known but a face that does not move."""
    psi, valid = still(), np.ones(len(TIME), bool)
    blinking(psi)
    talking(psi)
    valid[-90:] = False
    gaze = {"gaze_angle_x": np.radians(20 * ((TIME // 2) % 2)), "gaze_angle_y": np.zeros(len(TIME))}
    confidence = {"confidence": np.where(valid, 0.9, 0.1).astype(np.float32)}
    all_of_it = {**turning(10.0), **{k: v.astype(np.float32) for k, v in gaze.items()}, **confidence}
    return write(
        tmp_path_factory.mktemp("channels"),
        {"a-1": (psi, all_of_it, valid), "b-1": (still(), {}, np.ones(len(TIME), bool))},
    )


def test_every_measure_is_what_was_planted(study: Dataset):
    row = measured_table(study).set_index("recording").loc["a-1"]
    assert row["head_movement"] == pytest.approx(9.5, rel=0.01), "0.2 s around a turning point are rounded off"
    assert row["head_range"] == pytest.approx(18, abs=0.5), "90 % of 20 degrees"
    assert row["head_pitch"] == 0 and row["head_yaw"] == pytest.approx(10, abs=0.5)
    seen = SECONDS - 3
    assert row["blink_rate"] == pytest.approx((seen > BLINKS).sum() / seen * 60, rel=0.01)
    assert row["blink_duration"] == pytest.approx(0.2, abs=0.01)
    assert row["speech_share"] == pytest.approx(15 / seen, abs=0.03)
    assert row["gaze_shifts"] == pytest.approx(60 / 2, rel=0.15)
    assert row["frames_lost"] == pytest.approx(0.1)
    assert row["confidence"] == pytest.approx(0.9 * 0.9 + 0.1 * 0.1), "of lost frames, too"


def test_what_a_tool_did_not_measure_is_absent_and_not_zero(study: Dataset):
    assert set(known_channels(study)) == set(Channel)
    measured = measure_recordings(study)
    unknown = [name for name in CHANNEL_MEASURES if np.isnan(measured.of(name)[1])]
    assert sorted(set(CHANNEL_MEASURES) - set(unknown)) == ["frames_lost"], "lids and jaw that never move are not seen"
    series = channel_series(study, "b-1", channel_sources(study))
    assert series.head_deg is None and series.blinks is None and series.speech is None and series.confidence is None


def test_people_are_pooled_by_the_time_in_which_each_measure_is_known(study: Dataset):
    pooled = measure_recordings(study).pooled(np.array([0, 0]), 1)
    assert pooled.of("blink_rate")[0] == measure_recordings(study).of("blink_rate")[0], "the other one is not known"
    assert pooled.of("frames_lost")[0] == pytest.approx(0.05)
    assert np.isnan(measure_recordings(study).pooled(np.array([-1, 0]), 1).of("blink_rate")[0])


def test_excluded_spans_are_neither_counted_nor_lost(tmp_path: Path):
    psi, valid = still(), np.ones(len(TIME), bool)
    talking(psi)
    valid[:150] = False
    study = write(tmp_path, {"a-1": (psi, turning(5.0), valid)})
    assert measure_recordings(study).of("frames_lost")[0] == pytest.approx(5 / SECONDS)
    exclude(study, pd.DataFrame({"recording": ["a-1"], "onset_s": 0.0, "offset_s": 15.0, "reason": "lost"}))
    left = measure_recordings(Dataset.open("d", tmp_path))
    assert left.of("frames_lost")[0] == 0 and left.of("speech_share")[0] == pytest.approx(0, abs=0.05)
    assert left.of("head_movement")[0] == pytest.approx(4.75, rel=0.02)


def test_lids_and_jaw_are_those_of_action_units_where_coefficients_have_none(tmp_path: Path):
    psi = still()
    blinking(psi)
    talking(psi)
    study = write(tmp_path, {"a-1": (still(2), {}, np.ones(len(TIME), bool))}, ("pc_000", "pc_001"))
    assert known_channels(study) == () and np.isnan(measure_recordings(study).of("blink_rate")[0])
    codes = (("AU25", "both"), ("AU45", "both"))
    presence = np.column_stack([np.full(len(TIME), np.nan), psi[:, 0] > 0.4]).astype(np.float32)
    intensity = np.column_stack([5 * psi[:, 2], psi[:, 0]]).astype(np.float32)
    with open_au_writer("d", "tool", codes, tmp_path) as writer:
        writer.add("a-1", AlignedFrames(np.arange(len(TIME)), presence, intensity))
        writer.close(
            {
                "name": "tool",
                "dataset": "d",
                "dataset_key": study.stored_key,
                "tool": "openface",
                "version": "2",
                "estimate": False,
                "emits": ["AU25", "AU45"],
                "notes": [],
            }
        )
    study = Dataset.open("d", tmp_path)
    assert known_channels(study) == (Channel.BLINKS, Channel.SPEECH)
    row = measured_table(study).iloc[0]
    assert row["blink_rate"] == pytest.approx(len(BLINKS) / SECONDS * 60, rel=0.01), "by presence, not by intensity"
    assert row["speech_share"] == pytest.approx(0.5, abs=0.03)
    assert isinstance(measured_table(study), pd.DataFrame)
