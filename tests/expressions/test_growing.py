"""Recordings added to a dataset give what an import of all of them at once gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dfe_core.errors import DataError
from dfe_core.expressions import file_reading
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.faces import save_face
from dfe_core.store import artefact_path
from tests.captures import live_link, performance, write

PEOPLE = ImportOptions(face="toy-1", subject_pattern=r"(s\d+)_")


@pytest.fixture
def root(tmp_path: Path, toy_face) -> Path:
    save_face(toy_face, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def takes(tmp_path: Path) -> list[Path]:
    """Takes of 900 frames, of which three fill a row group, with head pose."""
    return [
        write(tmp_path / "in" / f"s{i}_take.csv", live_link(performance(900, seed=i), counts=range(0, 1800, 2)))
        for i in range(8)
    ]


def files(root: Path, name: str) -> dict[str, bytes]:
    folder = artefact_path("datasets", name, root)
    parts = ("frames.parquet", "extras.parquet", "recordings.parquet", "keys.parquet")
    return {part: (folder / part).read_bytes() for part in parts if (folder / part).is_file()}


def grown(**options) -> ImportOptions:
    return ImportOptions(**{"subject_pattern": r"(s\d+)_", "add": True, **options})


@pytest.mark.parametrize("first", [1, 3, 5])
def test_a_dataset_that_grew_is_the_one_of_all_at_once(root: Path, takes, first: int, monkeypatch):
    import_dataset(takes, "whole", PEOPLE, root=root)
    import_dataset(takes[:first], "d", PEOPLE, root=root)
    (artefact_path("datasets", "d", root) / "videos.json").write_text("{}")
    read: list[Path] = []
    through = file_reading.read_recordings
    monkeypatch.setattr(file_reading, "read_recordings", lambda path, *rest: read.append(path) or through(path, *rest))
    report = import_dataset(takes, "d", grown(), root=root)
    assert read == takes[first:] and report.known == first
    assert files(root, "d") == files(root, "whole")
    whole, d = Dataset.open("whole", root), Dataset.open("d", root)
    assert d.key == whole.key and d.recording_keys == whole.recording_keys
    assert d.manifest["sources"] == whole.manifest["sources"] and d.manifest["pose_leak"] == whole.manifest["pose_leak"]
    assert (d.path / "videos.json").is_file()
    assert "extras.parquet" in files(root, "d") and d.extras("s7_take")


def test_nothing_new_changes_nothing_and_names_stay_unique(root: Path, takes, tmp_path: Path):
    import_dataset(takes[:2], "d", PEOPLE, root=root)
    before = files(root, "d")
    assert import_dataset(takes[:2], "d", grown(), root=root).known == 2
    assert files(root, "d") == before
    other = write(tmp_path / "else" / "s1_take.csv", live_link(performance(50, seed=99)))
    import_dataset([other], "d", grown(labels=write(tmp_path / "l.csv", "subject,mood\ns1,glad\n")), root=root)
    rows = Dataset.open("d", root).recordings
    assert rows["recording"].tolist() == ["s0_take", "s1_take", "s1_take-s1_take"]
    assert rows["mood"].isna().tolist() == [True, True, False] and rows["subject"].tolist()[-1] == "s1"


def test_what_cannot_grow_is_refused_before_files_are_read(root: Path, takes, monkeypatch):
    with pytest.raises(DataError, match="no such dataset"):
        import_dataset(takes, "d", grown(), root=root)
    import_dataset(takes[:2], "d", PEOPLE, root=root)
    monkeypatch.setattr(file_reading, "read_recordings", lambda *_: pytest.fail("read"))
    for options, found in (
        ({"rest": "remove"}, "resting faces"),
        ({"mix_extractors": True}, "one range"),
        ({"face": "other-2"}, "--face other-2"),
    ):
        with pytest.raises(DataError, match=found):
            import_dataset(takes[2:], "d", grown(**options), root=root)


@pytest.mark.parametrize("simulated", [False, True])
def test_simulated_recordings_and_others_are_not_one_dataset(root: Path, takes, simulated: bool):
    def options(kind: bool) -> ImportOptions:
        return ImportOptions(face="toy-1", simulated=kind)

    import_dataset(takes[:1], "d", options(simulated), root=root)
    with pytest.raises(DataError, match="to be added"):
        import_dataset(takes[1:2], "d", replace(options(not simulated), add=True), root=root)
    import_dataset(takes[1:2], "d", replace(options(simulated), add=True), root=root)
    assert Dataset.open("d", root).simulated == simulated and len(Dataset.open("d", root).recordings) == 2
