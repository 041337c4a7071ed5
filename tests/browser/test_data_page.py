"""Real Chromium on the data page: from dropped files to a dataset, and back. And what a server shows that has no time
for full scenes, which this file's is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from dfe_core.expressions.dataset import Dataset
from tests.browser.conftest import drawn, serve
from tests.captures import live_link, performance
from tests.dashboard.fake_cache import add_pictures, build

REEL = ".dfe-reel[data-state=drawn]"


@pytest.fixture(scope="module")
def place(browser, tmp_path_factory, toy_face):
    """A server on a cache of its own, for datasets come and go here; its address and the cache."""
    folder = tmp_path_factory.mktemp("data-page")
    build(folder / "cache", toy_face, codewords=20, stages=3)
    add_pictures(folder / "cache")
    with serve(folder / "cache", folder, DFE_SCENE_LIMIT_S="0.001") as address:
        yield address, folder / "cache"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two takes of two people, and a file that is nothing."""
    folder = tmp_path / "captures"
    folder.mkdir()
    for person in (1, 2):
        (folder / f"s0{person}_take.csv").write_text(live_link(performance(120, seed=person)))
    (folder / "noise.csv").write_bytes(b"\x00" * 300)
    return sorted(folder.iterdir())


def test_files_are_dropped_looked_at_imported_deleted_and_taken_back(visit, place, files):
    address, cache = place
    there = visit(address).open("/data?data_part=Bring+recordings+in", "[data-testid=stFileUploaderDropzone]")
    page = there.page
    page.locator("input[type=file]").first.set_input_files([str(p) for p in files])
    page.get_by_text("3 files, 2 can be read").wait_for()
    page.locator(".st-key-import-face input").click()
    page.get_by_role("option", name="toy-1").click()
    page.wait_for_selector(REEL)
    assert drawn(there.pixels(".dfe-reel canvas"))
    page.get_by_text("Subjects and labels", exact=True).click()
    page.get_by_label("Subject in the file name", exact=True).fill(r"(s\d+)_")
    page.get_by_label("Subject in the file name", exact=True).press("Enter")
    page.get_by_label("Name of the dataset").fill("dropped")
    page.get_by_label("Name of the dataset").press("Enter")
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_role("button", name="Open it").wait_for()
    page.get_by_text("no reader knows this file").first.wait_for()
    dataset = Dataset.open("dropped", cache)
    assert sorted(dataset.recordings["subject"]) == ["s01", "s02"] and dataset.face_id == "toy-1"
    page.get_by_role("button", name="Open it").click()
    page.get_by_text("Data dropped").wait_for()
    page.get_by_text("Where it comes from").click()
    page.get_by_text("Content key").wait_for()  # the last line of what opened: nothing moves any more
    assert page.get_by_text("1 file left out").is_visible()
    deletes_and_undoes(there, cache)
    assert np.isfinite(Dataset.open("dropped", cache).psi()).all()


def deletes_and_undoes(there, cache: Path) -> None:
    page = there.page
    page.get_by_role("button", name="Delete this dataset").click()
    page.get_by_text("It can be taken back").wait_for()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Undo").wait_for()
    page.get_by_text("Data simulated").wait_for()
    assert not (cache / "datasets" / "dropped").exists()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Data dropped").wait_for()
    page.get_by_role("button", name="Undo").wait_for(state="detached")  # at the end of the run that began above


def test_a_folder_on_the_machine_is_looked_through(visit, place, files, tmp_path: Path):
    address, _ = place
    (tmp_path / "captures" / "deeper").mkdir()
    shutil.move(files[1], tmp_path / "captures" / "deeper" / files[1].name)
    there = visit(address).open("/data?data_part=Bring+recordings+in", "[data-testid=stFileUploaderDropzone]")
    there.page.get_by_text("A folder on this machine").click()
    there.page.get_by_label("Folder", exact=True).fill(str(tmp_path / "nowhere"))
    there.page.get_by_label("Folder", exact=True).press("Enter")
    there.page.get_by_text("not on this machine").first.wait_for()
    there.page.get_by_label("Folder", exact=True).fill(str(tmp_path / "captures"))
    there.page.get_by_label("Folder", exact=True).press("Enter")
    there.page.get_by_text("3 files, 2 can be read").wait_for()


def test_when_the_scene_cannot_be_had_in_time_a_plotly_mesh_takes_its_place(visit, place):
    there = visit(place[0]).open("/codebook?codeword=7&view=Full+scene", ".js-plotly-plot .gl-container canvas")
    there.page.get_by_text("One face is shown").wait_for()
    assert there.draws(".js-plotly-plot")
    there.page.locator('.dfe-gallery .card[data-id="4"]').click()
    there.page.get_by_role("heading", name=re.compile("^Codeword 4:")).wait_for()
