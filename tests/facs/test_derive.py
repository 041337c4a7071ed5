"""AUs from ARKit coefficients."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.facs.derive import derive_aus, make_deriver, truth_aus
from dfe_core.facs.store import AlignedAus, list_aligned
from dfe_core.simulate.dataset import simulate_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory, toy_face):
    root = tmp_path_factory.mktemp("derive")
    return simulate_dataset("sim", toy_face, subjects=3, minutes_per_subject=2, seed=1, effect="stress", root=root)


def intensities(**coefficients):
    """AU intensities of half a second of a held face (15 frames at 30 fps), by (AU, side)."""
    psi = np.zeros((15, 52), np.float32)
    for name, value in coefficients.items():
        psi[:, ARKIT_NAMES.index(name)] = value
    deriver = make_deriver(ARKIT_NAMES)
    return dict(zip(deriver.aus, deriver.intensity(psi, np.arange(15) / 30, 1 / 30)[7], strict=True))


def test_a_left_smile_is_the_left_lip_corner_puller_alone():
    found = intensities(mouthSmileLeft=0.6)
    assert found["AU12", "left"] == pytest.approx(3.0)
    assert [pair for pair, value in found.items() if value > 0] == [("AU12", "left")]


def test_lip_suck_is_the_mean_of_both_rolls_and_the_chin_raiser_the_lower_shrug():
    assert intensities(mouthRollLower=0.8)["AU28", "both"] == pytest.approx(2.0)
    assert intensities(mouthShrugUpper=1.0)["AU17", "both"] == 0
    assert intensities(mouthShrugLower=1.0)["AU17", "both"] == 5


def test_the_mouth_sideways_is_no_au():
    assert not any(intensities(mouthLeft=1.0).values())


def test_the_jaw_far_open_is_a_stretch_and_open_lips_need_lips_that_are_not_held():
    assert intensities(jawOpen=0.3)["AU27", "both"] == 0 < intensities(jawOpen=0.3)["AU26", "both"]
    assert intensities(jawOpen=0.9)["AU27", "both"] > 2
    assert intensities(jawOpen=0.4)["AU25", "both"] == pytest.approx(2.0)
    assert intensities(jawOpen=0.4, mouthClose=0.4)["AU25", "both"] == 0


def test_gaze_needs_both_eyes_and_one_eye_alone_is_a_walleye():
    assert intensities(eyeLookOutLeft=0.8, eyeLookInRight=0.8)["AU61", "both"] == pytest.approx(4.0)
    assert intensities(eyeLookOutLeft=0.8, eyeLookInRight=0.8)["AU65", "left"] == 0
    assert intensities(eyeLookOutLeft=0.8)["AU65", "left"] == pytest.approx(4.0)
    assert intensities(eyeLookInLeft=0.6, eyeLookInRight=0.6)["AU66", "both"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("frames", "sides", "au"),
    [
        (6, "LR", ("AU45", "both")),
        (40, "LR", ("AU43", "both")),
        (9, "L", ("AU46", "left")),
        (9, "R", ("AU46", "right")),
    ],
)
def test_time_and_side_tell_blink_closed_eyes_and_wink_apart(frames, sides, au):
    psi = np.zeros((80, 52), np.float32)
    for side in sides:
        psi[20 : 20 + frames, ARKIT_NAMES.index("eyeBlinkLeft" if side == "L" else "eyeBlinkRight")] = 0.95
    deriver = make_deriver(ARKIT_NAMES)
    level = deriver.intensity(psi, np.arange(80) / 30, 1 / 30)
    shown = {pair for pair, column in zip(deriver.aus, level.T, strict=True) if column.max() > 1}
    assert shown == {au}


def test_a_face_that_splits_the_inner_brow_has_a_one_sided_au1():
    names = (*tuple(n for n in ARKIT_NAMES if n not in ("browInnerUp", "tongueOut")), "browInnerUp_L", "browInnerUp_R")
    deriver = make_deriver(names)
    psi = np.zeros((5, len(names)), np.float32)
    psi[:, names.index("browInnerUp_R")] = 0.4
    level = dict(zip(deriver.aus, deriver.intensity(psi, np.arange(5) / 30, 1 / 30)[0], strict=True))
    assert level["AU1", "right"] == pytest.approx(2.0) and level["AU1", "left"] == 0
    assert ("AU1", "both") not in level and ("AD19", "both") not in level


def test_a_blink_of_heavy_lids_does_not_make_the_heavy_lids_a_blink():
    psi = np.zeros((90, 52), np.float32)
    lids = [ARKIT_NAMES.index("eyeBlinkLeft"), ARKIT_NAMES.index("eyeBlinkRight")]
    psi[:, lids] = 0.3
    psi[45:49, lids] = 0.9
    deriver = make_deriver(ARKIT_NAMES)
    blink = deriver.intensity(psi, np.arange(90) / 30, 1 / 30)[:, deriver.aus.index(("AU45", "both"))]
    assert (blink[45:49] == 4.5).all() and not blink[:38].any() and not blink[56:].any()


def test_a_gap_in_time_ends_a_closure():
    psi = np.zeros((20, 52), np.float32)
    psi[:, [ARKIT_NAMES.index("eyeBlinkLeft"), ARKIT_NAMES.index("eyeBlinkRight")]] = 0.95
    time = np.arange(20) / 30
    deriver = make_deriver(ARKIT_NAMES)
    blink, closed = (deriver.aus.index((au, "both")) for au in ("AU45", "AU43"))
    whole, cut = (deriver.intensity(psi, t, 1 / 30) for t in (time, time + (np.arange(20) >= 10)))
    assert whole[:, closed].all() and not whole[:, blink].any()
    assert cut[:, blink].all() and not cut[:, closed].any()


def test_derived_aus_agree_with_the_truth_of_simulated_data(data):
    derived, truth = derive_aus(data), truth_aus(data)
    recall, precision = [], []
    found = {r: f for r, f in derived.iter_recordings()}
    for j, pair in enumerate(truth.aus):
        i = derived.aus.index(pair)
        hits = wanted = given = 0
        for name, frames in truth.iter_recordings():
            a, b = found[name].presence[:, i] > 0, frames.presence[:, j] > 0
            hits, wanted, given = hits + (a & b).sum(), wanted + b.sum(), given + a.sum()
        if wanted > 100:
            recall.append(hits / wanted)
            precision.append(hits / given)
            assert recall[-1] > (0.6 if pair[0] in ("AU43", "AU45") else 0.75), pair
    # Muscles that move along (cheeks in a smile, lids with gaze) are AUs to a table of coefficients, and no events.
    assert len(precision) > 25 and np.median(precision) > 0.6 and max(precision) > 0.9


def test_what_is_derived_is_called_an_estimate_and_covers_exactly_the_valid_frames(data):
    derived = derive_aus(data, "est")
    assert derived.estimate and derived.tool == "arkit-table" and derived.matches(data)
    assert "estimate" in derived.manifest["notes"][0]
    for name, frames in derived.iter_recordings():
        whole = data.frames(name)
        assert np.array_equal(frames.frame, whole.frame[whole.valid])
    assert "est" in list_aligned("sim", data.path.parent.parent)


def test_rest_is_each_subjects_own(data):
    plain, rested = derive_aus(data, "plain", rest=False), derive_aus(data, "rested")
    name = data.recordings["recording"][0]
    assert (rested.recording(name).intensity <= plain.recording(name).intensity + 1e-5).all()
    assert rested.recording(name).intensity.sum() < plain.recording(name).intensity.sum()


def test_coefficients_of_another_space_are_refused(data):
    with pytest.raises(DataError, match="dfe aus import"):
        make_deriver(tuple(f"exp{i}" for i in range(50)))


def test_an_aligned_store_that_is_not_there_names_those_that_are(data):
    derive_aus(data, "one")
    with pytest.raises(DataError, match="one"):
        AlignedAus.open("sim", "other", data.path.parent.parent)
