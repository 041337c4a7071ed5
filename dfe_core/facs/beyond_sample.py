"""The frames that movement beyond FACS is measured on, drawn evenly over subjects.

Letters of the shapes: T frames of the sample, S subjects, E dimensions of ψ on the mesh, A AUs, K codewords.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dfe_core.engines import LOCAL, Engine
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.head_pose import head_pose, quadratic
from dfe_core.expressions.recording_table import RecordingSpan
from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.token_au_stream import Block, Groups, Joined, LeftOut
from dfe_core.tokenizer.codebook import Codebook

_RATE = 6.0  # frames a second of the sample: enough for expressions, few enough to hold
_STRETCH_S = 10.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Sample:
    """Frames that the floor is measured on.

    target, decoded: (T, E) float64, ψ and what its tokens decode to, on the mesh (Euclidean distance is mm), every
    subject's mean taken out. spread: (S,) Σ‖ψ − mean face‖² of each subject. aus: (T, A) intensities, subject's mean
    kept. measured: (T, A) bool. pose: (T, 9) or None. codewords: (T, K). subject, fold, recording, stretch: (T,) codes.
    rate: frames a second.
    """

    target: np.ndarray
    decoded: np.ndarray
    spread: np.ndarray
    aus: np.ndarray
    measured: np.ndarray
    pose: np.ndarray | None
    codewords: np.ndarray
    subject: np.ndarray
    fold: np.ndarray
    recording: np.ndarray
    stretch: np.ndarray
    rate: float


def draw_sample(
    joined: Joined,
    aggregates: Aggregates,
    codebook: Codebook,
    onto_mesh: np.ndarray,
    settings: CoverageSettings,
    engine: Engine = LOCAL,
) -> Sample:
    """At most about `beyond_frames` frames: every recording thinned to a few frames a second, and recordings left out,
    subjects taking turns, where that is still too many. `onto_mesh`: (E, n), ψ to the mesh, mm."""
    step, chosen = _thinning(joined, settings)
    drawing = _Drawing(joined=joined, codebook=codebook, step=step, chosen=frozenset(chosen))
    parts: list[dict[str, Any]] = []
    for found, groups, left_out in engine.map(draw_group, joined.cut(), drawing):
        here = joined.take_in(groups, left_out)
        parts += [{**part, "group": here[part["group"]]} for part in found]
    values = {n: np.concatenate([p[n] for p in parts]) for n in parts[0] if n != "pose"}
    known = all(p["pose"] is not None for p in parts)
    names = np.array(aggregates.groups["subject"].tolist())[values["group"]]
    kept, subject = np.unique(names, return_inverse=True)
    target, decoded = (values[n] @ onto_mesh for n in ("psi", "decoded"))
    spread = sum_by_subject(((target - target.mean(0)) ** 2).sum(1), subject, len(kept))
    fps = float(joined.dataset.recordings["fps"].median())
    return Sample(
        target=centred(target, subject),
        decoded=centred(decoded, subject),
        spread=spread,
        aus=values["aus"],
        measured=values["measured"],
        pose=np.concatenate([p["pose"] for p in parts]) if known else None,
        codewords=values["codewords"],
        subject=subject,
        fold=np.array([aggregates.folds[s] for s in kept])[subject],
        recording=np.unique(values["recording"], return_inverse=True)[1],
        stretch=(values["time_s"] // _STRETCH_S).astype(int),
        rate=fps / step,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Drawing:
    """What all groups of recordings have in common."""

    joined: Joined
    codebook: Codebook
    step: int
    chosen: frozenset[str]


def draw_group(
    spans: tuple[RecordingSpan, ...], drawing: _Drawing
) -> tuple[list[dict[str, Any]], Groups, dict[str, LeftOut]]:
    """The part of the sample that is of these recordings, with the groups in them and what was left out."""
    joined = drawing.joined.fresh()
    parts = [
        _part(block, drawing.step, joined.dataset, drawing.codebook)
        for block in joined.blocks(spans=spans)
        if block.recording in drawing.chosen
    ]
    return parts, joined.groups, joined.left_out


def _thinning(joined: Joined, settings: CoverageSettings) -> tuple[int, set[str]]:
    rows = joined.dataset.recordings[joined.dataset.recordings["recording"].isin(joined.aus.recordings)]
    step = max(1, round(float(rows["fps"].median()) / _RATE))
    turn = rows.groupby("subject").cumcount()
    ordered = rows.assign(turn=turn).sort_values(["turn", "recording"], kind="stable")
    before = (ordered["frames"] / step).cumsum() - ordered["frames"] / step
    return step, set(ordered.loc[before < settings.beyond_frames, "recording"])


def _part(block: Block, step: int, dataset: Dataset, codebook: Codebook) -> dict[str, Any]:
    at = slice(None, None, step)
    codewords = np.asarray(block.codewords[at].todense(), np.float64)
    count = len(codewords)
    aus = block.features[at].astype(np.float64)
    return {
        "psi": block.required_psi()[at].astype(np.float64),
        "decoded": codewords @ codebook.psi,
        "codewords": codewords,
        "aus": aus,
        "measured": np.tile(block.measured[: aus.shape[1]], (count, 1)),
        "time_s": block.time_s[at],
        "group": np.full(count, block.group),
        "recording": np.full(count, block.recording),
        "pose": _pose(block, at, dataset),
    }


def _pose(block: Block, at: slice, dataset: Dataset) -> np.ndarray | None:
    """(T, 9) quadratic of head rotation at the block's frames, None where the recording has none."""
    pose = head_pose(dataset.extras(block.recording)) if dataset.has_extras else None
    if pose is None:
        return None
    source = dataset.frames(block.recording).time_s
    rows = np.clip(np.searchsorted(source, block.time_s[at] - 1e-6), 0, len(source) - 1)
    known = np.isfinite(pose.angles).all(1)
    if not known.any():
        return None
    angles = np.where(known[:, None], pose.angles, pose.angles[known].mean(0))
    return quadratic(angles)[rows]


def centred(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(T, n) less the mean over the frames of the same code (T,)."""
    total = np.zeros((codes.max() + 1, values.shape[1]))
    np.add.at(total, codes, values)
    return values - (total / np.maximum(np.bincount(codes, minlength=len(total)), 1)[:, None])[codes]


def sum_by_subject(values: np.ndarray, subject: np.ndarray, count: int) -> np.ndarray:
    """(count,) sums of values (T,) over the frames of each of subject (T,)."""
    return np.bincount(subject, values, minlength=count)
