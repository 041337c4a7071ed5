"""Two codebooks: matching against a shuffle of itself, fidelity against sums by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from dfe_core.embedding.compare import agreement, compare_fidelity, match_codebooks
from dfe_core.errors import DataError
from dfe_core.store import read_json, write_json
from dfe_core.tokens.cache import TokenCache
from tests.small_world import codeword_psi, make_world, write_model, write_tokens


@pytest.fixture(scope="module")
def world(tmp_path_factory, toy_face):
    return make_world(tmp_path_factory.mktemp("compare") / "cache", toy_face)


def with_errors(cache: TokenCache, error: np.ndarray, uses: pd.DataFrame | None = None) -> TokenCache:
    table = pq.read_table(cache.path / "tokens.parquet")
    at = table.column_names.index("error_mm")
    pq.write_table(table.set_column(at, "error_mm", [error.astype(np.float32)]), cache.path / "tokens.parquet")
    counts = (
        uses
        if uses is not None
        else pd.DataFrame(
            {"recording": "r0", "stage": [0, 0, 1], "codeword": [1, 2, 1], "uses": [10, 10, 20], "intensity": 1.0}
        )
    )
    counts.to_parquet(cache.path / "counts.parquet")
    return cache


@pytest.fixture(scope="module")
def rivals(world):
    """Model n beside m on the same dataset: twice the error on half of the frames, other tokens."""
    rng = np.random.default_rng(0)
    error = rng.uniform(0.4, 0.6, 720)
    other = write_model(world.root, world.face, codeword_psi(world.face, seed=1), "n", stages=2)
    held = {
        r: (world.tokens.recording(r).tokens[:, :2], np.zeros((120, 2), int))
        for r in world.dataset.recordings["recording"]
    }
    with_errors(world.tokens, error)
    with_errors(write_tokens(world.root, other, world.dataset, held), error + 0.2)
    return error


def test_a_shuffled_and_scaled_codebook_matches_itself(world):
    order = np.r_[0, np.random.default_rng(0).permutation(np.arange(1, 24))]
    other = replace(world.codebook, psi=2.5 * world.codebook.psi[order])
    found = match_codebooks(world.codebook, other, world.face)
    assert (order[found.pairs["b"]] == found.pairs["a"]).all() and len(found.pairs) == 23
    assert found.mean_cosine == pytest.approx(1, abs=1e-5) and found.pairs["same"].all()
    assert len(found.only_a) == len(found.only_b) == 0


def test_codewords_that_one_side_lacks_are_listed_with_their_nearest(world):
    psi = world.codebook.psi.copy()
    psi[5] = -psi[5]
    found = match_codebooks(world.codebook, replace(world.codebook, psi=psi[:20]), world.face)
    assert set(found.only_a["codeword"]) == {5, 20, 21, 22, 23} and found.only_b["codeword"].tolist() == [5]
    assert found.only_a["cosine"].is_monotonic_increasing and (found.only_a["cosine"] < 0.8).all()


def test_the_matching_is_the_best_in_sum_not_the_greedy_one(toy_face, world):
    basis = np.zeros_like(toy_face.basis)
    basis[0, 0, 0], basis[1, 1, 0] = 1, 1
    face = replace(toy_face, basis=basis)
    turn = np.deg2rad
    a, b = (
        np.array([[0, 0], *[[np.cos(turn(d)), np.sin(turn(d))] for d in degrees]]) for degrees in ((0, 30), (29, 80))
    )
    pad = lambda rows: np.pad(rows, ((0, 0), (0, 50))).astype(np.float32)  # noqa: E731
    books = [replace(world.codebook, psi=pad(rows)) for rows in (a, b)]
    pairs = match_codebooks(*books, face).pairs.set_index("a")["b"]
    assert pairs.to_dict() == {1: 1, 2: 2}  # greedy takes 30 with 29 first and leaves 0 with 80


def test_codebooks_of_two_faces_are_matched_by_the_names_of_coefficients(world, toy_face):
    names = tuple(n.replace("Left", "_L").replace("Right", "_R") for n in toy_face.names[::-1])
    other = replace(world.codebook, psi=world.codebook.psi[:, ::-1], names=names, face_id="ict-1")
    found = match_codebooks(world.codebook, other, world.face)
    assert (found.pairs["a"] == found.pairs["b"]).all() and found.pairs["same"].all() and found.lost == ()
    with pytest.raises(DataError, match="ARKit"):
        match_codebooks(world.codebook, replace(other, names=tuple(f"e{i}" for i in range(52))), world.face)


def test_the_model_of_smaller_error_is_preferred_with_its_interval(world, rivals):
    found = compare_fidelity("m", "n", "d", world.root)
    assert found.a.rmse_mm[0] == pytest.approx(np.sqrt((rivals**2).mean()), rel=1e-5)
    assert found.b.rmse_mm[0] == pytest.approx(np.sqrt(((rivals + 0.2) ** 2).mean()), rel=1e-5)
    assert found.difference[0] == pytest.approx(found.a.rmse_mm[0] - found.b.rmse_mm[0])
    assert found.difference[1] <= found.difference[0] <= found.difference[2] < 0
    assert found.preferred == "m" and "smaller error" in found.reason and found.subjects == 3
    flipped = compare_fidelity("n", "m", "d", world.root)
    assert flipped.preferred == "m" and flipped.difference[0] == pytest.approx(-found.difference[0])


def test_bits_and_entropy_count_rest_as_a_symbol(world, rivals):
    found = compare_fidelity("m", "n", "d", world.root).a
    assert found.bits == pytest.approx(3 * np.log2(23 * 2 + 1)) and found.used == 2

    def entropy(*counts):
        p = np.array(counts) / 720
        return -(p * np.log2(p)).sum()

    assert found.entropy_bits == pytest.approx(entropy(700, 10, 10) + entropy(700, 20))


def test_subjects_a_model_was_trained_on_are_left_out(world, rivals):
    path = world.root / "models" / "m" / "config.json"
    config = read_json(path)
    split = {
        "by": "subject",
        "recordings": {"train": ["r0", "r3"], "validation": [], "test": []},
        "spans": {p: [0, 1] for p in ("train", "validation", "test")},
    }
    write_json(path, config | {"dataset": {"name": "d", "key": world.dataset.key}, "split": split})
    try:
        found = compare_fidelity("m", "n", "d", world.root)
        assert found.held_out and found.subjects == 2 and set(found.a.by_subject.index) == {"s1", "s2"}
        assert found.preferred == "" and "2 subjects cannot decide" in found.reason
        trained = [r for r in world.dataset.recordings["recording"] if r != "r1"]
        split["recordings"]["train"] = trained
        write_json(path, config | {"dataset": {"name": "d", "key": world.dataset.key}, "split": split})
        found = compare_fidelity("m", "n", "d", world.root)
        assert not found.held_out and found.preferred == "" and "was trained on" in found.reason
    finally:
        write_json(path, config)


def test_equal_errors_leave_it_to_the_bits(world, rivals, tmp_path, toy_face):
    again = make_world(tmp_path / "cache", toy_face)
    small = write_model(again.root, toy_face, codeword_psi(toy_face, seed=1), "n", stages=2)
    held = {
        r: (again.tokens.recording(r).tokens[:, :2], np.zeros((120, 2), int))
        for r in again.dataset.recordings["recording"]
    }
    noise = np.random.default_rng(1).normal(0, 1e-3, (2, 720))
    with_errors(again.tokens, rivals + noise[0])
    with_errors(write_tokens(again.root, small, again.dataset, held), rivals + noise[1])
    found = compare_fidelity("m", "n", "d", again.root)
    assert found.preferred == "n" and "bits a frame" in found.reason


def test_a_model_is_not_compared_with_itself_nor_unencoded(world, rivals):
    with pytest.raises(DataError, match="itself"):
        compare_fidelity("m", "m", "d", world.root)
    with pytest.raises(DataError, match="not encoded"):
        compare_fidelity("m", "elsewhere", "d", world.root)


def test_agreement_is_the_jaccard_index_of_presence(world, rivals):
    same = match_codebooks(world.codebook, world.codebook, world.face)
    table = agreement("m", "n", same, "d", world.root).set_index("a")
    tokens = np.concatenate([world.tokens.recording(r).tokens for r in world.dataset.recordings["recording"]])
    both = (tokens[:, :2] == 7).any(1).sum()
    assert table.loc[7, "jaccard"] == pytest.approx(both / (tokens == 7).any(1).sum())
