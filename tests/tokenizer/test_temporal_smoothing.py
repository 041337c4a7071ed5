"""Tokens along time: still faces give still tokens, frames across a gap do not speak to each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dfe_core.tokenizer.quantizer import SparseQuantizer
from dfe_core.tokenizer.switching_rate import changed_tokens, changes_and_speed, flicker
from dfe_core.tokenizer.temporal_smoothing import linked_frames, smooth

LEVELS = tuple(i / 16 for i in range(1, 21))


@pytest.fixture
def quantizer() -> SparseQuantizer:
    torch.manual_seed(0)
    made = SparseQuantizer(4, 32, 6, LEVELS, 1e-3, sweeps=1)
    made.set_codewords_(torch.randn(32, 6))
    return made


def noisy_still(frames: int = 300, noise: float = 0.15) -> torch.Tensor:
    torch.manual_seed(1)
    return 1.5 * torch.randn(1, 6) + noise * torch.randn(frames, 6)


def cost(found, target: torch.Tensor, weight: float, size: int) -> float:
    """The energy by its definition: error, and each neighbour's tokens that a frame has not, or has too many."""
    counts = np.stack([np.bincount(row, minlength=size) for row in found.tokens.numpy()])
    counts[:, 0] = 0
    return float(found.error.sum()) + weight * np.abs(np.diff(counts, axis=0)).sum() / 2


def test_a_noisy_still_face_gets_stiller_tokens_and_hardly_a_larger_error(quantizer):
    target = noisy_still()
    alone = quantizer.encode(target)
    linked = torch.ones(len(target), dtype=torch.bool)
    steady = smooth(alone, target, quantizer, linked, 0.2, sweeps=3)
    before, after = (changed_tokens(f.tokens.numpy(), 32).mean() for f in (alone, steady))
    assert after < 0.5 * before
    assert steady.error.mean() < alone.error.mean() + 0.2


def test_the_energy_falls_and_the_error_is_what_decoding_leaves(quantizer):
    target = noisy_still()
    alone = quantizer.encode(target)
    linked = torch.ones(len(target), dtype=torch.bool)
    linked[0] = False
    steady = smooth(alone, target, quantizer, linked, 0.3)
    left = target - quantizer.decode(steady.tokens, steady.intensities).detach()
    assert torch.allclose(steady.error, left.square().sum(1), atol=1e-5)
    assert cost(steady, target, 0.3, 32) < cost(alone, target, 0.3, 32)


def test_without_links_or_weight_every_frame_is_chosen_alone(quantizer):
    target = noisy_still(60)
    alone = quantizer.encode(target)
    for linked, weight in ((torch.zeros(60, dtype=torch.bool), 0.5), (torch.ones(60, dtype=torch.bool), 0.0)):
        found = smooth(alone, target, quantizer, linked, weight)
        one = smooth(quantizer.encode(target[7:8]), target[7:8], quantizer, torch.zeros(1, dtype=torch.bool), 0.0)
        assert sorted(found.tokens[7].tolist()) == sorted(one.tokens[0].tolist())
        assert (found.error <= alone.error + 1e-5).all()


def test_frames_on_two_sides_of_a_gap_do_not_change_each_other(quantizer):
    target = noisy_still(80)
    linked = torch.ones(80, dtype=torch.bool)
    linked[0] = linked[40] = False
    whole = smooth(quantizer.encode(target), target, quantizer, linked, 0.4)
    half = smooth(quantizer.encode(target[40:]), target[40:], quantizer, linked[40:], 0.4)
    assert [sorted(row) for row in whole.tokens[40:].tolist()] == [sorted(row) for row in half.tokens.tolist()]


def test_two_tokens_of_like_strength_keep_their_places(quantizer):
    codewords = torch.zeros(32, 6)
    codewords[1, 0] = codewords[2, 1] = 1.0
    quantizer.set_codewords_(codewords)
    target = torch.zeros(100, 6)
    target[:, 0], target[1::2, 0], target[:, 1] = 1.0, 0.5, 0.75  # alone, each would be the stronger one in turn
    found = smooth(quantizer.encode(target), target, quantizer, torch.ones(100, dtype=torch.bool), 0.01)
    first = found.tokens[20:80, 0]
    assert (first == first[0]).all() and set(found.tokens[50].tolist()) == {0, 1, 2}


def test_linked_frames_follow_the_one_before():
    assert linked_frames(np.array([3, 4, 5, 9, 10])).tolist() == [False, True, True, False, True]
    assert linked_frames(np.array([0, 2, 4, 8])).tolist() == [False, True, True, False]
    assert linked_frames(np.array([], int)).tolist() == [] and linked_frames(np.array([5])).tolist() == [False]
    assert linked_frames(np.array([0, 300])).tolist() == [False, False]  # two frames far apart are no neighbours
    assert linked_frames(np.array([0, 300, 601])).tolist() == [False, False, False]  # nor are three, with no step twice
    assert linked_frames(np.array([0, 1, 301])).tolist() == [False, True, False]


def test_changes_are_counted_by_sets_and_rest_is_none():
    tokens = np.array([[1, 2, 0], [2, 1, 0], [2, 1, 3], [2, 2, 3], [0, 0, 0]])
    assert changed_tokens(tokens, 5).tolist() == [0, 1, 1, 3]


def test_flicker_tells_still_from_moving_stretches():
    psi = np.zeros((400, 2))
    psi[200:, 0] = np.arange(200) * 0.5
    tokens = np.ones((400, 1), int)
    tokens[::2] += np.arange(400)[::2, None] >= 200  # changes in every frame of the second half
    changes, speed = changes_and_speed(tokens, psi, np.arange(400), 30.0, 4, np.eye(2))
    found = flicker(changes, speed)
    assert found["still"] == 0 and found["moving"] == 30 and found["all"] == pytest.approx(30 * 200 / 399, rel=0.02)
    assert speed[:150].max() == 0 and speed[250:].min() == pytest.approx(15)


def test_frames_across_a_gap_are_no_change():
    changes, speed = changes_and_speed(
        np.array([[1], [2], [1]]), np.zeros((3, 2)), np.array([0, 1, 5]), 10.0, 4, np.eye(2)
    )
    assert changes.tolist() == [10] and len(speed) == 1
