"""Who reaches the dashboard: a token in its address, the names it answers to, and what browsers may do with its pages.

In front of every request, whatever a user's own Streamlit configuration allows. Knows no Streamlit.

- Token: as Jupyter has it. The address that ``dfe dashboard`` prints holds it once; a cookie keeps it from then on.
- Host: only names of this machine are answered, so that a page of the web that rebinds its own name (DNS rebinding) is
  refused; so is every websocket and every change asked for by a page of another origin.
- Content-Security-Policy: no other site frames the pages (clickjacking), and they load nothing from anywhere else.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

TOKEN, HOSTS = "DFE_TOKEN", "DFE_HOSTS"
"""Variables of the environment: the token (empty: none is asked for), and further names to answer to, by commas."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
HEALTH, LOGOUT, UPLOAD = "/_stcore/health", "/auth/logout", "/_stcore/upload_file/"
_LOCAL = "'self' data: blob:"
_POLICY = {
    "default-src": _LOCAL,
    "script-src": f"{_LOCAL} 'unsafe-inline' 'unsafe-eval'",  # Streamlit's and plotly's own need both
    "style-src": f"{_LOCAL} 'unsafe-inline'",
    **dict.fromkeys(("img-src", "media-src", "font-src", "connect-src", "worker-src", "frame-src"), _LOCAL),
    **dict.fromkeys(("frame-ancestors", "form-action", "base-uri"), "'self'"),
    "object-src": "'none'",
}
_HEADERS = {
    "content-security-policy": "; ".join(f"{name} {places}" for name, places in _POLICY.items()),
    "x-frame-options": "SAMEORIGIN",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
_CLOSED = (
    "This dashboard opens with the address that dfe dashboard printed where it was started: it ends in "
    "?token=… and is needed once in each browser."
)

_FULL = "The server has no memory for this file: name its folder instead."
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def new_token() -> str:
    """192 random bits for an address."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, kw_only=True)
class Access:
    """What is asked of a request. token: empty where none is; hosts: names of the server, without ports; admits:
    whether a path may be asked for with these cookies, where people log in; hears: whether a message over a websocket
    is handed on; ends: what is done with the cookies of whoever logs out; has_room: whether so many bytes may be
    uploaded; is_invited: whether a path, asked for by a method, is of the page of invited raters, which has tokens of
    its own and needs neither the server's nor a login. base: what comes before every path."""

    token: str
    hosts: tuple[str, ...] = LOOPBACK
    admits: Callable[[str, Mapping[str, str]], bool] = lambda path, cookies: True
    hears: Callable[[bytes, Mapping[str, str]], bool] = lambda message, cookies: True
    ends: Callable[[Mapping[str, str]], None] = lambda cookies: None
    has_room: Callable[[int], bool] = lambda size: True
    is_invited: Callable[[str, str], bool] = lambda path, method: False
    base: str = ""

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> Access:
        """As `TOKEN` and `HOSTS` say; a new token where none is given."""
        environment = os.environ if environment is None else environment
        more = tuple(name.strip().lower() for name in environment.get(HOSTS, "").split(",") if name.strip())
        token = environment.get(TOKEN)
        return cls(token=new_token() if token is None else token, hosts=(*LOOPBACK, *more))

    def answers_to(self, host: str) -> bool:
        """Whether a Host header names this server; a port does not matter."""
        return hostname(host) in self.hosts

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Whether a request's Origin is the very page that the server serves under `host`; none is sent by programs."""
        try:
            return not origin or urlsplit(origin).netloc.lower() == host.lower()
        except ValueError:  # no address at all
            return False

    def is_health(self, path: str) -> bool:
        """Whether a path is the one that says whether the server works, which takes no token."""
        return path == "/".join(("", *filter(None, self.base.split("/")))) + HEALTH

    def knows(self, token: str) -> bool:
        """Whether a token is the server's, in constant time."""
        return not self.token or hmac.compare_digest(token.encode(), self.token.encode())


def hostname(host: str) -> str:
    """The name in a Host header, without its port; empty where it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises ValueError where it is no number
    except ValueError:
        return ""
    plain = not (parts.username or parts.password or parts.path or parts.query or parts.fragment)
    return (parts.hostname or "").rstrip(".") if plain else ""


class Guard:
    """ASGI middleware that lets through what `Access` allows, and adds the headers to every answer."""

    def __init__(self, app: App, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        refused = self._refused(scope, headers)
        if refused is None:
            if scope["type"] == "websocket":
                cookies = _cookies(headers)
                receive = _heard(receive, lambda message: self.access.hears(message, cookies))
            elif scope["path"].endswith(LOGOUT):
                self.access.ends(_cookies(headers))
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403})
        else:
            await _answer(_with_headers(send), *refused)

    def _refused(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str, dict[str, str]] | None:
        """Status, text and headers of a refusal (or of the way to the page without the token), None to let through."""
        host, changes = headers.get("host", ""), scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        if not self.access.answers_to(host):
            return 403, "This server does not answer to that name.", {}
        if changes and not self.access.is_own_origin(headers.get("origin", ""), host):
            return 403, "A page of another site asked for this.", {}
        if scope["path"].endswith(LOGOUT) and not _is_own_click(headers):
            return 403, "A picture or a page of another site asked for this.", {}
        if scope["type"] == "http" and self.access.is_invited(scope["path"], scope["method"]):
            return None
        cookies = _cookies(headers)
        if not self.access.admits(scope["path"], cookies):
            return 403, "This takes a login, and a role.", {}
        if self.access.is_health(scope["path"]) or self.access.knows(cookies.get(_cookie_name(scope), "")):
            return None if self._has_room(scope, headers) else (413, _FULL, {})
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        given = dict(query).get("token", "")
        if changes or not given or not self.access.knows(given):
            return 403, _CLOSED, {}
        rest = urlencode([pair for pair in query if pair[0] != "token"])
        where = "/" + quote(scope["path"].lstrip("/\\")) + (f"?{rest}" if rest else "")
        return (
            303,
            "",
            {
                "location": where,
                "cache-control": "no-store",
                "set-cookie": f"{_cookie_name(scope)}={self.access.token}; Path=/; HttpOnly; SameSite=Lax"
                + ("; Secure" if headers.get("x-forwarded-proto") == "https" else ""),
            },
        )

    def _has_room(self, scope: Scope, headers: Mapping[str, str]) -> bool:
        """Whether there is memory for an upload, all of which Streamlit keeps there; its size must be said."""
        if scope["type"] == "websocket" or scope["method"] != "PUT" or UPLOAD not in scope["path"]:
            return True
        size = headers.get("content-length", "")
        return size.isdecimal() and self.access.has_room(int(size))


def _is_own_click(headers: Mapping[str, str]) -> bool:
    """Whether a browser goes to an address itself, from here: no picture in a text, no link of another site."""
    where, whence = headers.get("sec-fetch-dest", "document"), headers.get("sec-fetch-site", "none")
    return where in ("document", "iframe") and whence in ("same-origin", "none")


def _heard(receive: Receive, hears: Callable[[bytes], bool]) -> Receive:
    """What a websocket says without the messages that are not to be heard."""

    async def heard() -> Message:
        while True:
            message = await receive()
            if message["type"] != "websocket.receive" or hears(message.get("bytes") or b""):
                return message

    return heard


def _cookie_name(scope: Scope) -> str:
    """One a port: browsers send the cookies of a machine to all of its ports."""
    return f"dfe-token-{(scope.get('server') or ('', 0))[1]}"


def _cookies(headers: Mapping[str, str]) -> dict[str, str]:
    try:
        return {name: held.value for name, held in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            taken = {name for name, _ in message.get("headers", ())}
            message["headers"] = [
                *message.get("headers", ()),
                *((n.encode(), v.encode()) for n, v in _HEADERS.items() if n.encode() not in taken),
            ]
        await send(message)

    return sent


async def _answer(send: Send, status: int, text: str, headers: Mapping[str, str]) -> None:
    plain = {"content-type": "text/plain; charset=utf-8", **headers}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in plain.items()],
        }
    )
    await send({"type": "http.response.body", "body": text.encode()})
