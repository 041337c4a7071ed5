"""Every page's own address serves Streamlit's page, told where the server is."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import streamlit as st
from starlette.applications import Starlette

from dashboard.data import media
from dashboard.links.routes import FIRST, TITLES
from dashboard.shell.page_addresses import TOLD, page_addresses, told

INDEX = (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")


def answer(app: Starlette, path: str) -> tuple[int, str]:
    """Status and body of a GET."""
    said: list[dict] = []

    async def send(message: dict) -> None:
        said.append(message)

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"codeword=3",
        "headers": [],
        "root_path": "",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("localhost", 80),
    }
    with ThreadPoolExecutor(1) as apart:  # Playwright's loop runs in this thread once a browser test was here
        apart.submit(asyncio.run, app(scope, receive, send)).result()
    return said[0]["status"], b"".join(part.get("body", b"") for part in said[1:]).decode()


def test_the_server_is_named_before_the_first_script_and_nothing_else_changes():
    assert told(INDEX).replace(TOLD, "") == INDEX
    assert told(INDEX).index(TOLD) == INDEX.index("<script")


def test_a_page_without_scripts_is_left_alone():
    assert told("<html></html>") == "<html></html>"


@pytest.mark.parametrize("base", ["", "lab", "/lab/faces/"])
def test_every_page_is_served_below_the_base_path(base, monkeypatch):
    monkeypatch.setattr(st, "get_option", lambda name: base)
    app, under = Starlette(routes=page_addresses()), "/".join(["", *filter(None, base.split("/"))])
    pages = [name for name in TITLES if name != FIRST]
    assert {name: answer(app, f"{under}/{name}") for name in pages} == dict.fromkeys(pages, (200, told(INDEX)))
    assert answer(app, f"{under}/{FIRST}")[0] == 307  # to the dashboard's own address, which is the first page
    assert answer(app, f"{under}/nowhere")[0] == 404


@pytest.mark.parametrize("base", ["", "lab"])
def test_contents_are_served_where_every_page_looks_for_them(base, monkeypatch):
    monkeypatch.setattr(st, "get_option", lambda name: base)
    app, under = Starlette(routes=page_addresses()), f"/{base}".rstrip("/")
    here = media.address(b"DFE1 and more", "application/octet-stream")
    for folder in ("", "/codebook"):  # beside the page, or below one that was opened with a slash at its end
        assert answer(app, f"{under}{folder}/{here}") == (200, "DFE1 and more")
    assert answer(app, f"{under}/{media.FOLDER}/{'0' * 64}")[0] == 404


def test_one_content_has_one_address_and_its_kind_is_part_of_it():
    assert media.address(b"x", "image/png") == media.address(b"x", "image/png") != media.address(b"x", "image/jpeg")


def test_the_contents_named_last_are_kept():
    contents = media.Contents(limit=250)
    keys = [contents.keep(media.Content(bytes([i]) * 100, "image/png")) for i in (0, 1)]
    contents.keep(media.Content(bytes([0]) * 100, "image/png"))
    keys.append(contents.keep(media.Content(bytes([2]) * 100, "image/png")))
    assert [contents.get(key) is not None for key in keys] == [True, False, True]
    large = contents.keep(media.Content(b"x" * 1000, "image/png"))
    assert contents.get(large) is not None, "a page gets what it has just named"
