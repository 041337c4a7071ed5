"""One flipped bit in any file is noticed before a figure is made of it; what is made at need is made again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import split_dataset
from dfe_core.faces import save_face
from dfe_core.facs.derive import derive_aus
from dfe_core.facs.store import AlignedAus
from dfe_core.integrity import SEAL, seal
from dfe_core.store import read_json, write_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.annotations import Notebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.face_index import build_moments
from dfe_core.tokens.intervals import build_runs
from dfe_core.training.frames import training_frames
from dfe_core.workspace.catalogue import artefact_faults, find_artefact
from tests.small_world import World, make_world

FLIPS = 25


@pytest.fixture
def world(cache: Path, toy_face) -> World:
    """Recordings, a model with notes, tokens, AUs and every index, sealed as their writers do."""
    save_face(toy_face, cache)
    made = make_world(cache, toy_face)
    seal(cache / "models" / "m", ("codewords.parquet", "config.json"))
    pd.DataFrame({"recording": ["r0"], "stage": [0], "codeword": [1], "uses": [2], "intensity": [1.0]}).to_parquet(
        made.tokens.path / "counts.parquet"
    )
    seal(made.tokens.path)
    derive_aus(made.dataset, "derived", root=cache)
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
    "tokens/m--d/counts.parquet": lambda root: TokenCache.open("m", "d", root).counts,
    "analyses/aus--d--derived/manifest.json": lambda root: AlignedAus.open("d", "derived", root),
    "analyses/aus--d--derived/aus.parquet": lambda root: AlignedAus.open("d", "derived", root).recording("r1"),
}


@pytest.mark.parametrize("file", list(READERS))
def test_a_flip_is_refused_by_the_reader_and_told_by_doctor(world: World, file: str):
    READERS[file](world.root)
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
