"""Training on small simulated data: learns, repeats itself, resumes after a kill, refuses what does not fit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from benchmarks.adaption import PersonSplit
from dfe_core.errors import DataError
from dfe_core.evaluation.evaluate import evaluate_model
from dfe_core.evaluation.person_adaption import person_parts
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split
from dfe_core.faces.library import save_face
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.store import read_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.config import load_config
from dfe_core.tokenizer.mesh_inner_product import displacement_cosine
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.encoding import encode_dataset
from dfe_core.training.fit import fit_in_memory, train_model
from dfe_core.training.initialise import Start
from dfe_core.workspace.catalogue import artefact_faults, find_artefact, remedy

PROJECT = Path(__file__).resolve().parents[2]
SMALL = {
    "tokenizer.codewords": 24,
    "tokenizer.stages": 4,
    "train.steps": 60,
    "train.batch": 256,
    "train.checkpoint_every": 10,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory, toy_face) -> Path:
    """A cache with the toy face, simulated data on it and a small trained, encoded model."""
    path = tmp_path_factory.mktemp("cache")
    save_face(toy_face, path)
    simulate_dataset("toy", toy_face, subjects=5, minutes_per_subject=0.5, fps=20, effect="stress", root=path)
    train_model("toy", "small", config=load_config(None, SMALL), root=path)
    encode_dataset("small", "toy", root=path)
    return path


def weights(root: Path, name: str) -> dict[str, np.ndarray]:
    return load_file(root / "models" / name / "model.safetensors")


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def test_training_explains_more_of_what_it_saw_and_most_of_held_out_subjects(root):
    for name, steps in (("start", 1), ("plain", 200)):
        train_model("toy", name, config=load_config(None, SMALL | {"train.steps": steps}), root=root)
    before = evaluate_model("start", "toy", split="train", root=root, rivals=False)
    seen = evaluate_model("plain", "toy", split="train", root=root, rivals=False)
    after = evaluate_model("plain", "toy", root=root, rivals=False)
    assert seen["explained_variance"] > before["explained_variance"] and seen["subjects"] == 3
    assert after["explained_variance"] > 0.8
    assert after["subjects"] == 1 and after["split"] == "test"
    assert after["rmse_mm_by_stage"][-1] == pytest.approx(after["rmse_mm"], rel=1e-3)
    assert all(a >= b for a, b in zip(after["rmse_mm_by_stage"], after["rmse_mm_by_stage"][1:], strict=False))


def test_the_same_seed_gives_the_same_codebook_and_another_seed_another(root):
    for name, seed in (("again", 0), ("other", 1)):
        train_model("toy", name, config=load_config(None, SMALL, seed), root=root)
    assert same(weights(root, "small"), weights(root, "again"))
    assert not same(weights(root, "small"), weights(root, "other"))


def test_training_goes_on_from_given_codewords_with_the_first_seconds_of_a_person(root):
    data, codebook = Dataset.open("toy", root), Codebook.open("small", root)
    split = Split.from_json(codebook.config["split"])
    person = str(data.recordings.set_index("recording").loc[split.recordings["test"][0], "subject"])
    start = Start(psi=codebook.psi[1:].astype(float), source="small")
    alone, among = (
        PersonSplit(split.by, split.recordings, split.spans, person, 4.0, times, alone)
        for times, alone in ((1, True), (3, False))
    )
    model, run = fit_in_memory(data, load_config(None, SMALL | {"train.steps": 1}), root, split=alone, start=start)
    assert run.start.source == "small"
    alike = displacement_cosine(model.codeword_psi(), codebook.psi, run.face.gram)
    assert np.median(alike[1:].max(1)) > 0.99
    clip = person_parts(data, person, 4.0)
    assert clip is not None
    np.testing.assert_array_equal(run.frames.psi, clip[0].psi)
    frames = [sum(int(part.valid.sum()) for part in one.frames(data, "train")) for one in (split, among)]
    assert frames[1] - frames[0] == 3 * len(clip[0].psi)


KILLED = """import os, signal, sys
from dfe_core.training import loop
from train.cli import main

write = loop.save_checkpoint


def die_at_the_third(state, folder):  # after figures of step 25, which are of no checkpoint
    if state.step >= 30:
        os.kill(os.getpid(), signal.SIGKILL)
    write(state, folder)


loop.save_checkpoint = die_at_the_third
sys.exit(main())
"""


def test_a_killed_run_resumes_to_the_codebook_of_an_uninterrupted_one(root, tmp_path):
    copy = tmp_path / "cache"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns("models", "tokens"))
    settings = (part for k, v in SMALL.items() for part in ("--set", f"{k}={v}"))
    process = subprocess.run(
        [sys.executable, "-c", KILLED, "train", "toy", "--name", "killed", *settings],
        cwd=PROJECT,
        env=os.environ | {"DFE_CACHE": str(copy), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    checkpoint = copy / "models/killed/checkpoint.safetensors"
    assert checkpoint.is_file() and not (copy / "models/killed/config.json").is_file()
    learning = copy / "models/killed/learning.json"
    assert len(read_json(learning)["codewords"]) == 8, "what is shown while it learns"
    train_model("toy", "killed", config=load_config(None, SMALL), resume=True, root=copy)
    assert not learning.is_file()
    train_model("toy", "whole", config=load_config(None, SMALL), root=copy)
    assert same(weights(copy, "killed"), weights(copy, "whole"))
    steps = [json.loads(line)["step"] for line in (copy / "models/killed/history.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps)) and steps[-1] == SMALL["train.steps"]
    history = copy / "models/killed/history.jsonl"
    history.write_text(history.read_text().replace("1", "2", 1))
    assert "history.jsonl" in " ".join(artefact_faults(find_artefact("models/killed", copy)))
    assert "a copy of history.jsonl" in remedy(find_artefact("models/killed", copy))


def test_resume_refuses_a_checkpoint_of_another_configuration_or_a_broken_one(root, tmp_path):
    copy = tmp_path / "cache"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns("models", "tokens"))
    folder = copy / "models" / "half"

    def stop(report):
        if report.task == "training" and report.done == 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_model("toy", "half", config=load_config(None, SMALL), root=copy, progress=stop)
    with pytest.raises(DataError, match="other data, configuration or seed"):
        train_model("toy", "half", config=load_config(None, SMALL | {"train.batch": 128}), resume=True, root=copy)
    (folder / "checkpoint.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(DataError, match="checkpoint.safetensors"):
        train_model("toy", "half", config=load_config(None, SMALL), resume=True, root=copy)


def test_an_existing_model_is_not_overwritten(root):
    before = weights(root, "small")
    with pytest.raises(DataError, match="dfe rm small"):
        train_model("toy", "small", config=load_config(None, SMALL), root=root)
    assert same(before, weights(root, "small"))


def test_tokens_add_up_to_the_stored_error_and_follow_the_valid_frames(root, toy_face):
    data, codebook = Dataset.open("toy", root), Codebook.open("small", root)
    cache = TokenCache.open("small", "toy", root)
    for name in data.recordings["recording"][:3]:
        frames, tokens = data.frames(name), cache.recording(name)
        assert np.array_equal(tokens.frame, frames.frame[frames.valid])
        left = frames.psi[frames.valid] - codebook.decode(tokens.tokens, tokens.intensities)
        error = 1e3 * np.sqrt(np.square(toy_face.displacement(left)).sum(-1).mean(-1))
        assert np.allclose(error, tokens.error_mm, atol=1e-3)


def test_fast_tokens_are_their_own_cache_and_nearly_as_exact(root, tmp_path):
    copy = tmp_path / "cache"
    shutil.copytree(root, copy)
    full = TokenCache.open("small", "toy", copy)
    assert encode_dataset("small", "toy", root=copy).unchanged
    assert not encode_dataset("small", "toy", fast=True, root=copy).unchanged
    fast = TokenCache.open("small", "toy", copy)
    assert fast.manifest["key"] != full.manifest["key"]
    assert encode_dataset("small", "toy", fast=True, root=copy).unchanged
    name = Dataset.open("toy", root).recordings["recording"][0]
    worse, exact = fast.recording(name).error_mm.mean(), TokenCache.open("small", "toy", root).recording(name).error_mm
    assert exact.mean() * 0.9 < worse < exact.mean() * 1.5


def test_counts_are_those_of_the_token_file(root):
    cache = TokenCache.open("small", "toy", root)
    counted = cache.query(
        "SELECT recording, stage, codeword, count(*) AS uses, sum(intensity) AS intensity "
        "FROM events GROUP BY ALL ORDER BY ALL"
    )
    kept = cache.counts.sort_values(["recording", "stage", "codeword"])
    assert counted["uses"].tolist() == kept["uses"].tolist()
    assert np.allclose(counted["intensity"], kept["intensity"], rtol=1e-4)
    schema = pq.read_schema(cache.path / "tokens.parquet")
    assert str(schema.field("tokens").type) == "fixed_size_list<element: uint16>[4]"


def test_encoding_again_does_nothing_and_a_corrupt_cache_is_made_again(root):
    assert encode_dataset("small", "toy", root=root).unchanged
    path = root / "tokens" / "small--toy" / "tokens.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert not encode_dataset("small", "toy", root=root).unchanged
    assert pq.read_table(path).equals(pq.read_table(path)) and path.stat().st_size == len(whole)


def test_evaluation_has_every_key_of_the_contract_and_finds_planted_actions(root):
    result = evaluate_model("small", "toy", root=root)
    assert {
        "model",
        "dataset",
        "split",
        "subjects",
        "frames",
        "stages",
        "codewords",
        "bits_per_frame",
        "entropy_bits_per_frame",
        "rmse_mm",
        "p95_mm",
        "rmse_mm_by_region",
        "explained_variance",
        "cosine",
        "retrieval_top1",
        "utilisation",
        "perplexity",
        "locality",
        "distinctness_max",
        "symmetric",
        "left",
        "right",
        "token_changes_per_s",
        "rmse_mm_by_stage",
        "baselines",
    } <= result.keys()
    assert set(result["baselines"]) == {"residual_kmeans", "pca", "aus"}
    # code lengths of three people on another one: no proof that they save bits on so few frames
    assert 0 < result["entropy_bits_per_frame"] <= 1.1 * result["bits_per_frame"]
    assert result["exposure"] == {
        "known": True,
        "recordings": 2,
        "seen_recordings": 0,
        "subjects": 1,
        "seen_subjects": 0,
        "same_names": 0,
    }
    assert json.loads(json.dumps(result, allow_nan=False)) and (root / "models/small/metrics.json").is_file()
    assert result["truth"]["actions"] > 5 and result["truth"]["summary"]["share_three_intensity_at_0.85"] > 0.3


def test_a_model_of_another_face_is_refused(root, tmp_path):
    config = json.loads((root / "models/small/config.json").read_text())
    config["coefficients"] = config["coefficients"][::-1]
    copy = tmp_path / "cache"
    shutil.copytree(root, copy)
    (copy / "models/small/config.json").write_text(json.dumps(config))
    (copy / "models/small/checksums.json").unlink()
    with pytest.raises(DataError, match="coefficients"):
        encode_dataset("small", "toy", root=copy)


def test_changed_weights_are_detected(root, tmp_path):
    copy = tmp_path / "cache"
    shutil.copytree(root, copy)
    path = copy / "models/small/model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="model.safetensors"):
        encode_dataset("small", "toy", root=copy)
