"""Names in, matrix out, and what is left behind is said."""

from __future__ import annotations

import numpy as np

from dfe_core.faces.arkit import ARKIT_NAMES, canonical_name
from dfe_core.faces.coefficients import bare_face
from dfe_core.faces.names import coefficient_map

WHOLE = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
SPLIT = ("browInnerUp_L", "browInnerUp_R", "cheekPuff_L", "cheekPuff_R", "cheekRaiser_L", "cheekRaiser_R")
ICT = (
    *(
        n if n in WHOLE else n.replace("Left", "_L").replace("Right", "_R")
        for n in ARKIT_NAMES
        if n not in ("browInnerUp", "cheekPuff", "tongueOut")
    ),
    *SPLIT,
)


def column(matrix: np.ndarray, names: tuple[str, ...], row: int) -> dict[str, float]:
    return {names[i]: float(w) for i, w in enumerate(matrix[row]) if w}


def test_arkit_on_its_own_face_is_the_identity() -> None:
    matrix, missing = coefficient_map(ARKIT_NAMES, bare_face("a", "a", ARKIT_NAMES))
    assert np.array_equal(matrix, np.eye(52))
    assert missing == []


def test_spellings_and_order_do_not_matter() -> None:
    names = ["JawOpen", "mouthSmile_L", "eye_blink_right"]
    matrix, missing = coefficient_map(names, bare_face("a", "a", ARKIT_NAMES))
    assert [column(matrix, ARKIT_NAMES, i) for i in range(3)] == [
        {"jawOpen": 1},
        {"mouthSmileLeft": 1},
        {"eyeBlinkRight": 1},
    ]
    assert missing == []


def test_arkit_drives_both_halves_of_what_ict_splits_and_reports_the_tongue() -> None:
    matrix, missing = coefficient_map(ARKIT_NAMES, bare_face("i", "i", ICT))
    assert missing == ["tongueOut"]
    for name in ("browInnerUp", "cheekPuff"):
        assert column(matrix, ICT, ARKIT_NAMES.index(name)) == {f"{name}_L": 1, f"{name}_R": 1}
    for name in set(ARKIT_NAMES) - {"browInnerUp", "cheekPuff", "tongueOut"}:
        ((target, weight),) = column(matrix, ICT, ARKIT_NAMES.index(name)).items()
        assert (canonical_name(target), weight) == (name, 1)
    assert not matrix[:, [ICT.index("cheekRaiser_L"), ICT.index("cheekRaiser_R")]].any()


def test_ict_halves_average_into_arkit() -> None:
    matrix, missing = coefficient_map(ICT, bare_face("a", "a", ARKIT_NAMES))
    assert missing == ["cheekRaiser_L", "cheekRaiser_R"]
    both = matrix[[ICT.index("browInnerUp_L"), ICT.index("browInnerUp_R")]].sum(0)
    assert column(both[None], ARKIT_NAMES, 0) == {"browInnerUp": 1}


def test_a_half_in_another_spelling_finds_its_own_side() -> None:
    matrix, _ = coefficient_map(["cheekPuffLeft", "browInnerUp_r"], bare_face("i", "i", ICT))
    assert column(matrix, ICT, 0) == {"cheekPuff_L": 1}
    assert column(matrix, ICT, 1) == {"browInnerUp_R": 1}


def test_names_of_no_meaning_are_reported_in_order() -> None:
    _, missing = coefficient_map(["HeadYaw", "jawOpen", "exp_000"], bare_face("a", "a", ARKIT_NAMES))
    assert missing == ["HeadYaw", "exp_000"]
