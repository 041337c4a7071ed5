"""What codewords are said to do, against displacement made by hand on the toy face and against real faces."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from dfe_core.faces.model import REGIONS
from dfe_core.motion.actions import action_directions
from dfe_core.tokens.describe import codeword_descriptions, describe_codewords
from dfe_core.tokens.phrasing import description_clauses, description_sentence, part_sizes, plain_name
from dfe_core.tokens.search import words_of
from tests.real_faces import composed

CORNER, BROW, CHEEK = (REGIONS.index(n) for n in ("mouth corner", "brow", "cheek"))


def moved(face, *fields):
    """The face with these displacement fields as its first coefficients, which have no names, and ψ of each."""
    basis = np.zeros_like(face.basis)
    basis[: len(fields)] = fields
    names = tuple(f"pc_{i:03d}" for i in range(face.coefficients))
    return replace(face, basis=basis, names=names), np.eye(len(fields), face.coefficients)


def field(face, region, side, vector):
    out = np.zeros((len(face.template), 3), np.float32)
    out[(face.regions == region) & ((face.sides == side) if side else True)] = vector
    return out


def names_of(face, psi):
    return [plain_name(d) for d in codeword_descriptions(psi, face)]


def test_a_name_says_what_moves_and_where_and_the_sentence_how_far(toy_face):
    face, psi = moved(
        toy_face,
        field(toy_face, CORNER, 1, (0.002, 0.003, 0)),
        field(toy_face, CORNER, 2, (0.002, 0, 0)),
        field(toy_face, BROW, 0, (0, -0.0015, 0)),
        np.zeros((225, 3)),
    )
    assert names_of(face, psi) == [
        "Left lip corner up",
        "Right lip corner in",
        "Both brows down",
        "Rest: nothing moves",
    ]  # +x is the face's left: for the right corner inwards
    assert describe_codewords(psi, face)[0] == "Left lip corner up: left lip corner up and out 3.6 mm"


def test_mirrored_sides_move_out_and_a_common_direction_is_sideways(toy_face):
    spread = field(toy_face, CORNER, 1, (0.002, 0, 0)) + field(toy_face, CORNER, 2, (-0.002, 0, 0))
    face, psi = moved(toy_face, spread, field(toy_face, CORNER, 0, (-0.002, 0, 0)))
    assert names_of(face, psi) == ["Both lip corners out", "Both lip corners to the right"]


def test_sides_that_go_opposite_ways_are_told_apart(toy_face):
    seesaw = field(toy_face, BROW, 1, (0, 0.003, 0)) + field(toy_face, BROW, 2, (0, -0.003, 0))
    face, psi = moved(toy_face, seesaw)
    described = codeword_descriptions(psi, face)[0]
    assert plain_name(described) == "Left brow up + right brow down" and described.side == "opposed"


def test_the_side_that_moves_more_is_named_and_one_that_hardly_moves_is_not(toy_face):
    up = [field(toy_face, BROW, side, (0, 0.004, 0)) for side in (1, 2)]
    face, psi = moved(toy_face, up[0] + up[1], up[0] + 0.8 * up[1], up[0] + 0.5 * up[1], up[0] + 0.2 * up[1])
    sides = [(p.side, p.stronger) for d in codeword_descriptions(psi, face) for p in d.parts[:1]]
    assert sides == [("both", ""), ("both", ""), ("both", "left"), ("left", "")]


def test_a_second_part_is_named_when_it_moves_comparably_for_what_it_is(toy_face):
    """Three of four mm of a brow are most of its range; of a lip corner they are a quarter."""
    brow, corner = field(toy_face, BROW, 1, (0, 0.003, 0)), field(toy_face, CORNER, 1, (0, 0.003, 0))
    face, psi = moved(toy_face, brow + corner, brow + 3 * corner)
    one, two = (part_sizes(d) for d in codeword_descriptions(psi, face))
    assert "lip corner" not in one and "left lip corner up 9.0 mm" in two and "brow" in two


def test_a_part_without_a_common_direction_changes_shape(toy_face):
    face, psi = moved(toy_face, np.where(np.arange(225)[:, None] % 2, 1, -1) * field(toy_face, CHEEK, 1, (0, 0.002, 0)))
    assert names_of(face, psi) == ["Left cheek changes shape"]


def test_without_a_mesh_the_coefficients_are_named(toy_face):
    empty = np.empty((0, 3), np.float32)
    bare = replace(
        toy_face, template=empty, basis=np.empty((52, 0, 3), np.float32), names=tuple(f"pc_{i:03d}" for i in range(52))
    )
    psi = np.zeros((1, 52))
    psi[0, [0, 5]] = 0.8, 0.1
    assert describe_codewords(psi, bare) == ["Pc_000 +0.80"]
    named = replace(bare, names=toy_face.names)
    assert describe_codewords(psi, named) == ["Left brow down"]


def test_every_codeword_has_a_sentence_across_chunks(toy_face):
    psi = np.random.default_rng(0).normal(size=(130, 52))
    sentences = describe_codewords(psi, toy_face)
    assert len(sentences) == 130 and sentences[100:101] == describe_codewords(psi[100:101], toy_face)


def test_duplicates_of_a_direction_are_named_once():
    from dfe_core.faces.arkit import ARKIT_NAMES

    labels = action_directions(ARKIT_NAMES)
    assert {"AU45", "AU46 left", "AU12 right", "AU1", "AD30 left"} <= set(labels)
    assert not {"AU43", "AU27"} & set(labels)
    assert action_directions(("exp0", "exp1")) == {}


def test_the_name_of_a_mirrored_codeword_is_mirrored(anny):
    swap = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    rng = np.random.default_rng(1)
    psi = np.concatenate([np.eye(52), rng.uniform(0, 0.7, (40, 52)) * (rng.random((40, 52)) < 0.06)])
    mirrored = psi @ anny.mirror_coefficients
    for name, other in zip(names_of(anny, psi), names_of(anny, np.round(mirrored, 3)), strict=True):
        flipped = re.sub("left|right|Left|Right", lambda m: swap[m[0]], name)
        assert sorted(re.sub(r"\d+°", "", flipped).lower().split(" + ")) == sorted(
            re.sub(r"\d+°", "", other).lower().split(" + ")
        )


@pytest.mark.parametrize(
    ("weights", "name"),
    [
        ({"browInnerUp": 0.7}, "Both inner brows up"),
        ({"browOuterUpLeft": 0.7}, "Left outer brow up"),
        ({"browDownLeft": 0.6, "browDownRight": 0.6}, "Both brows down"),
        ({"eyeWideLeft": 0.7, "eyeWideRight": 0.7}, "Both upper lids up"),
        ({"eyeSquintLeft": 0.7, "eyeSquintRight": 0.7}, "Both lower lids up"),
        ({"eyeBlinkRight": 0.7}, "Right upper lid down"),
        ({"mouthRight": 0.4}, "Mouth to the right"),
        ({"jawForward": 0.4}, "Jaw thrust"),
        ({"jawLeft": 0.4}, "Jaw to the left"),
        ({"tongueOut": 0.4}, "Tongue out"),
        ({"cheekSquintLeft": 0.6, "cheekSquintRight": 0.3}, "Both cheeks up, more on the left"),
        ({"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5, "cheekPuff": 0.1}, "Both lip corners up"),
        ({"mouthLowerDownLeft": 0.5, "mouthLowerDownRight": 0.4, "jawOpen": 0.09}, "Lower lip down + slight jaw drop"),
        ({"mouthUpperUpLeft": 0.5}, "Upper lip up on the left"),
    ],
)
def test_plain_names_say_the_part_the_way_and_the_side(anny, weights, name):
    assert names_of(anny, composed(anny, **weights)) == [name]


def test_eyes_turn_and_lids_that_follow_them_are_not_named(anny):
    left = composed(anny, eyeLookOutLeft=0.6, eyeLookInRight=0.6)
    down = composed(anny, eyeLookDownLeft=0.6, eyeLookDownRight=0.6)
    cross = composed(anny, eyeLookInLeft=0.8, eyeLookInRight=0.8)
    one = composed(anny, eyeLookUpLeft=0.8)
    names = names_of(anny, np.stack([left, down, left + down, cross, one]))
    assert [re.sub(r" \d+°", "", n) for n in names] == [
        "Gaze left",
        "Gaze down",
        "Gaze left and down",
        "Eyes converge",
        "Left eye turns up",
    ]
    small, large = (codeword_descriptions(w * left, anny)[0].gaze.left_yaw for w in (1, 2))
    assert large == pytest.approx(2 * small, rel=0.1) and 3 < small < 20


def test_a_rotation_made_by_hand_is_measured_in_degrees(anny):
    """Both eyeballs turned by 10° to the left and 5° up about their centres, as one coefficient of the face."""
    yaw, pitch = np.radians(10), np.radians(5)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]) @ np.array(
        [[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]]
    )
    basis = np.zeros_like(anny.basis)
    for code in (1, 2):
        eye = np.flatnonzero(~np.isin(anny.materials, (0, 2)) & (anny.sides == code))
        points = anny.template[eye] - anny.template[eye].mean(0)
        basis[0, eye] = points @ turn.T - points
    face = replace(anny, basis=basis, names=tuple(f"pc_{i:03d}" for i in range(52)))
    described = codeword_descriptions(np.eye(1, 52), face)[0]
    assert [described.gaze.left_yaw, described.gaze.right_yaw] == pytest.approx([10, 10], abs=0.3)
    assert [described.gaze.left_pitch, described.gaze.right_pitch] == pytest.approx([5, 5], abs=0.3)
    assert plain_name(described) == "Gaze left and up 11°"


def test_what_no_face_can_do_alone_is_a_contrast(anny):
    squint = composed(anny, eyeSquintLeft=0.4, eyeSquintRight=-0.4)
    trace = composed(anny, jawOpen=0.3, mouthFrownLeft=-0.1)
    one, other = codeword_descriptions(np.stack([squint, trace]), anny)
    assert one.contrast and plain_name(one) == "Contrast: left lower lid up minus right lower lid up"
    assert one.taken_away == pytest.approx(0.5, abs=0.02)
    assert not other.contrast and plain_name(other) == "Jaw drop" and 0 < other.taken_away < 0.05


def test_many_small_coefficients_are_named_by_what_moves(anny):
    faint = composed(anny, eyeBlinkLeft=0.16, eyeBlinkRight=0.16, jawForward=0.15, mouthShrugLower=0.15)
    described = codeword_descriptions(faint, anny)[0]
    assert described.movements == () and "upper lids down" in plain_name(described)


def test_sentences_and_sides_hold_on_another_face(shared, cache):
    from dfe_core.faces import open_face
    from dfe_core.tokenizer.geometry import codeword_geometry

    face = open_face(f"ict:{shared / 'data' / 'ict_facekit' / 'ict_face_head_neck.npz'}")
    wanted = {
        "mouthSmile_L": "Left lip corner up",
        "eyeBlink_R": "Right upper lid down",
        "browInnerUp_L": "Left inner brow up",
        "jawLeft": "Jaw to the left",
        "mouthSmile_R": "Right lip corner up",
        "jawOpen": "Jaw drop",
        "mouthPucker": "Lips puckered",
    }
    psi = np.stack([np.eye(face.coefficients)[face.names.index(name)] for name in wanted])
    assert names_of(face, psi) == list(wanted.values())
    assert codeword_geometry(psi, face)["side"].tolist() == [
        "left",
        "right",
        "left",
        "left",
        "right",
        "symmetric",
        "symmetric",
    ]
    directions = {d.movements[0].stem: d.parts[0].directions for d in codeword_descriptions(psi, face)}
    assert "up" in directions["mouthSmile"] and "down" in directions["jawOpen"]
    assert "forward" in directions["mouthPucker"]


def test_the_clauses_that_are_searched_say_what_the_sentence_says(toy_face):
    psi = np.concatenate([np.zeros((1, 52)), np.random.default_rng(2).normal(size=(40, 52)) * 0.4])
    described = codeword_descriptions(psi, toy_face)
    assert any(d.contrast for d in described) and described[0].rest
    for description in described:
        clauses = description_clauses(description)
        told = [words for part in re.split("[;:+]", description_sentence(description)) if (words := words_of(part))]
        assert [words_of(clause) for clause in clauses] == told
        assert all(clauses) and not any(set(clause) & set(";:+") for clause in clauses)
