"""Progress as a person and as a program read it."""

from __future__ import annotations

import io
import json

import numpy as np

from dfe_core.progress import Progress
from train import progress_reporters
from train.progress_reporters import Bars, JsonLines, Silent, listener


def reports(listen, total: int = 1000) -> None:
    for done in range(total + 1):
        listen(
            Progress(
                task="training",
                done=done,
                total=total,
                detail="rmse 1.20 mm",
                figures={"rmse_mm": 1.2, "perplexity": 9.0, "by": [1, 2]},
            )
        )


def test_json_lines_are_few_whole_and_end_with_the_last_report():
    stream = io.StringIO()
    with JsonLines(stream) as listen:
        reports(listen)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert 2 <= len(lines) < 100
    assert (lines[0]["done"], lines[-1]["done"]) == (0, 1000)
    assert {line["eta_s"] for line in lines} == {None}, "another task may follow"
    assert lines[-1]["figures"]["rmse_mm"] == 1.2


def told(pace, monkeypatch, task="encoding"):
    """The truth and the estimate of the seconds left after each of 100 units; pace: seconds of each."""
    clock, stream, ends = [0.0], io.StringIO(), np.cumsum(pace)
    monkeypatch.setattr(progress_reporters.time, "monotonic", lambda: clock[0])
    listen = JsonLines(stream)
    listen(Progress(task=task, done=0, total=100))
    for i, now in enumerate(ends):
        clock[0] = now
        listen(Progress(task=task, done=i + 1, total=100))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()][1:]
    return [(ends[-1] - ends[line["done"] - 1], line["eta_s"], line["done"]) for line in lines]


def test_a_time_that_is_given_is_within_30_percent_or_none_is_given(monkeypatch):
    even = told(np.random.default_rng(0).uniform(0.8, 1.2, 100), monkeypatch)
    assert all(eta is None for _, eta, done in even if done < 10)
    assert all(abs(eta - true) <= 0.3 * true + 0.1 for true, eta, done in even if done >= 10)
    rising = told(np.linspace(0.1, 3.0, 100), monkeypatch)
    given = [(true, eta) for true, eta, _ in rising if eta is not None and true > 0]
    assert len(given) < 60 and all(abs(eta - true) <= 0.7 * true for true, eta in given)
    assert all(eta is None for true, eta, _ in told(np.ones(100), monkeypatch, "map"))


def test_json_lines_report_every_task():
    stream = io.StringIO()
    with JsonLines(stream) as listen:
        for task in ("a", "b", "a"):
            listen(Progress(task=task, done=0, total=2))
    assert [json.loads(line)["task"] for line in stream.getvalue().splitlines()] == ["a", "b", "a"]


def test_figures_of_the_whole_stand_beside_those_of_the_task():
    stream = io.StringIO()
    JsonLines(stream)(
        Progress(
            task="[1/2] training", done=1, total=2, detail="", figures={"overall": 0.3, "eta_s": 70, "rmse_mm": 1.0}
        )
    )
    line = json.loads(stream.getvalue())
    assert (line["overall"], line["eta_s"], line["figures"]) == (0.3, 70, {"rmse_mm": 1.0})


def test_a_bar_shows_share_figures_and_time_left():
    stream = io.StringIO()
    with Bars(stream) as listen:
        reports(listen)
    last = stream.getvalue().split("\r")[-1]
    assert "training: 100%" in last and "1000/1000" in last and "rmse 1.20 mm" in last and "perplexity 9" in last
    assert "[1, 2]" not in last


def test_a_bar_of_several_steps_tells_the_time_left_of_all():
    stream = io.StringIO()
    with Bars(stream) as listen:
        listen(Progress(task="[1/2] training", done=10, total=10, detail="", figures={"overall": 0.5, "eta_s": 75}))
    assert "1 min 15 s left in all" in stream.getvalue()


def test_work_of_unknown_size_is_counted():
    stream = io.StringIO()
    with Bars(stream) as listen:
        listen(Progress(task="reading", done=3, total=0))
    assert "3it" in stream.getvalue()


def test_none_says_nothing():
    stream = io.StringIO()
    reports(listener("none", stream))
    assert stream.getvalue() == "" and isinstance(listener("bar", stream), Silent)
