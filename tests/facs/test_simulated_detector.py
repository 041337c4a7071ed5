"""A detector of simulated people: blind where it should be, and as wrong as real detectors are."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.action_units import EMISSIONS
from dfe_core.facs.coverage_limits import is_detector
from dfe_core.facs.coverage_notes import caveats
from dfe_core.facs.derive import derive_aus
from dfe_core.facs.simulated_detector import CORRELATIONS, NAME, TYPICAL_CORRELATION, detect_aus
from dfe_core.facs.store import default_aus, measured_first
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.simulate.truth import presence
from tests.small_world import write_dataset

SIZE = {"subjects": 8, "minutes_per_subject": 2, "fps": 15, "seed": 3}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("detector")


@pytest.fixture(scope="module")
def data(root, toy_face) -> Dataset:
    return simulate_dataset("people", toy_face, effect="stress", root=root, **SIZE)


@pytest.fixture(scope="module")
def detected(data):
    return detect_aus(data)


def reports(aus) -> np.ndarray:
    return np.concatenate([frames.intensity for _, frames in aus.iter_recordings()])


def test_it_reports_what_openface_does_of_both_sides_together(data, detected):
    assert {side for _, side in detected.aus} == {"both"}
    assert {au for au, _ in detected.aus} <= set(EMISSIONS["openface-r"].aus) == set(detected.emits)
    assert (
        not detected.estimate
        and is_detector(detected.tool, detected.estimate)
        and "simulated detector" in caveats(detected.tool, False)[0]
    )
    for name, frames in detected.iter_recordings():
        assert np.array_equal(frames.frame, data.frames(name).frame[data.frames(name).valid])
        assert np.isnan(frames.presence).all() and frames.intensity.min() >= 0 and frames.intensity.max() <= 5


def test_it_is_as_wrong_as_real_detectors_are(data, detected):
    found = reports(detected)
    valid = [data.frames(name).valid for name in data.recordings["recording"]]
    truth = [presence(data, name) for name in data.recordings["recording"]]
    for i, (au, _) in enumerate(detected.aus):
        if au in ("AU25", "AU45"):  # of several actions
            continue
        sides = [j for j, (code, _) in enumerate(truth[0].actions) if code == au]
        shown = np.concatenate([t.intensity[v][:, sides].mean(1) for t, v in zip(truth, valid, strict=True)])
        # intensities are cut off at 0, which takes the errors below it away
        assert np.corrcoef(found[:, i], shown)[0, 1] == pytest.approx(
            CORRELATIONS.get(au, TYPICAL_CORRELATION), abs=0.2
        )


def test_movement_beyond_facs_leaves_no_trace_in_it(data, detected, root, toy_face):
    without = simulate_dataset("without", toy_face, effect="no-beyond-facs", root=root, **SIZE)
    assert not np.array_equal(without.psi(), data.psi())
    assert np.array_equal(reports(detect_aus(without)), reports(detected))


def test_the_seed_decides_the_errors(data, detected):
    assert np.array_equal(reports(detect_aus(data, "again")), reports(detected))
    assert not np.array_equal(reports(detect_aus(data, "other", seed=1)), reports(detected))


def test_what_a_detector_saw_serves_before_an_estimate(root, toy_face):
    data = simulate_dataset("both", toy_face, subjects=1, minutes_per_subject=0.1, root=root)
    assert default_aus("both", root) is None and measured_first("both", root) == []
    derive_aus(data)
    assert default_aus("both", root) == "derived"
    detect_aus(data)
    assert default_aus("both", root) == NAME and measured_first("both", root) == [NAME, "derived"]
    detect_aus(data, "second")
    assert default_aus("both", root) is None, "two detectors: people choose"


def test_data_without_truth_are_refused(tmp_path, toy_face):
    data = write_dataset(tmp_path, toy_face, {"a": np.zeros((30, 52))})
    with pytest.raises(DataError, match="no truth"):
        detect_aus(data)
