"""Places of faces in videos, read from the files of the tools that found them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.render.clip_grid import CELL, Clip, Cover, clip_frames
from dfe_core.store import file_sha256
from dfe_core.video.face_places import FOREHEAD, face_boxes, picture_size, place_faces
from dfe_core.video.ffmpeg import encode_video
from dfe_core.video.links import link_by_name, links

WIDE, HIGH, FRAMES = 320, 240, 50
LEFT, TOP, RIGHT, BOTTOM = 100.0, 90.0, 180.0, 150.0


def openface(path: Path, shift: float = 0.0, scale: float = 1.0) -> Path:
    """A file of points in pixels and mm, of a face that moves to the right by 20 pixels in its second half; its sixth
    frame, not found, is far away."""
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(LEFT, RIGHT - 20, 68), rng.uniform(TOP, BOTTOM, 68)], 1)
    points[:2] = [[LEFT, TOP], [RIGHT - 20, BOTTOM]]
    image = np.repeat(points[None] + shift, FRAMES, 0)
    image[FRAMES // 2 :, :, 0] += 20
    image[5] = 0
    success = np.arange(FRAMES) != 5
    camera = np.concatenate([image - 160, np.full((FRAMES, 68, 1), 600.0)], 2)
    columns = {"frame": np.arange(FRAMES) + 1, "timestamp": np.arange(FRAMES) / 25, "confidence": success * 0.9}
    columns["success"] = success * 1.0
    columns |= {f"{axis}_{i}": scale * image[:, i, a] for a, axis in enumerate("xy") for i in range(68)}
    columns |= {f"{axis}_{i}": camera[:, i, a] for a, axis in enumerate("XYZ") for i in range(68)}
    table = np.stack(list(columns.values()), 1)
    np.savetxt(path, table, "%.4f", ",", header=",".join(columns), comments="")
    return path


def written(name: str, file: Path, cache: Path, toy_face, video: Path) -> Dataset:
    """A dataset of one recording, s1, that came from a file, with its video."""
    with open_writer(name, toy_face.names, cache) as writer:
        writer.add(
            Recording(
                name="s1",
                names=toy_face.names,
                psi=np.zeros((FRAMES, 52), np.float32),
                time_s=np.arange(FRAMES) / 25,
                frame=np.arange(FRAMES),
                valid=np.ones(FRAMES, bool),
                fps=25,
                space="arkit",
                extractor="openface",
            )
        )
        source = {"file": file.name, "sha256": file_sha256(file), "bytes": file.stat().st_size, "recordings": ["s1"]}
        writer.close({"name": name, "face": toy_face.id, "simulated": False, "sources": [source]})
    dataset = Dataset.open(name, cache)
    link_by_name(dataset, [video])
    return dataset


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("film") / "s1.webm"
    encode_video(path, np.full((FRAMES, HIGH, WIDE, 3), 255, np.uint8), 25.0)
    return path


@pytest.fixture
def filmed(cache: Path, tmp_path: Path, toy_face, video: Path) -> Dataset:
    (tmp_path / "in").mkdir()
    return written("d", openface(tmp_path / "in" / "s1.csv"), cache, toy_face, video)


def test_the_box_of_a_face_is_of_valid_frames_and_reaches_over_the_forehead(tmp_path: Path):
    ((usual, every),) = face_boxes(openface(tmp_path / "a.csv"))
    top = TOP - FOREHEAD * (BOTTOM - TOP)
    np.testing.assert_allclose(every, [LEFT, top, RIGHT, BOTTOM], atol=1e-3)
    np.testing.assert_allclose(usual, [LEFT, top, RIGHT, BOTTOM], atol=1e-3)


def test_places_stand_in_the_links_as_shares_of_the_picture(filmed: Dataset, tmp_path: Path, video: Path):
    (tmp_path / "in" / "s1.csv").rename(tmp_path / "in" / "renamed.csv")
    done = place_faces(filmed, [tmp_path / "in"])
    assert done.found == ("s1",) and done.passed_over == ()
    assert picture_size(video) == (WIDE, HIGH)
    reach = links(filmed)["s1"].reach
    assert reach == pytest.approx((LEFT / WIDE, 60 / HIGH, RIGHT / WIDE, BOTTOM / HIGH), abs=1e-3)


@pytest.mark.parametrize(("file", "says"), [("other.csv", "none of its files among 1"), ("gone", "no such file")])
def test_only_files_of_the_dataset_are_read(filmed: Dataset, tmp_path: Path, file: str, says: str):
    openface(tmp_path / "other.csv", shift=1.0)
    with pytest.raises(DataError, match=says):
        place_faces(filmed, [tmp_path / file])


def test_points_of_another_picture_place_no_face(cache: Path, tmp_path: Path, toy_face, video: Path):
    big = written("big", openface(tmp_path / "s1.csv", scale=4.0), cache, toy_face, video)
    done = place_faces(big, [tmp_path / "s1.csv"])
    assert done.found == () and "outside of the picture of 320 × 240" in done.passed_over[0][1]
    assert links(big)["s1"].reach is None


def test_a_clip_of_a_placed_face_is_blurred(filmed: Dataset, tmp_path: Path, toy_face):
    place_faces(filmed, [tmp_path / "in"])
    frames, covers = clip_frames(filmed, toy_face, [Clip(recording="s1", subject="s1", peak_s=1.0)], Cover.BLURRED)
    assert covers == (Cover.BLURRED,) and frames.shape[1:] == (CELL, CELL, 3)
