"""Rows of recordings out of Parquet, and frames found by their number or refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions import dataset_writer as writing
from dfe_core.expressions import recording_table
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.recording_table import RecordingTable, find_frames, frame_rows, recording_spans

GAPPED = np.array([0, 2, 4, 10, 11])


def recording(name: str, frame: np.ndarray) -> Recording:
    """ψ that holds its frame's number."""
    return Recording(
        name=name,
        names=("a", "b"),
        psi=np.repeat(frame[:, None], 2, 1).astype(np.float32),
        time_s=frame / 30,
        frame=frame,
        valid=np.ones(len(frame), bool),
        fps=30.0,
        space="arkit",
        extractor="test",
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    with open_writer("d", ("a", "b"), tmp_path) as writer:
        writer.add(recording("one", GAPPED))
        writer.add(recording("two", np.arange(3000)))
        writer.close({"name": "d", "face": "none", "simulated": False, "sources": [], "notes": []})
    return Dataset.open("d", tmp_path)


def test_recordings_are_cut_into_row_groups_wherever_they_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "ROW_GROUP", 4096)
    with open_writer("d", ("a", "b"), tmp_path) as writer:
        for name, frames in (("a", 3000), ("b", 2), ("c", 9000)):
            writer.add(recording(name, np.arange(frames)))
        writer.close({"name": "d", "face": "none", "simulated": False, "sources": [], "notes": []})
    found = Dataset.open("d", tmp_path)
    groups = pq.ParquetFile(tmp_path / "datasets" / "d" / "frames.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [3000, 4096, 4096, 810]
    assert [found.frames(name).psi[-1].tolist() for name in "abc"] == [[2999.0] * 2, [1.0] * 2, [8999.0] * 2]


def test_frames_are_found_by_number_in_any_order(dataset: Dataset):
    found = dataset.frames("one").at(np.array([10, 0, 4, 4]))
    assert found.frame.tolist() == [10, 0, 4, 4] and found.psi[:, 0].tolist() == [10, 0, 4, 4]
    assert found.time_s == pytest.approx(np.array([10, 0, 4, 4]) / 30)


@pytest.mark.parametrize("wanted", [[3], [2, 3], [12], [-1], [0, 2, 4, 10, 12]], ids=str)
def test_a_frame_that_is_not_there_is_refused_and_not_replaced_by_its_neighbour(dataset: Dataset, wanted: list[int]):
    with pytest.raises(DataError, match=r"one: no frame (3|12|-1) in it"):
        dataset.frames("one").at(np.array(wanted))


def test_the_error_counts_the_frames_that_are_missing():
    with pytest.raises(DataError, match="take: no frame 1 and 2 more in it"):
        frame_rows(GAPPED, np.array([1, 0, 3, 99]), "take")


def test_frames_of_a_part_of_a_recording_are_told_from_those_it_lacks():
    rows, present = find_frames(GAPPED, np.array([1, 2, 11, 12]))
    assert present.tolist() == [False, True, True, False] and GAPPED[rows[present]].tolist() == [2, 11]
    rows, present = find_frames(np.array([], int), np.array([0, 1]))
    assert not present.any() and rows.tolist() == [0, 0]


def test_nothing_asked_is_nothing_found(dataset: Dataset):
    assert dataset.frames("one").at(np.array([], int)).psi.shape == (0, 2)


def test_a_recording_is_read_whole_from_row_groups_shared_with_others(dataset: Dataset):
    assert dataset.frames("one").frame.tolist() == GAPPED.tolist()
    assert dataset.frames("two").frame.tolist() == list(range(3000))


def test_vectors_of_tokens_of_another_state_of_the_dataset_are_refused(dataset: Dataset):
    """Before, the nearest frame after the one asked for was taken in its place, without a word."""
    from dfe_core.embedding.features import FrameVectors
    from dfe_core.tokens.cache import Tokens

    class Face:
        gram = np.eye(2)

    frames = dataset.frames("one")
    tokens = Tokens(
        recording="one",
        frame=frames.frame,
        time_s=frames.time_s,
        tokens=np.zeros((5, 1), np.uint16),
        intensities=np.zeros((5, 1), np.float32),
        error_mm=np.zeros(5, np.float32),
    )
    vectors = FrameVectors(by="psi", codebook=None, face=Face(), dataset=dataset)
    assert len(vectors.of(tokens)) == 5
    with pytest.raises(DataError, match="one: no frame 1"):
        vectors.of(replace(tokens, frame=np.array([0, 1, 2, 3, 4])))


def test_no_other_module_looks_frames_up_by_itself():
    project = Path(__file__).resolve().parents[2]
    own = re.compile(r"searchsorted\([\w.]*\bframe\b|\.frame == [\w\[\]\"']+\)\.argmax")
    found = [
        str(path.relative_to(project))
        for package in ("dfe_core", "dashboard", "train", "benchmarks")
        for path in sorted((project / package).rglob("*.py"))
        if own.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["dfe_core/expressions/recording_table.py"]


@pytest.mark.parametrize("row_group", [3, 5, 100])
def test_spans_are_found_whether_row_groups_hold_one_recording_or_several(tmp_path: Path, row_group: int):
    names = ["a"] * 7 + ["b"] * 2 + ["c"] + ["d"] * 4
    table = pa.table({"recording": pa.array(names).dictionary_encode(), "frame": np.arange(14)})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=row_group)
    found = [(span.recording, span.first, span.count) for span in recording_spans(tmp_path / "t.parquet")]
    assert found == [("a", 0, 7), ("b", 7, 2), ("c", 9, 1), ("d", 10, 4)]


def test_metadata_are_read_once_for_all_tables_of_a_file_and_again_when_it_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": range(10)}), path, row_group_size=2)
    read, plain = [], recording_table.read_footer
    monkeypatch.setattr(recording_table, "read_footer", lambda p: read.append(p) or plain(p))
    for first in range(10):
        for count in range(11 - first):
            found = RecordingTable(path, "").read(first, count, ("x",))["x"].to_pylist()
            assert found == list(range(first, first + count))
    assert read == [path]
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"x": range(100, 103)}), other)
    other.replace(path)
    assert RecordingTable(path, "").read(1, 2, ("x",))["x"].to_pylist() == [101, 102]
