"""What is deleted can be taken back, whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dfe_core import audit, trash
from dfe_core.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("datasets/study", "tokens/m--study"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "manifest.json").write_text(json.dumps({"name": name}))
    return tmp_path


def everything(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*.json") if ".trash" not in p.parts}


def test_what_goes_comes_back_as_it_was(root: Path):
    before = everything(root)
    entry = trash.discard([root / "datasets" / "study", root / "tokens" / "m--study"], root)
    assert everything(root) == {} and entry.what == "datasets/study" and entry.bytes > 0
    assert [e.id for e in trash.discarded(root)] == [entry.id]
    trash.restore(entry.id, root)
    assert everything(root) == before and trash.discarded(root) == []


def test_a_name_that_is_taken_again_is_not_written_over(root: Path):
    entry = trash.discard([root / "datasets" / "study"], root)
    (root / "datasets" / "study").mkdir()
    with pytest.raises(DataError, match="another one of this name"):
        trash.restore(entry.id, root)
    (root / "datasets" / "study").rmdir()
    trash.restore(entry.id, root)
    assert (root / "datasets" / "study" / "manifest.json").is_file()


def test_only_artefacts_go(root: Path, tmp_path: Path):
    for path in (root, root / "datasets", tmp_path.parent, root / "datasets" / "none", root / "datasets" / ".." / ".."):
        with pytest.raises(DataError, match="no artefact"):
            trash.discard([path], root)
    assert trash.discarded(root) == []


def edit_entry(root: Path, number: str, text: str) -> None:
    (root / ".trash" / number / "entry.json").write_text(text)


def test_nothing_ends_by_itself_even_when_the_clock_jumps(root: Path, monkeypatch):
    entry = trash.discard([root / "datasets" / "study"], root)
    now = trash.time.time()
    monkeypatch.setattr(trash.time, "time", lambda: now + 86400 * 31)
    trash.discard([root / "tokens" / "m--study"], root)
    assert [e.what for e in trash.discarded(root)] == ["tokens/m--study", "datasets/study"]
    assert [e.id for e in trash.expired(root)] == [entry.id]
    assert trash.empty(root, trash.expired(root)) > 0 and len(trash.discarded(root)) == 1
    assert trash.empty(root) > 0 and os.listdir(root / ".trash") == []
    with pytest.raises(DataError, match="nothing of this id"):
        trash.restore(entry.id, root)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"paths": ["datasets/study"]}',
        '{"paths": [], "when": 1}',
        '{"paths": ["../../x"], "when": 1}',
        '{"paths": ["datasets/study"], "when": "x"}',
    ],
)
def test_a_damaged_entry_neither_blocks_the_trash_nor_is_lost(root: Path, text: str):
    before = everything(root)
    damaged = trash.discard([root / "datasets" / "study"], root)
    edit_entry(root, damaged.id, text)
    other = trash.discard([root / "tokens" / "m--study"], root)
    assert {e.id: e.damaged for e in trash.discarded(root)} == {damaged.id: True, other.id: False}
    trash.recover_trash(root)
    trash.restore(other.id, root)
    trash.restore(damaged.id, root)
    assert everything(root) == before


def test_an_entry_says_whose_it_is(root: Path):
    assert trash.discard([root / "datasets" / "study"], root).by == audit.account() != ""


def test_a_deletion_that_was_interrupted_is_taken_back_as_well(root: Path):
    entry = trash.discard([root / "datasets" / "study", root / "tokens" / "m--study"], root)
    os.replace(root / ".trash" / entry.id / "tokens" / "m--study", root / "tokens" / "m--study")
    trash.restore(entry.id, root)
    assert len(everything(root)) == 2
