"""Moving points before a basis exists for them: landmarks and meshes as the readers hand them over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing
from dfe_core.expressions.validation import motion_notes

SPACES = ("landmarks", "mesh")
"""The values of `Recording.space` that only ``--face learn`` can take in."""
MOST_POINTS = 60_000
_FARTHEST = 1e9
_BLOCK = 4096
_TO_OURS = {"face": (1, 1, 1), "image": (1, -1, -1)}


@dataclass(frozen=True, eq=False, kw_only=True)
class PointTrack(Recording):
    """A recording whose ψ holds positions, ``x_0, y_0(, z_0), x_1 …``: (T, V·D) float32 in the file's own unit.

    Attributes
    ----------
    dimensions: D, 2 or 3.
    metric: the unit is one length throughout (camera space, meshes); False for what an image shows, where the size of
        a face is its distance from the camera.
    axes: ``face`` (x to the face's left, y up, z out) or ``image`` (x right, y down, z away from the camera).
    triangles: (F, 3) of a mesh, None for landmarks.
    weights: (T, V) float32, 0 or more: how much a fit trusts each point, as the file has visibility, confidence or
        likelihood; None where it has none.
    point_names: V names, where the file has them; empty where points have numbers.
    """

    dimensions: int = 3
    metric: bool = True
    axes: str = "face"
    triangles: np.ndarray | None = None
    weights: np.ndarray | None = None
    point_names: tuple[str, ...] = ()

    @property
    def signs(self) -> np.ndarray:
        """(D,) float32 that turn the file's axes into ours."""
        return np.array(_TO_OURS[self.axes][: self.dimensions], np.float32)

    @property
    def raw(self) -> np.ndarray:
        """(T, V, D) float32 as the file has them, without a copy: `points` is this times `signs`."""
        return self.psi.reshape(len(self.psi), -1, self.dimensions)

    @property
    def points(self) -> np.ndarray:
        """(T, V, D) float32 in our axes; units are the file's."""
        return self.raw * self.signs


@dataclass(frozen=True, eq=False, kw_only=True)
class PointGeometry:
    """What points are and how they lie: space, metric, axes and triangles, as `PointTrack` has them."""

    space: str = "landmarks"
    metric: bool = True
    axes: str = "face"
    triangles: np.ndarray | None = None


IMAGE = PointGeometry(metric=False, axes="image")
"""Landmarks as an image shows them."""


def point_track(
    path: Path,
    points: np.ndarray,
    timing: Timing,
    extractor: str,
    geometry: PointGeometry,
    *,
    valid: np.ndarray | None = None,
    extras: dict[str, np.ndarray] | None = None,
    notes: Sequence[str] = (),
) -> PointTrack:
    """A track of (N, V, D) points, D 2 or 3, whose rows `timing` chooses and orders, named after its file; frames with
    a missing or infinite coordinate, and those whose points all lie at one place, become invalid.

    Raises `DataError` for shapes that are no points, and where no frame is left.
    """
    if points.ndim != 3 or points.shape[2] not in (2, 3) or not 3 <= points.shape[1] <= MOST_POINTS:
        raise DataError(
            path, f"an array of shape {points.shape}", f"(frames, points, 2 or 3), of 3 to {MOST_POINTS:,} points"
        )
    points, extras = timing.of(points), {name: timing.of(values) for name, values in (extras or {}).items()}
    valid = np.ones(len(points), bool) if valid is None else timing.of(valid)
    whole = _whole(points)
    broken = int((valid & ~whole).sum())
    valid = valid & whole
    if not valid.any():
        raise DataError(
            path, "no frame in which a face was found", "at least one with every coordinate, not all at one place"
        )
    told = (
        (f"{broken:,} frames with missing or infinite coordinates, or all at one place, are marked invalid.",)
        if broken
        else ()
    )
    flat = np.ascontiguousarray(points, np.float32).reshape(len(points), -1)
    if not valid.all():
        flat = np.where(valid[:, None], flat, np.float32(0))
    names = tuple(f"{axis}_{i}" for i in range(points.shape[1]) for axis in "xyz"[: points.shape[2]])
    return PointTrack(
        name=path.stem,
        names=names,
        psi=flat,
        time_s=timing.time_s,
        frame=timing.frame,
        valid=valid,
        fps=timing.fps,
        space=geometry.space,
        extractor=extractor,
        extras=extras,
        notes=(*notes, *timing.notes, *told, *motion_notes(flat, valid)),
        dimensions=points.shape[2],
        metric=geometry.metric,
        axes=geometry.axes,
        triangles=geometry.triangles,
    )


def with_weights(track: PointTrack, weights: np.ndarray | None, timing: Timing) -> PointTrack:
    """The track with (N, V) weights of its points, whose rows `timing` chooses and orders as it did the points.

    Values below 0 and missing ones count as 0. Weights that are 0 throughout are none: MediaPipe's Face Landmarker
    writes a visibility of 0 for every point.
    """
    if weights is None:
        return track
    chosen = np.nan_to_num(np.maximum(timing.of(weights), 0), nan=0.0, posinf=1.0).astype(np.float32)
    if not chosen.any():
        return track
    return replace(track, weights=chosen)


def _whole(points: np.ndarray) -> np.ndarray:
    """(T,) which frames of (T, V, D) points have every coordinate, none out of all measure, and are not one place."""
    out = np.zeros(len(points), bool)
    for start in range(0, len(points), _BLOCK):
        part = points[start : start + _BLOCK]
        if np.abs(part).max() < _FARTHEST and (part[:, 0] != part[:, -1]).any(1).all():  # nearly always, and quick
            out[start : start + _BLOCK] = True
            continue
        low, high = part.min(1), part.max(1)  # NaN where any is
        with np.errstate(invalid="ignore", over="ignore"):
            near = (np.maximum(np.abs(low), np.abs(high)) < _FARTHEST).all(1)
            out[start : start + _BLOCK] = near & ((high - low).max(1) > 0)
    return out
