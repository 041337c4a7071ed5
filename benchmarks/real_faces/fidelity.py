"""Reconstruction of real people and takes that a codebook never saw, beside PCA and residual k-means at equal bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dfe_core.evaluation import baselines, equal_bits
from dfe_core.evaluation.coded_bits import raw_bits
from dfe_core.evaluation.encoded_part import code_lengths
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import PARTS, Split
from dfe_core.faces import open_face
from dfe_core.tokenizer import fidelity
from dfe_core.tokenizer.config import Config
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.tokens.encoding_stream import encode_frames
from dfe_core.training.fit import fit_in_memory


def leave_out(data: Dataset, column: str) -> dict[str, Split]:
    """A split for every value of a column of recordings (``recording``, ``subject``) that tests on it alone."""
    rows = data.recordings
    return {
        value: Split(
            "recording",
            {
                "train": rows.loc[rows[column] != value, "recording"].tolist(),
                "validation": [],
                "test": rows.loc[rows[column] == value, "recording"].tolist(),
            },
            dict.fromkeys(PARTS, (0.0, 1.0)),
        )
        for value in sorted(set(rows[column]))
    }


def row(data: Dataset, split: Split, config: Config | None = None, root=None) -> dict[str, float | None]:
    """Train on the training part, encode the test part, and hold the baselines at its bits.

    Baselines learn from the same real training frames; the codebook also from simulated ones and from the default
    codebook where the face answers to ARKit's coefficients.
    """
    model, run = fit_in_memory(data, config or Config(), root, split=split)
    gram = fidelity.region_grams(open_face(data.face_id, root))["face"]
    blind, psi, tokens, levels, decoded = torch.zeros_like(model.frame), [], [], [], []
    for frames in split.frames(data, "test"):
        own = frames.psi[frames.valid]
        found = encode_frames(model, own, blind, linked_frames(frames.frame[frames.valid]))
        psi.append(own.astype(np.float64))
        tokens.append(found[0].astype(np.int64))
        levels.append(found[1].astype(np.int64))
        sent = torch.as_tensor(tokens[-1]), torch.as_tensor(found[2])
        decoded.append(model.decode(*sent).numpy())
    psi, tokens, levels, decoded = (np.concatenate(x) for x in (psi, tokens, levels, decoded))
    bits = raw_bits(tokens, model.quantizer.tables().top.numpy())
    entropy = float(code_lengths(model, tokens, levels).mean())
    train = baselines.sample_rows(run.frames.psi).astype(np.float64)
    pca = equal_bits.pca_at_equal_bits(gram, train, psi, bits, entropy)
    mixed = (
        None
        if run.simulated is None
        else equal_bits.pca_at_equal_bits(gram, mixture(run.frames.psi, run.simulated), psi, bits, entropy)
    )
    kmeans = equal_bits.residual_kmeans_at_equal_bits(gram, train, psi, bits, entropy)
    return {
        "frames": len(psi),
        "tokens": float((tokens > 0).sum(1).mean()),
        "raw_bits": bits,
        "coded_bits": entropy,
        "rmse_mm": fidelity.rmse(psi - decoded, gram),
        "pca_coded": pca["rmse_mm_at_equal_entropy"],
        "pca_raw": pca["rmse_mm"],
        "pca_mixture_coded": mixed["rmse_mm_at_equal_entropy"] if mixed else None,
        "pca_mixture_raw": mixed["rmse_mm"] if mixed else None,
        "kmeans_coded": kmeans["rmse_mm_at_equal_entropy"],
        "kmeans_raw": kmeans["rmse_mm"],
    }


def mixture(own: np.ndarray, simulated: np.ndarray, count: int = 20_000, seed: int = 0) -> np.ndarray:
    """(2 `count`, E) rows, half real and half simulated, as the codebook sees them in training."""
    rng = np.random.default_rng(seed)
    return np.concatenate([psi[np.sort(rng.integers(0, len(psi), count))] for psi in (own, simulated)]).astype(
        np.float64
    )


def table(data: Dataset, column: str, config: Config | None = None, root=None) -> pd.DataFrame:
    """One row for each recording or subject left out."""
    return pd.DataFrame(
        [{"left out": value, **row(data, split, config, root)} for value, split in leave_out(data, column).items()]
    )


def react(work: Path, dataset: str) -> dict[str, pd.DataFrame]:
    """REACT-Nao: people of the default split's test part, unseen by the basis, the codebook and the baselines."""
    from dfe_core.expressions.split import split_dataset
    from dfe_core.tokenizer.config import TrainConfig

    data = Dataset.open(dataset, work)
    split = split_dataset(data, TrainConfig.test_share, TrainConfig.validation_share, 0)
    return {
        "react": pd.DataFrame(
            [{"left out": f"{len(set(_subjects(data, split)))} people", **row(data, split, root=work)}]
        )
    }


def _subjects(data: Dataset, split: Split) -> list[str]:
    rows = data.recordings
    return rows.loc[rows["recording"].isin(split.recordings["test"]), "subject"].tolist()


def live_link(work: Path, folder: Path, ict: Path | None, dfe: Callable[..., None]) -> dict[str, pd.DataFrame]:
    """Live Link Face takes, each take and each performer left out in turn, on the default face and on ICT-FaceKit.

    Performers come from ``labels.csv`` in the folder; without it, takes whose name starts with ``alex`` are of one
    performer and all others of another, as the sources of the public takes say.
    """
    files, labels, tables = sorted(folder.glob("*.csv")), folder / "labels.csv", {}
    files = [file for file in files if file.name != "labels.csv"]
    if not labels.is_file():
        labels = work / "livelink-labels.csv"
        performers = ["alex" if file.stem.lower().startswith("alex") else "other" for file in files]
        pd.DataFrame({"recording": [f.stem for f in files], "subject": performers}).to_csv(labels, index=False)
    faces = {"livelink": "anny"} | ({"livelink-ict": f"ict:{ict}"} if ict else {})
    for name, face in faces.items():
        if not (work / "datasets" / name).is_dir():
            dfe("import", *map(str, files), "--name", name, "--face", face, "--labels", str(labels))
        data = Dataset.open(name, work)
        tables |= {
            f"{name}-by-take": table(data, "recording", root=work),
            f"{name}-by-performer": table(data, "subject", root=work),
        }
    return tables
