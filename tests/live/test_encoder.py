"""Tokens of a stream: those of the search that recordings are encoded with, smoothed by what came before alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from dfe_core.errors import DataError
from dfe_core.live.encoder import LINK_S, LiveEncoder, arkit_matrix
from dfe_core.live.rest import LEAST_FRAMES, coefficient_sizes, rest_of
from tests.conftest import make_toy_face
from tests.tiny_tokenizer import moving_face, tiny_tokenizer

FPS = 30.0


def tokens_of(encoder: LiveEncoder, psi: np.ndarray, step_s: float = 1 / FPS) -> list[frozenset]:
    """Tokens with their levels of every frame, as sets."""
    found = [encoder.encode(row, i * step_s) for i, row in enumerate(psi)]
    return [frozenset((k, g) for k, g in zip(f.tokens, f.levels, strict=True) if k) for f in found]


@pytest.mark.parametrize("encoder", ["linear", "mlp", "transformer"])
def test_frames_that_are_far_apart_get_the_tokens_of_the_search_that_encodes_recordings(toy_face, encoder):
    model, psi = tiny_tokenizer(toy_face, encoder), moving_face(80)
    live = tokens_of(LiveEncoder(model, toy_face), psi, step_s=2 * LINK_S)
    whole = model.encode(torch.from_numpy(psi))
    expected = [
        frozenset((int(k), int(g)) for k, g in zip(tokens, levels, strict=True) if k)
        for tokens, levels in zip(whole.tokens, whole.levels, strict=True)
    ]
    assert np.mean([a == b for a, b in zip(live, expected, strict=True)]) >= 0.98
    assert np.mean([len(tokens) for tokens in live]) > 2


def test_a_neighbour_before_makes_tokens_stiller(toy_face):
    rng = np.random.default_rng(3)
    still = (0.4 * (rng.random(52) < 0.2) + rng.normal(0, 0.15, (120, 52))).astype(np.float32)
    model = tiny_tokenizer(toy_face)
    words = [
        [{k for k, _ in found} for found in tokens_of(LiveEncoder(model, toy_face), still, step)]
        for step in (2 * LINK_S, 1 / FPS)
    ]
    changes = [np.mean([len(a ^ b) for a, b in pairwise(frames)]) for frames in words]
    assert changes[1] < 0.85 * changes[0], changes


def test_a_lost_face_begins_anew_and_the_past_alone_decides(toy_face):
    model, psi = tiny_tokenizer(toy_face), moving_face(40)
    whole = tokens_of(LiveEncoder(model, toy_face), psi)
    assert tokens_of(LiveEncoder(model, toy_face), psi[:25]) == whole[:25]
    encoder = LiveEncoder(model, toy_face)
    tokens_of(encoder, psi[:20])
    encoder.lose()
    assert tokens_of(encoder, psi[20:]) == tokens_of(LiveEncoder(model, toy_face), psi[20:])


def test_the_resting_face_is_taken_off(toy_face):
    model, psi = tiny_tokenizer(toy_face), moving_face(30)
    encoder = LiveEncoder(model, toy_face)
    encoder.rest = np.full(52, 0.1, np.float32)
    np.testing.assert_allclose(encoder.encode(psi[0], 0.0).psi, psi[0] - 0.1, atol=1e-7)
    assert tokens_of(encoder, psi + np.float32(0.1)) == tokens_of(LiveEncoder(model, toy_face), psi)


def test_rest_is_where_frames_return_to_blinks_left_out(toy_face):
    rng, rest = np.random.default_rng(0), np.linspace(0, 0.3, 52)
    frames = rest + rng.normal(0, 0.003, (60, 52))
    frames[10:18, 8:10] = 0.9  # a blink
    sizes = coefficient_sizes(toy_face, arkit_matrix(toy_face))
    np.testing.assert_allclose(rest_of(frames, sizes), rest, atol=0.004)
    with pytest.raises(DataError, match="3 frames with a face"):
        rest_of(frames[:3], sizes)
    assert LEAST_FRAMES > 3


def test_a_face_of_other_coefficients_is_refused():
    with pytest.raises(DataError, match="does not answer to ARKit"):
        arkit_matrix(make_toy_face(("exp_0", "exp_1"), size=3))


def test_an_encoder_that_looks_ahead_is_refused(toy_face):
    model = tiny_tokenizer(toy_face)
    model.config = replace(model.config, encoder="temporal")
    with pytest.raises(DataError, match="looks at the frames after"):
        LiveEncoder(model, toy_face)
