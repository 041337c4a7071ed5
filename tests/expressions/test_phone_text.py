"""Text recordings of iPhone apps: Face Cap and iFacialMocap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.readers import face_cap, ifacialmocap
from dfe_core.expressions.readers.even_packets import read_even
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.faces.arkit import ARKIT_NAMES

SHORT = [
    name
    if name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
    else name.replace("Left", "_L").replace("Right", "_R")
    for name in ARKIT_NAMES
]
POSE = "0.1,0.2,-0.4,10,20,30,1,2,3,4"


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join([*lines, ""]))
    return path


def packet(values: np.ndarray, mark: str = "-", leave_out: str = "", before: str = "") -> str:
    pairs = [f"{name}{mark}{round(100 * v)}" for name, v in zip(SHORT, values, strict=True) if name != leave_out]
    return before + "|".join(pairs) + "|=head#-21.5,-6,-6.6,-0.03,-0.1,-0.65|rightEye#6,2.4,0.2|leftEye#6,-1.6,-0.1|"


@pytest.fixture
def values() -> np.ndarray:
    """(6, 52) percent as shares."""
    return np.random.default_rng(0).integers(0, 101, (6, 52)) / 100


def test_face_cap_gives_every_coefficient_at_its_time(tmp_path: Path, values: np.ndarray):
    order = np.random.default_rng(1).permutation(52)
    lines = ["info,Face Cap", ",".join(["bs", *(SHORT[i] for i in order)])]
    lines += [f"k,{1000 + 20 * t},{POSE}," + ",".join(map(str, row[order])) for t, row in enumerate(values)]
    path = written(tmp_path / "a.txt", lines)
    [recording] = face_cap.read(path, ReadOptions())
    assert find_reader(path)[0] is face_cap
    assert recording.names == ARKIT_NAMES and recording.fps == 50
    np.testing.assert_array_equal(recording.psi, values.astype(np.float32))
    np.testing.assert_allclose(recording.time_s, 0.02 * np.arange(6))
    assert recording.extras["HeadYaw"][0] == 20 and recording.extras["RightEyeYaw"][0] == 4


def test_face_cap_refuses_a_line_that_is_no_frame(tmp_path: Path, values: np.ndarray):
    row = ",".join(map(str, values[0]))
    lines = [",".join(["bs", *SHORT]), f"k,0,{POSE},{row}", f"k,20,{POSE},{row}", f"x,40,{POSE},{row}"]
    with pytest.raises(DataError, match=r"line 4: 'x' at its start"):
        face_cap.read(written(tmp_path / "a.txt", lines), ReadOptions())


@pytest.mark.parametrize("mark", ["-", "&"])
def test_packets_give_shares_of_one_at_the_rate_given(tmp_path: Path, values: np.ndarray, mark: str):
    path = written(tmp_path / "a.txt", [packet(row, mark) for row in values])
    [recording] = ifacialmocap.read(path, ReadOptions(fps=60))
    assert find_reader(path)[0] is ifacialmocap
    assert recording.names == ARKIT_NAMES and recording.fps == 60
    np.testing.assert_allclose(recording.psi, values, atol=1e-6)
    assert recording.extras["HeadPitch"][0] == -21.5 and recording.extras["LeftEyeYaw"][0] == np.float32(-1.6)


def test_packets_over_tcp_are_told_apart(tmp_path: Path, values: np.ndarray):
    path = tmp_path / "a.txt"
    path.write_text("".join(packet(row) + "___iFacialMocap" for row in values))
    assert len(ifacialmocap.read(path, ReadOptions(fps=60))[0].psi) == 6


def test_a_coefficient_left_out_of_a_packet_is_unknown_and_not_zero(tmp_path: Path, values: np.ndarray):
    packets = [packet(row, leave_out="jawOpen" if t == 2 else "") for t, row in enumerate(values)]
    [recording] = ifacialmocap.read(written(tmp_path / "a.txt", packets), ReadOptions(fps=60))
    assert recording.valid.tolist() == [True, True, False, True, True, True]


def test_the_times_of_a_logger_are_used(tmp_path: Path, values: np.ndarray):
    packets = [packet(row, before=f"{100 + t / 25:.2f},") for t, row in enumerate(values)]
    [recording] = ifacialmocap.read(written(tmp_path / "a.txt", packets), ReadOptions(fps=60))
    assert recording.fps == 25


def test_packets_without_times_need_a_rate(tmp_path: Path, values: np.ndarray):
    with pytest.raises(DataError, match="no times and no frame rate"):
        ifacialmocap.read(written(tmp_path / "a.txt", [packet(row) for row in values]), ReadOptions())


def test_a_packet_that_is_cut_off_at_the_end_is_dropped_and_said(tmp_path: Path, values: np.ndarray):
    path = written(tmp_path / "a.txt", [*map(packet, values), packet(values[0])[:200]])
    [recording] = ifacialmocap.read(path, ReadOptions(fps=60))
    assert len(recording.psi) == 6 and any("cut off" in note for note in recording.notes)


@pytest.mark.parametrize("before", ["", "{:.3f},", "{:.3f}\t"])
@pytest.mark.parametrize("mark", ["-", "&"])
def test_a_log_read_as_one_table_is_what_its_packets_say(tmp_path: Path, values: np.ndarray, mark: str, before: str):
    lines = [packet(row, mark, before=before.format(t / 50)) for t, row in enumerate(values)]
    even = ifacialmocap.read(written(tmp_path / "a.txt", lines), ReadOptions(fps=50))[0]
    assert read_even("\n".join(lines).encode()) is not None
    odd = "\r\n".join(lines)  # line ends that send it packet by packet
    assert read_even(odd.encode()) is None
    (tmp_path / "a.txt").write_bytes(odd.encode())
    slow = ifacialmocap.read(tmp_path / "a.txt", ReadOptions(fps=50))[0]
    assert even.names == slow.names and even.extras.keys() == slow.extras.keys() and even.fps == slow.fps
    for part in ("psi", "time_s", "valid"):
        np.testing.assert_array_equal(getattr(even, part), getattr(slow, part))
    for name, column in slow.extras.items():
        np.testing.assert_array_equal(even.extras[name], column)


@pytest.mark.parametrize(
    "change",
    [
        ("jawOpen-", "jawOpen--"),
        ("head#", "neck#"),
        ("|=", "|jawOpen-5|="),
        ("|=", "|"),
        ("head#-21.5", "head#x"),
        ("cheekPuff-", "cheekPuff-1e1"),
    ],
)
def test_one_packet_out_of_the_ordinary_is_left_to_the_careful_way(values: np.ndarray, change: tuple[str, str]):
    lines = [packet(row) for row in values]
    lines[3] = lines[3].replace(*change)
    assert read_even("\n".join(lines).encode()) is None
