"""Recordings that hold the same movement: copies under another name, trimmed or shifted by a resting offset or neither.

A person who is in a dataset under two names is trained on and tested on. What is compared is how ψ changes: each
recording at 10 samples a second, smoothed, differenced (a constant offset falls out), projected on a few fixed random
directions and compressed (a blink that two recordings share must not outweigh all that they do not), then correlated
with every other at every lag. Two independent faces never agree over most of a recording.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

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
    movements = [_movement(part) for part in dataset.iter_frames()]
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
        for i, j, lag, overlap, r in alike(movements)
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
