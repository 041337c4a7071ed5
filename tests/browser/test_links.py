"""Real Chromium: a link copied into another browser opens the same view; two people see none of each other's."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from tests.browser.conftest import box_on_map, differ

MAP = ".dfe-scatter[data-state=drawn]"
MORPH = ".dfe-morph[data-state=drawn][data-settled=true]"
PICTURE = ".dfe-morph .picture canvas"


def copied(visit, there, ready: str):
    """The link of this browser, opened in another."""
    return visit().open(there.page.url.removeprefix(there.base), ready)


def drag(there, selector: str, by: tuple[int, int]) -> None:
    """Drag from the middle of what is there."""
    box = there.page.locator(selector).first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    there.page.mouse.move(x, y)
    there.page.mouse.down()
    there.page.mouse.move(x + by[0], y + by[1], steps=5)
    there.page.mouse.up()


def same(there, other, selector: str, share: float = 0.01) -> bool:
    """Whether both browsers come to show the same picture."""
    for _ in range(160):
        if differ(there.pixels(selector), other.pixels(selector)) < share:
            return True
        there.page.wait_for_timeout(250)
    return False


def look_of(there) -> str:
    """What the link says of how it is looked at, once it has come to rest."""
    before = None
    for _ in range(120):
        there.page.wait_for_timeout(500)
        now = there.parameter("look")
        if now is not None and now == before:
            return now
        before = now
    raise AssertionError(f"no look comes to rest in {there.page.url}")


def type_into(there, across: float, down: int, text: str) -> None:
    """Change a cell of the table of tracks."""
    from playwright.sync_api import TimeoutError as NotYet

    grid = there.page.locator("[data-testid=stDataFrame] canvas").first.bounding_box()
    number = there.page.locator("#portal input")
    for _ in range(20):
        there.page.mouse.click(grid["x"] + across * grid["width"], grid["y"] + down)
        there.page.wait_for_timeout(300)
        there.page.keyboard.press("Enter")
        try:
            number.wait_for(timeout=2000)
            break
        except NotYet:
            continue
    number.fill(text)
    number.press("Enter")


def test_a_turned_face_and_its_switches_stand_in_the_link_whatever_the_server_writes_there(visit):
    there = visit().open("/codebook?codeword=5", MORPH)
    first = there.pixels(PICTURE)
    drag(there, PICTURE, (-90, 0))
    look = look_of(there)
    there.page.get_by_role("button", name=re.compile("^Select")).first.click()
    there.until("new URLSearchParams(location.search).get('chosen') === '5'")
    there.until("new URLSearchParams(location.search).has('look')")
    assert there.parameter("look") == look and there.parameter("codeword") == "5"
    drag(there, PICTURE, (90, 0))
    there.page.locator(PICTURE).first.dblclick()
    there.until("!new URLSearchParams(location.search).has('look')")
    drag(there, PICTURE, (120, 30))
    there.page.get_by_role("button", name="In / out").click()
    there.until("new URLSearchParams(location.search).get('look')?.endsWith('11100')")
    assert look_of(there).endswith("11100")
    assert there.parameter("codeword") == "5"
    assert there.changes(PICTURE, first, 0.02)
    other = copied(visit, there, MORPH)
    assert same(there, other, PICTURE)
    other.page.get_by_role("button", name="In / out", pressed=True).wait_for()


def test_frames_drawn_around_stand_in_the_link_and_can_be_undone_kept_by_name_and_taken_as_a_table(visit):
    there = visit().open("/map?of=Frames&method=PCA", MAP)
    box_on_map(there)
    told = there.page.get_by_role("heading", name=re.compile(r"^\d[\d,]* frames$"))
    told.wait_for()
    there.until("new URLSearchParams(location.search).get('frames') !== null")
    other = copied(visit, there, MAP)
    again = other.page.get_by_role("heading", name=told.inner_text(), exact=True)
    again.wait_for()
    assert same(there, other, ".dfe-scatter .picture")
    other.page.get_by_role("button", name="Clear", exact=True).click()
    other.until("!new URLSearchParams(location.search).has('frames')")
    again.wait_for(state="detached")
    assert there.parameter("frames")
    number = int(told.inner_text().split()[0].replace(",", ""))
    with there.page.expect_download() as download:
        there.page.get_by_test_id("stDownloadButton").click()
    table = pd.read_csv(download.value.path())
    assert len(table) == number and {"recording", "frame", "time_s"} <= set(table.columns)
    there.page.get_by_role("button", name="Keep as a set").click()
    there.page.get_by_label("Keep as a named set").fill("upper left")
    there.page.get_by_role("button", name="Save").click()
    there.page.get_by_role("button", name="Sets").wait_for()
    there.page.keyboard.press("Escape")
    there.page.get_by_role("button", name="Clear", exact=True).click()
    told.wait_for(state="detached")
    there.page.get_by_role("button", name="Undo").click()
    told.wait_for()
    there.page.get_by_role("button", name="Undo").click()
    told.wait_for(state="detached")
    assert there.parameter("frames") is None
    other.open("/map?of=Frames&method=PCA", MAP)
    other.page.get_by_role("button", name="Sets").click()
    other.page.get_by_role("button", name=re.compile("^upper left")).click()
    again.wait_for()


def test_frames_of_a_link_to_another_map_are_refused_in_words(visit):
    there = visit().open("/map?of=Frames&method=PCA&frames=abcdef.eNoDAAAAAAE", MAP)
    there.page.get_by_text("drawn around on another map").wait_for()


@pytest.mark.parametrize("of", ["Codewords", "Frames"])
def test_zoom_and_shift_of_a_map_stand_in_the_link(visit, of):
    there = visit().open(f"/map?of={of}&method=PCA", MAP)
    before = there.rests(".dfe-scatter .picture", mesh=False)
    there.page.get_by_role("button", name="Zoom in").click()
    drag(there, ".dfe-scatter .picture > canvas", (-70, 40))
    there.page.mouse.move(2, 2)
    assert look_of(there).startswith(f"map-{of.lower()}:")
    other = copied(visit, there, MAP)
    assert same(there, other, ".dfe-scatter .picture")
    assert differ(before, other.pixels(".dfe-scatter .picture")) > 0.02


def test_where_a_recording_stands_or_plays_and_how_far_it_is_zoomed_stand_in_the_link(visit):
    there = visit().open("/recordings", ".dfe-player[data-state=drawn]")
    there.page.get_by_role("button", name="Zoom in").click()
    there.page.locator(".dfe-player canvas.line").scroll_into_view_if_needed()
    line = there.page.locator(".dfe-player canvas.line").bounding_box()
    there.page.mouse.click(line["x"] + 0.6 * line["width"], line["y"] + 60)
    drag(there, ".dfe-player .picture canvas", (80, 0))
    there.until("new URLSearchParams(location.search).has('t')")
    look_of(there)
    other = copied(visit, there, ".dfe-player[data-state=drawn]")
    clock = ".dfe-player .clock"
    assert other.page.locator(clock).inner_text() == there.page.locator(clock).inner_text()
    assert same(there, other, ".dfe-player .picture") and same(there, other, ".dfe-player canvas.line")
    stood = float(there.parameter("t"))
    there.page.get_by_role("button", name="Play", exact=True).click()
    there.until(f"Number(new URLSearchParams(location.search).get('t')) > {stood} + 0.5")


def test_a_mix_with_its_camera_opens_elsewhere(visit):
    there = visit().open("/motion?mix=3:0.8,7:0.6", MORPH)
    drag(there, PICTURE, (60, 20))
    assert look_of(there).startswith("mix:")
    other = copied(visit, there, MORPH)
    assert other.parameter("mix") == "3:0.8,7:0.6"
    assert same(there, other, PICTURE)


def test_a_changed_track_and_the_second_of_the_play_head_open_elsewhere(visit):
    there = visit().open("/motion?motion_part=From+words", ".dfe-reel[data-state=drawn]")
    lanes = ".dfe-reel canvas.line"
    before = there.rests(lanes, mesh=False)
    type_into(there, 0.34, 52, "0.25")
    there.until("new URLSearchParams(location.search).has('edits')")
    line = there.page.locator(lanes).bounding_box()
    there.page.mouse.click(line["x"] + 150 + 0.6 * (line["width"] - 150), line["y"] + 30)
    assert look_of(there).startswith("words-reel:")
    assert there.changes(lanes, before, 0.002)
    other = copied(visit, there, ".dfe-reel[data-state=drawn]")
    assert same(there, other, lanes) and same(there, other, ".dfe-reel .picture")
    assert other.page.locator(".dfe-reel .clock").inner_text() == there.page.locator(".dfe-reel .clock").inner_text()
    other.page.get_by_role("button", name="As the words say").click()
    other.until("!new URLSearchParams(location.search).has('edits')")
    assert there.parameter("edits")


def test_two_people_at_once_see_no_selection_camera_mix_or_frames_of_each_other(visit):
    one, two = visit(), visit()
    one.open("/codebook?chosen=5,8&codeword=5", MORPH)
    two.open("/codebook?codeword=5", MORPH)
    untouched = two.pixels(PICTURE)
    drag(one, PICTURE, (140, 0))
    one.until("new URLSearchParams(location.search).has('look')")
    two.page.get_by_role("button", name=re.compile("^Select")).first.wait_for()
    assert two.parameter("look") is None and two.parameter("chosen") is None and two.parameter("codeword") == "5"
    assert differ(untouched, two.pixels(PICTURE)) < 0.002
    one.open("/motion?mix=3:0.8,7:0.6", MORPH)
    two.open("/motion", MORPH)
    two.page.wait_for_timeout(500)
    assert two.parameter("mix") is None and two.page.get_by_role("slider", name=re.compile("^3 ")).count() == 0
    one.open("/map?of=Frames&method=PCA", MAP)
    two.open("/map?of=Frames&method=PCA", MAP)
    box_on_map(one)
    one.page.get_by_role("heading", name=re.compile("frames$")).wait_for()
    two.page.get_by_role("button", name="Zoom in").click()
    two.page.wait_for_timeout(600)
    assert two.parameter("frames") is None and two.page.get_by_role("heading", name=re.compile("frames$")).count() == 0
    two.open("/map?of=Codewords&method=PCA", MAP)
    assert two.page.get_by_text("codewords selected").count() == 0


def test_the_camera_of_the_full_scene_stands_in_the_link_and_comes_back_elsewhere(visit):
    frame = "iframe#stpyvistaframe"
    there = visit().open("/codebook?codeword=5&view=Full+scene", frame)
    first = there.rests(frame)
    drag(there, frame, (130, 20))
    there.until("(new URLSearchParams(location.search).get('look') || '').startsWith('scene:')")
    assert there.changes(frame, first, 0.05)
    look_of(there)
    other = copied(visit, there, frame)
    assert same(there, other, frame, 0.02)
