"""Labels change in the table alone, by one writer at a time, and come back as they were."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from dfe_core import trash
from dfe_core.errors import DataError
from dfe_core.expressions import label_editing
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.label_editing import LabelChange, edit_labels, label_changes, label_table
from dfe_core.expressions.removal import put_back, remove_recording
from dfe_core.expressions.sealed_test import Hypothesis, SealPlan, put_seal
from dfe_core.integrity import seal
from dfe_core.store import file_sha256, read_json, write_json
from dfe_core.workspace.withdrawal import withdraw
from tests.dashboard.fake_cache import build

NAMES = ["subject01-take1", "subject01-take2", "subject02-take1", "subject02-take2"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    root = tmp_path_factory.mktemp("labels") / "cache"
    build(root, toy_face, codewords=6, stages=2, subjects=2, seconds=1.0)
    return root


@pytest.fixture
def dataset(template: Path, cache: Path) -> Dataset:
    shutil.rmtree(cache, ignore_errors=True)
    shutil.copytree(template, cache)
    return Dataset.open("simulated", cache)


def values(dataset: Dataset, label: str) -> list:
    return [label_editing.label_value(value) for value in again(dataset).recordings[label]]


def again(dataset: Dataset) -> Dataset:
    return Dataset.open(dataset.name, dataset.root)


def change(recording: str, label: str, before, after) -> LabelChange:
    return LabelChange(recording=recording, label=label, before=before, after=after)


def test_cells_change_and_nothing_else_does(dataset: Dataset):
    before, frames = dataset.recordings.copy(), file_sha256(dataset.path / "frames.parquet")
    edit_labels(dataset, [change(NAMES[0], "mood", None, "glad"), change(NAMES[2], "mood", None, "2")], added=["mood"])
    now = again(dataset)
    assert values(dataset, "mood") == ["glad", None, "2", None]
    pd.testing.assert_frame_equal(now.recordings[before.columns.tolist()], before)
    assert now.key == dataset.key and file_sha256(now.path / "frames.parquet") == frames
    assert now.manifest["files"]["recordings.parquet"] != dataset.manifest["files"]["recordings.parquet"]
    (edit,) = now.manifest[label_editing.EDITS]
    assert (edit["labels"], edit["cells"]) == (["mood"], 2) and edit["by"]
    assert now.frames(NAMES[3]).psi.shape[0] == dataset.frames(NAMES[3]).psi.shape[0]


def test_a_label_of_numbers_alone_is_of_numbers(dataset: Dataset):
    cells = [change(name, "rating", None, str(i)) for i, name in enumerate(NAMES)]
    edit_labels(dataset, cells, added=["rating"])
    now = again(dataset)
    assert now.recordings["rating"].dtype == float and now.recordings["rating"].tolist() == [0, 1, 2, 3]
    edit_labels(now, [change(NAMES[1], "rating", 1.0, "high")])
    assert again(dataset).recordings["rating"].tolist() == ["0", "high", "2", "3"]


@pytest.mark.parametrize("act", ["cells", "added", "removed"])
def test_an_edit_is_taken_back_whole(dataset: Dataset, act: str):
    before = dataset.recordings.copy()
    label = dataset.labels[0]
    was = label_editing.label_value(before[label].iloc[0])
    entry = {
        "cells": lambda: edit_labels(dataset, [change(NAMES[0], label, was, "other")]),
        "added": lambda: edit_labels(dataset, [change(NAMES[0], "mood", None, "glad")], added=["mood"]),
        "removed": lambda: edit_labels(dataset, [], removed=[label]),
    }[act]()
    assert not again(dataset).recordings.equals(before)
    assert (entry.what, len(entry.labels)) == ("datasets/simulated", 1)
    put_back(entry, dataset.root)
    pd.testing.assert_frame_equal(again(dataset).recordings, before)
    assert trash.discarded(dataset.root) == []


def test_what_was_written_meanwhile_is_never_overwritten(dataset: Dataset):
    edit_labels(dataset, [change(NAMES[0], "mood", None, "glad")], added=["mood"])
    with pytest.raises(DataError, match="written meanwhile"):
        edit_labels(dataset, [change(NAMES[0], "mood", None, "sad")])
    first = trash.discarded(dataset.root)[0]
    second = edit_labels(again(dataset), [change(NAMES[0], "mood", "glad", "sad")])
    with pytest.raises(DataError, match="written meanwhile"):
        put_back(first, dataset.root)
    put_back(second, dataset.root)
    put_back(first, dataset.root)
    assert "mood" not in again(dataset).labels


def test_a_label_with_values_of_others_stays_when_its_addition_is_undone(dataset: Dataset):
    first = edit_labels(dataset, [], added=["mood"])
    edit_labels(again(dataset), [change(NAMES[1], "mood", None, "glad")])
    with pytest.raises(DataError, match="written since"):
        put_back(first, dataset.root)
    assert values(dataset, "mood") == [None, "glad", None, None]


def test_undoing_leaves_out_recordings_that_have_gone(dataset: Dataset):
    entry = edit_labels(dataset, [change(n, "mood", None, "glad") for n in NAMES], added=["mood"])
    remove_recording(again(dataset), NAMES[1])
    put_back(entry, dataset.root)
    assert "mood" not in again(dataset).labels and len(again(dataset).recordings) == 3


@pytest.fixture
def sealed(dataset: Dataset) -> Dataset:
    """The labels of the second person are sealed."""
    manifest = read_json(dataset.path / "manifest.json")
    sources = [{"file": f"{n}.csv", "sha256": n, "recordings": [n]} for n in NAMES]
    write_json(dataset.path / "manifest.json", {**manifest, "sources": sources})
    seal(dataset.path)
    plan = SealPlan(subjects=("subject02",), hypotheses=(Hypothesis(label=dataset.labels[0]),))
    put_seal("study", dataset.name, plan, dict.fromkeys(NAMES[2:], "subject02"), dataset.root)
    return again(dataset)


def test_sealed_labels_are_neither_shown_nor_changed(sealed: Dataset):
    label = sealed.labels[0]
    held = sealed.stored_recordings.set_index("recording")[label]
    assert label_table(sealed)["recording"].tolist() == NAMES[:2]
    for wrong in (
        lambda: edit_labels(sealed, [change(NAMES[2], label, None, "x")]),
        lambda: edit_labels(sealed, [change(NAMES[2], "mood", None, "x")], added=["mood"]),
        lambda: edit_labels(sealed, [], removed=[label]),
    ):
        with pytest.raises(DataError, match="sealed for a test"):
            wrong()
    edit_labels(sealed, [change(NAMES[0], label, label_editing.label_value(held[NAMES[0]]), "other")])
    now = again(sealed).stored_recordings.set_index("recording")[label]
    assert now[NAMES[0]] == "other" and now[NAMES[2:]].tolist() == held[NAMES[2:]].tolist()


def test_a_person_who_withdraws_leaves_the_undone_labels_too(dataset: Dataset):
    entry = edit_labels(dataset, [change(n, "mood", None, "glad") for n in NAMES], added=["mood"])
    other = edit_labels(again(dataset), [change(NAMES[2], "mood", "glad", "sad")])
    withdraw("subject02", dataset.root)
    left = (trash.held(entry, dataset.root) / "labels.json").read_text()
    assert NAMES[0] in left and NAMES[2] not in left
    assert [e.id for e in trash.discarded(dataset.root)] == [entry.id] != [other.id]
    put_back(entry, dataset.root)
    assert "mood" not in again(dataset).labels


def test_tables_are_compared_cell_by_cell():
    before = pd.DataFrame({"recording": ["a", "b", "c"], "mood": ["calm", None, "glad"], "rating": [1.0, 2.0, None]})
    after = pd.DataFrame({"recording": ["a", "b"], "mood": [" calm ", "sad"], "rating": ["1", "NA"], "age": [3, None]})
    assert label_changes(before, after) == [
        change("a", "age", None, 3.0),
        change("b", "mood", None, "sad"),
        change("b", "rating", 2.0, None),
    ]


@pytest.mark.parametrize(
    ("changes", "added", "why"),
    [
        ([], [], "all as they were"),
        ([change(NAMES[0], "nobody", None, "x")], [], "no such label"),
        ([change("nobody", "mood", None, "x")], ["mood"], "no such recording"),
        ([], ["frames"], "datasets use themselves"),
        ([], [" "], "without a name"),
        ([], ["mood", "mood"], "twice"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(dataset: Dataset, changes, added, why: str):
    manifest = file_sha256(dataset.path / "manifest.json")
    with pytest.raises(DataError, match=why):
        edit_labels(dataset, changes, added=added)
    assert file_sha256(dataset.path / "manifest.json") == manifest and trash.discarded(dataset.root) == []


def test_a_failure_on_the_way_leaves_the_labels_as_they_were(dataset: Dataset, monkeypatch: pytest.MonkeyPatch):
    before = dataset.recordings.copy()

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(
        label_editing, "write_json", lambda path, value: broken() if path.name == "manifest.json" else None
    )
    with pytest.raises(OSError, match="disk full"):
        edit_labels(dataset, [change(NAMES[0], "mood", None, "x")], added=["mood"])
    pd.testing.assert_frame_equal(again(dataset).recordings, before)
    assert trash.discarded(dataset.root) == []
