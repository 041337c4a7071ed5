"""What is said of files before they are imported is what the import then does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.inspection import inspect_sources
from dfe_core.expressions.preview import MOST_SECONDS, preview
from dfe_core.faces import list_faces, save_face
from tests.captures import live_link, performance, table, write
from tests.moving_points import openface_csv, take


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A capture, a table, an OpenFace file, a folder of frames, and what is nothing."""
    write(tmp_path / "in" / "s01_take.csv", live_link(performance(40)))
    write(tmp_path / "in" / "s02_take.tsv", table(performance(40, seed=1), separator="\t"))
    write(tmp_path / "in" / "noise.csv", b"\0" * 100)
    openface_csv(tmp_path / "in" / "s03_of.csv", take(0, 0, frames=60).points)
    for i in range(3):
        (tmp_path / "in" / "frames" / f"{i:06d}_000").mkdir(parents=True)
        np.save(tmp_path / "in" / "frames" / f"{i:06d}_000" / "exp.npy", np.zeros(50))
    return tmp_path / "in"


def test_each_file_is_told_with_its_reason_or_its_fault(folder: Path):
    found = {one.path.name: one for one in inspect_sources([folder])}
    assert {name: one.format for name, one in found.items()} == {
        "s01_take.csv": "live-link-face",
        "s02_take.tsv": "arkit-table",
        "noise.csv": "",
        "s03_of.csv": "openface",
        "frames": "flame-frames",
    }
    assert "Timecode" in found["s01_take.csv"].why and "no reader knows" in found["noise.csv"].fault
    assert [name for name, one in found.items() if one.learned] == ["s03_of.csv"]
    assert found["frames"].bytes > 1000


def test_subjects_and_labels_show_before_the_import(folder: Path, tmp_path: Path):
    labels = write(tmp_path / "labels.csv", "recording,subject,mood\ns02_take,anna,glad\n")
    found = {one.name: one for one in inspect_sources([folder], labels, r"(s\d+)_")}
    assert found["s01_take"].subject == "s01" and found["s01_take"].labels == {}
    assert found["s02_take"].subject == "anna" and found["s02_take"].labels == {"mood": "glad"}


def test_what_is_wrong_with_the_pattern_or_the_labels_is_told(folder: Path, tmp_path: Path):
    with pytest.raises(DataError, match="no regular expression"):
        inspect_sources([folder], None, "(")
    with pytest.raises(DataError, match="recording or subject"):
        inspect_sources([folder], write(tmp_path / "l.csv", "a,b\n1,2\n"))


def test_sources_that_are_none_are_told(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    found = inspect_sources([tmp_path / "empty", tmp_path / "nothing.csv"])
    assert {one.path.name for one in found} == {"empty", "nothing.csv"} and all(one.fault for one in found)


def test_a_preview_is_the_import_and_leaves_nothing(folder: Path, cache: Path, toy_face):
    save_face(toy_face)
    before = sorted(cache.rglob("*"))
    held = preview(folder / "s01_take.csv", toy_face.id)
    psi = performance(40).astype(np.float32)
    np.testing.assert_allclose(held.psi[held.valid], psi, atol=1e-6)
    assert held.face.has_mesh and held.frames == 40 and held.recordings == 1
    assert sorted(cache.rglob("*")) == before


def test_points_are_previewed_on_a_face_learned_from_them(folder: Path, cache: Path):
    held = preview(folder / "s03_of.csv", "learn")
    assert held.face.id.startswith("learned-") and held.face.has_mesh and len(held.face.template) == 68
    assert list_faces() == [] and any("expression" in note for note in held.notes)


def test_points_are_previewed_fitted_to_a_face_that_is_there(folder: Path, cache: Path, anny):
    save_face(anny)
    held = preview(folder / "s03_of.csv", anny.id, fit=True)
    assert held.face.id == anny.id and any("reprojection error" in note for note in held.notes)
    with pytest.raises(DataError, match="coefficients already"):
        preview(folder / "s01_take.csv", anny.id, fit=True)


def test_of_a_long_recording_the_beginning_is_shown(tmp_path: Path, cache: Path, toy_face):
    save_face(toy_face)
    held = preview(write(tmp_path / "a.csv", table(performance(400), fps=4.0)), toy_face.id)
    assert held.frames == 400 and held.seconds == pytest.approx(100)
    assert held.time_s[-1] == pytest.approx(MOST_SECONDS) and len(held.psi) == len(held.time_s)


def test_a_preview_is_refused_as_the_import_would_be(folder: Path, cache: Path, toy_face):
    save_face(toy_face)
    with pytest.raises(DataError, match="no reader knows"):
        preview(folder / "noise.csv", toy_face.id)
    with pytest.raises(DataError, match="--fps"):
        preview(folder / "frames", "flame-50+jaw")


def test_a_file_without_a_rate_is_a_fact_and_no_sentence(tmp_path: Path, cache: Path, toy_face):
    from dfe_core.expressions.timing import NoFrameRate

    save_face(toy_face, cache)
    bare = write(tmp_path / "bare.csv", table(performance(60)).split("\n", 1)[0] + "\n")
    rows = [",".join(line.split(",")[1:]) for line in table(performance(60)).splitlines()]
    write(bare, "\n".join(rows) + "\n")
    with pytest.raises(NoFrameRate, match="no times and no frame rate"):
        preview(bare, toy_face.id)
