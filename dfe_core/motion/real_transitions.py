"""Transitions of recordings: from rest to an apex and from an apex to rest, as people make them.

Letters of the shapes: T frames, E coefficients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.neutral import calm_frames, resting_face, thinned
from dfe_core.faces.model import REGIONS, FaceModel
from dfe_core.tokenizer.mesh_inner_product import mesh_factor
from dfe_core.tokens.presence import frame_step

LONGEST_S = 3.5
_LOOK_S = 4.0  # how far from an apex its rest may lie
_SMOOTHING_S = 0.1
_PROMINENCE_MM = 0.7
_RETURN_MM = 0.5  # a face that moves away from rest by this much again has not come from there
_REST = 0.4  # of the apex's displacement that counts as rest
_EDGE = 0.05  # share of the way at which a transition begins, and before its end at which it ends
_FEWEST, _SHORTEST_S = 4, 0.25


@dataclass(frozen=True, eq=False, kw_only=True)
class RealTransition:
    """One transition: psi (T, E) and time_s (T,) of its frames, both ends included; rest (E,): the recording's resting
    face; rising: from rest to an apex."""

    subject: str
    recording: str
    time_s: np.ndarray
    psi: np.ndarray
    rest: np.ndarray
    rising: bool


def face_factor(face: FaceModel) -> np.ndarray:
    """(E, D) ψ to coordinates whose length is the root mean square displacement over the vertices that belong to a
    region, mm, over all where no region is known; of a face without a mesh, the coefficients."""
    if not face.has_mesh:
        return np.eye(face.coefficients)
    known = face.regions != REGIONS.index("other")
    known = known if known.any() else np.ones_like(known)
    flat = face.basis[:, known].reshape(face.coefficients, -1).astype(np.float64)
    return mesh_factor(flat @ flat.T / max(int(known.sum()), 1)) * 1e3


def find_transitions(dataset: Dataset, face: FaceModel) -> Iterator[RealTransition]:
    """Every transition of a dataset's recordings, in their order.

    An apex is a peak of the displacement from the recording's resting face (smoothed over 0.1 s, 0.7 mm above what is
    around it); rest is the lowest frame within 4 s before or after it, at 40 % of the apex at most. The transition runs
    from 5 % to 95 % of the way between the two, at most `LONGEST_S`.
    """
    factor = face_factor(face)
    people = dataset.recordings.set_index("recording")["subject"].astype(str)
    for recording in dataset.recordings["recording"]:
        frames = dataset.frames(recording)
        if frames.valid.sum() >= 30:
            own = frames.psi[frames.valid].astype(np.float64), frames.time_s[frames.valid]
            yield from _transitions(str(recording), people[recording], *own, factor)


def _transitions(
    recording: str, subject: str, psi: np.ndarray, time_s: np.ndarray, factor: np.ndarray
) -> Iterator[RealTransition]:
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    step = frame_step(time_s)
    placed = psi @ factor
    calm = calm_frames(placed[:, None], time_s)
    calm = calm[thinned(len(calm), placed.shape[1])]
    rest = resting_face(psi[calm][:, None])[0]
    away = gaussian_filter1d(np.linalg.norm(placed - rest @ factor, axis=1), _SMOOTHING_S / step)
    for apex in find_peaks(away, prominence=_PROMINENCE_MM)[0].tolist():
        for way in (-1, 1):
            span = _span(away, time_s, apex, way, step)
            if span is not None:
                rows = slice(span[0], span[1] + 1)
                yield RealTransition(
                    subject=subject,
                    recording=recording,
                    time_s=time_s[rows],
                    psi=psi[rows],
                    rest=rest,
                    rising=way < 0,
                )


def _span(away: np.ndarray, time_s: np.ndarray, apex: int, way: int, step: float) -> tuple[int, int] | None:
    """First and last row of the transition on one side of an apex; None where there is none."""
    lowest = at = apex
    while 0 <= at + way < len(away):
        near = abs(time_s[at + way] - time_s[at]) < 1.7 * step and abs(time_s[at + way] - time_s[apex]) < _LOOK_S
        at += way
        if not near or away[at] > away[apex] or away[at] > away[lowest] + _RETURN_MM:
            break
        lowest = at if away[at] < away[lowest] else lowest
    if lowest == apex or away[lowest] > _REST * away[apex]:
        return None
    first, last = min(lowest, apex), max(lowest, apex)
    share = (away[first : last + 1] - away[first]) / (away[last] - away[first])
    end = int(np.flatnonzero(share >= 1 - _EDGE)[0])
    start = int(np.flatnonzero(share[: end + 1] <= _EDGE)[-1])
    seconds = time_s[first + end] - time_s[first + start]
    good = end - start >= _FEWEST and _SHORTEST_S <= seconds <= LONGEST_S
    return (first + start, first + end) if good else None
