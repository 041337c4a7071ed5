"""Real Chromium: one selection in gallery, map, coverage and timeline; search by example; keys; the tour."""

from __future__ import annotations

import re

from dashboard.shell.tour import STEPS
from tests.browser.conftest import PATIENCE_MS, box_on_map, drawn

MAP = ".dfe-scatter[data-state=drawn]"
CARD = '.dfe-gallery .card[data-id="{}"]'


def select(there, *codewords: int) -> None:
    """Click cards with Ctrl held until the link has them."""
    for k in codewords:
        there.page.locator(CARD.format(k)).click(modifiers=["Control"])
        there.until(f"new URLSearchParams(location.search).get('chosen')?.split(',').includes('{k}')")


def expect_cards(there, selector: str, number: int) -> None:
    """Wait until so many are there."""
    from playwright.sync_api import expect

    expect(there.page.locator(selector)).to_have_count(number, timeout=PATIENCE_MS)


def to(there, name: str) -> None:
    """Another page by the sidebar."""
    there.page.get_by_test_id("stSidebarNav").get_by_text(name, exact=True).click()


def test_a_selection_made_in_the_gallery_is_followed_by_coverage_and_timeline(visit):
    there = visit().open("/codebook", ".dfe-gallery .card")
    select(there, 5, 8)
    for k in (5, 8):
        there.page.wait_for_selector(f"{CARD.format(k)}[data-chosen]")
    to(there, "Coverage")
    there.page.get_by_text("Selected codewords only").wait_for()
    there.page.wait_for_selector(".js-plotly-plot .xtick text, .js-plotly-plot .x2tick text")
    there.until(
        "[...document.querySelectorAll('.js-plotly-plot .xtick text')].every(t => ['5', '8'].includes(t.textContent))"
    )
    to(there, "Recordings")
    there.page.wait_for_selector(".dfe-player[data-state=drawn]")
    some = there.rests(".dfe-player canvas.line", mesh=False)
    there.page.get_by_role("button", name="Clear").click()
    there.page.get_by_text("No codeword selected").wait_for()
    assert there.changes(".dfe-player canvas.line", some, 0.05)


def test_a_selection_made_on_the_map_is_shown_in_3d_and_followed_by_the_gallery(visit):
    there = visit().open("/map?method=PCA&chosen=5,8", MAP)
    there.page.wait_for_selector('.dfe-morph[data-state=drawn][data-codeword="8"]')
    there.page.locator(CARD.format(5)).click()
    there.page.wait_for_selector('.dfe-morph[data-state=drawn][data-codeword="5"]')
    there.page.get_by_test_id("stPageLink").get_by_text("Gallery").click()
    there.page.wait_for_url("**/codebook*")
    there.page.get_by_text("2 codewords selected").wait_for()
    expect_cards(there, ".st-key-gallery .card", 2)


def test_a_click_just_before_a_link_to_another_page_does_not_leave_that_page_empty(visit):
    there = visit().open("/map?method=PCA&chosen=5,8", MAP)
    there.page.wait_for_selector('.dfe-morph[data-state=drawn][data-codeword="8"]')
    card = there.page.locator(CARD.format(5)).element_handle()
    link = there.page.get_by_test_id("stPageLink").get_by_text("Gallery").element_handle()
    there.page.evaluate("both => both.forEach((one) => one.click())", [card, link])
    there.page.wait_for_url("**/codebook*")
    there.page.get_by_text("2 codewords selected").wait_for()
    there.until("new URLSearchParams(location.search).has('only')")
    assert there.has(chosen="5,8")


def test_a_box_on_the_map_selects_and_undo_and_clear_go_back(visit):
    there = visit().open("/map?method=PCA&chosen=7", MAP)
    there.page.get_by_text("1 codeword selected").wait_for()
    box_on_map(there, 0.99, 0.99)
    there.until("new URLSearchParams(location.search).get('chosen')?.split(',').length > 20")
    there.page.get_by_role("button", name="Undo").click()
    there.until("new URLSearchParams(location.search).get('chosen') === '7'")
    there.page.get_by_role("button", name="Clear").click()
    there.until("!new URLSearchParams(location.search).has('chosen')")


def test_the_selection_alone_can_be_shown_and_a_copied_link_shows_the_same(visit):
    there = visit().open("/codebook?chosen=4,9,11&only=true", ".dfe-gallery .card")
    there.page.get_by_text("3 codewords selected").wait_for()
    expect_cards(there, ".dfe-gallery .card", 3)
    copied = visit().open(there.page.url.removeprefix(there.base), ".dfe-gallery .card")
    copied.page.get_by_text("3 codewords selected").wait_for()
    expect_cards(copied, ".dfe-gallery .card", 3)


def test_a_face_of_sliders_finds_its_codewords_and_moments(visit):
    there = visit().open("/find?shape=jawOpen:0.8", ".dfe-morph[data-state=drawn]")
    there.page.locator(".st-key-like-codewords .dfe-strip .card").first.wait_for()
    assert "cosine 1.00" in there.page.locator(".st-key-like-codewords .card").first.inner_text()
    there.page.locator(".st-key-like-moments .dfe-strip .card").first.click()
    there.page.wait_for_url("**/recordings*")
    assert there.parameter("recording") and there.parameter("t")


def test_a_moment_is_its_own_nearest(visit):
    there = visit().open("/find?example=subject01-take1@4.000", ".dfe-morph[data-state=drawn]")
    first = there.page.locator(".st-key-like-moments .card").first
    first.wait_for()
    assert first.locator(".title").inner_text() == "subject01-take1 0:04.0"
    assert first.locator(".note").inner_text().startswith("0.00 mm")


def test_a_moved_slider_stands_in_the_link_and_changes_the_face(visit):
    there = visit().open("/find?shape=jawOpen:0.3&slider_part=Jaw", ".dfe-morph[data-state=drawn]")
    before = there.rests(".dfe-morph .picture canvas")
    slider = there.page.get_by_role("slider", name="Jaw open")
    slider.focus()
    for _ in range(6):
        there.page.keyboard.press("ArrowRight")
    there.until("parseFloat(new URLSearchParams(location.search).get('shape').split(':')[1]) > 0.4")
    assert there.changes(".dfe-morph .picture canvas", before, 0)


def test_slash_searches_from_any_page_and_question_mark_lists_the_keys(visit):
    there = visit().open("/recordings", ".dfe-player[data-state=drawn]")
    there.page.keyboard.press("?")
    there.page.get_by_role("dialog", name="Keys").wait_for()
    there.page.keyboard.press("Escape")
    there.page.get_by_role("dialog", name="Keys").wait_for(state="hidden")
    there.page.keyboard.press("/")
    there.page.wait_for_url("**/codebook*")
    there.until("document.activeElement?.closest('.st-key-q') !== null")
    there.page.keyboard.type("7, 11")
    there.until("new URLSearchParams(location.search).get('q') === '7, 11'")


def test_a_first_visit_is_invited_to_a_tour_that_visits_pages_and_can_be_skipped(visit):
    there = visit(first=True).open("/")
    tour = there.page.get_by_role("dialog", name="Guided tour")
    tour.get_by_role("button", name="Start the tour").click()
    there.page.wait_for_url("**/codebook*")
    tour.get_by_text(f"2 of {len(STEPS)}").wait_for()
    tour.get_by_role("button", name="Next").click()
    there.page.wait_for_selector('.dfe-morph[data-state=drawn][data-codeword="3"]')
    assert drawn(there.pixels(".dfe-morph .picture canvas"))
    there.page.keyboard.press("Escape")
    tour.wait_for(state="hidden")
    there.open("/")
    there.page.get_by_text("What to do next", exact=True).wait_for()
    assert there.page.get_by_role("dialog", name="Guided tour").count() == 0


def test_the_tour_leads_through_every_step_without_an_empty_page(visit):
    there = visit().open("/")
    there.page.get_by_role("button", name="Tour").click()
    tour = there.page.get_by_role("dialog", name="Guided tour")
    for step, (page, *_) in enumerate(STEPS[1:], 2):
        tour.get_by_role("button", name=re.compile("Next|Start")).click()
        tour.get_by_text(f"{step} of {len(STEPS)}").wait_for()
        there.until(f"location.pathname === '/{page}'")
        there.page.locator("h1").first.wait_for()
        there.page.wait_for_load_state("networkidle")  # pictures of a page that is left at once may be gone
        assert there.page.get_by_test_id("stException").count() == 0
    tour.get_by_role("button", name="Done").click()
    tour.wait_for(state="hidden")


def test_frames_of_the_map_are_marked_on_the_timeline_and_a_frame_of_it_is_found_on_the_map(visit):
    there = visit().open("/map?of=Frames&method=PCA", MAP)
    box_on_map(there, 0.6, 0.7)
    there.page.get_by_test_id("stPageLink").get_by_text(re.compile("of them, from")).first.click()
    there.page.wait_for_selector(".dfe-player[data-state=drawn]")
    there.page.get_by_text("of the map’s selection marked on the timeline").wait_for()
    frames = there.parameter("frames")
    marked = there.rests(".dfe-player canvas.line", mesh=False)
    other = visit().open(
        there.page.url.removeprefix(there.base).replace(f"frames={frames}", "frames="), ".dfe-player[data-state=drawn]"
    )
    assert other.changes(".dfe-player canvas.line", marked, 0.0005)
    there.page.get_by_text("Back to the selection").click()
    there.page.wait_for_selector(MAP)
    there.page.get_by_role("heading", name=re.compile(r"^\d[\d,]* frames$")).wait_for()
    assert there.has(frames=frames)
    other.page.get_by_text("Show on the map").click()
    other.page.wait_for_selector(MAP)
    other.page.wait_for_selector(".dfe-morph[data-state=drawn]")
    assert other.parameter("point").isdigit()
