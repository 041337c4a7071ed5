"""What the data page offers for files of several tools, for points, and for videos."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.data import job_manager
from dashboard.data.places import ROOTS
from dashboard.panels import import_options, point_regions, uploads, video_intake, video_links
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.inspection import Believed, inspect_sources
from dfe_core.expressions.labels import read_labels
from dfe_core.expressions.point_regions import read_point_regions
from dfe_core.expressions.removal import remove_recording
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.video import extra
from dfe_core.video.landmarker import MODEL_SHA256, MODEL_URL
from tests.captures import live_link, performance, table, write
from tests.dashboard.test_pages import opened, said
from tests.moving_points import openface_csv, take
from tests.planted_cats import write_cats, write_regions
from train.cli import build_parser


@pytest.fixture(autouse=True)
def readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dashboard may read every folder."""
    monkeypatch.setenv(ROOTS, "/")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A take of a phone."""
    write(tmp_path / "in" / "s1_take.csv", live_link(performance(40)))
    return tmp_path / "in"


def looked_at(folder: Path) -> AppTest:
    """The data page with this folder named."""
    test = opened("data", data_part="Bring recordings in")
    test.session_state["import-where"] = "A folder on this machine"
    test.run()
    return test.text_input(key="import-folder").input(str(folder)).run()


def button(test: AppTest, label: str):
    return next(b for b in test.button if b.label == label)


def test_files_of_one_tool_ask_nothing_about_mixing(filled: Path, folder: Path):
    write(folder / "s2_take.csv", live_link(performance(40, seed=1)))
    test = looked_at(folder)
    assert not test.exception and [box.key for box in test.checkbox] == ["import-simulated"]
    assert not button(test, "Import").disabled


def test_simulated_data_are_imported_as_such(filled: Path, folder: Path, monkeypatch: pytest.MonkeyPatch):
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(job_manager, "start", lambda *arguments: started.append(arguments))
    test = looked_at(folder)
    test.checkbox(key="import-simulated").check()
    test.text_input(key="import-name").input("planted")
    button(test, "Import").click().run()
    assert not test.exception and "--simulated" in started[0]


def test_files_of_two_tools_wait_until_it_is_decided_that_they_are_mixed(filled: Path, folder: Path):
    scores = table(performance(40, seed=2), names=("_neutral", *ARKIT_NAMES[:-1]), time="timestamp_ms", scale=1000)
    write(folder / "s2_scores.csv", scores)
    test = looked_at(folder)
    assert "made by Apple's ARKit and MediaPipe" in said(test) and button(test, "Import").disabled
    test = test.checkbox(key="import-mix").check().run()
    assert not button(test, "Import").disabled


def test_what_is_chosen_becomes_the_arguments_of_the_command():
    points = Believed(path=Path("a.csv"), name="a", bytes=1, format="openface", learned=True)
    scores = Believed(path=Path("b.csv"), name="b", bytes=1, format="live-link-face")
    assert import_options.Options(face=import_options.AUTO, fps=None, mix=False).arguments(points) == [
        "--face",
        "learn",
    ]
    assert import_options.Options(face=import_options.AUTO, fps=30.0, mix=True).arguments(scores) == [
        "--face",
        "anny",
        "--fps",
        "30",
        "--mix-extractors",
    ]
    assert import_options.Options(face="toy-1", fps=None, mix=False).arguments(points) == ["--face", "toy-1", "--fit"]
    assert import_options.Options(face="toy-1", fps=None, mix=False).arguments(scores) == ["--face", "toy-1"]
    assert import_options.Options(face="learned-1", fps=None, mix=False).arguments(points) == ["--face", "learned-1"]


def test_own_landmarks_ask_for_their_regions(filled: Path, tmp_path: Path):
    (tmp_path / "cats").mkdir()
    write_cats(tmp_path / "cats", animals=1, frames=30)
    test = looked_at(tmp_path / "cats")
    assert "Landmarks of your own scheme" in [one.label for one in test.expander]
    table = write_regions(tmp_path / "points.csv")
    assert point_regions.summary(read_point_regions(table)) == (
        "48 points: ear 10, eye 16, nose 6, muzzle 8, cheek 6, chin pad 2; 22 left, 22 right."
    )
    test.selectbox(key="import-face").select("toy-1").run()
    assert "Landmarks of your own scheme" not in [one.label for one in test.expander]


def test_points_can_be_fitted_to_a_face_and_are_not_put_together_with_coefficients(filled: Path, folder: Path):
    openface_csv(folder / "s3_of.csv", take(0, 0, frames=60).points)
    test = looked_at(folder)
    assert "Points and coefficients cannot be one dataset" in said(test) and button(test, "Import").disabled
    (folder / "s1_take.csv").unlink()
    test = looked_at(folder)
    assert "Fit toy-1 to these points" in test.selectbox(key="import-face").options
    assert not button(test, "Import").disabled


@pytest.mark.skipif(extra.available(), reason="the extra dfe[video] is installed")
def test_without_the_extra_videos_say_how_to_install_it(filled: Path, tmp_path: Path):
    write(tmp_path / "films" / "a.mp4", b"film")
    test = looked_at(tmp_path / "films")
    assert "needs two more packages" in said(test) and extra.INSTALL in [c.value for c in test.code]
    assert not [b for b in test.button if b.label == "Extract"]


def test_dropped_pictures_go_the_way_of_videos():
    assert video_intake.videos_among([Path("a.JPG"), Path("b.csv"), Path("c.mp4")]) == [Path("a.JPG"), Path("c.mp4")]


def test_videos_ask_for_the_model_and_tell_which_one_it_is(filled: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(extra, "available", lambda: True)
    write(tmp_path / "films" / "a.mp4", b"film")
    test = looked_at(tmp_path / "films")
    assert MODEL_URL in said(test) and MODEL_SHA256 in said(test)
    field = test.text_input(key="video-model")
    assert "neither file nor folder" in said(field.input(str(tmp_path / "nothing.task")).run())
    text = write(tmp_path / "page.task", "<html>")
    assert "no Face Landmarker bundle" in said(test.text_input(key="video-model").input(str(text)).run())


def test_the_tested_model_is_recognised_and_extraction_can_start(filled: Path, tmp_path: Path, shared, monkeypatch):
    monkeypatch.setattr(extra, "available", lambda: True)
    write(tmp_path / "films" / "a.mp4", b"film")
    test = looked_at(tmp_path / "films")
    test = test.text_input(key="video-model").input(str(shared / "models" / "face_landmarker.task")).run()
    assert "the release that dfe is tested with" in said(test) and not button(test, "Extract").disabled
    test = test.number_input(key="video-faces").set_value(2).run()
    assert not test.exception


def test_a_folder_of_both_asks_which_are_brought_in(filled: Path, folder: Path):
    write(folder / "s1_film.MOV", b"film")
    test = looked_at(folder)
    assert button(test, "Import") and "1 file" in said(test)
    test.session_state["import-kind"] = "Videos"
    assert "1 video" in said(test.run())


def test_videos_are_found_among_files_and_in_folders(tmp_path: Path):
    a, b = write(tmp_path / "a.mp4", b"x"), write(tmp_path / "deep" / "b.MKV", b"x")
    write(tmp_path / "c.csv", "x")
    assert video_intake.videos_among([a, tmp_path / "c.csv", tmp_path / "deep"]) == [a, b]
    (tmp_path / "none").mkdir()
    assert video_intake.videos_among([tmp_path / "none"]) == []


def test_a_folder_of_numbered_pictures_is_one_video_and_asks_for_its_rate(
    filled: Path, tmp_path: Path, shared, monkeypatch
):
    monkeypatch.setattr(extra, "available", lambda: True)
    for number in range(12):
        write(tmp_path / "film" / f"f{number}.png", b"picture")
    test = looked_at(tmp_path / "film")
    test = test.text_input(key="video-model").input(str(shared / "models" / "face_landmarker.task")).run()
    assert "1 video" in said(test) and button(test, "Extract").disabled and "need their frames a second" in said(test)
    test = test.number_input(key="video-fps").set_value(30.0).run()
    assert not test.exception and not button(test, "Extract").disabled


def test_a_link_in_a_folder_of_pictures_leaves_it_out(tmp_path: Path, monkeypatch):
    declared, elsewhere = tmp_path / "declared", write(tmp_path / "elsewhere" / "f0.png", b"picture")
    monkeypatch.setenv(ROOTS, str(declared))
    for number in range(1, 12):
        write(declared / "film" / f"f{number}.png", b"picture")
    assert video_intake.videos_among([declared / "film"], pictures=True) == [declared / "film"]
    assert video_intake.videos_among([declared / "film"]) == []
    (declared / "film" / "f0.png").symlink_to(elsewhere)
    assert video_intake.videos_among([declared / "film"], pictures=True) == []


def test_the_tool_of_a_file_is_told_before_it_is_imported(tmp_path: Path):
    import numpy as np

    np.savez(tmp_path / "a.npz", expcode=np.zeros((5, 50)), posecode=np.zeros((5, 6)))
    np.savez(tmp_path / "b.npz", exp=np.zeros((5, 50)), pose=np.zeros((5, 6)))
    write(tmp_path / "c.csv", live_link(performance(5)))
    write(tmp_path / "d.csv", table(performance(5)))
    assert {one.name: one.tool for one in inspect_sources([tmp_path])} == {
        "a": "emoca",
        "b": "deca",
        "c": "Apple's ARKit",
        "d": "",
    }


def test_a_removed_recording_can_be_taken_back_and_tokens_are_of_the_data_as_they_are(filled: Path):
    from dashboard.data import artefact_cache

    manifest = filled / "tokens" / "default--simulated" / "manifest.json"
    before = Dataset.open("simulated")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"dataset_key": before.key}))
    manifest.with_name("checksums.json").unlink(missing_ok=True)
    assert artefact_cache.is_encoded(filled, "default", "simulated")
    remove_recording(before, "subject01-take1")
    assert not artefact_cache.is_encoded(filled, "default", "simulated")
    test = opened("data", dataset="simulated")
    assert "**subject01-take1** of simulated was removed just now" in said(test)
    assert "has not been encoded" in said(test)
    test = next(b for b in test.button if b.label == "Undo").click().run()
    assert not test.exception and Dataset.open("simulated").key == before.key
    assert artefact_cache.is_encoded(filled, "default", "simulated") and "has not been encoded" not in said(test)


@pytest.mark.parametrize(
    ("files", "size", "proposed"), [(1200, 5 << 20, True), (3, 2 << 30, True), (40, 9 << 20, False)]
)
def test_many_or_large_drops_are_told_the_way_by_their_folder(files, size, proposed):
    assert ("A folder on this machine" in uploads.heavy(files, size)) is proposed


def test_what_is_too_much_is_stopped_in_the_browser_and_offered_by_its_folder(filled: Path, monkeypatch):
    mounted = {}
    monkeypatch.setattr(uploads.browser_views, "drops", lambda **options: mounted.update(options))
    test = opened("data", data_part="Bring recordings in")
    assert not test.exception and mounted["data"]["target"] == ".st-key-import-files"
    assert (mounted["data"]["files"], mounted["data"]["bytes"]) == (uploads.MANY_FILES, uploads.MUCH_BYTES)
    monkeypatch.setattr(uploads.st, "session_state", state := {})
    mounted["on_folder_change"]()
    assert state == {"import-where": "A folder on this machine"}


def test_the_way_by_the_folder_is_proposed_before_anything_is_dropped(filled: Path):
    test = opened("data", data_part="Bring recordings in")
    assert "more than 200 files or 1 GB are read in place" in said(test)


def test_a_link_in_a_folder_leads_to_no_video_that_nobody_declared(tmp_path: Path, monkeypatch):
    declared, elsewhere = tmp_path / "declared", write(tmp_path / "elsewhere" / "s2.mp4", b"film")
    monkeypatch.setenv(ROOTS, str(declared))
    own = write(declared / "in" / "s1.mp4", b"film")
    assert video_intake.sources_of([declared / "in"], [own]) == [declared / "in"]
    (declared / "in" / "s2.mp4").symlink_to(elsewhere)
    assert video_intake.videos_among([declared / "in"]) == [own] == video_links._videos_in(declared / "in")
    assert video_intake.sources_of([declared / "in"], [own]) == [own]
    own.unlink()
    with pytest.raises(DataError, match="no video in it"):
        video_links._videos_in(declared / "in")


def test_the_table_to_fill_in_names_every_recording_and_is_read_as_labels(tmp_path: Path):
    files = [Believed(path=Path(f"s{i}.csv"), name=f"s{i}", bytes=1, subject=f"p{i}") for i in (1, 2)]
    (tmp_path / "labels.csv").write_text(uploads.label_template(files).replace(",,\n", ",,calm\n"))
    labels = read_labels(tmp_path / "labels.csv")
    assert labels.of("s1", "p1")["condition"] == "calm" and labels.of("s2", "p2")["condition"] == "calm"


def test_voices_are_read_by_a_job_with_progress(monkeypatch):
    offered: list[list[str]] = []
    monkeypatch.setattr(video_links.job_progress, "offer", lambda *given, **_: offered.append(given[3]))
    monkeypatch.setattr(video_links.fields, "asks", lambda *_, **__: None)  # outside a run, a form takes in all pages
    video_links._change(SimpleNamespace(name="lab"), any_linked=True, heard=0)
    line = offered[0]
    assert build_parser(line).parse_args(line).voices and line[1] == "lab"
