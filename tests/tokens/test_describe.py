"""Sentences against displacement made by hand on the toy face."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from dfe_core.faces.model import REGIONS
from dfe_core.motion.actions import action_directions, action_psi
from dfe_core.tokens.describe import describe_codewords, nearest_actions

CORNER, BROW, CHEEK = (REGIONS.index(n) for n in ("mouth corner", "brow", "cheek"))


def moved(face, *fields):
    """The face with these displacement fields as its first coefficients, and ψ of each."""
    basis = np.zeros_like(face.basis)
    basis[:len(fields)] = fields
    return replace(face, basis=basis), np.eye(len(fields), face.coefficients)


def field(face, region, side, vector):
    out = np.zeros((len(face.template), 3), np.float32)
    out[(face.regions == region) & ((face.sides == side) if side else True)] = vector
    return out


def test_a_sentence_says_what_moves_where_and_how_far(toy_face):
    face, psi = moved(toy_face, field(toy_face, CORNER, 1, (0.002, 0.003, 0)),
                      field(toy_face, CORNER, 2, (0.002, 0, 0)), field(toy_face, BROW, 0, (0, -0.0015, 0)),
                      np.zeros((225, 3)))
    sentences = [s.split("; like")[0] for s in describe_codewords(psi, face)]
    assert sentences[0] == "Left lip corner moves up and out, 3.6 mm"
    assert sentences[1] == "Right lip corner moves in, 2.0 mm"  # +x is the face's left: for the right corner inwards
    assert sentences[2] == "Both brows move down, 1.5 mm"
    assert sentences[3] == "Rest: nothing moves"


def test_mirrored_sides_move_out_and_a_common_direction_is_sideways(toy_face):
    spread = field(toy_face, CORNER, 1, (0.002, 0, 0)) + field(toy_face, CORNER, 2, (-0.002, 0, 0))
    face, psi = moved(toy_face, spread, field(toy_face, CORNER, 0, (-0.002, 0, 0)))
    sentences = describe_codewords(psi, face)
    assert sentences[0].startswith("Both lip corners move out, 2.0 mm")
    assert sentences[1].startswith("Both lip corners move to the right, 2.0 mm")


def test_sides_that_go_opposite_ways_are_told_apart(toy_face):
    seesaw = field(toy_face, BROW, 1, (0, 0.003, 0)) + field(toy_face, BROW, 2, (0, -0.003, 0))
    face, psi = moved(toy_face, seesaw)
    assert describe_codewords(psi, face)[0].startswith("Left brow moves up, 3.0 mm; right brow moves down, 3.0 mm")


def test_a_second_part_is_named_when_it_moves_comparably(toy_face):
    small, large = (field(toy_face, CHEEK, 1, (0, 0.004 * s, 0)) for s in (0.3, 0.9))
    brow = field(toy_face, BROW, 1, (0, 0.004, 0))
    face, psi = moved(toy_face, brow + small, brow + large)
    one, two = describe_codewords(psi, face)
    assert "cheek" not in one and "left cheek moves up, 3.6 mm" in two


def test_a_part_without_a_common_direction_changes_shape(toy_face):
    face, psi = moved(toy_face, np.where(np.arange(225)[:, None] % 2, 1, -1) * field(toy_face, CHEEK, 1, (0, 0.002, 0)))
    assert describe_codewords(psi, face)[0].startswith("Left cheek changes shape, 2.0 mm")


def test_the_nearest_action_is_named_by_displacement_and_only_when_near(toy_face):
    actions = action_directions(toy_face.names)
    psi = np.stack([action_psi(toy_face.names, "AU12", "left"), np.random.default_rng(0).normal(size=52)])
    names, cosine = nearest_actions(psi, toy_face, actions)
    assert names[0] == "AU12 left" and cosine[0] == pytest.approx(1, abs=1e-5)
    near, far = describe_codewords(psi, toy_face, actions)
    assert near.endswith("; like AU12 left") and "like" not in far
    assert "like mouthSmileLeft" in describe_codewords(psi, toy_face)[0]


def test_without_a_mesh_the_coefficients_are_named(toy_face):
    bare = replace(toy_face, template=np.empty((0, 3), np.float32), basis=np.empty((52, 0, 3), np.float32))
    psi = np.zeros((2, 52))
    psi[1, [0, 5]] = 0.8, 0.1
    assert describe_codewords(psi, bare)[0] == "Rest: nothing moves"
    assert describe_codewords(psi, bare)[1] == "browDownLeft +0.80; like browDownLeft"


def test_every_codeword_has_a_sentence_across_chunks(toy_face):
    psi = np.random.default_rng(0).normal(size=(130, 52))
    sentences = describe_codewords(psi, toy_face)
    assert len(sentences) == 130 and sentences[100:101] == describe_codewords(psi[100:101], toy_face)


def test_duplicates_of_a_direction_are_named_once():
    from dfe_core.expressions.arkit import ARKIT_NAMES
    labels = action_directions(ARKIT_NAMES)
    assert {"AU45", "AU46 left", "AU12 right", "AU1", "AD30 left"} <= set(labels)
    assert not {"AU43", "AU27"} & set(labels)
    assert action_directions(("exp0", "exp1")) == {}


def test_the_sentence_of_a_mirrored_coefficient_is_mirrored(toy_face):
    swap = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    pairs = [(i, toy_face.names.index(n[:-4] + "Right")) for i, n in enumerate(toy_face.names) if n.endswith("Left")]
    sentences = describe_codewords(np.eye(52), toy_face)
    for left, right in pairs:
        mirrored = re.sub("left|right|Left|Right", lambda m: swap[m[0]], sentences[left])
        assert mirrored.replace(" to the right", "").replace(" to the left", "") == \
            sentences[right].replace(" to the right", "").replace(" to the left", ""), sentences[left]


def test_sentences_and_sides_hold_on_a_real_face(shared, cache):
    from dfe_core.faces import open_face
    from dfe_core.tokenizer.geometry import codeword_geometry
    face = open_face(f"ict:{shared / 'data' / 'ict_facekit' / 'ict_face_head_neck.npz'}")
    wanted = {"mouthSmile_L": ("Left lip corner moves", "up"), "eyeBlink_R": ("Right eyelid moves", "down"),
              "browInnerUp_L": ("Left brow moves", "up"), "jawLeft": ("to the left",), "mouthSmile_R": ("Right lip",),
              "jawOpen": ("down",), "mouthPucker": ("forward",)}
    psi = np.stack([np.eye(face.coefficients)[face.names.index(name)] for name in wanted])
    for sentence, (name, parts) in zip(describe_codewords(psi, face), wanted.items(), strict=True):
        assert all(part in sentence for part in parts), (name, sentence)
    assert codeword_geometry(psi, face)["side"].tolist() == ["left", "right", "left", "left", "right", "symmetric",
                                                             "symmetric"]
