"""Clips beside each other show the right moments, and nothing of a face that is to be covered."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.render import clip_grid as grids
from dfe_core.render.clip_grid import BEFORE_S, CELL, FPS, FRAMES, GAP, Clip, Cover, clip_frames, clip_grid
from dfe_core.video.ffmpeg import ffmpeg_program
from dfe_core.video.links import Link, link
from dfe_core.video.stills import forget
from tests.numbered_film import BITS, COLUMNS, SIDE, shown_ms, write_numbered

SHOWN, MESH = 200, 7
FACE = (0.25, 0.3, 0.5, 0.6)


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return write_numbered(tmp_path_factory.mktemp("clips") / "a.webm", SHOWN)


@pytest.fixture
def dataset(cache: Path, toy_face, video: Path, monkeypatch) -> Dataset:
    """Three recordings of 10 s at 20 frames a second: `lost` has a frame that is not valid at 5 s, `far` no video. Its
    meshes are plain."""
    monkeypatch.setattr(grids, "render_picture", lambda *_: np.full((CELL, CELL, 4), (MESH, MESH, MESH, 255), np.uint8))
    valid = np.arange(199) != 100
    with open_writer("d", toy_face.names, cache) as writer:
        for name in ("seen", "lost", "far"):
            writer.add(
                Recording(
                    name=name,
                    names=toy_face.names,
                    psi=np.zeros((199, 52), np.float32),
                    time_s=np.arange(199) / 20,
                    frame=np.arange(199),
                    valid=valid if name == "lost" else np.ones(199, bool),
                    fps=20,
                    space="arkit",
                    extractor="mediapipe",
                )
            )
        writer.close({"name": "d", "face": toy_face.id, "simulated": False})
    dataset = Dataset.open("d", cache)
    link(dataset, {"seen": Link(video=video, box=FACE, reach=FACE), "lost": Link(video=video, box=FACE, reach=FACE)})
    return dataset


def clip(recording: str, peak_s: float) -> Clip:
    return Clip(recording=recording, subject=recording, peak_s=peak_s)


def number(cell: np.ndarray) -> int:
    """The number that a picture of the whole video shows."""
    scale, top = CELL / (SIDE * COLUMNS), (CELL - CELL * (BITS // COLUMNS) / COLUMNS) / 2
    centres = [((bit % COLUMNS + 0.5) * SIDE, (bit // COLUMNS + 0.5) * SIDE) for bit in range(BITS)]
    return sum(2**bit for bit, (x, y) in enumerate(centres) if cell[int(top + y * scale), int(x * scale), 1] > 127)


def test_every_clip_is_of_its_own_moment_on_the_times_of_the_file(dataset: Dataset, toy_face, video: Path):
    link(dataset, {"seen": Link(video=video)})
    frames, covers = clip_frames(dataset, toy_face, [clip("seen", t) for t in (3.0, 6.5, 0.4, 9.5)], Cover.FILMED)
    assert covers == (Cover.FILMED,) * 4 and frames.shape == (FRAMES, CELL, 4 * CELL + 3 * GAP, 3)
    times = np.arange(FRAMES) / FPS - BEFORE_S
    for at, peak in enumerate((3.0, 6.5, 0.4, 9.5)):
        start = shown_ms(SHOWN)[np.abs(shown_ms(SHOWN) / 1000 - peak).argmin()] / 1000 + times
        wanted = np.maximum(np.searchsorted(shown_ms(SHOWN) / 1000, start + 1e-9, side="right") - 1, 0)
        found = [number(one[:, at * (CELL + GAP) :][:, :CELL]) for one in frames]
        assert np.abs(np.array(found) - wanted).max() <= 2  # frames of 20 ms within one of 67


def test_a_blurred_face_is_a_few_blocks_and_the_rest_is_as_filmed(dataset: Dataset, toy_face, monkeypatch):
    filmed, _ = clip_frames(dataset, toy_face, [clip("seen", 3.0)], Cover.FILMED)
    blurred, covers = clip_frames(dataset, toy_face, [clip("seen", 3.0)], Cover.BLURRED)
    assert covers == (Cover.BLURRED,)
    changed = (filmed != blurred).any((0, 3))
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    face = blurred[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert all(len(np.unique(one.reshape(-1, 3), axis=0)) <= 36 for one in face)
    shown = grids._around(FACE, grids.CUT_MARGIN)
    wide = (shown[2] - shown[0]) * SIDE * COLUMNS / ((shown[3] - shown[1]) * SIDE * BITS / COLUMNS)
    across = CELL * min(1, wide) * 1.5 * (FACE[2] - FACE[0]) / (shown[2] - shown[0])
    assert columns[-1] - columns[0] + 1 >= across - 8  # the face and a quarter of it on each side
    assert not changed[: rows[0]].any() and not changed[rows[-1] + 1 :].any()


def test_where_the_place_of_a_face_is_not_sure_the_mesh_stands_for_the_whole_picture(dataset: Dataset, toy_face, video):
    frames, covers = clip_frames(dataset, toy_face, [clip("lost", 5.0), clip("lost", 2.0)], Cover.BLURRED)
    assert covers == (Cover.MESH, Cover.BLURRED)
    assert (frames[:, :, :CELL] == MESH).all() and not (frames[:, :, CELL + GAP :] == MESH).all()
    link(dataset, {"seen": Link(video=video, box=FACE)})  # where it nearly always is: not enough
    frames, covers = clip_frames(dataset, toy_face, [clip("seen", 3.0)], Cover.BLURRED)
    assert covers == (Cover.MESH,) and (frames == MESH).all()


def test_faces_of_other_recordings_of_the_same_video_are_blurred_too(dataset: Dataset, toy_face, video: Path):
    beside = (0.5, 0.3, 0.75, 0.6)
    link(dataset, {"seen": Link(video=video, box=FACE, reach=FACE)})
    alone, _ = clip_frames(dataset, toy_face, [clip("seen", 3.0)], Cover.BLURRED)
    link(
        dataset, {"seen": Link(video=video, box=FACE, reach=FACE), "lost": Link(video=video, box=beside, reach=beside)}
    )
    both, _ = clip_frames(dataset, toy_face, [clip("seen", 3.0)], Cover.BLURRED)
    assert (alone != both)[:, :, CELL // 2 :].any() and (alone == both)[:, :, : CELL // 3].all()


def test_a_grid_is_kept_exported_and_gone_with_the_videos(dataset: Dataset, toy_face, tmp_path: Path, monkeypatch):
    clips = [clip("seen", 3.0), clip("far", 3.0)]
    grid = clip_grid(dataset, toy_face, clips, Cover.BLURRED)
    assert grid.clips == (clips[0],) and grid.covers == (Cover.BLURRED,)
    for ending in (".webm", ".mp4", ".gif"):
        grid.export(tmp_path / f"grid{ending}")
        read = [ffmpeg_program(), "-v", "error", "-i", tmp_path / f"grid{ending}", "-map", "0:v", "-f", "framecrc", "-"]
        told = subprocess.run(read, capture_output=True, text=True, check=True).stdout
        assert sum(not line.startswith("#") for line in told.splitlines()) == FRAMES
    with pytest.raises(DataError, match="no film ends with"):
        grid.export(tmp_path / "grid.avi")
    with monkeypatch.context() as without:
        without.setattr(grids, "_cell", None)
        assert clip_grid(dataset, toy_face, clips, Cover.BLURRED).covers == grid.covers
    assert clip_grid(dataset, toy_face, clips[1:], Cover.FILMED) is None
    assert clip_grid(dataset, toy_face, clips[1:], Cover.MESH).covers == (Cover.MESH,)
    forget(dataset)
    assert not grid.film.exists()
