"""Where the fit begins: rises and falls of the face's movement, sorted into kinds by the codewords at their apex."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dfe_core.syllables.chain import PHASES
from dfe_core.syllables.symbols import TokenStretch

LEAST_MM = 1.0
"""Least rise and fall, summed over codewords, of a display."""
_ENDS, _APEX = 0.92, 0.3
"""Share of its height by which the movement has fallen where a display ends, and where its apex does."""
_RESTING_CENTILE = 20
_STARTS = 20


@dataclass(frozen=True, eq=False, kw_only=True)
class Rise:
    """A rise and fall of movement: the stretch it lies in, four frames (onset, first and last of the apex, offset) and
    vector (D,), the face at the apex."""

    stretch: int
    edges: tuple[int, int, int, int]
    vector: np.ndarray


def find_rises(stretches: Sequence[TokenStretch], duration_frames: float, shapes: np.ndarray) -> list[Rise]:
    """Every rise and fall of the summed displacement of codewords above the resting face of the recording.

    shapes: (K, D) what a codeword does to the face for each mm of its displacement.
    """
    resting = _resting(stretches)
    found: list[Rise] = []
    for number, one in enumerate(stretches):
        moved = np.maximum(one.amounts_mm - resting[one.recording], 0)
        for edges in _edges(moved.sum(1), duration_frames):
            vector = _vector(moved[edges[1] : edges[2] + 1], shapes)
            found.append(Rise(stretch=number, edges=edges, vector=vector))
    return found


def _resting(stretches: Sequence[TokenStretch]) -> dict[str, np.ndarray]:
    """(K,) of each recording: what every codeword is at in its quietest fifth."""
    parts: dict[str, list[np.ndarray]] = {}
    for one in stretches:
        parts.setdefault(one.recording, []).append(one.amounts_mm)
    return {name: np.percentile(np.concatenate(own), _RESTING_CENTILE, axis=0) for name, own in parts.items()}


def _edges(movement: np.ndarray, duration_frames: float) -> list[tuple[int, int, int, int]]:
    """Onset, first and last frame of the apex, and offset of each peak of (T,) movement."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks, peak_widths

    smooth = gaussian_filter1d(movement, max(duration_frames / 12, 0.5), mode="nearest")
    smooth = np.r_[0.0, smooth, 0.0]
    peaks, facts = find_peaks(smooth, prominence=LEAST_MM, distance=max(duration_frames / 2, 2))
    keep = facts["prominences"] >= 0.3 * smooth[peaks]
    peaks = peaks[keep]
    if not len(peaks):
        return []
    ends, apex = (peak_widths(smooth, peaks, rel_height=share)[2:] for share in (_ENDS, _APEX))
    rows = np.rint(np.stack([ends[0], apex[0], apex[1], ends[1]], 1)).astype(int) - 1
    return [tuple(row) for row in np.clip(rows, 0, len(movement) - 1).tolist()]


def _vector(moved: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """(D,) of length 1: the mean face of the apex, whatever its strength."""
    vector = moved.mean(0) @ shapes
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def sort_rises(rises: Sequence[Rise], kinds: int) -> np.ndarray:
    """(n,) kind 0 … `kinds` − 1 of each rise: k-means, the best of `_STARTS` starts that are always the same ones."""
    from sklearn.cluster import KMeans

    vectors = np.stack([rise.vector for rise in rises])
    if len(vectors) <= kinds:
        return np.arange(len(vectors))
    return KMeans(kinds, n_init=_STARTS, random_state=0).fit_predict(vectors)


def first_states(stretches: Sequence[TokenStretch], rises: Sequence[Rise], kinds: np.ndarray) -> list[np.ndarray]:
    """(T,) int64 of each stretch: the state that the rises put every frame in, rest (0) between them."""
    found = [np.zeros(len(one), np.int64) for one in stretches]
    for rise, kind in zip(rises, kinds, strict=True):
        onset, first, last, offset = rise.edges
        state = 1 + len(PHASES) * int(kind)
        own = found[rise.stretch]
        own[onset : first + 1] = state
        own[first : last + 1] = state + 1
        own[last : offset + 1] = np.where(np.arange(last, offset + 1) == last, own[last], state + 2)
    return found
