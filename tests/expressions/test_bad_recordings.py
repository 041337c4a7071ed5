"""Bad input: one clear line that names the file and the fault, whatever the file holds."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfe_core.errors import DataError
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader, read_head, readers
from dfe_core.faces.arkit import ARKIT_NAMES
from tests.captures import beat_json, live_link, performance, table, write
from tests.expressions.broken import BROKEN, SLIPS, mat_bomb
from tests.hang_guard import ends_within

SEEDS = {"csv": [live_link(performance(30)), table(performance(30))], "json": [beat_json(performance(12))]}
RELAXED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _read(path: Path) -> None:
    find_reader(path)[0].read(path, ReadOptions())


@pytest.mark.parametrize("what", BROKEN)
def test_each_broken_file_is_refused_in_one_line_and_never_hangs(tmp_path: Path, what: str):
    name, content = BROKEN[what]
    path = write(tmp_path / name, content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ends_within(), pytest.raises(DataError) as error:
        _read(path)
    message = str(error.value)
    assert message.startswith(str(path)) and "\n" not in message and len(message) < 800
    assert message.isprintable(), message
    assert error.value.expected, message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000


@pytest.mark.parametrize(
    ("what", "place", "found"),
    [
        ("a short line in the middle", "line 10", "columns"),
        ("broken timecodes", "line 2, column Timecode", "10:00:xx"),
        ("every time twice", "line 3", "two faces"),
        ("0 fps", "a.csv", "no real time"),
        ("5000 fps", "a.csv", "frames a second"),
        ("no times", "a.csv", "no frame rate"),
        ("a coefficient in two spellings", "column 54", "browDownLeft a second time"),
        ("percent", "coefficient", "percent"),
        ("a frame without weights", "frame 8", "no weights"),
        ("an npz of pickles", "array exp", "pickled"),
        ("an npz that unfolds to 3 GB", "a.npz", "GB"),
        ("deep json", "a.json", "no reader"),
        ("an endless line", "a.csv", "no reader"),
    ],
)
def test_the_message_names_the_place_and_the_fault(tmp_path: Path, what: str, place: str, found: str):
    name, content = BROKEN[what]
    with pytest.raises(DataError) as error:
        _read(write(tmp_path / name, content))
    assert place in str(error.value) and found in str(error.value), str(error.value)


@pytest.mark.parametrize("what", SLIPS)
def test_a_fault_of_one_row_costs_that_row_and_is_said(tmp_path: Path, what: str):
    name, content, valid, note = SLIPS[what]
    path = write(tmp_path / name, content)
    (found,) = find_reader(path)[0].read(path, ReadOptions())
    assert found.valid.sum() == valid and note in " ".join(found.notes), found.notes
    assert (np.diff(found.time_s) > 0).all() and found.fps in (30, 59.94, 60)


def test_a_compressed_mat_is_not_unfolded_beyond_the_limit(tmp_path: Path):
    with pytest.raises(DataError, match="unfold"):
        _read(write(tmp_path / "a.mat", mat_bomb(160)))


@RELAXED
@given(content=st.binary(max_size=3000), suffix=st.sampled_from([".csv", ".json", ".npz", ".npy", ".mat", ".parquet"]))
def test_random_bytes_raise_nothing_else(tmp_path: Path, content: bytes, suffix: str):
    _only_data_errors(write(tmp_path / f"a{suffix}", content))


@RELAXED
@given(data=st.data())
def test_a_mutated_file_is_read_or_refused(tmp_path: Path, data: st.DataObject):
    suffix = data.draw(st.sampled_from(sorted(SEEDS)))
    blob = bytearray(data.draw(st.sampled_from(SEEDS[suffix])).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(blob) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "drop", "twice", "insert"])):
            case "flip":
                blob[at] = data.draw(st.integers(0, 255))
            case "cut":
                del blob[max(at, 1) :]
            case "drop":
                del blob[at : at + data.draw(st.integers(1, 400))]
            case "twice":
                blob[at:at] = blob[at : at + 400]
            case "insert":
                blob[at:at] = data.draw(st.sampled_from([b"\n", b",", b'"', b"nan", b"-", b"1e999", b"\xff", b";"]))
        blob = blob or bytearray(b"x")
    _only_data_errors(write(tmp_path / f"a.{suffix}", bytes(blob)))


@RELAXED
@given(data=st.data())
def test_a_mutated_array_file_is_read_or_refused(tmp_path: Path, data: st.DataObject):
    path = tmp_path / data.draw(st.sampled_from(["a.npz", "a.npy", "a.mat", "a.parquet"]))
    blob = bytearray(_array_file(path))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(blob), 400) - 1))
        blob[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        blob = blob[: data.draw(st.integers(1, len(blob)))]
    _only_data_errors(write(path, bytes(blob)))


def _array_file(path: Path) -> bytes:
    arrays = {"exp": np.ones((6, 50)), "pose": np.zeros((6, 6)), "fps": np.array(30.0)}
    if path.suffix == ".npz":
        np.savez_compressed(path, **arrays)
    elif path.suffix == ".npy":
        np.save(path, np.ones((6, 53)))
    elif path.suffix == ".mat":
        from scipy.io import savemat

        savemat(path, arrays, do_compression=True)
    else:
        import pandas as pd

        pd.DataFrame(performance(6), columns=list(ARKIT_NAMES)).assign(time=np.arange(6) / 30).to_parquet(path)
    return path.read_bytes()


def _only_data_errors(path: Path) -> None:
    """Sniffing never raises; reading, also as a format that it is not, raises `DataError` alone."""
    try:
        head = read_head(path)
    except DataError:
        return
    for reader in readers():
        reader.sniff(path, head)
        try:
            recordings = reader.read(path, ReadOptions(fps=30))
        except DataError as error:
            assert "\n" not in str(error)
            continue
        for recording in recordings:
            assert np.isfinite(recording.psi).all() and (np.diff(recording.time_s) > 0).all()
            assert (np.diff(recording.frame) > 0).all() and 1 <= recording.fps <= 960
