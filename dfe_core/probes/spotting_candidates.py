"""Spotting: short movements of a face that come and go within half a second, and where they begin and end.

A face that leaves a posture and returns to it within half a second is far from the middle of what it was before and
after (`transient`); the onset or the offset of a longer display is not, because the face does not come back. Each frame
is looked at with several durations, region by region, in mm on the mesh; the onset and offset of a candidate are where
the movement along its own direction has died away. Beside it run the two plain methods of the field on the same signal:
peaks of the speed of movement, and feature difference within one fixed window (Moilanen, Zhao & Pietikäinen 2014).
Letters of the shapes: T frames, E coefficients, D dimensions of a signal, S intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from dfe_core.errors import DataError
from dfe_core.faces.model import REGIONS, FaceModel
from dfe_core.probes.micro_windows import LONGEST_S, MIN_FRAMES, SHORTEST_S

TRANSIENT, SPEED, DIFFERENCE = "transient", "speed", "difference"
METHODS = (TRANSIENT, SPEED, DIFFERENCE)
"""transient: this module's own; speed and difference: the plain ones."""
USUAL_MM = 0.5
"""Threshold of `TRANSIENT` where there are no coded intervals to choose it on: about what is chosen on planted displays
(docs/micro-expressions.md)."""
_BLINKS = ("eyeBlink", "eyeLook")
"""Coefficients of lids and gaze: as fast as micro-expressions, and none."""
_SMOOTH_S = 0.02
_USUAL_S = 0.3
"""Length that the two plain methods give every interval."""
_END_SHARE = 0.12
"""Of the movement at its apex, where it counts as over."""
_TURN_SHARE = 0.3
"""Of the movement at its apex, below which something else may begin before it is over."""
_RETURN = 1.0
"""How much a face that does not come back counts against it."""
_COMPONENTS = 6
"""Dimensions of a region's movement that are kept."""


@dataclass(frozen=True, kw_only=True)
class SpottingSettings:
    """How a dataset is searched.

    Attributes
    ----------
    shortest_s, longest_s: of what is spotted, s.
    threshold: score from which a candidate counts, mm; None: chosen on the coded intervals of the other subjects, and
        `USUAL_MM` where none are coded.
    methods: of `METHODS`. resamples, seed: of the bootstrap over subjects.
    """

    shortest_s: float = SHORTEST_S
    longest_s: float = LONGEST_S
    threshold: float | None = None
    methods: tuple[str, ...] = METHODS
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.shortest_s < self.longest_s <= LONGEST_S:
            raise DataError(
                "lengths", f"{self.shortest_s:g} to {self.longest_s:g} s", f"0 < shortest < longest ≤ {LONGEST_S:g} s"
            )
        if unknown := [name for name in self.methods if name not in METHODS]:
            raise DataError("method", repr(unknown[0]), " or ".join(METHODS))


@dataclass(frozen=True, eq=False, kw_only=True)
class SpottingCandidates:
    """Of one recording: frames (S, 2) first and last row, apex (S,), score (S,), region (S,) index of
    `FaceModel.region_names`."""

    frames: np.ndarray
    apex: np.ndarray
    score: np.ndarray
    region: np.ndarray = field(default_factory=lambda: np.zeros(0, int))


@dataclass(frozen=True, eq=False, kw_only=True)
class Signals:
    """How ψ becomes movement in mm: maps (region index → (E, D)), `whole` (E, D) of the face; lids: whether blinks and
    gaze are left out. names: of the regions, by index."""

    maps: dict[int, np.ndarray]
    whole: np.ndarray
    lids: bool
    names: tuple[str, ...] = REGIONS

    def of(self, psi: np.ndarray, fps: float) -> tuple[dict[int, np.ndarray], np.ndarray]:
        """Signals of (T, E) smoothed coefficients: by region, of the whole; (T, D) each, mm (RMS over vertices)."""
        smooth = gaussian_filter1d(psi.astype(np.float64), _SMOOTH_S * fps, axis=0, mode="nearest")
        return {region: smooth @ one for region, one in self.maps.items()}, smooth @ self.whole


def make_signals(face: FaceModel) -> Signals:
    """The signals of a face; of one without a mesh, its coefficients as one region, unscaled."""
    kept = np.array([not name.startswith(_BLINKS) for name in face.names])
    if not face.has_mesh:
        plain = np.diag(kept.astype(float))
        return Signals(maps={REGIONS.index("other"): plain}, whole=plain, lids=not kept.all())
    maps = {}
    for region, name in enumerate(face.region_names):
        inside = face.regions == region
        if name != "other" and inside.any():
            maps[region] = _root_of_gram(face.basis[:, inside] * kept[:, None, None])
    expressive = face.regions != REGIONS.index("other")
    whole = _root_of_gram(face.basis[:, expressive] * kept[:, None, None])
    return Signals(maps=maps, whole=whole, lids=not kept.all(), names=face.region_names)


def _root_of_gram(basis: np.ndarray) -> np.ndarray:
    """(E, V, 3) m → (E, D) so that lengths of ψ @ root are RMS displacements over the V vertices, mm."""
    flat = 1e3 * basis.reshape(len(basis), -1).astype(np.float64)
    values, vectors = np.linalg.eigh(flat @ flat.T / basis.shape[1])
    keep = np.argsort(values)[::-1][:_COMPONENTS]
    return vectors[:, keep] * np.sqrt(np.maximum(values[keep], 0))


def transient(y: np.ndarray, half: int) -> np.ndarray:
    """How far each frame is from the middle of the frames `half` before and after, less how far these are apart.

    Parameters
    ----------
    y: (T, D). half: frames.

    Returns
    -------
    (T,) ≥ 0; 0 within `half` of the ends.
    """
    out = np.zeros(len(y))
    if len(y) > 2 * half:
        before, after, here = y[: -2 * half], y[2 * half :], y[half:-half]
        size = np.linalg.norm(here - (before + after) / 2, axis=1)
        out[half:-half] = np.maximum(size - _RETURN * np.linalg.norm(after - before, axis=1) / 2, 0)
    return out


def find_transients(psi: np.ndarray, fps: float, signals: Signals, settings: SpottingSettings) -> SpottingCandidates:
    """Movements that come and go, one candidate an instant."""
    regions, _ = signals.of(psi, fps)
    halves = sorted({max(2, round(s * fps / 2)) for s in np.geomspace(0.12, settings.longest_s, 5)})
    names = list(regions)
    best = np.zeros((len(names), len(psi)))
    for row, name in enumerate(names):
        for half in halves:
            best[row] = np.maximum(best[row], transient(regions[name], half))
    score, region = best.max(0), best.argmax(0)
    reach = max(2, round(settings.longest_s * fps))
    found = []
    for apex in _peaks(score, max(1, round(0.1 * fps))):
        span = _extent(regions[names[region[apex]]], apex, reach)
        if span is not None and _fits(span, fps, settings):
            found.append((*span, apex, score[apex], names[region[apex]]))
    return _without_overlap(found)


def find_speed_peaks(psi: np.ndarray, fps: float, signals: Signals, settings: SpottingSettings) -> SpottingCandidates:
    """Peaks of the speed of movement (mm/s), averaged over the usual length, as intervals of that length."""
    _, whole = signals.of(psi, fps)
    wide = max(3, round(_USUAL_S * fps))
    speed = uniform_filter1d(np.linalg.norm(np.gradient(whole, axis=0), axis=1) * fps, wide, mode="nearest")
    return _of_usual_length(speed, wide)


def find_differences(psi: np.ndarray, fps: float, signals: Signals, settings: SpottingSettings) -> SpottingCandidates:
    """Feature difference: each frame against the mean of the ends of one window, less the same around it."""
    _, whole = signals.of(psi, fps)
    wide = max(3, round(_USUAL_S * fps))
    half = wide // 2
    index = np.arange(len(whole))
    ends = (whole[np.maximum(index - half, 0)] + whole[np.minimum(index + half, len(whole) - 1)]) / 2
    difference = np.linalg.norm(whole - ends, axis=1)
    sides = (difference[np.maximum(index - half, 0)] + difference[np.minimum(index + half, len(whole) - 1)]) / 2
    return _of_usual_length(np.maximum(difference - sides, 0), wide)


FINDERS: dict[str, Callable[[np.ndarray, float, Signals, SpottingSettings], SpottingCandidates]] = {
    TRANSIENT: find_transients,
    SPEED: find_speed_peaks,
    DIFFERENCE: find_differences,
}


def _of_usual_length(score: np.ndarray, wide: int) -> SpottingCandidates:
    last = len(score) - 1
    found = [
        (max(0, peak - wide // 2), min(last, peak + wide // 2), peak, score[peak], 0)
        for peak in _peaks(score, wide // 2)
    ]
    return _without_overlap(found)


def _peaks(score: np.ndarray, apart: int) -> np.ndarray:
    """Rows of local maxima above 0, `apart` rows from a higher one."""
    from scipy.signal import find_peaks

    return find_peaks(np.r_[0, score, 0], height=1e-9, distance=max(1, apart))[0] - 1


def _extent(y: np.ndarray, apex: int, reach: int) -> tuple[int, int] | None:
    """First and last row of a movement: where it has died away, along its own direction, from a base that joins both
    ends; None where it does not within `reach`."""
    low, high = max(0, apex - reach), min(len(y) - 1, apex + reach)
    base = (y[low] + y[high]) / 2
    direction = y[apex] - base
    size = np.linalg.norm(direction)
    if size <= 0:
        return None
    along = (y[low : high + 1] - base) @ direction / size
    at = apex - low
    first, last = _falls(along[: at + 1][::-1], along[at]), _falls(along[at:], along[at])
    return (apex - first, apex + last) if first and last else None


def _falls(along: np.ndarray, top: float) -> int:
    """Steps from the apex until the movement has died away: below a share of it, or where it turns before that, low
    enough; 0 where it does not."""
    lowest = along.min()
    floor, low = (lowest + share * (top - lowest) for share in (_END_SHARE, _TURN_SHARE))
    turns = np.r_[False, (along[1:-1] <= along[2:]) & (along[1:-1] < along[:-2]), False]
    ends = np.flatnonzero((along <= floor) | (turns & (along <= low)))
    return int(ends[0]) if len(ends) else 0


def _fits(span: tuple[int, int], fps: float, settings: SpottingSettings) -> bool:
    seconds = (span[1] - span[0]) / fps
    return settings.shortest_s <= seconds <= settings.longest_s + 1e-6 and span[1] - span[0] + 1 >= MIN_FRAMES


def _without_overlap(found: list[tuple[Any, ...]]) -> SpottingCandidates:
    """The strongest of those that overlap."""
    kept: list[tuple[Any, ...]] = []
    for one in sorted(found, key=lambda row: -row[3]):
        if all(one[1] < other[0] or one[0] > other[1] for other in kept):
            kept.append(one)
    kept.sort()
    columns = list(zip(*kept, strict=True)) if kept else [()] * 5
    return SpottingCandidates(
        frames=np.array(list(zip(columns[0], columns[1], strict=True)), int).reshape(-1, 2),
        apex=np.array(columns[2], int),
        score=np.array(columns[3], float),
        region=np.array(columns[4], int),
    )
