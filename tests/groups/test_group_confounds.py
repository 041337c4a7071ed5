"""Groups that differ in what else moves: said unasked, and taken out of a difference where it is a covariate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dfe_core.channels.measures import COMPARED, measure_recordings
from dfe_core.errors import DataError
from dfe_core.groups.comparison import GroupComparison, compare_groups
from dfe_core.groups.confounds import confound_sentences, differing, recordings_with_channels
from dfe_core.reports.groups import write_groups_report
from tests.groups.test_comparison import between, make_study, settings

QUICK = {"permutations": 499, "resamples": 100}


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch):
    """Measures of recordings in the place of measured ones: patients turn their heads more, and all look alike."""

    def measured(dataset, progress=None):
        found = measure_recordings(dataset)
        rng, names = np.random.default_rng(3), list(COMPARED)
        speed = np.where(dataset.recordings["group"] == "patient", 12.0, 8.0) + rng.normal(0, 0.7, len(found.values))
        values, weights = found.values.copy(), np.ones_like(found.weights)
        values[:, 0], values[:, 5] = speed, rng.normal(5, 1, len(speed))
        assert names[0] == "head_movement"
        return replace(found, values=values, weights=np.where(np.isnan(values), 0, weights))

    monkeypatch.setattr("dfe_core.groups.confounds.measure_recordings", measured)


def compared(root: Path, face) -> GroupComparison:
    return compare_groups(*make_study(root, face, *between()), settings(**QUICK))


def test_what_else_differs_between_groups_is_said_unasked(tmp_path: Path, toy_face, moved):
    result = compared(tmp_path, toy_face)
    table = result.confounds.set_index("measure")
    assert set(table.index) == {"head_movement", "gaze_movement", "frames_lost"}, "what nobody has is left out"
    assert table.loc["head_movement", "mean_b"] - table.loc["head_movement", "mean_a"] == pytest.approx(4, abs=0.8)
    assert differing(result.confounds)["measure"].tolist() == ["head_movement"]
    assert "the groups differ in head movement" in confound_sentences(result.confounds, within=False)
    assert result.to_json()["confounds"][0]["measure"] == "head_movement"
    names = [path.name for path in write_groups_report(result, tmp_path / "out", values=False)]
    assert "confounds.csv" in names


def test_a_covariate_that_no_label_has_is_measured(tmp_path: Path, toy_face, moved):
    study = make_study(tmp_path, toy_face, *between())
    plain, adjusted = (
        compare_groups(*study, settings(**QUICK, covariates=names)) for names in ((), ("head_movement",))
    )
    first = plain.table.iloc[0]
    assert first["p"] < 0.01
    table = adjusted.table.set_index(["codeword", "measure"])
    row = table.loc[(first["codeword"], first["measure"])]
    assert row["p_unadjusted"] == first["p"] and row["p"] > 0.05, "head movement tells the groups apart as well"
    assert adjusted.compared.covariates.shape[1] == 1


def test_covariates_that_are_neither_labels_nor_measured_are_refused(tmp_path: Path, toy_face):
    _, dataset, _ = make_study(tmp_path, toy_face, *between())
    with pytest.raises(DataError, match="no such label column or measure"):
        recordings_with_channels(dataset, ("head_motion",))
    with pytest.raises(DataError, match="recordings with pose"):
        recordings_with_channels(dataset, ("head_movement",))
    labelled = dataset.recordings.assign(speech_share=1.0)
    dataset.__dict__["recordings"] = labelled
    assert recordings_with_channels(dataset, ("speech_share",)) is labelled, "a label of this name comes first"


def test_groups_that_differ_in_nothing_else_are_said_to(tmp_path: Path, toy_face):
    result = compared(tmp_path, toy_face)
    assert not len(differing(result.confounds))
    assert "CAUTION" not in confound_sentences(result.confounds, within=False)
