"""Landmark and mesh sequences of any layout into a dataset, on a face model learned from them.

Head pose and each subject's own face are taken off, a linear basis is learned from the recordings that the default
split trains on, and ψ are the projections on it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dfe_core.artefact_names import MANIFEST
from dfe_core.errors import DataError
from dfe_core.expressions.import_report import ImportReport
from dfe_core.expressions.labels import read_labels
from dfe_core.expressions.learned.basis import default_split, known_face, learn
from dfe_core.expressions.learned.pose import correct_pose, read_angles
from dfe_core.expressions.learned.procrustes import common_frame, find_neutrals, remove_pose_and_identity
from dfe_core.expressions.learned.reading import read_all
from dfe_core.expressions.learned.tracks import Job
from dfe_core.expressions.learned.writing import write
from dfe_core.expressions.naming import compile_pattern
from dfe_core.expressions.pose_field import METHODS
from dfe_core.expressions.readers.options import parse_time
from dfe_core.expressions.readers.registry import find_reader
from dfe_core.expressions.timing import check_fps
from dfe_core.progress import Listener, silent
from dfe_core.store import artefact_path, cache_root


def import_learned(
    sources: Sequence[str | Path],
    name: str,
    *,
    face: str = "learn",
    format: str = "auto",
    labels: str | Path | None = None,
    subject_pattern: str | None = None,
    fps: float | None = None,
    time: str | None = None,
    extractor: str | None = None,
    pose_correction: str = "field",
    reader: Any = None,
    root: Path | None = None,
    progress: Listener = silent,
) -> ImportReport:
    """Import landmark or mesh sequences onto a learned face; parameters as `import_dataset`.

    Every recording needs the same points. Pose is removed on a stable set found from the data (`stable_set`), with
    the scale where the points are those of an image; a subject's neutral is the face its calm frames return to
    (`resting_face`), over all of its recordings; a subject unknown is one per recording. ψ is in standard deviations
    of the training frames.

    face: ``learn``, or the id of a face learned before (``learned-…``): recordings then go onto its basis, so that a
        codebook trained on it encodes them.
    pose_correction: one of `pose_field.METHODS`. ``field`` takes off each person's displacement what a static
        function of head pose explains of it beside mouth and lids (`pose_field`); landmarks of a known layout
        with head pose alone can be corrected, others stay as they are and a note says so.

    Raises `DataError` when nothing can be imported, the dataset exists, nothing moves, or for a wrong option.
    """
    job = Job(
        name=name,
        face=face,
        format=format,
        labels=read_labels(labels),
        pattern=compile_pattern(subject_pattern),
        fps=fps,
        root=root,
        progress=progress,
        reader=reader,
        extractor=extractor,
        time=parse_time(time),
        pose_correction=pose_correction,
    )
    _check(job)
    (root or cache_root()).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".learning-", dir=root or cache_root()) as folder:
        read_all(sources, job, Path(folder))
        frame = common_frame(job)
        split = default_split(job)
        frame = find_neutrals(job, frame, split)
        read_angles(job, frame)
        remove_pose_and_identity(job, frame)
        corrected = correct_pose(job, split)
        model, basis = known_face(job) if job.face != "learn" else learn(job, frame, split, corrected)
        return write(job, frame, split, model, basis, corrected)


def _check(job: Job) -> None:
    if (artefact_path("datasets", job.name, job.root) / MANIFEST).is_file():
        raise DataError(job.name, "a dataset of this name exists", f"another name, or `dfe rm {job.name}` first")
    if job.fps is not None:
        check_fps(job.fps, "--fps")
    if job.pose_correction not in METHODS:
        raise DataError(f"--pose-correction {job.pose_correction}", "no such method", ", ".join(METHODS))
    if job.format != "auto":
        find_reader(Path(), job.format)
