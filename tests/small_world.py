"""A face, a model, a dataset and its tokens, small and written by hand, for tests that need all four on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.model import FaceModel
from dfe_core.store import content_key, write_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.geometry import codeword_geometry
from dfe_core.tokens.cache import TokenCache, TokenWriter

LEVELS = (0.5, 1.0)
FPS = 10.0


@dataclass(frozen=True)
class World:
    """Where it lies, and its parts opened."""

    root: Path
    face: FaceModel
    codebook: Codebook
    dataset: Dataset
    tokens: TokenCache


def codeword_psi(face: FaceModel, seed: int = 0, codewords: int = 24) -> np.ndarray:
    """(K, E) float32: rest, then sparse expressions of one or two coefficients."""
    rng = np.random.default_rng(seed)
    psi = np.zeros((codewords, face.coefficients), np.float32)
    for row in psi[1:]:
        row[rng.choice(face.coefficients, 2, replace=False)] = rng.uniform(0.3, 1, 2)
    return psi


def write_model(root: Path, face: FaceModel, psi: np.ndarray, name: str = "m", stages: int = 3) -> Codebook:
    """models/<name>: codewords.parquet and config.json."""
    folder = root / "models" / name
    folder.mkdir(parents=True)
    table = codeword_geometry(psi, face).assign(
        description=[f"codeword {k}" for k in range(len(psi))], uses=10, psi=list(psi)
    )
    table.to_parquet(folder / "codewords.parquet")
    write_json(
        folder / "config.json",
        {
            "key": content_key(psi.tolist()),
            "levels": list(LEVELS),
            "face": face.id,
            "coefficients": list(face.names),
            "tokenizer": {"stages": stages},
        },
    )
    return Codebook.open(name, root)


def write_tokens(root: Path, codebook: Codebook, dataset: Dataset, held: dict[str, tuple]) -> TokenCache:
    """tokens/<model>--<dataset> of {recording: (tokens (T, N), levels (T, N))}."""
    folder = root / "tokens" / f"{codebook.model}--{dataset.name}"
    folder.mkdir(parents=True)
    writer = TokenWriter(folder, stages=codebook.stages, codewords=codebook.size, levels=LEVELS)
    for name, (tokens, levels) in held.items():
        rows = np.arange(len(tokens))
        writer.add(name, frame=rows, time_s=rows / FPS, tokens=tokens, levels=levels, error_mm=np.full(len(rows), 0.5))
    writer.close({"model": codebook.model, "dataset": dataset.name})
    return TokenCache(folder)


def write_dataset(
    root: Path, face: FaceModel, psi: dict[str, np.ndarray], name: str = "d", subjects: int = 3
) -> Dataset:
    """datasets/<name> of {recording: (T, E)}; recording i belongs to subject i mod `subjects`."""
    with open_writer(name, face.names, root) as writer:
        for i, (recording, values) in enumerate(psi.items()):
            rows = len(values)
            subject = f"s{i % subjects}"
            writer.add(
                Recording(
                    name=recording,
                    names=face.names,
                    psi=values.astype(np.float32),
                    time_s=np.arange(rows) / FPS,
                    frame=np.arange(rows),
                    valid=np.ones(rows, bool),
                    fps=FPS,
                    space="arkit",
                    extractor="test",
                    subject=subject,
                ),
                {"condition": "calm" if i % 2 else "stress"},
            )
        writer.close({"name": name, "face": face.id, "simulated": True})
    return Dataset.open(name, root)


def make_world(
    root: Path, face: FaceModel, recordings: int = 6, frames: int = 120, seed: int = 0, noise: float = 0.01
) -> World:
    """Frames that are sums of tokens held for five frames, with a little noise on ψ."""
    codebook = write_model(root, face, codeword_psi(face, seed))
    rng = np.random.default_rng(seed)
    held, psi = {}, {}
    for i in range(recordings):
        tokens = np.repeat(rng.integers(0, codebook.size, (frames // 5, codebook.stages)), 5, axis=0)
        levels = np.repeat(rng.integers(0, len(LEVELS), (frames // 5, codebook.stages)), 5, axis=0)
        held[f"r{i}"] = tokens, levels
        exact = codebook.decode(tokens, np.asarray(LEVELS, np.float32)[levels])
        psi[f"r{i}"] = exact + noise * rng.normal(size=exact.shape)
    dataset = write_dataset(root, face, psi)
    return World(root, face, codebook, dataset, write_tokens(root, codebook, dataset, held))


def labels_of(dataset: Dataset) -> pd.DataFrame:
    """recording and subject."""
    return dataset.recordings[["recording", "subject"]]
