"""Who withdraws is nowhere in the cache afterwards, whatever was made with them; everybody else is untouched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from dfe_core import locks, trash
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.removal import put_back, remove_recording
from dfe_core.faces import save_face
from dfe_core.facs.derive import derive_aus
from dfe_core.facs.store import AlignedAus
from dfe_core.integrity import seal
from dfe_core.locks import claim
from dfe_core.replacement import atomic_directory
from dfe_core.store import read_json, write_json
from dfe_core.tokens.annotations import Notebook
from dfe_core.tokens.face_index import build_moments
from dfe_core.tokens.intervals import build_runs
from dfe_core.video.links import Link, link, links
from dfe_core.workspace import withdrawal
from dfe_core.workspace.catalogue import artefact_faults, catalogue, lineage_notes
from dfe_core.workspace.certificates import unfinished_withdrawals
from dfe_core.workspace.redaction import mentions
from dfe_core.workspace.withdrawal import withdraw
from tests.reliability.crash_points import content, walked
from tests.small_world import World, make_world, write_dataset

THEIRS = ["r1", "r4"]
"""Of subject s1: recording i of the small world belongs to subject i mod 3."""


@pytest.fixture
def world(cache: Path, toy_face, tmp_path: Path) -> World:
    """Six recordings of three people, and everything that can be made of them."""
    save_face(toy_face, cache)
    made = make_world(cache, toy_face, frames=60)
    config = cache / "models" / "m" / "config.json"
    split = {"by": "subject", "recordings": {"train": ["r0", "r1", "r3", "r4"], "validation": [], "test": ["r2", "r5"]}}
    write_json(config, {**read_json(config), "dataset": {"name": "d", "key": made.dataset.key}, "split": split})
    build_runs(made.tokens)
    build_moments(made.dataset, toy_face)
    derive_aus(made.dataset, "derived", root=cache)
    notebook = Notebook.open("m", cache)
    notebook.edit(3, "ana", name="brow up")
    notebook.save_frames("smiles", "d", {"r1": [1, 2], "r2": [3]}, "ana")
    link(made.dataset, {name: Link(video=tmp_path / f"{name}.mp4") for name in ("r0", "r1")})
    write_json(
        cache / "analyses" / "probe-1" / "manifest.json",
        {"settings": {"model": "m", "dataset": "d"}, "recordings": ["r1"]},
    )
    write_json(cache / "models" / "m" / "metrics.json", {"by_subject": {"s1": 0.3}})
    (cache / ".uploads" / "x").mkdir(parents=True)
    (cache / ".uploads" / "x" / "r1.csv").write_text("dropped")
    return made


def frames_of(dataset: Dataset, names: list[str]) -> dict[str, np.ndarray]:
    return {name: dataset.frames(name).psi for name in names}


def test_nothing_of_the_person_is_left_and_everybody_else_is_to_the_bit(world: World):
    root, others = world.root, ["r0", "r2", "r3", "r5"]
    before = frames_of(world.dataset, others)
    theirs = world.dataset.frames("r1").psi.tobytes()[:64]
    aus = {name: AlignedAus.open("d", "derived", root).recording(name).intensity for name in others}
    certificate = withdraw("s1", root)
    assert list(mentions(root, {"s1", *THEIRS})) == [] and certificate.mentions == ()
    assert not any(theirs in path.read_bytes() for path in root.rglob("*") if path.is_file())
    left = Dataset.open("d", root)
    assert left.recordings["recording"].tolist() == others
    for name, psi in frames_of(left, others).items():
        np.testing.assert_array_equal(psi, before[name])
    held = AlignedAus.open("d", "derived", root)
    assert held.recordings == tuple(others) and held.matches(left)
    for name in others:
        np.testing.assert_array_equal(held.recording(name).intensity, aus[name])
    assert list(links(left)) == ["r0"] and not (root / ".uploads" / "x" / "r1.csv").exists()
    assert Notebook.open("m", root).read().frames == {"smiles": {"dataset": "d", "frames": {"r2": [3]}}}
    assert Notebook.open("m", root).read().of(3).name == "brow up"
    assert not [a.label for a in catalogue(root) if a.kind == "datasets" and artefact_faults(a)]


def test_the_certificate_says_what_went_and_what_remains(world: World):
    certificate = withdraw("s1", world.root)
    assert certificate.datasets == {"d": 2} and certificate.finished
    assert certificate.trained == ("models/m",)
    assert {"tokens/m--d", "analyses/probe-1", "models/m/metrics.json"} <= set(certificate.deleted)
    assert any(label.startswith("analyses/runs-") for label in certificate.deleted)
    assert certificate.rewritten == ("analyses/aus--d--derived", "datasets/d", "models/m/notes.json")
    kept = world.root / "withdrawals" / certificate.id
    assert json.loads(kept.with_suffix(".json").read_text())["subject"] == "s1"
    assert "models/m" in kept.with_suffix(".txt").read_text() and "r1" not in kept.with_suffix(".txt").read_text()
    assert read_json(world.root / "models/m/config.json")["split"]["recordings"]["train"] == ["r0", "r3"]
    assert lineage_notes(world.root / "models" / "m") == [
        "trained on another state of the dataset d than is there now",
        "trained with recordings of 1 person who withdrew since",
    ]
    with pytest.raises(DataError, match="nobody of this name"):
        withdraw("s1", world.root)


def test_the_trash_forgets_the_person_and_keeps_the_others(world: World, toy_face):
    root = world.root
    other = remove_recording(world.dataset, "r0")
    remove_recording(Dataset.open("d", root), "r1")
    psi = {f"r{i}": np.full((20, toy_face.coefficients), 0.1 * i) for i in range(6)}
    again = write_dataset(root, toy_face, psi, "e")
    only = write_dataset(root, toy_face, {"x": np.zeros((20, toy_face.coefficients))}, "f", 1)
    trash.discard([again.path], root)
    assert len(trash.discarded(root)) == 3
    with pytest.raises(DataError, match="2 datasets .d, e., who may be different people"):
        withdraw("s1", root)
    withdraw("s1", root, datasets=["d", "e"])
    assert list(mentions(root, {"s1", *THEIRS})) == []
    assert {(e.what, e.recording) for e in trash.discarded(root)} == {("datasets/d", "r0"), ("datasets/e", "")}
    for entry in trash.discarded(root):
        put_back(entry, root)
    assert Dataset.open("e", root).recordings["recording"].tolist() == ["r0", "r2", "r3", "r5"]
    assert Dataset.open("d", root).recordings["recording"].tolist() == ["r0", "r2", "r3", "r5"]
    assert other.recording == "r0" and only.path.is_dir()


def test_the_only_person_of_a_dataset_takes_it_along(world: World, toy_face):
    write_dataset(world.root, toy_face, {"solo": np.zeros((20, toy_face.coefficients))}, "alone", 1)
    derive_aus(Dataset.open("alone", world.root), "derived", root=world.root)
    certificate = withdraw("s0", world.root, datasets=["alone", "d"])
    assert certificate.datasets == {"alone": 1, "d": 2} and not (world.root / "datasets" / "alone").exists()
    assert list(mentions(world.root, {"solo", "s0", "r0", "r3"})) == []


def test_somebody_else_of_the_same_name_in_another_dataset_is_left_alone(world: World, toy_face):
    psi = {f"r{i}": np.full((20, toy_face.coefficients), 0.1 * i) for i in range(6)}
    other = write_dataset(world.root, toy_face, psi, "e")
    Notebook.open("m", world.root).save_frames("theirs", "e", {"r1": [1]}, "ana")
    certificate = withdraw("s1", world.root, datasets=["d"])
    assert Dataset.open("e", world.root).key == other.key and certificate.mentions == ()
    assert Notebook.open("m", world.root).read().frames["theirs"]["frames"] == {"r1": [1]}


def test_a_killed_withdrawal_is_told_by_doctor_and_finished_by_the_same_command(world: World, tmp_path, monkeypatch):
    with walked(world.root, tmp_path / "walk", monkeypatch) as disk:
        withdraw("s1", world.root)
    done = content(world.root, ("datasets",))
    assert len(disk.copies) > 40
    for copy in disk.copies[1:-1:3]:
        begun = unfinished_withdrawals(copy)
        if begun or "s1" in Dataset.open("d", copy).recordings["subject"].tolist():
            withdraw("s1", copy)
        assert list(mentions(copy, {"s1", *THEIRS})) == [] and unfinished_withdrawals(copy) == [], copy.name
        assert content(copy, ("datasets",)) == done


def test_the_command_asks_and_prints_the_certificate(world: World, run_dfe, tmp_path: Path):
    refused = run_dfe(world.root, "withdraw", "s1")
    assert refused.returncode == 1 and "--yes" in refused.stderr and len(Dataset.open("d", world.root).recordings) == 6
    result = run_dfe(world.root, "withdraw", "s1", "--yes", "--out", str(tmp_path / "c.json"), "--progress", "none")
    assert result.returncode == 0, result.stderr
    assert "d (2)" in result.stdout and "models/m" in result.stdout and "no file of the cache" in result.stdout
    assert json.loads((tmp_path / "c.json").read_text())["finished"] is True
    assert withdrawal.PATIENCE_S > 0


def test_a_dataset_that_was_renamed_by_hand_or_is_a_link_loses_the_person_as_well(world: World, tmp_path: Path):
    """Found by attack: the certificate said "removed" and the person was still there."""
    root = world.root
    theirs = world.dataset.frames("r1").psi.tobytes()[:64]
    (root / "datasets" / "d").rename(tmp_path / "on a larger disk")
    (root / "datasets" / "study").symlink_to(tmp_path / "on a larger disk")
    certificate = withdraw("s1", root)
    left = Dataset.open("study", root)
    assert left.name == "study" and left.recordings["recording"].tolist() == ["r0", "r2", "r3", "r5"]
    assert certificate.datasets["study"] == 2 and "aus--d--derived" in str(certificate.rewritten + certificate.deleted)
    places = [*root.rglob("*"), *tmp_path.rglob("*")]
    assert not any(theirs in path.read_bytes() for path in places if path.is_file())
    assert not set(THEIRS) & set(json.loads(json.dumps(list(mentions(root, {"s1", *THEIRS})))))
    assert (root / "datasets" / "study").is_symlink()


def test_a_linked_dataset_with_the_person_alone_goes_with_its_folder(cache: Path, toy_face, tmp_path: Path):
    save_face(toy_face, cache)
    write_dataset(cache, toy_face, {"r0": np.zeros((20, toy_face.coefficients))}, "one")
    (cache / "datasets" / "one").rename(tmp_path / "elsewhere")
    (cache / "datasets" / "one").symlink_to(tmp_path / "elsewhere")
    withdraw("s0", cache)
    assert not (tmp_path / "elsewhere").exists() and not (cache / "datasets" / "one").is_symlink()


def test_nobody_withdraws_while_something_is_being_written_and_nothing_is_lost(world: World):
    root, before = world.root, content(world.root / "datasets")
    with in_another_thread(claim(root / "models" / "race")), pytest.raises(DataError, match="models/race"):
        withdraw("s1", root)
    with in_another_thread(atomic_directory(root / "analyses" / "map-1")), pytest.raises(DataError, match="map-1"):
        withdraw("s1", root)
    assert content(root / "datasets") == before and not unfinished_withdrawals(root)
    assert withdraw("s1", root).finished


def test_nothing_is_begun_while_a_withdrawal_is_under_way(world: World, monkeypatch: pytest.MonkeyPatch):
    refused = []

    def step(self) -> None:
        with pytest.raises(DataError) as error, in_another_thread(claim(world.root / "tokens" / "m--d")):
            pass
        refused.append(str(error.value))

    monkeypatch.setattr(withdrawal._Work, "_copies", step)
    monkeypatch.setattr(locks, "_COLLISION_S", 0.05)
    assert withdraw("s1", world.root).finished and "tokens/m--d" in refused[0]
    with claim(world.root / "tokens" / "m--d"):
        pass


def test_a_training_that_was_stopped_goes_unless_it_read_another_dataset(world: World):
    for model, metadata in (("theirs", {"dataset": "d"}), ("old", None), ("other", {"dataset": "elsewhere"})):
        folder = world.root / "models" / model
        folder.mkdir()
        save_file({"x": np.zeros(3, np.float32)}, folder / "checkpoint.safetensors", metadata)
        (folder / "history.jsonl").write_text("{}\n")
    deleted = withdraw("s1", world.root).deleted
    assert {"models/theirs/checkpoint.safetensors", "models/old/history.jsonl"} <= set(deleted)
    left = sorted(path.parent.name for path in world.root.glob("models/*/checkpoint.safetensors"))
    assert left == ["other"]


def test_the_very_files_under_another_name_are_named(world: World, toy_face):
    write_dataset(world.root, toy_face, {"q1": np.zeros((20, toy_face.coefficients))}, "copy", 1)
    for name, recording in (("d", "r1"), ("copy", "q1")):
        path = world.root / "datasets" / name / "manifest.json"
        source = {"file": f"{recording}.csv", "sha256": "ab" * 32, "recordings": [recording]}
        write_json(path, {**read_json(path), "sources": [source]})
        seal(path.parent)
    certificate = withdraw("s1", world.root, datasets=["d"])
    assert certificate.copies == ("datasets/copy: q1",) and "datasets/copy: q1" in certificate.text()


@contextmanager
def in_another_thread(entered: AbstractContextManager) -> Iterator[None]:
    """Hold a context in a thread of its own, as another command does."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(entered.__enter__).result()
        try:
            yield
        finally:
            pool.submit(entered.__exit__, None, None, None).result()
