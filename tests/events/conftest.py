"""A small world in which one codeword is present in known frames alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import save_face
from dfe_core.faces.model import FaceModel
from dfe_core.facs.derive import derive_aus
from tests.events.planted import FRAMES, FROM, PLANTED, TO
from tests.small_world import LEVELS, codeword_psi, write_dataset, write_model, write_tokens


def plant(root: Path, face: FaceModel) -> None:
    """Six recordings of 80 frames of three people, and their AUs."""
    save_face(face, root)
    codebook = write_model(root, face, codeword_psi(face))
    rng, held, psi = np.random.default_rng(0), {}, {}
    for i in range(6):
        tokens = np.repeat(rng.integers(1, PLANTED, (FRAMES // 5, codebook.stages)), 5, axis=0)
        tokens[FROM:TO] = [PLANTED, 0, 0]
        levels = np.ones_like(tokens)
        held[f"r{i}"] = tokens, levels
        psi[f"r{i}"] = codebook.decode(tokens, np.asarray(LEVELS, np.float32)[levels])
    dataset = write_dataset(root, face, psi)
    write_tokens(root, codebook, dataset, held)
    derive_aus(dataset, "derived", root=root)


@pytest.fixture(scope="module")
def planted_root(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    """A cache that a whole module shares."""
    root = tmp_path_factory.mktemp("planted")
    plant(root, toy_face)
    return root


@pytest.fixture
def planted(cache: Path, toy_face) -> Dataset:
    """The dataset of a cache of one's own."""
    plant(cache, toy_face)
    return Dataset.open("d")
