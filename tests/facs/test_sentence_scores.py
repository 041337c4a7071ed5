"""Sentences held against recorded movement: one that is true, one that is swapped, and what is not scored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.facs.sentence_scores import sentence_scores, stated_movement
from dfe_core.tokens.describe import CodewordDescription, codeword_descriptions
from tests.real_faces import composed
from tests.small_world import World, write_dataset, write_model, write_tokens

SUBJECTS, WINDOWS, PER_WINDOW = 4, 60, 10
SMILE, BROWS, GAZE, RARE, HUGE = 1, 2, 3, 4, 5


@pytest.fixture(scope="module")
def world(tmp_path_factory, anny) -> World:
    """Four subjects with a resting face of their own; every second they show one of three codewords of about the same
    movement. Codeword 4 is shown twice a subject, and 5 moves farther than all else."""
    from dfe_core.faces import save_face

    root = tmp_path_factory.mktemp("sentences") / "cache"
    (root / "faces").mkdir(parents=True)
    save_face(anny, root)
    psi = np.zeros((6, 52), np.float32)
    psi[SMILE] = composed(anny, mouthSmileLeft=0.5, mouthSmileRight=0.5)
    psi[BROWS] = composed(anny, browOuterUpLeft=1, browOuterUpRight=1, browInnerUp=1)
    psi[GAZE] = composed(anny, eyeLookOutLeft=1, eyeLookInRight=1, cheekPuff=0.6)
    psi[RARE] = composed(anny, browDownLeft=1, browDownRight=1)
    psi[HUGE] = composed(anny, jawOpen=1)
    size = np.sqrt(np.einsum("ke,ef,kf->k", psi, anny.gram, psi))
    psi[:HUGE] *= (size[SMILE] / np.where(size[:HUGE] > 0, size[:HUGE], 1))[:, None]
    psi[HUGE] *= 4 * size[SMILE] / size[HUGE]
    book = write_model(root, anny, psi, stages=1)
    rng = np.random.default_rng(0)
    held, shown = {}, {}
    for i in range(SUBJECTS):
        which = rng.permutation([*(SMILE, BROWS, GAZE) * 16, RARE, RARE, *[HUGE] * 4, *[0] * 6])
        tokens = np.repeat(which, PER_WINDOW)[:, None]
        rest = composed(anny, browDownLeft=0.2 * i, jawLeft=0.1 * i)[None]
        held[f"r{i}"] = tokens, np.ones_like(tokens)
        shown[f"r{i}"] = rest + psi[tokens[:, 0]] + rng.normal(0, 0.02, (len(tokens), 52))
    dataset = write_dataset(root, anny, shown, subjects=SUBJECTS)
    return World(root, anny, book, dataset, write_tokens(root, book, dataset, held))


def scored(world: World, descriptions: list[CodewordDescription]):
    names = list(world.dataset.recordings["recording"])
    found = sentence_scores(
        world.codebook, world.face, world.tokens, world.dataset, descriptions, recordings=names, seed=0
    )
    return found.set_index("codeword")


@pytest.fixture(scope="module")
def descriptions(world) -> list[CodewordDescription]:
    return codeword_descriptions(world.codebook.psi, world.face)


def test_a_true_sentence_picks_its_moments_and_a_swapped_one_does_not(world, descriptions):
    found = scored(world, descriptions)
    assert (found.loc[[SMILE, BROWS, GAZE], "accuracy"] > 0.95).all()
    assert (found.loc[[SMILE, BROWS], "other_sentences"] < 0.7).all()
    assert (found["low"] <= found["accuracy"]).all() and (found["accuracy"] <= found["high"]).all()
    swapped = list(descriptions)
    swapped[SMILE], swapped[BROWS] = descriptions[BROWS], descriptions[SMILE]
    lies = scored(world, swapped)
    assert (lies.loc[[SMILE, BROWS], "accuracy"] < 0.6).all()  # the other's moments stand among the pairs
    assert (lies.loc[[SMILE, BROWS], "own_movement"] > 0.95).all()


def test_the_wrong_way_is_wrong(world, descriptions):
    opposite = {"up": "down", "down": "up", "out": "in", "in": "out", "forward": "back", "back": "forward"}
    turned = replace(
        descriptions[BROWS],
        parts=tuple(replace(p, directions=tuple(opposite[d] for d in p.directions)) for p in descriptions[BROWS].parts),
    )
    reversed_ = [*descriptions[:BROWS], turned, *descriptions[BROWS + 1 :]]
    assert scored(world, reversed_).loc[BROWS, "accuracy"] < 0.1
    up, down = stated_movement([descriptions[BROWS], turned], world.face).T
    assert np.allclose(up, -down) and up @ world.codebook.psi[BROWS] > 0


def test_too_few_moments_no_match_in_movement_or_no_direction_are_not_scored(world, descriptions):
    found = scored(world, descriptions)
    assert RARE not in found.index and HUGE not in found.index and 0 not in found.index
    vague = replace(
        descriptions[SMILE],
        parts=tuple(replace(p, directions=()) for p in descriptions[SMILE].parts),
    )
    assert SMILE not in scored(world, [descriptions[0], vague, *descriptions[2:]]).index
    assert found.loc[SMILE, "moments"] == 16 * SUBJECTS and found.loc[SMILE, "pairs"] == 5 * 16 * SUBJECTS


def test_a_gaze_is_read_from_the_words(world, descriptions):
    gaze = descriptions[GAZE].gaze
    assert gaze is not None
    alone = stated_movement([CodewordDescription(side="symmetric", gaze=gaze)], world.face)[:, 0]
    left, right = (
        composed(world.face, eyeLookOutLeft=1, eyeLookInRight=1),
        composed(world.face, eyeLookInLeft=1, eyeLookOutRight=1),
    )
    assert left @ alone > 0.5 > -0.5 > right @ alone


def test_a_face_without_a_mesh_is_refused(world, descriptions):
    with pytest.raises(DataError, match="no mesh"):
        sentence_scores(
            world.codebook,
            _NoMesh(),
            world.tokens,
            world.dataset,
            descriptions,
            recordings=["r0"],
        )


class _NoMesh:
    id, has_mesh = "none", False
