"""`dfe dashboard` serves the app from any folder, to this machine alone, and ends on Ctrl-C."""

from __future__ import annotations

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

PROJECT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def served(cache: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen, int]]:
    """A dashboard on an empty cache, started from a folder that is not the project's, and its port."""
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "DFE_CACHE": str(cache)}
    process = subprocess.Popen([sys.executable, "-m", "train", "dashboard", "--port", str(port)], cwd=tmp_path,
                               env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)
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


def answer(port: int, path: str, patience_s: float = 60) -> str:
    waited, step = 0.0, 0.2
    while True:
        try:
            with urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=5) as response:
                return response.read().decode()
        except (urllib.error.URLError, ConnectionError):
            if waited >= patience_s:
                raise
            threading.Event().wait(step)
            waited += step


def test_it_serves_localhost_only_and_ends_on_an_interrupt(served):
    process, port = served
    assert answer(port, "/_stcore/health") == "ok"
    assert "<html" in answer(port, "/").lower()
    with socket.socket() as probe:
        probe.settimeout(2)
        assert probe.connect_ex((outside_address(), port)) != 0, "the dashboard listens to other machines"
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 0
    assert "Traceback" not in process.stdout.read()


def test_a_port_in_use_is_told(dfe):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = dfe("dashboard", "--port", str(port))
    assert result.returncode == 1
    assert result.stderr == f"error: port {port}: already in use on localhost; expected a free one, " \
                            "as in `--port 8600`\n"
