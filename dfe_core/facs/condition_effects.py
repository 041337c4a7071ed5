"""How far each region of the face moves under each condition, with intervals over subjects, and the map of it.

Letters of the shapes: G groups, S subjects, R regions, H histogram bins, E coefficients, V vertices.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dfe_core.faces.model import FaceModel
from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.association import interval, subject_weights
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.surface import MM_EDGES

PEAK = 0.99
"""The peak is the displacement that one frame in a hundred exceeds: a largest value grows with the recording."""

ALL = "all"


def levels(aggregates: Aggregates) -> Iterator[tuple[str, str, np.ndarray]]:
    """(condition, level, groups (G,) bool): all frames first, then every level of every condition."""
    yield ALL, ALL, np.ones(len(aggregates.groups), bool)
    for name in aggregates.conditions:
        values = aggregates.groups[name]
        for value in sorted(values.dropna().unique().tolist(), key=str):
            yield name, str(value), (values == value).to_numpy()


def deformation_table(aggregates: Aggregates, settings: CoverageSettings, seed: int) -> pd.DataFrame:
    """condition, level, region, subjects, frames, mean_mm, mean_low, mean_high, peak_mm, peak_low, peak_high.

    A region's displacement in a frame is the root mean square over its vertices; mean and peak (`PEAK`) are over
    frames. Intervals by bootstrap over subjects, NaN with fewer than `min_subjects`.
    """
    rows = []
    for condition, level, where in levels(aggregates):
        total, histogram, frames = _by_subject(aggregates, where)
        subjects, count = int((frames > 0).sum()), float(frames.sum())
        enough = count >= settings.min_frames
        mean = total.sum(0) / count if enough else np.full(total.shape[1], np.nan)
        peak = _percentile(histogram.sum(0)) if enough else mean
        bounds = (
            _intervals(total, histogram, frames, settings, seed)
            if enough and subjects >= settings.min_subjects
            else np.full((4, total.shape[1]), np.nan)
        )
        rows += [
            {
                "condition": condition,
                "level": level,
                "region": region,
                "subjects": subjects,
                "frames": int(count),
                "mean_mm": mean[i],
                "mean_low": bounds[0][i],
                "mean_high": bounds[1][i],
                "peak_mm": peak[i],
                "peak_low": bounds[2][i],
                "peak_high": bounds[3][i],
            }
            for i, region in enumerate(aggregates.regions)
        ]
    return pd.DataFrame(rows)


def _by_subject(aggregates: Aggregates, where: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    codes = aggregates.subject_codes[where]
    kept, codes = np.unique(codes, return_inverse=True)

    def total(values: np.ndarray) -> np.ndarray:
        out = np.zeros((len(kept), *values.shape[1:]))
        np.add.at(out, codes, values[where])
        return out

    moved, histogram = (total(aggregates.arrays[name]) for name in ("moved", "moved_histogram"))
    return moved, histogram, total(aggregates.groups["frames"].to_numpy())


def _intervals(
    total: np.ndarray, histogram: np.ndarray, frames: np.ndarray, settings: CoverageSettings, seed: int
) -> tuple[np.ndarray, ...]:
    weights = subject_weights(len(frames), settings.resamples, seed)
    mean = (weights @ total) / (weights @ frames)[:, None]
    peak = _percentile(np.tensordot(weights, histogram, 1))
    return (*interval(mean), *interval(peak))


def _percentile(histogram: np.ndarray) -> np.ndarray:
    """(…, H) counts to (…) the displacement at `PEAK`, mm, linear within its bin."""
    share = np.cumsum(histogram, -1) / np.maximum(histogram.sum(-1, keepdims=True), 1e-12)
    at = np.minimum((share < PEAK).sum(-1), histogram.shape[-1] - 1)
    before = np.where(at > 0, np.take_along_axis(share, np.maximum(at - 1, 0)[..., None], -1)[..., 0], 0)
    after = np.take_along_axis(share, at[..., None], -1)[..., 0]
    inside = np.clip((PEAK - before) / np.maximum(after - before, 1e-12), 0, 1)
    return MM_EDGES[at] + inside * (MM_EDGES[at + 1] - MM_EDGES[at])


def vertex_map(aggregates: Aggregates, face: FaceModel, where: np.ndarray) -> np.ndarray:
    """(V,) float32 mm: root mean square displacement of every vertex over the frames of `where` (G,) bool.

    √(Σ over axes of bᵀΨb) with Ψ the second moment of ψ: exact, without a frame. Zeros where there are none.
    """
    size, moments = face.coefficients, aggregates.arrays["moments"][where].sum(0)
    if not face.has_mesh or moments[0, 0] == 0:
        return np.zeros(len(face.template), np.float32)
    flat = face.basis.reshape(size, -1).astype(np.float64)
    square = ((moments[-size:, -size:] / moments[0, 0]) @ flat * flat).sum(0)
    return (np.sqrt(np.maximum(square.reshape(-1, 3).sum(1), 0)) * 1e3).astype(np.float32)
