"""Live tokens: whether JavaScript's are Python's, how far they are from those of recordings, and how fast a browser is.

    python -m benchmarks.live tokens MODEL DATASET
    python -m benchmarks.live browser VIDEO TASK --seconds 30

``tokens`` runs both on every valid frame of a dataset (node is needed). ``browser`` opens the page Live of a dashboard
on this cache in Chromium, with the video as its camera, and prints frames a second and the time from a picture to its
tokens; MediaPipe's package for Python, where it is installed, looks at the same video in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import torch

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.faces import open_face
from dfe_core.live.browser_landmarker import install_landmarker
from dfe_core.live.encoder import LiveEncoder, LiveFrame
from dfe_core.live.pack import pack_tokenizer
from dfe_core.render.scene import pack_arrays
from dfe_core.store import cache_root
from dfe_core.tokenizer.storage import load_model
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.tokens.encoding_stream import encode_frames

HERE = Path(__file__).parent
READY_S = 120_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    of_tokens = kinds.add_parser("tokens")
    of_tokens.add_argument("model")
    of_tokens.add_argument("dataset")
    of_tokens.add_argument("--every", type=int, default=4, help="take every so many recordings (default: 4)")
    browser = kinds.add_parser("browser")
    browser.add_argument("video", type=Path)
    browser.add_argument("task", type=Path)
    browser.add_argument("--seconds", type=float, default=30)
    args = parser.parse_args()
    if args.kind == "tokens":
        found = compare_tokens(args.model, args.dataset, args.every)
    else:
        found = measure_browser(args.video, args.task, args.seconds)
    print(json.dumps(found, indent=1))


def compare_tokens(model: str, dataset: str, every: int) -> dict:
    """Live tokens of Python against JavaScript's, and against those that the same recordings are encoded with."""
    tokenizer, config = load_model(model, device="cpu")
    face, data = open_face(config["face"]), Dataset.open(dataset)
    gram = torch.as_tensor(face.gram * 1e6, dtype=torch.float32)
    order = [data.names.index(name) for name in LiveEncoder.names]
    rows: dict[str, list] = {name: [] for name in ("values", "time", "start", "tokens", "steps")}
    figures, spent = [], 0.0
    for name in data.recordings["recording"][::every]:
        part = data.frames(name)
        psi, frame = part.psi[part.valid], part.frame[part.valid]
        began = time.perf_counter()
        live = _stream(LiveEncoder(tokenizer, face), part, order, rows)
        spent += time.perf_counter() - began
        whole = encode_frames(tokenizer, psi, gram, linked_frames(frame))
        figures.append(_difference(psi, live, whole, tokenizer.codeword_psi(), face.gram * 1e6) | {"frames": len(psi)})
    weights = [one.pop("frames") for one in figures]
    told = {key: round(float(np.average([f[key] for f in figures], weights=weights)), 4) for key in figures[0]}
    javascript = _javascript(pack_tokenizer(tokenizer, face), rows)
    return {"javascript": javascript, "python_ms_per_frame": round(1e3 * spent / sum(weights), 3), **told}


def _stream(live: LiveEncoder, part: Frames, order: list[int], rows: dict[str, list]) -> list[LiveFrame]:
    """Frames of a recording one after the other; what goes in and comes out is added to `rows`."""
    found, fresh = [], True
    live.warm_up()
    for psi, second, valid in zip(part.psi, part.time_s.astype(np.float32), part.valid, strict=True):
        if not valid:
            live.lose()
            fresh = True
            continue
        frame = live.encode(psi[order], float(second))
        found.append(frame)
        for name, value in zip(rows, (psi[order], second, fresh, frame.tokens, _steps(frame)), strict=True):
            rows[name].append(value)
        fresh = False
    return found


def _steps(frame: LiveFrame) -> np.ndarray:
    return np.where(frame.tokens > 0, frame.levels + 1, 0)


def _javascript(tokenizer: bytes, rows: dict[str, list]) -> dict:
    kinds = {"start": np.uint8, "tokens": np.int32, "steps": np.int32}
    arrays = {name: np.array(values, kinds.get(name, np.float32)) for name, values in rows.items()}
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("tokenizer.bin", "frames.bin")]
        for path, content in zip(paths, (tokenizer, pack_arrays({}, **arrays)), strict=True):
            path.write_bytes(content)
        run = subprocess.run(
            ["node", str(HERE / "live_tokens.mjs"), *map(str, paths)], capture_output=True, text=True, check=True
        )
    found = json.loads(run.stdout)
    return found | {"share": found["same"] / found["frames"]}


def _difference(psi: np.ndarray, live: list[LiveFrame], whole: tuple, codewords: np.ndarray, gram: np.ndarray) -> dict:
    """How live tokens differ from those of the whole recording: frames with the same codewords, the share of codewords
    in common (Jaccard), error in mm and changes per frame of both."""
    tokens, intensities = np.array([f.tokens for f in live]), np.array([f.intensities for f in live])
    sets = [[frozenset(row[row > 0]) for row in found] for found in (tokens, whole[0].astype(int))]
    shared = [len(a & b) / max(1, len(a | b)) for a, b in zip(*sets, strict=True)]
    left = psi - np.einsum("tn,tne->te", intensities, codewords[tokens])
    live_mm = float(np.sqrt(np.einsum("te,ef,tf->t", left, gram, left).mean()))
    changes = [float(np.mean([len(a ^ b) for a, b in pairwise(found)])) for found in sets]
    return {
        "same_codewords": float(np.mean([a == b for a, b in zip(*sets, strict=True)])),
        "jaccard": float(np.mean(shared)),
        "live_rmse_mm": live_mm,
        "encoded_rmse_mm": float(np.sqrt((whole[3] ** 2).mean())),
        "live_changes_per_frame": changes[0],
        "encoded_changes_per_frame": changes[1],
    }


def measure_browser(video: Path, task: Path, seconds: float) -> dict:
    """The page Live in Chromium, and MediaPipe's Python package on the same video."""
    from tests.browser.conftest import free_port, serve
    from train.browsers import find_browser

    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "camera.mjpeg"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(video), "-an", "-c:v", "mjpeg"]
        subprocess.run([*command, "-q:v", "4", "-vf", "scale=640:-2", str(film)], check=True)
        install_landmarker()
        with serve(cache_root(), Path(folder), free_port()) as address:
            found = _watch(str(find_browser()), address, film, task, seconds)
    return {"browser": found, "python": _python(video, task)}


def _watch(browser: str, address: str, film: Path, task: Path, seconds: float) -> dict:
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import FLAGS

    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=browser, args=[*FLAGS, *flags, f"--use-file-for-fake-video-capture={film}"]
        )
        page = running.new_page()
        page.goto(f"{address}/live")
        page.wait_for_selector(".dfe-live[data-state=drawn]", timeout=READY_S)
        page.set_input_files(".dfe-live input[type=file]", str(task))
        page.locator('.dfe-live button:text-is("Start the camera")').click()
        page.wait_for_selector(".dfe-live[data-pace]", timeout=READY_S)
        page.wait_for_timeout(3000)
        frames, spent = (int(page.get_attribute(".dfe-live", "data-frames")), _processor_s())
        page.wait_for_timeout(1000 * seconds)
        more = int(page.get_attribute(".dfe-live", "data-frames")) - frames
        pace = json.loads(page.get_attribute(".dfe-live", "data-pace")) | {"frames": more}
        pace["processor_ms_per_frame"] = 1e3 * (_processor_s() - spent) / max(1, more)
        running.close()
    return {name: round(value, 1) for name, value in pace.items()} | {"load": os.getloadavg()[0]}


def _processor_s() -> float:
    """Processor time of all processes below this one: the browser's, and the server's, which has nothing to do."""
    parents, spent = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            cells = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid], spent[pid] = int(cells[1]), int(cells[11]) + int(cells[12])
    below = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return sum(spent.get(pid, 0) for pid in below) / os.sysconf("SC_CLK_TCK")


def _python(video: Path, task: Path) -> dict | None:
    """Frames a second of the Face Landmarker in Python, None where the extra is not installed."""
    from dfe_core.live.sources import video_frames

    took = []
    try:
        for _, arrival_s in video_frames(video, task):
            took.append(1e3 * (time.perf_counter() - arrival_s))
    except DataError:
        return None
    return {"fps": round(1e3 * len(took) / sum(took), 1), "median": round(float(np.median(took)), 1)}


if __name__ == "__main__":
    main()
