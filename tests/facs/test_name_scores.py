"""Names checked on held-out moments: a name that holds, one that does not, and what the action units say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.facs.codeword_names import Verdict, name_codewords
from dfe_core.facs.name_scores import NameInputs, check_names, held_out_recordings, name_scores
from dfe_core.facs.store import AlignedAus, AlignedFrames, open_au_writer
from dfe_core.facs.templates import observed_templates
from tests.real_faces import composed
from tests.small_world import World, write_dataset, write_model, write_tokens

SUBJECTS, FRAMES = 4, 600
TRUE, EMPTY, FAINT = 1, 2, 3


@pytest.fixture(scope="module")
def world(tmp_path_factory, anny) -> World:
    """Four subjects. Codeword 1 (smile) is shown where its token stands; codeword 2 (brows up) has tokens and moves
    nothing; codeword 3 is in no token above 0.06. AU12 follows the smile, AU2 does not follow codeword 2."""
    from dfe_core.faces import save_face

    root = tmp_path_factory.mktemp("names") / "cache"
    (root / "faces").mkdir(parents=True)
    save_face(anny, root)
    psi = np.zeros((4, 52), np.float32)
    psi[TRUE] = composed(anny, mouthSmileLeft=0.5, mouthSmileRight=0.5)
    psi[EMPTY] = composed(anny, browOuterUpLeft=0.6, browOuterUpRight=0.6)
    psi[FAINT] = composed(anny, jawOpen=0.3)
    book = write_model(root, anny, psi, stages=2)
    rng = np.random.default_rng(0)
    held, shown, aus = {}, {}, {}
    for i in range(SUBJECTS):
        tokens, levels = np.zeros((FRAMES, 2), int), np.ones((FRAMES, 2), int)
        on = np.repeat(rng.random((FRAMES // 20, 2)) < 0.3, 20, axis=0)
        tokens[on[:, 0], 0], tokens[on[:, 1], 1] = TRUE, EMPTY
        rest = composed(anny, browOuterUpLeft=0.2 * i)[None]  # a resting face of one's own
        shown[f"r{i}"] = rest + on[:, :1] * psi[TRUE] + rng.normal(0, 0.02, (FRAMES, 52))
        held[f"r{i}"] = tokens, levels
        aus[f"r{i}"] = np.stack([3 * on[:, 0] + i, 3 * rng.random(FRAMES)], 1)
    dataset = write_dataset(root, anny, shown, subjects=SUBJECTS)
    with open_au_writer("d", "tool", (("AU12", "both"), ("AU2", "both")), root) as writer:
        for name, intensity in aus.items():
            writer.add(name, AlignedFrames(np.arange(FRAMES), np.full((FRAMES, 2), np.nan), intensity))
        writer.close(
            {
                "name": "tool",
                "dataset": "d",
                "dataset_key": dataset.key,
                "tool": "test",
                "version": "1",
                "estimate": False,
                "emits": ["AU12", "AU2"],
                "notes": [],
            }
        )
    return World(root, anny, book, dataset, write_tokens(root, book, dataset, held))


def inputs_of(world: World) -> NameInputs:
    return NameInputs(codebook=world.codebook, face=world.face, tokens=world.tokens, dataset=world.dataset)


def test_a_name_that_holds_scores_high_and_one_that_moves_nothing_at_chance(world):
    names = name_codewords(world.codebook.psi, world.face)
    scores = name_scores(inputs_of(world), names)
    true, empty = scores.of(TRUE), scores.of(EMPTY)
    assert true["moved_share"] > 0.95 and true["moved_auroc"] > 0.99 and true["subjects"] == SUBJECTS
    assert empty["moved_share"] < 0.2 and abs(empty["moved_auroc"] - 0.5) < 0.12
    assert scores.of(FAINT) is None and scores.of(0) is None
    assert true["moved_low"] <= true["moved_auroc"] <= true["moved_high"]
    assert len(scores.pairs) == 0


def test_action_units_are_confirmed_by_the_moments_and_kept_in_the_cache(world):
    checked = check_names("m", "d", "tool", root=world.root)
    assert checked.names[TRUE].verdict is Verdict.CONFIRMED and checked.names[TRUE].label == "AU12"
    assert checked.names[EMPTY].verdict is Verdict.NOT_CONFIRMED and checked.names[EMPTY].label == ""
    assert [u.au for u in checked.names[EMPTY].rejected] == ["AU2"]
    assert checked.names[FAINT].verdict is Verdict.BY_SHAPE
    pair = checked.scores.pairs.query("codeword == 1 and au == 'AU12'").iloc[0]
    assert pair["auroc"] == 1.0 and pair["subjects"] == SUBJECTS  # offsets between subjects do not matter
    again = check_names("m", "d", "tool", root=world.root)
    assert again.scores.table.equals(checked.scores.table) and again.names[TRUE].label == "AU12"


def test_held_out_is_claimed_only_where_the_codebook_says_whom_it_saw(world):
    names, proven = held_out_recordings(world.codebook, world.dataset)
    assert len(names) == SUBJECTS and not proven
    split = {"by": "subject", "recordings": {"train": ["r0", "r1"], "validation": [], "test": ["r2", "r3"]}}
    own = replace(
        world.codebook,
        config={**world.codebook.config, "split": split, "dataset": {"name": "d", "key": world.dataset.key}},
    )
    assert held_out_recordings(own, world.dataset) == (("r2", "r3"), True)


def test_without_recordings_or_a_mesh_there_is_nothing_to_check(world):
    names = name_codewords(world.codebook.psi, world.face)
    with pytest.raises(DataError, match="nothing to check names on"):
        name_scores(inputs_of(world), names, recordings=[])


def test_observed_templates_are_what_subjects_do_when_they_show_an_action_unit(world):
    found = observed_templates(world.dataset, AlignedAus.open("d", "tool", world.root), world.face)
    assert found.source == "observed" and ("AU12", "both") in found.aus
    smile = world.codebook.psi[TRUE]
    template = found.psi[found.aus.index(("AU12", "both"))]
    assert np.abs(template - smile).max() < 0.02  # the resting faces of the subjects are not in it
