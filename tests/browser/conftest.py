"""A dashboard server on a small cache, and a real Chromium. In CI a missing browser fails, elsewhere it skips."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tests.built_once import built_once
from tests.dashboard.fake_cache import add_analyses, add_model, add_pictures, add_syllables, build
from tests.ports import free_port
from train.browsers import find_browser

PROJECT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-sandbox",
    "--disable-quic",
    "--disable-gpu-compositing",
    "--disable-accelerated-2d-canvas",  # of use with a real GPU only
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
VIEWPORT = {"width": 1280, "height": 900}
START_S = 180
PATIENCE_MS = 60_000
"""For what comes at once on an idle machine, and late on one that does three things besides."""
WRITTEN = "[data-testid=stApp][data-test-script-state=notRunning]"
"""While no run of the page's script goes on."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """A headless Chromium."""
    path = find_browser()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        reason = "no Chromium or no Playwright here: `make test` installs both"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@contextmanager
def serve(
    cache: Path, folder: Path, port: int | None = None, options: tuple[str, ...] = (), **environment: str
) -> Iterator[str]:
    """`streamlit run dashboard/app.py` from another folder; yields its address."""
    port = port or free_port()
    log = open(folder / f"server-{port}.log", "wb")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(PROJECT / "dashboard" / "app.py"),
            "--server.port",
            str(port),
            "--server.headless",
            "true",
            *options,
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={
            **os.environ,
            "DFE_CACHE": str(cache),
            "OMP_NUM_THREADS": "1",
            "DFE_TOKEN": "",
            "DFE_ROOTS": "/",
            **environment,
        },
    )
    try:
        wait_for(process, f"http://localhost:{port}/_stcore/health", folder / f"server-{port}.log")
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        log.close()


def wait_for(process: subprocess.Popen, address: str, log: Path) -> None:
    """Until the server answers; its log when it ends or never does."""
    for _ in range(START_S * 10):
        try:
            with urllib.request.urlopen(address, timeout=10):
                return
        except OSError:
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            break
    pytest.fail(f"the dashboard did not start:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def small_cache(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    def make(root: Path) -> None:
        build(root, toy_face, codewords=40, stages=4)
        add_model(root, toy_face, "second")
        add_analyses(root)
        add_syllables(root)
        for model in ("default", "second"):
            add_pictures(root, model)

    return built_once(tmp_path_factory, "browser", make)


@pytest.fixture(scope="session")
def server(small_cache: Path, browser) -> Iterator[str]:
    """One server for the session, on a small filled cache, which gives a full scene time on a busy machine."""
    with serve(small_cache, small_cache.parent, DFE_SCENE_LIMIT_S="25") as address:
        yield address


@dataclass
class Visit:
    """One page in one browser context, with what its console said."""

    page: object
    base: str
    usual: bool = False
    said: list[str] = field(default_factory=list)

    def hear(self, message) -> None:
        """Keep a complaint of the console."""
        self.said.extend(complaints(message))

    def catch(self, error) -> None:
        """Keep an error that no script caught."""
        self.said.append(f"uncaught: {error}")

    def reset(self) -> None:
        """Leave the page as a new one for the next test."""
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self.page.remove_listener("console", self.hear)
        self.page.remove_listener("pageerror", self.catch)
        self.page.unroute_all()
        self.page.context.clear_cookies()
        self.page.goto("about:blank")
        self.page.emulate_media(color_scheme="null", reduced_motion="null")
        self.page.set_viewport_size(VIEWPORT)

    def open(self, path: str, ready: str | None = None) -> Visit:
        """Go to a path of the app and wait until `ready` is there."""
        self.page.goto(self.base + path)
        self.page.wait_for_selector(ready or "h1", timeout=PATIENCE_MS)
        return self

    def pixels(self, selector: str) -> np.ndarray:
        """(H, W, 3) uint8 of what is on the screen there."""
        from PIL import Image

        shot = self.page.locator(selector).first.screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    def changes(self, selector: str, before: np.ndarray, share: float) -> bool:
        """Whether more than a share of the pixels there comes to differ from `before`."""
        for _ in range(160):
            if differ(before, self.pixels(selector)) > share:
                return True
            self.page.wait_for_timeout(250)
        return False

    def draws(self, selector: str) -> bool:
        """Whether a mesh comes to stand there."""
        for _ in range(160):
            if drawn(self.pixels(selector)):
                return True
            self.page.wait_for_timeout(250)
        return False

    def rests(self, selector: str, mesh: bool = True) -> np.ndarray:
        """The picture there once it no longer changes, and, unless it is of no `mesh`, one stands in it."""
        before = self.pixels(selector)
        for _ in range(160):
            self.page.wait_for_timeout(250)
            now = self.pixels(selector)
            if differ(before, now) == 0 and (drawn(now) or not mesh):
                return now
            before = now
        raise AssertionError(f"no picture comes to rest in {selector}")

    def parameter(self, name: str) -> str | None:
        """A query parameter of the address bar."""
        from urllib.parse import parse_qs, urlparse

        return parse_qs(urlparse(self.page.url).query).get(name, [None])[0]

    def has(self, **parameters: str) -> bool:
        """Whether the address bar comes to have these query parameters."""
        from playwright.sync_api import TimeoutError as Never

        try:
            for name, value in parameters.items():
                self.until(f"new URLSearchParams(location.search).get({json.dumps(name)}) === {json.dumps(value)}")
        except Never:
            return False
        return True

    def until(self, script: str) -> None:
        """Wait until a JavaScript expression is true."""
        self.page.wait_for_function(script, timeout=PATIENCE_MS)


def new_context(browser, first: bool = False, **options: object):
    """A browser of somebody who has seen the tour, unless it is the `first` visit."""
    context = browser.new_context(viewport=VIEWPORT, **options)
    context.set_default_timeout(PATIENCE_MS)
    if not first:
        context.add_init_script("localStorage.setItem('dfe.tour', 'done')")
    return context


@pytest.fixture(scope="session")
def usual(browser) -> Iterator[Callable[[int], object]]:
    """The page of the nth plain visitor of a test, each in a context of its own. They live as long as the session: they
    have the app's scripts, compiled, from the visits before, so that they open in half the time of new ones."""
    contexts: list = []

    def page(visitor: int):
        while len(contexts) <= visitor:
            contexts.append(new_context(browser))
        opened = [each for each in contexts[visitor].pages if not each.is_closed()]
        return opened[0] if opened else contexts[visitor].new_page()

    yield page
    for context in contexts:
        context.close()


@pytest.fixture
def visit(browser, usual, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visit]]:
    """Open the dashboard, or that at `base`, as a visitor who has seen the tour unless it is the `first` visit; every
    further visit of a test is somebody else's. At the end, no visitor's console may have held an error or a warning."""
    visits: list[Visit] = []

    def make(base: str | None = None, first: bool = False) -> Visit:
        visitor = sum(each.usual for each in visits)
        page = new_context(browser, first).new_page() if first else usual(visitor)
        made = Visit(page, base or request.getfixturevalue("server"), not first)
        made.page.on("console", made.hear)
        made.page.on("pageerror", made.catch)
        visits.append(made)
        return made

    yield make
    for each in visits:
        if each.usual:
            each.reset()
        else:
            each.page.context.close()
    assert [line for each in visits for line in each.said] == []


def complaints(message) -> list[str]:
    """Errors and warnings. Left out: plotly's own reading back of its canvas, and the driver's remarks on software
    WebGL."""
    if message.type not in ("error", "warning"):
        return []
    where = (message.location or {}).get("url", "")
    if any(known in message.text for known in ("GPU stall", "software WebGL", "willReadFrequently")):
        return []
    return [f"{message.type}: {message.text} ({where})"]


def drawn(pixels: np.ndarray) -> bool:
    """Whether a mesh is there: many shades, over a good part of the picture."""
    flat = pixels.reshape(-1, 3).astype(int)
    background = np.median(flat[: max(1, len(flat) // 50)], axis=0)
    covered = (np.abs(flat - background).max(1) > 24).mean()
    shades = len(np.unique(flat // 8, axis=0))
    return bool(covered > 0.04 and shades > 40)


def differ(a: np.ndarray, b: np.ndarray) -> float:
    """Share of pixels that changed visibly."""
    return 1.0 if a.shape != b.shape else float((np.abs(a.astype(int) - b.astype(int)).max(2) > 12).mean())


def box_on_map(there: Visit, across: float = 0.55, down: float = 0.6) -> None:
    """Draw a box on a map, from its upper left over these shares of it."""
    there.page.get_by_role("button", name="Box").click()
    box = there.page.locator(".dfe-scatter .picture > canvas").bounding_box()
    there.page.mouse.move(box["x"] + 5, box["y"] + 5)
    there.page.mouse.down()
    there.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=4)
    there.page.mouse.up()
