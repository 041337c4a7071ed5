"""A reconstruction that is built up stage by stage ends at the codebook's own sum, and its error is the mesh's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import Tokens
from dfe_core.tokens.stage_usage import error_by_stage, psi_by_stage


@pytest.fixture
def codebook(toy_face):
    rng = np.random.default_rng(0)
    psi = rng.normal(size=(9, toy_face.coefficients)).astype(np.float32)
    psi[0] = 0
    return Codebook(
        model="m",
        psi=psi,
        levels=np.array([0.5, 1.0], np.float32),
        stages=3,
        names=toy_face.names,
        face_id=toy_face.id,
        table=pd.DataFrame(),
    )


@pytest.fixture
def tokens():
    rng = np.random.default_rng(1)
    chosen = rng.integers(0, 9, (12, 3)).astype(np.uint16)
    return Tokens(
        recording="r",
        frame=np.arange(12),
        time_s=np.arange(12) / 30,
        tokens=chosen,
        intensities=np.where(chosen, rng.choice([0.5, 1.0], chosen.shape), 0).astype(np.float32),
        error_mm=np.zeros(12),
    )


def test_the_last_stage_is_the_sum_over_all_tokens(codebook, tokens):
    built = psi_by_stage(codebook, tokens.tokens, tokens.intensities)
    np.testing.assert_allclose(built[:, -1], codebook.decode(tokens.tokens, tokens.intensities), atol=1e-5)
    np.testing.assert_allclose(built[:, 0], codebook.decode(tokens.tokens[:, :1], tokens.intensities[:, :1]), atol=1e-6)


def test_the_error_is_the_root_mean_square_distance_of_the_vertices_in_millimetres(codebook, tokens, toy_face):
    psi = np.random.default_rng(2).normal(size=(12, toy_face.coefficients)).astype(np.float32)
    found = error_by_stage(codebook, tokens, psi, toy_face)
    for stage in range(3):
        rebuilt = psi_by_stage(codebook, tokens.tokens, tokens.intensities)[:, stage]
        distance = np.linalg.norm(toy_face.vertices(psi) - toy_face.vertices(rebuilt), axis=2)
        np.testing.assert_allclose(found[:, stage], 1e3 * np.sqrt((distance**2).mean(1)), rtol=1e-4)


def test_a_frame_that_its_tokens_rebuild_exactly_has_no_error(codebook, tokens, toy_face):
    psi = codebook.decode(tokens.tokens, tokens.intensities)
    assert error_by_stage(codebook, tokens, psi, toy_face)[:, -1].max() < 1e-3
