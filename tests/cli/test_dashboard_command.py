"""`dfe dashboard` serves the app from any folder, to this machine alone, and ends on Ctrl-C."""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfe_core.errors import DataError
from tests.ports import free_port
from train.commands import dashboard

PROJECT = Path(__file__).resolve().parents[2]


INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background inherit that it is ignored
from train.cli import main
sys.exit(main())
"""


@pytest.fixture
def served(cache: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen, int]]:
    """A dashboard on an empty cache, started from a folder that is not the project's, and its port."""
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "DFE_CACHE": str(cache)}
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "dashboard", "--port", str(port)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield process, port
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def outside_address() -> str:
    """An address of this machine that others use; one that nobody has where there is no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect(("192.0.2.1", 9))  # sends nothing: asks which address of ours would be used
        except OSError:
            return "127.255.255.254"
        return route.getsockname()[0]


def answer(port: int, path: str, patience_s: float = 180, **headers: str) -> str:
    waited, step = 0.0, 0.2
    while True:
        try:
            request = urllib.request.Request(f"http://localhost:{port}{path}", headers=headers)
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            with opener.open(request, timeout=20) as response:
                return response.read().decode()
        except urllib.error.HTTPError:
            raise
        except (urllib.error.URLError, ConnectionError, TimeoutError):  # a busy machine accepts before it answers
            if waited >= patience_s:
                raise
            threading.Event().wait(step)
            waited += step


def test_it_serves_who_has_the_token_on_localhost_only_and_ends_on_an_interrupt(served, cache: Path):
    process, port = served
    address = process.stdout.readline().strip()
    assert address.startswith(f"Dashboard: http://localhost:{port}/?token=")
    assert answer(port, "/_stcore/health") == "ok"
    assert "<html" in answer(port, "/?" + address.partition("?")[2]).lower()
    for path, headers in (
        ("/", {}),
        ("/?token=wrong", {}),
        ("/_stcore/host-config", {}),
        ("/?" + address.partition("?")[2], {"Host": f"evil.example:{port}"}),
    ):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            answer(port, path, **headers)
    with socket.socket() as probe:
        probe.settimeout(2)
        assert probe.connect_ex((outside_address(), port)) != 0, "the dashboard listens to other machines"
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(120) == 0
    assert "Traceback" not in process.stdout.read()


def test_a_killed_command_takes_its_server_along(served):
    process, port = served
    assert answer(port, "/_stcore/health") == "ok"
    process.kill()
    process.wait()
    for _ in range(900):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        threading.Event().wait(0.1)
    pytest.fail("the server still holds the port")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--address", "0.0.0.0", "--no-token"), 1, "without a token"),
        (("--root", "/nowhere"), 1, "no such folder"),
        (("--port", "99999"), 2, "from 1 to 65,535"),
        (("--port", "-1"), 2, ""),
        (("--port", "１２"), 2, "whole number"),
    ],
)
def test_what_would_let_others_in_or_means_nothing_is_refused(dfe, arguments, code: int, said: str):
    result = dfe("dashboard", *arguments)
    assert result.returncode == code and said in result.stderr


def test_a_port_in_use_is_told(dfe):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = dfe("dashboard", "--port", str(port))
    assert result.returncode == 1
    assert (
        result.stderr == f"error: port {port}: already in use on localhost; expected a free one, as in `--port 8600`\n"
    )


LOGIN = """[auth]
redirect_uri = "https://faces.lab.org/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
[auth.keycloak]
client_id = "dfe"
client_secret = "s"
server_metadata_url = "https://id.lab.org/.well-known/openid-configuration"
"""


def asked(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    dashboard.add_arguments(parser)
    return parser.parse_args(arguments)


@pytest.fixture
def with_authlib(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)


def test_a_login_takes_the_place_of_the_token_and_its_host_is_answered(with_authlib, tmp_path: Path):
    path = tmp_path / "login.toml"
    path.write_text(LOGIN)
    told = dashboard.environment(asked("--login", str(path), "--host", "other"), "")
    assert told["DFE_LOGIN"] == str(path) and told["DFE_HOSTS"] == "other,faces.lab.org" and told["DFE_TOKEN"] == ""
    assert told["STREAMLIT_SERVER_TRUSTED_USER_HEADERS"] == "{}"
    line = dashboard.command(Path("app.py"), 1, login=path)
    assert line[-2:] == ["--secrets.files", str(path)]
    assert dashboard.Login.read(path) == dashboard.Login("https://faces.lab.org", "faces.lab.org")


def test_without_a_login_nobody_logs_in_by_a_file_of_another_app():
    assert dashboard.environment(asked(), "t")["DFE_LOGIN"] == ""
    assert dashboard.command(Path("app.py"), 1)[-2:] == ["--secrets.files", "no-login.toml"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[auth]", "[other]", "redirect_uri"),
        ("[auth]", "[auth", "TOML"),
        ("/oauth2callback", "/callback", "redirect_uri"),
        ("https://faces", "http://faces", "without TLS"),
        ("0123456789abcdef0123456789abcdef", "short", "cookie_secret"),
        ('client_secret = "s"', "", "no provider"),
        ("[auth.keycloak]", "[keycloak]", "no provider"),
    ],
)
def test_a_login_that_would_let_nobody_in_or_too_many_is_refused(with_authlib, tmp_path: Path, old, new, said: str):
    (tmp_path / "login.toml").write_text(LOGIN.replace(old, new))
    with pytest.raises(DataError, match=said):
        dashboard.Login.read(tmp_path / "login.toml")


def test_a_login_without_authlib_says_what_to_install(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"dfe\[login\]"):
        dashboard.Login.read(tmp_path / "login.toml")


@pytest.mark.parametrize(("limits", "allowed", "forgets"), [((256, 256), 256, True), ((256, 8192), 8192, False)])
def test_few_open_files_do_where_the_system_gives_no_more(monkeypatch: pytest.MonkeyPatch, limits, allowed, forgets):
    held = [limits]
    monkeypatch.setattr("resource.getrlimit", lambda kind: held[-1])
    monkeypatch.setattr("resource.setrlimit", lambda kind, wanted: held.append(wanted))
    files = dashboard._allow_more_files()
    assert files == allowed
    assert ("--server.disconnectedSessionTTL" in dashboard._closed_pages(files)) == forgets
