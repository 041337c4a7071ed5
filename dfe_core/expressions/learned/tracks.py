"""What an import of moving points works on: its recordings, their points on disk, and the common frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.landmark_recording import PointTrack
from dfe_core.expressions.neutral import Ledger, thinned
from dfe_core.expressions.point_regions import RegionTable
from dfe_core.expressions.pose_leak import SubjectLeak
from dfe_core.expressions.split import Split
from dfe_core.faces.face_picture import MOST_POINTS
from dfe_core.faces.frontal import Scale
from dfe_core.faces.layout_choice import LayoutChoice
from dfe_core.faces.layouts import Layout
from dfe_core.faces.learned import Basis
from dfe_core.faces.model import FaceModel
from dfe_core.faces.point_regions import PointRegions
from dfe_core.faces.rigid import pose
from dfe_core.progress import Listener

CHUNK = 500_000
"""Coordinates worked on at once."""
SAMPLE = 400
"""Frames a recording that tell its typical shape, and what is stable."""


@dataclass(eq=False, kw_only=True)
class LandmarkTrack:
    """A recording whose points wait on disk, m: first as read, then as displacement from neutral.

    angles: (T, 3) head pose, radians, once it is read; NaN where unknown.
    """

    head: PointTrack
    file: Path
    source: Path
    scale: Scale
    valid: np.ndarray
    slips: int = 0
    angles: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))

    @property
    def name(self) -> str:
        return self.head.name

    @property
    def notes(self) -> tuple[str, ...]:
        return self.head.notes

    def frames(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(n, V, D) float32 of these rows, from disk."""
        return np.load(self.file, mmap_mode="r", allow_pickle=False)[rows]


def contiguous(rows: np.ndarray) -> np.ndarray | slice:
    """Rows that follow each other as a slice, which is read and written without a copy; others as they are."""
    whole = len(rows) > 0 and rows[-1] - rows[0] + 1 == len(rows)
    return slice(int(rows[0]), int(rows[-1]) + 1) if whole else rows


@dataclass(kw_only=True)
class LearnedJob:
    """What the parts of a learned import work on.

    name: of the dataset. face: ``learn``, or the id of a face learned before. tracks: of all recordings, in their
    order. normaliser: two points whose distance errors are divided by. table: what the lab says of its points.
    landmark_layout: as `ImportOptions` has it. layout_choice: what landmarks are taken for, once one recording is read.
    ledger: variance of pose, identity and expression. neutrals: (V, D) m the resting face by subject.
    """

    name: str
    face: str
    root: Path | None
    progress: Listener
    pose_correction: str = "field"
    normaliser: tuple[int, int] | None = None
    table: RegionTable | None = None
    landmark_layout: str = "auto"
    layout_choice: LayoutChoice | None = None
    tracks: list[LandmarkTrack] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    neutrals: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def layout(self) -> Layout | None:
        """What the landmarks are, None for meshes and for schemes that dfe does not know."""
        return None if self.layout_choice is None else self.layout_choice.layout

    @property
    def point_regions(self) -> PointRegions | None:
        """The regions that the lab's table gives the points, None without one.

        Raises `DataError` for points that they do not have, and for meshes.
        """
        if self.table is None:
            return None
        head = self.tracks[0].head
        count = len(head.names) // head.dimensions
        if head.triangles is not None or count > MOST_POINTS:
            raise DataError(self.table.source, f"regions for a mesh of {count:,} points", "landmarks")
        return self.table.of_points(head.point_names or [str(i) for i in range(count)])


@dataclass(frozen=True, eq=False)
class TrackFrame:
    """The common frame: reference (V, D) m in our axes, the stable set (S,), and whether poses have a scale."""

    reference: np.ndarray
    stable: np.ndarray
    scaled: bool


@dataclass(kw_only=True)
class Correction:
    """What the correction did, for the face and the manifest.

    method: one of `pose_field.METHODS`. why_not: the reason where it could not be applied, empty otherwise. source:
    columns of the pose used. protected: names of the measures. mean, patterns: (F, V, D) m and (M, V, D) of the
    training subjects (`pose_field.mean_field`, `patterns_of`), None without a fit.
    before, after: leak by subject. quiet, own, removed_mm: by subject, as `Fit` has them, and the root mean square
    taken off a point.
    """

    method: str
    why_not: str = ""
    source: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    mean: np.ndarray | None = None
    patterns: np.ndarray | None = None
    before: dict[str, SubjectLeak] = field(default_factory=dict)
    after: dict[str, SubjectLeak] = field(default_factory=dict)
    quiet: dict[str, float] = field(default_factory=dict)
    own: dict[str, float] = field(default_factory=dict)
    removed_mm: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class LearnedResult:
    """What was found before recordings are projected: the common frame, the split whose training part the basis is
    learned from, the face with its basis, and what the correction for head pose did."""

    frame: TrackFrame
    split: Split
    model: FaceModel
    basis: Basis
    corrected: Correction


def typical_shape(points: np.ndarray) -> np.ndarray:
    """(V, D) float64 mean shape of some frames, brought onto the middle one."""
    some = np.asarray(points[thinned(len(points), points[0].size)][:: max(1, len(points) // SAMPLE)], np.float64)
    return pose(some, some[len(some) // 2]).apply(some).mean(0)


def deepened(points: np.ndarray) -> np.ndarray:
    """(…, D) to (…, 3) float64: 2-D points lie in the plane z = 0."""
    points = np.asarray(points, np.float64)
    return np.pad(points, [(0, 0)] * (points.ndim - 1) + [(0, 3 - points.shape[-1])])
