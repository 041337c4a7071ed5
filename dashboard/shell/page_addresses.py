"""The addresses of pages and of their contents. Opened by its own link, a page tells the browser at once where its
server is.

Streamlit's browser side looks for its server below the page's own address first, is told 404 twice, which the console
shows as errors, and waits half a second before it tries a level higher. It takes another address from
``window.__streamlit`` where a host sets one. The folder that the page lies in is right behind any proxy.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ..data import films, live_parts, media
from ..links.routes import FIRST, TITLES
from .rating_page import rating_routes

TOLD = (
    '<script>window.__streamlit={BACKEND_BASE_URL:new URL(location.pathname.replace(/[^/]*\\/?$/,""),'
    "location.origin).href}</script>"
)


def page_addresses() -> list[Route]:
    """One route a page, and those of the contents that pages name relative to themselves, for `st.App`."""
    base = "/".join(["", *filter(None, st.get_option("server.baseUrlPath").split("/"))])
    places = ((media.FOLDER, _content), (films.FOLDER, _film))
    contents = [Route(f"{base}{below}/{live_parts.FOLDER}/{{name}}", _landmarker) for below in ("", "/{page}")] + [
        Route(f"{base}{below}/{folder}/{{key}}", answer) for below in ("", "/{page}") for folder, answer in places
    ]
    named = {name: _first if name == FIRST else _opened for name in TITLES}
    pages = [Route(f"{base}/{name}", answer, methods=["GET", "HEAD"]) for name, answer in named.items()]
    return [*rating_routes(base), *pages, *contents]


def told(index: str) -> str:
    """Streamlit's own page with the address of its server before its first script."""
    head, found, rest = index.partition("<script")
    return f"{head}{TOLD}{found}{rest}" if found else index


async def _opened(request: Request) -> HTMLResponse:
    index = Path(st.__file__).parent / "static" / "index.html"
    return HTMLResponse(told(index.read_text(encoding="utf-8")), headers={"Cache-Control": "no-cache"})


async def _first(request: Request) -> Response:
    """The first page has no name of its own in Streamlit: its address is that of the dashboard."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"./{query}")


async def _content(request: Request) -> Response:
    """Content never changes at its address: browsers ask once an hour."""
    found = media.contents.get(request.path_params["key"])
    if found is None:
        return Response("Not kept any more: reload the page.", 404, media_type="text/plain")
    return Response(found[0], headers={"Cache-Control": "private, max-age=3600, immutable"}, media_type=found[1])


async def _film(request: Request) -> Response:
    """A video from where it lies, in the ranges that the browser asks for."""
    video = films.video_at(request.path_params["key"])
    if video is None:
        return Response("Not shown any more: reload the page.", 404, media_type="text/plain")
    return FileResponse(video, headers={"Cache-Control": "private, no-cache"})


async def _landmarker(request: Request) -> Response:
    """A file of the landmarker for browsers, which is pinned by its version and so never changes at its address."""
    found = live_parts.landmarker_file(request.path_params["name"])
    if found is None:
        return Response("The landmarker for browsers is not installed.", 404, media_type="text/plain")
    path, kind = found
    return FileResponse(path, media_type=kind, headers={"Cache-Control": "private, max-age=86400"})
