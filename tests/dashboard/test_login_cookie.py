"""Pictures, videos and uploads have no page that asks for a role: the cookie of the login does, by its signature."""

from __future__ import annotations

import inspect
import json
import time
from pathlib import Path

import pytest
from streamlit.auth_util import set_cookie_with_chunks
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from dashboard.data import media
from dashboard.data.roles import LOGIN_S, ROLES
from dashboard.shell import login_cookie

PICTURE, UPLOAD = "/media/1a2b.jpg", "/base/_stcore/upload_file/session/file"


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(login_cookie, "get_cookie_secret", lambda: "right" * 8)
    monkeypatch.setenv(ROLES, str(tmp_path / "roles.toml"))
    (tmp_path / "roles.toml").write_text('editor = ["ben@lab.org"]\nviewer = ["*@lab.org"]\n')
    return tmp_path


def cookies(email: str, secret: str = "right" * 8, **more: object) -> dict[str, str]:
    """As Streamlit sets them after a login: of a long one, several."""
    held: dict[str, str] = {}
    claims = {"is_logged_in": True, "email": email, "iat": time.time(), **more}

    def signed(name: str, value: str) -> bytes:
        return create_signed_value(secret, name, value)

    def put(name: str, value: str) -> None:
        held[name] = signed(name, value).decode()

    newer = "cookie_attr_size" in inspect.signature(set_cookie_with_chunks).parameters  # than Streamlit 1.65
    set_cookie_with_chunks(put, signed, login_cookie.COOKIE, claims, **({"cookie_attr_size": 100} if newer else {}))
    return held


def test_viewers_get_pictures_and_editors_upload():
    answers = {
        who: (login_cookie.admits(PICTURE, cookies(who)), login_cookie.admits(UPLOAD, cookies(who)))
        for who in ("vic@lab.org", "ben@lab.org", "eve@elsewhere.org")
    }
    assert answers == {
        "vic@lab.org": (True, False),
        "ben@lab.org": (True, True),
        "eve@elsewhere.org": (False, False),
    }
    assert not login_cookie.admits(f"/lab/{media.address(b'pack', 'image/png')}", {}), (
        "faces and recordings are no less"
    )
    assert login_cookie.admits(f"/{media.address(b'pack', 'image/png')}", cookies("vic@lab.org"))
    assert not login_cookie.admits(PICTURE, {}) and login_cookie.admits("/data", {})
    assert login_cookie.admits(PICTURE, cookies("vic@lab.org", groups=["x" * 90] * 80)), "in several cookies"


WORTHLESS = ({"secret": "wrong" * 8}, {"iat": time.time() - LOGIN_S - 60}, {"is_logged_in": False})


@pytest.mark.parametrize("more", WORTHLESS)
def test_a_cookie_of_another_key_or_an_old_one_is_none(more: dict):
    assert not login_cookie.admits(PICTURE, cookies("ben@lab.org", **more))


def test_a_made_up_cookie_is_none(server: Path):
    assert not login_cookie.admits(PICTURE, {login_cookie.COOKIE: json.dumps({"email": "ben@lab.org"})})
    (server / "roles.toml").write_text("not toml")
    assert not login_cookie.admits(PICTURE, cookies("ben@lab.org"))
