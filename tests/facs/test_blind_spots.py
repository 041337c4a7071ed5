"""What a tool cannot see is found from the data alone."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.facs.blind_spots import Sight, find_blind_spots, lines
from dfe_core.facs.derive import derive_aus
from dfe_core.facs.signals import Measurement, assess_signals

FRAMES, FPS = 900, 30.0
NAMES = ("_neutral", *(n for n in ARKIT_NAMES if n != "tongueOut"))
DOZEN = (
    "_neutral",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "jawForward",
    "jawLeft",
    "jawRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthStretchLeft",
    "noseSneerLeft",
    "noseSneerRight",
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Dataset:
    """Three clips with MediaPipe's statistics: a dozen coefficients that hardly move, one that sits at 1, one that
    follows the head, and the others alive; one of these only in one frame of two hundred."""
    rng = np.random.default_rng(0)
    with open_writer("clips", NAMES, tmp_path_factory.mktemp("clips")) as writer:
        for i in range(3):
            yaw = np.sin(np.arange(FRAMES) / 40 + i) * 0.3
            psi = np.clip(np.abs(np.cumsum(rng.normal(0, 0.05, (FRAMES, len(NAMES))), 0)), 0, 0.9).astype(np.float32)
            psi[:, [NAMES.index(n) for n in DOZEN]] = rng.exponential(0.001, (FRAMES, len(DOZEN)))
            psi[:, NAMES.index("eyeSquintLeft")] = np.where(rng.random(FRAMES) < 0.2, 1.0, psi[:, 0])
            psi[:, NAMES.index("browInnerUp")] = 0.4 + yaw + rng.normal(0, 0.01, FRAMES)
            psi[:, NAMES.index("mouthLeft")] = np.where(np.arange(FRAMES) % 200 == 7, 0.6, 0.0)
            pose = {"HeadPitch": rng.normal(0, 0.01, FRAMES), "HeadYaw": yaw, "HeadRoll": rng.normal(0, 0.01, FRAMES)}
            frame = np.arange(FRAMES)
            writer.add(
                Recording(
                    name=f"c{i}",
                    names=NAMES,
                    psi=psi,
                    time_s=frame / FPS,
                    frame=frame,
                    valid=np.ones(FRAMES, bool),
                    fps=FPS,
                    space="t",
                    extractor="mediapipe",
                    subject=f"p{i}",
                    session="1",
                    extras={k: v.astype(np.float32) for k, v in pose.items()},
                )
            )
        writer.close({"name": "clips", "face": "none", "simulated": False, "sources": [], "dropped": [], "notes": []})
        root = writer.folder.parent.parent
    return Dataset.open("clips", root)


def test_the_dozen_that_mediapipe_does_not_move_is_found_from_the_data(clips) -> None:
    spots = find_blind_spots(clips)
    table = spots.coefficients.set_index("coefficient")
    assert set(table.index[table["sight"] == Sight.NEVER_MOVES]) == set(DOZEN)
    assert table.at["mouthLeft", "sight"] == Sight.MOVES  # rare is not never
    assert table.at["eyeSquintLeft", "sight"] == Sight.SATURATES
    assert table.at["browInnerUp", "sight"] == Sight.MOVES_WITH_POSE and table.at["jawOpen", "pose_share"] < 0.5
    assert "mediapipe: 12 of 52 coefficients never move" in " ".join(lines(spots.coefficients))
    assert {"AU6", "AU9", "AU15"} <= set(spots.aus()) and "AU12" not in spots.aus()


def test_aus_derived_from_coefficients_that_never_move_are_not_measured(clips) -> None:
    aus = derive_aus(clips, "derived")
    state = assess_signals(aus, clips).state
    for au in ("AU6", "AU9", "AU15"):
        columns = [i for i, (code, _) in enumerate(aus.aus) if code == au]
        assert columns and (state[:, columns] == Measurement.MISSING).all()  # no value, so not "absent" either


def test_it_is_looked_for_once(clips, monkeypatch) -> None:
    held = find_blind_spots(clips)
    monkeypatch.setattr("dfe_core.facs.blind_spots._find", lambda *_: pytest.fail("looked for twice"))
    assert find_blind_spots(clips).coefficients.equals(held.coefficients)
