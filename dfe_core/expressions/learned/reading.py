"""Landmark and mesh files: found, checked against each other, and their points put on disk in metres."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.landmark_recording import SPACES, PointTrack
from dfe_core.expressions.learned.tracks import LandmarkTrack, LearnedJob, typical_shape
from dfe_core.expressions.neutral import thinned
from dfe_core.expressions.recording import Recording
from dfe_core.faces.frontal import guess_scale, is_mirrored
from dfe_core.faces.layout_choice import LayoutBy, LayoutChoice, guess_layout
from dfe_core.faces.layouts import LAYOUTS

_OF_TOOLS = ("openface", "py-feat", "mediapipe")
"""Extractors whose points have a known layout."""
_PART = 1 << 18  # coordinates written at once, which fit the cache


def place_track(path: Path, track: Recording, file: Path, job: LearnedJob) -> LandmarkTrack:
    """Check a track against the first one of the job, write its points to `file` in metres, and keep the rest of it.

    Raises `DataError` for coefficients, and for other points or another tool than the first track has.
    """
    if not isinstance(track, PointTrack) or track.space not in SPACES:
        raise DataError(
            path,
            f"{track.space} coefficients, which have a face already",
            "landmarks or meshes with --face learn; leave --face out for coefficients",
        )
    points, signs = track.raw, track.signs
    if job.tracks:
        _same_points(path, track, job.tracks[0])
    rows = np.flatnonzero(track.valid)
    typical = typical_shape(points[rows[thinned(len(rows), points[0].size)]] * signs)
    if job.layout_choice is None:
        job.layout_choice = choose_layout(path, track, typical, job.landmark_layout)
    layout = job.layout if job.layout is not None and job.layout.count == len(typical) else None
    notes = (*track.notes, *_layout_notes(job.layout_choice, len(typical)))
    if is_mirrored(typical, layout):
        turned = np.array([1, 1, -1] if track.dimensions == 3 else [1, -1], np.float32)
        signs, typical = signs * turned, typical * turned
        notes = (
            *notes,
            "The points are the mirror image of a face: "
            f"{'depth' if track.dimensions == 3 else 'height'} turned round.",
        )
    scale = guess_scale(typical, layout, track.metric)
    _save(file, points, signs * np.float32(scale.metres))
    psi = np.zeros((0, track.psi.shape[1]), np.float32)
    head = replace(track, psi=psi, notes=(*notes, f"Points {scale.why}."))
    return LandmarkTrack(head=head, file=file, source=path, scale=scale, valid=track.valid.copy())


def choose_layout(path: Path, track: PointTrack, typical: np.ndarray, asked: str) -> LayoutChoice:
    """What points of a (V, D) typical shape in our axes are taken for.

    asked: ``auto``, ``known`` or ``own``. Raises `DataError` for a known layout that no points are of.
    """
    if track.space != "landmarks" or asked == "own":
        return LayoutChoice(layout=None, by=LayoutBy.SAID)
    by = LayoutBy.SAID if asked == "known" else LayoutBy.TOOL if track.extractor in _OF_TOOLS else LayoutBy.NUMBER
    found = guess_layout(typical, by)
    if asked == "known" and found.layout is None:
        counts = " or ".join(str(layout.count) for layout in LAYOUTS)
        raise DataError(path, f"{len(typical):,} landmarks with --landmark-layout known", counts)
    return found


def _layout_notes(found: LayoutChoice, count: int) -> tuple[str, ...]:
    """What landmarks are taken for, where nobody said it, and how to say it."""
    if found.fault:
        return (
            f"{count} landmarks are not taken for a known layout of so many, for {found.fault}: they are of a "
            "scheme of their own, without regions until a table names them (--point-regions). --landmark-layout known "
            "takes them all the same.",
        )
    if found.layout is None or found.by != LayoutBy.NUMBER:
        return ()
    return (
        f"{count} landmarks are taken for those of {found.layout.name}, by their number. A table of regions "
        "(--point-regions), or --landmark-layout own, says that they are of another scheme.",
    )


def _save(file: Path, points: np.ndarray, factors: np.ndarray) -> None:
    """Write (T, V, D) points times (D,) factors as float32, a part at a time: an hour of them is not copied."""
    step = max(1, _PART // max(points[0].size, 1))
    with open(file, "wb") as handle:
        np.lib.format.write_array_header_1_0(handle, {"descr": "<f4", "fortran_order": False, "shape": points.shape})
        handle.writelines(
            (points[start : start + step] * factors).astype("<f4", copy=False).data
            for start in range(0, len(points), step)
        )


def _same_points(path: Path, track: PointTrack, first: LandmarkTrack) -> None:
    found, wanted = ((t.space, len(t.names) // t.dimensions, t.dimensions) for t in (track, first.head))
    if found != wanted:
        said = [
            f"{count:,} {'vertices' if space == 'mesh' else 'landmarks'} in {d}-D"
            for space, count, d in (found, wanted)
        ]
        raise DataError(path, said[0], f"{said[1]} as in {first.source.name}: one set of points a dataset")
    if track.extractor != first.head.extractor:
        raise DataError(
            path,
            f"points of {track.extractor}",
            f"those of {first.head.extractor} as in {first.source.name}: one tool a dataset",
        )
