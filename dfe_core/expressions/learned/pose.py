"""Head pose of landmark recordings, and what it adds to displacement, taken off before a basis is learned.

Letters of the shapes: T frames, V points, D dimensions, F = 9 functions of pose.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np

from dfe_core.expressions.head_pose import head_pose
from dfe_core.expressions.learned.measures import protected_measures
from dfe_core.expressions.learned.tracks import CHUNK, Correction, LandmarkTrack, LearnedJob, TrackFrame, contiguous
from dfe_core.expressions.pose_field import (
    Fit,
    Moments,
    functions,
    mean_field,
    moments_of,
    patterns_of,
    person_field,
)
from dfe_core.expressions.pose_leak import subject_leak
from dfe_core.expressions.split import Split
from dfe_core.faces import open_face
from dfe_core.faces.rigid import pose
from dfe_core.progress import Progress

OWN = ("HeadPitch", "HeadYaw", "HeadRoll")
"""Names of the rotation found here, where the tool gives none."""
_MOST_FRAMES, _MOST_VALUES = 20_000, 10_000_000  # of a subject, evenly spread: frames, and coordinates in all


def read_angles(job: LearnedJob, frame: TrackFrame) -> None:
    """Put head pose into every track: the tool's, else the rotation of the stable points, which is kept as a column.

    2-D points without the tool's pose have none.
    """
    for track in job.tracks:
        found = head_pose(track.head.extras, track.head.extractor)
        if found is not None:
            track.angles = found.angles
        elif track.head.dimensions == 3:
            track.angles = _own_angles(track, job.neutrals[track.head.subject], frame)
            columns = dict(zip(OWN, track.angles.T.astype(np.float32), strict=True))
            track.head = replace(track.head, extras={**track.head.extras, **columns})


def _own_angles(track: LandmarkTrack, neutral: np.ndarray, frame: TrackFrame) -> np.ndarray:
    """(T, 3) pitch, yaw and roll, radians, of the rotation that brings the stable points to rest; NaN where invalid."""
    from scipy.spatial.transform import Rotation

    angles = np.full((len(track.valid), 3), np.nan)
    rows = np.flatnonzero(track.valid)
    step = max(1, CHUNK // neutral.size)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        turn = pose(track.frames(part)[:, frame.stable], neutral[frame.stable], frame.scaled).rotation
        angles[part] = Rotation.from_matrix(turn.transpose(0, 2, 1)).as_euler("xyz")
    return angles


def correct_pose(job: LearnedJob, split: Split) -> Correction:
    """Take the pose field of every subject off the displacements on disk, as the job's method asks."""
    names, measures = protected_measures(job.layout, job.tracks[0].head.dimensions)
    source = _source(job)
    why_not = _why_not(job, names, source)
    if job.pose_correction == "none" or why_not:
        return Correction(method=job.pose_correction, why_not=why_not, source=source)
    people = {
        s: [t for t in job.tracks if t.head.subject == s] for s in dict.fromkeys(t.head.subject for t in job.tracks)
    }
    found: dict[str, Moments | None] = {}
    products: dict[str, np.ndarray] = {}
    for done, (subject, tracks) in enumerate(people.items()):
        job.progress(Progress(task="fit pose", done=done, total=len(people), detail=subject))
        values, angles, _ = _thinned(tracks)
        found[subject] = moments_of(values, angles, _seconds(tracks), measures)
        products[subject] = _products(values, angles, found[subject], measures)
    mean, patterns = _shared(job, split, found, products, measures, source)
    dimensions = job.tracks[0].head.dimensions
    result = Correction(
        method="field",
        why_not="",
        source=source,
        protected=names,
        mean=mean.reshape(len(mean), -1, dimensions),
        patterns=patterns.reshape(len(patterns), -1, dimensions),
    )
    for done, (subject, tracks) in enumerate(people.items()):
        job.progress(Progress(task="take off pose", done=done, total=len(people), detail=subject))
        _correct(tracks, subject, person_field(found[subject], mean, measures, patterns, _angles(tracks)), result)
    job.progress(Progress(task="take off pose", done=len(people), total=len(people)))
    return result


def _angles(tracks: list[LandmarkTrack]) -> np.ndarray:
    return np.concatenate([track.angles[track.valid] for track in tracks])


def _products(values: np.ndarray, angles: np.ndarray, moments: Moments | None, measures: np.ndarray) -> np.ndarray:
    """(C, M) sums of a person's values, pose taken off, times the measures, for `patterns_of`."""
    if moments is None:
        return np.zeros((measures.shape[1], len(measures)))
    near = np.clip(angles, moments.low, moments.high)
    rest = values - functions(near, moments.centre) @ moments.weights
    rest -= rest.mean(0)
    return rest.T @ (rest @ measures.T)


def _source(job: LearnedJob) -> tuple[str, ...]:
    """The columns that pose was read from, of tracks of one tool all alike; empty where a track has no pose."""
    found = [head_pose(track.head.extras, track.head.extractor) for track in job.tracks]
    known = [one.columns for one in found if one is not None]
    return known[0] if len(known) == len(found) else ()


def _why_not(job: LearnedJob, names: tuple[str, ...], source: tuple[str, ...]) -> str:
    if job.tracks[0].head.space == "mesh":
        return "meshes"
    if not source:
        return "no head pose"
    return "" if names else "landmarks of unknown meaning"


def _thinned(tracks: list[LandmarkTrack]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Displacement (T, V·D), angles (T, 3) and times (T,) of a subject's frames with pose, evenly thinned."""
    values = len(tracks[0].head.names)
    most = max(1, min(_MOST_FRAMES, _MOST_VALUES // values))
    step = max(1, -(-sum(int(t.valid.sum()) for t in tracks) // most))
    parts, start = [], 0.0
    for track in tracks:
        rows = np.flatnonzero(track.valid & np.isfinite(track.angles).all(1))[::step]
        if len(rows):
            time = start + track.head.time_s[rows]
            start = time[-1] + 10.0
            parts.append((track.frames(rows).reshape(len(rows), -1), track.angles[rows], time))
    if not parts:
        return np.zeros((0, values)), np.zeros((0, 3)), np.zeros(0)
    moved, angles, times = (np.concatenate(part) for part in zip(*parts, strict=True))
    return moved, angles, times


def _seconds(tracks: list[LandmarkTrack]) -> float:
    return sum(float(t.valid.sum()) / t.head.fps for t in tracks)


def _shared(
    job: LearnedJob,
    split: Split,
    found: dict[str, Moments | None],
    products: dict[str, np.ndarray],
    measures: np.ndarray,
    source: tuple[str, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """Mean field (F, V·D) and patterns (M, V·D) of the training subjects; of a face learned before, those that it
    holds for this pose."""
    values = measures.shape[1]
    if job.face == "learn":
        names = set(split.recordings["train"])
        train = list(dict.fromkeys(t.head.subject for t in job.tracks if t.head.name in names))  # sums want an order
        mean = mean_field([m for s, m in found.items() if m is not None and s in train], values)
        return mean, patterns_of(_total([products[s] for s in products if s in train], measures), measures)
    model = open_face(job.face, job.root)
    dimensions = job.tracks[0].head.dimensions
    patterns = (
        patterns_of(_total(list(products.values()), measures), measures)
        if model.pose_patterns is None
        else model.pose_patterns[..., :dimensions].astype(np.float64).reshape(len(measures), values)
    )
    if model.pose_field is None or tuple(model.pose_columns) != source:
        return np.zeros((9, values)), patterns
    return model.pose_field[..., :dimensions].astype(np.float64).reshape(len(model.pose_field), values), patterns


def _total(products: list[np.ndarray], measures: np.ndarray) -> np.ndarray:
    """(C, M) sum over subjects, in their order: that of a set changes from run to run, and the last digits with it."""
    return reduce(np.add, products, np.zeros((measures.shape[1], len(measures))))


def _correct(tracks: list[LandmarkTrack], subject: str, fit: Fit, result: Correction) -> None:
    """Take the field of one subject off its tracks, and keep what that changed."""
    values, angles, time = _thinned(tracks)
    added = fit(angles)
    for store, moved in ((result.before, values), (result.after, values - added)):
        if (leak := subject_leak(moved, angles, time, None)) is not None:
            store[subject] = leak
    result.quiet[subject], result.own[subject] = fit.quiet, fit.own
    points = added.size / tracks[0].head.dimensions
    result.removed_mm[subject] = 1e3 * float(np.sqrt((added**2).sum() / points)) if points else 0.0
    for track in tracks:
        _take_off(track, fit)


def _take_off(track: LandmarkTrack, fit: Fit) -> None:
    out = np.load(track.file, mmap_mode="r+", allow_pickle=False)
    rows = np.flatnonzero(track.valid)
    step = max(1, CHUNK // out[0].size)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        out[contiguous(part)] -= fit(track.angles[part]).reshape(len(part), *out.shape[1:]).astype(np.float32)
