"""What moves along: synergies, lids with gaze, lips with the jaw; and that nothing beyond FACS does."""

from __future__ import annotations

import numpy as np

from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.simulate.coupling import SYNERGIES, couple, coupling_matrix
from dfe_core.simulate.repertoire import CHANNELS, recipe_matrix
from tests.simulate.test_simulated_dataset import ICT


def face(**values):
    psi = np.zeros((1, 52), np.float32)
    for name, value in values.items():
        psi[0, ARKIT_NAMES.index(name)] = value
    return psi


def coupled(**values):
    moved = couple(face(**values), coupling_matrix(ARKIT_NAMES), ARKIT_NAMES)[0]
    return dict(zip(ARKIT_NAMES, moved.tolist(), strict=True))


def test_a_smile_raises_its_own_cheek_and_not_the_other():
    moved = coupled(mouthSmileLeft=0.5)
    assert moved["mouthSmileLeft"] == 0.5 and moved["cheekSquintLeft"] == np.float32(0.2)
    assert moved["cheekSquintRight"] == 0


def test_lids_fall_with_gaze_and_a_closed_eye_stays_closed():
    assert coupled(eyeLookDownLeft=0.5)["eyeBlinkLeft"] > 0.25 and coupled(eyeLookDownLeft=0.5)["eyeBlinkRight"] == 0
    assert coupled(eyeBlinkLeft=1.0, eyeLookDownLeft=1.0)["eyeBlinkLeft"] == 1
    assert coupled(eyeBlinkLeft=1.0)["eyeLookDownLeft"] > 0.4
    assert coupled(eyeLookUpRight=0.5)["eyeWideRight"] > 0.15


def test_the_mouth_closes_on_the_jaw():
    assert 0.15 < coupled(jawOpen=1.0)["mouthClose"] < 0.4


def test_nothing_moves_what_facs_has_no_code_for():
    outside = {"mouthLeft", "mouthRight", "mouthShrugUpper"}
    targets = {name for rule in SYNERGIES.values() for name in rule}
    assert not outside & {t.replace("*", side) for t in targets for side in ("Left", "Right")}
    matrix = coupling_matrix(ARKIT_NAMES)
    for name in outside:
        assert np.count_nonzero(matrix[:, ARKIT_NAMES.index(name)]) == 1


def test_every_action_keeps_a_direction_of_its_own():
    recipe = recipe_matrix(ARKIT_NAMES)
    moved = recipe @ coupling_matrix(ARKIT_NAMES)
    unit = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    cosine = unit @ unit.T - np.eye(len(unit))
    lids = [i for i, (code, _) in enumerate(CHANNELS) if code in ("AU43", "AU45", "AU46")]
    cosine[np.ix_(lids, lids)] = 0
    assert cosine.max() < 0.9 and np.linalg.matrix_rank(np.delete(moved, lids, 0)) == len(moved) - len(lids)


def test_a_face_that_splits_a_control_couples_both_halves_once():
    matrix = coupling_matrix(ICT)
    raised = recipe_matrix(ICT)[CHANNELS.index(("AU1", "both"))] @ matrix
    assert raised[ICT.index("browOuterUp_L")] == np.float32(SYNERGIES["browInnerUp"]["browOuterUp*"])
