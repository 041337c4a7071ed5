"""How long pages and clicks take on a corpus of N frames, in Chromium: ``python -m benchmarks.explorer_pages``.

    python -m benchmarks.explorer_pages --frames 5000000 --work SCRATCH

The corpus (`large_corpus`) goes through `dfe encode`, `dfe aus derive`, `dfe coverage` and `dfe map` with the default
model, which are timed, too (kept in --work and used again). Then every page is opened through the navigation, twice,
and the usual things are done on it; a time runs from the click to the last thing it was to show, with the server at
rest. `--dwell` is how long the page before is looked at: 0 clicks on at once, while the browser still draws it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.explorer_clicks import FLAGS, free_port, resident_mb, serve
from benchmarks.explorer_timing import WATCH, timed
from benchmarks.large_corpus import write_corpus
from dfe_core.store import cache_root

READY = {
    "Codebook": ".dfe-gallery .card",
    "Find": ".dfe-strip, .dfe-face, .dfe-morph",
    "Recordings": ".dfe-player[data-state=drawn]",
    "Map": ".dfe-scatter[data-state=drawn]",
    "Faces in motion": ".dfe-morph[data-state=drawn]",
    "Coverage": ".js-plotly-plot .points path",
    "Compare": "[data-testid=stAppViewContainer]",
    "Data": "[data-testid=stDataFrame]",
    "Overview": "[data-testid=stMetric], [data-testid=stCaptionContainer]",
}


def make(root: Path, frames: int) -> dict[str, float]:
    """The corpus and what pages need of it; seconds of every step."""
    for kind in ("faces", "models"):
        shutil.copytree(cache_root() / kind, root / kind, dirs_exist_ok=True)
    started = time.perf_counter()
    write_corpus(root, frames)
    taken = {"dataset": time.perf_counter() - started}
    for name, command in (
        ("encode", ["encode", "default", "large"]),
        ("derive AUs", ["aus", "derive", "--dataset", "large", "--name", "derived"]),
        ("coverage", ["coverage", "default", "large", "--aus", "derived", "--out", str(root / "report")]),
        ("map", ["map", "default", "large", "--of", "frames", "--out", str(root / "map.parquet")]),
        ("map of codewords", ["map", "default", "--of", "codewords", "--out", str(root / "words.parquet")]),
    ):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "train", *command, "--progress", "none"],
            check=True,
            env={**os.environ, "DFE_CACHE": str(root)},
            stdout=subprocess.DEVNULL,
        )
        taken[name] = time.perf_counter() - started
    taken = {name: round(seconds, 1) for name, seconds in taken.items()}
    (root / "made.json").write_text(json.dumps(taken))
    return taken


def measure(root: Path, dwell_s: float) -> dict:
    """Milliseconds of every page and of the usual clicks, and the server's memory."""
    from playwright.sync_api import sync_playwright

    from train.browsers import find_browser

    os.environ["DFE_CACHE"] = str(root)
    port = free_port()
    server = serve(port)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.add_init_script(WATCH)
            page.add_init_script("localStorage.setItem('dfe.tour', 'done')")
            address = f"http://localhost:{port}"
            found = {
                "first page": timed(
                    page, lambda: page.goto(f"{address}/?dataset=large&model=default"), READY["Overview"]
                )
            }
            found["first page, again"] = timed(page, page.reload, READY["Overview"])
            for visit in ("first", "again"):
                for name, ready in READY.items():
                    page.wait_for_timeout(1000 * dwell_s)
                    link = page.locator("[data-testid=stSidebarNavLink]", has_text=name).first
                    found[f"{name}, {visit}"] = timed(page, link.click, ready)
            return {"milliseconds": found | clicks(page, address, dwell_s), "server_mb": resident_mb(server.pid)}
    finally:
        server.terminate()
        server.wait(20)


def clicks(page, address: str, dwell_s: float) -> dict[str, float]:
    """The usual things, each from a page at rest: the median of five, the first of which may fill caches."""
    found = {}

    def opened(path: str, ready: str) -> None:
        to = f"{address}/{path}{'&' if '?' in path else '?'}dataset=large&model=default"
        timed(page, lambda: page.goto(to), ready)

    def several(name: str, act: Callable[[int], object], ready: str = "h1") -> None:
        taken = []
        for i in range(5):
            page.wait_for_timeout(1000 * dwell_s)
            taken.append(timed(page, lambda i=i: act(i), ready))
        found[name] = round(float(np.median(taken)), 0)

    def next_option(box) -> None:
        box.click()
        page.locator("[role=option]").first.wait_for()
        for key in ("ArrowDown", "Enter"):  # a list of a thousand scrolls away from a pointer
            page.keyboard.press(key)

    opened("codebook?codeword=1", ".dfe-morph[data-state=drawn]")
    cards = page.locator(".dfe-gallery .card")
    several("another codeword, whole page", lambda i: cards.nth(i + 3).click(), ".dfe-morph[data-settled=true]")
    several(
        "other moments of a codeword",
        lambda i: page.get_by_text(("From weak to strong", "Strongest")[i % 2], exact=True).click(),
    )
    words = ("lip", "brow", "jaw", "eye", "AU12")
    several("a word in the search", lambda i: page.locator(".st-key-q input").fill(words[i]))
    opened("recordings", READY["Recordings"])
    several(
        "another recording",
        lambda i: next_option(page.locator("[data-testid=stMain] [data-testid=stSelectbox] input").first),
        READY["Recordings"],
    )
    opened("map", READY["Map"])
    several("a point of the map", lambda i: page.mouse.click(*place_of_point(page, i)), ".dfe-morph[data-settled=true]")
    opened("map?of=Frames", READY["Map"])
    several(
        "another colour of the map of frames",
        lambda i: next_option(page.locator("[class*=st-key-colour_frames] input").first),
        READY["Map"],
    )
    opened("coverage", READY["Coverage"])
    cells = page.locator(".js-plotly-plot .points path")
    several("a cell of the coverage map", lambda i: cells.nth(9 * i).click(force=True), READY["Coverage"])
    opened("coverage", READY["Coverage"])
    several(
        "coverage of another subject",
        lambda i: next_option(page.locator("[class*=st-key-who] input").first),
        READY["Coverage"],
    )
    opened("find?shape=jawOpen:0.6", ".dfe-strip[data-state=drawn]")
    sliders = page.locator("[class*=st-key-set-]").get_by_role("slider")
    several(
        "a slider of the face to find", lambda i: sliders.nth(2 * i).press("ArrowRight"), ".dfe-strip[data-state=drawn]"
    )
    return found


def place_of_point(page, number: int) -> tuple[float, float]:
    """Where one of the map's points stands on the page."""
    return tuple(
        page.locator(".dfe-scatter .picture > canvas").evaluate(
            """(canvas, number) => {
      const { placed } = window.__dfe.mounted.get(canvas.getRootNode()), at = 3 * (7 * number + 1);
      const { left, top } = canvas.getBoundingClientRect();
      return [left + placed[at], top + placed[at + 1]];
    }""",
            number,
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=5_000_000)
    parser.add_argument("--work", type=Path, required=True, help="folder for the corpus, 6 GB for 5 million frames")
    parser.add_argument("--dwell", type=float, default=1.0, help="seconds of looking before the next click")
    arguments = parser.parse_args()
    root = (arguments.work / str(arguments.frames)).resolve()
    made = (
        json.loads((root / "made.json").read_text()) if (root / "made.json").is_file() else make(root, arguments.frames)
    )
    load = round(os.getloadavg()[0], 1)
    json.dump(
        {
            "frames": arguments.frames,
            "dwell_s": arguments.dwell,
            "load": load,
            "made_s": made,
            **measure(root, arguments.dwell),
        },
        sys.stdout,
        indent=1,
    )
    print()


if __name__ == "__main__":
    main()
