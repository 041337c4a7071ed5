"""The AU table as data."""

from __future__ import annotations

import re

import numpy as np
import pytest

from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.facs.action_units import EMISSIONS, au_coefficient_map
from dfe_core.facs.pain_score import pspi
from dfe_core.ontology import ACTION_UNITS, ACTIONS, COEFFICIENTS, SOURCES, columns, normalise_au, prototypes, title


def test_every_coefficient_stands_in_the_table_in_the_order_of_psi():
    assert tuple(COEFFICIENTS) == ARKIT_NAMES
    assert {c.au for c in COEFFICIENTS.values()} <= set(ACTION_UNITS) | {""}


def test_the_table_agrees_with_the_shared_document(shared):
    rows = re.findall(r"^\| \d+ \| \S+ \| (\w+) \| ([LRC]) \| (\S+)", (shared / "FACS.md").read_text(), re.MULTILINE)
    assert len(rows) == 52
    for name, side, code in rows:
        row = COEFFICIENTS[name]
        assert (row.au or "none") == code, name
        assert row.side == {"L": "left", "R": "right", "C": "both"}[side], name


def test_the_mouth_sideways_has_no_code():
    assert [n for n, c in COEFFICIENTS.items() if not c.au] == ["mouthLeft", "mouthRight"]


def test_eyes_turn_left_by_the_left_eye_out_and_the_right_eye_in():
    assert set(ACTIONS["AU61", "both"]) == {"eyeLookOutLeft", "eyeLookInRight"}
    assert set(ACTIONS["AU62", "both"]) == {"eyeLookInLeft", "eyeLookOutRight"}


def test_an_au_with_two_controls_has_two_columns_and_one_with_one_control_has_one():
    assert columns(("AU12", "AU1", "AU45")) == (("AU12", "left"), ("AU12", "right"), ("AU1", "both"), ("AU45", "both"))


def test_a_one_sided_inner_brow_raiser_needs_a_face_that_splits_it():
    arkit = au_coefficient_map(ARKIT_NAMES)
    assert arkit.weights("AU1", "left") is None
    split = au_coefficient_map(("browInnerUp_L", "browInnerUp_R", "jawOpen"))
    assert split.weights("AU1", "left").tolist() == [1, 0, 0]
    assert split.weights("AU1", "both").tolist() == [1, 1, 0]
    assert split.weights("AU12", "left") is None


def test_left_and_right_weights_add_up_to_both():
    table = au_coefficient_map(ARKIT_NAMES)
    for au in ("AU2", "AU4", "AU6", "AU12", "AU15", "AU24"):
        left, right, both = (table.weights(au, side) for side in ("left", "right", "both"))
        assert np.array_equal(left + right, both) and not (left * right).any()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("AU01", "AU1"),
        ("au 12", "AU12"),
        ("12", "AU12"),
        ("AU30", "AD30"),
        ("AD_19", "AD19"),
        ("AU99", None),
        ("smile", None),
        ("", None),
        ("AU0", None),
    ],
)
def test_spellings_of_an_au(text, code):
    assert normalise_au(text) == code


def test_titles_name_the_side_where_there_is_one():
    assert title("AU12", "left") == "AU12 left · lip corner puller"
    assert title("AU1") == "AU1 · inner brow raiser" and title("X9") == "X9"


def test_each_tool_emits_as_many_aus_as_its_documents_say():
    assert {k: len(e.aus) for k, e in EMISSIONS.items()} == {
        "openface-r": 17,
        "openface-c": 18,
        "openface-3": 8,
        "py-feat": 20,
        "libreface-intensity": 12,
        "libreface-detection": 12,
    }
    assert "AU28" not in EMISSIONS["openface-r"].aus and "AU28" in EMISSIONS["openface-c"].aus


def test_prototypes_name_their_source_and_known_aus():
    sets = prototypes("happiness")
    assert all(p.source in SOURCES and set(p.aus) <= set(ACTION_UNITS) for p in sets)
    assert {p.aus for p in sets} == {("AU6", "AU12"), ("AU6", "AU12", "AU25")}


def test_the_pain_score_is_the_formula_worked_by_hand():
    level = {au: np.array([float(v)]) for au, v in {"AU4": 2, "AU6": 1, "AU7": 3, "AU9": 0, "AU10": 4}.items()}
    assert pspi(level, np.array([1.0])).score.tolist() == [10] and pspi(level, np.array([1.0])).maximum == 16
    assert pspi(level).score.tolist() == [9] and pspi(level).maximum == 15
