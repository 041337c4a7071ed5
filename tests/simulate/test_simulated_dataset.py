"""A simulated dataset: frames that show what the truth says."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.simulate.repertoire import ACTIONS, CHANNELS, INDEX, recipe_matrix
from dfe_core.simulate.truth import presence

ICT = (
    *tuple(
        n
        for n in (
            n.replace("Left", "_L")
            if n.endswith("Left") and n not in ("jawLeft", "mouthLeft")
            else n.replace("Right", "_R")
            if n.endswith("Right") and n not in ("jawRight", "mouthRight")
            else n
            for n in ARKIT_NAMES
        )
        if n not in ("browInnerUp", "cheekPuff", "tongueOut")
    ),
    "browInnerUp_L",
    "browInnerUp_R",
    "cheekPuff_L",
    "cheekPuff_R",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory, toy_face) -> Dataset:
    return simulate_dataset(
        "tiny",
        toy_face,
        subjects=4,
        minutes_per_subject=3,
        seed=5,
        effect="stress",
        root=tmp_path_factory.mktemp("simulated"),
    )


def column(name: str) -> int:
    return ARKIT_NAMES.index(name)


def test_the_same_seed_gives_the_same_frames_and_another_seed_others(tmp_path, toy_face):
    def key(name, seed):
        return simulate_dataset(name, toy_face, subjects=2, minutes_per_subject=0.2, seed=seed, root=tmp_path).key

    assert key("a", 3) == key("b", 3) != key("c", 4)


def test_more_subjects_leave_the_first_ones_events_as_they_were(tmp_path, toy_face):
    few, many = (
        simulate_dataset(f"n{n}", toy_face, subjects=n, minutes_per_subject=0.4, effect="none", root=tmp_path)
        for n in (2, 3)
    )
    assert np.array_equal(few.frames("s02-2").psi, many.frames("s02-2").psi)


def test_the_manifest_says_that_it_is_simulated_with_seed_and_effect(data):
    assert data.simulated and data.manifest["simulation"]["seed"] == 5
    shifts = data.manifest["simulation"]["effect"]["shifts"]
    assert {"label", "action", "statistic", "d", "realised_d"} <= set(shifts[0])
    assert data.labels == ("condition", "group", "arousal")


def test_every_subject_has_two_recordings_and_all_values_lie_in_0_to_1(data):
    assert data.recordings.groupby("subject").size().tolist() == [2] * 4
    psi = np.concatenate([f.psi for f in data.iter_frames()])
    assert psi.min() >= 0 and psi.max() <= 1 and np.isfinite(psi).all()


def test_truth_times_are_in_order_inside_the_recording(data):
    truth = data.truth
    assert list(truth.columns[:8]) == [
        "recording",
        "action",
        "side",
        "onset_s",
        "apex_s",
        "offset_s",
        "intensity",
        "in_facs",
    ]
    assert (truth["onset_s"] < truth["apex_s"]).all() and (truth["apex_s"] <= truth["release_s"]).all()
    assert (truth["release_s"] < truth["offset_s"]).all() and (truth["offset_s"] < 90).all()
    assert truth["intensity"].between(0, 5).all()


def test_actions_that_share_muscles_never_overlap(data):
    family = {a.code: a.family or a.code for a in ACTIONS}
    rows = data.truth.assign(family=data.truth["action"].map(family)).sort_values(["recording", "family", "onset_s"])
    previous = rows.groupby(["recording", "family"])["offset_s"].shift()
    assert not (rows["onset_s"] < previous).any()


def test_a_one_sided_smile_moves_its_own_side_alone(data):
    moments = data.truth.query(f"onset_s < {data.manifest['simulation']['instructed_s']}")
    smiles = moments.query("action in ('AU12', 'AU14', 'AU15') and side != 'both' and intensity > 2.5")
    assert len(smiles) > 4
    stems = {"AU12": "mouthSmile", "AU14": "mouthDimple", "AU15": "mouthFrown"}
    for row in smiles.itertuples():
        frames = data.frames(row.recording)
        other = "right" if row.side == "left" else "left"
        at = np.argmin(np.abs(frames.time_s - row.apex_s))
        assert frames.psi[at, column(f"{stems[row.action]}{row.side.capitalize()}")] > 0.3
        assert frames.psi[at, column(f"{stems[row.action]}{other.capitalize()}")] < 0.3


def test_the_intensity_at_the_apex_is_what_the_frames_show(data):
    main = {
        "AU1": "browInnerUp",
        "AU2": "browOuterUpLeft",
        "AU4": "browDownLeft",
        "AU9": "noseSneerLeft",
        "AU18": "mouthPucker",
        "AU22": "mouthFunnel",
        "AU5": "eyeWideLeft",
        "AU28": "mouthRollLower",
    }
    rows = data.truth.query(f"onset_s < {data.manifest['simulation']['instructed_s']} and side == 'both'")
    rows = rows[rows["action"].isin(list(main))]
    psi = {name: data.frames(name).psi for name in data.recordings["recording"]}
    seen = [
        psi[r.recording][int(round(r.apex_s * 30)), column(main[r.action])]
        - psi[r.recording][max(0, int(r.onset_s * 30)), column(main[r.action])]
        for r in rows.itertuples()
    ]
    assert len(rows) >= 8 and np.corrcoef(seen, rows["intensity"])[0, 1] > 0.5
    assert 0.8 < np.median(np.array(seen) / (rows["intensity"] / 5)) < 1.2


def test_onsets_are_faster_than_offsets_and_blinks_are_brief(data):
    truth = data.truth
    slow = truth[truth["action"].isin(["AU1", "AU12", "AU15"])]
    assert 0.2 < (slow["apex_s"] - slow["onset_s"]).median() < 0.45
    assert (slow["apex_s"] - slow["onset_s"]).median() < (slow["offset_s"] - slow["release_s"]).median()
    blinks = truth[truth["action"] == "AU45"]
    assert (blinks["offset_s"] - blinks["onset_s"]).max() < 0.5 and len(blinks) > 60


def test_presence_counts_a_symmetric_event_on_both_sides_and_a_one_sided_one_on_its_own(data):
    for side, expected in (("both", (True, True)), ("left", (True, False)), ("right", (False, True))):
        row = data.truth.query(f"action == 'AU14' and side == '{side}' and intensity > 2").iloc[0]
        truth = presence(data, row.recording)
        at = int(round(row.apex_s * 30))
        found = tuple(bool(truth.presence[at, truth.actions.index(("AU14", s))]) for s in ("left", "right"))
        assert found == expected


def test_presence_follows_the_threshold_and_has_a_row_for_every_frame(data):
    low, high = presence(data, "s01-1", 1.0), presence(data, "s01-1", 3.0)
    assert low.presence.shape == (len(data.frames("s01-1").frame), len(CHANNELS)) == low.intensity.shape
    assert (high.presence <= low.presence).all() and high.presence.sum() < low.presence.sum()
    assert np.array_equal(low.presence, low.intensity >= 1.0)


def test_only_movements_without_a_facs_code_are_flagged_so(data):
    outside = set(data.truth.loc[~data.truth["in_facs"], "action"])
    assert outside == {"mouthSideways", "upperLipShrug"}
    truth = presence(data, "s01-1")
    assert {a for (a, _), inside in zip(truth.actions, truth.in_facs, strict=True) if not inside} == outside


def test_a_world_without_movement_beyond_facs_matches_the_one_with_it_in_everything_else(tmp_path, toy_face, data):
    null = simulate_dataset(
        "null", toy_face, subjects=4, minutes_per_subject=3, seed=5, effect="no-beyond-facs", root=tmp_path
    )
    assert null.truth.equals(data.truth[data.truth["in_facs"]].reset_index(drop=True))
    moved = null.psi() != data.psi()
    outside = {column(n) for n in ("mouthLeft", "mouthRight", "mouthShrugUpper")}
    assert {column(n) for n in ("mouthLeft", "mouthRight")} <= set(np.flatnonzero(moved.any(0))) <= outside
    assert null.psi()[:, column("mouthLeft")].max() < 0.2 < data.psi()[:, column("mouthLeft")].max()
    shifts = null.manifest["simulation"]["effect"]["shifts"]
    assert shifts and all(s["action"] != "mouthSideways" for s in shifts)
    assert null.recordings.drop(columns="recording").equals(data.recordings.drop(columns="recording"))


def test_a_face_that_splits_a_control_moves_both_halves_and_lacks_what_it_lacks(tmp_path, toy_face):
    matrix = recipe_matrix(ICT)
    inner = matrix[CHANNELS.index(("AU1", "both"))]
    assert np.flatnonzero(inner).tolist() == [ICT.index("browInnerUp_L"), ICT.index("browInnerUp_R")]
    assert matrix.shape == (len(CHANNELS), len(ICT))


def test_the_recipes_say_what_the_facs_table_says():
    from dfe_core.facs.action_units import au_coefficient_map

    table, matrix = au_coefficient_map(ARKIT_NAMES), recipe_matrix(ARKIT_NAMES)
    for row, (code, side) in zip(matrix, CHANNELS, strict=True):
        if ACTIONS[INDEX[code]].in_facs:
            expected = table.weights(code, side)
            cosine = row @ expected / np.linalg.norm(row) / np.linalg.norm(expected)
            assert cosine > 0.95, (code, side)


def test_truth_of_real_data_is_refused_by_name(data):
    real = Dataset(data.path)
    real.__dict__["truth"] = None
    with pytest.raises(DataError, match="tiny: no truth"):
        presence(real, "s01-1")


@pytest.mark.parametrize("wrong", [{"subjects": 0}, {"minutes_per_subject": 0}, {"fps": 0}, {"fps": 5000}])
def test_numbers_out_of_range_are_refused(tmp_path, toy_face, wrong):
    with pytest.raises(DataError, match="expected"):
        simulate_dataset("x", toy_face, root=tmp_path, **wrong)
    assert not (tmp_path / "datasets" / "x").exists()
