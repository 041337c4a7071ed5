"""Coefficients of a whole dataset changed after it is read: head pose's field and each person's resting face taken off.

Both need all recordings of a person before the first frame can be changed, so the import writes a staged dataset first,
and `adjust` writes the final one from it, holding one subject at a time. Both are linear and kept in the manifest: what
was taken off can be put back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.head_pose import head_pose
from dfe_core.expressions.learned.measures import measures_of_face
from dfe_core.expressions.neutral import calm_frames, resting_face, thinned
from dfe_core.expressions.pose_field import (
    HALF_WEIGHT_S,
    RIDGE,
    Fit,
    Moments,
    functions,
    mean_field,
    moments_of,
    patterns_of,
    person_field,
)
from dfe_core.expressions.split import split_dataset
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, Progress, silent

RESTS = ("keep", "remove")
"""Values of ``--rest``."""
_MOST_FRAMES = 20_000  # of a subject, evenly spread
_TEST_SHARE, _VALIDATION_SHARE, _SEED = 0.25, 0.1, 0  # the split that `dfe train` draws unless told otherwise


@dataclass(frozen=True, kw_only=True, eq=False)
class Adjusted:
    """What was taken off: rest (E,) by subject, the pose field by subject; empty where it was not asked for."""

    rest: Mapping[str, np.ndarray]
    pose: Mapping[str, Fit]

    def apply(self, subject: str, psi: np.ndarray, angles: np.ndarray | None) -> np.ndarray:
        """(T, E) ψ of a subject without what was found; angles (T, 3) radians, None where there are none."""
        psi = np.asarray(psi, np.float64)
        if subject in self.pose and angles is not None:
            psi = psi - self.pose[subject](angles)
        return psi - self.rest[subject] if subject in self.rest else psi


def adjust(
    staged: Dataset,
    name: str,
    face: FaceModel,
    *,
    rest: str = "keep",
    pose: str = "none",
    root: Path | None = None,
    progress: Listener = silent,
) -> list[str]:
    """Write ``datasets/<name>`` as `staged`, with each person's rest (``remove``) and pose field (``field``) taken off.

    The resting face is the one that calm frames return to (`resting_face`), coefficients weighed by how far each moves
    the mesh. ψ of ARKit's coefficients may become negative: that is less than rest.

    Returns
    -------
    Notes on what was done, each one sentence.
    """
    fits = _pose_fits(staged, face, progress) if pose == "field" else {}
    found = Adjusted(rest={}, pose=fits)
    if rest == "remove":
        found = replace(found, rest=_rests(staged, face, found, progress))
    notes = _notes(found, rest, pose, staged)
    manifest = {key: value for key, value in staged.manifest.items() if key != "pose_leak"}
    with open_writer(name, staged.names, root) as writer:
        for recording in map(staged.recording, staged.recordings["recording"]):
            psi = found.apply(recording.subject, recording.psi, _angles(recording.extras, recording.extractor))
            psi = np.where(recording.valid[:, None], psi, 0).astype(np.float32)
            writer.add(replace(recording, psi=psi))
        writer.close(
            {
                **manifest,
                "name": name,
                "notes": [*(manifest.get("notes") or []), *notes],
                "adjusted": _figures(found, rest, pose, staged),
            },
            staged.truth,
            staged.stored_recordings,
        )
    return notes


def _angles(extras: Mapping[str, np.ndarray], extractor: Any) -> np.ndarray | None:
    found = head_pose(extras, str(extractor))
    return None if found is None else found.angles


def _subjects(data: Dataset) -> dict[str, list[str]]:
    rows = data.recordings
    return {str(s): rows.loc[rows["subject"] == s, "recording"].tolist() for s in dict.fromkeys(rows["subject"])}


def _pose_fits(data: Dataset, face: FaceModel, progress: Listener) -> dict[str, Fit]:
    """The field of every subject with head pose that varies."""
    measures, people = measures_of_face(face), _subjects(data)
    train = set(split_dataset(data, _TEST_SHARE, _VALIDATION_SHARE, _SEED).recordings["train"])
    moments: dict[str, Moments | None] = {}
    seen: dict[str, np.ndarray] = {}
    products = np.zeros((len(data.names), len(measures)))
    for done, (subject, recordings) in enumerate(people.items()):
        progress(Progress(task="fit pose", done=done, total=len(people), detail=subject))
        psi, angles, seconds = _with_pose(data, recordings)
        if len(psi) and angles.std(0).max() > 1e-3:
            own = moments_of(psi, angles, seconds, measures)
            moments[subject], seen[subject] = own, angles
            if own is not None and train & set(recordings):
                products += _products(psi, angles, own, measures)
    mean = mean_field([m for s, m in moments.items() if m is not None and train & set(people[s])], len(data.names))
    patterns = patterns_of(products, measures)
    return {s: person_field(m, mean, measures, patterns, seen[s]) for s, m in moments.items()}


def _products(psi: np.ndarray, angles: np.ndarray, moments: Moments, measures: np.ndarray) -> np.ndarray:
    """(E, M) sums of ψ, pose taken off, times the measures."""
    rest = psi - functions(np.clip(angles, moments.low, moments.high), moments.centre) @ moments.weights
    rest -= rest.mean(0)
    return rest.T @ (rest @ measures.T)


def _with_pose(data: Dataset, recordings: list[str]) -> tuple[np.ndarray, np.ndarray, float]:
    """ψ (T, E) float64, angles (T, 3) of valid frames with pose, evenly thinned, and the seconds they stand for."""
    rows = data.recordings.set_index("recording")
    step = max(1, -(-int(rows.loc[recordings, "valid_frames"].sum()) // _MOST_FRAMES))
    parts, seconds = [], 0.0
    for name in recordings:
        angles = _angles(data.extras(name), rows.loc[name, "extractor"])
        if angles is None:
            continue
        frames = data.frames(name)
        use = np.flatnonzero(frames.valid & np.isfinite(angles).all(1))
        seconds += len(use) / float(rows["fps"].loc[name])
        parts.append((frames.psi[use[::step]].astype(np.float64), angles[use[::step]]))
    if not parts:
        return np.zeros((0, len(data.names))), np.zeros((0, 3)), 0.0
    return np.concatenate([p for p, _ in parts]), np.concatenate([a for _, a in parts]), seconds


def _rests(data: Dataset, face: FaceModel, found: Adjusted, progress: Listener) -> dict[str, np.ndarray]:
    """(E,) resting coefficients of every subject with a valid frame, after pose is taken off."""
    people, rows, out = _subjects(data), data.recordings.set_index("recording"), {}
    size = np.sqrt(np.diag(face.gram)) if face.has_mesh else np.ones(len(data.names))
    size = np.maximum(size, 1e-3 * size.max())
    for done, (subject, recordings) in enumerate(people.items()):
        progress(Progress(task="find resting faces", done=done, total=len(people), detail=subject))
        calm = []
        for name in recordings:
            frames = data.frames(name)
            psi = found.apply(subject, frames.psi, _angles(data.extras(name), rows.loc[name, "extractor"]))
            calm.append(_calm(psi * size, frames, len(recordings)))
        together = np.concatenate(calm)
        if len(together):
            out[subject] = resting_face(together[:, :, None])[:, 0] / size
    return out


def _calm(values: np.ndarray, frames: Frames, recordings: int) -> np.ndarray:
    """(N, E) calm frames of a recording, thinned for so many recordings of a person."""
    use = np.flatnonzero(frames.valid)
    if not len(use):
        return np.zeros((0, values.shape[1]))
    chosen = use[calm_frames(values[use][:, :, None], frames.time_s[use])]
    return values[chosen[thinned(len(chosen), values.shape[1] * recordings)]]


def _figures(found: Adjusted, rest: str, pose: str, staged: Dataset) -> dict[str, Any]:
    """For the manifest: what was taken off each subject, so that it can be put back."""
    leak = (staged.manifest.get("pose_leak") or {}).get("leak")
    return {
        "rest": {"method": rest, "by_subject": {s: v.tolist() for s, v in found.rest.items()}},
        "pose": {
            "method": pose,
            "ridge": RIDGE,
            "half_weight_s": HALF_WEIGHT_S,
            "leak_before": leak,
            "by_subject": {
                s: {
                    "centre": fit.centre.tolist(),
                    "low": fit.low.tolist(),
                    "high": fit.high.tolist(),
                    "own": fit.own,
                    "quiet": fit.quiet,
                    "weights": fit.weights.tolist(),
                }
                for s, fit in found.pose.items()
            },
        },
    }


def _notes(found: Adjusted, rest: str, pose: str, staged: Dataset) -> list[str]:
    notes = []
    if pose == "field":
        notes.append(
            f"A field of head pose, fitted without labels on each of {len(found.pose)} subjects' own quiet "
            "frames, is taken off."
            if found.pose
            else "No pose is taken off: no head pose that varies."
        )
    if rest == "remove":
        size = float(np.median([np.abs(v).max() for v in found.rest.values()])) if found.rest else 0.0
        notes.append(
            f"The resting face of each of {len(found.rest)} subjects is taken off (its largest coefficient, "
            f"median over subjects: {size:.2f}); the manifest holds it."
        )
    return notes
