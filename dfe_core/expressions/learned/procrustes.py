"""Head pose and each subject's own face taken off: every recording becomes displacement from rest, in one frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.learned.basis import training
from dfe_core.expressions.learned.tracks import (
    CHUNK,
    SAMPLE,
    LandmarkTrack,
    LearnedJob,
    TrackFrame,
    contiguous,
    deepened,
    typical_shape,
)
from dfe_core.expressions.neutral import Ledger, PointMoments, calm_frames, resting_face, thinned
from dfe_core.expressions.split import Split
from dfe_core.faces import open_face
from dfe_core.faces.frontal import face_forward, mirror_map
from dfe_core.faces.layouts import Layout
from dfe_core.faces.learned import SYMMETRIC
from dfe_core.faces.rigid import onto, stable_points, stable_set
from dfe_core.progress import Progress

_T = TypeVar("_T")
_SLIP = 12.0  # a frame whose stable points fit so many times worse than usual is a slip of the tracker
_SLIP_M = 1e-3
_SETTLE = 4  # rounds in which the mean of the resting faces settles
_MOST_LOOKED_AT = 20_000  # frames of a recording in which the resting face, and the usual misfit, are looked for
_STRETCH = 500
_BLOCK = 1 << 17  # coordinates placed at once, which fit the cache
_AT_ONCE = 2  # parts in memory, each on a thread of its own
_TRACKS = 500  # recordings from which the stable set is found


def common_frame(job: LearnedJob) -> TrackFrame:
    """The frame all recordings are brought to: upright, looking along +z, the eyes at the origin."""
    if job.face != "learn":
        return _frame_of_face(job)
    job.progress(Progress(task="find what is stable", done=0, total=1))
    scaled = not job.tracks[0].head.metric
    asked = job.tracks[:: -(-len(job.tracks) // _TRACKS)]
    samples = [_sample(t, len(asked)) for t in asked]
    start = typical_shape(samples[0])
    start = _upright(start, job.layout)
    mirror, off = mirror_map(deepened(start), job.layout)
    stable, shape = stable_set(samples, start, scaled, mirror if off <= SYMMETRIC else None)
    return TrackFrame(_upright(shape, job.layout), stable, scaled)


def _sample(track: LandmarkTrack, tracks: int) -> np.ndarray:
    rows = np.flatnonzero(track.valid)
    values = len(track.head.names) * tracks
    rows = rows[thinned(len(rows), values)]
    return np.asarray(track.frames(rows[:: max(1, len(rows) // SAMPLE)]), np.float64)


def _upright(shape: np.ndarray, layout: Layout | None) -> np.ndarray:
    """(V, D) in our axes, the origin between the eyes; 2-D shapes turn in their plane."""
    dimensions = shape.shape[1]
    deep = deepened(shape)
    rotation, origin = face_forward(deep, layout)
    return ((deep - origin) @ rotation.T)[:, :dimensions]


def _frame_of_face(job: LearnedJob) -> TrackFrame:
    model, head = open_face(job.face, job.root), job.tracks[0].head
    count = len(head.names) // head.dimensions
    if len(model.template) != count:
        raise DataError(job.name, f"{count:,} points", f"{len(model.template):,} as {model.id} has")
    flat = not model.basis[..., 2].any()
    if flat != (head.dimensions == 2):
        raise DataError(job.name, f"{head.dimensions}-D points", f"{2 if flat else 3}-D ones, as {model.id} learned")
    reference = model.template[:, : head.dimensions].astype(np.float64)
    stable = (
        model.stable
        if model.stable is not None
        else stable_points((model.basis.astype(np.float64) ** 2).sum((0, 2)), reference)
    )
    return TrackFrame(reference, stable, not head.metric)


def find_neutrals(job: LearnedJob, frame: TrackFrame, split: Split) -> TrackFrame:
    """The resting face of every subject; the common frame, whose reference becomes the mean of those that train."""
    subjects = dict.fromkeys(t.head.subject for t in job.tracks)
    for done, subject in enumerate(subjects):
        job.progress(Progress(task="find resting faces", done=done, total=len(subjects), detail=subject))
        own = [t for t in job.tracks if t.head.subject == subject]
        job.neutrals[subject] = _neutral(own, _neutral(own, frame.reference, frame), frame)
    job.progress(Progress(task="find resting faces", done=len(subjects), total=len(subjects)))
    reference = frame.reference
    if job.face == "learn":
        train = {t.head.subject for t, _ in training(job, split)}
        for _ in range(_SETTLE):
            reference = np.mean([onto(job.neutrals[s][None], reference, frame.stable)[0] for s in sorted(train)], 0)
    job.neutrals = {s: onto(neutral[None], reference, frame.stable)[0] for s, neutral in job.neutrals.items()}
    return replace(frame, reference=reference)


def _neutral(tracks: list[LandmarkTrack], target: np.ndarray, frame: TrackFrame) -> np.ndarray:
    """The resting face of one subject, (V, D) m, where frames brought onto `target` come to rest."""
    calm = []
    for track in tracks:
        rows = _looked_at(np.flatnonzero(track.valid))
        placed = np.concatenate(list(_placed(track, rows, target, frame, lambda _, part: part.astype(np.float32))))
        chosen = calm_frames(placed, track.head.time_s[rows])
        calm.append(placed[chosen[thinned(len(chosen), placed[0].size * len(tracks))]])
    return resting_face(np.concatenate(calm))


def _looked_at(rows: np.ndarray) -> np.ndarray:
    """The rows of a long recording in which the resting face is looked for: stretches spread over all of it."""
    if len(rows) <= _MOST_LOOKED_AT:
        return rows
    stretches = _MOST_LOOKED_AT // _STRETCH
    starts = np.linspace(0, len(rows) - _STRETCH, stretches).astype(np.int64)
    return rows[np.unique(starts[:, None] + np.arange(_STRETCH))]


def remove_pose_and_identity(job: LearnedJob, frame: TrackFrame) -> None:
    """Every track on disk becomes displacement from its subject's neutral, in the common frame."""
    for done, track in enumerate(job.tracks):
        job.progress(
            Progress(task="remove pose and identity", done=done, total=len(job.tracks), detail=track.head.name)
        )
        _displace(track, job.neutrals[track.head.subject], frame, job.ledger)
    job.progress(Progress(task="remove pose and identity", done=len(job.tracks), total=len(job.tracks)))
    job.tracks = [t for t in job.tracks if t.valid.any()]


def _placed(
    track: LandmarkTrack,
    rows: np.ndarray,
    target: np.ndarray,
    frame: TrackFrame,
    work: Callable[[np.ndarray, np.ndarray], _T],
) -> Iterator[_T]:
    """What `work` makes of (rows, (n, V, D) frames brought onto `target`), a bounded number of frames at a time."""
    step = max(1, CHUNK // target.size)
    parts = [rows[start : start + step] for start in range(0, len(rows), step)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # which would run ahead of its reader, if given all parts
        for start in range(0, len(parts), _AT_ONCE):
            yield from pool.map(
                lambda part: work(part, _onto(track.frames(contiguous(part)), target, frame)),
                parts[start : start + _AT_ONCE],
            )


def _onto(points: np.ndarray, target: np.ndarray, frame: TrackFrame) -> np.ndarray:
    """`onto` in blocks that fit the cache; every frame is on its own, so that the result is the same."""
    out, step = np.empty(points.shape), max(1, _BLOCK // target.size)
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        out[part] = onto(points[part], target, frame.stable, frame.scaled)
    return out


def _displace(track: LandmarkTrack, neutral: np.ndarray, frame: TrackFrame, ledger: Ledger) -> None:
    """Replace a track's points by their displacement from neutral; slips of the tracker become invalid."""
    rows = np.flatnonzero(track.valid)
    out = np.load(track.file, mmap_mode="r+", allow_pickle=False)
    usual = np.concatenate(
        list(
            _placed(track, _looked_at(rows), neutral, frame, lambda _, part: _misfit(part, neutral, frame.stable)),
        )
    )
    most = max(_SLIP * np.median(usual), _SLIP_M)

    def displaced(part: np.ndarray, placed: np.ndarray) -> tuple[np.ndarray, PointMoments, PointMoments]:
        """Write the displacement of some rows: the slips among them, and the moments of the others."""
        fits = _misfit(placed, neutral, frame.stable) <= most
        kept, placed = (contiguous(part), placed) if fits.all() else (part[fits], placed[fits])
        moments = PointMoments.of(out[kept]), PointMoments.of(placed)
        out[kept] = np.subtract(placed, neutral, out=placed)
        return part[~fits], *moments

    for slips, raw, placed in _placed(track, rows, neutral, frame, displaced):
        track.valid[slips] = False
        track.slips += len(slips)
        ledger.add(track.head.subject, raw, placed)
    out[~track.valid] = 0


def _misfit(placed: np.ndarray, neutral: np.ndarray, stable: np.ndarray) -> np.ndarray:
    """(n,) root mean square distance of the stable points from where they rest, m."""
    return np.sqrt(((placed[:, stable] - neutral[stable]) ** 2).sum(2).mean(1))
