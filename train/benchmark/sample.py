"""What every method of the tokenizer table gets: the same training frames, and the same stretches to encode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfe_core.evaluation.baselines import sample_rows
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split, split_dataset
from dfe_core.faces.model import FaceModel
from dfe_core.simulate.truth import presence
from dfe_core.tokenizer import fidelity
from dfe_core.tokenizer.config import TrainConfig
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.training.frames import training_frames

_FRAMES = 12_000


@dataclass(frozen=True, eq=False, kw_only=True)
class Stretch:
    """The first stretch of every recording of one part of the split, joined.

    psi: (T, E) float64. linked: (T,) bool, whether a frame follows the one before it. recordings: for each its rows,
    its frame numbers and its frames a second. present: (T, A) bool of the simulated truth, or None.
    """

    psi: np.ndarray
    linked: np.ndarray
    recordings: tuple[tuple[slice, np.ndarray, float], ...]
    present: np.ndarray | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Sample:
    """fit: (N, E) float64, drawn from all training frames; train, test: stretches to encode; gram: (E, E) mm²;
    actions: (action, side) of the truth's columns."""

    fit: np.ndarray
    train: Stretch
    test: Stretch
    gram: np.ndarray
    names: tuple[str, ...]
    actions: tuple[tuple[str, str], ...]
    dataset: Dataset
    root: Path | None
    seed: int


def draw_sample(data: Dataset, face: FaceModel, root: Path | None, seed: int) -> Sample:
    """The sample of one dataset and seed; the seed also draws the split by subject."""
    split = split_dataset(data, TrainConfig.test_share, TrainConfig.validation_share, seed)
    fit = sample_rows(training_frames(data, split, root).psi, seed=seed).astype(np.float64)
    actions = () if data.truth is None else presence(data, data.recordings["recording"].iloc[0]).actions
    return Sample(
        fit=fit,
        train=_stretch(data, split, "train"),
        test=_stretch(data, split, "test"),
        gram=fidelity.region_grams(face)["face"],
        names=data.names,
        actions=actions,
        dataset=data,
        root=root,
        seed=seed,
    )


def _stretch(data: Dataset, split: Split, part: str) -> Stretch:
    keep = max(1, _FRAMES // max(1, len(split.recordings[part])))
    rates = dict(zip(data.recordings["recording"], data.recordings["fps"], strict=True))
    psi, linked, rows, present, count = [], [], [], [], 0
    for frames in split.frames(data, part):
        valid = np.flatnonzero(frames.valid)[:keep]
        psi.append(frames.psi[valid])
        linked.append(linked_frames(frames.frame[valid]))
        rows.append((slice(count, count + len(valid)), frames.frame[valid], float(rates[frames.recording])))
        count += len(valid)
        if data.truth is not None:
            present.append(presence(data, frames.recording).presence[valid])
    return Stretch(
        psi=np.concatenate(psi).astype(np.float64),
        linked=np.concatenate(linked),
        recordings=tuple(rows),
        present=np.concatenate(present) if present else None,
    )
