"""Our own datasets as a source: to the bit, with labels, and refused when they were touched."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.recording import Recording
from dfe_core.faces import save_face
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.store import file_sha256


@pytest.fixture
def root(tmp_path: Path, toy_face) -> Path:
    save_face(toy_face, tmp_path / "cache")
    return tmp_path / "cache"


def recording(name: str, seed: int, subject: str = "") -> Recording:
    rng = np.random.default_rng(seed)
    frame = np.cumsum(rng.integers(1, 3, 50))
    return Recording(
        name=name,
        names=ARKIT_NAMES,
        psi=rng.uniform(-0.2, 1.3, (50, 52)).astype(np.float32),
        time_s=frame / 30.0,
        frame=frame,
        valid=rng.uniform(size=50) > 0.2,
        fps=30.0,
        space="arkit",
        extractor="live-link-face",
        subject=subject,
        session="morning",
        extras={"HeadYaw": rng.normal(size=50).astype(np.float32)},
    )


@pytest.fixture
def shared_set(tmp_path: Path) -> Path:
    """A dataset folder of another lab."""
    theirs = tmp_path / "theirs"
    with open_writer("study", ARKIT_NAMES, theirs) as writer:
        for i in range(3):
            writer.add(recording(f"take{i}", i, f"s{i % 2}"), {"mood": "happy" if i else "sad", "age": 20.0 + i})
        writer.close({"name": "study", "face": "toy-1", "simulated": True})
    return theirs / "datasets" / "study"


def rewritten(folder: Path, name: str, change) -> None:
    """Change one table and let the manifest agree with it."""
    table = change(pq.read_table(folder / name))
    pq.write_table(table, folder / name)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = file_sha256(folder / name)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_dataset_comes_back_to_the_bit(shared_set: Path, root: Path):
    import_dataset([shared_set], "mine", ImportOptions(face="toy-1"), root=root)
    theirs, mine = Dataset(shared_set), Dataset.open("mine", root)
    pd.testing.assert_frame_equal(mine.recordings, theirs.recordings, check_like=True)
    assert mine.key == theirs.key and mine.simulated
    for name in theirs.recordings["recording"]:
        for field in ("frame", "time_s", "valid", "psi"):
            np.testing.assert_array_equal(getattr(mine.frames(name), field), getattr(theirs.frames(name), field))
        np.testing.assert_array_equal(mine.extras(name)["HeadYaw"], theirs.extras(name)["HeadYaw"])


def test_datasets_with_the_same_names_of_recordings_are_joined_under_different_ones(shared_set: Path, root: Path):
    other = shared_set.parent / "other"
    shutil.copytree(shared_set, other)
    rewritten(other, "recordings.parquet", lambda t: t.set_column(0, "recording", pa.array(["take0", "b", "c"])))
    import_dataset([shared_set.parent], "mine", ImportOptions(face="toy-1"), root=root)
    names = Dataset.open("mine", root).recordings["recording"].tolist()
    assert sorted(names) == sorted(["take0", "b", "c", "study-take0", "take1", "take2"])


def test_coefficients_of_another_face_are_not_taken_for_ours(shared_set: Path, root: Path, toy_face):
    theirs = shared_set.parent.parent
    names = tuple(f"pc_{i:03d}" for i in range(52))
    with open_writer("learned", names, theirs) as writer:
        writer.add(replace(recording("a", 0), names=names))
        writer.close({"name": "learned", "face": "learned-0123456789", "simulated": False})
    save_face(replace(toy_face, id="other-1", names=names), root)
    with pytest.raises(DataError, match="no such face"):
        import_dataset([theirs / "datasets" / "learned"], "mine", root=root)
    with pytest.raises(DataError, match="of the face learned-0123456789, which mean nothing on other-1"):
        import_dataset([theirs / "datasets" / "learned"], "mine", ImportOptions(face="other-1"), root=root)
    save_face(replace(toy_face, id="learned-0123456789", names=names), root)
    import_dataset([theirs / "datasets" / "learned"], "mine", root=root)
    assert Dataset.open("mine", root).face_id == "learned-0123456789"


def test_a_file_that_was_touched_is_refused(shared_set: Path, root: Path):
    table = pq.read_table(shared_set / "frames.parquet")
    pq.write_table(table, shared_set / "frames.parquet", compression="none")
    with pytest.raises(DataError, match="another file than the manifest was written for"):
        import_dataset([shared_set], "mine", ImportOptions(face="toy-1"), root=root)


def frames_of(column: str, values) -> object:
    return lambda t: t.set_column(t.schema.get_field_index(column), column, values(t))


BROKEN = {
    "frames missing": ("frames.parquet", lambda t: t.slice(0, 60), "rows 50 to 100 of 60"),
    "a column missing": ("frames.parquet", lambda t: t.drop_columns(["valid"]), "no column valid"),
    "times backwards": (
        "frames.parquet",
        frames_of("time_s", lambda t: pa.array(t["time_s"].to_numpy()[::-1])),
        "not in order of time",
    ),
    "times missing": (
        "frames.parquet",
        frames_of("time_s", lambda t: pa.array([None] * 150, pa.float64())),
        "150 missing",
    ),
    "psi of another width": (
        "frames.parquet",
        frames_of("psi", lambda t: pa.array([[0.0] * 3] * 150, pa.list_(pa.float32(), 3))),
        "values of type fixed_size_list",
    ),
    "psi of NaN": (
        "frames.parquet",
        frames_of("psi", lambda t: pa.array([[float("nan")] * 52] * 150, pa.list_(pa.float32(), 52))),
        "missing or infinite",
    ),
    "psi of ages": (
        "frames.parquet",
        frames_of("psi", lambda t: pa.array([[1e9] * 52] * 150, pa.list_(pa.float32(), 52))),
        "a coefficient of 1e\\+09",
    ),
    "rows outside": (
        "recordings.parquet",
        frames_of("first_row", lambda t: pa.array([0, 50, 10**9])),
        "rows 1,000,000,000",
    ),
    "rows below 0": ("recordings.parquet", frames_of("first_row", lambda t: pa.array([0, 50, -1])), "without a place"),
    "names twice": (
        "recordings.parquet",
        frames_of("recording", lambda t: pa.array(["a", "a", "b"])),
        "a recording twice",
    ),
    "names of numbers": (
        "recordings.parquet",
        frames_of("recording", lambda t: pa.array([1, 2, 3])),
        "without a place",
    ),
    "fps of 0": ("recordings.parquet", frames_of("fps", lambda t: pa.array([0.0, 30, 30])), "0 frames a second"),
    "no subject": ("recordings.parquet", lambda t: t.drop_columns(["subject"]), "no column subject"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_dataset_is_refused(shared_set: Path, root: Path, fault: str):
    name, change, found = BROKEN[fault]
    rewritten(shared_set, name, change)
    with pytest.raises(DataError, match=found):
        import_dataset([shared_set], "mine", ImportOptions(face="toy-1"), root=root)
    assert not list((root / "datasets").glob("*"))


@pytest.mark.parametrize(
    "manifest",
    [
        [],
        {},
        {"schema_version": 99},
        {"schema_version": 1},
        {"schema_version": 1, "coefficients": ["a", "a"]},
        {"schema_version": 1, "coefficients": [1]},
        {"schema_version": 1, "coefficients": ["a"], "files": None},
        {"schema_version": 1, "coefficients": ["a"], "files": {"frames.parquet": "0"}},
    ],
)
def test_a_broken_manifest_is_refused(shared_set: Path, root: Path, manifest: object):
    (shared_set / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="manifest"):
        import_dataset([shared_set], "mine", ImportOptions(face="toy-1"), root=root)
