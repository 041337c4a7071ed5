"""What a syllable is: its moving face, its codewords by phase, its moments, what follows it and what it is like.

Letters of the shapes: S syllables with rest, P points of time, K codewords, n segments.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from dfe_core.syllables.chain import PHASES
from dfe_core.syllables.segments import REST
from dfe_core.syllables.symbols import TokenStretch

POINTS_OF_PHASE = 8
POINTS = POINTS_OF_PHASE * len(PHASES)
"""Points of time of a moving face: so many in each phase, whatever their durations."""
PRESENT_MM = 0.5
"""Displacement from which on a codeword counts as present in a phase."""


class SyllableSums:
    """What is summed over the segments of all recordings, one stretch after the other. kinds: S. codewords: K."""

    def __init__(self, kinds: int, codewords: int) -> None:
        self.segments = np.zeros(kinds)
        self.faces = np.zeros((kinds, POINTS, codewords))
        self.frames = np.zeros((kinds, len(PHASES)))
        self.present = np.zeros((kinds, len(PHASES), codewords))
        self.moved = np.zeros((kinds, len(PHASES), codewords))
        self.transitions = np.zeros((kinds, kinds), np.int64)

    def add(self, segments: pd.DataFrame, stretch: TokenStretch) -> np.ndarray:
        """Add the segments of one stretch. Returns (n, K) float32, the mean displacements at the apex of each."""
        apexes = np.zeros((len(segments), stretch.amounts_mm.shape[1]), np.float32)
        kind = segments["syllable"].to_numpy(int)
        times = segments[["start_s", "apex_s", "release_s", "end_s"]].to_numpy(float)
        for row, (own, edges) in enumerate(zip(kind, np.searchsorted(stretch.time_s, times), strict=True)):
            self.segments[own] += 1
            self.faces[own] += _resampled(stretch.amounts_mm, edges)
            for phase, (first, end) in enumerate(pairwise(edges)):
                part = stretch.amounts_mm[first:end]
                self.frames[own, phase] += len(part)
                self.present[own, phase] += (part >= PRESENT_MM).sum(0)
                self.moved[own, phase] += part.sum(0)
            apexes[row] = stretch.amounts_mm[edges[1] : edges[2]].mean(0) if edges[2] > edges[1] else 0
        np.add.at(self.transitions, (kind[:-1], kind[1:]), kind[:-1] != kind[1:])
        return apexes

    @property
    def mean_faces(self) -> np.ndarray:
        """(S, P, K) mean displacement of every codeword over the time of a syllable, mm."""
        return self.faces / np.maximum(self.segments, 1)[:, None, None]

    def codewords(self) -> pd.DataFrame:
        """Syllable, phase, codeword, share (0 … 1 of the frames of the phase in which it is present) and mean_mm."""
        frames = np.maximum(self.frames, 1)[:, :, None]
        share, mean = self.present / frames, self.moved / frames
        syllable, phase, codeword = np.nonzero(share)
        return pd.DataFrame(
            {
                "syllable": syllable,
                "phase": np.array(PHASES)[phase],
                "codeword": codeword,
                "share": share[syllable, phase, codeword],
                "mean_mm": mean[syllable, phase, codeword],
            }
        )


def _resampled(amounts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(P, K): so many points in each phase, linear between frames; a phase without a frame holds its edge."""
    parts = [
        first + (np.arange(POINTS_OF_PHASE) + 0.5) / POINTS_OF_PHASE * (end - first) - 0.5
        for first, end in pairwise(edges)
    ]
    at = np.clip(np.concatenate(parts), 0, len(amounts) - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(amounts) - 1)
    return amounts[low] + (at - low)[:, None] * (amounts[high] - amounts[low])


def apex_distances(syllable: np.ndarray, apexes: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """(n,) distance of each segment's face at the apex from the mean of its syllable, mm (root mean square over
    vertices). syllable (n,), apexes (n, K), shapes (K, D)."""
    faces = apexes @ shapes
    means = np.zeros((int(syllable.max()) + 1, faces.shape[1]))
    np.add.at(means, syllable, faces)
    means /= np.maximum(np.bincount(syllable), 1)[:, None]
    return np.linalg.norm(faces - means[syllable], axis=1)


def syllable_distances(mean_faces: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """(S, S) distance of moving faces (S, P, K), mm: root mean square over time and vertices."""
    moving = mean_faces @ shapes
    return np.sqrt(((moving[:, None] - moving[None]) ** 2).sum(3).mean(2))


def dendrogram(distances: np.ndarray) -> np.ndarray:
    """(S − 2, 4) average linkage of all syllables but rest, as `scipy.cluster.hierarchy.linkage`; empty for one."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    inner = distances[1:, 1:]
    return linkage(squareform(inner, checks=False), "average") if len(inner) > 1 else np.empty((0, 4))


def syllable_table(
    sums: SyllableSums, segments: pd.DataFrame, subjects: pd.Series, descriptions: pd.Series
) -> pd.DataFrame:
    """One row a syllable: segments, per_minute, share (of time), median_s, people, codewords (those that move the face
    furthest at the apex) and their descriptions. subjects: by recording; descriptions: by codeword."""
    seconds = (segments["end_s"] - segments["start_s"]).to_numpy()
    person = segments["recording"].map(subjects)
    rows = []
    for kind in range(len(sums.segments)):
        own = (segments["syllable"] == kind).to_numpy()
        strongest = _strongest(sums, kind)
        rows.append(
            {
                "syllable": kind,
                "segments": int(own.sum()),
                "per_minute": own.sum() / max(seconds.sum(), 1e-9) * 60,
                "share": seconds[own].sum() / max(seconds.sum(), 1e-9),
                "median_s": float(np.median(seconds[own])) if own.any() else np.nan,
                "people": int(person[own].nunique()),
                "codewords": ", ".join(map(str, strongest)),
                "description": "; ".join(str(descriptions.get(k, "")) for k in strongest[:2]),
            }
        )
    return pd.DataFrame(rows)


def _strongest(sums: SyllableSums, kind: int, most: int = 3) -> list[int]:
    """Codewords that move the face furthest at the apex, beyond what they do at rest."""
    mean = sums.moved[:, PHASES.index("apex")] / np.maximum(sums.frames[:, PHASES.index("apex")], 1)[:, None]
    moved = mean[kind] - (mean[REST] if kind != REST else 0)
    order = np.argsort(-moved, kind="stable")[:most]
    return [int(k) for k in order if moved[k] >= PRESENT_MM]
