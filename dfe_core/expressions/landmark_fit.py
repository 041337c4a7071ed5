"""Landmark files onto a face that is there already: read as they are, then fitted (`faces.fitting`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.landmark_recording import PointTrack
from dfe_core.expressions.learned.reading import choose_layout
from dfe_core.expressions.neutral import calm_frames
from dfe_core.expressions.normalised_error import (
    EYE_CORNERS,
    Normaliser,
    NormaliserKind,
    normaliser_of,
    normaliser_sentence,
)
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.registry import find_reader, holds_points
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.sources import read_recordings
from dfe_core.faces.fitting import FEWEST, FittingTarget, fit_face, target_of
from dfe_core.faces.frontal import guess_scale, is_mirrored
from dfe_core.faces.hidden_points import fill_hidden, without_doubtful
from dfe_core.faces.layouts import layout_of
from dfe_core.faces.model import REGIONS, FaceModel
from dfe_core.faces.rigid import pose

HIDDEN = "hidden "
"""Before a region's name: the column beside ψ of the share of its landmarks that a frame does not show."""


@dataclass(frozen=True, eq=False)
class FittingReader:
    """Reads landmark files for `import_dataset`, fitted to `face`: ψ are the face's own coefficients.

    weighted: points count by the visibility, confidence or likelihood that the file has for each; else all alike.
    """

    face: FaceModel
    weighted: bool = True
    FORMAT = "landmarks-fitted"
    TITLE = "landmarks fitted to a face"

    def read(self, path: Path, options: ReadOptions) -> list[Recording]:
        """One recording a track. Raises `DataError` for files without landmarks and for sets of unknown landmarks."""
        reader, _ = find_reader(path, points_first=True)
        if not holds_points(reader):
            raise DataError(path, f"{reader.TITLE}, which has coefficients already", "landmarks where --fit is given")
        tracks = cast(list[PointTrack], read_recordings(path, reader, options))  # what such a reader reads
        return [self._fitted(path, track) for track in tracks]

    def _fitted(self, path: Path, track: PointTrack) -> Recording:
        layout = layout_of(len(track.names) // track.dimensions) if track.space == "landmarks" else None
        if layout is None:
            raise DataError(
                path,
                f"{len(track.names) // track.dimensions:,} points of unknown meaning",
                "68, 51, 468 or 478 landmarks, or --face learn",
            )
        target = target_of(self.face, layout)
        rows, points, weights = self._seen(path, track, target)
        typical = points[:: max(1, len(points) // 400)]
        typical = pose(typical, typical[0], True).apply(typical).mean(0)
        if fault := choose_layout(path, track, typical, "auto").fault:
            raise DataError(
                path,
                f"{len(typical)} landmarks that are not {layout.name}: {fault}",
                "landmarks of a known layout, or --face learn",
            )
        if is_mirrored(typical, layout):
            points[..., -1] *= -1
        points = points[:, target.indices] * guess_scale(typical, layout, track.metric).metres
        own = None if weights is None else weights[:, target.indices]
        return self._recording(track, rows, points, target, own)

    def _seen(
        self, path: Path, track: PointTrack, target: FittingTarget
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Rows that show enough of the face, their points (T, V, D) float64, hidden ones filled in, and weights (T, V)
        of these. Raises `DataError` where no row does."""
        rows = np.flatnonzero(track.valid)
        if not self.weighted or track.weights is None:
            return rows, track.points[rows].astype(np.float64), None
        weights = without_doubtful(track.weights[rows])
        enough = (weights[:, target.indices] > 0).sum(1) >= FEWEST
        if not enough.any():
            raise DataError(path, f"no frame that shows {FEWEST} points", "a face to fit, or --point-weights none")
        rows, weights = rows[enough], weights[enough]
        return rows, fill_hidden(track.points[rows].astype(np.float64), weights), weights

    def _recording(
        self,
        track: PointTrack,
        rows: np.ndarray,
        points: np.ndarray,
        target: FittingTarget,
        weights: np.ndarray | None,
    ) -> Recording:
        upright = pose(points, points[0], True).apply(points)
        calm = calm_frames(upright, track.time_s[rows])
        found = fit_face(points, calm, target, weights)
        psi = np.zeros((len(track.valid), self.face.coefficients), np.float32)
        error = np.full(len(track.valid), np.nan, np.float32)
        psi[rows], error[rows] = found.psi, found.error_mm
        whole, moving = (float(np.sqrt((e**2).mean())) for e in (found.error_mm, found.moving_mm))
        length = _between_eyes(self.face)
        note = (
            f"Fitted to {self.face.id} on {len(target.names)} landmarks: reprojection error {whole:.2f} mm (root "
            f"mean square), {moving:.2f} mm without what differs at rest; normalised mean error "
            f"{found.off_mm.mean() / (1e3 * length.length_m):.2%} of {normaliser_sentence(length.facts)}."
        )
        valid = np.zeros(len(track.valid), bool)
        valid[rows] = True
        hidden = {} if weights is None else _hidden_shares(weights, rows, track, self.face, target)
        return Recording(
            name=track.name,
            names=self.face.names,
            psi=psi,
            time_s=track.time_s,
            frame=track.frame,
            valid=valid,
            fps=track.fps,
            space=self.face.id,
            extractor=f"{track.extractor}+fit",
            subject=track.subject,
            session=track.session,
            extras={**track.extras, "fit_error_mm": error, **hidden},
            notes=(*track.notes, note, *_hidden_notes(weights, track, rows)),
        )


def _between_eyes(face: FaceModel) -> Normaliser:
    """What errors are divided by on a face that landmarks are fitted to."""
    marks = tuple(face.landmarks[name] for name in EYE_CORNERS if name in face.landmarks)
    found = normaliser_of(face.template, None, (marks[0], marks[1]) if len(marks) == 2 else None)
    return replace(found, kind=NormaliserKind.EYES) if len(marks) == 2 else found


def _hidden_shares(
    weights: np.ndarray, rows: np.ndarray, track: PointTrack, face: FaceModel, target: FittingTarget
) -> dict[str, np.ndarray]:
    """For every region with landmarks, the share of them that a frame does not show, (T,) float32: what the fit does
    not know there (`HIDDEN`)."""
    regions = face.regions[[face.landmarks[name] for name in target.names]]
    out = {}
    for code in np.unique(regions):
        shares = np.full(len(track.valid), np.nan, np.float32)
        shares[rows] = (weights[:, regions == code] == 0).mean(1)
        out[f"{HIDDEN}{REGIONS[code]}"] = shares
    return out


def _hidden_notes(weights: np.ndarray | None, track: PointTrack, rows: np.ndarray) -> tuple[str, ...]:
    if weights is None:
        return ()
    lost, partly = int(track.valid.sum()) - len(rows), int((weights == 0).any(1).sum())
    text = (
        f"Points weighed as the file says: {partly:,} of {len(rows):,} frames have hidden points, which count nothing"
    )
    return (f"{text}; {lost:,} frames that show fewer than {FEWEST} are marked invalid." if lost else f"{text}.",)
