"""A face, a model, a dataset and its tokens, small and written by hand, for tests that need all four on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dfe_core.expressions.dataset import Dataset, open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.model import FaceModel
from dfe_core.store import content_key, file_sha256, write_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.geometry import codeword_geometry
from dfe_core.tokens.cache import TokenCache

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
    parts = []
    for name, (tokens, levels) in held.items():
        rows, stages = tokens.shape
        parts.append(
            pa.table(
                {
                    "recording": pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [name]),
                    "frame": np.arange(rows),
                    "time_s": np.arange(rows) / FPS,
                    "tokens": pa.FixedSizeListArray.from_arrays(
                        np.ascontiguousarray(tokens, np.uint16).ravel(), stages
                    ),
                    "levels": pa.FixedSizeListArray.from_arrays(np.ascontiguousarray(levels, np.uint8).ravel(), stages),
                    "error_mm": np.full(rows, 0.5, np.float32),
                }
            )
        )
    pq.write_table(pa.concat_tables(parts).unify_dictionaries(), folder / "tokens.parquet")
    write_counts(folder, held)
    write_json(
        folder / "manifest.json",
        {
            "stages": codebook.stages,
            "codewords": codebook.size,
            "levels": list(LEVELS),
            "model": codebook.key,
            "frames": sum(len(t) for t, _ in held.values()),
            "sha256": file_sha256(folder / "tokens.parquet"),
        },
    )
    return TokenCache(folder)


def write_counts(folder: Path, held: dict[str, tuple]) -> None:
    """counts.parquet: recording, stage, codeword, uses, intensity (sum) of every token that moves something."""
    rows = [
        (name, stage, codeword, LEVELS[level])
        for name, (tokens, levels) in held.items()
        for (_, stage), codeword, level in zip(
            np.ndindex(*tokens.shape), tokens.ravel().tolist(), levels.ravel().tolist(), strict=True
        )
        if codeword
    ]
    table = pd.DataFrame(rows, columns=["recording", "stage", "codeword", "strength"])
    table.groupby(["recording", "stage", "codeword"], as_index=False).agg(
        uses=("strength", "size"), intensity=("strength", "sum")
    ).to_parquet(folder / "counts.parquet", index=False)


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
