"""Sparse non-negative codewords from statistics, sparse orthonormal bases, bits, and what a model was trained on."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import nnls

from dfe_core.evaluation.baselines import entropy_coded_pca, principal_components
from dfe_core.evaluation.coded_bits import entropy_coded_uniform, fitted_code_lengths, log_interpolated, raw_bits
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.library import save_face
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.tokenizer.config import load_config
from dfe_core.tokenizer.exposure import Exposure, exposure, training_record
from dfe_core.training import initialise
from dfe_core.training.dictionary import has_activations, opposite_pairs, refit_codewords, support_of
from dfe_core.training.fit import fit_in_memory
from dfe_core.training.initialise import activation_codewords


def test_refitting_is_non_negative_least_squares_on_the_support():
    rng = np.random.default_rng(0)
    frame, uses = rng.normal(size=(6, 6)), rng.random((400, 1))
    psi = uses * np.array([1.0, -0.4, 0.5, 0, 0, 0.2]) + 0.05 * rng.normal(size=(400, 6))
    latent, support = psi @ frame, np.array([[True, True, True, False, False, False]])
    found = refit_codewords(np.full((1, 6), 0.1), uses.T @ uses / 400, uses.T @ latent / 400, frame, support)
    for _ in range(30):
        found = refit_codewords(found, uses.T @ uses / 400, uses.T @ latent / 400, frame, support)
    design = np.kron(uses, np.eye(6)) @ frame.T[:, :3]
    expected = nnls(design, latent.ravel())[0]
    assert found[0, :3] == pytest.approx(expected, abs=1e-3) and (found[0, 3:] == 0).all()
    assert found[0, 1] == 0  # what was seen below zero is no movement of its own


def test_support_keeps_what_moves_the_face():
    kept = support_of(np.array([[1.0, 0.5, -2.0, 0.0], [0, 0, 0, 0]]), np.array([1.0, 0.2, 1.0, 5.0]), 0.2)
    assert kept.tolist() == [[True, False, False, False], [False] * 4]


def test_opposite_pairs_follow_sparse_directions_and_the_principal_axes_of_gaussian_frames():
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    sparse = rng.normal(size=(4000, 5)) * (rng.random((4000, 5)) < 0.1) * [2, 1.8, 1.6, 1.4, 1.2]
    pairs = opposite_pairs(sparse @ turn, 10)
    assert pairs.shape == (10, 5) and np.allclose(pairs[::2], -pairs[1::2])
    unit = pairs[::2] / np.linalg.norm(pairs[::2], axis=1, keepdims=True)
    assert np.abs(unit @ unit.T - np.eye(5)).max() < 1e-5
    assert np.abs(unit @ turn.T).max(1).min() > 0.98
    gaussian = rng.normal(size=(8000, 5)) * [3, 2, 1.3, 0.8, 0.5]
    axes = opposite_pairs(gaussian @ turn, 6)[::2]
    assert len(axes) == 3
    assert np.abs(axes / np.linalg.norm(axes, axis=1, keepdims=True) @ turn.T)[range(3), range(3)].min() > 0.95


def test_activations_that_move_together_start_as_one_codeword(toy_face):
    rng = np.random.default_rng(2)
    names = list(toy_face.names)
    left, right, jaw = (names.index(n) for n in ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen"))
    psi = np.zeros((600, 52), np.float32)
    psi[:, left] = psi[:, right] = rng.random(600)
    psi[:, jaw] = rng.random(600)
    changes = np.diff(psi, axis=0)
    found = activation_codewords(changes, psi, np.ones(52), 10)
    supports = [set(np.flatnonzero(row)) for row in found]
    assert {left, right} in supports and {jaw} in supports and {left, jaw} not in supports
    assert has_activations(toy_face)
    assert not has_activations(dataclasses.replace(toy_face, names=tuple(f"pc_{i:03d}" for i in range(52))))


def test_raw_bits_are_those_of_the_set_whatever_its_order():
    alphabet = np.array([0, 4, 4, 8, 8])
    tokens = np.array([[0, 0], [3, 0], [1, 3]])
    expected = np.log2(3) + np.array([0, 2 + 3, np.log2(6) + 2 + 3])
    assert raw_bits(tokens, alphabet) == pytest.approx(expected.mean())
    assert raw_bits(tokens[:, ::-1], alphabet) == raw_bits(tokens, alphabet)


def test_code_lengths_of_other_frames_do_not_flatter():
    lengths = fitted_code_lengths(np.array([0, 0, 0, 1]), 3)
    assert (2.0**-lengths).sum() == pytest.approx(1) and lengths[2] == pytest.approx(np.log2(5.5 / 0.5))
    rng = np.random.default_rng(3)
    train, test = rng.laplace(size=(2000, 3)), rng.laplace(size=(2000, 3))
    bits, decoded = entropy_coded_uniform(train, test, 0.5)
    plug_in = sum(
        -(c / 2000 * np.log2(c / 2000)).sum()
        for c in (np.unique(column, return_counts=True)[1] for column in decoded.T)
    )
    assert bits > plug_in and np.abs(decoded - test).max() <= 0.25 + 1e-9
    assert log_interpolated(np.array([1.0, 3]), np.array([4.0, 1]), 2) == pytest.approx(2)
    assert log_interpolated(np.array([1.0, 3]), np.array([4.0, 1]), 5) is None


def test_entropy_coded_pca_spends_the_bits_it_is_given():
    rng = np.random.default_rng(4)
    turn = rng.normal(size=(6, 6))
    train, test = (rng.normal(size=(3000, 6)) * [3, 2, 1, 0.5, 0.3, 0.1] @ turn for _ in range(2))
    few, many = (entropy_coded_pca(train, test, np.eye(6), bits) for bits in (6, 18))
    assert few[0] == pytest.approx(6, abs=0.1) and many[0] == pytest.approx(18, abs=0.1)
    errors = [np.square(test - decoded).sum(1).mean() for _, decoded in (few, many)]
    assert errors[1] < errors[0] / 8  # six decibels a bit and dimension
    mean, project, back, variance = principal_components(train, np.eye(6))
    assert np.allclose(mean + (test - mean) @ project @ back, test) and (np.diff(variance) <= 0).all()


@pytest.fixture
def root(tmp_path, toy_face):
    save_face(toy_face, tmp_path)
    simulate_dataset("toy", toy_face, subjects=5, minutes_per_subject=0.4, fps=15, effect="stress", root=tmp_path)
    return tmp_path


def test_what_a_model_has_seen_is_proved_by_content(root, toy_face):
    data = Dataset.open("toy", root)
    config = load_config(None, {"tokenizer.codewords": 12, "train.steps": 3, "train.batch": 64})
    model, run = fit_in_memory(data, config, root)
    assert len(model.codeword_psi()) == 12 and (model.codeword_psi() >= 0).all()
    record = {"trained_on": training_record(data, run.split)}
    seen = exposure(record, data)
    assert seen.recordings == frozenset(run.split.recordings["train"]) and not seen.same_names
    assert seen.held_out(sorted(set(data.recordings["subject"]))) == sorted(
        set(data.recordings["subject"]) - seen.subjects
    )
    renamed = {"trained_on": {**record["trained_on"], "subjects": []}}
    assert exposure(renamed, data).recordings == seen.recordings  # another name hides nothing
    simulate_dataset("other", toy_face, subjects=5, minutes_per_subject=0.4, fps=15, seed=9, effect="stress", root=root)
    other = exposure(record, Dataset.open("other", root))
    assert not other.recordings and other.same_names == frozenset(record["trained_on"]["subjects"])
    assert exposure({}, data) == Exposure(known=False) and Exposure(known=False).held_out(["s01"]) == []


def test_training_starts_from_the_default_codebook_on_its_own_face_alone(toy_face, monkeypatch):
    psi = np.concatenate([np.zeros((1, 52)), np.eye(52)[:3]])
    default = SimpleNamespace(names=toy_face.names, face_id=toy_face.id, psi=psi, config={}, model="default", key="k")
    monkeypatch.setattr(initialise.Codebook, "open", lambda *_: default)
    real = SimpleNamespace(simulated=False, key="d", stored_key="d")
    assert initialise._of_model("auto", toy_face, real, None).source == "default"
    other = dataclasses.replace(toy_face, id="another mesh")
    assert initialise._of_model("auto", other, real, None) is None
    assert initialise._of_model("default", other, real, None).source == "default"  # asked for
