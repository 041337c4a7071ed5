"""Simulated people whose codebook is ideal: codeword k + 1 is channel k of the simulation (an action on a side)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.facs.derive import derive_aus
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.simulate.repertoire import CHANNELS, recipe_matrix
from dfe_core.simulate.truth import presence
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache
from tests.small_world import write_model, write_tokens

STAGES = 4


@dataclass(frozen=True)
class ProbeWorld:
    """Where it lies, and its parts opened."""

    root: Path
    codebook: Codebook
    dataset: Dataset
    tokens: TokenCache


def make_probe_world(
    root: Path,
    face: FaceModel,
    effect: str = "stress",
    subjects: int = 20,
    minutes: float = 1.0,
    seed: int = 0,
    aus: bool = True,
    fps: float = 10.0,
) -> ProbeWorld:
    """datasets/d, models/m and tokens/m--d, and the AUs ``derived``."""
    dataset = simulate_dataset(
        "d", face, subjects=subjects, minutes_per_subject=minutes, fps=fps, seed=seed, effect=effect, root=root
    )
    codebook = write_model(root, face, ideal_psi(face), stages=STAGES)
    held = {name: _tokens(dataset, name) for name in dataset.recordings["recording"]}
    tokens = write_tokens(root, codebook, dataset, held)
    write_counts(tokens, held)
    if aus:
        derive_aus(dataset, root=root)
    return ProbeWorld(root, codebook, dataset, tokens)


def ideal_psi(face: FaceModel) -> np.ndarray:
    """(K, E): rest, then ψ of each channel at full intensity."""
    recipe = recipe_matrix(face.names).astype(np.float32)
    return np.concatenate([np.zeros((1, face.coefficients), np.float32), recipe])


def planted_codewords(actions: set[str]) -> set[int]:
    """Codewords of these actions, on either side."""
    return {k + 1 for k, (action, _) in enumerate(CHANNELS) if action in actions}


def write_counts(tokens: TokenCache, held: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """counts.parquet, as encoding writes it."""
    names = np.repeat(np.arange(len(held)), [words.size for words, _ in held.values()])
    stage = np.concatenate(
        [np.broadcast_to(np.arange(words.shape[1]), words.shape).ravel() for words, _ in held.values()]
    )
    words = np.concatenate([words.ravel() for words, _ in held.values()])
    intensity = np.concatenate([np.asarray(tokens.levels)[levels].ravel() for _, levels in held.values()])
    used = words != 0
    cells, cell, uses = np.unique(
        np.stack([names, stage, words], 1)[used], axis=0, return_inverse=True, return_counts=True
    )
    pd.DataFrame(
        {
            "recording": np.array(list(held))[cells[:, 0]],
            "stage": cells[:, 1],
            "codeword": cells[:, 2].astype(np.int32),
            "uses": uses,
            "intensity": np.bincount(cell.ravel(), intensity[used], len(cells)).astype(np.float32),
        }
    ).to_parquet(tokens.path / "counts.parquet", index=False)


def _tokens(dataset: Dataset, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The strongest channels of each frame, strongest first."""
    intensity = presence(dataset, name).intensity
    order = np.argsort(-intensity, 1, "stable")[:, :STAGES]
    strength = np.take_along_axis(intensity, order, 1)
    return np.where(strength >= 1, order + 1, 0), (strength >= 2.5).astype(int)
