"""What each AU does to a face: as a displacement field by the table, or learned from AUs and ψ of the same frames.

Letters of the shapes: A AUs (each on one side), E coefficients, V vertices, T frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.facs.action_units import au_coefficient_map
from dfe_core.facs.signals import AuSignals, assess_signals
from dfe_core.facs.store import AlignedAus
from dfe_core.ontology import ACTIONS


@dataclass(frozen=True, eq=False, kw_only=True)
class Templates:
    """AU templates on one face.

    Attributes
    ----------
    aus: (A) of (AU, side).
    psi: (A, E) float32, ψ of each AU at full intensity (``observed``: as it is shown on average).
    source: ``table``, ``learned`` or ``observed``.
    explained_variance: share of displacement variance that the AUs explained where learned, NaN by the table.
    """

    aus: tuple[tuple[str, str], ...]
    psi: np.ndarray
    source: str
    explained_variance: float = float("nan")

    def displacement(self, face: FaceModel) -> np.ndarray:
        """(A, V, 3) float32 m: each AU as a displacement field on `face`."""
        return face.displacement(self.psi)

    def cosine(self, face: FaceModel, psi: np.ndarray) -> np.ndarray:
        """(K, E) ψ to (K, A) float64 cosine of its displacement field with each template's; 0 where either is still.

        ⟨d, t⟩ = ψ G ψₜᵀ with G the Gram matrix of the basis: no mesh is formed.
        """
        psi, own, gram = np.asarray(psi, np.float64), self.psi.astype(np.float64), face.gram
        size = np.sqrt(np.maximum(np.einsum("ke,ef,kf->k", psi, gram, psi), 0))
        own_size = np.sqrt(np.maximum(np.einsum("ae,ef,af->a", own, gram, own), 0))
        scale = size[:, None] * own_size
        return np.divide(psi @ gram @ own.T, scale, out=np.zeros_like(scale), where=scale > 1e-12)


def table_templates(face: FaceModel, aus: tuple[tuple[str, str], ...] | None = None) -> Templates:
    """Templates by the ARKit table, of `aus` or of every AU and side that the face can show, in FACS order.

    An AU in `aus` that the table has no coefficient for (AU23, AU25 …) is left out. Raises `DataError` for a face
    without ARKit coefficients: learn the templates there (`learn_templates`).
    """
    table = au_coefficient_map(face.names)
    wanted = aus or tuple(ACTIONS)
    found = [(pair, weights) for pair in wanted if (weights := table.weights(*pair)) is not None]
    if not found:
        raise DataError(
            face.id, "its coefficients are not ARKit's", "AUs of the same recordings, to learn the templates from"
        )
    return Templates(
        aus=tuple(pair for pair, _ in found), psi=np.stack([weights for _, weights in found]), source="table"
    )


def learn_templates(
    dataset: Dataset, aligned: AlignedAus, face: FaceModel, *, recordings: list[str] | None = None, alpha: float = 1e-3
) -> Templates:
    """Templates by ridge regression of ψ on AU intensity, over the frames that have both.

    ψ = b + (intensity / 5) · W: row a of W is what AU a adds at full intensity with the other AUs held. AUs without an
    intensity enter by their presence; AUs that never vary are left out, frames with any other AU missing too. `alpha`
    is relative to the number of frames, on columns scaled to variance 1. Pass the training subjects' recordings where
    the templates are judged on others. Memory: one recording. Raises `DataError` where too few frames have both.
    """
    moments = _Moments(len(aligned.aus), len(dataset.names))
    wanted = [r for r in aligned.recordings if recordings is None or r in set(recordings)]
    usable = _usable(aligned, wanted)
    for name in wanted:
        psi, level = _joined(dataset, aligned, name)
        moments.add(level[:, usable], psi, usable)
    if moments.count < 10 * (usable.sum() + 1) or not usable.any():
        raise DataError(
            f"{dataset.name}, AUs {aligned.name}",
            f"{moments.count} frames with {int(usable.sum())} varying AUs",
            "at least ten frames for every AU",
        )
    weights, explained = moments.ridge(usable, alpha, face.gram)
    return Templates(
        aus=tuple(pair for pair, use in zip(aligned.aus, usable, strict=True) if use),
        psi=weights.astype(np.float32),
        source="learned",
        explained_variance=explained,
    )


NOT_SHOWN = 0.25
"""Intensity above the subject's baseline below which an AU counts as not shown."""

_SHOWN, _SUBJECTS = 20, 3  # frames of each kind a subject, and subjects, that an observed template needs


def observed_templates(
    dataset: Dataset, aligned: AlignedAus, face: FaceModel, *, recordings: list[str] | None = None
) -> Templates | None:
    """Templates as subjects show the AUs: mean ψ while an AU is present less the median while it is not, within
    subjects, averaged over subjects.

    What comes with an AU (lip corners with AU6) is in it, other than in `learn_templates`, which asks what an AU adds
    with the others held and needs many frames of each for that. AUs are read as `assess_signals` says. None where no
    AU was shown by enough subjects.
    """
    signals = assess_signals(aligned, dataset)
    wanted = [r for r in signals.recordings if recordings is None or r in set(recordings)]
    own: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for name in wanted:
        subject = signals.subject_of[signals.recordings.index(name)]
        own.setdefault(subject, []).append(_shown(dataset, aligned, signals, name))
    found: list[list[np.ndarray]] = [[] for _ in aligned.aus]
    for parts in own.values():
        psi, there, absent = (np.concatenate(values) for values in zip(*parts, strict=True))
        for on, off, rises in zip(there.T, absent.T, found, strict=True):
            if min(on.sum(), off.sum()) >= _SHOWN:
                rises.append(psi[on].mean(0) - np.median(psi[off], axis=0))
    kept = [i for i, rises in enumerate(found) if len(rises) >= _SUBJECTS]
    if not kept:
        return None
    return Templates(
        aus=tuple(aligned.aus[i] for i in kept),
        psi=np.stack([np.mean(found[i], axis=0) for i in kept]).astype(np.float32),
        source="observed",
    )


def _shown(
    dataset: Dataset, aligned: AlignedAus, signals: AuSignals, recording: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ψ of the valid frames (T, E), and where each AU is present and where it is not (T, A), both False where it was
    not measured."""
    frames, aus = dataset.frames(recording), aligned.recording(recording)
    row = frames.rows(aus.frame)
    present, intensity = signals.present(recording, aus), signals.intensity(recording, aus)
    keep = frames.valid[row]
    return (
        frames.psi[row][keep].astype(np.float64),
        (present == 1)[keep],
        ((present == 0) & (intensity < NOT_SHOWN))[keep],
    )


def _joined(dataset: Dataset, aligned: AlignedAus, recording: str) -> tuple[np.ndarray, np.ndarray]:
    frames, aus = dataset.frames(recording), aligned.recording(recording)
    row = frames.rows(aus.frame)
    keep = frames.valid[row]
    level = np.where(np.isnan(aus.intensity), aus.presence, aus.intensity / 5)
    return frames.psi[row][keep].astype(np.float64), level[keep].astype(np.float64)


def _usable(aligned: AlignedAus, recordings: list[str]) -> np.ndarray:
    """(A,) bool: AUs measured in most frames, with some variation."""
    low, high = np.full(len(aligned.aus), np.inf), np.full(len(aligned.aus), -np.inf)
    measured, total = np.zeros(len(aligned.aus)), 0
    for name in recordings:
        frames = aligned.recording(name)
        level = np.where(np.isnan(frames.intensity), frames.presence, frames.intensity / 5)
        known = ~np.isnan(level)
        low = np.minimum(low, np.where(known, level, np.inf).min(0))
        high = np.maximum(high, np.where(known, level, -np.inf).max(0))
        measured, total = measured + known.sum(0), total + len(level)
    return (measured > 0.5 * total) & (high > low)


class _Moments:
    """Running sums for a regression with an intercept."""

    def __init__(self, aus: int, coefficients: int) -> None:
        self.count = 0
        self._sums = np.zeros(aus), np.zeros(coefficients)
        self._products = np.zeros((aus, aus)), np.zeros((aus, coefficients)), np.zeros((coefficients, coefficients))

    def add(self, level: np.ndarray, psi: np.ndarray, usable: np.ndarray) -> None:
        known = ~np.isnan(level).any(1)
        x, y = np.zeros((known.sum(), len(usable))), psi[known]
        x[:, usable] = level[known]
        self.count += len(x)
        for total, part in zip(self._sums, (x.sum(0), y.sum(0)), strict=True):
            total += part
        for products, found in zip(self._products, (x.T @ x, x.T @ y, y.T @ y), strict=True):
            products += found

    def ridge(self, usable: np.ndarray, alpha: float, gram: np.ndarray) -> tuple[np.ndarray, float]:
        """(A', E) weights of the usable AUs, and the share of displacement variance (metric `gram`) they explain."""
        mean_x, mean_y = (s / self.count for s in self._sums)
        xx, xy, yy = (p / self.count for p in self._products)
        xx, xy = (xx - np.outer(mean_x, mean_x))[np.ix_(usable, usable)], (xy - np.outer(mean_x, mean_y))[usable]
        yy = yy - np.outer(mean_y, mean_y)
        scale = np.sqrt(np.maximum(np.diag(xx), 1e-12))
        penalised = xx / np.outer(scale, scale) + alpha * np.eye(len(scale))
        weights = np.linalg.solve(penalised, xy / scale[:, None]) / scale[:, None]
        residual = yy - weights.T @ xy - xy.T @ weights + weights.T @ xx @ weights
        total = np.sum(gram * yy)
        return weights, float(1 - np.sum(gram * residual) / total) if total > 0 else float("nan")
