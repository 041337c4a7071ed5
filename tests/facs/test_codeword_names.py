"""Names of codewords in terms of FACS: the kinds of wrong names that were found once, and what confirms a name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dfe_core.faces.model import FaceModel
from dfe_core.facs import codeword_names
from dfe_core.facs.codeword_names import LIKE, Verdict, action_candidates, confirm, facs_label, name_codewords
from dfe_core.facs.templates import Templates
from dfe_core.tokenizer.geometry import codeword_geometry
from tests.real_faces import composed

BOTH = {
    "smile": "mouthSmile",
    "cheek": "cheekSquint",
    "blink": "eyeBlink",
    "wide": "eyeWide",
    "squint": "eyeSquint",
    "press": "mouthPress",
    "dimple": "mouthDimple",
    "stretch": "mouthStretch",
    "lower": "mouthLowerDown",
    "frown": "mouthFrown",
    "upper": "mouthUpperUp",
}


@pytest.fixture(scope="module", autouse=True)
def _sides_looked_at_once() -> Iterator[None]:
    """Where the action units of the table are on a face is the same for every name: most of the time that one takes."""
    known: dict[tuple[str, bytes], list] = {}
    look = codeword_names._placements

    def placements(psi: np.ndarray, face: FaceModel) -> list:
        key = face.id, psi.tobytes()
        if key not in known:
            known[key] = look(psi, face)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codeword_names, "_placements", placements)
        yield


def named(face, **weights):
    """The name of one codeword of coefficients; a key of `BOTH` is both sides of one."""
    whole = {}
    for key, value in weights.items():
        whole |= {f"{BOTH[key]}Left": value, f"{BOTH[key]}Right": value} if key in BOTH else {key: value}
    return name_codewords(composed(face, **whole)[None], face)[0]


def units(name):
    return [(u.au, u.side) for u in sorted(name.action_units, key=lambda u: u.label)]


def row(codeword=0, au="AU12", side="both", phi=0.4, low=1.5):
    return {
        "codeword": codeword,
        "au": au,
        "side": side,
        "phi": phi,
        "auroc": 0.8,
        "lift": 2.0,
        "lift_low": low,
        "lift_high": 3.0,
    }


@pytest.mark.parametrize(
    ("weights", "label"),
    [
        ({"cheek": 0.37, "smile": 0.35}, "AU6 + AU12"),
        ({"stretch": 0.22, "jawOpen": 0.21}, "AU20 + AU26"),
        ({"mouthClose": 0.25, "jawOpen": 0.21}, "AU8 + AU26"),
        ({"mouthFunnel": 0.51, "jawOpen": 0.17}, "AU22 + AU26"),
        ({"mouthPucker": 0.36, "jawOpen": 0.16}, "AU18 + AU26"),
        ({"mouthLowerDownLeft": 0.48, "mouthLowerDownRight": 0.38, "jawOpen": 0.09}, "AU16"),
        ({"cheekSquintRight": 0.62, "cheekSquintLeft": 0.29, "eyeSquintRight": 0.09}, "AU6"),
        ({"smile": 0.4}, "AU12"),
        ({"mouthSmileLeft": 0.4}, "AU12 left"),
        ({"mouthSmileRight": 0.4}, "AU12 right"),
        ({"blink": 0.6}, "AU45"),
        ({"eyeBlinkLeft": 0.7}, "AU46 left"),
        ({"eyeBlinkLeft": 0.70, "eyeBlinkRight": 0.69}, "AU45"),
        ({"wide": 0.7}, "AU5"),
        ({"squint": 0.5}, "AU7"),
        ({"jawLeft": 0.4}, "AD30 left"),
        ({"jawForward": 0.4}, "AD29"),
        ({"eyeLookInRight": 0.56, "eyeLookOutLeft": 0.56}, "AU61"),
        ({"mouthDimpleRight": 0.48, "mouthDimpleLeft": 0.43}, "AU14"),
        ({"press": 0.5}, "AU24"),
        ({"mouthRollLower": 0.6}, "AU28"),
        ({"mouthRollLower": 0.6, "mouthRollUpper": 0.6}, "AU28"),
    ],
)
def test_the_action_units_of_a_codeword_are_those_it_is_made_of(anny, weights, label):
    name = named(anny, **weights)
    assert name.verdict is Verdict.BY_SHAPE and name.label == label


@pytest.mark.parametrize(
    ("weights", "verdict"),
    [
        ({"mouthRight": 0.35}, Verdict.BEYOND_FACS),
        ({"mouthLeft": 0.36}, Verdict.BEYOND_FACS),
        ({"mouthShrugUpper": 0.49}, Verdict.BEYOND_FACS),
        ({"cheekSquintLeft": 0.31, "cheekSquintRight": -0.15, "eyeSquintLeft": 0.09}, Verdict.CONTRAST),
        ({"eyeSquintLeft": 0.4, "eyeSquintRight": -0.3}, Verdict.CONTRAST),
        ({"eyeWideLeft": 1.19, "eyeWideRight": -0.39, "eyeBlinkLeft": -0.2, "eyeBlinkRight": -0.11}, Verdict.CONTRAST),
        ({"mouthPressRight": 0.59, "mouthPressLeft": -0.47}, Verdict.CONTRAST),
        ({"mouthFunnel": -0.55, "smile": -0.2}, Verdict.CONTRAST),
        ({"mouthClose": 0.03, "jawOpen": 0.02}, Verdict.FAINT),
        ({}, Verdict.REST),
    ],
)
def test_what_has_no_action_unit_gets_none(anny, weights, verdict):
    name = named(anny, **weights)
    assert name.verdict is verdict and name.label == "" and name.action_units == ()


def test_chin_and_lids_are_not_a_blink(anny):
    assert named(anny, blink=0.16, jawForward=0.3, mouthShrugLower=0.2).label != "AU45"


def test_no_symmetric_movement_is_named_by_one_side_nor_a_one_sided_one_by_both(anny):
    """Every AU that has sides, on both sides with as much as a fifth of difference, and on one alone."""
    candidates = action_candidates(anny)
    sided = [
        ((au, side), psi)
        for (au, side), psi in zip(candidates.labels, candidates.psi, strict=True)
        if side in ("left", "right") and au and au not in ("AD30", "AU65")
    ]
    shapes = np.stack([psi for _, psi in sided])
    uneven, alone = 0.5 * shapes + 0.4 * (shapes @ anny.mirror_coefficients), 0.5 * shapes
    found = zip(sided, name_codewords(uneven, anny), name_codewords(alone, anny), strict=True)
    for ((au, side), _), two, one in found:
        assert all(unit.side == "both" for unit in two.action_units) and two.action_units, (au, side)
        assert [unit.side for unit in one.action_units] == [side], (au, side)
    assert set(codeword_geometry(uneven, anny)["side"]) == {"symmetric"}
    assert codeword_geometry(alone, anny)["side"].tolist() == [side for (_, side), _ in sided]


def test_the_threshold_lies_above_one_side_of_two_and_above_one_of_two_equal_units():
    assert 1 / np.sqrt(2) < LIKE and pytest.approx(3 / 4) == LIKE**2


def test_strength_is_the_share_of_a_full_action_and_the_stronger_side_is_said(anny):
    unit = named(anny, mouthSmileLeft=0.5, mouthSmileRight=0.25).action_units[0]
    assert (unit.au, unit.side, unit.stronger) == ("AU12", "both", "left")
    assert unit.strength == pytest.approx(0.5, abs=0.03)


def test_measured_association_confirms_or_rejects_a_name(anny):
    smile = named(anny, smile=0.4)
    cases = {
        "agrees": ([row()], Verdict.CONFIRMED),
        "negative": ([row(phi=-0.2, low=0.4)], Verdict.NOT_CONFIRMED),
        "interval across 1": ([row(low=0.9)], Verdict.NOT_CONFIRMED),
        "other unit": ([row(au="AU6")], Verdict.BY_SHAPE),
        "weak": ([row(phi=0.02)], Verdict.NOT_CONFIRMED),
        "not measured": ([row(phi=np.nan)], Verdict.BY_SHAPE),
        "sides apart": ([row(side="left"), row(side="right", phi=0.1)], Verdict.CONFIRMED),
        "one side only": ([row(side="left"), row(side="right", phi=-0.1)], Verdict.NOT_CONFIRMED),
    }
    for case, (rows, verdict) in cases.items():
        found = confirm(smile, pd.DataFrame(rows))
        assert found.verdict is verdict, case
        assert bool(found.action_units) == (verdict is not Verdict.NOT_CONFIRMED), case
    assert confirm(smile, pd.DataFrame([row(phi=0.33)])).action_units[0].phi == 0.33


def test_estimates_from_the_same_coefficients_deny_a_name_and_confirm_none(anny):
    smile = named(anny, smile=0.4)
    found = confirm(smile, pd.DataFrame([row()]), estimate=True)
    assert found.verdict is Verdict.BY_SHAPE and found.confirmed_label == "" and found.label == "AU12"
    assert facs_label(found).startswith("shaped like AU12 ")
    assert confirm(smile, pd.DataFrame([row(phi=-0.2, low=0.4)]), estimate=True).verdict is Verdict.NOT_CONFIRMED
    named_so = name_codewords(composed(anny, mouthSmileLeft=0.4, mouthSmileRight=0.4)[None], anny, None, None, True)
    assert named_so[0].verdict is Verdict.BY_SHAPE


def test_a_codeword_is_named_only_by_what_it_goes_with_most(anny):
    smile = named(anny, smile=0.4)
    assert confirm(smile, pd.DataFrame([row(phi=0.1), row(au="AU26", phi=0.3)])).verdict is Verdict.NOT_CONFIRMED
    assert confirm(smile, pd.DataFrame([row(phi=0.2), row(au="AU26", phi=0.3)])).verdict is Verdict.CONFIRMED


def test_what_one_measurement_denies_another_does_not_bring_back(anny):
    agreed = confirm(named(anny, smile=0.4), pd.DataFrame([row(phi=0.4)]))
    assert agreed.confirmed_label == facs_label(agreed) != ""
    denied = confirm(agreed, pd.DataFrame([row(phi=-0.1, low=0.5)]))
    assert denied.verdict is Verdict.NOT_CONFIRMED and [u.au for u in denied.rejected] == ["AU12"]
    assert confirm(denied, pd.DataFrame([row(phi=0.4)])).verdict is Verdict.NOT_CONFIRMED


def test_of_two_units_the_one_that_the_data_deny_is_not_shown(anny):
    smile = named(anny, cheek=0.35, smile=0.38)
    found = confirm(smile, pd.DataFrame([row(), row(au="AU6", phi=-0.1, low=0.5)]))
    assert units(found) == [("AU12", "both")] and [u.au for u in found.rejected] == ["AU6"]


def test_beyond_facs_is_not_claimed_of_what_goes_with_an_action_unit(anny):
    aside = named(anny, mouthRight=0.4)
    assert confirm(aside, pd.DataFrame([row(phi=0.1)])).verdict is Verdict.BEYOND_FACS
    assert confirm(aside, pd.DataFrame([row(phi=0.5)])).verdict is Verdict.NO_MATCH


def test_a_face_without_named_coefficients_is_compared_with_learned_templates(anny):
    bare = replace(anny, names=tuple(f"pc_{i:03d}" for i in range(52)))
    psi = np.stack([composed(anny, mouthSmileLeft=0.5, mouthSmileRight=0.5), composed(anny, mouthRight=0.5)])
    assert [n.verdict for n in name_codewords(psi, bare)] == [Verdict.UNKNOWN] * 2
    rows = np.stack([2 * psi[0], composed(anny, jawOpen=1)])
    learned = Templates(aus=(("AU12", "both"), ("AU26", "both")), psi=rows, source="learned")
    one, two = name_codewords(psi, bare, templates=learned)
    assert one.label == "AU12" and one.action_units[0].strength == pytest.approx(0.5, abs=0.01)
    assert two.verdict is Verdict.BEYOND_FACS
