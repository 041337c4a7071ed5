"""The tokenizer table: its figures on known answers, its rows on small data, and its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.library import save_face
from dfe_core.simulate.dataset import simulate_dataset
from train.benchmark.figures import figures, matched_cosine
from train.benchmark.methods import Outcome, independent_components, ours, quantised_pca, residual_kmeans
from train.benchmark.sample import draw_sample
from train.benchmark.tokenizer import benchmark_tokenizer


@pytest.fixture(scope="module")
def root(tmp_path_factory, toy_face) -> Path:
    path = tmp_path_factory.mktemp("cache")
    save_face(toy_face, path)
    simulate_dataset("toy", toy_face, subjects=5, minutes_per_subject=0.5, fps=20, effect="stress", root=path)
    return path


@pytest.fixture(scope="module")
def sample(root, toy_face):
    return draw_sample(Dataset.open("toy", root), toy_face, root, 0)


def test_the_sample_holds_subjects_apart_and_stretches_in_one_piece(sample):
    assert len(sample.test.psi) == len(sample.test.linked) == len(sample.test.present) > 100
    rows, frame, fps = sample.test.recordings[0]
    assert fps == 20 and (np.diff(frame)[sample.test.linked[rows][1:]] == 1).all()
    assert not sample.test.linked[rows.start] and len(sample.fit) >= len(sample.test.psi)


def test_a_perfect_method_with_an_atom_for_every_action_has_perfect_figures(sample, toy_face):
    uses = [part.present.astype(np.float32) for part in (sample.train, sample.test)]
    atoms = np.eye(uses[0].shape[1], sample.fit.shape[1])
    found = figures(
        sample,
        toy_face,
        Outcome(decoded=sample.test.psi, bits=10.0, seconds=1.0, dictionary=atoms, train_use=uses[0], test_use=uses[1]),
    )
    assert found["rmse_mm"] == 0 and found["explained_variance"] == 1 and found["rmse_mm_mouth"] == 0
    # two sides that always went together in training cannot be told apart from it: hence not quite 1
    assert found["found_by_one"] > 0.85 and found["auroc_one"] > 0.9 and found["f1_one"] > 0.85
    assert found["actions"] > 5


def test_a_method_that_sends_nothing_has_none_of_them(sample, toy_face):
    uses = [np.random.default_rng(0).random((len(part.psi), 6)) for part in (sample.train, sample.test)]
    blank = np.zeros_like(sample.test.psi)
    found = figures(
        sample,
        toy_face,
        Outcome(
            decoded=blank,
            bits=0.0,
            seconds=1.0,
            dictionary=np.eye(6, sample.fit.shape[1]),
            train_use=uses[0],
            test_use=uses[1],
        ),
    )
    assert found["explained_variance"] == 0 and found["found_by_one"] == 0 and found["retrieval_top1"] < 0.02


def test_dictionaries_match_whatever_their_order_and_length(sample):
    rng = np.random.default_rng(1)
    atoms = rng.normal(size=(12, sample.fit.shape[1]))
    scaled = atoms[rng.permutation(12)] * rng.uniform(0.5, 2, (12, 1))
    assert matched_cosine(atoms, np.concatenate([0 * atoms[:1], scaled]), sample.gram) == pytest.approx(1)
    assert matched_cosine(atoms, rng.normal(size=atoms.shape), sample.gram) < 0.8


def test_our_row_has_every_column_and_more_stages_less_error(sample, toy_face):
    small = {"tokenizer__codewords": 24, "train__steps": 60, "train__batch": 256}
    found = [figures(sample, toy_face, ours(**small, tokenizer__stages=n)(sample)) for n in (1, 4)]
    assert found[1]["rmse_mm"] < found[0]["rmse_mm"]
    assert found[0]["bits_per_frame"] < np.log2(2) + np.log2(23) + np.log2(96) + 1e-6  # a count, a codeword, a level
    assert 0 < found[1]["entropy_bits_per_frame"] < 1.1 * found[1]["bits_per_frame"]
    assert {
        "p95_mm",
        "rmse_mm_brow",
        "rmse_mm_eye",
        "cosine",
        "utilisation",
        "dead",
        "perplexity_mean",
        "locality",
        "gini",
        "cosine_max",
        "symmetric",
        "left",
        "right",
        "pairwise_distance",
        "bigrams_per_1000",
        "changes_per_s_still",
        "changes_per_s_moving",
        "encode_fps_1",
        "encode_fps_8192",
        "decode_fps",
        "parameters",
        "seconds",
    } <= found[1].keys()
    assert found[1]["utilisation"] == pytest.approx(1 - found[1]["dead"] / 23)


def test_rivals_are_held_to_their_bits_and_lose_less_with_more(sample, toy_face):
    for rival in (lambda bits: residual_kmeans(bits, 4, in_mesh_frame=True), quantised_pca):
        few, many = (figures(sample, toy_face, rival(bits)(sample))["rmse_mm"] for bits in (8, 32))
        assert many < few
    found = residual_kmeans(24, 4)(sample)
    assert found.tokens.min() >= 1 and found.atoms == len(found.dictionary) == 4 * 64
    assert figures(sample, toy_face, independent_components(sample))["rmse_mm"] < 1e-6


def test_tables_are_written_kept_and_gone_on_with(root, tmp_path):
    out = tmp_path / "table"
    first = benchmark_tokenizer(
        out, quick=True, root=root, progress=lambda _: None, datasets=("toy",), seeds=2, only="PCA*"
    )
    assert "PCA, quantised" in first
    lines = (out / "rows.jsonl").read_text().splitlines()
    (out / "rows.jsonl").write_text(f"{lines[0]}\n{lines[1][:40]}")  # a kill in the middle of the second row
    seen = []
    benchmark_tokenizer(out, quick=True, root=root, progress=seen.append, datasets=("toy",), seeds=2, only="PCA*")
    table = pd.read_csv(out / "tokenizer.csv")
    assert table["seed"].tolist() == [0, 1] and (table["rmse_mm"] > 0).all() and (table["peak_mb"] >= 0).all()
    kept = json.loads((out / "tokenizer.json").read_text())
    assert kept["rows"][0]["low"]["rmse_mm"] <= kept["rows"][0]["rmse_mm"] <= kept["rows"][0]["high"]["rmse_mm"]
    assert (out / "tokenizer-toy.svg").read_text().startswith("<?xml")


def test_a_row_that_is_none_is_refused(root, tmp_path):
    with pytest.raises(DataError, match="no row matches"):
        benchmark_tokenizer(
            tmp_path / "t", quick=True, root=root, progress=lambda _: None, datasets=("toy",), only="theirs"
        )
