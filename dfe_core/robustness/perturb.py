"""Perturbations of the frames of one recording, each of a stated size.

Letters of the shapes: T frames, T' frames after, E coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.robustness.settings import Perturbation, PerturbationKind
from dfe_core.robustness.surroundings import Surroundings
from dfe_core.simulate.curves import smooth_knots
from dfe_core.tokenizer.temporal_smoothing import linked_frames

_WANDER_S, _BURST, _HIDDEN_S = 5.0, 5, 2.0
_NEARLY = 0.95  # of a recording's rate: a camera this near to it loses no frames to speak of


@dataclass(frozen=True, eq=False, kw_only=True)
class SeenFrames:
    """Valid frames of one recording: psi (T, E) float32, time_s (T,), number (T,) of the frames, fps."""

    recording: str
    psi: np.ndarray
    time_s: np.ndarray
    number: np.ndarray
    fps: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Perturbed:
    """psi (T', E) of the frames `rows` (T',) of those that were seen; linked (T',) whether a frame follows the one
    before it; touched (T',) whether the perturbation acts on it; hidden: the half of the face that touched frames do
    not show, empty for none; lost: whether frames are missing that a purifier can fill."""

    psi: np.ndarray
    rows: np.ndarray
    linked: np.ndarray
    touched: np.ndarray
    hidden: str = ""
    lost: bool = False


def perturbed(what: Perturbation, seen: SeenFrames, around: Surroundings, rng: np.random.Generator) -> Perturbed | None:
    """The frames of a recording after a perturbation that needs no codebook; None where it cannot be made of them: a
    frame rate that is not below theirs, a half that the face does not have."""
    kind = what.kind
    if kind == PerturbationKind.FRAME_RATE:
        return _at_rate(seen, what.size)
    if kind == PerturbationKind.DROPPED:
        return _dropped(seen, what.size, rng)
    if kind in (PerturbationKind.ONE_SIDED, PerturbationKind.OCCLUDED):
        return _halved(what, seen, around, rng)
    psi = _moved(what, seen, around, rng)
    return replace(undisturbed(seen), psi=around.clipped(psi))


def undisturbed(seen: SeenFrames) -> Perturbed:
    """All frames as they are, all of them counting as touched."""
    count = len(seen.psi)
    return Perturbed(
        psi=seen.psi, rows=np.arange(count), linked=linked_frames(seen.number), touched=np.ones(count, bool)
    )


def seen_by_pair(seen: SeenFrames, pair: Dataset | None) -> Perturbed | None:
    """The same recording in a dataset that another extractor gave, at the frames nearest in time; None where it is not
    there."""
    if pair is None or seen.recording not in set(pair.recordings["recording"].astype(str)):
        return None
    part = pair.frames(seen.recording)
    use = np.flatnonzero(part.valid)
    if len(use) < 2:
        return None
    time_s = part.time_s[use]
    after = np.clip(np.searchsorted(time_s, seen.time_s), 1, len(time_s) - 1)
    nearest = after - (seen.time_s - time_s[after - 1] < time_s[after] - seen.time_s)
    rows = np.flatnonzero(np.abs(time_s[nearest] - seen.time_s) <= 0.5 / seen.fps + 1e-6)
    psi = part.psi[use[nearest[rows]]]
    return Perturbed(psi=psi, rows=rows, linked=linked_frames(seen.number[rows]), touched=np.ones(len(rows), bool))


def _moved(what: Perturbation, seen: SeenFrames, around: Surroundings, rng: np.random.Generator) -> np.ndarray:
    psi, size = seen.psi.astype(np.float64), what.size
    if what.kind == PerturbationKind.LANDMARK_NOISE:
        return psi + size * rng.standard_normal(psi.shape) @ around.noise_of_points
    if what.kind == PerturbationKind.CAMERA_NOISE:
        wander = smooth_knots(rng, len(psi), seen.fps, _WANDER_S, psi.shape[1])
        return psi + size * around.spread * (rng.standard_normal(psi.shape) + wander)
    if what.kind == PerturbationKind.QUANTISED:
        step = np.maximum(around.high - around.low, 1e-9) / (2**size - 1)
        return around.low + np.round((psi - around.low) / step) * step
    if what.kind == PerturbationKind.SMOOTHED:
        return _smoothed(psi, seen, size)
    if what.kind == PerturbationKind.SCALED:
        return psi * size
    if what.kind == PerturbationKind.EXTRACTOR:
        return psi @ extractor_profile(around, size)
    if what.kind == PerturbationKind.RANDOM:
        return psi + size * random_directions(around, len(psi), rng)
    return psi


def extractor_profile(around: Surroundings, strength: float) -> np.ndarray:
    """(E, E) P: ``psi @ P`` is what another extractor reports of the same face.

    Every coefficient has a gain, log-normal with this s.d., and takes `strength` / 2 of another one's movement in units
    of their spreads (cross-talk). Drawn once by the seed, the same for all recordings: an extractor has one profile.
    """
    count = len(around.spread)
    rng = np.random.default_rng([around.seed, 29])
    profile = np.diag(np.exp(strength * rng.standard_normal(count)))
    other = (np.arange(count) + rng.integers(1, max(count, 2), count)) % count
    ratio = np.divide(around.spread, around.spread[other], out=np.zeros(count), where=around.spread[other] > 1e-9)
    profile[other, np.arange(count)] += strength / 2 * np.minimum(ratio, 10) * (other != np.arange(count))
    return profile


def random_directions(around: Surroundings, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, E) offsets of 1 mm: sums of three codewords with random signs."""
    words = np.flatnonzero(np.abs(around.directions).sum(1) > 0)
    chosen = around.directions[rng.choice(words, (count, 3))] * rng.choice([-1.0, 1.0], (count, 3, 1))
    return scaled_to(around, chosen.sum(1), 1.0)


def scaled_to(around: Surroundings, offset: np.ndarray, size: float) -> np.ndarray:
    """(T, E) offsets scaled to a root mean square of `size` mm over the face; what moves nothing stays zero."""
    length = around.size_mm(offset)[:, None]
    return np.divide(size * offset, length, out=np.zeros(offset.shape), where=length > 1e-9)


def _at_rate(seen: SeenFrames, rate: float) -> Perturbed | None:
    """The frames nearest to the ticks of a slower camera: it sees fewer moments, each as it was."""
    if rate >= _NEARLY * seen.fps or len(seen.psi) < 2:
        return None
    tick = np.round((seen.time_s - seen.time_s[0]) * rate).astype(np.int64)
    away = np.abs(seen.time_s - seen.time_s[0] - tick / rate)
    order = np.lexsort((away, tick))
    first = order[np.r_[True, np.diff(tick[order]) > 0]]
    rows = np.sort(first[away[first] <= 0.5 / seen.fps + 1e-6])
    linked = np.r_[False, np.diff(tick[rows]) == 1]
    return Perturbed(psi=seen.psi[rows], rows=rows, linked=linked, touched=np.ones(len(rows), bool), lost=True)


def _dropped(seen: SeenFrames, share: float, rng: np.random.Generator) -> Perturbed | None:
    """Bursts of lost frames, five long on average, at random moments."""
    lost = bursts(len(seen.psi), share, _BURST, rng)
    rows = np.flatnonzero(~lost)
    if len(rows) < 2:
        return None
    return Perturbed(
        psi=seen.psi[rows],
        rows=rows,
        linked=linked_frames(seen.number[rows]),
        touched=np.ones(len(rows), bool),
        lost=True,
    )


def bursts(count: int, share: float, length: float, rng: np.random.Generator) -> np.ndarray:
    """(count,) bool, true in stretches of geometric length with this mean, for this share of the time."""
    leave, enter = 1 / max(length, 1), share / max(1 - share, 1e-9) / max(length, 1)
    draws, inside, out = rng.random(count), bool(rng.random() < share), np.zeros(count, bool)
    for row in range(count):
        out[row] = inside
        inside = draws[row] >= leave if inside else draws[row] < enter
    return out


def _halved(what: Perturbation, seen: SeenFrames, around: Surroundings, rng: np.random.Generator) -> Perturbed | None:
    removed = around.removed(what.part)
    if removed is None:
        return None
    plain, psi = undisturbed(seen), seen.psi.astype(np.float64)
    if what.kind == PerturbationKind.ONE_SIDED:
        return replace(plain, psi=around.clipped(psi - (1 - what.size) * psi @ removed))
    hidden = bursts(len(psi), what.size, _HIDDEN_S * seen.fps, rng)
    psi[hidden] -= psi[hidden] @ removed
    return replace(plain, psi=around.clipped(psi), touched=hidden, hidden=what.part)


def _smoothed(psi: np.ndarray, seen: SeenFrames, seconds: float) -> np.ndarray:
    """The mean of the frames within half of `seconds` on either side."""
    total = np.vstack([np.zeros(psi.shape[1]), np.cumsum(psi, 0)])
    first = np.searchsorted(seen.time_s, seen.time_s - seconds / 2 - 1e-9)
    last = np.searchsorted(seen.time_s, seen.time_s + seconds / 2 + 1e-9)
    return (total[last] - total[first]) / (last - first)[:, None]
