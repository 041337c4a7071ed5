"""A login from end to end: a provider of OpenID Connect, the server that trusts it, and a browser in between."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.browser.conftest import PATIENCE_MS, serve
from tests.ports import free_port

pytest.importorskip("authlib", reason="the extra dfe[login] is not installed")
pytest.importorskip("httpx", reason="the extra dfe[login] is not installed")

ANA, VIC, EVE = "ana@lab.org", "vic@lab.org", "eve@elsewhere.org"


class Provider(ThreadingHTTPServer):
    """Logs in whoever `person` says, without asking; `refused`: what it answered otherwise."""

    person, verified = ANA, True
    roles: Path

    def __init__(self) -> None:
        from authlib.jose import JsonWebKey

        super().__init__(("127.0.0.1", 0), Answers)
        self.key = JsonWebKey.generate_key("RSA", 2048, {"kid": "k1"}, is_private=True)
        self.codes: dict[str, dict[str, str]] = {}

    @property
    def address(self) -> str:
        return f"http://localhost:{self.server_port}"

    def token(self, nonce: str) -> str:
        from authlib.jose import jwt

        claims = {
            "iss": self.address,
            "sub": self.person,
            "aud": "dfe",
            "iat": int(time.time()),
            "exp": int(time.time()) + 600,
            "nonce": nonce,
            "email": self.person,
            "email_verified": self.verified,
        }
        return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.key).decode()


class Answers(BaseHTTPRequestHandler):
    """The four addresses of the authorization code flow."""

    server: Provider

    def do_GET(self):
        parts = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/.well-known/openid-configuration":
            own = self.server.address
            self._json(
                {
                    "issuer": own,
                    "authorization_endpoint": f"{own}/authorize",
                    "token_endpoint": f"{own}/token",
                    "jwks_uri": f"{own}/keys",
                    "code_challenge_methods_supported": ["S256"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )
        elif parts.path == "/keys":
            self._json({"keys": [self.server.key.as_dict(is_private=False)]})
        elif parts.path == "/authorize":
            code = f"code{len(self.server.codes)}"
            self.server.codes[code] = asked
            self.send_response(302)
            answer = urlencode({"code": code, "state": asked["state"]})
            self.send_header("location", f"{asked['redirect_uri']}?{answer}")
            self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        given = {key: values[0] for key, values in parse_qs(body).items()}
        asked = self.server.codes.pop(given["code"])
        digest = hashlib.sha256(given["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
        self._json({"access_token": "a", "token_type": "Bearer", "id_token": self.server.token(asked["nonce"])})

    def _json(self, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    server = Provider()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def address(provider: Provider, small_cache: Path, tmp_path_factory: pytest.TempPathFactory, browser) -> Iterator[str]:
    """A dashboard whose people log in at the provider."""
    folder, port = tmp_path_factory.mktemp("login"), free_port()
    (folder / "roles.toml").write_text(f'owner = ["{ANA}"]\nviewer = ["*@lab.org"]\n')
    (folder / "login.toml").write_text(
        f'[auth]\nredirect_uri = "http://localhost:{port}/oauth2callback"\ncookie_secret = "{"c" * 40}"\n'
        f'client_id = "dfe"\nclient_secret = "s"\n'
        f'server_metadata_url = "{provider.address}/.well-known/openid-configuration"\n'
    )
    told = {"DFE_LOGIN": "1", "DFE_ROLES": str(folder / "roles.toml")}
    provider.roles = folder / "roles.toml"
    with serve(small_cache, folder, port, ("--secrets.files", str(folder / "login.toml")), **told) as served:
        yield served


class Somebody:
    """One window of one browser, which keeps the pages' scripts, and the cookies of those who have logged in before."""

    def __init__(self, browser, address: str, provider: Provider) -> None:
        self.context = browser.new_context()
        self.context.set_default_timeout(PATIENCE_MS)
        self.page, self.address, self.provider = self.context.new_page(), address, provider
        self.cookies: dict[str, list] = {}

    def visits(self, path: str = "/"):
        """The page at a path, of whoever it is now."""
        self.page.goto(self.address + path)
        return self.page

    def nobody(self):
        """Somebody who has not logged in."""
        self.context.clear_cookies()
        return self

    def clicks_log_in(self, email: str):
        """The whole way through the provider, which takes them for `email`; returns the page."""
        self.provider.person = email
        page = self.nobody().visits()
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("button", name="Log out").wait_for()
        return page

    def as_(self, email: str):
        """Somebody who has logged in, now or in a test before."""
        if email not in self.cookies:
            self.clicks_log_in(email)
            self.cookies[email] = self.context.cookies()
        self.page.goto("about:blank")
        self.context.clear_cookies()
        self.context.add_cookies(self.cookies[email])
        return self


@pytest.fixture(scope="module")
def somebody(browser, address: str, provider: Provider) -> Iterator[Somebody]:
    one = Somebody(browser, address, provider)
    yield one
    one.context.close()


def test_who_has_not_logged_in_sees_nothing_at_any_address(somebody: Somebody):
    for path in ("/", "/recordings?dataset=live"):
        page = somebody.nobody().visits(path)
        page.get_by_role("button", name="Log in").wait_for()
        assert page.locator("h1").count() == 0 and page.locator("[data-testid=stSidebarNav]").count() == 0


def test_an_owner_logs_in_and_out(somebody: Somebody):
    page = somebody.as_(ANA).visits("/data")
    button = page.get_by_role("button", name="Delete this dataset")
    button.wait_for()
    assert button.is_enabled() and f"{ANA}, owner" in page.inner_text("[data-testid=stSidebar]")
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in").wait_for()
    copy = somebody.as_(ANA).visits("/data")  # the cookies of before
    copy.get_by_role("button", name="Log in").wait_for()
    assert copy.locator("h1").count() == 0
    del somebody.cookies[ANA]


def test_a_viewer_is_told_why_buttons_are_off(somebody: Somebody):
    page = somebody.as_(VIC).visits("/data")
    button = page.get_by_role("button", name="Delete this dataset")
    button.wait_for()
    assert button.is_disabled()
    page.get_by_text("Bring recordings in").first.click()
    page.get_by_text("for editors and owners").first.wait_for()


@pytest.mark.parametrize(("email", "verified", "why"), [(EVE, True, "no role"), (ANA, False, "not verified")])
def test_a_login_without_a_role_shows_nothing(somebody: Somebody, provider: Provider, email, verified, why):
    provider.verified = verified
    try:
        page = somebody.clicks_log_in(email)
    finally:
        provider.verified = True
    page.get_by_text(why).last.wait_for()
    assert page.locator("h1").count() == 0


def test_a_role_that_was_taken_away_is_gone_from_open_windows(somebody: Somebody, provider: Provider):
    page = somebody.as_(VIC).visits("/data")
    page.get_by_text("Everything in the cache").first.wait_for()
    before = provider.roles.read_text()
    try:
        provider.roles.write_text(f'owner = ["{ANA}"]')
        page.get_by_text("Everything in the cache").first.click()
        page.get_by_text("You have no role here").wait_for()
    finally:
        provider.roles.write_text(before)
    assert page.locator("h1").count() == 0


def test_pictures_and_uploads_take_the_login_as_well(somebody: Somebody, address: str):
    for one, picture, upload in (
        (somebody.nobody, 403, "takes a login"),
        (lambda: somebody.as_(VIC), 404, "takes a login"),
        (lambda: somebody.as_(ANA), 404, "XSRF"),  # no such picture; Streamlit's own question
    ):
        asked = one().context.request
        assert asked.get(f"{address}/media/{'0' * 56}.jpg").status == picture
        sent = asked.put(f"{address}/_stcore/upload_file/a/b", headers={"origin": address}, data="x")
        assert sent.status == 403 and upload in sent.text()


def test_a_made_up_cookie_is_no_login(somebody: Somebody, address: str):
    claims = base64.b64encode(json.dumps({"is_logged_in": True, "email": ANA, "iat": time.time()}).encode()).decode()
    cookie = {"name": "_streamlit_user", "value": f"{claims}.AAAA.BBBB", "url": address}
    somebody.nobody().context.add_cookies([cookie])
    somebody.visits().get_by_role("button", name="Log in").wait_for()
