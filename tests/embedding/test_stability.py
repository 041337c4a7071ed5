"""Codewords over seeds, near-duplicates of one codebook, and codewords merged with their mapping."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dfe_core.embedding.stability import read_stability, require_same_training, seed_stability, write_stability
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import save_face
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.config import load_config
from dfe_core.tokenizer.merging import merge_codewords, merged_from
from dfe_core.tokenizer.near_duplicates import duplicate_groups, largest_cosine, near_duplicates
from dfe_core.tokenizer.storage import load_model
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.training.fit import train_model
from tests.conftest import make_toy_face
from tests.small_world import write_model

SMALL = {
    "tokenizer.codewords": 12,
    "tokenizer.stages": 3,
    "train.steps": 4,
    "train.batch": 64,
    "train.simulated_share": 0.0,
    "train.start": "data",
}


@pytest.fixture(scope="module")
def face():
    return make_toy_face(ARKIT_NAMES)


@pytest.fixture(scope="module")
def root(tmp_path_factory, face) -> Path:
    root = tmp_path_factory.mktemp("merge")
    save_face(face, root)
    simulate_dataset("d", face, subjects=4, minutes_per_subject=0.2, fps=10.0, effect="stress", root=root)
    train_model("d", "m", config=load_config(None, SMALL), root=root)
    return root


def codewords(face, rows: list[dict[str, float]]) -> np.ndarray:
    psi = np.zeros((len(rows) + 1, face.coefficients), np.float32)
    for row, values in zip(psi[1:], rows, strict=True):
        for name, value in values.items():
            row[face.names.index(name)] = value
    return psi


SMILE, JAW, BROW, WINK = (
    {"mouthSmileLeft": 1, "mouthSmileRight": 1},
    {"jawOpen": 1},
    {"browInnerUp": 1},
    {"eyeBlinkLeft": 1},
)


def test_codewords_that_come_back_are_known_whatever_their_number_and_size(tmp_path, face):
    a = write_model(tmp_path, face, codewords(face, [SMILE, JAW, BROW]), "a")
    b = write_model(tmp_path, face, codewords(face, [JAW, dict.fromkeys(SMILE, 0.5), BROW]), "b")
    c = write_model(tmp_path, face, codewords(face, [WINK, BROW, SMILE]), "c")
    found = seed_stability([a, b, c], face)
    assert found.codewords["codeword"].tolist() == [1, 2, 3] and found.codewords["seeds"].tolist() == [2, 1, 2]
    assert found.codewords["cosine"][0] == pytest.approx(1) and found.codewords["cosine"][1] < 0.9
    assert found.agreement["a"] == found.agreement["b"] > found.agreement["c"] and found.central in ("a", "b")
    write_stability(found, a.path)
    kept = read_stability(a)
    assert kept is not None and kept.codewords.equals(found.codewords) and kept.others == ("b", "c")
    assert read_stability(b) is None and read_stability(replace(a, config={**a.config, "key": "other"})) is None
    require_same_training(a, b)
    other = replace(b, config={**b.config, "tokenizer": {"stages": 9}})
    with pytest.raises(DataError, match="trained with tokenizer.stages = 9, a with 3"):
        require_same_training(a, other)
    with pytest.raises(DataError, match="other data than a"):
        require_same_training(a, replace(b, config={**b.config, "dataset": {"key": "else"}}))
    with pytest.raises(DataError, match="2 or more"):
        seed_stability([a], face)


def test_near_duplicates_say_in_what_they_differ(tmp_path, face):
    nearly = dict.fromkeys(SMILE, 2.0) | {"jawOpen": 0.2}
    book = write_model(tmp_path, face, codewords(face, [SMILE, JAW, nearly, BROW]), "a")
    (pair,) = near_duplicates(book, face)
    assert (pair.codeword, pair.other) == (1, 3) and 0.95 <= pair.cosine < 1 and pair.strength == pytest.approx(2, 0.05)
    assert pair.coefficients[0] == "jawOpen" and pair.difference_mm > 0
    assert [one.other for one in near_duplicates(book, face, codewords=(3,))] == [1] and not near_duplicates(
        book, face, 0.9999
    )
    assert duplicate_groups(book, face) == [(1, 3)] and largest_cosine(book, face) == pytest.approx(pair.cosine)


def test_merged_codewords_keep_their_mapping_and_the_old_codebook(root, face):
    before = Codebook.open("m", root)
    merge_codewords("m", [(5, 2), (7, 9, 3)], "merged", root)
    book, old = Codebook.open("merged", root), Codebook.open("m", root)
    merged = merged_from(book.config)
    assert (
        merged is not None and (merged["from"], merged["key"]) == ("m", before.key) and merged_from(old.config) is None
    )
    mapping = np.array(merged["mapping"])
    assert book.size == before.size - 3 and sorted(set(mapping)) == list(range(book.size)) and mapping[0] == 0
    assert mapping[2] == mapping[5] and mapping[3] == mapping[9] == mapping[7]
    stays = [k for k in range(before.size) if k not in (2, 9, 3)]
    np.testing.assert_allclose(book.psi[mapping[stays]], before.psi[stays], atol=1e-6)
    assert old.key == before.key and (old.psi == before.psi).all()
    tokenizer, _ = load_model("merged", root, "cpu")
    assert tokenizer.quantizer.size == book.size and bool((tokenizer.quantizer.partner < book.size).all())
    encode_dataset("merged", "d", root=root)
    psi = Dataset.open("d", root).psi()[:200]
    found = next(tokenizer.encode_batches(psi))
    assert int(found.tokens.max()) < book.size


def test_what_cannot_be_merged_is_refused(root):
    for groups, says in (
        ([], "nothing to merge"),
        ([(1,)], "nothing to merge"),
        ([(0, 1)], "codeword 0"),
        ([(1, 99)], "codeword 99"),
        ([(1, 2), (2, 3)], "codeword 2 in two groups"),
    ):
        with pytest.raises(DataError, match=says):
            merge_codewords("m", groups, "other", root)
