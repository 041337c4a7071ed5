"""Streams that are closed, break or know few characters: the work is done, and the exit code tells the truth."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.labels import read_labels
from dfe_core.faces import save_face
from dfe_core.tokenizer.config import TrainConfig
from tests.captures import live_link, performance, write
from train.cli import one_line, whole
from train.commands.decode import parse_tokens

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shell(cache: Path, tmp_path: Path, toy_face):
    """Run a line of bash in which $DFE is the command and $IN a recording."""
    save_face(toy_face, cache)
    recording = write(tmp_path / "s1_tüke.csv", live_link(performance(40)))

    def run(line: str, **more: str) -> subprocess.CompletedProcess:
        environment = {
            **os.environ,
            "DFE_CACHE": str(cache),
            "PYTHONPATH": str(PROJECT),
            "IN": str(recording),
            "DFE": f"{sys.executable} -m train",
            **more,
        }
        return subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=300)

    return run


@pytest.mark.parametrize(
    "line",
    [
        "set -o pipefail; $DFE import $IN --name d --face toy-1 2>&1 >/dev/null | true",
        "set -o pipefail; $DFE import $IN --name d --face toy-1 --progress json 2>&1 | head -c 1",
        "$DFE import $IN --name d --face toy-1 >&-",
        "$DFE import $IN --name d --face toy-1 2>&-",
        "PYTHONIOENCODING=ascii $DFE import $IN --name d --face toy-1",
    ],
)
def test_success_means_that_it_is_done(shell, cache: Path, line: str):
    result = shell(line)
    assert result.returncode == 0, result.stderr
    assert (cache / "datasets" / "d" / "manifest.json").is_file() and "Traceback" not in result.stderr


def test_characters_that_a_terminal_has_not_are_escaped(shell):
    shell("$DFE import $IN --name d --face toy-1")
    result = shell("$DFE show d", PYTHONIOENCODING="ascii")
    assert result.returncode == 0 and "s1_t" in result.stdout and result.stdout.isascii()


@pytest.mark.parametrize("text", ["-1", "99999999999999999999", "1.5", "１", "x", ""])
def test_seeds_that_are_none_are_wrong_usage(run_dfe, tmp_path: Path, text: str):
    result = run_dfe(tmp_path, "map", "m", "--of", "codewords", "--out", "x.parquet", f"--seed={text}")
    assert result.returncode == 2 and "expected a whole number from 0 to 4,294,967,295" in result.stderr
    assert whole("7", 0, 9) == 7


def test_a_home_that_is_none_and_a_full_disk_are_told_in_words(dfe, monkeypatch):
    result = subprocess.run(
        [sys.executable, "-m", "train", "list"],
        text=True,
        capture_output=True,
        timeout=300,
        cwd=PROJECT,
        env={**os.environ, "DFE_CACHE": "~nosuchuser/x"},
    )
    assert result.returncode == 1 and "no such home folder" in result.stderr and "Traceback" not in result.stderr
    full = OSError(28, "No space left on device", "/x")
    assert one_line(full, "train").startswith("dfe train: the disk is full; expected free space in ")
    wrapped = RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")
    assert "the disk is full" in one_line(wrapped, "train")
    assert one_line(DataError("a", "b"), "train") == "a: b"


def test_a_name_from_a_file_commands_no_terminal(shell, tmp_path: Path):
    hostile = write(tmp_path / "in" / "a\x1b]0;owned\x07\x1b[31m.csv", live_link(performance(40)))
    ran = shell(
        "$DFE import $HOSTILE --name d --face toy-1; $DFE show datasets/d; $DFE import no\x1b[2Jne --name e",
        HOSTILE=str(hostile.parent),
    )
    assert "owned" in ran.stdout and "\x1b" not in ran.stdout and "\x07" not in ran.stdout
    assert "no\\x1b[2Jne" in ran.stderr


@pytest.mark.parametrize(
    ("act", "found"),
    [
        (lambda path: parse_tokens("3,99999999999999999999", None), "no codebook"),
        (lambda path: TrainConfig(steps=10**20), "steps"),
        (lambda path: TrainConfig(batch=10**11), "batch"),
        (read_labels, "no plain file"),
    ],
)
def test_slips_of_the_finger_are_said_in_words(act, found: str, tmp_path: Path):
    os.mkfifo(tmp_path / "labels.csv")
    with pytest.raises(DataError, match=found):
        act(tmp_path / "labels.csv")
