"""A sealed test: labels that no analysis sees until they are opened, once, and hypotheses that are tested then."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.inspection import inspect_sources
from dfe_core.expressions.removal import put_back, remove_recording
from dfe_core.expressions.sealed_test import Hypothesis, SealPlan, SealState, find_seal
from dfe_core.expressions.sealed_text import sealed_sentence
from dfe_core.faces import save_face
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.probes.micro_windows import read_windows
from dfe_core.probes.run import run_probe
from dfe_core.probes.settings import ProbeSettings
from dfe_core.reports.study_text import groups_sentence
from dfe_core.tokenizer.config import load_config
from dfe_core.workflow.recipe import read_study_recipe
from dfe_core.workflow.recording_steps import StudyConflict
from dfe_core.workflow.settings import StudySettings
from dfe_core.workflow.study_plan import plan_study, run_study
from dfe_core.workflow.study_steps import StepName
from dfe_core.workflow.unsealing import unseal
from dfe_core.workspace.study import Study

PEOPLE = [f"p{i:02d}" for i in range(14)]
SEALED = ("p03", "p06", "p09", "p12", "p10", "p13")
FAST = {
    "tokenizer.codewords": 12,
    "tokenizer.stages": 3,
    "train.steps": 4,
    "train.batch": 64,
    "train.simulated_share": 0.0,
    "train.start": "data",
}
FEW = {"folds": 2, "inner_folds": 2, "resamples": 100, "permutations": 19, "swaps": 99, "repeats": 1}
PLAN = SealPlan(
    subjects=SEALED,
    hypotheses=(Hypothesis(label="mood", features="psi", text="moods differ"), Hypothesis(label="gone")),
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Path:
    """Recordings of fourteen people; a third of the face moves in one mood and not in the other."""
    folder, rng = tmp_path_factory.mktemp("lab"), np.random.default_rng(0)
    (folder / "recordings").mkdir()
    moods = ["high" if i % 2 else "low" for i in range(len(PEOPLE))]
    for person, mood in zip(PEOPLE, moods, strict=True):
        table = pd.DataFrame(rng.random((60, 52)) ** 4, columns=list(ARKIT_NAMES)).round(4)
        table.iloc[:, ::3] = table.iloc[:, ::3] * 0.2 + 0.6 * (mood == "high")
        table.insert(0, "time", np.arange(60) / 30)
        table.to_csv(folder / "recordings" / f"{person}.csv", index=False)
    pd.DataFrame({"recording": PEOPLE, "mood": moods}).to_csv(folder / "labels.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory, toy_face) -> Path:
    root = tmp_path_factory.mktemp("sealed") / "cache"
    save_face(toy_face, root)
    return root


@pytest.fixture(scope="module")
def asked(lab: Path) -> StudySettings:
    return StudySettings(
        sources=(lab / "recordings",),
        name="lab",
        out=lab / "out",
        labels=lab / "labels.csv",
        face="toy-1",
        config=load_config(None, FAST),
        sealed=PLAN,
    )


@pytest.fixture(scope="module")
def sealed(root: Path, asked: StudySettings) -> Path:
    """The study up to its tokens, sealed."""
    plan = plan_study(asked, root)
    few = (StepName.IMPORT, StepName.TRAIN, StepName.ENCODE)
    run_study(replace(plan, steps={name: step for name, step in plan.steps.items() if name in few}), root)
    return root


def test_sealed_labels_are_read_by_nothing_and_a_study_continues_without_them(sealed, lab, monkeypatch):
    monkeypatch.setenv("DFE_CACHE", str(sealed))
    data = Dataset.open("lab", sealed)
    rows = data.recordings.set_index("recording")["mood"]
    assert rows[list(SEALED)].isna().all() and rows.drop(list(SEALED)).notna().all()
    found = {one.name: one.labels["mood"] for one in inspect_sources([lab / "recordings"], lab / "labels.csv")}
    assert all((found[person] is None) == (person in SEALED) for person in PEOPLE)
    import_dataset([lab / "recordings"], "again", ImportOptions(face="toy-1", labels=lab / "labels.csv"), root=sealed)
    assert Dataset.open("again", sealed).recordings["mood"].notna().sum() == len(PEOPLE) - len(SEALED)
    import_dataset([sealed / "datasets" / "again"], "copy", ImportOptions(face="toy-1"), root=sealed)
    assert Dataset.open("copy", sealed).recordings["mood"].notna().sum() == len(PEOPLE) - len(SEALED)
    for labels in (None, str(lab / "labels.csv")):
        settings = ProbeSettings(
            model="lab-codebook", dataset="lab", label="mood", labels=labels, features=("psi",), **FEW
        )
        result = run_probe(settings, sealed)
        assert not set(result.predictions["group"]) & set(SEALED) and result.summary["n"] == len(PEOPLE) - len(SEALED)
        assert result.summary["sealed"]["standing"] == "exploratory" and "are left out" in result.methods
    groups = Study("lab-codebook", "lab", root=sealed).compare_groups("mood", permutations=99, resamples=100)
    assert groups.unlabelled == len(SEALED)
    assert groups.sealed is not None and groups.sealed["withheld"] == len(SEALED)
    assert "recordings of study lab are left out" in sealed_sentence(groups.sealed)
    windows = pd.DataFrame({"recording": ["p00", "p03"], "onset_s": 0.5, "offset_s": 0.9, "mood": ["low", "high"]})
    windows.to_csv(lab / "windows.csv", index=False)
    assert read_windows(lab / "windows.csv", data, "mood")["recording"].tolist() == ["p00"]


def test_what_writes_a_dataset_anew_keeps_what_is_sealed(sealed):
    data = Dataset.open("lab", sealed)
    before = data.stored_recordings.set_index("recording")["mood"]
    entry = remove_recording(data, "p00")
    put_back(entry, sealed)
    pd.testing.assert_series_equal(Dataset.open("lab", sealed).stored_recordings.set_index("recording")["mood"], before)


def test_other_people_or_labels_seen_before_are_refused(sealed, asked, root, tmp_path, lab):
    other = replace(asked, sealed=replace(PLAN, subjects=("p01", *SEALED)))
    with pytest.raises(StudyConflict, match="other people, files or hypotheses"):
        run_study(replace(plan_study(other, sealed), steps={}), sealed)
    late = replace(asked, name="late", out=tmp_path, sealed=replace(PLAN, subjects=("p01",)))
    with pytest.raises(DataError, match="have been readable in dataset"):
        run_study(replace(plan_study(late, sealed), steps={}), sealed)
    free = replace(late, name="free", sealed=replace(PLAN, subjects=("nobody",)))
    with pytest.raises(DataError, match="'nobody', who is in no recording"):
        run_study(replace(plan_study(free, sealed), steps={}), sealed)
    assert read_study_recipe(asked.out / "study.toml").sealed == PLAN


def test_it_is_opened_once_and_its_hypotheses_are_tested_on_its_people(sealed, asked):
    with pytest.raises(DataError, match="no sealed test of this name"):
        unseal("nowhere", sealed)
    found = unseal("lab", sealed)
    first, second = found.tested
    assert first.result is not None and set(first.result.predictions["group"]) == set(SEALED)
    assert first.result.summary["sealed"] | {"study": ""} == {
        "study": "",
        "state": "opened",
        "withheld": 0,
        "standing": "confirmatory",
        "looks": 1,
    }
    assert first.row["score"] > 0.9 and first.p_holm is not None and first.p_holm < 0.05
    assert second.result is None and "no such label" in second.error
    assert "Confirmatory: a hypothesis" in first.result.methods and "one test on the people" in first.result.methods
    assert json.loads(json.dumps(found.to_json()))["hypotheses"][0]["supported"] is True
    with pytest.raises(DataError, match="looked at 1 times since"):
        unseal("lab", sealed)
    assert Dataset.open("lab", sealed).recordings["mood"].notna().all()
    again = ProbeSettings(model="lab-codebook", dataset="lab", label="mood", features=("psi",), **FEW)
    result = run_probe(again, sealed)
    assert result.summary["sealed"]["standing"] == "exploratory" and result.summary["sealed"]["looks"] == 2
    assert run_probe(again, sealed).summary["sealed"]["looks"] == 2  # the same analysis is counted once
    seal = find_seal("lab", sealed)
    assert (
        seal is not None and seal.state == SealState.OPENED and [look.act for look in seal.looks] == ["probe", "probe"]
    )
    few = {"permutations": 99, "resamples": 100}
    groups = Study("lab-codebook", "lab", root=sealed).groups("mood", **few)
    assert {(part.sealed["standing"], part.sealed["looks"]) for part in groups.parts.values()} == {("exploratory", 3)}
    assert "analysis 3 of these labels" in groups_sentence([groups])
    assert groups.to_json()["sealed"]["state"] == "opened"
