"""A codebook adapted to a person: a planted change is found, and codewords keep what they mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dfe_core.errors import DataError
from dfe_core.evaluation import person_adaption
from dfe_core.evaluation.person_adaption import FREE, judge_adaption
from dfe_core.faces.archive import save_face
from dfe_core.store import write_json
from dfe_core.tokenizer.adaption import AdaptionSettings, adapt_tokenizer, low_rank_change, write_adapted
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.exposure import exposure, record_of
from tests.small_world import write_dataset, write_model
from tests.tiny_tokenizer import tiny_tokenizer


@pytest.fixture(scope="module")
def tokenizer(toy_face):
    return tiny_tokenizer(toy_face)


def spoken(tokenizer, frames: int, change: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    """(T, E) faces made of two codewords each, bent by `change`, as of a person who does things differently."""
    rng = np.random.default_rng(seed)
    psi = tokenizer.codeword_psi().astype(float)
    words = rng.integers(1, len(psi), (frames, 2))
    made = np.einsum("tn,tne->te", rng.choice([0.5, 0.75, 1.0], (frames, 2)), psi[words])
    return (made if change is None else made @ (np.eye(psi.shape[1]) + change)).astype(np.float32)


def error(tokenizer, psi: np.ndarray) -> float:
    left = [
        psi[start : start + 4096] - tokenizer.decode(found.tokens, found.intensities).numpy()
        for start, found in zip(range(0, len(psi), 4096), tokenizer.encode_batches(psi, batch=4096), strict=False)
    ]
    return float(np.sqrt(np.mean(np.concatenate(left) ** 2)))


def test_a_planted_map_of_low_rank_is_found():
    rng = np.random.default_rng(0)
    decoded = rng.normal(size=(400, 12))
    planted = 0.2 * rng.normal(size=(12, 2)) @ rng.normal(size=(2, 12))
    found = low_rank_change(decoded, decoded @ planted, 1e-6, 2)
    assert found == pytest.approx(planted, abs=1e-3)
    assert np.linalg.matrix_rank(low_rank_change(decoded, rng.normal(size=(400, 12)), 0.1, 3), tol=1e-8) == 3


def test_adapting_to_a_person_helps_on_frames_that_were_not_seen(tokenizer):
    size = tokenizer.codeword_psi().shape[1]
    rng = np.random.default_rng(1)
    direction = rng.normal(size=size) / np.sqrt(size)
    change = 1.5 * np.outer(direction, rng.normal(size=size) / np.sqrt(size))
    clip, rest = spoken(tokenizer, 300, change, 1), spoken(tokenizer, 300, change, 2)
    adapted = adapt_tokenizer(tokenizer, clip, settings=AdaptionSettings(rank=2, ridge=1e-3))
    assert error(adapted.tokenizer, rest) < 0.9 * error(tokenizer, rest)
    assert adapted.cosine.min() >= 0.95 - 1e-6


def test_the_bound_on_the_cosine_holds_and_the_codebook_itself_stays(tokenizer):
    before = tokenizer.quantizer.codewords.clone()
    clip = np.random.default_rng(0).normal(0, 0.5, (200, before.shape[1])).astype(np.float32)
    loose = adapt_tokenizer(tokenizer, clip, settings=AdaptionSettings(rank=0, ridge=1e-3, least_cosine=0.0))
    tight = adapt_tokenizer(tokenizer, clip, settings=AdaptionSettings(rank=0, ridge=1e-3, least_cosine=0.99))
    assert loose.cosine.min() < 0.99
    assert tight.cosine.min() >= 0.99 - 1e-6
    assert tight.share < 1
    assert torch.equal(tokenizer.quantizer.codewords, before)
    assert torch.equal(tight.tokenizer.quantizer.bits, tokenizer.quantizer.bits)


def test_what_means_nothing_is_refused(tokenizer):
    with pytest.raises(DataError, match="no frames"):
        adapt_tokenizer(tokenizer, np.empty((0, 52), np.float32))
    for wrong in ({"rank": -1}, {"ridge": 0.0}, {"least_cosine": 1.0}):
        with pytest.raises(DataError, match="adaption"):
            AdaptionSettings(**wrong)


def test_a_codebook_that_is_adapted_to_somebody_has_seen_them(toy_face, tokenizer, tmp_path):
    save_face(toy_face, tmp_path)
    rng = np.random.default_rng(0)
    psi = {name: rng.random((80, 52)).astype(np.float32) for name in ("r0", "r1", "r2")}
    dataset = write_dataset(tmp_path, toy_face, psi, subjects=3)
    codebook = write_model(tmp_path, toy_face, tokenizer.codeword_psi())
    adapted = adapt_tokenizer(tokenizer, psi["r1"], settings=AdaptionSettings(ridge=0.1))
    subject = str(dataset.recordings.set_index("recording").loc["r1", "subject"])
    before = codebook.path / "config.json"
    text = before.read_text()
    record = {"subject": subject, "seconds": 2.0, "rank": 0}
    write_adapted(adapted, codebook.model, "own", dataset, record, tmp_path)
    own = Codebook.open("own", tmp_path)
    assert own.config["adapted"]["from"] == codebook.model
    assert subject in exposure(own.config, dataset).subjects
    assert not {"r0", "r2"} & exposure(own.config, dataset).recordings
    assert own.psi == pytest.approx(adapted.tokenizer.codeword_psi(), abs=1e-6)
    assert own.key != codebook.key
    assert before.read_text() == text
    with pytest.raises(DataError, match="exists"):
        write_adapted(adapted, codebook.model, "own", dataset, record, tmp_path)


def test_those_the_codebook_was_trained_or_tuned_on_are_named_and_not_judged_after_people_were_added(
    toy_face, tokenizer, tmp_path, monkeypatch
):
    save_face(toy_face, tmp_path)
    psi = {f"r{i}": spoken(tokenizer, 40 if i == 5 else 100, seed=i) for i in range(6)}
    dataset = write_dataset(tmp_path, toy_face, psi, subjects=6)
    codebook = write_model(tmp_path, toy_face, tokenizer.codeword_psi(), stages=6)
    config = {
        **codebook.config,
        "dataset": {"name": "d", "key": "before people were added"},
        "trained_on": record_of(dataset, ["r0"]),
        "split": {"by": "subject", "recordings": {"train": ["r0"], "validation": ["r1"], "test": []}, "spans": {}},
        "seed": 0,
    }
    write_json(tmp_path / "models" / "m" / "config.json", config)
    monkeypatch.setattr(person_adaption, "load_model", lambda name, root: (tokenizer, config))
    found = judge_adaption("m", "d", seconds=3.0, ranks=(FREE,), root=tmp_path)
    assert (found.people, found.seen, found.short) == (3, ("s0", "s1"), ("s5",))
    assert found.to_json()["seen"] == ["s0", "s1"]
    with pytest.raises(DataError, match="0 people of 6"):
        judge_adaption("m", "d", seconds=9.0, root=tmp_path)
