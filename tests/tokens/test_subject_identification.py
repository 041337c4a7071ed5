"""The identity leak on windows whose identity is planted, and end to end on a small world."""

from __future__ import annotations

import numpy as np
import pytest

from dfe_core.errors import DataError
from dfe_core.tokens.subject_identification import Windows, identity_leak, measure, windows_of
from tests.small_world import codeword_psi, make_world, write_dataset, write_model, write_tokens


def planted(tokens_tell: float, psi_tells: float, subjects: int = 8, blocks: int = 3, each: int = 10) -> Windows:
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(subjects), blocks * each)
    block = np.tile(np.repeat(np.arange(blocks), each), subjects)
    own = rng.normal(size=(subjects, 12))[who]
    noise = rng.normal(size=(2, len(who), 12))
    return of(np.array([f"s{i}" for i in who]), block, tokens_tell * own + noise[0], psi_tells * own + noise[1])


def of(subject, block, tokens, psi) -> Windows:
    return Windows(
        subject=subject,
        block=block,
        features={"tokens means": tokens[:, :6], "tokens full": tokens, "psi means": psi[:, :6], "psi full": psi},
        split="tested so",
    )


def test_features_that_say_nothing_of_the_subject_are_at_chance():
    found = measure(planted(0, 0))
    assert found.chance == 1 / 8
    for pair in (found.means, found.full):
        assert pair.tokens[1] <= found.chance + 0.02 and pair.tokens[0] < 0.25 and pair.psi[0] < 0.25
    assert "no more" in found.statement


def test_planted_identity_is_found_and_the_difference_has_its_sign():
    found = measure(planted(0.3, 3))
    full = found.full
    assert full.psi[0] > 0.95 and 0.2 < full.tokens[0] < 0.8 and found.means.tokens[0] < full.tokens[0]
    assert full.difference[2] < 0 and full.difference[0] == pytest.approx(full.tokens[0] - full.psi[0])
    assert "less well than ψ" in found.statement


def test_what_is_alike_within_a_sitting_alone_is_no_leak():
    windows = planted(0, 0)
    sitting = np.random.default_rng(1).normal(size=(24, 12)) * 5
    at = np.unique(np.char.add(windows.subject, windows.block.astype(str)), return_inverse=True)[1]
    features = windows.features
    told = of(windows.subject, windows.block, features["tokens full"] + sitting[at], features["psi full"])
    assert measure(told).full.tokens[0] < 0.35


def test_one_subject_cannot_be_told_from_others():
    windows = planted(1, 1)
    one = windows.subject == "s0"
    with pytest.raises(DataError, match="1 subjects"):
        measure(
            of(
                windows.subject[one],
                windows.block[one],
                windows.features["tokens full"][one],
                windows.features["psi full"][one],
            )
        )


def test_windows_hold_the_bag_of_tokens_and_the_mean_of_psi(tmp_path, toy_face):
    world = make_world(tmp_path, toy_face, frames=100)
    windows = windows_of(world.tokens, world.dataset)
    tokens, psi = windows.features["tokens full"], windows.features["psi full"]
    assert len(windows.subject) == 12 and tokens.shape == (12, 48) and psi.shape == (12, 5 * 52)
    part = world.tokens.recording("r0")
    first = part.intensities[:50] * (part.tokens[:50] == 5)
    assert tokens[0, 5] == pytest.approx(first.sum() / 50, abs=1e-6)
    assert tokens[0, 24 + 5] == pytest.approx((part.tokens[:50] == 5).any(1).mean(), abs=1e-6)
    frames = world.dataset.frames("r0").psi[:50]
    np.testing.assert_allclose(windows.features["psi means"][0], frames.mean(0), atol=1e-5)
    np.testing.assert_allclose(
        psi[0],
        np.concatenate([frames.mean(0), frames.std(0), np.quantile(frames, (0.1, 0.5, 0.9), 0).ravel()]),
        atol=1e-5,
    )
    assert set(windows.block) == {0, 1} and "recordings" in windows.split


def test_single_recordings_are_cut_in_time_and_it_is_said(tmp_path, toy_face):
    book = write_model(tmp_path, toy_face, codeword_psi(toy_face))
    psi = {f"r{i}": np.random.default_rng(i).normal(size=(400, 52)) for i in range(2)}
    data = write_dataset(tmp_path, toy_face, psi, subjects=2)
    blank = np.zeros((400, 3), int)
    windows = windows_of(write_tokens(tmp_path, book, data, dict.fromkeys(psi, (blank, blank))), data)
    assert set(windows.block) == {0, 1, 2, 3} and "too few sittings" in windows.split


def test_the_leak_is_measured_once_and_told_in_a_sentence(tmp_path, toy_face):
    world = make_world(tmp_path, toy_face, frames=100)
    first = identity_leak("m", "d", world.root)
    assert identity_leak("m", "d", world.root) == first
    assert "3 subjects" in first.statement and "chance is 33%" in first.statement
