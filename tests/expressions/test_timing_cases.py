"""Time as evidence: uneven, rounded, coarse, repeated and wrong clocks, and what the user says of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.readers.options import ReadOptions, parse_time
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.expressions.timing import column_seconds, from_frames, from_times
from dfe_core.faces.arkit import ARKIT_NAMES
from tests.captures import performance, table, write

RNG = np.random.default_rng(5)


def test_an_uneven_clock_has_one_gap_and_not_a_gap_at_every_long_step():
    steps = np.concatenate([[1.15], RNG.uniform(0.035, 0.052, 898)])
    found = from_times(np.concatenate([[0.0], np.cumsum(steps)]), "webcam")
    assert found.fps == pytest.approx(1 / steps[1:].mean(), abs=0.01)
    assert "in 1 gap " in " ".join(found.notes) and (np.diff(found.frame)[1:] == 1).all()


def test_missing_frames_of_an_even_clock_are_gaps_as_they_were():
    found = from_times(np.delete(np.arange(300) / 60, [5, 6, 7, 100]), "take")
    assert found.fps == 60 and found.frame[-1] == 299 and "4 frames missing in 2 gaps" in found.notes[0]


@pytest.mark.parametrize(("rate", "digits"), [(29.97, 3), (30.0, 3), (30.0, 2), (59.94, 3), (240.0, 3), (25.0, 1)])
def test_rounded_times_do_not_change_the_rate(rate, digits):
    assert from_times(np.round(np.arange(500) / rate, digits), "x", even=True).fps == pytest.approx(rate, rel=2e-3)


def test_a_clock_of_whole_seconds_is_not_thirty_thousand_rows_in_one():
    found = from_times(np.floor(np.arange(3000) / 30), "x")
    assert len(found.time_s) == 3000 and found.fps == pytest.approx(30, abs=0.01)
    assert "rows share each time" in found.notes[0]


def test_a_game_clock_is_read_at_the_rate_that_the_user_gives(tmp_path: Path):
    ticks = np.cumsum(RNG.choice([4, 5, 6, 7], 300))
    ticks[-1] = ticks[-2]
    path = write(tmp_path / "game.csv", table(performance(300), time="frame", times=ticks))
    with pytest.raises(DataError, match="rise by 4 to 7"):
        find_reader(path)[0].read(path, ReadOptions())
    (found,) = find_reader(path)[0].read(path, ReadOptions(time=parse_time("frame/60")))
    assert len(found.psi) == 299 and found.time_s[-1] == pytest.approx((ticks[-1] - ticks[0]) / 60)
    assert found.fps == pytest.approx(60 / np.diff(ticks[:-1]).mean(), rel=1e-3)


def test_every_fifth_frame_of_a_video_is_a_fifth_of_its_rate():
    assert from_frames(np.arange(100) * 5.0, 30, "x").fps == 6


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (np.zeros(50), "as in every row"),
        (np.repeat(np.arange(25) / 30, 2), "two faces"),
        (np.tile(np.arange(25) / 30, 2), "two recordings"),
    ],
)
def test_what_is_no_clock_is_refused_with_its_reason(times, message):
    with pytest.raises(DataError, match=message):
        from_times(times, "x")


def test_a_constant_frame_number_lets_the_rows_count(tmp_path: Path):
    path = write(tmp_path / "zero.csv", table(performance(40), time="frame", times=np.zeros(40)))
    (found,) = find_reader(path)[0].read(path, ReadOptions(fps=25))
    assert len(found.psi) == 40 and found.time_s[-1] == pytest.approx(39 / 25) and "in every row" in found.notes[-1]


def test_wall_clocks_and_epoch_milliseconds_are_times(tmp_path: Path):
    ms = 1_700_000_000_000 + np.round(np.arange(60) * 1000 / 72)
    dates = [f"2024-05-01 12:00:{i / 50:06.3f}" for i in range(60)]
    epoch = write(tmp_path / "epoch.csv", table(performance(60), time="UnixTimestampMs", times=ms))
    wall = write(tmp_path / "wall.csv", table(performance(60), time="timestamp", times=dates))
    assert find_reader(epoch)[0].read(epoch, ReadOptions())[0].fps == pytest.approx(72, rel=2e-3)
    assert find_reader(wall)[0].read(wall, ReadOptions())[0].fps == 50


def test_a_unit_in_the_name_that_cannot_be_is_not_believed():
    assert column_seconds(np.arange(10) * 33.3, "time_s")[1] == "ms"
    assert column_seconds(np.arange(10) / 30, "time_ms")[1] == "s"


@pytest.mark.parametrize("text", ["", "/60", "frame/0", "frame/-1"])
def test_a_time_option_that_says_nothing_is_refused(text):
    with pytest.raises(DataError, match="--time"):
        parse_time(text)


@pytest.mark.parametrize("layout", ["frames", "lists", "named"])
def test_the_times_of_json_are_those_of_the_key_that_the_user_names(tmp_path: Path, layout: str):
    names, ticks = ARKIT_NAMES[:51], [3 * i for i in range(120)]
    values = [round(0.1 + 0.1 * np.sin(i / 9), 4) for i in ticks]
    content = {
        "frames": [dict.fromkeys(names, v) | {"stamp": t} for v, t in zip(values, ticks, strict=True)],
        "lists": dict.fromkeys(names, values) | {"stamp": ticks},
        "named": {"names": names, "weights": [[v] * len(names) for v in values], "stamp": ticks},
    }[layout]
    path = tmp_path / "take.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="no such key"):
        find_reader(path)[0].read(path, ReadOptions(time=parse_time("clock")))
    (found,) = find_reader(path)[0].read(path, ReadOptions(time=parse_time("stamp/90")))
    assert found.fps == pytest.approx(30) and found.time_s[1] == pytest.approx(1 / 30)
    (rows,) = find_reader(path)[0].read(path, ReadOptions(time=parse_time("row/25")))
    assert rows.fps == 25
