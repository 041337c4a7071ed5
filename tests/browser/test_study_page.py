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


@pytest.fixture
def place(browser, tmp_path: Path, toy_face):
    """A server on a cache with nothing but a small face in the place of the default one; its address and the cache."""
    save_face(replace(toy_face, id=anny_id()), tmp_path / "cache")
    with serve(tmp_path / "cache", tmp_path) as address:
        yield address, tmp_path / "cache"


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
    page.get_by_text("[2/11] train").wait_for(timeout=60_000)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("was cancelled").wait_for()
    page.get_by_role("button", name="Continue the study").wait_for()
    assert page.get_by_text("s01_take.csv").count(), "what was dropped is still there"
    assert sorted(Dataset.open("walk", cache).recordings["subject"]) == ["s01", "s02", "s03", "s04"]
    there.leave()
