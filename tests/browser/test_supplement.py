"""The page of a supplement in a real Chromium, from disk and without a network."""

from __future__ import annotations

import zipfile
from pathlib import Path

import dfe_core as dfe
from dfe_core.faces import save_face
from dfe_core.workflow.supplement_export import export_supplement
from tests.browser.conftest import PATIENCE_MS
from tests.small_world import make_world

PIXELS = """() => { const c = document.querySelector('.viewer canvas'), d = c.getContext('2d');
  return d.getImageData(0, 0, c.width, c.height).data.reduce((a, v, i) => (a * 31 + v * (i % 97)) % 1000003, 7); }"""


def other_pixels(page, before: int) -> int:
    """The face once it is drawn otherwise; asked from here, because the page's policy forbids `eval`, by which
    Playwright waits."""
    for _ in range(600):
        if (now := page.evaluate(PIXELS)) != before:
            return now
        page.wait_for_timeout(100)
    raise AssertionError("the face stays as it was")


def test_faces_turn_on_a_page_from_disk(browser, tmp_path: Path, toy_face):
    save_face(toy_face, tmp_path / "cache")
    make_world(tmp_path / "cache", toy_face, recordings=4, frames=40)
    export_supplement(dfe.Study("m", "d", root=tmp_path / "cache"), tmp_path / "paper.zip", by=[])
    zipfile.ZipFile(tmp_path / "paper.zip").extractall(tmp_path)
    context = browser.new_context(color_scheme="dark", offline=True)
    context.set_default_timeout(PATIENCE_MS)
    asked: list[str] = []
    faults: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto((tmp_path / "paper" / "index.html").as_uri())
    page.wait_for_selector("#codewords[data-state=drawn]")
    at_first = page.evaluate(PIXELS)
    page.locator(".viewer canvas").press("ArrowLeft")
    turned = other_pixels(page, at_first)
    page.get_by_role("slider", name="Intensity").fill("20")
    other_pixels(page, turned)
    page.locator(".card").nth(3).click()
    title = page.locator(".card").nth(3).get_attribute("data-title")
    page.locator(".viewer").get_by_role("heading", level=3, name=title, exact=True).wait_for()
    page.get_by_role("searchbox").fill("no such codeword")
    page.locator(".card:visible").first.wait_for(state="detached")
    assert faults == [] and len(asked) == 1
    context.close()
