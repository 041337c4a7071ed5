"""What a page of the web, and another account of the machine, can do to a dashboard that is open: nothing."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import FLAGS, PATIENCE_MS, serve
from train.browsers import find_browser


@pytest.fixture(scope="module")
def guarded(small_cache: Path, browser) -> Iterator[str]:
    """A server with a token."""
    with serve(small_cache, small_cache.parent, DFE_TOKEN="tok") as address:
        yield address


@pytest.fixture(scope="module")
def context(browser) -> Iterator:
    """One visitor for all tests, so that the app's scripts are compiled once."""
    made = browser.new_context()
    made.set_default_timeout(PATIENCE_MS)
    yield made
    made.close()


@pytest.fixture
def newcomer(context) -> Iterator:
    """A page of somebody whom the server has never seen."""
    context.clear_cookies()
    page = context.new_page()
    yield page
    page.close()


@pytest.fixture
def prize(guarded: str) -> Iterator[str]:
    """A page of somebody else that frames the dashboard."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(f"<iframe src='{guarded}/data?token=tok' width=900 height=700></iframe>".encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def test_the_printed_address_opens_the_pages_and_no_other_does(context, newcomer, guarded: str):
    closed = context.new_page()
    refused = closed.goto(f"{guarded}/data")
    assert refused.status == 403 and "dfe dashboard printed" in closed.inner_text("body")
    closed.close()  # its console may still tell of the refusal
    page = newcomer
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{guarded}/data?token=tok")
    page.wait_for_selector("h1")
    assert "token" not in page.url and not [line for line in said if "Content Security" in line or "403" in line]
    assert context.request.get(f"{guarded}/").status == 200  # by the cookie alone, as the page's own socket did


def test_a_page_that_frames_the_dashboard_shows_nothing_of_it(context, newcomer, guarded: str, prize: str):
    page = newcomer
    assert context.request.get(f"{guarded}/?token=tok").status == 200 and context.cookies(guarded)
    page.goto(prize)
    page.wait_for_timeout(3000)
    assert all(
        frame.url.startswith((prize, "chrome-error:")) or not frame.query_selector("[data-testid=stApp]")
        for frame in page.frames
    )


def test_a_name_that_rebinds_to_this_machine_gets_nothing(guarded: str):
    port = urlsplit(guarded).port
    rebound = [*FLAGS, "--headless=new", "--host-resolver-rules=MAP evil.example 127.0.0.1", "--dump-dom"]
    dumped = subprocess.run(
        [find_browser(), *rebound, f"http://evil.example:{port}/data?token=tok"],
        text=True,
        capture_output=True,
        timeout=180,
    )
    assert "does not answer to that name" in dumped.stdout and "stApp" not in dumped.stdout


def test_nothing_from_elsewhere_is_loaded(newcomer, guarded: str):
    page = newcomer
    asked: list[str] = []
    failed: list[tuple[str, str]] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: failed.append((request.url, request.failure or "")))
    page.goto(f"{guarded}/recordings?token=tok&recording=" + "%21%5Ba%5D(http%3A%2F%2Fleak.invalid%2Fr.png)")
    page.wait_for_selector("h1")
    page.wait_for_timeout(2000)
    assert not [url for url in asked if url.startswith("http://leak.invalid")]
    for tag, place in (("img", "src"), ("script", "src"), ("iframe", "src"), ("link", "href")):
        page.evaluate(
            "([tag, place]) => document.body.append(Object.assign(document.createElement(tag), "
            "{rel: 'stylesheet', [place]: `http://leak.invalid/${tag}`}))",
            [tag, place],
        )
    for _ in range(60):
        page.wait_for_timeout(1000)
        leaks = [(url, why) for url, why in failed if url.startswith("http://leak.invalid")]
        refused = {url.rpartition("/")[2] for url, why in leaks if "csp" in why}
        if refused >= {"img", "script", "link"}:
            break
    assert refused >= {"img", "script", "link"}
    assert all("csp" in reason for url, reason in failed if url.startswith("http://leak.invalid"))
