"""Landmark and mesh sequences of any layout into a dataset, on a face model learned from them.

Head pose and each subject's own face are taken off, a linear basis is learned from the recordings that the default
split trains on, and ψ are the projections on it.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from dfe_core.expressions.import_job import LEARN, ImportJob
from dfe_core.expressions.learned.basis import default_split, known_face, learn
from dfe_core.expressions.learned.pose import correct_pose, read_angles
from dfe_core.expressions.learned.procrustes import common_frame, find_neutrals, remove_pose_and_identity
from dfe_core.expressions.learned.reading import place_track
from dfe_core.expressions.learned.tracks import LandmarkTrack, LearnedJob, LearnedResult
from dfe_core.expressions.learned.writing import write
from dfe_core.expressions.normalised_error import parse_points
from dfe_core.expressions.recording import Recording
from dfe_core.faces.layout_choice import LayoutBy, LayoutChoice, layout_of_face
from dfe_core.faces.library import open_face
from dfe_core.store import cache_root

_SMALL = 1500  # coordinates of a frame


class LearnedImport:
    """The strategy of moving points (`importing.ImportStrategy`), whose face is learned once all are read: until then
    points wait on disk.

    Every recording needs the same points. Pose is removed on a stable set found from the data (`stable_set`), with
    the scale where the points are those of an image; a subject's neutral is the face its calm frames return to
    (`resting_face`), over all of its recordings; a subject unknown is one per recording. ψ is in standard deviations
    of the training frames. With a face learned before, recordings go onto its basis, so that a codebook trained on it
    encodes them. Landmarks of a known layout with head pose alone can be corrected for it (`pose_field`); others stay
    as they are, and a note says so.
    """

    task = "read points"

    def __init__(self, job: ImportJob, stack: contextlib.ExitStack) -> None:
        root = job.root or cache_root()
        root.mkdir(parents=True, exist_ok=True)
        self.job = job
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".learning-", dir=root)))
        self.learned = LearnedJob(
            name=job.name,
            face=job.options.face,
            root=job.root,
            progress=job.progress,
            pose_correction=job.options.pose_method,
            normaliser=parse_points(job.options.normaliser),
            table=job.region_table,
            landmark_layout=job.options.landmark_layout if job.region_table is None else "own",
        )
        self._written = 0
        if job.options.face != LEARN:
            known = layout_of_face(open_face(job.options.face, job.root))
            self.learned.layout_choice = LayoutChoice(layout=known, by=LayoutBy.SAID)

    def prepare(self, path: Path, recording: Recording, name: str) -> LandmarkTrack:
        subject, session = self.job.person(path, recording, name)
        track = replace(recording, name=name, subject=subject, session=session)
        file = self.folder / f"{self._written:06d}.npy"
        self._written += 1
        return place_track(path, track, file, self.learned)

    def keep(self, path: Path, prepared: LandmarkTrack) -> None:
        self.learned.tracks.append(prepared)

    def finish(self) -> str:
        with _few_threads(len(self.learned.tracks[0].head.names)):
            return self._finish()

    def _finish(self) -> str:
        learned = self.learned
        _ = learned.point_regions  # a wrong table is refused before the basis is learned
        frame = common_frame(learned)
        split = default_split(learned)
        frame = find_neutrals(learned, frame, split)
        read_angles(learned, frame)
        remove_pose_and_identity(learned, frame)
        corrected = correct_pose(learned, split)
        new = learned.face == LEARN
        model, basis = learn(learned, frame, split, corrected) if new else known_face(learned)
        result = LearnedResult(frame=frame, split=split, model=model, basis=basis, corrected=corrected)
        write(self.job, learned, result)
        return model.id


def _few_threads(coordinates: int) -> contextlib.AbstractContextManager[object]:
    """NumPy's matrix products on one thread each, where they are small: more of them gain nothing, and wait for work at
    full speed in between, which doubles the processor time of an hour of 68 landmarks."""
    return threadpool_limits(1, user_api="blas") if coordinates <= _SMALL else contextlib.nullcontext()
