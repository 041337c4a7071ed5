"""The page of raters: the one page that an invitation opens, without an account, and nothing else of the server.

It is no page of Streamlit: plain HTML by GET and POST, no script, no websocket, no uploads. The token in the address is
checked at every request, and the pictures that it opens are those of its own study. A cookie for this address alone
holds a random secret by which a browser comes back to its answers. Knows no Streamlit.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from functools import cache
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from dfe_core.errors import DataError
from dfe_core.ratings.design import Item, Task, options_of
from dfe_core.ratings.store import (
    TOKEN,
    Invitation,
    Rater,
    RatingStudy,
    begin,
    find_invitation,
    give_answer,
    next_item,
    pseudonym,
)

if TYPE_CHECKING:
    from jinja2 import Template

FOLDER, COOKIE = "rate", "dfe-rater"
MOST_BYTES = 8192
"""Of what a rater sends."""
SECONDS_PER_ITEM = 8
_PICTURE = re.compile(r"[0-9a-f]{32}\.(png|gif)")
_ADDRESS = re.compile(rf"/{FOLDER}/{TOKEN.pattern}(/{_PICTURE.pattern})?")
_PRIVATE = {"cache-control": "no-store", "referrer-policy": "same-origin", "x-robots-tag": "noindex, nofollow"}
_CLOSED = "This link opens no rating study: it has ended or was taken back, or a part of it is missing."


def is_address(path: str, method: str, base: str = "") -> bool:
    """Whether a request goes to the page of raters or a picture of it, in a way that it answers: these alone need no
    token of the dashboard, and `rating_routes` answers every one of them."""
    prefix = "/".join(("", *filter(None, base.split("/"))))
    found = _ADDRESS.fullmatch(path.removeprefix(prefix)) if path.startswith(prefix) else None
    return found is not None and method in (("GET", "HEAD") if found[1] else ("GET", "HEAD", "POST"))


def rating_routes(base: str = "") -> list[Route]:
    """The routes of the page, for `st.App`. base: what comes before every path."""
    prefix = "/".join(("", *filter(None, base.split("/"))))
    return [
        Route(f"{prefix}/{FOLDER}/{{token}}", _page, methods=["GET", "HEAD", "POST"]),
        Route(f"{prefix}/{FOLDER}/{{token}}/{{picture}}", _picture, methods=["GET", "HEAD"]),
    ]


def address_of(token: str) -> str:
    """The path of an invitation, relative to where the dashboard is."""
    return f"{FOLDER}/{token}"


async def _page(request: Request) -> Response:
    form: Mapping[str, str] = {}
    if request.method == "POST":
        body = await _body(request)
        if body is None:
            return _message("This was too much", "The answer was not kept: it was too long.", 413)
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    return await run_in_threadpool(_answered, request, form)


async def _body(request: Request) -> bytes | None:
    """What was sent; None where it is too much."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return None
    return body


def _answered(request: Request, form: Mapping[str, str]) -> Response:
    try:
        found = find_invitation(request.path_params["token"])
        if found is None:
            return _message("This link is closed", _CLOSED, 404)
        study, invitation = found
        rater = _rater(study, invitation, request)
        if form.get("act") == "begin" and rater is None:
            return _begun(request, study, invitation)
        if form.get("act") == "answer" and rater is not None:
            _take(study, rater, form)
        if request.method == "POST":
            return RedirectResponse(request.url.path, 303, headers=_PRIVATE)
        return _shown(request, study, rater)
    except DataError as error:
        return _message("This did not work", f"{error.where}: {error.found}. Expected: {error.expected}.", 400)


def _rater(study: RatingStudy, invitation: Invitation, request: Request) -> Rater | None:
    """Whose browser this is; None where nobody began with this invitation in it."""
    try:
        held = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    if held is None or not TOKEN.fullmatch(held.value):
        return None
    rater = study.rater(pseudonym(held.value))
    return rater if rater is not None and rater.invitation == invitation.id else None


def _begun(request: Request, study: RatingStudy, invitation: Invitation) -> Response:
    answer = RedirectResponse(request.url.path, 303, headers=_PRIVATE)
    answer.set_cookie(
        COOKIE,
        begin(study, invitation),
        max_age=int(invitation.seconds_left(time.time())),
        path=request.url.path,
        httponly=True,
        samesite="lax",
        secure=request.headers.get("x-forwarded-proto") == "https",
    )
    return answer


def _take(study: RatingStudy, rater: Rater, form: Mapping[str, str]) -> None:
    item, choice = form.get("item", ""), form.get("choice", "-1")
    if not (item.isascii() and item.isdecimal() and len(item) < 6):
        raise DataError("this answer", "no question", "the page, loaded again")
    number = int(choice) if choice.isascii() and choice.isdecimal() and len(choice) < 4 else -1
    give_answer(study, rater, int(item), choice=number, text=form.get("text", ""))


def _shown(request: Request, study: RatingStudy, rater: Rater | None) -> Response:
    total = len(study.items)
    if rater is None:
        return _html(view="welcome", heading="Welcome", total=total, done=0, minutes=-(-total * SECONDS_PER_ITEM // 60))
    item = next_item(study, rater)
    if item is None:
        return _html(
            view="message",
            heading="Thank you",
            message="All questions are answered. You can close this page.",
            total=total,
            done=total,
        )
    return _html(
        view="item",
        heading="Question",
        total=total,
        done=len(rater.answers),
        item=item,
        base=request.url.path.rstrip("/"),
        clips=study.settings.clips,
        rest=study.rest,
        face=study.pictures[item.number][0],
        choices=_choices(study, item, rater),
    )


def _choices(study: RatingStudy, item: Item, rater: Rater) -> list[dict[str, Any]]:
    """The options in the rater's own order: the value that is sent, and its picture or name."""
    pictures = study.pictures[item.number]
    if item.task in (Task.ODD, Task.PAIR):
        return [{"value": i, "picture": pictures[i]} for i in options_of(item, rater.name)]
    return [{"value": i, "name": item.names[i]} for i in options_of(item, rater.name)] if item.names else []


def _picture(request: Request) -> Response:
    """A picture of the study that the token opens."""
    name = request.path_params["picture"]
    found = find_invitation(request.path_params["token"])
    if found is None or not _PICTURE.fullmatch(name) or name not in found[0].shown:
        return Response("No such picture.", 404, media_type="text/plain", headers=_PRIVATE)
    kind = "image/png" if name.endswith(".png") else "image/gif"
    data = found[0].picture(name)
    return Response(data, media_type=kind, headers={**_PRIVATE, "cache-control": "private, max-age=3600"})


def _message(heading: str, message: str, status: int) -> Response:
    return _html(status, view="message", heading=heading, message=message, total=0, done=0)


def _html(status: int = 200, **what: Any) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; img-src 'self' data:; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    headers = {**_PRIVATE, "content-security-policy": policy, "x-frame-options": "DENY"}
    return HTMLResponse(_template().render(nonce=nonce, **what), status, headers=headers)


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader

    folder = FileSystemLoader(Path(__file__).with_name("templates"))
    return Environment(loader=folder, autoescape=True, trim_blocks=True, lstrip_blocks=True).get_template("rating.html")
