"""Aligned AUs on disk."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.facs.store import AlignedAus, AlignedFrames, list_aligned, open_au_writer, present

AUS = (("AU12", "left"), ("AU12", "right"), ("AU1", "both"))


def write(root, lengths, name="x", dataset_key="k"):
    rng, written = np.random.default_rng(0), {}
    with open_au_writer("d", name, AUS, root) as writer:
        for recording, count in lengths.items():
            frames = AlignedFrames(np.arange(count) * 2, *(rng.random((count, 3), np.float32) for _ in range(2)))
            frames.presence[::3, 1] = np.nan
            written[recording] = frames
            writer.add(recording, frames if count else None, {"source": recording + ".csv"})
        writer.close(
            {
                "name": name,
                "dataset": "d",
                "dataset_key": dataset_key,
                "tool": "openface",
                "version": "2",
                "estimate": False,
                "emits": ["AU1", "AU12", "AU28"],
                "notes": [],
            }
        )
    return written


def test_each_recording_reads_back_alone_whatever_its_length(cache):
    written = write(cache, {"a": 10, "b": 70_000, "none": 0, "c": 5})
    opened = AlignedAus.open("d", "x")
    assert opened.recordings == ("a", "b", "c") and opened.frames == 70_015 and opened.aus == AUS
    for name, frames in opened.iter_recordings():
        for got, expected in zip(frames, written[name], strict=True):
            assert np.array_equal(got, expected, equal_nan=True)
    assert opened.recording("b").presence.dtype == np.float32


def test_a_recording_without_aus_is_refused_by_name(cache):
    write(cache, {"a": 4, "none": 0})
    with pytest.raises(DataError, match="'none'"):
        AlignedAus.open("d", "x").recording("none")


def test_the_key_changes_with_the_values_and_with_the_dataset(cache):
    keys = []
    for name, count, dataset in (("a", 5, "k"), ("b", 5, "k"), ("c", 6, "k"), ("d", 5, "l")):
        write(cache, {"r": count}, name, dataset)
        keys.append(AlignedAus.open("d", name).key)
    assert keys[0] == keys[1] and len(set(keys)) == 3
    assert list_aligned("d") == ["a", "b", "c", "d"] and list_aligned("other") == []


def test_a_write_that_fails_leaves_what_was_there(cache):
    write(cache, {"a": 4})
    with pytest.raises(RuntimeError), open_au_writer("d", "x", AUS) as writer:  # noqa: PT012 - a write that fails
        writer.add("a", None)
        raise RuntimeError
    assert AlignedAus.open("d", "x").frames == 4


def test_a_broken_store_is_told(cache):
    write(cache, {"a": 4})
    folder = AlignedAus.open("d", "x").path
    (folder / "aus.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="aus.parquet: its content is not what was written"):
        AlignedAus.open("d", "x").recording("a")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 99}))
    (folder / "checksums.json").unlink()
    with pytest.raises(DataError, match="schema version 99"):
        AlignedAus.open("d", "x")


def test_presence_is_by_probability_where_there_is_one_else_by_intensity_else_unknown():
    nan = np.nan
    found = present(np.array([[0.5, 0.49, nan, nan, nan]]), np.array([[0.0, 5.0, 2.0, 1.9, nan]]))
    assert np.array_equal(found, [[1, 0, 1, 0, nan]], equal_nan=True)
