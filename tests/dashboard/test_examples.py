"""What links say of selections, faces given as examples and the ends of transitions."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.data import examples
from dashboard.pages.find import spoken
from dashboard.panels import transition_ends
from dashboard.selection import codeword_selection

NAMES = ("browInnerUp", "jawOpen", "mouthSmileLeft", "expr_01")
LIMITS = examples.ranges(NAMES, np.array([[0.0, 0.4, 0.2, 1.2], [0.9, 0.1, 0.0, -2.3]]))


@pytest.mark.parametrize(
    ("text", "found"), [(None, []), ("", []), ("3,17", [3, 17]), ("3,3,17", [3, 17]), ("3,,x,-1,4.5,²", [3])]
)
def test_a_selection_takes_numbers_once_and_leaves_out_the_rest(text, found):
    assert codeword_selection.parse(text) == found


def test_the_part_that_opens_holds_the_largest_coefficient_and_sides_stand_in_one_row():
    assert examples.most_moved({"mouthSmileLeft": 0.1, "cheekSquintRight": 0.9}) == "Cheeks"
    assert examples.most_moved({}) == ""
    names = ["jawOpen", "mouthLeft", "mouthPressLeft", "mouthPressRight", "mouthRight", "mouthClose", "mouthFunnel"]
    assert examples.in_rows(names) == [
        ("mouthLeft", "mouthRight"),
        ("mouthPressLeft", "mouthPressRight"),
        ("jawOpen", "mouthClose"),
        ("mouthFunnel",),
    ]


def test_a_shape_comes_back_from_its_own_text():
    shape = {"jawOpen": 0.5, "mouthSmileLeft": 1.0, "expr_01": -2.5}
    assert examples.shape_of(examples.written(shape), LIMITS) == shape
    assert examples.psi_of(shape, NAMES).tolist() == [0, 0.5, 1, -2.5]


def test_arkit_goes_from_0_to_1_and_principal_components_both_ways():
    assert LIMITS == {"browInnerUp": (0, 1), "jawOpen": (0, 1), "mouthSmileLeft": (0, 1), "expr_01": (-3, 3)}


@pytest.mark.parametrize(
    "text", [None, "", "jawOpen", "jawOpen:2", "jawOpen:-1", "jawOpen:nan", "expr_01:-3.1", "nothing:0.5", ":,:"]
)
def test_a_shape_that_cannot_be_read_is_a_face_at_rest(text):
    assert examples.shape_of(text, LIMITS) == {}
    assert examples.written({"jawOpen": 0.0}) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("take@1@2.5", ("take@1", 2.5)),
        ("take@1@nan", None),
        ("other@1", None),
        ("take@1", None),
        ("@", None),
        (None, None),
    ],
)
def test_a_moment_is_a_recording_that_is_there_and_a_second(text, found):
    assert examples.moment_of(text, ["take@1"]) == found


def test_coefficients_are_grouped_by_part_and_none_is_lost():
    groups = examples.grouped(NAMES)
    assert groups == {"Brows": ["browInnerUp"], "Mouth": ["mouthSmileLeft"], "Jaw": ["jawOpen"], "Other": ["expr_01"]}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, ("At rest", "")),
        ("rest", ("At rest", "")),
        ("codeword:7", ("Codeword", "7")),
        ("face:a:b", ("Kept face", "a:b")),
        ("moment:s@1.5", ("Moment", "s@1.5")),
        ("xyz:1", ("At rest", "")),
    ],
)
def test_an_end_of_a_transition_is_read_from_the_link(text, found):
    assert transition_ends.parse(text) == found


def test_names_of_coefficients_are_spoken():
    assert [spoken(name) for name in NAMES] == ["Brow inner up", "Jaw open", "Mouth smile left", "Expr 01"]
    assert spoken("pc_004") == "Component 5"
