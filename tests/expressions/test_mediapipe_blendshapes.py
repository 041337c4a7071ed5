"""MediaPipe's blendshape scores: layouts of JSON, several faces, frames without a face, tables and arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.readers import mediapipe
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.faces.arkit import ARKIT_NAMES

FRAMES = 12


@pytest.fixture
def scores() -> np.ndarray:
    """(12, 52) in MediaPipe's order, `_neutral` first."""
    return np.random.default_rng(0).uniform(size=(FRAMES, 52)).round(4)


def categories(row: np.ndarray, key: str = "category_name") -> list[dict]:
    return [{"index": i, "score": float(s), key: n} for i, (n, s) in enumerate(zip(mediapipe.NAMES, row, strict=True))]


def at(x: float, z: float = -40.0) -> list[list[float]]:
    return [[1, 0, 0, x], [0, 1, 0, 0], [0, 0, 1, z], [0, 0, 0, 1]]


def saved(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value))
    return path


LAYOUTS = {
    "a list of faces a frame": lambda rows: [
        {"timestamp_ms": 40 * t, "face_blendshapes": [categories(r)]} for t, r in enumerate(rows)
    ],
    "as JavaScript has it": lambda rows: {
        "results": [
            {"timestamp": 40 * t, "faceBlendshapes": [{"categories": categories(r, "categoryName"), "headIndex": -1}]}
            for t, r in enumerate(rows)
        ]
    },
    "one face a frame": lambda rows: {"fps": 25, "frames": [{"face_blendshapes": categories(r)} for r in rows]},
    "by name": lambda rows: {
        "fps": 25,
        "frames": [{"blendshapes": dict(zip(mediapipe.NAMES, r.tolist(), strict=True))} for r in rows],
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_json_gives_the_same_recording(tmp_path: Path, scores: np.ndarray, layout: str):
    path = saved(tmp_path / "a.json", LAYOUTS[layout](scores))
    reader, _ = find_reader(path)
    [recording] = reader.read(path, ReadOptions())
    assert reader is mediapipe and recording.extractor == "mediapipe" and recording.fps == 25
    assert recording.names == ARKIT_NAMES[:-1]
    np.testing.assert_array_equal(recording.psi, scores[:, 1:].astype(np.float32))
    assert any("always 0: tongueOut" in note for note in recording.notes)


def test_a_frame_without_a_face_is_invalid(tmp_path: Path, scores: np.ndarray):
    frames = LAYOUTS["a list of faces a frame"](scores)
    frames[0]["face_blendshapes"] = frames[5]["face_blendshapes"] = []
    [recording] = mediapipe.read(saved(tmp_path / "a.json", frames), ReadOptions())
    assert np.flatnonzero(~recording.valid).tolist() == [0, 5] and len(recording.psi) == FRAMES


def test_faces_that_change_places_in_the_list_are_followed_by_their_heads(tmp_path: Path, scores: np.ndarray):
    other = 1 - scores
    frames = []
    for t in range(FRAMES):
        pair = [(categories(scores[t]), at(-10 + t)), (categories(other[t]), at(30 - t / 2))]
        if t % 3 == 1:
            pair.reverse()
        frames.append(
            {
                "timestamp_ms": 40 * t,
                "face_blendshapes": [p[0] for p in pair],
                "facial_transformation_matrixes": [p[1] for p in pair],
            }
        )
    first, second = mediapipe.read(saved(tmp_path / "a.json", frames), ReadOptions())
    assert (first.name, second.name) == ("a-face0", "a-face1")
    np.testing.assert_array_equal(first.psi, scores[:, 1:].astype(np.float32))
    np.testing.assert_array_equal(second.psi, other[:, 1:].astype(np.float32))
    np.testing.assert_allclose(first.extras["HeadX"], (-10 + np.arange(FRAMES)) / 100, atol=1e-6)


def test_several_faces_without_a_place_are_refused(tmp_path: Path, scores: np.ndarray):
    frames = [
        {"timestamp_ms": 40 * t, "face_blendshapes": [categories(r), categories(r)]} for t, r in enumerate(scores)
    ]
    with pytest.raises(DataError, match="2 faces in a frame and nothing to distinguish them"):
        mediapipe.read(saved(tmp_path / "a.json", frames), ReadOptions())


def test_the_matrix_of_javascript_lies_on_its_side(tmp_path: Path, scores: np.ndarray):
    turned = np.array(at(7.0)).T.ravel().tolist()
    frames = [
        {
            "timestamp": 40 * t,
            "faceBlendshapes": [{"categories": categories(r, "categoryName")}],
            "facialTransformationMatrixes": [{"rows": 4, "columns": 4, "data": turned}],
        }
        for t, r in enumerate(scores)
    ]
    [recording] = mediapipe.read(saved(tmp_path / "a.json", frames), ReadOptions())
    np.testing.assert_allclose(recording.extras["HeadX"], 0.07, atol=1e-7)


def test_yaw_is_read_from_the_matrix():
    angle = 0.3
    turned = np.eye(4)
    turned[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    pose = mediapipe.mediapipe_head_pose([turned, None])
    np.testing.assert_allclose(pose["HeadYaw"][0], angle, atol=1e-6)
    assert pose["HeadPitch"][0] == 0 and np.isnan(pose["HeadYaw"][1])


def test_a_table_with_several_faces_gives_a_recording_each(tmp_path: Path, scores: np.ndarray):
    table = pd.DataFrame(scores, columns=list(mediapipe.NAMES))
    clock = np.arange(FRAMES) / 25
    both = pd.concat([table.assign(time_s=clock, face_id=0), (1 - table).assign(time_s=clock, face_id=3)])
    path = tmp_path / "a.csv"
    both.sort_values("time_s", kind="stable").to_csv(path, index=False)
    reader, _ = find_reader(path)
    recordings = {r.name: r for r in reader.read(path, ReadOptions())}
    assert reader is mediapipe and set(recordings) == {"a-face0", "a-face3"}
    np.testing.assert_allclose(recordings["a-face3"].psi, 1 - scores[:, 1:], atol=1e-6)


def test_a_table_that_names_people_gives_each_recording_its_subject(tmp_path: Path, scores: np.ndarray):
    table = pd.DataFrame(np.tile(scores, (2, 1)), columns=list(mediapipe.NAMES))
    table.insert(0, "participant", ["ann"] * FRAMES + ["bea"] * FRAMES)
    table.insert(0, "time_s", np.tile(np.arange(FRAMES) / 25, 2))
    table.to_csv(tmp_path / "both.csv", index=False)
    recordings = mediapipe.read(tmp_path / "both.csv", ReadOptions())
    assert [(r.name, r.subject) for r in recordings] == [("both-ann", "ann"), ("both-bea", "bea")]


@pytest.mark.parametrize("faces", [1, 2])
def test_arrays_give_a_recording_a_face(tmp_path: Path, scores: np.ndarray, faces: int):
    stacked = np.stack([scores, 1 - scores], 1)[:, :faces]
    path = tmp_path / "a.npz"
    np.savez(
        path,
        blendshapes=stacked if faces > 1 else scores,
        timestamps_ms=40 * np.arange(FRAMES),
        facial_transformation_matrixes=np.tile(np.array(at(5.0)), (FRAMES, faces, 1, 1)),
        landmarks=np.zeros((FRAMES, 478, 3)),
    )
    reader, _ = find_reader(path)
    recordings = reader.read(path, ReadOptions())
    assert reader is mediapipe and len(recordings) == faces and recordings[0].fps == 25
    np.testing.assert_array_equal(recordings[-1].psi, stacked[:, -1, 1:].astype(np.float32))
    np.testing.assert_allclose(recordings[-1].extras["HeadX"], 0.05, atol=1e-7)
