"""Real Chromium: the video of a recording follows the timeline, frame by frame, and the timeline follows the video."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dfe_core.expressions.dataset import Dataset
from dfe_core.video.links import Link, link
from dfe_core.video.stills import forget
from tests.numbered_film import BITS, COLUMNS, SIDE, shown_ms, write_numbered

RECORDING, FRAMES, SECONDS = "subject03-take2", 240, 12.0
GUTTER = 148  # of dashboard/web/src/shared/strips.js
FILMED = ".dfe-player[data-state=drawn] .film video"
WATCH = f"""() => {{
  const find = (root) => root.querySelector(".dfe-player")
    ?? [...root.querySelectorAll("*")].map((e) => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
  const box = find(document), video = box.querySelector("video"), paper = document.createElement("canvas");
  const line = box.querySelector("canvas.line");
  const context = paper.getContext("2d", {{ willReadFrequently: true }});
  Object.assign(paper, {{ width: {SIDE * COLUMNS}, height: {SIDE * BITS // COLUMNS} }});
  window.film = {{ shown: [], asked: 0 }};
  window.film.number = () => {{
    context.drawImage(video, 0, 0);
    let number = 0;
    for (let bit = 0; bit < {BITS}; bit++) {{
      const x = (bit % {COLUMNS} + 0.5) * {SIDE}, y = (Math.floor(bit / {COLUMNS}) + 0.5) * {SIDE};
      if (context.getImageData(x, y, 1, 1).data[1] > 127) number += 2 ** bit;
    }}
    return number;
  }};
  window.film.time = () => line.ariaValueNow;
  const next = () => video.requestVideoFrameCallback(() => {{
    next();
    const at = performance.now(), number = window.film.number(); // the page tells its time later in the same frame
    requestAnimationFrame(() => window.film.shown.push([at, number, Number(line.ariaValueNow)]));
  }});
  next();
  line.addEventListener("pointermove", () => {{ window.film.asked = performance.now(); }}, true);
}}"""


@pytest.fixture(scope="module")
def filmed(small_cache: Path) -> Iterator[np.ndarray]:
    """A recording of the cache with a numbered video and a sound in every second half of a second; the number that is
    to be seen at each row."""
    dataset = Dataset.open("simulated", small_cache)
    time = np.arange(int(16_000 * SECONDS)) / 16_000
    sound = 0.5 * np.sin(2 * np.pi * 300 * time) * (time % 1 < 0.5)
    video = write_numbered(small_cache.parent / "numbered.webm", FRAMES, sound)
    link(dataset, {RECORDING: Link(video=video)})
    rows = dataset.frames(RECORDING).time_s
    yield np.abs(rows[:, None] - shown_ms(FRAMES) / 1000).argmin(1)
    forget(dataset)


def test_the_film_follows_the_timeline_frame_by_frame_and_the_timeline_the_film(visit, filmed: np.ndarray):
    there = visit().open(f"/recordings?recording={RECORDING}", FILMED)
    there.page.evaluate(WATCH)
    line = there.page.locator(".dfe-player canvas.line").bounding_box()
    left, wide, last = line["x"] + GUTTER, line["width"] - GUTTER - 2, len(filmed) - 1
    there.page.mouse.move(left + 5, line["y"] + 100)
    there.page.mouse.down()
    for row in (200, 31, 222, 100, 110, 340):
        scrubbed(there, left + wide * row / last, line["y"] + 100, int(filmed[row]))
    there.page.mouse.up()
    wait_for_rest(there, 11)
    there.page.mouse.click(left + wide * 60 / last, line["y"] + 100)
    wait_for_rest(there, 1.9)
    there.page.evaluate("film.shown.length = 0")
    there.page.get_by_role("button", name="Play", exact=True).click()
    there.until("film.shown.at(-1)?.[1] > 60")
    there.page.get_by_role("button", name="Pause", exact=True).click()
    pairs = np.array([[number, now] for _, number, now in there.page.evaluate("film.shown")])
    behind = np.abs(shown_ms(FRAMES)[pairs[:, 0].astype(int)] / 1000 - pairs[:, 1])
    assert np.median(behind) <= 0.15  # the frame before, while this one is painted, and tenths
    wait_for_rest(there, 2.2)


def scrubbed(there, x: float, y: float, number: int) -> float:
    """Drag to a place on the timeline; ms until its frame, or one beside it as pixels are coarse, is on the screen."""
    there.page.mouse.move(x, y)
    there.until(f"film.shown.some(([at, n]) => at >= film.asked && Math.abs(n - {number}) <= 1)")
    asked, shown = there.page.evaluate("[film.asked, film.shown]")
    return next(at for at, n, _ in shown if at >= asked and abs(n - number) <= 1) - asked


def wait_for_rest(there, least_s: float) -> None:
    """Until the time of the player is that of the frame on the screen, which stays."""
    time, shown = "Number(film.time())", (shown_ms(FRAMES) / 1000).tolist()
    same = f"{time} >= {least_s} && Math.abs({time} - {shown}[film.number()]) <= 0.11"  # half a frame, half a tenth
    for _ in range(60):
        there.until(same)
        there.page.wait_for_timeout(500)
        if there.page.evaluate(same):
            return
    raise AssertionError("the film and the time of the player come to no rest")
