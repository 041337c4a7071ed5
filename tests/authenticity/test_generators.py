"""Synthetic motion: each generator leaves in, and out, what it says."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dfe_core.authenticity.generators import GeneratorName, SourceMotion, make_motion

FPS, FRAMES, E = 20.0, 400, 5


@pytest.fixture(scope="module")
def performance() -> SourceMotion:
    """Twenty seconds: codeword 1 from 2 to 4 s (apex at 3 s) and codeword 2 from 10 to 11 s, with noise."""
    rng = np.random.default_rng(0)
    time = np.arange(FRAMES) / FPS
    codewords = np.vstack([np.zeros(E), np.eye(E)[:2]])
    tokens, intensities = np.zeros((FRAMES, 2), int), np.zeros((FRAMES, 2))
    for word, begin, end in ((1, 2.0, 4.0), (2, 10.0, 11.0)):
        own = (time >= begin) & (time < end)
        tokens[own, 0], intensities[own, 0] = word, 0.5
    psi = np.einsum("tn,tne->te", intensities, codewords[tokens]) + 0.01 * rng.normal(size=(FRAMES, E))
    runs = pd.DataFrame(
        {"codeword": [1, 2], "start_s": [2.0, 10.0], "peak_s": [3.0, 10.5], "end_s": [4.0, 11.0], "peak": [0.8, 0.4]}
    )
    return SourceMotion(
        time_s=time,
        psi=psi,
        tokens=tokens,
        intensities=intensities,
        runs=runs,
        codewords=codewords,
        mouth=np.eye(E),
    )


def made(name: GeneratorName, performance: SourceMotion, seed: int = 0, noise: bool = False) -> np.ndarray:
    return make_motion(name, performance, np.random.default_rng(seed), noise=noise)


def test_replayed_reaches_the_peak_at_the_apex_and_rests_elsewhere(performance):
    motion = made(GeneratorName.REPLAYED, performance)
    assert motion[60] == pytest.approx(0.8 * performance.codewords[1], abs=1e-6)
    assert motion[210] == pytest.approx(0.4 * performance.codewords[2], abs=1e-6)
    assert not motion[:40].any()
    assert not motion[90:200].any()
    assert (np.diff(motion[40:61, 0]) >= 0).all()


def test_bigrams_go_on_as_the_recording_once_did(performance):
    motion = made(GeneratorName.BIGRAMS, performance)
    decoded = np.einsum("tn,tne->te", performance.intensities, performance.codewords[performance.tokens])
    faces = {row.tobytes() for row in decoded.astype(np.float32)}
    steps = {
        (a.tobytes(), b.tobytes()) for a, b in zip(decoded[:-1].astype("f4"), decoded[1:].astype("f4"), strict=True)
    }
    assert {row.tobytes() for row in motion} <= faces
    assert {(a.tobytes(), b.tobytes()) for a, b in itertools.pairwise(motion)} <= steps


def test_speech_driven_follows_one_driver(performance):
    motion = made(GeneratorName.SPEECH_DRIVEN, performance).astype(float)
    strength = np.linalg.svd(motion - motion.mean(0), compute_uv=False)
    rng = np.random.default_rng(3)
    wide = replace(performance, psi=rng.normal(size=(FRAMES, 12)), mouth=np.eye(12))
    many = make_motion(GeneratorName.SPEECH_DRIVEN, wide, rng, noise=False).astype(float)
    rank = (np.linalg.svd(many - many.mean(0), compute_uv=False) > 1e-4).sum()
    assert rank <= 6  # five lags and the envelope
    assert strength[0] > 0


def test_smoothed_has_less_of_fast_movement(performance):
    motion = made(GeneratorName.SMOOTHED, performance)
    assert np.abs(np.diff(motion, axis=0)).mean() < 0.3 * np.abs(np.diff(performance.psi, axis=0)).mean()
    assert motion.mean(0) == pytest.approx(performance.psi.mean(0), abs=0.01)


@pytest.mark.parametrize("name", list(GeneratorName))
def test_made_motion_depends_on_the_seed_alone_and_carries_the_noise(performance, name):
    first, again = made(name, performance, 1, noise=True), made(name, performance, 1, noise=True)
    assert np.array_equal(first, again)
    assert first.shape == performance.psi.shape
    still = first - made(name, performance, 1)
    if name != GeneratorName.BIGRAMS:  # draws before the noise are the same
        assert 0.004 < still.std() < 0.03
        assert abs(np.corrcoef(still[:-1, 4], still[1:, 4])[0, 1]) < 0.2
