"""Real Chromium clicks through the dashboard: meshes draw, links restore, consoles stay clean."""

from __future__ import annotations

import re

from PIL import Image

from dashboard.links import routes
from tests.browser.conftest import PATIENCE_MS, WRITTEN, differ, drawn

MESH = ".dfe-morph canvas"
SHOWN = ".dfe-morph[data-state=drawn]"
PLAYED = ".dfe-player[data-state=drawn]"
PAGES = [name for names in routes.GROUPS.values() for name in names]


def shows(visit, codeword: str) -> None:
    """Wait until the quick look and the title are of this codeword, and the picture has come to rest."""
    visit.page.wait_for_selector(f'.dfe-morph[data-state=drawn][data-settled=true][data-codeword="{codeword}"]')
    visit.page.get_by_role("heading", name=re.compile(rf"^Codeword {codeword}:")).wait_for()


def counted(visit, cards: int) -> None:
    """Wait until the gallery has this many cards."""
    from playwright.sync_api import expect

    expect(visit.page.locator(".dfe-gallery .card")).to_have_count(cards, timeout=PATIENCE_MS)


def test_the_navigation_leads_to_every_page(visit):
    there = visit().open("/")
    for name in PAGES[1:]:
        there.page.get_by_test_id("stSidebarNav").get_by_text(routes.TITLES[name][0], exact=True).click()
        there.page.wait_for_url(f"**/{name}*")
        there.page.locator("h1", has_text=re.compile(".")).first.wait_for()


def test_a_click_on_a_card_opens_the_codeword_and_the_link_opens_it_for_someone_else(visit):
    first = visit().open("/codebook", ".dfe-gallery .card")
    card = first.page.locator(".dfe-gallery .card").nth(3)
    number = card.get_attribute("data-id")
    card.click()
    shows(first, number)
    assert first.has(codeword=number)
    assert drawn(first.pixels(MESH))
    second = visit().open(first.page.url.removeprefix(first.base), SHOWN)
    shows(second, number)


def test_arrow_keys_and_another_click_change_codeword_picture_and_link(visit):
    there = visit().open("/codebook?codeword=3&sort=Number", SHOWN)
    shows(there, "3")
    there.page.keyboard.press("ArrowRight")
    shows(there, "4")
    there.page.keyboard.press("ArrowLeft")
    shows(there, "3")
    before = there.pixels(MESH)
    there.page.locator('.dfe-gallery .card[data-id="25"]').click()
    shows(there, "25")
    assert there.changes(MESH, before, 0.005)
    assert there.has(codeword="25")


def test_a_face_plays_turns_under_the_mouse_and_morphs_to_neutral(visit):
    there = visit().open("/codebook?codeword=25", SHOWN)
    shows(there, "25")
    whole = there.pixels(MESH)
    there.page.get_by_label("Play the movement").click()
    assert there.changes(MESH, whole, 0.003)
    there.page.get_by_label("Pause").click()
    there.rests(MESH)
    there.page.get_by_label("Intensity", exact=True).fill("100")
    whole = there.rests(MESH)
    there.page.get_by_label("Intensity", exact=True).fill("0")
    assert there.changes(MESH, whole, 0.005)
    neutral = there.rests(MESH)
    half = neutral.shape[1] // 2
    assert differ(neutral[60:, : half - 2], neutral[60:, half : half + half - 2]) < 0.02  # both sides are now neutral
    box = there.page.locator(MESH).bounding_box()
    there.page.mouse.move(box["x"] + 300, box["y"] + 200)
    there.page.mouse.down()
    there.page.mouse.move(box["x"] + 200, box["y"] + 220, steps=4)
    there.page.mouse.up()
    assert there.changes(MESH, neutral, 0.02)


def test_search_and_filters_narrow_the_gallery_and_stand_in_the_link(visit):
    there = visit().open("/codebook", ".dfe-gallery .card")
    everything = there.page.locator(".dfe-gallery .card").count()
    there.page.get_by_label("Search").fill("7, 11")
    counted(there, 2)
    assert there.has(q="7, 11")
    there.page.get_by_label("Search").fill("")
    counted(there, everything)
    narrowed = visit().open("/codebook?side=Left", ".dfe-gallery .card")
    assert 0 < narrowed.page.locator(".dfe-gallery .card").count() < everything


def test_the_full_scene_shows_both_faces_cuts_them_and_makes_a_picture_for_print(visit):
    there = visit().open("/codebook?codeword=25&view=Full+scene&scene_cut=From+the+side", "iframe")
    frame = there.page.frame_locator("iframe").first
    frame.locator("body[data-state=drawn]").wait_for()
    assert there.draws("iframe")
    views = "window.global.renderWindow.getRenderers().filter((one) => one.getActors().length)"
    shown = frame.locator("body").evaluate(
        f"() => {views}.map((one) => [one.getActors().length, one.getActiveCamera() === {views}[0].getActiveCamera()])"
    )
    assert len(shown) == 2 and all(same for _, same in shown)
    assert shown[1][0] > shown[0][0]  # lines and outlines lie on the face that moved
    with there.page.expect_download() as waiting:
        frame.get_by_role("button", name="Picture for print").click()
    with Image.open(waiting.value.path()) as picture:
        assert picture.width >= 2100
    there.page.get_by_text("On the cut, blue is where the surface was").wait_for()


def test_a_moment_opens_its_recording_at_that_time(visit):
    there = visit().open("/codebook?codeword=25", ".dfe-gallery .card")
    there.page.locator(".dfe-strip .card").first.scroll_into_view_if_needed()
    there.page.wait_for_selector(".dfe-strip[data-state=drawn] .card")
    there.page.locator(".dfe-strip .card").first.click()
    there.page.wait_for_url("**/recordings*")
    there.page.wait_for_selector(PLAYED)
    assert there.parameter("recording") and float(there.parameter("t")) >= 0


def test_scrubbing_changes_the_faces_and_the_link(visit):
    there = visit().open("/recordings", PLAYED)
    before = there.pixels(".dfe-player .picture canvas")
    assert drawn(before)
    box = there.page.locator(".dfe-player canvas.line").bounding_box()
    there.page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 100)
    there.until("new URLSearchParams(location.search).has('t')")
    assert there.changes(".dfe-player .picture canvas", before, 0.002)
    assert 4 < float(there.parameter("t")) < 9
    copied = visit().open(there.page.url.removeprefix(there.base), PLAYED)
    clock = ".dfe-player .clock"
    assert copied.page.locator(clock).inner_text() == there.page.locator(clock).inner_text()


def test_fewer_stages_mean_a_larger_error_and_a_token_of_a_frame_opens_its_codeword(visit):
    there = visit().open("/recordings?t=5", PLAYED)
    error = there.page.locator(".dfe-player .error")
    whole = float(re.search(r"[\d.]+", error.inner_text()).group())
    there.page.get_by_label("Stages used").fill("1")
    assert there.has(stages="1")
    assert float(re.search(r"[\d.]+", error.inner_text()).group()) > whole
    chip = there.page.locator(".dfe-player .part").first
    number = chip.locator("b").inner_text()
    chip.click()
    there.page.wait_for_url("**/codebook*")
    shows(there, number)


def test_dark_is_dark_and_still_draws(visit):
    there = visit()
    there.page.emulate_media(color_scheme="dark")
    there.open("/codebook?codeword=25", SHOWN)
    shows(there, "25")
    assert there.pixels(MESH)[:40, :40].mean() < 60
    assert drawn(there.pixels(MESH))


def test_it_fits_a_tablet(visit):
    there = visit()
    there.page.set_viewport_size({"width": 820, "height": 1100})
    there.open("/codebook?codeword=25", SHOWN)
    there.page.wait_for_selector(WRITTEN)
    assert there.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth <= innerWidth + 1")
