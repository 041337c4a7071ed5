"""Spotted intervals against coded ones, by the rules of the micro-expression challenges (MEGC 2019 to 2022).

A spotted interval is a true positive where its intersection over union with a coded one is 0.5 or more (in frames, both
ends counted), each coded one once. Precision, recall and F1 are of all videos together, not means over videos. After
Li, Soladie, Seguier, Wang & Yap 2019, "Spotting micro-expressions on long videos sequences", and He, Wang, Li & Yap
2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST_OVERLAP = 0.5
NO_MATCH = -1


@dataclass(frozen=True, kw_only=True)
class SpottingScore:
    """Counts over all videos: hits, spotted and coded intervals."""

    hits: int
    spotted: int
    coded: int

    @property
    def precision(self) -> float:
        """Hits among the spotted; 0 where nothing was spotted."""
        return self.hits / self.spotted if self.spotted else 0.0

    @property
    def recall(self) -> float:
        """Hits among the coded; 0 where nothing was coded."""
        return self.hits / self.coded if self.coded else 0.0

    @property
    def f1(self) -> float:
        """2 · hits / (spotted + coded); 0 where there is neither."""
        return 2 * self.hits / (self.spotted + self.coded) if self.spotted + self.coded else 0.0


def overlap(spotted: np.ndarray, coded: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair.

    Parameters
    ----------
    spotted, coded: (S, 2) and (M, 2) first and last frame of each.

    Returns
    -------
    (S, M) in 0 … 1.
    """
    first = np.maximum(spotted[:, None, 0], coded[None, :, 0])
    last = np.minimum(spotted[:, None, 1], coded[None, :, 1])
    shared = np.maximum(last - first + 1, 0)
    length = (spotted[:, 1] - spotted[:, 0] + 1)[:, None] + (coded[:, 1] - coded[:, 0] + 1)[None]
    return shared / np.maximum(length - shared, 1)


def match_intervals(
    spotted: np.ndarray, coded: np.ndarray, score: np.ndarray, least: float = LEAST_OVERLAP
) -> np.ndarray:
    """Give each spotted interval a coded one, those of the highest score first.

    Parameters
    ----------
    spotted, coded: (S, 2) and (M, 2) frames of one recording. score: (S,). least: intersection over union.

    Returns
    -------
    (S,) index into `coded`, `NO_MATCH` for a false positive. What the strongest take does not depend on the others, so
    that a threshold on the score keeps the matches of those above it.
    """
    match = np.full(len(spotted), NO_MATCH)
    shared = overlap(spotted, coded) if len(coded) else np.zeros((len(spotted), 0))
    free = np.ones(len(coded), bool)
    for row in np.argsort(-score, kind="stable"):
        best = np.where(free, shared[row], 0.0)
        if len(best) and best.max() >= least:
            match[row] = int(best.argmax())
            free[match[row]] = False
    return match


def best_threshold(score: np.ndarray, hit: np.ndarray, coded: int) -> float:
    """The threshold of the highest F1, in the middle between the last candidate that it keeps and the next.

    Parameters
    ----------
    score, hit: (S,) of the candidates, hit where it matches a coded interval. coded: number of coded intervals.

    Returns
    -------
    Candidates at or above it are kept; infinity where none hits.
    """
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(hit[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + coded)
    if not len(order) or not hits[-1]:
        return float("inf")
    last = np.flatnonzero(np.r_[np.diff(score[order]) != 0, True])  # of equal scores all are kept, or none
    at = int(last[f1[last].argmax()])
    below = score[order][at + 1] if at + 1 < len(order) else 0.0
    return float((score[order][at] + below) / 2)


def bootstrap_f1(
    counts: np.ndarray, resamples: int, seed: int, level: float = 0.95
) -> tuple[tuple[float, float], np.ndarray]:
    """An interval of F1 over subjects.

    Parameters
    ----------
    counts: (subjects, 3) hits, spotted, coded of each.

    Returns
    -------
    The interval, and (resamples,) F1 of every resample; the same seed draws the same subjects for every method, so that
    differences of these are paired.
    """
    rng = np.random.default_rng([seed, 71])
    drawn = counts[rng.integers(0, len(counts), (resamples, len(counts)))].sum(1)
    f1 = 2 * drawn[:, 0] / np.maximum(drawn[:, 1] + drawn[:, 2], 1)
    low, high = np.quantile(f1, [(1 - level) / 2, (1 + level) / 2])
    return (float(low), float(high)), f1
