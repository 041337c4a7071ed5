"""Videos are served from where they lie, in ranges, only as long as a recording is linked to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import streamlit as st
from starlette.applications import Starlette

from dashboard.data import films, media
from dashboard.shell.login_cookie import admits
from dashboard.shell.page_addresses import page_addresses
from dfe_core.expressions.dataset import Dataset
from dfe_core.video.links import Link, link, unlink
from tests.dashboard.fake_cache import build
from tests.numbered_film import shown_ms, write_numbered


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, toy_face) -> Dataset:
    root = tmp_path_factory.mktemp("films")
    build(root / "cache", toy_face, codewords=8, stages=2, subjects=1, seconds=2)
    write_numbered(root / "a.webm", 40)
    (root / "passwd").write_bytes((root / "a.webm").read_bytes())
    return Dataset.open("simulated", root / "cache")


@pytest.fixture
def ask(monkeypatch) -> Callable[..., tuple[int, dict[str, str], bytes]]:
    """Status, headers and body of a GET."""
    monkeypatch.setattr(st, "get_option", lambda name: "")
    app = Starlette(routes=page_addresses())

    def asked(path: str, wanted: str = "bytes=0-") -> tuple[int, dict[str, str], bytes]:
        said: list[dict] = []

        async def send(message: dict) -> None:
            said.append(message)

        async def receive() -> dict:
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "root_path": "", "scheme": "http"}
        scope["asgi"] = {"version": "3.0", "spec_version": "2.4"}
        scope |= {"headers": [(b"range", wanted.encode())], "http_version": "1.1", "server": ("localhost", 80)}
        with ThreadPoolExecutor(1) as apart:  # Playwright's loop runs in this thread once a browser test was here
            apart.submit(asyncio.run, app(scope, receive, send)).result()
        headers = {name.decode(): value.decode() for name, value in said[0]["headers"]}
        return said[0]["status"], headers, b"".join(part.get("body", b"") for part in said[1:])

    return asked


def test_the_player_gets_the_video_in_ranges_and_the_frame_of_every_row(dataset: Dataset, ask):
    video = dataset.root.parent / "a.webm"
    link(dataset, {"subject01-take1": Link(video=video)})
    frame = dataset.frames("subject01-take1").frame[10:50]
    film = films.film_of(dataset, "subject01-take1")
    data = films.film_data(dataset, "subject01-take1", film, frame)
    status, headers, body = ask(f"/recordings/{data['video']}", "bytes=100-199")
    assert status == 206 and body == video.read_bytes()[100:200] and headers["content-type"] == "video/webm"
    pack = ask(f"/{data['times']}")[2]
    header = json.loads(pack[8 : 8 + int.from_bytes(pack[4:8], "little")])
    entry = header["arrays"]["frame"]
    start = 8 + int.from_bytes(pack[4:8], "little") + entry["offset"]
    found = np.frombuffer(pack, "<i4", entry["shape"][0], start)
    assert (found == np.abs(frame[:, None] / 30 - shown_ms(40) / 1000).argmin(1)).all()


def test_an_address_ends_with_the_link_and_others_are_unknown(dataset: Dataset, ask):
    link(dataset, {"subject01-take1": Link(video=dataset.root.parent / "a.webm")})
    address = films.video_address(dataset, "subject01-take1")
    assert ask(f"/{address}")[0] == 206
    unlink(dataset)
    assert ask(f"/{address}")[0] == 404
    assert ask(f"/{films.FOLDER}/{'0' * 48}")[0] == 404


def test_only_files_with_the_ending_of_a_video_are_shown(dataset: Dataset):
    link(dataset, {"subject01-take1": Link(video=dataset.root.parent / "passwd")})
    assert films.film_of(dataset, "subject01-take1") is None
    assert films.film_of(dataset, "subject01-take2") is None


def test_where_people_log_in_a_video_is_for_viewers():
    assert films.FOLDER.startswith(f"{media.FOLDER}/") and not admits(f"/recordings/{films.FOLDER}/0", {})
