"""Where codewords start: at another codebook's, at the directions of movement, or along an orthonormal basis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.faces.names import coefficient_map
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.config import Config
from dfe_core.training.dictionary import opposite_pairs
from dfe_core.training.frames import TrainingFrames

DEFAULT_MODEL = "default"
_SCALE_QUANTILE = 0.9
_START_FRAMES = 20_000
_FULL_QUANTILE = 0.995
_STILL_SHARE = 0.01
_TOGETHER = 0.7


@dataclass(frozen=True, eq=False, kw_only=True)
class Start:
    """Codewords to begin with, without the null codeword.

    psi: (K − 1, E) float64. source: the model they come from, or ``data``. key: of that model's content.
    """

    psi: np.ndarray
    source: str
    key: str = ""


def starting_codewords(
    config: Config,
    face: FaceModel,
    frames: TrainingFrames,
    frame: np.ndarray,
    dataset: Dataset,
    activations: bool,
    root: Path | None = None,
) -> Start:
    """The codewords that ``config.train.start`` asks for.

    frame: (E, D) of the latent space. On faces of two-signed coefficients the data alone decide.
    Raises `DataError` for a model that is not there, or whose coefficients the face does not answer to.
    """
    count = config.tokenizer.codewords - 1
    rows = np.random.default_rng(config.seed).choice(
        len(frames.psi), min(_START_FRAMES, len(frames.psi)), replace=False
    )
    psi = np.asarray(frames.psi[np.sort(rows)])
    if not activations:
        return Start(psi=opposite_pairs(psi @ frame, count) @ np.linalg.pinv(frame), source="data")
    psi = _with_mirrored(psi, face, config)
    known = _of_model(config.train.start, face, dataset, root)
    have = known.psi[:count] if known else np.empty((0, face.coefficients))
    if known and len(have) == count:
        return Start(psi=have, source=known.source, key=known.key)
    changes = _with_mirrored(frames.changes, face, config)
    more = activation_codewords(changes, psi, np.linalg.norm(frame, axis=1), count - len(have))
    if len(have) + len(more) < count:
        moved = movement_codewords(changes @ frame, psi @ frame, count - len(have) - len(more), config.seed)
        more = np.concatenate([more, moved @ np.linalg.pinv(frame)])
    return Start(
        psi=np.concatenate([have, more]), source=known.source if known else "data", key=known.key if known else ""
    )


def _of_model(name: str, face: FaceModel, dataset: Dataset, root: Path | None) -> Start | None:
    """The codewords of a model on this face; None for ``data``, and for ``auto`` where there is no default codebook of
    this very face to start from (on another mesh the same coefficients overlap in other ways)."""
    if name == "data":
        return None
    try:
        codebook = Codebook.open(DEFAULT_MODEL if name == "auto" else name, root)
    except DataError:
        if name == "auto":
            return None
        raise
    matrix, missing = coefficient_map(codebook.names, face)
    if len(missing) > len(codebook.names) // 2:
        if name == "auto":
            return None
        raise DataError(name, f"coefficients to which the face {face.id} does not answer", "a model of such a face")
    own = codebook.config.get("dataset", {}).get("key") == dataset.stored_key
    if name == "auto" and (own or dataset.simulated or codebook.face_id != face.id):
        return None
    psi = codebook.psi[1:].astype(np.float64) @ matrix
    return Start(psi=psi[np.abs(psi).max(1) > 0], source=codebook.model, key=codebook.key)


def _with_mirrored(psi: np.ndarray, face: FaceModel, config: Config) -> np.ndarray:
    if not config.train.mirror_share:
        return psi
    return np.concatenate([psi, psi @ face.mirror_coefficients.astype(np.float32)])


def activation_codewords(changes: np.ndarray, psi: np.ndarray, reach: np.ndarray, count: int) -> np.ndarray:
    """(≤ count, E) single activations, and pairs of them that move together, as strong as they are seen to become.

    changes: (M, E), psi: (N, E) frames; reach: (E,) how far each coefficient moves the face. A pair is two activations
    whose changes correlate by `_TOGETHER` or more and which are each other's best match: both lids, gaze of both eyes.
    Those of most energy come first; of a pair's members, what one does without the other.
    """
    level = np.quantile(np.maximum(psi, 0), _FULL_QUANTILE, axis=0)
    moving = level * reach > _STILL_SHARE * (level * reach).max()
    spread = np.sqrt(np.square(changes).mean(0))
    correlation = changes.T @ changes / len(changes) / np.maximum(np.outer(spread, spread), 1e-12)
    np.fill_diagonal(correlation, 0)
    best = correlation.argmax(1)
    pairs = [
        (i, j)
        for i, j in enumerate(best)
        if i < j and best[j] == i and correlation[i, j] >= _TOGETHER and moving[i] and moving[j]
    ]
    energy = np.square(changes * reach).mean(0)
    alone = energy.copy()
    for i, j in pairs:
        alone[[i, j]] *= 1 - correlation[i, j]
    unit = np.diag(level)
    made = [(energy[i] + energy[j], unit[i] + unit[j]) for i, j in pairs] + [
        (alone[i], unit[i]) for i in np.flatnonzero(moving)
    ]
    order = sorted(range(len(made)), key=lambda n: -made[n][0])[:count]
    return np.stack([made[n][1] for n in order]) if order else np.empty((0, psi.shape[1]))


def movement_codewords(changes: np.ndarray, frames: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(count, D) float32 starting codewords from (M, D) changes and (N, D) frames, all in the latent frame.

    Spherical k-means (Hornik et al. 2012) on the directions of the stronger changes: within a fifth of a second a
    face does one or two things, so that directions of change are purer than postures. A frame's posture mixes all
    that goes on. Each codeword is as long as the frames' projections on it typically reach, so that intensity 1 is a
    full display. Falls back to the frames where nothing moves.
    """
    lengths = np.linalg.norm(changes, axis=1)
    strong = changes[lengths > max(np.quantile(lengths, 0.5), 1e-9)] if len(changes) else changes
    source = strong if len(strong) >= 4 * count else frames
    unit = source / np.maximum(np.linalg.norm(source, axis=1, keepdims=True), 1e-9)
    means = (
        MiniBatchKMeans(min(count, len(unit)), batch_size=4096, n_init=1, max_iter=50, random_state=seed)
        .fit(unit)
        .cluster_centers_
    )
    if len(means) < count:
        means = np.concatenate([means, np.random.default_rng(seed).normal(size=(count - len(means), unit.shape[1]))])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    reach = np.quantile(np.maximum(frames @ means.T, 0), [_SCALE_QUANTILE, 0.999], axis=0)
    return (means * np.maximum(reach[0], 0.5 * reach[1])[:, None].clip(1e-3)).astype(np.float32)
