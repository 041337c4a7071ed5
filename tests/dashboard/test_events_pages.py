"""Events on the pages: bands of the timeline, a set excluded and counted again, and segments that are offered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dashboard.data.artefact_cache import Choice
from dashboard.panels import event_curves, event_sets
from dashboard.views import event_figures
from dfe_core.events.store import excluded_spans, list_events, write_events
from dfe_core.expressions.dataset import Dataset
from tests.dashboard.test_pages import opened, said
from train.cli import build_parser


def with_events(root: Path) -> tuple[Dataset, str]:
    """The dataset with a joke of a second in its first recording, and that recording."""
    dataset = Dataset.open("simulated", root)
    name = str(dataset.recordings["recording"].iloc[0])
    rows = [(name, 0.5, 1.5, "joke"), (name, 2.0, 2.0, "beep")]
    write_events(dataset, "talk", pd.DataFrame(rows, columns=["recording", "onset_s", "offset_s", "kind"]), kind="kind")
    return dataset, name


def test_a_timeline_has_a_band_for_each_event_and_excluded_span(filled: Path):
    dataset, name = with_events(filled)
    event_sets.exclude(dataset, pd.DataFrame([{"recording": name, "onset_s": 3.0, "offset_s": 4.0, "reason": "gone"}]))
    bands = event_sets.bands(dataset, name)
    assert [{key: band[key] for key in ("from", "until", "text", "set", "out")} for band in bands] == [
        {"from": 3.0, "until": 4.0, "text": "gone", "set": "excluded", "out": True},
        {"from": 0.5, "until": 1.5, "text": "joke", "set": "talk", "out": False},
        {"from": 2.0, "until": 2.0, "text": "beep", "set": "talk", "out": False},
    ]
    assert bands[1]["colour"] != bands[2]["colour"]  # of their labels
    other = str(dataset.recordings["recording"].iloc[1])
    assert event_sets.bands(dataset, other) == []


def test_the_data_page_excludes_a_set_and_the_recordings_page_counts_it_again(filled: Path):
    dataset, name = with_events(filled)
    test = opened("data", dataset="simulated")
    assert not test.exception
    next(b for b in test.button if b.label == "Exclude these spans").click().run()
    assert "1 span excluded" in said(test)
    assert excluded_spans(dataset)[["recording", "onset_s", "reason"]].to_numpy().tolist() == [[name, 0.5, "joke"]]
    test = opened("recordings", dataset="simulated", recording=name)
    assert not test.exception and "0:00.5 to 0:01.5" in said(test)
    next(b for b in test.button if b.label == "Count again").click().run()
    assert list_events("simulated", filled) == ["talk"]


def test_segments_are_a_dataset_of_their_own_that_says_what_they_are_of(filled: Path):
    dataset, name = with_events(filled)
    test = opened("data", dataset="simulated")
    next(b for b in test.button if b.label == "Take as segments").click().run()
    assert "are the dataset" in said(test)
    assert Dataset.open("simulated.talk", filled).recordings["recording"].tolist() == [f"{name}-001"]
    event_sets.exclude(dataset, pd.DataFrame([{"recording": name, "onset_s": 0.5, "offset_s": 1.0, "reason": ""}]))
    test = opened("data", dataset="simulated.talk")
    assert "is a segment of" in said(test) and "have changed since" in said(test)


def test_the_command_of_the_curves_is_one_that_the_parser_takes(tmp_path: Path):
    line = event_curves._arguments(Choice(root=tmp_path, model="m", dataset="d"), "talk", "-odd", tmp_path / "out")
    read = build_parser(line).parse_args(line)
    assert (read.action, read.events, read.by, read.out) == ("curves", "talk", "-odd", tmp_path / "out")


def test_a_curve_has_a_line_and_a_band_for_each_level_and_shaded_clusters():
    rows = pd.DataFrame({"time_s": [0.0, 0.2] * 2, "level": ["a", "a", "b", "b"], "mean": 1.0, "low": 0.5, "high": 2.0})
    figure = event_figures.curve(rows, pd.DataFrame({"start_s": [0.0], "end_s": [0.2]}), "share")
    assert [line.name for line in figure.data if line.name] == ["a", "b"] and len(figure.data) == 6
    assert np.allclose(figure.data[2].x, [0.1, 0.3]) and len(figure.layout.shapes) == 2
