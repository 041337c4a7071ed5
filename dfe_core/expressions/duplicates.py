"""Recordings that hold the same movement: copies under another name, trimmed or shifted by a resting offset or neither.

A person who is in a dataset under two names is trained on and tested on. What is compared is how ψ changes: each
recording at 10 samples a second, smoothed, differenced (a constant offset falls out), projected on a few fixed random
directions and compressed (a blink that two recordings share must not outweigh all that they do not), then correlated
with every other at every lag. Two independent faces never agree over most of a recording.

Of more than `ALL_PAIRS` recordings not every pair is correlated, for their number grows with the square. Three seconds
around the strongest moments of each are compared with those of all others; pairs in which two moments are alike at the
same lag are correlated as above.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.signal import find_peaks

from dfe_core.artefact import source_labels
from dfe_core.artefact_names import DUPLICATES, MANIFEST, keyed_name
from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.store import atomic_directory, content_key, read_json, write_json

VERSION = 1
ALIKE = 0.8
"""Correlation over the overlap from which two recordings are copies of each other."""
_RATE, _MOST_S, _SMOOTH_S, _DIRECTIONS = 10.0, 120.0, 0.3, 6
_LEAST_S, _LEAST_SHARE = 5.0, 0.5
"""The overlap is at least so long, and at least this share of the shorter recording."""
ALL_PAIRS = 1500
"""Up to so many recordings every pair is correlated: two minutes of work and 0.1 MB a recording."""
_MOMENTS, _AROUND, _MOMENT_ALIKE, _BLOCK = 10, 15, 0.7, 256
"""Of more: moments of a recording, samples before and after each, cosine from which two are alike, and rows compared at
a time."""


@dataclass(frozen=True, kw_only=True)
class Duplicate:
    """Two recordings of one movement: their names and subjects, correlation over the overlap, its length, and how much
    later the movement comes in the second."""

    first: str
    second: str
    first_subject: str
    second_subject: str
    correlation: float
    overlap_s: float
    lag_s: float


def find_duplicates(dataset: Dataset, folder: Path | None = None) -> tuple[Duplicate, ...]:
    """Every pair of recordings of different subjects that are copies of each other over their first two minutes.

    folder: ``analyses/`` of a cache, where the result is kept by the dataset's key.
    """
    subjects = dataset.recordings.set_index("recording")["subject"].astype(str).to_dict()
    key = content_key([VERSION, dataset.key, subjects])
    kept = None if folder is None else folder / keyed_name(DUPLICATES, key)
    if kept is not None and (kept / MANIFEST).is_file():
        return tuple(Duplicate(**one) for one in read_json(kept / MANIFEST)["duplicates"])
    names = [str(name) for name in subjects]
    few = len(names) <= ALL_PAIRS
    pairs_alike = alike([_movement(part) for part in dataset.iter_frames()]) if few else _alike_of_many(dataset, names)
    found = tuple(
        Duplicate(
            first=names[i],
            second=names[j],
            first_subject=subjects[names[i]],
            second_subject=subjects[names[j]],
            correlation=r,
            overlap_s=overlap / _RATE,
            lag_s=lag / _RATE,
        )
        for i, j, lag, overlap, r in pairs_alike
        if subjects[names[i]] != subjects[names[j]]
    )
    if kept is not None:
        with atomic_directory(kept) as temporary:
            pairs = [asdict(duplicate) for duplicate in found]
            write_json(temporary / MANIFEST, {"version": VERSION, **source_labels(dataset.id), "duplicates": pairs})
    return found


def alike(movements: list[np.ndarray]) -> list[tuple[int, int, int, int, float]]:
    """(i, j, lag, overlap, correlation) of the pairs of (L, D) series that agree from `ALIKE` on over the overlap."""
    longest = max((len(m) for m in movements), default=0)
    size = 1 << int(2 * max(longest, 1) - 1).bit_length()
    energy = np.array([float((m * m).sum()) for m in movements])
    found: list[tuple[int, int, int, int, float]] = []
    if not movements:
        return found
    spectra = np.stack([np.fft.rfft(m, size, axis=0) for m in movements]).astype(np.complex64)
    for i in range(len(movements) - 1):
        if energy[i] <= 0:
            continue
        cross = np.fft.irfft((spectra[i].conj() * spectra[i + 1 :]).sum(2), size, axis=1)
        best, lag = cross.max(1), cross.argmax(1)
        for j in np.flatnonzero(best > 0.5 * ALIKE * np.minimum(energy[i], energy[i + 1 :])) + i + 1:
            shift = int(lag[j - i - 1])
            one = _agreement(movements[i], movements[j], shift - size if shift > size // 2 else shift)
            found += [(i, int(j), *one)] if one is not None else []
    return found


def _alike_of_many(dataset: Dataset, names: list[str]) -> list[tuple[int, int, int, int, float]]:
    """`alike` of the recordings of a dataset that have moments in common; memory is their moments."""
    places: list[np.ndarray] = []
    around: list[np.ndarray] = []
    for part in dataset.iter_frames():
        place, moment = _moments(_movement(part))
        places.append(place)
        around.append(moment)
    owner = np.repeat(np.arange(len(names)), [len(place) for place in places])
    pairs = _pairs_at_one_lag(owner, np.concatenate(places), np.concatenate(around))
    kept = lru_cache(maxsize=256)(lambda i: _movement(dataset.frames(names[i])))
    found = ((i, j, _agreement(kept(i), kept(j), lag)) for i, j, lag in pairs)
    best: dict[tuple[int, int], tuple[int, int, float]] = {}
    for i, j, one in found:
        if one is not None and one[2] > best.get((i, j), (0, 0, 0.0))[2]:
            best[i, j] = one
    return [(i, j, *one) for (i, j), one in sorted(best.items())]


def _moments(movement: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Samples (n,) of the strongest moments of a movement, and (n, 2 · `_AROUND` · D) float32 what is around
    them, of length 1."""
    strength = np.convolve((movement * movement).sum(1), np.ones(int(_RATE)), "same") if len(movement) else np.zeros(0)
    peaks, _ = find_peaks(strength, distance=int(_RATE))
    peaks = np.sort(peaks[np.argsort(-strength[peaks], kind="stable")[:_MOMENTS]])
    padded = np.pad(movement, ((_AROUND, _AROUND), (0, 0)))
    around = np.stack([padded[p : p + 2 * _AROUND].ravel() for p in peaks]) if len(peaks) else None
    if around is None:
        return peaks, np.zeros((0, 2 * _AROUND * _DIRECTIONS), np.float32)
    length = np.linalg.norm(around, axis=1, keepdims=True)
    return peaks, (around / np.where(length > 0, length, 1)).astype(np.float32)


def _pairs_at_one_lag(owner: np.ndarray, place: np.ndarray, around: np.ndarray) -> list[tuple[int, int, int]]:
    """(i, j, lag) of the recordings of which two moments are alike at the same lag, to a sample."""
    hits: list[np.ndarray] = []
    for start in range(0, len(around), _BLOCK):
        cosine = around[start : start + _BLOCK] @ around[start:].T
        a, b = np.nonzero(cosine > _MOMENT_ALIKE)
        a, b = a + start, b + start
        a, b = a[owner[a] < owner[b]], b[owner[a] < owner[b]]
        hits.append(np.stack([owner[a], owner[b], place[b] - place[a]], 1))
    rows = np.concatenate(hits) if hits else np.zeros((0, 3), int)
    rows = rows[np.lexsort(rows.T[::-1])]
    same = (np.diff(rows[:, :2], axis=0) == 0).all(1) & (np.diff(rows[:, 2]) <= 1)
    return sorted({(int(i), int(j), int(lag)) for i, j, lag in (*rows[:-1][same], *rows[1:][same])})


def _agreement(a: np.ndarray, b: np.ndarray, lag: int) -> tuple[int, int, float] | None:
    """Lag, overlap and correlation of two series, b later by `lag`; None where they are not alike."""
    first, second = (a, b[lag:]) if lag >= 0 else (a[-lag:], b)
    overlap = min(len(first), len(second))
    if overlap < max(_LEAST_S * _RATE, _LEAST_SHARE * min(len(a), len(b))):
        return None
    first, second = first[:overlap], second[:overlap]
    norm = np.sqrt((first * first).sum() * (second * second).sum())
    r = float((first * second).sum() / norm) if norm > 0 else 0.0
    return (lag, overlap, r) if r >= ALIKE else None


def _movement(part: Frames) -> np.ndarray:
    """(L, `_DIRECTIONS`) how ψ changes, at `_RATE` samples a second."""
    psi, time_s = part.psi[part.valid].astype(np.float64), part.time_s[part.valid]
    if len(psi) < 3:
        return np.zeros((0, _DIRECTIONS))
    directions = np.random.default_rng(0).normal(size=(psi.shape[1], _DIRECTIONS))
    count = int(min(time_s[-1] - time_s[0], _MOST_S) * _RATE)
    grid = time_s[0] + np.arange(count) / _RATE
    total = np.vstack([np.zeros(_DIRECTIONS), np.cumsum(psi @ directions, 0)])
    low, high = (np.searchsorted(time_s, grid + side * _SMOOTH_S / 2) for side in (-1, 1))
    level = (total[high] - total[low]) / np.maximum(high - low, 1)[:, None]
    change = np.where(((high > low)[1:] & (high > low)[:-1])[:, None], np.diff(level, axis=0), 0)
    return np.sign(change) * np.sqrt(np.abs(change))
