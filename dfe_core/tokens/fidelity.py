"""How well the tokens of a whole dataset hold it: from the errors that encoding wrote, without encoding again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.fidelity import energy, region_grams
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.intervals import iter_recordings


@dataclass(frozen=True, kw_only=True)
class DataFidelity:
    """Of every frame with tokens: frames, subjects; rmse_mm (over frames and vertices; coefficients without a mesh);
    p95_mm: root mean square error that 95 % of frames stay below; explained_variance: 1 − Σ‖d − d̂‖² / Σ‖d‖²;
    tokens_per_frame: mean number of tokens that move something."""

    frames: int
    subjects: int
    rmse_mm: float
    p95_mm: float
    explained_variance: float
    tokens_per_frame: float


def measure_fidelity(tokens: TokenCache, dataset: Dataset, face: FaceModel) -> DataFidelity:
    """The fidelity of tokens on the dataset that they were made of, one recording in memory at a time.

    NaN throughout where no frame has tokens.
    """
    gram = region_grams(face)["face"]
    errors, names, moved, held = [], set(), 0.0, 0
    for part in iter_recordings(tokens):
        known = np.isfinite(part.error_mm)
        psi = dataset.frames(part.recording).at(part.frame[known]).psi
        names.add(part.recording)
        errors.append(part.error_mm[known].astype(np.float64))
        moved += float(energy(psi.astype(np.float64), gram).sum())
        held += int((part.intensities[known] > 0).sum())
    error = np.concatenate(errors) if errors else np.zeros(0)
    rows = dataset.recordings
    squares, frames = float((error**2).sum()), len(error)
    return DataFidelity(
        frames=frames,
        subjects=int(rows.loc[rows["recording"].isin(names), "subject"].nunique()),
        rmse_mm=float(np.sqrt(squares / frames)) if frames else float("nan"),
        p95_mm=float(np.quantile(error, 0.95)) if frames else float("nan"),
        explained_variance=1 - squares / moved if moved > 0 else float("nan"),
        tokens_per_frame=held / frames if frames else float("nan"),
    )
