"""Words in, moments out: on simulated people whose actions are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.split import GAP_S
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.probes.sequence_settings import AlignmentSettings, SequenceSettings
from dfe_core.probes.text_retrieval import (
    MomentIndex,
    QuerySettings,
    align_moments,
    list_moments,
    open_moments,
    parts_in_time,
)
from tests.conftest import make_toy_face
from tests.probe_world import make_probe_world

QUICK = AlignmentSettings(
    hidden=32,
    net=SequenceSettings(
        pooling="softmax",
        width=24,
        heads=2,
        layers=1,
        chunk=32,
        chunks=1,
        most=32,
        epochs=12,
        patience=4,
        batch=32,
        dropout=0.0,
        rate=5e-3,
    ),
)
SETTINGS = QuerySettings(model="m", dataset="d", window_s=2.0, alignment=QUICK)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_probe_world(tmp_path_factory.mktemp("query"), make_toy_face(ARKIT_NAMES), subjects=10, minutes=1.6)


@pytest.fixture(scope="module")
def index(world) -> MomentIndex:
    return align_moments(SETTINGS, world.root)


def test_held_out_people_are_found_by_the_words_for_what_they_do(index):
    assert index.manifest["retrieval_auroc"] > 0.7
    held = index.windows[index.windows["part"] == "test"]
    trained = index.windows[index.windows["part"] != "test"]
    assert len(held) == index.manifest["held_out_windows"] and not set(held["subject"]) & set(trained["subject"])


def test_moments_come_best_first_apart_and_from_several_people(index, world):
    found = index.query("jaw dropped, mouth open", limit=8)
    assert found["similarity"].is_monotonic_decreasing and len(found) == 8
    assert found["subject"].value_counts().max() <= 2
    for _, part in found.groupby("recording"):
        assert np.diff(np.sort(part["start_s"])).min(initial=99) > SETTINGS.window_s
    truth = world.dataset.truth
    opened = truth[truth["action"] == "AU26"]

    def shows(row) -> bool:
        own = opened[opened["recording"] == row.recording]
        return bool(((own["onset_s"] < row.end_s) & (own["offset_s"] > row.start_s)).any())

    base = np.mean([shows(row) for row in index.windows.itertuples()])
    assert np.mean([shows(row) for row in found.itertuples()]) >= min(0.75, base + 0.3)


def test_an_index_is_made_once_and_found_again(index, world):
    assert align_moments(SETTINGS, world.root).path == index.path == open_moments(SETTINGS, world.root).path
    assert [m.path for m in list_moments("m", "d", world.root)] == [index.path]
    assert open_moments(QuerySettings(model="m", dataset="d", window_s=3.0), world.root) is None


def test_class_prompts_are_the_anchors_of_a_label(world):
    settings = QuerySettings(
        model="m",
        dataset="d",
        label="condition",
        alignment=replace(QUICK, net=replace(QUICK.net, epochs=2)),
        prompts={"stress": "brows lowered, lips pressed together"},
    )
    made = align_moments(settings, world.root)
    assert made.manifest["anchors"] == ["a calm face: nothing moves", "brows lowered, lips pressed together"]
    assert set(made.classify()["prompt"]) <= set(made.manifest["anchors"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"label": "nothing"}, "no such label"),
        ({"aus": "nobody"}, "no AUs"),
        ({"label": "condition"}, "prompt of your own"),
        ({"text": "/nowhere"}, "nothing is downloaded"),
    ],
)
def test_what_cannot_be_aligned_is_refused(world, change, says):
    with pytest.raises(DataError, match=says):
        align_moments(QuerySettings(model="m", dataset="d", **change), world.root)


def test_an_empty_or_faceless_description_is_refused(index):
    for text in ("  ", "the weather"):
        with pytest.raises(DataError):
            index.query(text)


def test_windows_of_a_split_in_time_keep_a_gap_between_parts():
    windows = pd.DataFrame({"recording": "r", "start_s": np.arange(20) * 2.0, "end_s": np.arange(20) * 2.0 + 2})
    spans = {"train": (0.0, 0.6), "validation": (0.6, 0.8), "test": (0.8, 1.0)}
    part = parts_in_time(windows, pd.Series({"r": 40.0}), spans)
    for one, other in (("train", "validation"), ("validation", "test")):
        last = windows["end_s"].to_numpy()[part == one].max()
        assert windows["start_s"].to_numpy()[part == other].min() >= last + GAP_S
    assert (part == "unused").sum() >= 2 and (part == "train").sum() == 12
