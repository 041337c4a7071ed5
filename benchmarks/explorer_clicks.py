"""How long a click on a codeword takes until its mesh stands, in Chromium: ``python benchmarks/explorer_clicks.py``.

Starts the dashboard on the cache (``$DFE_CACHE`` or ./cache) and clicks cards of the gallery beside an open codeword,
one after the other, looking at each for `--dwell` seconds once its page stands. Times are taken in the browser, from
the click event to the frame in which

- `mesh_ms`: the face has come to rest as the new codeword (a glide of 120 ms from the one before is part of it),
- `page_ms`: the heading of the page is the new codeword's too, after the server's answer.

Memory is what the server and Chromium hold once every codeword was open (or half of the clicks were made), and at the
end.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))
FLAGS = [
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-sandbox",
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",
]
CLICK = """
(id) => new Promise((resolve) => {
  const card = window.__card(id), begun = performance.now();
  let mesh = null;
  const box = window.__find(".dfe-morph");
  card.click();
  const look = () => {
    const now = performance.now();
    if (mesh === null && box.dataset.codeword === String(id) && box.dataset.settled === "true") mesh = now - begun;
    const title = [...document.querySelectorAll("h3")].some((h) => h.textContent.startsWith(`Codeword ${id}:`));
    if ((mesh !== null && title) || now - begun > 15000) resolve([mesh ?? 15000, now - begun]);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})
"""
HELPERS = """
window.__find = (selector) => {
  for (const host of document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')) {
    const found = host.shadowRoot?.querySelector(selector);
    if (found) return found;
  }
  return document.querySelector(selector);
};
window.__card = (id) => window.__find(`.card[data-id="${id}"]`);
"""


def resident_mb(pid: int) -> float | None:
    """Proportional memory of a process and its children, MB, without pages of files, which the system takes back when
    it needs them; None where /proc does not tell."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            waiting += [
                int(child)
                for thread in Path(f"/proc/{one}/task").iterdir()
                for child in (thread / "children").read_text().split()
            ]
        except OSError:
            if one == pid:
                return None
            continue
        total += sum(float(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:"))) / 1024
    return round(total, 1)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(port: int) -> subprocess.Popen:
    """The dashboard; returns once it answers."""
    os.environ["DFE_TOKEN"] = ""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(PROJECT / "dashboard/app.py"),
            "--server.port",
            str(port),
            "--server.headless",
            "true",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=PROJECT,
    )
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=2).close()
            return process
        except OSError:
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            break
    raise SystemExit("error: dashboard: it did not start")


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and the largest."""
    return {
        name: round(float(v), 1)
        for name, v in zip(
            ("median", "p95", "most"), (np.median(values), np.quantile(values, 0.95), max(values)), strict=True
        )
    }


def measure(clicks: int, dwell_s: float) -> dict:
    """Clicks through the codewords in turn, in one page."""
    from playwright.sync_api import sync_playwright

    from train.browsers import find_browser

    port = free_port()
    server = serve(port)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
            return click_through(browser, server.pid, f"http://localhost:{port}/codebook", clicks, dwell_s)
    finally:
        server.terminate()
        server.wait(20)


def click_through(browser, server: int, address: str, clicks: int, dwell_s: float) -> dict:
    """The figures of one page."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)
    page.wait_for_selector(".dfe-gallery .card", timeout=60_000)
    page.evaluate(HELPERS)
    ids = page.eval_on_selector_all(".dfe-gallery .card", "cards => cards.map(c => Number(c.dataset.id))")
    page.locator(".dfe-gallery .card").first.click()
    page.wait_for_selector(".dfe-morph[data-settled=true]", timeout=60_000)
    page.wait_for_timeout(3000)
    mesh, whole, memory, load = [], [], {}, round(os.getloadavg()[0], 1)
    first = min(len(ids), clicks // 2)
    for i in range(clicks):
        taken = page.evaluate(CLICK, ids[(i + 1) % len(ids)])
        mesh.append(taken[0])
        whole.append(taken[1])
        page.wait_for_timeout(1000 * dwell_s)
        if i + 1 in (first, clicks):
            memory["start" if i + 1 < clicks else "end"] = held(page, server)
    grown = {
        name: round(memory["end"][name] / memory["start"][name] - 1, 3)
        for name in memory["start"]
        if memory["start"][name]
    }
    return {
        "clicks": clicks,
        "dwell_s": dwell_s,
        "load": load,
        "codewords": len(ids),
        "mesh_ms": spread(mesh),
        "page_ms": spread(whole),
        "memory_mb": memory,
        "grown": grown,
    }


def held(page, server: int) -> dict[str, float | None]:
    """MB of the server, of Chromium and of the page's scripts, at rest."""
    page.wait_for_timeout(2000)
    page.evaluate("window.gc?.()")
    heap = page.evaluate("performance.memory ? performance.memory.usedJSHeapSize / 1048576 : null")
    return {"server": resident_mb(server), "browser": browser_mb(), "scripts": round(heap, 1) if heap else None}


def browser_mb() -> float | None:
    """Chromium is a grandchild of this process, under Playwright's driver."""
    own = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    try:
        children = [int(c) for c in own.read_text().split()]
    except OSError:
        return None
    found = [
        mb
        for c in children
        if "streamlit" not in Path(f"/proc/{c}/cmdline").read_text()
        for mb in [resident_mb(c)]
        if mb
    ]
    return round(sum(found), 1) if found else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=200)
    parser.add_argument("--dwell", type=float, default=1.0, help="seconds of looking before the next click")
    arguments = parser.parse_args()
    json.dump(measure(arguments.clicks, arguments.dwell), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
