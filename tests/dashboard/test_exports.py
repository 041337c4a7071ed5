"""Downloads that fail: no file is saved, and the page says why."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

import dfe_core as dfe
from dashboard.panels import study_exports
from dashboard.panels.exports import deferred, made
from dfe_core.errors import DataError
from dfe_core.exchange.elan import read_eaf
from dfe_core.faces import save_face
from dfe_core.video.links import Link, link
from dfe_core.workspace.tables import export_tables
from tests.small_world import make_world


def fails(path: Path) -> None:
    path.write_bytes(b"half a file")
    raise DataError("toy-1", "a face without a mesh", "one that can be drawn")


def test_an_error_is_not_downloaded_as_the_file():
    failures: dict[str, str] = {}
    make = deferred("glTF", ".glb", fails, failures)
    with pytest.raises(DataError):
        make()
    assert failures == {"glTF": "toy-1: a face without a mesh; expected one that can be drawn"}


def test_a_download_that_works_after_all_takes_its_error_away():
    failures = {"PNG": "no", "OBJ": "no"}
    assert deferred("PNG", ".png", lambda path: path.write_bytes(b"picture"), failures)() == b"picture"
    assert failures == {"OBJ": "no"}


@pytest.fixture
def study(tmp_path: Path, toy_face) -> dfe.Study:
    save_face(toy_face, tmp_path)
    make_world(tmp_path, toy_face, recordings=2, frames=40)
    return dfe.Study("m", "d", root=tmp_path)


def test_annotations_of_a_recording_name_its_video_and_nothing_of_this_machine(study: dfe.Study, tmp_path: Path):
    link(study.dataset, {"r1": Link(video=tmp_path / "films" / "r1.mp4")})
    content = made(".eaf", lambda path: study_exports.of_one(study, "r1", "eaf", path), "r1")
    assert b'RELATIVE_MEDIA_URL="./r1.mp4"' in content and str(tmp_path).encode() not in content
    (tmp_path / "a.eaf").write_bytes(content)
    assert len(read_eaf(tmp_path / "a.eaf")) == (study.intervals()["recording"] == "r1").sum()
    project = made(".boris", lambda path: study_exports.of_one(study, "r1", "boris", path), "r1")
    assert b'"r1.mp4"' in project and b"films" not in project


def test_a_folder_of_files_comes_as_one_zip_of_its_name(study: dfe.Study):
    content = made(".zip", lambda path: study_exports.zipped(lambda out: export_tables(study, out, "csv"), path), "m-d")
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert {"m-d/bag.csv", "m-d/bag.json", "m-d/manifest.json"} <= set(names)
