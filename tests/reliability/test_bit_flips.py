"""One flipped bit in any file is noticed before a figure is made of it; what is made at need is made again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import split_dataset
from dfe_core.faces import open_face, save_face
from dfe_core.facs.derive import derive_aus
from dfe_core.facs.store import AlignedAus
from dfe_core.file_digest import file_sha256
from dfe_core.integrity import SEAL, seal
from dfe_core.store import read_json, read_signed_json, write_json, write_signed_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.annotations import Notebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.face_index import build_moments
from dfe_core.tokens.intervals import build_runs, iter_recordings
from dfe_core.tokens.presence import codeword_sizes
from dfe_core.training.frames import training_frames
from dfe_core.training.state import TrainingState, load_checkpoint_, save_checkpoint
from dfe_core.workspace.catalogue import artefact_faults, find_artefact, remedy
from tests.small_world import World, make_world

FLIPS = 25


@pytest.fixture
def world(cache: Path, toy_face) -> World:
    """Recordings, a model with notes, tokens, AUs and every index, sealed as their writers do."""
    save_face(toy_face, cache)
    made, model = make_world(cache, toy_face), cache / "models" / "m"
    (model / "model.safetensors").write_bytes(b"weights")
    write_json(
        model / "config.json",
        {
            **read_json(model / "config.json"),
            "key": file_sha256(model / "model.safetensors")[:16],
            "name": "m",
            "train": {},
            "dataset": {"name": "d", "key": made.dataset.key},
        },
    )
    made = replace(made, codebook=Codebook.open("m", cache))
    seal(model, ("codewords.parquet", "config.json"))
    seal(made.tokens.path)
    derive_aus(made.dataset, "derived", root=cache)
    write_signed_json(cache / "models" / "m" / "metrics.json", {"rmse_mm": 0.193, "bits": 47.0})
    Notebook.open("m", cache).edit(3, "ana", name="brow up", note="seen in half of the takes")
    return made


def flipped(path: Path, seed: int) -> bytes:
    """Change one bit of a file; returns what it held."""
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    kept = bytes(content)
    content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)
    return kept


READERS: dict[str, Callable[[Path], object]] = {
    "datasets/d/manifest.json": lambda root: Dataset.open("d", root),
    "datasets/d/recordings.parquet": lambda root: Dataset.open("d", root).recordings,
    "datasets/d/frames.parquet": lambda root: Dataset.open("d", root).psi(),
    "models/m/codewords.parquet": lambda root: Codebook.open("m", root),
    "models/m/config.json": lambda root: Codebook.open("m", root),
    "models/m/notes.json": lambda root: Notebook.open("m", root).read(),
    "tokens/m--d/manifest.json": lambda root: TokenCache.open("m", "d", root),
    "tokens/m--d/tokens.parquet": lambda root: TokenCache.open("m", "d", root).recording("r1"),
    "models/m/metrics.json": lambda root: read_signed_json(root / "models" / "m" / "metrics.json"),
    "tokens/m--d/counts.parquet": lambda root: TokenCache.open("m", "d", root).counts,
    "analyses/aus--d--derived/manifest.json": lambda root: AlignedAus.open("d", "derived", root),
    "analyses/aus--d--derived/aus.parquet": lambda root: AlignedAus.open("d", "derived", root).recording("r1"),
}


@pytest.mark.parametrize("file", list(READERS))
def test_a_flip_is_refused_by_the_reader_and_told_by_doctor(world: World, file: str):
    READERS[file](world.root)
    assert not artefact_faults(find_artefact(str(Path(file).parent), world.root))
    noticed = told = 0
    for seed in range(FLIPS):
        path = world.root / file
        kept = flipped(path, seed)
        try:
            READERS[file](world.root)
        except DataError:
            noticed += 1
        told += bool(artefact_faults(find_artefact(str(Path(file).parent), world.root)))
        path.write_bytes(kept)
    assert (noticed, told) == (FLIPS, FLIPS)
    READERS[file](world.root)


def test_what_was_measured_is_measured_again_and_the_model_stays(world: World):
    for name, advised in (("metrics.json", "dfe evaluate m"), ("notes.json", "a copy of notes.json")):
        kept = flipped(world.root / "models" / "m" / name, 3)
        assert advised in remedy(find_artefact("models/m", world.root))
        (world.root / "models" / "m" / name).write_bytes(kept)


PASSES: dict[str, tuple[str, Callable[[World], object]]] = {
    "tokens that are read in one pass": ("tokens/m--d/tokens.parquet", lambda w: list(iter_recordings(w.tokens))),
    "sizes of codewords": ("models/m/codewords.parquet", lambda w: codeword_sizes(w.tokens)),
}


@pytest.mark.parametrize("name", list(PASSES))
def test_a_pass_over_a_whole_file_notices_a_flip(world: World, name: str):
    file, read = PASSES[name]
    read(world)
    for seed in range(FLIPS):
        kept = flipped(world.root / file, seed)
        with pytest.raises(DataError, match="not what was written"):
            read(world)
        (world.root / file).write_bytes(kept)


def test_a_face_with_a_flip_is_refused_or_the_same(world: World, toy_face):
    path = world.root / "faces" / f"{toy_face.id}.npz"
    for seed in range(FLIPS):
        kept = flipped(path, seed)
        with contextlib.suppress(DataError):
            face = open_face(toy_face.id, world.root)
            assert np.array_equal(face.basis, toy_face.basis) and np.array_equal(face.vertices, toy_face.vertices)
        path.write_bytes(kept)


def test_a_checkpoint_with_a_flip_is_not_resumed(tmp_path: Path):
    model = torch.nn.Linear(40, 40)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 40)).sum().backward()
    optimizer.step()
    state = TrainingState(
        model=model,
        optimizer=optimizer,
        generator=torch.Generator(),
        key="k",
        dataset="d",
        support=torch.ones(3),
        step=7,
    )
    save_checkpoint(state, tmp_path)
    assert load_checkpoint_(state, tmp_path)
    for seed in range(FLIPS):
        kept = flipped(tmp_path / "checkpoint.safetensors", seed)
        with pytest.raises(DataError):
            load_checkpoint_(state, tmp_path)
        (tmp_path / "checkpoint.safetensors").write_bytes(kept)


INDEXES: dict[str, Callable[[World], object]] = {
    "runs": lambda w: build_runs(w.tokens).runs(1).to_csv(),
    "faces": lambda w: build_moments(w.dataset, w.face).search(w.codebook.psi[3], 5).to_csv(),
    "frames": lambda w: training_frames(w.dataset, split_dataset(w.dataset, 0.34, 0.0, 0), w.root).moment.tolist(),
}


@pytest.mark.parametrize("name", list(INDEXES))
def test_an_index_with_a_flip_is_made_again_by_itself(world: World, name: str):
    before = set((world.root / "analyses").iterdir())
    right = INDEXES[name](world)
    (folder,) = (p for p in set((world.root / "analyses").iterdir()) - before if p.is_dir())
    files = [p for p in sorted(folder.iterdir()) if not p.name.startswith(".")]
    assert SEAL in {p.name for p in files}
    for seed in range(FLIPS):
        path = files[seed % len(files)]
        flipped(path, seed)
        found = next(a for a in [find_artefact(f"analyses/{folder.name}", world.root)])
        assert path.name == SEAL or artefact_faults(found), path.name
        assert INDEXES[name](world) == right, path.name
        assert not artefact_faults(find_artefact(f"analyses/{folder.name}", world.root))


@pytest.mark.parametrize("version", [0, 99, "1", None])
def test_versions_that_this_dfe_does_not_know_are_refused_and_told(world: World, version):
    for label, act in (
        ("models/m", lambda: Codebook.open("m", world.root)),
        ("tokens/m--d", lambda: TokenCache.open("m", "d", world.root)),
        ("datasets/d", lambda: Dataset.open("d", world.root)),
    ):
        folder = world.root / label
        path = folder / ("config.json" if label.startswith("models") else "manifest.json")
        write_json(path, {**read_json(path), "schema_version": version})
        os.unlink(folder / SEAL)
        with pytest.raises(DataError, match="schema version"):
            act()
        assert "schema version" in " ".join(artefact_faults(find_artefact(label, world.root)))


def test_tokens_of_an_older_model_or_state_of_the_data_are_refused(world: World):
    """S2-1: `dfe rm models/m --force`, trained again under the name, and the old tokens are still there."""
    path = world.tokens.path / "manifest.json"
    (world.tokens.path / SEAL).unlink()
    now = {"model_key": world.codebook.key, "dataset_key": world.dataset.key}
    write_json(path, {**read_json(path), **now})
    assert TokenCache.open("m", "d", world.root).frames == world.tokens.frames
    for key, said in (("model_key", "another model of this name"), ("dataset_key", "another version of the dataset")):
        write_json(path, {**read_json(path), **now, key: "older"})
        with pytest.raises(DataError, match=said):
            TokenCache.open("m", "d", world.root)
