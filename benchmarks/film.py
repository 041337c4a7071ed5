"""Video beside the tokens: how long from a scrub to its picture, and what a grid of clips costs.

``python -m benchmarks.film --size 1280x720 --key-every 120`` makes a study of simulated recordings with a video whose
every frame says its own number (VP8, frames shown for 20 to 100 ms), opens it in Chromium and drags on the timeline: ms
from the pointer to the right picture on the screen, of `--scrubs` places, median and 95th percentile. ``--clips 24``
makes a grid of as many clips of that video as well, as filmed and blurred: seconds, and bytes of the film.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.faces.model import FaceModel
from dfe_core.render.clip_grid import Clip, Cover, clip_grid
from dfe_core.video.links import Link, link
from tests.browser.conftest import FLAGS, Visit, new_context, serve
from tests.browser.test_film import FILMED, RECORDING, WATCH, scrubbed
from tests.conftest import make_toy_face
from tests.dashboard.fake_cache import build
from tests.numbered_film import shown_ms, write_numbered
from train.browsers import find_browser

FRAMES = 240


def write_large(small: Path, path: Path, size: str, key_every: int) -> Path:
    """The numbered film in the corner of a larger moving picture."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    ground = f"testsrc2=size={size}:rate=50:duration={shown_ms(FRAMES)[-1] / 1000 + 1:.2f}"
    after = (
        "-fps_mode",
        "passthrough",
        "-enc_time_base",
        "1/1000",
        "-g",
        str(key_every),
        "-c:v",
        "libvpx",
        "-b:v",
        "4M",
    )
    laid = ("-filter_complex", "[1:v][0:v]overlay=0:0:eof_action=endall:repeatlast=0,select='1'")
    quick = ("-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0")
    command = (program, "-v", "error", "-y", "-i", str(small), "-f", "lavfi", "-i", ground, *laid, *after, *quick)
    subprocess.run([*command, str(path)], check=True)
    return path


def scrub(cache: Path, video: Path, places: int, seed: int) -> dict[str, float]:
    """Milliseconds from a drag on the timeline to the right picture."""
    from playwright.sync_api import sync_playwright

    dataset = Dataset.open("simulated", cache)
    link(dataset, {RECORDING: Link(video=video)})
    rows = dataset.frames(RECORDING).time_s
    number = np.abs(rows[:, None] - shown_ms(FRAMES) / 1000).argmin(1)
    asked = np.random.default_rng(seed).integers(10, len(rows) - 10, places)
    with serve(cache, cache.parent) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        there = Visit(new_context(browser).new_page(), address).open(f"/recordings?recording={RECORDING}", FILMED)
        there.page.evaluate(WATCH)
        line = there.page.locator(".dfe-player canvas.line").bounding_box()
        left, wide = line["x"] + 148, line["width"] - 148 - 2  # GUTTER of dashboard/web/src/shared/strips.js
        there.page.mouse.move(left + 5, line["y"] + 100)
        there.page.mouse.down()
        waits = [
            scrubbed(there, left + wide * row / (len(rows) - 1), line["y"] + 100, int(number[row]))
            for row in asked.tolist()
        ]
        there.page.mouse.up()
        browser.close()
    return {
        "scrubs": places,
        "median_ms": round(float(np.median(waits)), 1),
        "p95_ms": round(float(np.quantile(waits, 0.95)), 1),
        "largest_ms": round(max(waits), 1),
    }


def clips(cache: Path, face: FaceModel, video: Path, count: int) -> dict[str, float]:
    """Seconds and bytes of a grid of clips."""
    dataset = Dataset.open("simulated", cache)
    names = dataset.recordings["recording"].astype(str).tolist()
    place = (0.3, 0.2, 0.6, 0.8)
    link(dataset, {name: Link(video=video, box=place, reach=place) for name in names})
    wanted = [
        Clip(recording=names[i % len(names)], subject=names[i % len(names)], peak_s=1.0 + 8.0 * i / count)
        for i in range(count)
    ]
    found = {}
    for cover in (Cover.FILMED, Cover.BLURRED):
        begun = time.perf_counter()
        grid = clip_grid(dataset, face, wanted, cover)
        assert grid is not None
        found[f"{cover.value}_s"] = round(time.perf_counter() - begun, 1)
        found[f"{cover.value}_kb"] = round(grid.film.stat().st_size / 1000)
        found[f"{cover.value}_clips"] = len(grid.clips)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="", help="of the video, as 1280x720; the numbers alone without it")
    parser.add_argument("--key-every", type=int, default=120, help="frames from a key frame to the next")
    parser.add_argument("--scrubs", type=int, default=30)
    parser.add_argument("--clips", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache, face = Path(folder) / "cache", make_toy_face(ARKIT_NAMES)
        build(cache, face, codewords=40, stages=4)
        video = write_numbered(Path(folder) / "numbered.webm", FRAMES, key_every=given.key_every)
        if given.size:
            video = write_large(video, Path(folder) / "large.webm", given.size, given.key_every)
        facts = {"size": given.size or "96x72", "key_every": given.key_every, "bytes": video.stat().st_size}
        print(json.dumps({**facts, **scrub(cache, video, given.scrubs, given.seed)}))
        if given.clips:
            print(json.dumps(clips(cache, face, video, given.clips)))


if __name__ == "__main__":
    main()
