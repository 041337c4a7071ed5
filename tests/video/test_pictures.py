"""Stills and folders of pictures through a stand-in of the landmarker; where the model is; the library's log."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions
from dfe_core.expressions.readers.mediapipe import NAMES
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.faces import save_face
from dfe_core.video import extraction, model_file, reader
from dfe_core.video.landmarker import DETECTOR, MODEL_URL, Face
from dfe_core.video.links import links
from dfe_core.video.pictures import is_sequence, pictures_in, read_picture
from dfe_core.video.reader import VideoReader, extract_dataset, find_videos

PROJECT = Path(__file__).resolve().parents[2]


class StandIn:
    """Finds one face in every picture that is not black; its scores are the picture's brightness."""

    names = NAMES

    def detect(self, picture: np.ndarray, time_s: float) -> list[Face]:
        if not picture.any():
            return []
        landmarks = np.random.default_rng(0).random((478, 3)).astype(np.float32) * 40
        scores = np.full(52, picture.mean() / 255, np.float32)
        box = np.array([0, 0, 40, 40], np.float32)
        return [Face(scores=scores, landmarks=landmarks, matrix=np.eye(4, dtype=np.float32), confidence=0.9, box=box)]

    def detect_still(self, picture: np.ndarray) -> list[Face]:
        return self.detect(picture, 0.0)


@pytest.fixture
def model(tmp_path, monkeypatch, cache, toy_face) -> Path:
    """A model file, with the stand-in in the place of mediapipe."""
    save_face(toy_face, cache)
    monkeypatch.setattr(extraction, "open_landmarker", lambda model, faces: contextlib.nullcontext(StandIn()))
    monkeypatch.setattr(extraction, "count_faces", lambda model, pictures, most: [1])
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0")
    monkeypatch.setattr(reader, "load", lambda name: None)
    return bundle(tmp_path / "face_landmarker.task")


def bundle(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(DETECTOR, b"detector")
    return path


def picture(path: Path, brightness: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((48, 48, 3), brightness, np.uint8)).save(path)
    return path


def test_stills_become_recordings_of_one_frame(tmp_path, model):
    for name, light in (("p1_smile.jpg", 100), ("p1_rest.jpg", 20), ("p2_rest.png", 40)):
        picture(tmp_path / "in" / name, light)
    picture(tmp_path / "in" / "p2_none.jpg", 0)
    report = extract_dataset([tmp_path / "in"], model, "stills", ImportOptions(face="toy-1", subject_pattern=r"(p\d)_"))
    data = Dataset.open("stills")
    assert data.recordings["recording"].tolist() == ["p1_rest", "p1_smile", "p2_rest"]
    assert data.recordings["frames"].tolist() == [1, 1, 1] and data.recordings["subject"].tolist() == ["p1", "p1", "p2"]
    assert data.frames("p1_smile").psi[0].max() == pytest.approx(100 / 255, abs=0.01)
    assert [path.name for path, _ in report.skipped] == ["p2_none.jpg"] and links(data) == {}


def test_numbered_pictures_of_a_folder_are_one_sequence_at_the_rate_that_is_given(tmp_path, model):
    for number in range(20):
        picture(tmp_path / "film" / f"frame_{number + 8}.png", 10 * number + 10)  # 9 comes before 10 by number
    options = ImportOptions(face="toy-1")
    with pytest.raises(DataError, match="numbered pictures, and no frame rate; expected --fps"):
        extract_dataset([tmp_path / "film"], model, "film", options)
    assert not extraction.is_done(tmp_path / "film", model)  # refused before the work, not after
    extract_dataset([tmp_path / "film"], model, "film", ImportOptions(face="toy-1", fps=10.0))
    data = Dataset.open("film")
    assert data.recordings["fps"].tolist() == [10.0] and data.recordings["frames"].tolist() == [20]
    frames = data.frames("film")
    assert (np.diff(frames.psi.max(1)) > 0).all() and frames.time_s[-1] == pytest.approx(1.9)
    assert len(find_videos([tmp_path / "film"], pictures=True, stills=True)) == 20


def test_pictures_of_other_names_or_too_few_are_no_sequence(tmp_path):
    for name in ("a1.jpg", "a2.jpg", "b3.jpg"):
        picture(tmp_path / name, 9)
    assert not is_sequence(pictures_in(tmp_path))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    with pytest.raises(DataError, match="not readable as a picture"):
        read_picture(tmp_path / "broken.jpg")


def test_a_model_that_the_lab_has_already_is_found(tmp_path, monkeypatch, cache):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(model_file.Path, "home", lambda: tmp_path / "home")
    with pytest.raises(DataError, match="none in") as told:
        model_file.require_model(None)
    assert MODEL_URL in str(told.value) and str(tmp_path / "hub") in str(told.value)
    here = bundle(tmp_path / "hub" / "models--py-feat--mp" / "snapshots" / "1" / "face_landmarker_v2.task")
    (tmp_path / "face_landmarker.task").write_bytes(b"no bundle")
    assert model_file.require_model(None) == here
    with pytest.raises(DataError, match="no such file"):
        model_file.require_model(tmp_path / "other.task")


def test_the_librarys_lines_are_dropped_and_all_others_stay():
    code = (
        "import os, sys\n"
        "from dfe_core.video.library_log import without_library_log\n"
        "with without_library_log():\n"
        "    os.write(2, b'INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\\n')\n"
        "    os.write(2, b'W0000 00:00:17 face_landmarker.cc:1] no GPU\\nI1126 1 gl.cc:2] x\\n')\n"
        "    sys.stderr.write('\\rextract: 50%'); sys.stderr.flush()\n"
        "    os.write(2, b'WARNING: All log messages before absl::InitializeLog() is called\\n')\n"
        "    print('error: a real one', file=sys.stderr)\n"
        "print('after', file=sys.stderr)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True)
    assert done.stderr == b"\rextract: 50%error: a real one\nafter\n"


def test_two_at_once_leave_standard_error_as_it_was_in_whatever_order_they_end():
    code = (
        "import os\n"
        "from dfe_core.video.library_log import without_library_log\n"
        "one, two = without_library_log(), without_library_log()\n"
        "one.__enter__(); two.__enter__(); one.__exit__(None, None, None)\n"
        "os.write(2, b'amid\\nI1126 1 gl.cc:2] x\\n')\n"
        "two.__exit__(None, None, None)\n"
        "os.write(2, b'after\\n')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"amid\nafter\n")


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bits_of_grey_are_as_bright_as_eight(tmp_path, ending):
    grey = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (40, 1))
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / f"deep.{ending}")
    assert np.array_equal(read_picture(tmp_path / f"deep.{ending}"), np.repeat(grey[:, :, None], 3, axis=2))


def test_faces_beyond_those_asked_for_are_said(tmp_path, cache, model, monkeypatch):
    monkeypatch.setattr(StandIn, "detect_still", lambda self, picture: 3 * self.detect(picture, 0.0))
    for name, faces, said in (("a.png", 2, True), ("b.png", 3, False)):
        Image.fromarray(np.full((40, 40, 3), 90 + faces, np.uint8)).save(tmp_path / name)
        recordings = VideoReader(model=model, faces=faces).read(tmp_path / name, ReadOptions())
        assert [any("More than 2 faces" in note for note in r.notes) for r in recordings] == [said] * faces


def test_beside_each_other_progress_begins_with_nothing_done(tmp_path, model, monkeypatch):
    """Else the time of the first results is nobody's, and nothing seems left of it."""
    monkeypatch.setattr(reader, "ProcessPoolExecutor", lambda count, context: ThreadPoolExecutor(count))
    for number in range(3):
        picture(tmp_path / "in" / f"p{number}_a.png", 80 + number)
    seen: list[int] = []
    options = ImportOptions(face="toy-1")
    extract_dataset(
        [tmp_path / "in"],
        model,
        "beside",
        options,
        jobs=2,
        progress=lambda told: seen.append(told.done) if told.task == "extract" else None,
    )
    assert seen == [0, 1, 2, 3]
