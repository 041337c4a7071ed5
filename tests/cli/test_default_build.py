"""The default build: only what is missing, in order, with one honest estimate of the time left."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from dashboard.data.artefact_cache import is_encoded
from dfe_core.progress import Progress, silent
from dfe_core.workflow import step as step_module
from dfe_core.workflow.step import PlannedStep, Whole
from train import default_build
from train.default_build import STEPS, Part, build_default, missing_steps


def steps(*seconds: float) -> list[PlannedStep]:
    return [
        PlannedStep(
            title=f"step {i}", seconds=s, task=f"task {i}", present=lambda root: False, make=lambda root, progress: None
        )
        for i, s in enumerate(seconds)
    ]


def test_an_empty_cache_lacks_everything(tmp_path: Path):
    assert missing_steps(tmp_path) == list(STEPS)


def test_progress_of_the_whole_never_goes_back_and_ends_at_one():
    plan, heard = steps(10, 30), []
    whole = Whole(plan, heard.append)
    for i, step in enumerate(plan):
        tell = whole.listener(step)
        tell(Progress(task="reading", done=5, total=5))
        for done in range(5):
            tell(Progress(task=f"task {i}", done=done + 1, total=5))
        whole.finish(step)
    shares = [report.figures["overall"] for report in heard]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    assert heard[-1].figures["eta_s"] == 0 and heard[-1].task == "[2/2] step 1"
    assert {0.05, 0.25, 0.4} <= {round(s, 3) for s in shares}, "a step counts by the time it takes"


def test_a_side_task_does_not_move_the_whole():
    heard: list[Progress] = []
    plan = steps(10)
    Whole(plan, heard.append).listener(plan[0])(Progress(task="reading frames", done=32, total=32))
    assert heard[-1].figures["overall"] == 0


def test_the_time_left_follows_the_pace_of_this_machine(monkeypatch: pytest.MonkeyPatch):
    clock = [0.0]
    monkeypatch.setattr(step_module.time, "monotonic", lambda: clock[0])
    plan, heard = steps(100), []
    tell = Whole(plan, heard.append).listener(plan[0])
    clock[0] = 150.0  # half is done in three times the time it should take
    tell(Progress(task="task 0", done=1, total=2))
    assert 100 < heard[-1].figures["eta_s"] < 150


@pytest.fixture
def steps_on_the_toy_face(monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps but the first, which takes most of a minute and is tested with the faces."""
    monkeypatch.setattr(default_build, "STEPS", STEPS[1:])


@pytest.fixture(scope="module")
def half_built(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    """A cache with the datasets and model that the default build makes, on the toy face and tiny."""
    from dfe_core.faces import save_face
    from dfe_core.simulate.dataset import simulate_dataset
    from dfe_core.tokenizer.config import load_config
    from dfe_core.training.fit import train_model

    root = tmp_path_factory.mktemp("half") / "cache"
    save_face(toy_face, root)
    heard: list[Progress] = []
    simulate_dataset("simulated", toy_face, subjects=6, minutes_per_subject=0.4, root=root, progress=heard.append)
    overrides = {"tokenizer.codewords": 16, "tokenizer.stages": 2, "train.steps": 20, "train.batch": 128}
    train_model("simulated", "default", config=load_config(None, overrides), root=root, progress=heard.append)
    assert {STEPS[1].task, STEPS[2].task} <= {report.task for report in heard if report.done == report.total}
    return root


def test_what_is_missing_is_made_once_and_what_is_corrupt_again(
    half_built: Path, tmp_path: Path, steps_on_the_toy_face
):
    root = Path(shutil.copytree(half_built, tmp_path / "cache"))
    heard: list[Progress] = []
    first = build_default(root, part=Part.FIRST_PAGE)
    assert first == ["encoding", "index of codewords", "AUs of a detector", "derived AUs"]
    assert missing_steps(root, Part.FIRST_PAGE) == []
    assert is_encoded(root, "default", "simulated"), "pages open now, and the dashboard makes the rest"
    made = build_default(root, heard.append)
    ends = [max(r.figures["overall"] for r in heard if r.figures["step"] == i + 1) for i in range(len(made))]
    rest = [step for step in STEPS[3:] if step.title not in first]
    shares = np.cumsum([step.seconds for step in rest]) / sum(step.seconds for step in rest)
    np.testing.assert_allclose(ends, shares, atol=1e-3, err_msg="each step's own task moves the whole")
    assert made == [step.title for step in rest] == ["evaluation", "pictures of codewords", "names of codewords"]
    assert build_default(root) == [] == missing_steps(root)
    (root / "tokens" / "default--simulated" / "tokens.parquet").write_bytes(b"PAR1")
    assert "encoding" in [step.title for step in missing_steps(root)]
    build_default(root)
    assert missing_steps(root) == []


def test_a_model_whose_weights_are_damaged_is_trained_again(half_built: Path, tmp_path: Path, monkeypatch):
    root = Path(shutil.copytree(half_built, tmp_path / "cache"))
    (root / "models" / "default" / "model.safetensors").write_bytes(b"damaged")
    calls = []
    monkeypatch.setattr(
        "dfe_core.training.fit.train_model", lambda *a, **k: calls.append((a, sorted((root / "models").iterdir())))
    )
    step = next(s for s in STEPS if s.title == "training")
    assert not step.present(root)
    step.make(root, silent)
    assert calls == [(("simulated", "default"), [])], "the damaged model made room first"


def test_a_second_process_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    running, most, heard = [0], [0], []

    def make(root: Path, progress) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        end = time.monotonic() + 60
        while not any("waiting" in report.task for report in heard) and time.monotonic() < end:
            threading.Event().wait(0.01)
        (root / "made").touch()
        running[0] -= 1

    step = PlannedStep(title="slow", seconds=1, task="slow", present=lambda root: (root / "made").exists(), make=make)
    monkeypatch.setattr(default_build, "STEPS", (step,))
    results = []
    threads = [threading.Thread(target=lambda: results.append(build_default(tmp_path, heard.append))) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(results) == [[], ["slow"]] and most == [1]
    assert any("waiting" in report.task for report in heard)
