"""`dfe study`: the plan it shows, and the line of an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.faces.arkit import ARKIT_NAMES
from train.cli import build_parser, main
from train.commands.dashboard import start
from train.commands.study import read_settings


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
    assert "--by beside it; expected only where its files are" in capsys.readouterr().err
    assert main(["study", str(tmp_path / "study.toml"), "--events", "e.csv"]) == 1
    assert "--events beside it; expected no events: this study was made without" in capsys.readouterr().err


def test_files_of_a_recipe_may_have_moved(tmp_path: Path):
    (tmp_path / "study.toml").write_text('[study]\nname = "a"\nsources = ["x"]\nlabels = "l.csv"\n')
    line = ["study", str(tmp_path / "study.toml"), "new", "more", "--labels", "other.csv", "--out", "again"]
    found = read_settings(build_parser(line).parse_args(line))
    assert found.sources == (Path("new"), Path("more")) and found.labels == Path("other.csv")
    assert found.out == Path("again") and found.name == "a"


def test_the_dashboard_opens_on_the_study(tmp_path: Path):
    line = ["dashboard", "--model", "lab-codebook", "--dataset", "lab"]
    assert start(build_parser(line).parse_args(line), "t") == "/codebook?model=lab-codebook&dataset=lab&token=t"
    line = ["dashboard"]
    assert start(build_parser(line).parse_args(line), "") == "/"


def test_a_name_that_cannot_be_used_is_refused_before_the_work(recordings: Path, cache: Path, capsys):
    assert main(["study", str(recordings), "--name", "a/b"]) == 1
    assert "a/b" in capsys.readouterr().err
