"""Who the server answers: a token, its own names, its own pages; and what its answers forbid a browser."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from dashboard.shell.access import HOSTS, TOKEN, Access, Guard

ACCESS = Access(token="secret")
COOKIE = ("cookie", "dfe-token-8501=secret")


async def _page(scope, receive, send):
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"page"})


def ask(
    *headers: tuple[str, str],
    path: str = "/data",
    query: str = "",
    kind: str = "http",
    method: str = "GET",
    access: Access = ACCESS,
) -> tuple[int, dict[str, str]]:
    """Status (a websocket: 101, or the code that it is closed with) and headers of the answer."""
    sent: list[dict] = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": f"{kind}.connect"}

    held = {"host": "localhost:8501", **dict(headers)}
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "server": ("127.0.0.1", 8501),
        "headers": [(k.encode(), v.encode()) for k, v in held.items()],
    }
    with ThreadPoolExecutor(1) as thread:  # a browser of tests before these leaves a loop running in this one
        thread.submit(asyncio.run, Guard(_page, access)(scope, receive, send)).result()
    first = sent[0]
    status = first.get("status") or first.get("code") or 101
    return status, {k.decode(): v.decode() for k, v in first.get("headers", ())}


def test_without_the_token_nothing_but_the_health_is_answered():
    assert ask()[0] == 403 and ask(path="/_stcore/health")[0] == 200
    assert ask(query="token=secre")[0] == 403 and ask(query="token=")[0] == 403
    assert ask(("cookie", "dfe-token-8501=wrong"))[0] == 403 and ask(("cookie", "dfe-token-9999=secret"))[0] == 403
    assert ask(kind="websocket", path="/_stcore/stream")[0] == 4403
    assert ask(method="PUT", path="/_stcore/upload_file/1/2", query="token=secret")[0] == 403


def test_the_address_with_the_token_leads_to_the_page_without_it_and_a_cookie_keeps_it():
    status, headers = ask(query="dataset=a+b&token=secret&model=m")
    assert status == 303 and headers["location"] == "/data?dataset=a+b&model=m"
    assert headers["set-cookie"] == "dfe-token-8501=secret; Path=/; HttpOnly; SameSite=Lax"
    assert ask(query="token=secret", path="//evil.example/x")[1]["location"] == "/evil.example/x"
    assert ask(COOKIE)[0] == 200 and ask(COOKIE, kind="websocket")[0] == 101
    assert "Secure" in ask(("x-forwarded-proto", "https"), query="token=secret")[1]["set-cookie"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8501",
        "evil.example",
        "localhost.evil.example",
        "",
        "localhost:x",
        "localhost@evil.example",
        "127.0.0.1.nip.io",
        "localhost/x",
    ],
)
def test_a_name_that_was_rebound_to_this_machine_is_not_answered(host: str):
    """S1-5: the page at http://evil.example:8501 is of the same origin as itself, and 127.0.0.1 by now."""
    for kind in ("http", "websocket"):
        assert ask(("host", host), ("origin", f"http://{host}"), COOKIE, kind=kind)[0] in (403, 4403)
        assert ask(("host", host), COOKIE, kind=kind, access=Access(token=""))[0] in (403, 4403)


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1:8501", "[::1]:8501", "LOCALHOST", "localhost."])
def test_names_of_this_machine_are_answered(host: str):
    assert ask(("host", host), COOKIE)[0] == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:9999", "null", "http://localhost.evil.example", "http://["]
)
def test_pages_of_other_origins_open_no_websocket_and_change_nothing(origin: str):
    for access in (ACCESS, Access(token="")):
        assert ask(("origin", origin), COOKIE, kind="websocket", access=access)[0] == 4403
        assert ask(("origin", origin), COOKIE, method="PUT", access=access)[0] == 403
    assert ask(("origin", "http://localhost:8501"), COOKIE, kind="websocket")[0] == 101


def test_no_other_site_frames_a_page_and_pages_load_nothing_from_elsewhere():
    for answer in (ask(COOKIE), ask()):
        policy = answer[1]["content-security-policy"]
        assert "frame-ancestors 'self'" in policy and "img-src 'self' data: blob:;" in policy
        assert answer[1]["x-frame-options"] == "SAMEORIGIN"


def test_what_the_environment_says():
    named = Access.of_environment({TOKEN: "x", HOSTS: "Lab.example.org, other"})
    assert named.hosts[3:] == ("lab.example.org", "other")
    assert Access.of_environment({TOKEN: ""}).token == "" and ask(access=Access(token=""))[0] == 200
    tokens = {Access.of_environment({}).token for _ in range(20)}
    assert len(tokens) == 20 and min(map(len, tokens)) >= 32


def test_with_a_login_the_way_back_from_the_provider_is_open_and_nothing_else_than_before():
    """The provider's page leads the browser back by a GET that has no Origin of ours."""
    back = {"path": "/oauth2callback", "query": "code=c&state=s"}
    named = Access(token="", hosts=("localhost", "lab.example.org"))
    own, foreign = ("host", "lab.example.org"), ("origin", "https://id.example.org")
    assert ask(own, ("referer", "https://id.example.org/"), access=named, **back)[0] == 200
    assert ask(("host", "evil.example"), access=named, **back)[0] == 403
    assert ask(own, foreign, access=named, method="POST", **back)[0] == 403
    assert ask(own, foreign, access=named, kind="websocket")[0] == 4403
    limited = replace(named, admits=lambda path, cookies: "/media/" not in path or cookies.get("who") == "ana")
    assert ask(own, access=limited, **back)[0] == 200 and ask(own, access=limited, path="/x/media/1.jpg")[0] == 403
    assert ask(own, ("cookie", "a=b; who=ana"), access=limited, path="/media/1.jpg")[0] == 200
    assert ask(**back)[0] == 403 and ask(COOKIE, **back)[0] == 200  # a token of one's own is asked for here as well


@pytest.mark.parametrize(
    "path", ["/media/a/_stcore/health", "/_stcore/upload_file/a/_stcore/health", "/x/_stcore/health"]
)
def test_an_address_that_only_ends_like_the_health_takes_the_token(path: str):
    assert ask(path=path)[0] == ask(path=path, method="PUT")[0] == 403
    below = Access(token="secret", base="/x/")
    assert ask(path="/x/_stcore/health", access=below)[0] == 200 and ask(path="/_stcore/health", access=below)[0] == 403


def test_what_is_no_plain_text_in_a_path_stays_escaped_on_the_way_to_the_page():
    asked = ask(query="token=secret", path="/caf\u00e9 \u30c7\r\nset-cookie: a=b")
    assert asked[0] == 303 and asked[1]["location"] == "/caf%C3%A9%20%E3%83%87%0D%0Aset-cookie%3A%20a%3Db"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 200),
        ({"sec-fetch-dest": "document", "sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-dest": "image", "sec-fetch-site": "same-origin"}, 403),  # in a name that somebody wrote
        ({"sec-fetch-dest": "document", "sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_a_login_is_ended_by_a_click_on_a_page_of_ours_alone(sent: dict[str, str], status: int):
    ended: list[dict[str, str]] = []
    access = replace(ACCESS, ends=lambda cookies: ended.append(dict(cookies)))
    assert ask(COOKIE, *sent.items(), path="/auth/logout", access=access)[0] == status
    assert ended == ([{"dfe-token-8501": "secret"}] if status == 200 else [])


def test_a_page_hears_only_what_it_may():
    heard: list[bytes] = []

    async def page(scope, receive, send):
        while (message := await receive())["type"] == "websocket.receive":
            heard.append(message["bytes"])

    said = iter([{"type": "websocket.receive", "bytes": b"no"}, {"type": "websocket.receive", "text": "no"}])
    more = iter([{"type": "websocket.receive", "bytes": b"yes"}, {"type": "websocket.disconnect"}])

    async def receive():
        return next(said, None) or next(more)

    access = replace(ACCESS, hears=lambda message, cookies: message == b"yes" and "dfe-token-8501" in cookies)
    headers = [(b"host", b"localhost:8501"), tuple(part.encode() for part in COOKIE)]
    scope = {"type": "websocket", "path": "/", "server": ("127.0.0.1", 8501), "headers": headers}
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, Guard(page, access)(scope, receive, None)).result()
    assert heard == [b"yes"]


@pytest.mark.parametrize(
    ("size", "status"), [({"content-length": "100"}, 200), ({"content-length": "101"}, 413), ({}, 413)]
)
def test_an_upload_says_its_size_and_leaves_the_server_its_memory(size: dict[str, str], status: int):
    access = replace(ACCESS, has_room=lambda size: size <= 100)
    for method, answer in (("PUT", status), ("DELETE", 200)):
        asked = ask(COOKIE, *size.items(), path="/_stcore/upload_file/a/b", method=method, access=access)
        assert asked[0] == answer
