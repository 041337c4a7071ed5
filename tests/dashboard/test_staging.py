"""Dropped files lie in one folder, whatever they are called."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashboard.data.staging import Staging, plain_name


@dataclass
class File:
    name: str
    file_id: str
    content: bytes = b"x"

    def getbuffer(self) -> memoryview:
        return memoryview(self.content)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a.csv", "a.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\anna\\take 1.csv", "take 1.csv"),
        ("..\\..\\x.npz", "x.npz"),
        ("naïve (2).csv", "naïve (2).csv"),
        (".hidden", "hidden"),
        ("a\nb\0c.csv", "a_b_c.csv"),
        ("..", "file"),
        ("", "file"),
        ("/", "file"),
    ],
)
def test_a_name_never_leaves_the_folder(tmp_path: Path, name: str, plain: str):
    assert plain_name(name) == plain
    (path,) = Staging(tmp_path / "in").hold([File(name, "1", b"content")])
    assert path.resolve().is_relative_to((tmp_path / "in").resolve()) and path.read_bytes() == b"content"


def test_two_files_of_one_name_are_both_kept_and_what_is_taken_off_goes(tmp_path: Path):
    held = Staging(tmp_path / "in")
    one, two = held.hold([File("a.csv", "1", b"one"), File("a.csv", "2", b"two")])
    assert (one.read_bytes(), two.read_bytes()) == (b"one", b"two") and one.name == two.name
    assert held.hold([File("a.csv", "2", b"two")]) == [two] and not one.exists()
    held.hold([])
    assert [p for p in (tmp_path / "in").rglob("*") if p.is_file()] == []


def test_the_folder_goes_when_the_server_ends(cache: Path):
    script = (
        "from dashboard.data.staging import Staging; from types import SimpleNamespace as File\n"
        "held = Staging(); path, = held.hold([File(name='a.csv', file_id='1', getbuffer=lambda: b'x')])\n"
        "print(path)\n"
        "assert path.read_bytes() == b'x'"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert not Path(done.stdout.strip()).parent.exists()
