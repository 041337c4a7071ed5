"""Dropped files lie in the cache and outlive neither their session nor their server, however it ends."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dashboard.data import uploads_folder
from dashboard.data.background_jobs import Jobs
from dashboard.data.staging import Staging, plain_name
from dfe_core.errors import DataError
from tests.conftest import PROJECT

HOLD = (
    "import sys; from types import SimpleNamespace as F; from dashboard.data.staging import Staging\n"
    "held = Staging(); path, = held.hold([F(name='a.csv', file_id='1', getbuffer=lambda: memoryview(b'x'))])\n"
    "print(path, flush=True); sys.stdin.read()"
)


def dropped(name: str = "a.csv", content: bytes = b"x") -> SimpleNamespace:
    return SimpleNamespace(name=name, file_id=name, getbuffer=lambda: memoryview(content))


def test_they_go_with_the_session_and_not_under_a_running_job(cache: Path):
    held = Staging()
    (path,) = held.hold([dropped()])
    assert path.is_relative_to(cache) and (path.parent.stat().st_mode & 0o077) == 0
    job = Jobs().start("i", "Import", str(path), command=(sys.executable, "-c", "input()"))
    del held
    gc.collect()
    assert path.exists()
    job.process.stdin.close()
    job.process.wait(60)
    for _ in range(600):
        if not path.parent.exists():
            break
        uploads_folder.time.sleep(0.1)
    assert not path.parent.exists()


def test_what_a_killed_server_left_goes_at_the_next_start_and_a_living_ones_stays(cache: Path):
    environment = {**os.environ, "DFE_CACHE": str(cache), "PYTHONPATH": str(PROJECT)}
    servers = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        for _ in range(2)
    ]
    paths = [Path(server.stdout.readline().strip()) for server in servers]
    servers[0].kill()
    servers[0].wait()
    assert paths[0].is_file()
    assert uploads_folder.clear_abandoned(cache) == 1
    assert not paths[0].exists() and paths[1].is_file()
    servers[1].communicate()
    assert not paths[1].exists()


def test_a_quota_holds_for_everybody_together(cache: Path, monkeypatch):
    monkeypatch.setenv(uploads_folder.QUOTA, "0.000001")
    one, two = Staging(), Staging()
    one.hold([dropped("a.csv", b"x" * 600)])
    with pytest.raises(DataError, match="with those of everybody"):
        two.hold([dropped("b.csv", b"x" * 600)])


def test_a_long_name_keeps_its_ending():
    assert plain_name("a" * 300 + ".csv").endswith(".csv") and len(plain_name("顔" * 200 + ".csv").encode()) < 200


def test_an_upload_leaves_memory_for_everything_else(monkeypatch):
    monkeypatch.setattr(uploads_folder, "free_bytes", lambda: 1.2e9)
    assert uploads_folder.has_memory(100_000_000) and not uploads_folder.has_memory(300_000_000)
