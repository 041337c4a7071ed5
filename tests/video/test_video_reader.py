"""Extractions become recordings: gaps, several faces, variable rates, labels; without the extra, a clear message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions
from dfe_core.expressions.readers.mediapipe import NAMES
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.faces import save_face
from dfe_core.video import extra
from dfe_core.video.extraction import _folder, _save, extract
from dfe_core.video.links import links
from dfe_core.video.reader import VideoReader, extract_dataset, find_videos
from tests.expressions.test_mesh_sequence import mediapipe_points

FRAMES, FPS = 60, 25.0


def extracted(
    video: Path,
    model: Path,
    root: Path,
    seen: dict[int, np.ndarray],
    time_s: np.ndarray | None = None,
    faces: int = 4,
    moved: np.ndarray | None = None,
    **about: float,
) -> None:
    """Leave an extraction in the cache: `seen` are the frames of each face."""
    video.write_bytes(video.name.encode() * 50)
    time_s = np.arange(FRAMES) / FPS if time_s is None else time_s
    rows = sorted((frame, face) for face, frames in seen.items() for frame in frames)
    points = mediapipe_points(len(time_s)) * 640
    if moved is not None:
        points += moved[:, None]
    small = {
        "row_frame": [f for f, _ in rows],
        "row_face": [n for _, n in rows],
        "scores": [np.r_[0.9, np.full(51, 0.01 * f + 0.1 * n)] for f, n in rows],
        "matrix": [np.eye(4) for _ in rows],
        "confidence": [0.9 for _ in rows],
    }
    folder = _folder(video, model, faces, root)
    folder.mkdir(parents=True)
    (folder / "landmarks.f32").write_bytes(
        np.stack([points[f] for f, _ in rows]).astype(np.float32).tobytes() if rows else b""
    )
    _save(
        folder,
        video,
        model,
        time_s.tolist(),
        small,
        {"names": list(NAMES), "fps": FPS, "width": 640, "height": 640, "faces": faces, **about},
    )


@pytest.fixture
def model(tmp_path) -> Path:
    (tmp_path / "face_landmarker.task").write_bytes(b"model")
    return tmp_path / "face_landmarker.task"


def test_scores_become_arkit_coefficients_and_lost_faces_gaps(tmp_path, cache, model):
    video = tmp_path / "s1_talk.mp4"
    extracted(video, model, cache, {0: np.r_[0:20, 30:60]})
    (recording,) = VideoReader(model=model).read(video, ReadOptions())
    assert recording.space == "arkit" and len(recording.names) == 51 and "_neutral" not in recording.names
    assert not recording.valid[20:30].any() and recording.valid.sum() == 50
    assert recording.psi[40, 0] == pytest.approx(0.4) and (recording.psi[20:30] == 0).all()
    assert recording.extras["confidence"][25] == 0 and np.isnan(recording.extras["HeadYaw"][25])
    assert any("not found in 10 of 60 frames" in note for note in recording.notes)


def test_every_face_is_a_recording_on_the_time_of_the_video(tmp_path, cache, model):
    video = tmp_path / "pair.mp4"
    extracted(video, model, cache, {0: np.arange(60), 3: np.arange(20, 50), 5: np.arange(4)})
    one, two = VideoReader(model=model).read(video, ReadOptions())
    assert (one.name, two.name) == ("pair-face0", "pair-face1")
    assert np.flatnonzero(two.valid)[[0, -1]].tolist() == [20, 49] and len(two.time_s) == 60
    assert two.psi[20, 0] == pytest.approx(0.5)
    assert any("1 faces seen for less" in note for note in one.notes)


def test_variable_rates_are_kept(tmp_path, cache, model):
    time = np.cumsum(np.tile([0.02, 0.02, 0.06], 20)) + 5
    extracted(tmp_path / "v.mp4", model, cache, {0: np.arange(60)}, time)
    (recording,) = VideoReader(model=model).read(tmp_path / "v.mp4", ReadOptions())
    assert np.allclose(recording.time_s, time - time[0]) and recording.fps == pytest.approx(30, rel=0.02)
    assert any("Variable frame rate" in note for note in recording.notes)


def test_a_folder_of_videos_becomes_a_dataset_with_subjects(tmp_path, cache, model, toy_face):
    save_face(toy_face, cache)
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("s1_a.mp4", "s2_a.MOV"):
        extracted(folder / name, model, cache, {0: np.arange(60)})
    (folder / "notes.txt").write_text("no video")
    empty = folder / "s3_a.avi"
    extracted(empty, model, cache, {})
    report = extract_dataset([folder], model, "films", ImportOptions(face=toy_face.id, subject_pattern=r"(s\d)_"))
    dataset = Dataset.open("films")
    assert dataset.recordings["subject"].tolist() == ["s1", "s2"] and dataset.frame_count == 120
    assert dataset.names == toy_face.names
    assert len(dataset.extras("s1_a")["HeadPitch"]) == 60
    assert dataset.manifest["sources"][0]["reader"] == "video"
    assert [path.name for path, _ in report.skipped] == ["s3_a.avi"] and "no face in any" in str(report.skipped[0][1])


def test_recordings_are_linked_to_their_videos_and_to_where_their_faces_are(tmp_path, cache, model, toy_face):
    save_face(toy_face, cache)
    extracted(tmp_path / "pair.mp4", model, cache, {0: np.arange(60), 3: np.arange(20, 50)})
    extracted(tmp_path / "none.mp4", model, cache, {})
    extracted(tmp_path / "alone.mp4", model, cache, {0: np.arange(60)})
    extract_dataset(
        [tmp_path / name for name in ("pair.mp4", "none.mp4", "alone.mp4")],
        model,
        "films",
        ImportOptions(face=toy_face.id),
    )
    found = links(Dataset.open("films"))
    assert {name: one.video.name for name, one in found.items()} == {
        "pair-face0": "pair.mp4",
        "pair-face1": "pair.mp4",
        "alone": "alone.mp4",
    }
    points = mediapipe_points(FRAMES)[:, :, :2].clip(0, 1)
    left, top, right, bottom = found["alone"].box
    assert (left, top) == pytest.approx(points.min(1).mean(0), abs=0.05) and left < right and top < bottom
    assert (right, bottom) == pytest.approx(points.max(1).mean(0), abs=0.05)


def test_landmarks_of_videos_make_a_face_of_their_own(tmp_path, cache, model):
    extracted(tmp_path / "v.mp4", model, cache, {0: np.arange(60)})
    extract_dataset([tmp_path / "v.mp4"], model, "own", ImportOptions(face="learn"))
    dataset = Dataset.open("own")
    assert dataset.face_id.startswith("learned-") and dataset.manifest["learned"]["points"] == 478
    assert "confidence" in dataset.extras("v")


def test_without_the_extra_the_message_says_how_to_install_it(tmp_path, cache, model, monkeypatch):
    (tmp_path / "v.mp4").write_bytes(b"film")
    if not extra.available():
        with pytest.raises(DataError, match=r"package mediapipe: not installed.*pip install 'dfe\[video\]'"):
            extract_dataset([tmp_path / "v.mp4"], model, "x")
    with pytest.raises(DataError, match=r"nothing_such: not installed.*pip install 'dfe\[video\]'"):
        extra.load("nothing_such.at.all")


@pytest.mark.parametrize(("what", "message"), [("gone.mp4", "no such file"), ("empty", "no videos in this folder")])
def test_sources_that_are_no_videos_are_named(tmp_path, cache, model, what, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=message):
        extract_dataset([tmp_path / what], model, "x")


def test_videos_are_found_once_each(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"1")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.webm").write_bytes(b"2")
    assert [p.name for p in find_videos([tmp_path, tmp_path / "a.mp4"])] == ["a.mp4", "b.webm"]


def test_an_extraction_is_read_back_as_it_was_left(tmp_path, cache, model):
    extracted(tmp_path / "v.mp4", model, cache, {0: np.arange(60)})
    found = extract(tmp_path / "v.mp4", model)
    assert found.landmarks.shape == (60, 478, 3) and np.allclose(found.landmarks[7], mediapipe_points(60)[7] * 640)
    assert found.names == NAMES


def test_faces_that_are_never_seen_together_may_be_one_person(tmp_path, cache, model):
    for name, second, apart in (("apart.mp4", range(40, 60), True), ("together.mp4", range(19, 60), False)):
        extracted(tmp_path / name, model, cache, {0: np.arange(20), 1: np.array(second)})
        recordings = VideoReader(model=model).read(tmp_path / name, ReadOptions())
        assert [any("--faces 1" in note for note in r.notes) for r in recordings] == [apart, apart]


def test_frames_without_a_face_are_no_copies_of_each_other(tmp_path, cache, model):
    video = tmp_path / "away.mp4"
    extracted(video, model, cache, {0: np.arange(70)}, np.arange(400) / FPS)
    (recording,) = VideoReader(model=model).read(video, ReadOptions())
    assert recording.valid.sum() == 70 and sum("330" in note for note in recording.notes) == 1
    assert not any("copies" in note for note in recording.notes)


def test_frames_that_cannot_be_read_are_said(tmp_path, cache, model):
    for name, told, said in (("cut.mp4", 5.0, True), ("whole.mp4", 2.44, False), ("unsaid.webm", 0.0, False)):
        extracted(tmp_path / name, model, cache, {0: np.arange(60)}, told_s=told)
        (recording,) = VideoReader(model=model).read(tmp_path / name, ReadOptions())
        assert any("says 5.0 s; its last 2.6 s cannot be read" in note for note in recording.notes) == said


def test_how_long_a_face_is_seen_is_by_the_times_of_its_frames(tmp_path, cache, model):
    """The header says 25 frames a second, the times 5, then 100."""
    for name, step, recordings in (("slow.mp4", 0.2, 2), ("fast.mp4", 0.01, 1)):
        seen = {0: np.arange(60), 1: np.arange(5)} if step > 0.1 else {0: np.arange(60), 1: np.arange(20)}
        extracted(tmp_path / name, model, cache, seen, np.arange(60) * step)
        assert len(VideoReader(model=model).read(tmp_path / name, ReadOptions())) == recordings


def test_one_face_that_jumps_may_be_several_people(tmp_path, cache, model):
    moved = np.zeros((60, 3))
    moved[40:50, 0] = 900
    for name, faces, place, said in (("a.mp4", 1, moved, True), ("b.mp4", 1, 0 * moved, False)):
        extracted(tmp_path / name, model, cache, {0: np.arange(60)}, faces=faces, moved=place)
        (recording,) = VideoReader(model=model, faces=faces).read(tmp_path / name, ReadOptions())
        assert any("another place or size 2 times, first at 1.60 s" in note for note in recording.notes) == said


def test_more_faces_than_asked_for_are_said(tmp_path, cache, model):
    for name, share, said in (("a.mp4", 0.4, True), ("b.mp4", 0.02, False)):
        extracted(tmp_path / name, model, cache, {0: np.arange(60)}, crowded=share)
        (recording,) = VideoReader(model=model).read(tmp_path / name, ReadOptions())
        assert any("More than 4 faces in 40% of the pictures" in note for note in recording.notes) == said
