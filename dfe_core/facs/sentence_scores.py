"""Can the sentence alone pick a codeword's moments? The words held against recorded movement, in pairs of moments.

A sentence says which parts move, on which side, which way, how far, and how the eyes turn: from these words alone,
without the codeword's own displacement field, a score is computed for every moment: how much of what the sentence
says happened there. Each of a codeword's strongest moments is paired with moments of the same subject without the
codeword in which the face moves about as far, so that movement as such picks nothing. The sentence picks the moment
with the higher score: a two-choice task, in which chance is one half.

Letters of the shapes: K codewords, E coefficients, T frames, V vertices, N moments.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, Progress, silent
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokenizer.mesh_inner_product import mesh_factor
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.describe import CodewordDescription, turned
from dfe_core.tokens.dynamics import bootstrap_mean
from dfe_core.tokens.parts import EYE_RADIUS_M, GAZE_RANGE_DEG, PartMotion, Parts, face_parts

WINDOW_S = 1.0
"""One moment of a codeword a window at most: neighbouring frames are one movement."""

LEAST = 0.25
"""Intensity from which a codeword counts as shown."""

MOMENTS = 20
"""Moments a subject, the strongest first."""

ENOUGH = 3
"""A subject counts with at least so many moments that have a pair; an interval takes as many subjects."""

MATCHES = 5
"""Moments without the codeword that each moment is paired with, those nearest in amount of movement."""

CALIPER = 1.5
"""The face moves at most this many times as far in one moment of a pair as in the other."""

WEAKER_SIDE = 0.5
"""Share of the stated size that the other side is taken to move where the sentence says *more on the left*."""

COLUMNS = ("codeword", "subjects", "moments", "pairs", "accuracy", "low", "high", "other_sentences", "own_movement")
_RESAMPLES = 1000
_AXES = {"up": (1, 1), "down": (1, -1), "forward": (2, 1), "back": (2, -1), "left": (0, 1), "right": (0, -1)}


@dataclass(kw_only=True)
class _Subject:
    """What is kept of one subject. shown: by codeword a heap of (intensity, number of the moment, ψ, amount); others:
    (ψ (E,), amount, codewords of the frame (K,) bool) of moments to pair with. Amounts are movement, mm."""

    shown: dict[int, list[tuple[float, int, np.ndarray, float]]] = field(default_factory=dict)
    others: list[tuple[np.ndarray, float, np.ndarray]] = field(default_factory=list)


def sentence_scores(
    codebook: Codebook,
    face: FaceModel,
    tokens: TokenCache,
    dataset: Dataset,
    descriptions: Sequence[CodewordDescription],
    *,
    recordings: Sequence[str],
    seed: int = 0,
    progress: Listener = silent,
) -> pd.DataFrame:
    """Score every codeword's sentence on recordings.

    Parameters
    ----------
    descriptions: of the K codewords; only what their sentences say is used (`stated_movement`).
    recordings: that took no part in training the codebook; sentences are made of geometry alone. One is in memory at
        a time.

    Returns
    -------
    One row a codeword whose sentence states a movement and that was shown often enough: codeword; subjects, moments
    and pairs; accuracy: share of pairs in which the sentence picks the moment with the codeword (ties half), mean over
    subjects; low, high: 95 % percentile bootstrap over subjects, NaN for fewer than three; other_sentences: what the
    sentences of the other codewords reach on the same pairs, their mean; own_movement: what the codeword's whole
    displacement field reaches on them, which no wording is expected to exceed by much.

    Raises `DataError` for a face without a mesh.
    """
    if not face.has_mesh:
        raise DataError(face.id, "no mesh, so no part is seen to move", "a face with a mesh")
    stated = stated_movement(descriptions, face)
    field = np.asarray(face.gram, np.float64) @ codebook.psi.T
    subject_of = dataset.recordings.set_index("recording")["subject"].to_dict()
    factor = 1e3 * mesh_factor(face.gram)
    rng = np.random.default_rng(seed)
    subjects: dict[str, _Subject] = {}
    for i, name in enumerate(recordings):
        progress(Progress(task="checking sentences", done=i, total=len(recordings)))
        _collect(subjects.setdefault(subject_of[name], _Subject()), tokens, dataset, name, factor, rng)
    progress(Progress(task="checking sentences", done=len(recordings), total=len(recordings)))
    rows = [
        (k, *_score(k, subjects.values(), stated, field[:, k], rng))
        for k in np.flatnonzero(stated.any(0)).tolist()
        if k != REST
    ]
    return pd.DataFrame([row for row in rows if row[1]], columns=list(COLUMNS)).astype(dict.fromkeys(COLUMNS[:4], int))


def stated_movement(descriptions: Sequence[CodewordDescription], face: FaceModel) -> np.ndarray:
    """(E, K) float64 S: ψ S is how much of what each sentence says happens in ψ, up to a factor per sentence.

    Each part that the sentence names counts by its mean displacement along the stated directions (two of them count
    alike), each eye by its rotation along the stated turn; parts and eyes are measured in shares of their own range
    (`Parts.ranges_mm`, `GAZE_RANGE_DEG`) and weighted by the size that the sentence states. Zero for a sentence that
    states no direction.
    """
    parts = face_parts(face)
    columns = [
        sum((_part_functional(p, parts, face) for p in d.parts), np.zeros(face.coefficients))
        + _gaze_functional(d, parts, face)
        for d in descriptions
    ]
    return np.stack(columns, 1) if columns else np.zeros((face.coefficients, 0))


def _part_functional(motion: PartMotion, parts: Parts, face: FaceModel) -> np.ndarray:
    """(E,) what one part's clause adds."""
    found = np.zeros(face.coefficients)
    for side in ("left", "right") if motion.side == "both" else (motion.side,):
        if (motion.part, side) not in parts.labels or not motion.directions:
            continue
        rows = np.flatnonzero(parts.members[:, parts.labels.index((motion.part, side))])
        share = WEAKER_SIDE if motion.stronger and motion.stronger != side else 1.0
        size = share * motion.largest_mm / parts.ranges_mm[motion.part]
        moved_mm = 1e3 * face.basis[:, rows].mean(1, dtype=np.float64) @ _direction(motion.directions, side)
        found += size * moved_mm / parts.ranges_mm[motion.part]
    return found


def _direction(words: Sequence[str], side: str) -> np.ndarray:
    """(3,) unit vector of one or two directions in words, for one side of the face."""
    outward = 1 if side == "left" else -1
    axes = _AXES | {"out": (0, outward), "in": (0, -outward)}
    found = np.zeros(3)
    for word in words:
        axis, sign = axes[word]
        found[axis] += sign
    return found / np.linalg.norm(found)


def _gaze_functional(description: CodewordDescription, parts: Parts, face: FaceModel) -> np.ndarray:
    """(E,) what the clause on gaze adds: rotation of each eye along the stated turn."""
    turn = description.gaze
    if turn is None or any(len(eye) < 3 for eye in parts.eyes):
        return np.zeros(face.coefficients)
    stated = np.array([[turn.left_yaw, turn.left_pitch], [turn.right_yaw, turn.right_pitch]])
    size, length = turned(turn) / GAZE_RANGE_DEG, np.linalg.norm(stated)
    turns = [_eye_rotation(face, eye) @ stated[i] for i, eye in enumerate(parts.eyes)]
    return size * np.sum(turns, axis=0) / (GAZE_RANGE_DEG * length)


def _eye_rotation(face: FaceModel, eye: np.ndarray) -> np.ndarray:
    """(E, 2) degrees of yaw (to the face's left) and pitch (up) per coefficient: least squares of small rotations of
    an eyeball's vertices, of an iris their shift over `EYE_RADIUS_M`."""
    rest = face.template[eye].astype(np.float64)
    moved = face.basis[:, eye].astype(np.float64)
    if np.ptp(rest[:, 2]) < 0.25 * np.ptp(rest[:, 1]):
        return np.degrees(moved.mean(1)[:, :2] / EYE_RADIUS_M)
    arm = rest - rest.mean(0)
    inertia = (arm**2).sum() * np.eye(3) - arm.T @ arm
    turn = np.linalg.solve(inertia, np.cross(arm, moved - moved.mean(1, keepdims=True)).sum(1).T).T
    return np.degrees(np.stack([turn[:, 1], -turn[:, 0]], 1))


def _collect(
    own: _Subject, tokens: TokenCache, dataset: Dataset, name: str, factor: np.ndarray, rng: np.random.Generator
) -> None:
    """Add the moments of one recording to its subject's; amounts are movement from the recording's median face."""
    try:
        held, frames = tokens.recording(name), dataset.frames(name)
    except DataError:  # no valid frame: it has no tokens
        return
    row = frames.rows(held.frame)
    keep = np.flatnonzero(frames.valid[row])
    if not len(keep):
        return
    psi = frames.psi[row[keep]].astype(np.float64)
    amount = np.linalg.norm((psi - np.median(psi, axis=0)) @ factor, axis=1)
    intensity = np.zeros((len(keep), tokens.codewords), np.float32)
    np.add.at(intensity, (np.arange(len(keep))[:, None], held.tokens[keep]), held.intensities[keep])
    for start, stop in _windows(held.time_s[keep]):
        peaks = start + intensity[start:stop].argmax(0)
        for k in np.flatnonzero(intensity[peaks, np.arange(len(peaks))] >= LEAST):
            at = peaks[k]
            heap = own.shown.setdefault(int(k), [])
            entry = (float(intensity[at, k]), len(own.others) + len(heap), psi[at], float(amount[at]))
            (heapq.heappush if len(heap) < MOMENTS else heapq.heappushpop)(heap, entry)
        shown = np.array((intensity[start:stop] > 0).any(axis=0))
        for at in {start + int(amount[start:stop].argmax()), int(rng.integers(start, stop))}:
            own.others.append((psi[at], float(amount[at]), shown))


def _windows(time_s: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and one past the last row of every `WINDOW_S`."""
    window = np.floor(time_s / WINDOW_S).astype(np.int64)
    starts = np.flatnonzero(np.diff(window, prepend=window[0] - 1))
    return zip(starts.tolist(), [*starts[1:].tolist(), len(window)], strict=True)


def _score(
    k: int, subjects: Iterable[_Subject], stated: np.ndarray, field: np.ndarray, rng: np.random.Generator
) -> tuple:
    """The columns from subjects on for one codeword; zeros where no subject counts. field: (E,) its own movement."""
    scores = np.column_stack([stated, field])
    rows = [row for own in subjects if (row := _subject_score(k, own, scores)) is not None]
    if not rows:
        return (0, 0, 0, *[np.nan] * 5)
    own, others, whole = (np.array([row[i] for row in rows]) for i in (2, 3, 4))
    low, high = bootstrap_mean(own, rng, resamples=_RESAMPLES) if len(own) >= ENOUGH else (np.nan, np.nan)
    moments, pairs = (sum(row[i] for row in rows) for i in (0, 1))
    return (len(rows), moments, pairs, own.mean(), low, high, others.mean(), whole.mean())


def _subject_score(k: int, own: _Subject, scores: np.ndarray) -> tuple[int, int, float, float, float] | None:
    """Moments, pairs, accuracy of its own sentence, mean of the others' and accuracy of the last column of `scores`
    (E, K + 1), in one subject; None for too few."""
    control = [(psi, amount) for psi, amount, shown in own.others if not shown[k]]
    shown = own.shown.get(k, [])
    if len(shown) < ENOUGH or not control:
        return None
    amounts = np.log(np.maximum([amount for _, amount in control], 1e-9))
    baseline = np.stack([psi for psi, _ in control]) @ scores
    accuracy, pairs = [], 0
    for _, _, psi, amount in shown:
        distance = np.abs(amounts - np.log(max(amount, 1e-9)))
        near = np.argsort(distance, kind="stable")[:MATCHES]
        near = near[distance[near] <= np.log(CALIPER)]
        if len(near):
            pairs += len(near)
            accuracy.append(_picked(psi @ scores, baseline[near]).mean(0))
    if len(accuracy) < ENOUGH:
        return None
    mean = np.mean(accuracy, axis=0)
    stating = np.array(scores.any(axis=0))
    stating[[k, REST, -1]] = False
    others = float(mean[stating].mean()) if stating.any() else float("nan")
    return len(accuracy), pairs, float(mean[k]), others, float(mean[-1])


def _picked(moment: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(K,) and (N, K) scores to (N, K): 1 where the moment has the higher one, one half at a tie."""
    return (moment > others) + 0.5 * (moment == others)
