"""Real Chromium on *New study*: files dropped, looked at, learned from, stopped, and continued."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import save_face
from dfe_core.faces.library import anny_id
from tests.browser.conftest import serve
from tests.captures import live_link, performance
from tests.moving_points import openface_csv, take


@pytest.fixture(scope="module")
def place(browser, tmp_path_factory, toy_face):
    """A server on a cache with nothing but a small face in the place of the default one; its address and the cache."""
    folder = tmp_path_factory.mktemp("study-page")
    save_face(replace(toy_face, id=anny_id()), folder / "cache")
    with serve(folder / "cache", folder) as address:
        yield address, folder / "cache"


def test_without_a_codebook_its_page_says_so_with_a_way_out(visit, place):
    there = visit(place[0]).open("/codebook")
    there.page.get_by_role("button", name="Build the default codebook").wait_for()
    assert there.page.locator("[data-testid=stException]").count() == 0


def test_files_become_a_study_that_is_stopped_and_continues(visit, place, tmp_path: Path):
    address, cache = place
    for person in range(1, 5):
        (tmp_path / f"s0{person}_take.csv").write_text(live_link(performance(120, seed=person)))
    there = visit(address).open("/study", "[data-testid=stFileUploaderDropzone]")
    page = there.page
    page.locator("input[type=file]").first.set_input_files(sorted(map(str, tmp_path.glob("s0*_take.csv"))))
    page.get_by_text("4 files, 4 can be read").wait_for()
    page.get_by_text("Subjects and labels", exact=True).click()
    page.get_by_label("Subject in the file name", exact=True).fill(r"(s\d+)_")
    page.get_by_label("Subject in the file name", exact=True).press("Enter")
    page.get_by_label("Name of the study").fill("walk")
    page.get_by_label("Name of the study").press("Enter")
    page.get_by_text("11 steps, about").wait_for()
    page.get_by_role("button", name="Start the study").click()
    page.get_by_text("[2/11] train").wait_for(timeout=180_000)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("was cancelled").wait_for()
    page.get_by_role("button", name="Continue the study").wait_for()
    page.get_by_text("s01_take.csv").first.wait_for(state="attached")  # what was dropped is still there
    assert sorted(Dataset.open("walk", cache).recordings["subject"]) == ["s01", "s02", "s03", "s04"]


def test_openface_files_become_a_codeword_that_is_looked_at(visit, place, tmp_path: Path):
    address, _ = place
    for person in range(6):
        openface_csv(tmp_path / f"p{person}_take.csv", take(person, frames=60).points)
    there = visit(address).open("/study", "[data-testid=stFileUploaderDropzone]")
    page, steps = there.page, []
    page.locator("input[type=file]").first.set_input_files(sorted(map(str, tmp_path.glob("p*_take.csv"))))
    steps.append("drop")
    page.get_by_text("6 files, 6 can be read").wait_for()
    page.get_by_label("Name of the study").fill("landmarks")
    page.get_by_label("Name of the study").press("Enter")
    steps.append("name")
    page.get_by_role("button", name="Start the study").click()
    steps.append("start")
    codebook = page.get_by_role("link", name="Open its codebook").first
    codebook.wait_for(timeout=600_000)
    there.open("/" + str(codebook.get_attribute("href")), ".dfe-gallery .card")
    steps.append("open its codebook")
    page.locator('.dfe-gallery .card[data-id="2"]').click()
    steps.append("codeword")
    page.get_by_role("heading", name="Codeword 2").or_(page.get_by_text("Codeword 2")).first.wait_for()
    assert len(steps) <= 10 and there.parameter("codeword") == "2"
