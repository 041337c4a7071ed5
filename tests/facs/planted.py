"""A small simulated case whose dictionary is known: one codeword for every planted action, and what they add up to.

The tokenizer is written down, not trained: tokens are the strongest planted actions of a frame with their true
intensity, so every figure of the coverage analysis has an answer that is known beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import save_face
from dfe_core.faces.model import FaceModel
from dfe_core.facs.coverage import analyse_coverage
from dfe_core.facs.coverage_result import Coverage
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.store import AlignedFrames, open_au_writer
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.simulate.repertoire import CHANNELS, recipe_matrix
from dfe_core.simulate.truth import presence
from dfe_core.store import atomic_directory, content_key, write_json
from dfe_core.tokenizer.geometry import codeword_geometry
from dfe_core.tokens.cache import TokenWriter
from tests.built_once import built_once

LEVELS = (0.1, 0.25, 0.5, 0.75, 1.0)
STAGES = 6


@dataclass(frozen=True)
class Planted:
    """The cache of the case and what is in it: `codeword` of every (action, side), `twin` a second one of AU26."""

    root: Path
    face: FaceModel
    codeword: dict[tuple[str, str], int]
    twin: int
    model: str = "planted"
    dataset: str = "planted"
    aus: str = "truth"


def build(root: Path, face: FaceModel, subjects: int = 6, minutes: float = 1.0, effect: str = "stress") -> Planted:
    """Write face, dataset, model, tokens and the AUs that a perfect detector would give."""
    save_face(face, root)
    dataset = simulate_dataset(
        "planted", face, subjects=subjects, minutes_per_subject=minutes, seed=4, root=root, effect=effect
    )
    psi = np.concatenate(
        [
            np.zeros((1, face.coefficients)),
            recipe_matrix(face.names),
            recipe_matrix(face.names)[[CHANNELS.index(("AU26", "both"))]] * 0.8,
        ]
    ).astype(np.float32)
    case = opened(root, face)
    write_model(root, face, psi, "planted")
    write_tokens(dataset, root, "planted", len(psi), case.twin)
    write_aus(dataset, root, "truth")
    return case


def opened(root: Path, face: FaceModel) -> Planted:
    """The case of a cache that `build` has filled, or is about to."""
    return Planted(root, face, {pair: i + 1 for i, pair in enumerate(CHANNELS)}, len(CHANNELS) + 1)


def shared(factory: pytest.TempPathFactory, face: FaceModel) -> Planted:
    """The case with its coverage, built once for all workers."""

    def make(root: Path) -> None:
        coverage_of(build(root, face))

    return opened(built_once(factory, "planted", make), face)


def coverage_of(case: Planted) -> Coverage:
    """Its coverage, as it is kept or worked out now."""
    settings = CoverageSettings(resamples=100)
    return analyse_coverage(case.model, case.dataset, case.aus, root=case.root, settings=settings)


def write_model(root: Path, face: FaceModel, psi: np.ndarray, name: str) -> None:
    """What `Codebook.open` needs of a model."""
    with atomic_directory(root / "models" / name) as folder:
        codeword_geometry(psi, face).assign(psi=list(psi), main_stage=0).to_parquet(folder / "codewords.parquet")
        write_json(
            folder / "config.json",
            {
                "key": content_key(psi.tolist()),
                "levels": LEVELS,
                "face": face.id,
                "tokenizer": {"stages": STAGES},
                "coefficients": face.names,
            },
        )


def write_tokens(dataset: Dataset, root: Path, model: str, size: int, twin: int) -> None:
    """The six strongest planted actions of every valid frame; AU26 says itself by its twin in odd recordings."""
    with atomic_directory(root / "tokens" / f"{model}--{dataset.name}") as folder:
        writer = TokenWriter(folder, stages=STAGES, codewords=size, levels=LEVELS)
        for i, frames in enumerate(dataset.iter_frames()):
            tokens, levels = _tokens(presence(dataset, frames.recording).intensity[frames.valid] / 5)
            if i % 2:
                tokens[tokens == 1 + CHANNELS.index(("AU26", "both"))] = twin
            writer.add(
                frames.recording,
                frame=frames.frame[frames.valid],
                time_s=frames.time_s[frames.valid],
                tokens=tokens,
                levels=levels,
                error_mm=np.zeros(len(tokens)),
            )
        writer.close(
            {
                "model": model,
                "dataset": dataset.name,
                "dataset_key": dataset.key,
                "key": f"{model}-{dataset.key}",
            }
        )


def _tokens(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-level, axis=1)[:, :STAGES]
    strength = np.take_along_axis(level, order, 1)
    nearest = np.abs(strength[..., None] - np.array(LEVELS)).argmin(-1)
    rest = strength < LEVELS[0] / 2
    return np.where(rest, 0, order + 1).astype(np.uint16), np.where(rest, 0, nearest).astype(np.uint8)


def write_aus(
    dataset: Dataset, root: Path, name: str, shift_s: float = 0.0, estimate: bool = False, without: tuple[str, ...] = ()
) -> None:
    """AUs that are the truth of the actions FACS has codes for, or that truth moved by `shift_s` within recordings."""
    pairs = tuple(p for p, known in zip(CHANNELS, _in_facs(), strict=True) if known and p[0] not in without)
    at = [CHANNELS.index(p) for p in pairs]
    with open_au_writer(dataset.name, name, pairs, root) as writer:
        for frames, fps in zip(dataset.iter_frames(), dataset.recordings["fps"], strict=True):
            truth = presence(dataset, frames.recording)
            level = np.roll(truth.intensity[:, at], int(shift_s * fps), axis=0)
            writer.add(frames.recording, AlignedFrames(frames.frame, (level >= 1).astype(np.float32), level))
        writer.close(
            {
                "name": name,
                "dataset": dataset.name,
                "dataset_key": dataset.key,
                "tool": "perfect",
                "version": "1",
                "estimate": estimate,
                "emits": sorted({au for au, _ in pairs}),
                "notes": [],
            }
        )


def write_absence(dataset: Dataset, root: Path, name: str, action: tuple[str, str]) -> None:
    """One AU (AU9) that is present exactly in the frames in which `action` is not, and another (AU12) that is that
    action."""
    with open_au_writer(dataset.name, name, (("AU9", "both"), ("AU12", "both")), root) as writer:
        for frames in dataset.iter_frames():
            shown = presence(dataset, frames.recording).intensity[:, CHANNELS.index(action)] > 0.25
            decided = np.stack([~shown, shown], 1).astype(np.float32)
            writer.add(frames.recording, AlignedFrames(frames.frame, decided, np.full_like(decided, np.nan)))
        writer.close(
            {
                "name": name,
                "dataset": dataset.name,
                "dataset_key": dataset.key,
                "tool": "perfect",
                "version": "1",
                "estimate": False,
                "emits": ["AU9", "AU12"],
                "notes": [],
            }
        )


def _in_facs() -> np.ndarray:
    from dfe_core.simulate.truth import in_facs

    return in_facs()
