"""The page of raters opens by its link alone, and by that link nothing else of the server opens."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from dashboard.shell.access import Access, Guard
from dashboard.shell.rating_page import MOST_BYTES, address_of, is_address, rating_routes
from dfe_core.ratings.design import Task
from dfe_core.ratings.store import RatingStudy, invite, next_item, pseudonym, revoke
from tests.ratings.conftest import study, study_template  # noqa: F401


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


async def _secret(request) -> Response:
    return Response("recordings of people")


async def _socket(websocket) -> None:
    await websocket.accept()


def server(base: str = "", admits: bool = True) -> Guard:
    """The page behind the guard, with everything else of the server below it."""
    routes = [
        *rating_routes(base),
        Route("/{path:path}", _secret, methods=["GET", "PUT", "POST", "DELETE"]),
        WebSocketRoute("/{path:path}", _socket),
    ]
    access = Access(
        token="secret",
        is_invited=lambda path, method: is_address(path, method, base),
        admits=lambda path, cookies: admits,
    )
    return Guard(Starlette(routes=routes), access)


def ask(path, method="GET", form=None, cookie="", app=None, kind="http", body=None, **headers) -> Answer:
    sent: list[dict] = []
    content = urlencode(form).encode() if form is not None else body or b""

    async def send(message):
        sent.append(message)

    async def receive():
        return (
            {"type": "http.request", "body": content, "more_body": False}
            if kind == "http"
            else {"type": "websocket.connect"}
        )

    named = {"host": "localhost:8501", **({"cookie": cookie} if cookie else {}), **headers}
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in named.items()],
        "root_path": "",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8501),
        "subprotocols": [],
    }
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, (app or server())(scope, receive, send)).result()
    first = sent[0]
    found = {k.decode(): v.decode() for k, v in first.get("headers", ())}
    text = b"".join(part.get("body", b"") for part in sent[1:]).decode("utf-8", "replace")
    return Answer(first.get("status") or first.get("code") or 101, found, text)


@pytest.fixture
def link(study) -> str:  # noqa: F811
    return "/" + address_of(invite(study)[1])


def begun(link: str) -> str:
    """The cookie of a new rater."""
    answer = ask(link, "POST", {"act": "begin"})
    assert answer.status == 303 and answer.headers["location"] == link
    return answer.headers["set-cookie"].partition(";")[0]


def test_the_link_opens_the_questions_and_nothing_else(link):
    assert ask(link).status == 200 and "Start" in ask(link).body
    for path in (
        "/",
        "/data",
        "/_stcore/health2",
        f"{link}/",
        f"{link}/x",
        f"{link}/../data",
        "/rate",
        "/rate/",
        f"/x{link}",
    ):
        assert ask(path).status == 403, path
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert ask(link, method).status == 403
    assert ask(f"{link}/{'0' * 32}.png", "POST").status == 403
    assert ask(link, kind="websocket").status == 4403
    assert ask("/_stcore/stream", kind="websocket", cookie=begun(link)).status == 4403
    assert ask(f"{link}/_stcore/upload_file/1/2", "PUT").status == 403
    assert ask(link, app=server(admits=False)).status == 200 and ask("/data", app=server(admits=False)).status == 403


def test_the_cookie_of_a_rater_opens_nothing_else(link):
    cookie = begun(link)
    assert cookie.startswith("dfe-rater=")
    set_cookie = ask(link, "POST", {"act": "begin"}).headers["set-cookie"]
    assert all(part in set_cookie for part in ("HttpOnly", "SameSite=lax", f"Path={link}"))
    assert (
        ask("/data", cookie=cookie).status == 403 and ask("/data", cookie=f"dfe-token-8501={cookie[10:]}").status == 403
    )


def test_the_guard_of_names_and_origins_holds_for_raters_too(link):
    assert ask(link, host="evil.example").status == 403
    assert ask(link, "POST", {"act": "begin"}, origin="http://evil.example").status == 403
    assert ask(link, "POST", {"act": "begin"}, origin="http://localhost:8501").status == 303


def test_a_wrong_a_revoked_and_an_ended_link_open_nothing(link, study):  # noqa: F811
    assert ask("/rate/" + "A" * 32).status == 404
    cookie = begun(link)
    revoke(study, study.invitations[0].id)
    for answer in (ask(link), ask(link, cookie=cookie), ask(link, "POST", {"act": "begin"})):
        assert answer.status == 404 and "closed" in answer.body and "set-cookie" not in answer.headers
    assert ask(f"{link}/{study.rest}").status == 404


def test_a_study_is_walked_reloaded_and_answered_once(link, study):  # noqa: F811
    cookie = begun(link)
    name = pseudonym(cookie.partition("=")[2])
    seen = 0
    while (item := next_item(study, study.rater(name))) is not None:
        page = ask(link, cookie=cookie)
        assert f'name="item" value="{item.number}"' in page.body and ask(link, cookie=cookie).body.count("<button") >= 1
        values = re.findall(r'name="choice" value="(\d)"', page.body)
        assert sorted(values) == [str(i) for i in range(len(item.options))]
        form = {"act": "answer", "item": item.number, "choice": item.right, "text": "<b>brows</b> & up"}
        assert ask(link, "POST", form, cookie).status == 303 == ask(link, "POST", form, cookie).status
        seen += 1
    assert seen == len(study.items) and "Thank you" in ask(link, cookie=cookie).body
    answers = study.rater(name).answers
    assert len(answers) == seen
    assert all(a.choice == study.items[a.item].right for a in answers if study.items[a.item].task is not Task.WORDS)


def test_pictures_are_those_of_the_links_own_study(link, study):  # noqa: F811
    assert ask(f"{link}/{study.rest}").headers["content-type"] == "image/png"
    assert {ask(f"{link}/{name}").status for name in study.shown} == {200}
    assert ask(f"{link}/{'0' * 32}.png").status == 404
    assert all(re.fullmatch(r"[0-9a-f]{32}\.png", name) for name in study.shown)


def test_the_page_says_nothing_of_people_files_or_the_right_answer(link, study):  # noqa: F811
    page = ask(link, cookie=begun(link))
    held = page.body + str(page.headers)
    for secret in ("r0", "recording", str(study.path), "ratings--", "codeword", "correct"):
        assert secret not in held, secret
    assert page.headers["cache-control"] == "no-store" and "noindex" in page.headers["x-robots-tag"]
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script" not in policy and "<script" not in page.body
    nonce = re.search(r"nonce-([\w-]+)", policy)[1]
    assert f'nonce="{nonce}"' in page.body and nonce not in ask(link).body


@pytest.mark.parametrize(
    "form",
    [
        {"act": "answer", "item": "99999999", "choice": "0"},
        {"act": "answer", "item": "-1", "choice": "0"},
        {"act": "answer", "item": "٣", "choice": "0"},
        {"act": "answer"},
        {"act": "begin\0"},
    ],
)
def test_wrong_forms_are_refused_or_shown_the_page_again(link, study, form):  # noqa: F811
    cookie = begun(link)
    assert ask(link, "POST", form, cookie).status in (303, 400)
    assert study.rater(pseudonym(cookie.partition("=")[2])).answers == ()


def test_a_flood_is_refused(link, study):  # noqa: F811
    assert ask(link, "POST", body=b"x" * (MOST_BYTES + 1)).status == 413
    assert ask(link, "POST", body=b"\xff" * 100, cookie="dfe-rater=; =; \x01").status == 303
    assert len(RatingStudy(study.path).raters()) == 0


def test_the_link_works_below_a_base_path(study):  # noqa: F811
    token = invite(study)[1]
    app = server("/lab/faces")
    assert ask(f"/lab/faces/rate/{token}", app=app).status == 200
    assert ask(f"/rate/{token}", app=app).status == 403
    assert replace(Access(token="t")).is_invited(f"/rate/{token}", "GET") is False  # unless the app says so
