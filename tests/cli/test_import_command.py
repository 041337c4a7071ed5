"""`dfe import` as a user runs it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dfe_core.expressions.dataset import Dataset
from tests.captures import live_link, performance, table, write


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """Two good files, and bad ones among them."""
    folder = tmp_path / "batch"
    write(folder / "s1_good.csv", live_link(performance(60)))
    write(folder / "s2_good.csv", table(performance(60, seed=1)))
    write(folder / "s3_empty.csv", "")
    write(folder / "s4_binary.csv", os.urandom(3000))
    write(folder / "s5_swapped.csv", "\n".join(reversed(live_link(performance(60)).splitlines())))
    write(folder / "s6_broken.json", "[" * 100_000)
    return folder


def test_good_files_are_imported_bad_ones_summed_up(run_dfe, toy: Path, batch: Path):
    result = run_dfe(toy, "import", str(batch), "--name", "study", "--face", "toy-1", "--subject-pattern", r"(s\d)_")
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    assert "dataset study: 2 recordings, 120 frames" in result.stdout and "skipped 4:" in result.stdout
    for name in ("s3_empty.csv", "s4_binary.csv", "s5_swapped.csv", "s6_broken.json"):
        assert sum(name in line for line in result.stdout.splitlines()) == 1
    assert Dataset.open("study", toy).recordings["subject"].tolist() == ["s1", "s2"]


@pytest.mark.parametrize("name", ["s3_empty.csv", "s4_binary.csv", "s5_swapped.csv", "s6_broken.json", "nosuch.csv"])
def test_nothing_imported_is_one_line_and_exit_code_1(run_dfe, toy: Path, batch: Path, name: str):
    result = run_dfe(toy, "import", str(batch / name), "--name", "study", "--face", "toy-1")
    assert result.returncode == 1 and result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and lines[0].startswith(f"error: {batch / name}: ") and "; expected " in lines[0]
    assert "Traceback" not in result.stderr
    assert not (toy / "datasets" / "study").exists()


def test_an_imported_dataset_trains_and_encodes(run_dfe, toy: Path, batch: Path):
    assert run_dfe(toy, "import", str(batch), "--name", "study", "--face", "toy-1").returncode == 0
    result = run_dfe(toy, "encode", "tiny", "study")
    assert result.returncode == 0, result.stderr


def test_an_existing_dataset_is_not_overwritten(run_dfe, toy: Path, batch: Path):
    arguments = ("import", str(batch), "--name", "study", "--face", "toy-1")
    first, second = run_dfe(toy, *arguments), run_dfe(toy, *arguments)
    assert first.returncode == 0 and second.returncode == 1 and "dfe rm study" in second.stderr


def test_one_recording_is_taken_out_and_what_was_encoded_is_encoded_anew(run_dfe, toy: Path, batch: Path):
    assert run_dfe(toy, "import", str(batch), "--name", "study", "--face", "toy-1").returncode == 0
    assert run_dfe(toy, "encode", "tiny", "study").returncode == 0
    assert run_dfe(toy, "aus", "derive", "--dataset", "study", "--name", "est").returncode == 0
    asked = run_dfe(toy, "rm", "study", "--recording", "s1_good")
    assert asked.returncode == 1 and "--yes" in asked.stderr
    wrong = run_dfe(toy, "rm", "study", "--recording", "nobody", "--yes")
    assert wrong.returncode == 1 and "no recording 'nobody'" in wrong.stderr
    result = run_dfe(toy, "rm", "study", "--recording", "s1_good", "--yes")
    assert result.returncode == 0 and "removed s1_good of study" in result.stdout, result.stderr
    assert "still in analyses/aus--study--est until imported again" in result.stdout
    assert Dataset.open("study", toy).recordings["recording"].tolist() == ["s2_good"]
    again = run_dfe(toy, "encode", "tiny", "study")
    assert again.returncode == 0 and "already" not in again.stdout
