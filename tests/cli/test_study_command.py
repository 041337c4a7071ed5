"""`dfe study`: the plan it shows, and the line of an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.faces.arkit import ARKIT_NAMES
from train.cli import main


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    (tmp_path / "lab 1").mkdir()
    for i in range(3):
        table = pd.DataFrame(np.zeros((60, 52)), columns=list(ARKIT_NAMES))
        table.insert(0, "time", np.arange(60) / 30)
        table.to_csv(tmp_path / "lab 1" / f"p{i}.csv", index=False)
    return tmp_path / "lab 1"


def test_the_plan_is_shown_and_nothing_is_done(recordings: Path, cache: Path, capsys, monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    assert main(["study", str(recordings), "--plan"]) == 0
    said = capsys.readouterr().out
    assert "3 files, about 180 frames, 3 subjects" in said and "every file counts as a person of its own" in said
    assert "models/lab-1-codebook" in said and "11 of 11 steps to do" in said
    assert "not part of it: groups (no labels)" in said
    assert not cache.exists() and [path.name for path in tmp_path.iterdir()] == ["lab 1"]


def test_an_error_of_a_step_names_it_in_one_line(recordings: Path, cache: Path, capsys, monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    assert main(["study", str(recordings), "--face", "nobody", "--progress", "none"]) == 1
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("error: step import: ")


def test_options_beside_a_recipe_are_refused(cache: Path, capsys, tmp_path: Path):
    (tmp_path / "study.toml").write_text('[study]\nname = "a"\nsources = ["x"]\n')
    assert main(["study", str(tmp_path / "study.toml"), "--by", "mood"]) == 1
    assert "--by beside it; expected the file alone" in capsys.readouterr().err


def test_a_name_that_cannot_be_used_is_refused_before_the_work(recordings: Path, cache: Path, capsys):
    assert main(["study", str(recordings), "--name", "a/b"]) == 1
    assert "a/b" in capsys.readouterr().err
