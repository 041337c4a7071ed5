"""Pictures, videos and uploads have no page that asks for a role: the cookie that a page came with does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.data import media
from dashboard.data.roles import LOGIN_S, ROLES
from dashboard.shell import login_cookie

PICTURE, UPLOAD = "/media/1a2b.jpg", "/base/_stcore/upload_file/session/file"


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv(ROLES, str(tmp_path / "roles.toml"))
    (tmp_path / "roles.toml").write_text('editor = ["ben@lab.org"]\nviewer = ["*@lab.org"]\n')
    login_cookie._seen.clear()
    yield tmp_path
    login_cookie._seen.clear()


def logged_in(email: str, **more: object) -> dict[str, str]:
    """The cookies of a person whose page has run."""
    cookies = {login_cookie.COOKIE: f"2|1:0|{email}=="}
    login_cookie.remember(cookies, {"is_logged_in": True, "email": email, "iat": time.time(), **more})
    return cookies


def test_viewers_get_pictures_and_editors_upload():
    answers = {
        who: (login_cookie.admits(PICTURE, logged_in(who)), login_cookie.admits(UPLOAD, logged_in(who)))
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
    assert login_cookie.admits(f"/{media.address(b'pack', 'image/png')}", logged_in("vic@lab.org"))
    assert not login_cookie.admits(PICTURE, {}) and login_cookie.admits("/data", {})


def test_a_login_in_several_cookies_takes_them_all():
    parts = {login_cookie.COOKIE: "chunks-2", f"{login_cookie.COOKIE}_1": "aa", f"{login_cookie.COOKIE}_2": "bb"}
    login_cookie.remember(
        {**parts, "theme": "dark"}, {"is_logged_in": True, "email": "vic@lab.org", "iat": time.time()}
    )
    assert login_cookie.admits(PICTURE, parts), "other cookies do not matter"
    assert not login_cookie.admits(PICTURE, {**parts, f"{login_cookie.COOKIE}_2": "cc"})
    assert not login_cookie.admits(PICTURE, {login_cookie.COOKIE: "chunks-2"})


@pytest.mark.parametrize("more", [{"iat": time.time() - LOGIN_S - 60}, {"is_logged_in": False}, {"iat": None}])
def test_an_old_login_and_none_are_worth_nothing(more: dict):
    assert not login_cookie.admits(PICTURE, logged_in("ben@lab.org", **more))


def test_a_cookie_that_no_page_came_with_is_none(server: Path):
    cookies = logged_in("ben@lab.org")
    assert not login_cookie.admits(PICTURE, {login_cookie.COOKIE: "2|1:0|ana@lab.org=="})
    (server / "roles.toml").write_text('owner = ["ana@lab.org"]\n')
    assert not login_cookie.admits(PICTURE, cookies), "a role that was taken away is gone at once"
    (server / "roles.toml").write_text("not toml")
    assert not login_cookie.admits(PICTURE, cookies)


def test_logins_kept_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(login_cookie, "KEPT", 2)
    first, second, third = (logged_in(f"{name}@lab.org") for name in ("a", "b", "c"))
    assert [login_cookie.admits(PICTURE, one) for one in (first, second, third)] == [False, True, True]
