"""Pictures, videos and uploads have no page that asks for a role: the cookie that a page came with does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from dashboard.data import ended_logins, media, people
from dashboard.data.ended_logins import COOKIE
from dashboard.data.roles import LOGIN_S, ROLES
from dashboard.shell import login_cookie
from dashboard.shell.browser_messages import MOST_FILES, MessageKind, message_kind

PICTURE, UPLOAD = "/media/1a2b.jpg", "/base/_stcore/upload_file/session/file"


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv(ROLES, str(tmp_path / "roles.toml"))
    (tmp_path / "roles.toml").write_text('editor = ["ben@lab.org"]\nviewer = ["*@lab.org"]\n')
    login_cookie._seen.clear()
    ended_logins._ended.clear()
    yield tmp_path
    login_cookie._seen.clear()
    ended_logins._ended.clear()


def logged_in(email: str, **more: object) -> dict[str, str]:
    """The cookies of a person whose page has run."""
    cookies = {COOKIE: f"2|1:0|{email}=="}
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
    parts = {COOKIE: "chunks-2", f"{COOKIE}_1": "aa", f"{COOKIE}_2": "bb"}
    login_cookie.remember(
        {**parts, "theme": "dark"}, {"is_logged_in": True, "email": "vic@lab.org", "iat": time.time()}
    )
    assert login_cookie.admits(PICTURE, parts), "other cookies do not matter"
    assert not login_cookie.admits(PICTURE, {**parts, f"{COOKIE}_2": "cc"})
    assert not login_cookie.admits(PICTURE, {COOKIE: "chunks-2"})


@pytest.mark.parametrize("more", [{"iat": time.time() - LOGIN_S - 60}, {"is_logged_in": False}, {"iat": None}])
def test_an_old_login_and_none_are_worth_nothing(more: dict):
    assert not login_cookie.admits(PICTURE, logged_in("ben@lab.org", **more))


def test_a_cookie_that_no_page_came_with_is_none(server: Path):
    cookies = logged_in("ben@lab.org")
    assert not login_cookie.admits(PICTURE, {COOKIE: "2|1:0|ana@lab.org=="})
    (server / "roles.toml").write_text('owner = ["ana@lab.org"]\n')
    assert not login_cookie.admits(PICTURE, cookies), "a role that was taken away is gone at once"
    (server / "roles.toml").write_text("not toml")
    assert not login_cookie.admits(PICTURE, cookies)


def test_logins_kept_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(login_cookie, "KEPT", 2)
    first, second, third = (logged_in(f"{name}@lab.org") for name in ("a", "b", "c"))
    assert [login_cookie.admits(PICTURE, one) for one in (first, second, third)] == [False, True, True]


def test_a_copy_of_the_cookies_is_worth_nothing_after_the_logout(monkeypatch: pytest.MonkeyPatch):
    cookies, others = logged_in("ben@lab.org"), logged_in("vic@lab.org")
    user = SimpleNamespace(to_dict=lambda: {"is_logged_in": True, "email": "ben@lab.org", "iat": time.time()})
    monkeypatch.setattr(people, "st", SimpleNamespace(context=SimpleNamespace(cookies=cookies), user=user))
    assert people.claims() and login_cookie.admits(PICTURE, cookies)
    login_cookie.end({**cookies, "theme": "dark"})
    assert not people.claims() and not login_cookie.admits(PICTURE, cookies)
    login_cookie.remember(cookies, people.claims())
    assert not login_cookie.admits(PICTURE, cookies) and login_cookie.admits(PICTURE, others)


def test_cookies_that_no_page_came_with_push_no_ended_login_out():
    login_cookie.end({COOKIE: "made up"})
    assert not ended_logins._ended


def message(kind: str, content: bytes = b"\x08\x01") -> bytes:
    """A message of Streamlit's browser side by the kind's name in BackMsg.proto."""
    number = BACK_MESSAGES[kind]
    tag = number << 3 | 2
    head = bytes([tag & 0x7F | 0x80, tag >> 7]) if tag > 0x7F else bytes([tag])
    return head + bytes([len(content)]) + content


BACK_MESSAGES = {
    "clear_cache": 5,
    "set_run_on_save": 6,
    "stop_script": 7,
    "rerun_script": 11,
    "load_git_info": 12,
    "debug_disconnect_websocket": 14,
    "debug_shutdown_runtime": 15,
    "file_urls_request": 16,
    "app_heartbeat": 17,
    "backend_operation_request": 19,
}


def test_the_kinds_of_messages_are_those_of_the_streamlit_that_is_installed():
    found = import_module("streamlit.proto.BackMsg_pb2").BackMsg.DESCRIPTOR.fields
    assert {field.name: field.number for field in found} == BACK_MESSAGES


@pytest.mark.parametrize(
    ("who", "heard"),
    [
        (None, {"stop_script", "rerun_script", "app_heartbeat"}),
        ("vic@lab.org", {"stop_script", "rerun_script", "app_heartbeat", "backend_operation_request"}),
        (
            "ben@lab.org",
            {"stop_script", "rerun_script", "app_heartbeat", "backend_operation_request", "file_urls_request"},
        ),
    ],
)
def test_nobody_empties_everybodys_caches_and_only_editors_ask_where_to_upload(who: str | None, heard: set[str]):
    cookies = logged_in(who) if who else {}
    assert {kind for kind in BACK_MESSAGES if login_cookie.hears(message(kind), cookies)} == heard


@pytest.mark.parametrize(
    "data",
    [
        message("rerun_script") + b"\x28\x01",  # and clear_cache
        b"\x28\x01",
        b"\xa8\x80\x00\x01",  # clear_cache, its number written longer
        b"\x0b\x0c" + b"\x28\x01",  # a group, then clear_cache
        b"\xff" * 20,
        b"",
        b"\x5a\xff\xff\xff\xff\x0f",
    ],
)
def test_what_is_no_plain_message_of_one_kind_is_not_heard(data: bytes):
    assert not login_cookie.hears(data, {})


def test_one_message_asks_for_a_bounded_number_of_files():
    many = b"\x12\x00" * (MOST_FILES + 1)
    size = bytes([len(many) & 0x7F | 0x80, len(many) >> 7 & 0x7F | 0x80, len(many) >> 14])
    assert message_kind(b"\x82\x01" + size + many) is None
    assert message_kind(message("file_urls_request", b"\x12\x00" * 60)) == MessageKind.FILE_ADDRESSES
