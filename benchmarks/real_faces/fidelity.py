"""Reconstruction of real people and takes that a codebook never saw, beside PCA and residual k-means at equal bits."""

from __future__ import annotations

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
from dfe_core.tokens.encoding import encode_frames
from dfe_core.training.fit import fit_in_memory


def leave_out(data: Dataset, column: str) -> dict[str, Split]:
    """A split for every value of a column of recordings (``recording``, ``subject``) that tests on it alone."""
    rows = data.recordings
    return {value: Split("recording", {"train": rows.loc[rows[column] != value, "recording"].tolist(), "validation": [],
                                       "test": rows.loc[rows[column] == value, "recording"].tolist()},
                         dict.fromkeys(PARTS, (0.0, 1.0))) for value in sorted(set(rows[column]))}


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
    pca = equal_bits.pca(gram, train, psi, bits, entropy)
    kmeans = equal_bits.residual_kmeans(gram, train, psi, bits, entropy)
    return {"frames": len(psi), "tokens": float((tokens > 0).sum(1).mean()), "raw_bits": bits, "coded_bits": entropy,
            "rmse_mm": fidelity.rmse(psi - decoded, gram), "pca_coded": pca["rmse_mm_at_equal_entropy"],
            "pca_raw": pca["rmse_mm"], "kmeans_coded": kmeans["rmse_mm_at_equal_entropy"],
            "kmeans_raw": kmeans["rmse_mm"]}


def table(data: Dataset, column: str, config: Config | None = None, root=None) -> pd.DataFrame:
    """One row for each recording or subject left out."""
    return pd.DataFrame([{"left out": value, **row(data, split, config, root)}
                         for value, split in leave_out(data, column).items()])
