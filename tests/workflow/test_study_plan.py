"""A study in one call: planned, run, interrupted, resumed, repeated from its file elsewhere, refused where it must."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.faces import save_face
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.progress import Progress
from dfe_core.store import recover_all
from dfe_core.tokenizer.config import load_config
from dfe_core.workflow.recipe import read_study_recipe, write_study_recipe
from dfe_core.workflow.recording_steps import StudyConflict
from dfe_core.workflow.settings import StudySettings, study_name
from dfe_core.workflow.sources import count_frames
from dfe_core.workflow.step import StepKind
from dfe_core.workflow.study_plan import StepError, StepOutcome, StudyPlan, plan_study, run_study
from dfe_core.workflow.study_steps import MissingPart, StepName, StudySteps
from dfe_core.workflow.supplement import _probe_reports
from dfe_core.workspace.catalogue import artefact_faults, catalogue
from tests.reliability.crash_points import Disk, content, walked

FAST = {
    "tokenizer.codewords": 12,
    "train.steps": 10,
    "train.batch": 128,
    "train.simulated_share": 0.0,
    "train.start": "data",
    "train.checkpoint_every": 2,
}
QUICK = (StepName.IMPORT, StepName.TRAIN, StepName.ENCODE, StepName.AUS, StepName.GROUPS, StepName.SUPPLEMENT)
"""The steps that are run here: the others take seconds, and have their own tests."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of ten people in two groups, their labels, and a file that is none."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "recordings").mkdir()
    rng = np.random.default_rng(0)
    for i in range(10):
        table = pd.DataFrame(rng.random((90, 52)) ** 4, columns=list(ARKIT_NAMES)).round(4)
        table.insert(0, "time", np.arange(90) / 30)
        table.to_csv(folder / "recordings" / f"p{i}.csv", index=False)
    (folder / "recordings" / "note.csv").write_text("nothing\nhere\n")
    pd.DataFrame({"recording": [f"p{i}" for i in range(10)], "mood": ["low", "high"] * 5}).to_csv(
        folder / "labels.csv", index=False
    )
    return folder


def settings(folder: Path, out: Path) -> StudySettings:
    return StudySettings(
        sources=(folder / "recordings",),
        name="lab",
        out=out,
        labels=folder / "labels.csv",
        face="toy-1",
        config=load_config(None, FAST),
    )


def quick(plan: StudyPlan) -> StudyPlan:
    """The plan without the steps that take long."""
    return replace(plan, steps={name: step for name, step in plan.steps.items() if name in QUICK})


@pytest.fixture
def root(tmp_path: Path, toy_face) -> Path:
    save_face(toy_face, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def killed_and_done(folder: Path, tmp_path_factory: pytest.TempPathFactory, toy_face) -> tuple[Disk, StudySettings]:
    """A cache with the whole study and its results, its settings, and both as a kill at every step would leave them."""
    root = tmp_path_factory.mktemp("done")
    save_face(toy_face, root / "cache")
    asked = settings(folder, root / "out")
    with pytest.MonkeyPatch.context() as patch, walked(root, tmp_path_factory.mktemp("killed"), patch) as disk:
        run_study(quick(plan_study(asked, root / "cache")), root / "cache")
    return disk, asked


@pytest.fixture(scope="module")
def done(killed_and_done: tuple[Disk, StudySettings]) -> tuple[Path, StudySettings]:
    """A cache with the whole study, and its settings."""
    disk, asked = killed_and_done
    return disk.root / "cache", asked


def test_a_plan_reads_the_files_and_makes_nothing(folder: Path, root: Path, tmp_path: Path):
    plan = plan_study(settings(folder, tmp_path / "out"), root)
    assert plan.missing == list(plan.steps) and plan.current == frozenset()
    assert [file.path.name for file in plan.sources.readable] == [f"p{i}.csv" for i in range(10)]
    assert plan.sources.frames == 10 * 90 and plan.seconds > 0
    without_events = dict.fromkeys((StepName.EVENTS, StepName.CURVES), MissingPart.NO_EVENTS)
    assert plan.left_out == {StepName.VIDEOS: MissingPart.NO_VIDEOS, **without_events}
    assert plan.steps[StepName.GROUPS].makes == "mood", "the one label with two levels of three or more people"
    assert not (tmp_path / "out").exists() and not (root / "datasets").exists()


def test_scales_are_predicted_and_few_levels_compared(folder: Path, root: Path, tmp_path: Path) -> None:
    table = pd.read_csv(folder / "labels.csv")
    table["item"], table["dose"], table["years"] = [1, 2, 3, 4, 5, 6, 7, 1, 2, 3], [0, 1, 2] * 3 + [0], range(20, 80, 6)
    table.to_csv(tmp_path / "labels.csv", index=False)
    asked = replace(settings(folder, tmp_path / "out"), labels=tmp_path / "labels.csv")
    plan = plan_study(asked, root)
    assert (
        plan.steps[StepName.GROUPS].makes == "mood, dose"
        and plan.steps[StepName.PROBE].makes == "mood, dose, item, years"
    )
    of_a_scale = plan_study(replace(asked, by=("item",)), root)
    assert of_a_scale.left_out[StepName.GROUPS] == MissingPart.NO_GROUPS
    assert of_a_scale.steps[StepName.PROBE].makes == "item"


def test_a_study_done_is_current_at_every_step(done):
    root, asked = done
    results = run_study(quick(plan_study(asked, root)), root)
    assert {result.outcome for result in results} == {StepOutcome.CURRENT}
    tables = {path.name for path in (asked.out / "tables").glob("*.csv")}
    assert {"recordings.csv", "codewords.csv", "groups_mood.csv"} <= tables
    methods = (asked.out / "methods.txt").read_text()
    assert "10 recordings of 10 people" in methods and "mood (high 5, low 5, between subjects" in methods


def test_its_file_runs_the_same_study_in_another_cache_to_the_byte(done, root: Path, folder: Path, tmp_path: Path):
    _, asked = done
    shutil.copytree(folder, tmp_path / "lab")
    (tmp_path / "again").mkdir()
    text = (asked.out / "study.toml").read_text()
    old, new = (f'sources = ["{part}/recordings"]' for part in (f"../../{folder.name}", "../lab"))
    assert old in text, "paths are relative to the file"
    (tmp_path / "again" / "study.toml").write_text(
        text.replace(old, new).replace(f'labels = "../../{folder.name}/', 'labels = "../lab/')
    )
    again = read_study_recipe(tmp_path / "again" / "study.toml")
    assert again.config.train.start == "data" and again.seed == asked.seed
    run_study(quick(plan_study(again, root)), root)
    files = [*sorted(path.relative_to(asked.out) for path in asked.out.rglob("*.csv")), Path("methods.txt")]
    assert len(files) >= 5
    for name in files:
        assert (asked.out / name).read_bytes() == (again.out / name).read_bytes(), name


def test_an_interrupted_study_continues_with_the_step_that_was_interrupted(folder: Path, root: Path, tmp_path: Path):
    def interrupt(report: Progress) -> None:
        if "rmse_mm" in report.figures and report.done >= 5:
            raise KeyboardInterrupt

    asked = settings(folder, tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        run_study(quick(plan_study(asked, root)), root, interrupt)
    assert (tmp_path / "out" / "study.toml").is_file()
    plan = plan_study(asked, root)
    assert plan.current == {StepName.IMPORT}
    steps = {name: plan.steps[name] for name in (StepName.IMPORT, StepName.TRAIN)}
    heard: list[Progress] = []
    results = run_study(replace(plan, steps=steps), root, heard.append)
    assert [result.outcome for result in results] == [StepOutcome.CURRENT, StepOutcome.MADE]
    assert min(report.done for report in heard if report.total) == 5, "after the checkpoint of step 4"


def test_a_study_killed_at_any_step_leaves_whole_artefacts_and_tables(killed_and_done):
    disk, asked = killed_and_done
    artefacts, results = content(disk.root / "cache"), results_of(asked.out)
    assert len(disk.copies) > 50 and len(results) > 5
    for copy in disk.copies:
        recover_all(copy / "cache")
        left = {path: value for path, value in content(copy / "cache").items() if path in artefacts}
        assert left.items() <= artefacts.items(), copy.name
        assert not [a.label for a in catalogue(copy / "cache") if not a.unfinished and artefact_faults(a)], copy.name
        assert results_of(copy / "out").items() <= results.items(), copy.name


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_study_killed_there_continues_to_the_same_bytes(killed_and_done, share: float, tmp_path: Path):
    disk, asked = killed_and_done
    at = shutil.copytree(disk.copies[int(share * len(disk.copies))], tmp_path / "killed")
    again = replace(asked, out=at / "out")
    run_study(quick(plan_study(again, at / "cache")), at / "cache")
    assert results_of(again.out) == results_of(asked.out)
    assert not list(again.out.rglob(".*")), "no half-written file in a folder that is handed in"


def results_of(out: Path) -> dict[str, bytes]:
    """{path: content} of the tables and the text of a study's folder that are there by their names."""
    paths = [p for p in out.rglob("*") if p.suffix in {".csv", ".txt"} and not p.name.startswith(".")]
    return {str(p.relative_to(out)): p.read_bytes() for p in paths}


def test_files_that_changed_are_refused_and_nothing_is_overwritten(done, folder: Path, tmp_path: Path):
    root, asked = done
    shutil.copytree(folder / "recordings", tmp_path / "more")
    shutil.copy(tmp_path / "more" / "p0.csv", tmp_path / "more" / "p10.csv")
    with (tmp_path / "more" / "p10.csv").open("a") as sink:
        sink.write("3.0" + ",0.5" * 52 + "\n")
    with pytest.raises(StudyConflict, match=r"1 new or changed files, such as p10.csv.*another --name"):
        plan_study(replace(asked, sources=(tmp_path / "more",)), root)
    with pytest.raises(StudyConflict, match="other labels"):
        plan_study(replace(asked, labels=None), root)
    with pytest.raises(StudyConflict, match="trained otherwise .seed 0"):
        plan_study(replace(asked, config=replace(asked.config, seed=3)), root)
    with pytest.raises(DataError, match="files are other than then"):
        plan_study(replace(asked, files={"p0.csv": "0" * 64}), root)


def test_an_analysis_that_the_data_do_not_serve_fails_alone(done, tmp_path: Path):
    root, asked = done
    plan = quick(plan_study(replace(asked, by=("mood", "nothing"), out=tmp_path / "out"), root))
    results = {result.name: result for result in run_study(plan, root)}
    assert results[StepName.GROUPS].outcome == StepOutcome.FAILED and "nothing" in str(results[StepName.GROUPS].error)
    assert results[StepName.SUPPLEMENT].outcome == StepOutcome.MADE
    assert (tmp_path / "out" / "groups" / "mood" / "groups.csv").is_file(), "the label that there is, is compared"


def test_events_are_brought_in_and_followed_once(done, folder: Path, tmp_path: Path):
    root, asked = done
    rows = [f"p{i},{at},{at + 0.3},{kind}" for i in range(10) for at, kind in ((0.5, "joke"), (1.5, "pause"))]
    events = tmp_path / "events.csv"
    events.write_text("\n".join(["recording,onset_s,offset_s,kind", *rows]))
    asked = replace(asked, events=events, out=tmp_path / "out")
    plan = plan_study(asked, root)
    steps = {name: plan.steps[name] for name in (StepName.EVENTS, StepName.CURVES)}
    assert {r.outcome for r in run_study(replace(plan, steps=steps), root)} == {StepOutcome.MADE}
    curves = pd.read_csv(tmp_path / "out" / "events" / "tables" / "curves.csv")
    assert set(curves["level"]) == {"joke", "pause"} and (tmp_path / "out" / "events" / "report.html").is_file()
    again = plan_study(asked, root)
    assert {StepName.EVENTS, StepName.CURVES} <= again.current
    assert "events.csv" in read_study_recipe(tmp_path / "out" / "study.toml").files
    events.write_text(events.read_text().replace("joke", "laugh"))
    assert not {StepName.EVENTS, StepName.CURVES} <= plan_study(asked, root).current


def test_an_error_names_its_step(folder: Path, root: Path, tmp_path: Path):
    asked = replace(settings(folder, tmp_path / "out"), face="nobody")
    with pytest.raises(StepError, match="^step import: ") as found:
        run_study(plan_study(asked, root), root)
    assert found.value.name == StepName.IMPORT


def test_steps_without_which_nothing_follows_are_required(folder: Path, root: Path, tmp_path: Path):
    steps = plan_study(settings(folder, tmp_path / "out"), root).steps
    required = [name for name, step in steps.items() if step.kind == StepKind.REQUIRED]
    assert required == [StepName.IMPORT, StepName.TRAIN, StepName.ENCODE, StepName.SUPPLEMENT]


def test_a_recipe_gives_back_every_choice(folder: Path, tmp_path: Path):
    asked = replace(
        settings(folder, tmp_path / "out"),
        by=("mood",),
        fps=30.0,
        time="frame/60",
        simulated=True,
        subject_pattern=r"(p\d)",
        videos=folder,
        events=folder,
        files={"p 0.csv": "a" * 64},
    )
    write_study_recipe(asked, asked.files, asked.out)
    assert read_study_recipe(asked.out / "study.toml") == asked


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[train]\nsteps = 3\n", "no .study. with sources"),
        ('[study]\nname = "a"\nsources = ["x"]\nwidth = 3\n', "unknown field 'width'"),
        ('[study]\nname = "a"\nsources = ["x"]\n[train]\nsteps = "many"\n', "steps = 'many'"),
    ],
)
def test_a_wrong_recipe_is_refused(text: str, fault: str, tmp_path: Path):
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises(DataError, match=fault):
        read_study_recipe(tmp_path / "study.toml")


def test_frames_of_a_long_table_are_estimated(tmp_path: Path):
    path = tmp_path / "long.csv"
    path.write_text("a,b\n" + "0.12345,0.54321\n" * 400_000)
    assert count_frames(path) == pytest.approx(400_000, rel=0.001)


def test_a_folder_gives_its_name(tmp_path: Path):
    (tmp_path / "My study (2)").mkdir()
    assert study_name(tmp_path / "My study (2)") == "My-study-2"
    (tmp_path / "…").mkdir()
    with pytest.raises(DataError, match="--name NAME"):
        study_name(tmp_path / "…")


@pytest.mark.parametrize("label", ["../../../out", "/out", "valence/arousal"])
def test_a_label_stays_in_the_folder_of_its_study(label, tmp_path, monkeypatch):
    where = []
    monkeypatch.setattr("dfe_core.reports.probe.write_report", lambda result, folder: where.append(folder) or [])
    monkeypatch.setattr("dfe_core.reports.groups.write_groups_report", lambda _, out, *rest, **more: where.append(out))
    monkeypatch.setattr("dfe_core.workspace.study.Study", lambda *_, **__: SimpleNamespace(groups=lambda *_, **__: 0))
    _probe_reports(SimpleNamespace(probes={label: None}), tmp_path / "study")
    steps = StudySteps(settings=SimpleNamespace(codebook="c", name="n", seed=0, out=tmp_path / "study"), sources=None)
    for name, made in {"group_labels": [label], "known_aus": None, "_groups_inputs": {}}.items():
        monkeypatch.setattr(StudySteps, name, lambda *_, made=made: made)
    steps.compare(tmp_path, lambda _: None)
    parts = [path.resolve().relative_to((tmp_path / "study").resolve()).parts for path in where]
    assert [part for part, _ in parts] == ["probes", "groups"]
