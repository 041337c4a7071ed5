"""Two commands on one artefact at once: one waits or is refused in words, and nothing of either is lost."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

import pytest

from dfe_core import trash
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.removal import put_back, remove_recording
from dfe_core.faces import save_face
from dfe_core.locks import claim
from dfe_core.training.fit import train_model
from dfe_core.workspace.catalogue import find_artefact, remove_artefact
from tests.captures import live_link, performance, write
from tests.reliability.test_replacement import held_elsewhere


@pytest.fixture
def study(cache: Path, tmp_path: Path, toy_face) -> Dataset:
    save_face(toy_face, cache)
    for i in range(6):
        write(tmp_path / "in" / f"s{i}_take.csv", live_link(performance(30 + i, seed=i)))
    import_dataset([tmp_path / "in"], "study", ImportOptions(face="toy-1", subject_pattern=r"(s\d)_"), root=cache)
    return Dataset.open("study", cache)


def _take_out(root: Path, recording: str, start) -> None:
    start.wait()
    remove_recording(Dataset.open("study", root), recording)


def _in_processes(root: Path, recordings: list[str]) -> list[int]:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(len(recordings))
    processes = [context.Process(target=_take_out, args=(root, name, start)) for name in recordings]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    return [process.exitcode for process in processes]


def test_two_people_who_withdraw_at_once_are_both_out(study: Dataset, cache: Path):
    assert _in_processes(cache, ["s1_take", "s3_take"]) == [0, 0]
    left = Dataset.open("study", cache)
    assert left.recordings["recording"].tolist() == ["s0_take", "s2_take", "s4_take", "s5_take"]
    assert {e.recording for e in trash.discarded(cache)} == {"s1_take", "s3_take"}
    for entry in trash.discarded(cache):
        put_back(entry, cache)
    assert Dataset.open("study", cache).key == study.key


def test_an_undo_beside_removals_in_threads_of_one_server_loses_nothing(study: Dataset, cache: Path):
    entry = remove_recording(study, "s0_take")
    stale = Dataset.open("study", cache)  # as every tab of the dashboard has it
    acts = [
        lambda: put_back(entry, cache),
        lambda: remove_recording(stale, "s1_take"),
        lambda: remove_recording(stale, "s2_take"),
    ]
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert Dataset.open("study", cache).recordings["recording"].tolist() == ["s0_take", "s3_take", "s4_take", "s5_take"]
    assert {e.recording for e in trash.discarded(cache)} == {"s1_take", "s2_take"}


def test_a_removal_that_fails_drops_its_own_entry_whatever_the_clock_says(study: Dataset, cache: Path, monkeypatch):
    """S1-6: after a step back of the clock the newest entry is another one."""
    now = trash.time.time()
    monkeypatch.setattr(trash.time, "time", lambda: now + 3600)
    first = remove_recording(study, "s0_take")
    monkeypatch.setattr(trash.time, "time", lambda: now)
    second = remove_recording(Dataset.open("study", cache), "s1_take")
    assert second.recording == "s1_take"
    monkeypatch.setattr("dfe_core.expressions.removal.copy_others", None)
    with pytest.raises(TypeError):
        remove_recording(Dataset.open("study", cache), "s2_take")
    assert {e.id for e in trash.discarded(cache)} == {first.id, second.id}


def test_names_are_claimed_at_the_start_of_an_import_a_training_and_a_deletion(
    study: Dataset, cache: Path, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(trash, "PATIENCE_S", 0.1)
    for kind, name, act in (
        ("datasets", "new", lambda: import_dataset([tmp_path / "in"], "new", ImportOptions(face="toy-1"), root=cache)),
        ("models", "m", lambda: train_model("study", "m", root=cache)),
        ("datasets", "study", lambda: remove_artefact(find_artefact("datasets/study", cache), root=cache)),
    ):
        process = held_elsewhere(cache / kind / name)
        with pytest.raises(DataError, match=f"{kind}/{name}: another dfe command is writing it now"):
            act()
        process.communicate()
    assert trash.discarded(cache) == [] and not (cache / "datasets" / "new").exists()


def test_a_name_is_claimed_while_an_import_runs(study: Dataset, cache: Path, tmp_path: Path):
    seen = []

    def look(report):
        def try_it():
            try:
                with claim(cache / "datasets" / "late"):
                    seen.append("free")
            except DataError:
                seen.append("claimed")

        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()

    import_dataset([tmp_path / "in"], "late", ImportOptions(face="toy-1"), root=cache, progress=look)
    assert set(seen) == {"claimed"} and len(seen) == 7


def test_training_again_does_not_throw_an_unfinished_run_away(study: Dataset, cache: Path):
    (cache / "models" / "m").mkdir(parents=True)
    (cache / "models" / "m" / "checkpoint.safetensors").write_bytes(b"x")
    (cache / "models" / "m" / "history.jsonl").write_text("kept")
    with pytest.raises(DataError, match="unfinished training of this name; expected --resume"):
        train_model("study", "m", root=cache)
    assert (cache / "models" / "m" / "history.jsonl").read_text() == "kept"
