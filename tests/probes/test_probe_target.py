"""What may be predicted, and what is refused with a message that says what to change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.label_scales import LabelScale, label_scale
from dfe_core.expressions.recording import Recording
from dfe_core.probes.features.spans import make_spans
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import decide_task, make_target

NAMES = ("a", "b", "c")


def dataset_of(root: Path, labels: dict[str, list], subjects: list[str], seconds: float = 10) -> Dataset:
    frames = int(seconds * 10)
    with open_writer("d", NAMES, root) as writer:
        for i, subject in enumerate(subjects):
            psi = np.random.default_rng(i).random((frames, 3)).astype(np.float32)
            writer.add(
                Recording(
                    name=f"r{i}",
                    names=NAMES,
                    psi=psi,
                    time_s=np.arange(frames) / 10,
                    frame=np.arange(frames),
                    valid=np.ones(frames, bool),
                    fps=10.0,
                    space="arkit",
                    extractor="test",
                    subject=subject,
                ),
                {name: column[i] for name, column in labels.items()},
            )
        writer.close({"name": "d", "face": "f", "simulated": False})
    return Dataset.open("d", root)


def target_of(dataset: Dataset, **changes):
    settings = ProbeSettings(**({"model": "m", "dataset": "d", "label": "mood", "folds": 2} | changes))
    return make_target(dataset, make_spans(dataset, settings), settings)


def test_a_label_constant_within_subjects_is_predicted_by_subject(tmp_path):
    target = target_of(
        dataset_of(
            tmp_path, {"mood": ["x", "x", "y", "y", "x", "x", "y", "y"]}, ["a", "a", "b", "b", "c", "c", "d", "d"]
        )
    )
    assert target.unit == "subject" and target.n == 4
    np.testing.assert_array_equal(target.member, [0, 0, 1, 1, 2, 2, 3, 3])
    assert target.y.tolist() == [0, 1, 0, 1] and target.classes == ("x", "y")


def test_a_label_that_changes_within_subjects_is_predicted_by_recording(tmp_path):
    target = target_of(dataset_of(tmp_path, {"mood": ["x", "y"] * 4}, ["a", "a", "b", "b", "c", "c", "d", "d"]))
    assert target.unit == "recording" and target.n == 8 and target.subjects == 4


def test_the_kind_of_label_decides_the_task():
    assert decide_task(pd.Series(["a", "b"])) == "classify"
    assert decide_task(pd.Series([True, False])) == "classify"
    assert decide_task(pd.Series([0, 1])) == "classify" and decide_task(pd.Series([101, 205, 317])) == "classify"
    assert decide_task(pd.Series([0, 1, 2])) == "regress" and decide_task(pd.Series([1, 2, 3, 4])) == "regress"
    assert decide_task(pd.Series([1, 2, 3, 4, 5, 6, 7])) == "regress"  # an ordered scale
    assert decide_task(pd.Series([0.5, 1.25, 2.0])) == "regress"
    assert decide_task(pd.Series(range(40))) == "regress"


def test_whole_numbers_in_steps_are_an_ordered_scale():
    scales = {
        LabelScale.ORDINAL: ([1, 2, 3], [1, 3, 7], [-3, 0, 3], [0, 50, 100], [1.0, np.nan, 4.0, 5.0], range(21)),
        LabelScale.NOMINAL: ([1, 2], [1, 1], [101, 205, 317], ["1", "2", "3"], [True, False], [np.nan, 1.0]),
        LabelScale.QUANTITY: ([0.5, 1, 2], range(22), [18, 23, 31, 45, 60]),
    }
    for scale, columns in scales.items():
        assert {label_scale(pd.Series(list(column))) for column in columns} == {scale}


def test_a_likert_item_is_predicted_as_an_ordered_scale_or_as_classes_where_that_is_said(tmp_path):
    dataset = dataset_of(tmp_path, {"mood": [1, 7, 2, 6, 3, 5]}, list("abcdef"))
    target = target_of(dataset)
    assert (target.task, target.scale) == ("regress", LabelScale.ORDINAL) and target.y.tolist() == [1, 7, 2, 6, 3, 5]
    with pytest.raises(DataError, match="--task regress, which takes the numbers as a scale"):
        target_of(dataset, task="classify")


def test_text_with_an_order_is_a_scale_where_its_levels_are_given(tmp_path):
    dataset = dataset_of(tmp_path, {"mood": ["low", "high", "medium", "low", "high", "often"]}, list("abcdef"))
    with pytest.raises(DataError, match="--levels LOWEST"):
        target_of(dataset)
    with pytest.raises(DataError, match="'often', which --levels does not name"):
        target_of(dataset, levels=("low", "medium", "high"))
    target = target_of(dataset, levels=("low", "medium", "high", "often"))
    assert (target.task, target.scale) == ("regress", LabelScale.ORDINAL) and target.y.tolist() == [0, 2, 1, 0, 2, 3]


@pytest.mark.parametrize(
    ("labels", "subjects", "changes", "says"),
    [
        (["x"] * 4, "abcd", {}, "every unit is 'x'"),
        (["x", "y", "x", "y"], "aaaa", {}, "--group time"),
        (["x", "x", "x", "y"], "abcd", {}, "class 'y' occurs in 1 subject(s)"),
        (["x", "y", "x", "y"], "abcd", {"folds": 3}, "--folds 2"),
        (["x", None, "x", "y"], "abcd", {}, "no value for 1 of 4 recordings (r1)"),
        ([None] * 4, "abcd", {}, "no recording has a value"),
        (["x", "y", "x", "y"], "abcd", {"label": "stress"}, "no such label"),
        (["x", "y", "x", "y"], "abcd", {"group": "site"}, "no such column"),
        (["x", "y", "x", "y"], "abcd", {"task": "regress"}, "'x' is no number"),
        ([2.5] * 4, "abcd", {"task": "regress"}, "every unit has the value 2.5"),
        (["x", "y", "x", "y"], "aabb", {"unit": "subject"}, "has more than one mood"),
        ([1, 2, 1, 3], "abcd", {"task": "classify"}, "--task regress, which takes the numbers as a scale"),
    ],
)
def test_what_no_score_could_be_trusted_on_is_refused(tmp_path, labels, subjects, changes, says):
    dataset = dataset_of(tmp_path, {"mood": labels}, list(subjects))
    with pytest.raises(DataError) as refusal:
        target_of(dataset, **changes)
    assert says in str(refusal.value) and refusal.value.expected


def test_recordings_without_a_label_can_be_left_out(tmp_path):
    dataset = dataset_of(tmp_path, {"mood": ["x", None, "x", "y", "y"]}, list("abcde"))
    target = target_of(dataset, drop_missing=True)
    assert target.dropped == 1 and target.n == 4
    assert target.member.tolist() == [0, -1, 1, 2, 3]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("recording,mood\nq8,x\nq9,y\n", "no row of 2 is of a recording of the dataset (rows: q8, q9)"),
        ("recording,mood\nr0,x\nr0,y\n", "row 3: recording 'r0' a second time"),
        ("name,mood\nr0,x\n", "expected a column recording or subject"),
    ],
)
def test_a_label_file_is_checked_against_the_dataset(tmp_path, text, says):
    dataset = dataset_of(tmp_path, {"other": ["x", "y", "x", "y"]}, list("abcd"))
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=".*") as refusal:
        target_of(dataset, labels=str(path))
    assert says in str(refusal.value)


def test_labels_come_from_a_file_where_one_is_given(tmp_path):
    dataset = dataset_of(tmp_path, {"mood": ["x", "y", "x", "y"]}, list("abcd"))
    path = tmp_path / "labels.csv"
    path.write_text("recording,mood\nr3,p\nr2,q\nr1,p\nr0,q\n")
    target = target_of(dataset, labels=str(path))
    assert target.classes == ("p", "q") and target.y.tolist() == [1, 0, 1, 0]


def test_a_label_file_is_joined_by_the_rules_of_an_import(tmp_path):
    dataset = dataset_of(tmp_path, {"mood": ["x", "y", "x", "y"]}, ["P01", "P02", "P03", "P04"])
    path = tmp_path / "labels.csv"
    path.write_text("\ufeffParticipant;mood\np1;p\np2;q\np3;p\np4;q\np77;q\n", encoding="utf-8")
    target = target_of(dataset, labels=str(path))  # another case, zeros, semicolons, somebody who is not in the data
    assert target.classes == ("p", "q") and target.y.tolist() == [0, 1, 0, 1]


def test_blocks_of_time_leave_a_gap_at_both_ends(tmp_path):
    dataset = dataset_of(tmp_path, {"mood": ["x", "y"]}, ["a", "a"], seconds=40)
    settings = ProbeSettings(
        model="m", dataset="d", label="mood", group="time", block_s=20, gap_s=2, segment_s=4, folds=2
    )
    spans = make_spans(dataset, settings)
    assert spans["start_s"].tolist() == [2, 6, 10, 14, 22, 26, 30, 34] * 2
    assert spans["time"].nunique() == 4
    target = make_target(dataset, spans, settings)
    assert target.unit == "segment" and target.n == 16 and target.subjects == 4
