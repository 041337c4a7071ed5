"""*New study*: the command it runs is the study that was planned, and the curves of training are read as they grow."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard.pages.study import arguments, faces_so_far, seal_plan, training_history, without_labels
from dashboard.views import browser_views
from dfe_core.artefact_names import LEARNING_FILE
from dfe_core.errors import DataError
from dfe_core.expressions.inspection import Believed
from dfe_core.faces import save_face
from dfe_core.workflow.settings import StudySettings
from train.cli import build_parser
from train.commands.study import read_settings


def test_the_command_is_the_study_that_was_planned(tmp_path: Path):
    asked = StudySettings(
        sources=(tmp_path / "a b", tmp_path / "c"),
        name="lab",
        out=tmp_path / "out",
        labels=tmp_path / "labels.csv",
        aus=tmp_path / "aus",
        events=tmp_path / "events",
        videos=tmp_path / "videos",
        sealed=seal_plan(["s1", "s 2"], ["mood"]),
        by=("mood", "-odd label"),
        subject_pattern=r"(s\d+)_",
    )
    line = arguments(asked)
    assert read_settings(build_parser(line).parse_args(line)) == asked


def test_labels_of_sealed_people_are_not_listed():
    recorded = Believed(path=Path("a.csv"), name="a", bytes=1, subject="s1", labels={"mood": 3, "group": "x"})
    hidden = without_labels(recorded, {"s1"})
    assert hidden.labels == {"mood": None, "group": None}
    assert without_labels(recorded, {"s2"}) is recorded


def test_sealed_people_without_a_hypothesis_are_refused():
    assert seal_plan([], ["mood"]) is None
    with pytest.raises(DataError, match="one or more, each with a label"):
        seal_plan(["s1"], [])


def test_the_curves_have_every_whole_line_of_the_log(tmp_path: Path):
    assert training_history(tmp_path, "lab").empty
    folder = tmp_path / "models" / "lab-codebook"
    folder.mkdir(parents=True)
    (folder / "history.jsonl").write_text('{"step": 25, "rmse_mm": 0.5}\n{"step": 50, "rmse_mm": 0.4}\n{"step": 7')
    assert training_history(tmp_path, "lab")["step"].tolist() == [25, 50]


def test_faces_are_shown_while_they_are_learned_and_no_longer(tmp_path: Path, toy_face, monkeypatch):
    save_face(toy_face, tmp_path)
    folder = tmp_path / "models" / "lab-codebook"
    folder.mkdir(parents=True)
    strips: list[dict] = []
    monkeypatch.setattr(browser_views, "strip", lambda key, data: strips.append(data))
    faces_so_far(tmp_path, "lab")
    assert strips == []
    one = {"codeword": 7, "share": 0.25, "psi": [0.0] * toy_face.coefficients}
    (folder / LEARNING_FILE).write_text(json.dumps({"step": 25, "face": toy_face.id, "codewords": [one]}))
    faces_so_far(tmp_path, "lab")
    assert [(item["title"], item["note"]) for item in strips[0]["items"]] == [("Codeword 7", "25 % of the tokens")]
    (folder / LEARNING_FILE).unlink()
    faces_so_far(tmp_path, "lab")
    assert len(strips) == 1


def test_a_folder_without_recordings_is_a_sentence_with_its_whole_reason(tmp_path):
    from dashboard.panels.uploads import unreadable

    one: Any = SimpleNamespace(path=tmp_path, fault="no file of a format that is known")
    assert unreadable(one).startswith("The folder “") and unreadable(one).endswith("no file of a format that is known.")
