"""A command that is killed at any of its steps leaves the old state or the new one, and the next command works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dfe_core import replacement, trash
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.removal import put_back, remove_recording
from dfe_core.faces import save_face
from dfe_core.facs.derive import derive_aus
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.store import recover_all
from dfe_core.tokenizer.config import load_config
from dfe_core.tokens.annotations import Notebook
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.training.fit import train_model
from dfe_core.workspace.catalogue import artefact_faults, catalogue, find_artefact, remove_artefact
from dfe_core.workspace.repair import leftovers, repair
from tests.captures import live_link, performance, write
from tests.reliability.crash_points import content, walked
from tests.small_world import codeword_psi, write_model

KINDS_MADE = ("datasets", "models", "tokens")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for i in range(3):
        write(tmp_path / "in" / f"s{i}_take.csv", live_link(performance(30 + i, seed=i)))
    return tmp_path / "in"


@pytest.fixture
def study(cache: Path, sources: Path, toy_face) -> Dataset:
    """Three takes of three people, imported."""
    save_face(toy_face, cache)
    import_dataset([sources], "study", ImportOptions(face="toy-1", subject_pattern=r"(s\d)_"), root=cache)
    return Dataset.open("study", cache)


@pytest.fixture(params=["exchange", "two renames"])
def swap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With and without a file system that exchanges folders in one step."""
    if request.param == "two renames":
        monkeypatch.setattr(replacement, "exchange", lambda first, second: False)
    return request.param


def check(
    root: Path,
    act: Callable[[], object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    again: Callable[[Path], object] = lambda root: None,
    kinds: tuple[str, ...] = KINDS_MADE,
    least: int = 4,
    sound: bool = True,
) -> int:
    """Walk all steps of `act`; after each: old or new, no fault (where the artefacts are sound ones), nothing
    for doctor to lose, and `again` works. Returns the number of steps."""
    old = content(root, kinds)
    with walked(root, tmp_path / "walk", monkeypatch) as disk:
        act()
    new = content(root, kinds)
    assert old != new and len(disk.copies) >= least
    for copy in disk.copies:
        recover_all(copy)
        trash.recover_trash(copy)
        assert content(copy, kinds) in (old, new), copy.name
        assert not sound or not [a.label for a in catalogue(copy) if artefact_faults(a) and a.kind in kinds], copy.name
        before = content(copy, kinds)
        repair(copy)
        assert content(copy, kinds) == before and not leftovers(copy), copy.name
        again(copy)
    return len(disk.copies)


def try_again(act: Callable[[Path], object]) -> Callable[[Path], None]:
    """Do it once more: it works, or is refused in words because it is done."""

    def again(root: Path) -> None:
        try:
            act(root)
        except DataError as error:
            assert (
                "exists" in str(error)
                or "no recording" in str(error)
                or "no such" in str(error)
                or "nothing of this id" in str(error)
            ), error

    return again


def test_import(cache: Path, sources: Path, toy_face, tmp_path, monkeypatch):
    save_face(toy_face, cache)

    def act(root):
        import_dataset([sources], "study", ImportOptions(face="toy-1"), root=root)

    check(cache, lambda: act(cache), tmp_path, monkeypatch, try_again(act))


def test_removal_of_a_recording_and_its_undo(study: Dataset, cache: Path, swap: str, tmp_path, monkeypatch):
    before, entries = content(cache, ("datasets",)), []

    def act(root):
        entries.append(remove_recording(Dataset.open("study", root), "s1_take"))

    def undone(root):  # whatever the kill left, the recording is there or can be brought back, whole
        try_again(act)(root)
        (entry,) = trash.discarded(root)
        put_back(entry, root)
        assert content(root, ("datasets",)) == before and trash.discarded(root) == []

    check(cache, lambda: act(cache), tmp_path, monkeypatch, undone, least=15)
    entry = entries[0]
    check(
        cache,
        lambda: put_back(entry, cache),
        tmp_path / "undo",
        monkeypatch,
        try_again(lambda root: put_back(trash.find(entry.id, root), root)),
        least=15,
    )


def test_removal_of_a_model_and_its_undo(study: Dataset, cache: Path, toy_face, tmp_path, monkeypatch):
    write_model(cache, toy_face, codeword_psi(toy_face))
    Notebook.open("m", cache).edit(1, "ana", name="brow up")
    (cache / "tokens" / "m--study").mkdir(parents=True)
    (cache / "tokens" / "m--study" / "manifest.json").write_text("{}")
    paths = ["models/m", "tokens/m--study"]
    kinds = ("datasets", "models")
    whole = content(cache)

    def act(root):
        trash.discard([root / p for p in paths], root)

    def undone(root):
        if not trash.discarded(root):
            act(root)
        (entry,) = trash.discarded(root)
        trash.restore(entry.id, root)
        assert content(root) == whole

    check(cache, lambda: act(cache), tmp_path, monkeypatch, undone, (*kinds, "tokens"), sound=False)
    number = trash.discarded(cache)[0].id
    check(
        cache,
        lambda: trash.restore(number, cache),
        tmp_path / "undo",
        monkeypatch,
        try_again(lambda root: trash.restore(number, root)),
        (*kinds, "tokens"),
        sound=False,
    )


def test_notes(study: Dataset, cache: Path, toy_face, tmp_path, monkeypatch):
    write_model(cache, toy_face, codeword_psi(toy_face))
    Notebook.open("m", cache).edit(1, "ana", name="brow up")

    def again(root):
        assert Notebook.open("m", root).edit(2, "bo", name="jaw").of(2).name == "jaw"

    check(
        cache,
        lambda: Notebook.open("m", cache).edit(1, "ana", note="raised"),
        tmp_path,
        monkeypatch,
        again,
        least=2,
        sound=False,
    )


def test_removed_for_good_through_the_catalogue(study: Dataset, cache: Path, tmp_path, monkeypatch):
    check(
        cache,
        lambda: remove_artefact(find_artefact("datasets/study", cache), root=cache),
        tmp_path,
        monkeypatch,
        lambda root: np.testing.assert_equal(len(trash.discarded(root)) + (root / "datasets/study").is_dir(), 1),
    )


TINY = {
    "tokenizer.codewords": 12,
    "tokenizer.stages": 2,
    "train.steps": 6,
    "train.batch": 64,
    "train.checkpoint_every": 2,
    "train.validation_share": 0.0,
}


def test_training_and_encoding(cache: Path, toy_face, tmp_path, monkeypatch):
    save_face(toy_face, cache)
    simulate_dataset("study", toy_face, subjects=5, minutes_per_subject=0.1, fps=20, root=cache)

    def trained(root):
        train_model("study", "m", config=load_config(None, TINY), resume=True, root=root)

    def encoded(root):
        encode_dataset("m", "study", root=root)

    old = content(cache, ("models",))
    with walked(cache, tmp_path / "walk", monkeypatch) as disk:
        trained(cache)
    new = content(cache, ("models",))
    weights = "models/m/model.safetensors"
    assert len(disk.copies) > 20 and old == {}
    for copy in disk.copies:
        repair(copy)
        assert (
            not artefact_faults(find_artefact("models/m", copy)) if (copy / "models/m/config.json").is_file() else True
        ), copy.name
    for copy in disk.copies[:: len(disk.copies) // 3]:  # training again takes seconds
        trained(copy)
        assert content(copy, ("models",))[weights] == new[weights], copy.name
    check(cache, lambda: encoded(cache), tmp_path / "tokens", monkeypatch)


def test_derived_aus_are_replaced_or_as_they_were(study: Dataset, cache: Path, swap: str, tmp_path, monkeypatch):
    derive_aus(study, "derived", root=cache)

    def act(root):
        derive_aus(Dataset.open("study", root), "derived", threshold=2.0, root=root)

    check(cache, lambda: act(cache), tmp_path, monkeypatch, act, kinds=("datasets", "analyses"))
