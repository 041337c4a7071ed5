"""Real videos through the real landmarker; skipped where the extra dfe[video] is not installed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.motion.photo import photo_expression
from dfe_core.video import extra
from dfe_core.video.extraction import extract, is_done
from dfe_core.video.frames import probe, read_frames
from dfe_core.video.reader import VideoReader

pytestmark = pytest.mark.skipif(not extra.available(), reason="the extra dfe[video] (mediapipe) is not installed")
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def model(shared) -> Path:
    return shared / "models" / "face_landmarker.task"


@pytest.fixture(scope="module")
def video(shared) -> Path:
    return shared / "data" / "faces" / "WolfgangLanger_Pexels.mp4"


def film(path: Path, pictures: list[np.ndarray], fps: float = 25.0) -> Path:
    import cv2

    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


@pytest.fixture(scope="module")
def clip(video, tmp_path_factory) -> Path:
    """30 frames of the real video with ten black ones amid them."""
    frames = read_frames(video)
    pictures = [next(frames).picture for _ in range(30)]
    return film(
        tmp_path_factory.mktemp("clip") / "clip.mp4",
        [*pictures[:15], *[np.zeros_like(pictures[0])] * 10, *pictures[15:]],
    )


def test_the_header_and_the_times_of_a_real_video(video):
    info = probe(video)
    assert (info.width, info.height, info.frames) == (640, 360, 472) and info.fps == pytest.approx(23.976, abs=1e-3)
    frames = read_frames(video)
    first = [next(frames) for _ in range(4)]
    assert first[0].picture.shape == (360, 640, 3)
    assert np.allclose([f.time_s for f in first], np.arange(4) / info.fps, atol=1e-4)


def test_variable_frame_rates_keep_the_times_of_the_container(clip, tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    uneven = tmp_path / "vfr.mp4"
    subprocess.run(
        [ffmpeg, "-v", "error", "-y", "-i", clip, "-vf", "select='not(mod(n,3))+lt(n,12)'", "-fps_mode", "vfr", uneven],
        check=True,
    )
    kept = [n for n in range(40) if n % 3 == 0 or n < 12]
    times = [frame.time_s for frame in read_frames(uneven)]
    assert np.allclose(times, np.array(kept) / 25, atol=2e-3)


def test_a_real_face_is_followed_through_a_gap(clip, model, cache):
    (recording,) = VideoReader(model=model).read(clip, ReadOptions())
    assert recording.valid.sum() >= 28 and not recording.valid[16:25].any()
    assert 0 < recording.psi[recording.valid].max() <= 1 and recording.psi[recording.valid].std() > 0.01
    assert (recording.extras["confidence"][recording.valid] > 0.5).mean() > 0.9
    assert np.nanmax(np.abs(recording.extras["HeadYaw"])) < np.pi / 2


def test_asked_for_one_face_a_person_who_comes_back_is_the_same(video, model, cache, tmp_path):
    pictures = [frame.picture for frame in islice(read_frames(video), 15)]
    away = film(tmp_path / "away.mp4", [*pictures, *[np.zeros_like(pictures[0])] * 60, *pictures])
    for faces, sizes in ((1, [30]), (2, [15, 15])):
        recordings = VideoReader(model=model, faces=faces).read(away, ReadOptions())
        assert [int(r.valid.sum()) for r in recordings] == sizes


def test_two_faces_keep_their_numbers(shared, model, cache, tmp_path):
    import cv2

    picture = cv2.cvtColor(cv2.imread(str(shared / "data" / "faces" / "multi_face.jpg")), cv2.COLOR_BGR2RGB)
    path = film(tmp_path / "two.mp4", [np.roll(picture, 2 * i, axis=1)[:666, :1000] for i in range(15)], fps=15)
    found = extract(path, model)
    rows = found.faces()
    assert len(rows) >= 2
    centres = [found.landmarks[r].mean(1)[:, 0] for r in rows[:2]]
    assert all(np.abs(np.diff(c)).max() < 30 for c in centres)  # none jumps to the other's place
    assert abs(centres[0].mean() - centres[1].mean()) > 100


def test_what_was_extracted_is_not_run_again(clip, model, cache, monkeypatch):
    first = extract(clip, model)
    assert is_done(clip, model)
    monkeypatch.setattr("dfe_core.video.extraction._run", None)
    assert np.array_equal(extract(clip, model).scores, first.scores)


def test_files_that_are_no_videos_or_models_are_refused(tmp_path, clip, model, cache):
    (tmp_path / "v.mp4").write_bytes(b"no film at all" * 100)
    with pytest.raises(DataError, match="v.mp4: not readable as a video"):
        extract(tmp_path / "v.mp4", model)
    (tmp_path / "m.task").write_bytes(b"no model")
    with pytest.raises(DataError, match="m.task: not a Face Landmarker bundle"):
        extract(clip, tmp_path / "m.task")
    assert not list((cache / "analyses").glob("extract-*"))


def test_a_killed_batch_goes_on_where_it_stopped(clip, video, model, tmp_path):
    """The first video is done when the process dies in the second; the second run does the second alone."""
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(clip.read_bytes())
    frames = read_frames(video)
    film(folder / "b.mp4", [next(frames).picture for _ in range(150)])
    environment = {**os.environ, "DFE_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(PROJECT)}
    command = [
        sys.executable,
        "-m",
        "train",
        "--progress",
        "json",
        "extract",
        str(folder),
        "--model",
        str(model),
        "--name",
        "films",
        "--face",
        "learn",
        "--jobs",
        "1",
    ]
    running = subprocess.Popen(command, env=environment, cwd=PROJECT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    for line in running.stderr:
        if '"b.mp4"' in line or time.monotonic() > deadline:
            break
    running.send_signal(signal.SIGKILL)
    running.wait()
    done = list((tmp_path / "cache" / "analyses").glob("extract-*/manifest.json"))
    assert [json.loads(p.read_text())["video"] for p in done] == ["a.mp4"]
    stamp = done[0].stat().st_mtime_ns
    again = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True)
    assert again.returncode == 0 and "2 recordings" in again.stdout
    assert done[0].stat().st_mtime_ns == stamp


def test_every_face_of_a_group_is_found_and_the_largest_counts_in_a_photo(shared, model, cache, toy_face):
    """All five smile. The task itself finds two of them here, one of them off its place and frowning."""
    group = shared / "data" / "faces" / "multi_face.jpg"
    found = extract(group, model, 16)
    smile = found.scores[:, found.names.index("mouthSmileLeft")]
    width = np.ptp(found.landmarks[:, :, 0], axis=1)
    assert len(smile) == 5 and (np.sort(smile)[1:] > 0.8).all() and smile.min() > 0.25 and width.argmax() == 0
    assert np.allclose(found.landmarks[0, :, :2].mean(0), [734, 362], atol=4)
    photo = photo_expression(group, toy_face, landmarker=model, root=cache)
    assert photo.faces == 5
    assert photo.psi[toy_face.names.index("mouthSmileLeft")] == pytest.approx(smile[0], abs=1e-6)
    assert len(extract(group, model, 2).scores) == 2


def test_scores_hardly_change_with_the_size_of_the_face(video, model, cache, tmp_path):
    """A face of half the size in a picture of the same size: followed by its landmarks, not placed anew each time."""
    pictures = [frame.picture for frame in islice(read_frames(video), 210, 250)]
    smaller = [np.full_like(p, 60) for p in pictures]
    for small, whole in zip(smaller, pictures, strict=True):
        small[60:240, 40:360] = whole.reshape(180, 2, 320, 2, 3).mean((1, 3))
    one, other = (extract(film(tmp_path / f"{n}.mp4", p), model) for n, p in (("a", pictures), ("b", smaller)))
    assert np.abs(one.scores - other.scores).mean() < 0.014  # 0.022 where the task is made for four faces


def test_a_picture_without_a_face_is_refused_as_a_picture(model, cache, toy_face, tmp_path):
    from PIL import Image

    Image.fromarray(np.full((200, 300, 3), 128, np.uint8)).save(tmp_path / "wall.png")
    with pytest.raises(DataError, match=r"wall.png: no face found in this picture; expected a picture of a face"):
        photo_expression(tmp_path / "wall.png", toy_face, landmarker=model, root=cache)
