"""Remarks on many files are summed up in a few lines."""

from __future__ import annotations

from dfe_core.facs.lag import count_lags, lag_line
from dfe_core.facs.remarks import Remark, Topic, summarise


def test_the_same_fault_of_many_files_is_one_line() -> None:
    remarks = {
        f"f{i}.csv": [Remark("AU2: 1 in every frame (presence); kept", Topic.ALWAYS, aus=["AU2"], scale="presence")]
        for i in range(187)
    }
    remarks |= {
        f"g{i}.csv": [Remark("AU2, AU4: 0 …", Topic.RESTS, aus=["AU2", "AU4"], scale="intensity")] for i in range(38)
    }
    lines = summarise(remarks)
    assert len(lines) == 2
    assert "AU2 in 187 of 225 files" in lines[1] and "(presence)" in lines[1]
    assert "AU2 in 38, AU4 in 38 of 225 files" in lines[0]


def test_shares_and_frames_are_added_up() -> None:
    remarks = {
        "a": [Remark("…", Topic.DISAGREE, aus={"AU1": 0.2}), Remark("…", Topic.NOT_SEEN, frames=10, of_frames=100)],
        "b": [
            Remark("…", Topic.DISAGREE, aus={"AU1": 0.4, "AU5": 0.3}),
            Remark("…", Topic.NOT_SEEN, frames=5, of_frames=50),
        ],
        "c": [],
    }
    text = "\n".join(summarise(remarks))
    assert "15 of 150 frames" in text and "(in 2 of 3 files)" in text
    assert "AU1 in 2 (median 30%), AU5 in 1 (median 30%) of 3 files" in text


def test_equal_sentences_are_told_once_and_many_different_ones_are_cut() -> None:
    same = {f"f{i}": ["rows were not in order of time: sorted"] for i in range(40)}
    assert summarise(same) == ["rows were not in order of time: sorted (so or similar in 40 of 40 files)"]
    numbers = {f"f{i}": [f"{i} rows repeat a time"] for i in range(40)}
    assert summarise(numbers) == ["0 rows repeat a time (so or similar in 40 of 40 files)"]
    different = {f"f{i}": [f"column {chr(65 + i)} left out"] for i in range(40)}
    lines = summarise(different)
    assert len(lines) == 9 and lines[-1] == "and 32 other remarks on single files"


def test_a_lag_is_told_by_what_became_of_it() -> None:
    rows = [{"lag": "applied", "offset_s": 0.4, "lag_s": 0.4}] * 3 + [
        {"lag": "in time", "offset_s": 0.0, "lag_s": 0.0},
        {"offset_s": 0.0},
    ]
    assert lag_line(count_lags(rows)).endswith(
        "in time in 1, applied in 3 (median 0.40 s), not estimated in 1 of 5 recordings"
    )
