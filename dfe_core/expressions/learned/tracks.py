"""What an import of moving points works on: its recordings, their points on disk, and the common frame."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.expressions.labels import Labels
from dfe_core.expressions.landmark_recording import PointTrack
from dfe_core.expressions.neutral import Ledger, thinned
from dfe_core.expressions.pose_leak import SubjectLeak
from dfe_core.expressions.readers.options import TimeColumn
from dfe_core.faces.frontal import Scale
from dfe_core.faces.layouts import Layout, layout_of
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
    angles: np.ndarray | None = None

    def frames(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(n, V, D) float32 of these rows, from disk."""
        return np.load(self.file, mmap_mode="r", allow_pickle=False)[rows]


@dataclass(kw_only=True)
class Job:
    """A learning import under way."""

    name: str
    face: str
    format: str
    labels: Labels
    pattern: Any
    fps: float | None
    root: Path | None
    progress: Listener
    reader: Any = None
    extractor: str | None = None
    time: TimeColumn | None = None
    pose_correction: str = "field"
    tracks: list[LandmarkTrack] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    neutrals: dict[str, np.ndarray] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def layout(self) -> Layout | None:
        """What the landmarks are, None for meshes and sets that nobody knows."""
        head = self.tracks[0].head
        return layout_of(len(head.names) // head.dimensions) if head.space == "landmarks" else None


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


def typical_shape(points: np.ndarray) -> np.ndarray:
    """(V, D) float64 mean shape of some frames, brought onto the middle one."""
    some = np.asarray(points[thinned(len(points), points[0].size)][:: max(1, len(points) // SAMPLE)], np.float64)
    return pose(some, some[len(some) // 2]).apply(some).mean(0)


def deepened(points: np.ndarray) -> np.ndarray:
    """(…, D) to (…, 3) float64: 2-D points lie in the plane z = 0."""
    points = np.asarray(points, np.float64)
    return np.pad(points, [(0, 0)] * (points.ndim - 1) + [(0, 3 - points.shape[-1])])
