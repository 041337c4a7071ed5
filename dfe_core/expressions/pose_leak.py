"""Pose leak: how much of what is called expression is explained by where the head points.

The median over subjects of the share of a subject's displacement variance of ψ that a quadratic function of pitch, yaw
and roll explains, less the same share under circular shifts of pose against ψ: both series change slowly, so that some
share is explained by chance. People do nod when they smile; a leak of a few hundredths is expected of ψ that is free of
pose, one above `HIGH` says that heads that turn are read as faces that move.

Letters of the shapes: T frames, E coefficients, F functions of pose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.head_pose import head_pose, quadratic

VERSION = 1
HIGH = 0.1
"""A leak above this is said wherever results are shown."""
SHIFTS, SEED = 8, 0
BLOCK_S = 10.0
"""Length of the alternating blocks on which the held-out share is fitted and tested."""
FEWEST_FRAMES = 100
"""A subject with fewer valid frames with pose is not measured."""
_MOST_FRAMES = 20_000  # of a subject, evenly spread
_LEAST_TURN = 1e-3  # radians: a head that turns less (root mean square) does not tell


@dataclass(frozen=True, kw_only=True)
class SubjectLeak:
    """Of one subject: frames; share of variance explained; its mean under shifts; the share on held-out blocks; root
    mean square turn of pitch, yaw and roll about their means, degrees."""

    frames: int
    share: float
    chance: float
    held_out: float
    turn_deg: tuple[float, float, float]

    @property
    def leak(self) -> float:
        return self.share - self.chance


@dataclass(frozen=True, kw_only=True)
class PoseLeak:
    """The pose leak of a dataset.

    Attributes
    ----------
    leak: median over subjects of share less chance.
    share, chance, held_out: medians over subjects of the share explained, of that under shifts, and of that in blocks
        of `BLOCK_S` that the function was not fitted on (without a chance level: its expectation is at most 0).
    low, high: quartiles over subjects of share less chance.
    turn_deg: medians over subjects of the root mean square pitch, yaw and roll.
    subjects, unmeasured: how many were measured, and how many had no pose, too few frames, or a head that stood still.
    mesh: whether displacement is that of the face's vertices; without a mesh it is that of the coefficients.
    by_subject: the figures of each.
    """

    leak: float
    share: float
    chance: float
    held_out: float
    low: float
    high: float
    turn_deg: tuple[float, float, float]
    subjects: int
    unmeasured: int
    mesh: bool
    columns: tuple[str, ...]
    by_subject: Mapping[str, SubjectLeak]
    version: int = VERSION

    @property
    def is_high(self) -> bool:
        """Whether results that rest on this dataset need the warning."""
        return self.leak > HIGH

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PoseLeak:
        """The inverse of `dataclasses.asdict`, after JSON."""
        subjects = {
            name: SubjectLeak(**{**one, "turn_deg": tuple(one["turn_deg"])})
            for name, one in value["by_subject"].items()
        }
        return cls(
            **{
                **value,
                "turn_deg": tuple(value["turn_deg"]),
                "columns": tuple(value["columns"]),
                "by_subject": subjects,
            }
        )


def stored_pose_leak(manifest: Mapping[str, Any]) -> PoseLeak | None:
    """The leak that the manifest of a dataset holds; None where it was not measured, or by another rule."""
    value = manifest.get("pose_leak")
    return PoseLeak.from_json(value) if isinstance(value, Mapping) and value.get("version") == VERSION else None


def was_measured(data: Dataset) -> bool:
    """Whether a dataset was written by a version that measures pose leak by this rule, or holds no head pose at all."""
    value = data.manifest.get("pose_leak")
    return not data.has_extras or ("pose_leak" in data.manifest and (value is None or value.get("version") == VERSION))


def pose_leak_of(data: Dataset, gram: np.ndarray | None) -> PoseLeak | None:
    """The leak of a dataset, from its manifest or, for those written before it was kept there, measured now."""
    return stored_pose_leak(data.manifest) if was_measured(data) else measure_pose_leak(data, gram)


def measure_pose_leak(data: Dataset, gram: np.ndarray | None) -> PoseLeak | None:
    """Measure the leak, holding one subject at a time; None where no subject has head pose that varies.

    Parameters
    ----------
    gram: (E, E) of `FaceModel.gram`; None without a mesh, where every coefficient counts as it is.
    """
    metric = np.eye(len(data.names)) if gram is None else np.asarray(gram, np.float64)
    found: dict[str, SubjectLeak] = {}
    columns: dict[str, None] = {}
    names = list(dict.fromkeys(data.recordings["subject"])) if data.has_extras else []
    for subject, psi, angles, time_s, used in _by_subject(data, names):
        columns |= dict.fromkeys(used)
        if (one := subject_leak(psi, angles, time_s, metric)) is not None:
            found[subject] = one
    return _summary(found, len(names), tuple(columns), gram is not None) if found else None


def _by_subject(
    data: Dataset,
    subjects: list[str],
) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]]:
    """(subject, ψ (T, E), angles (T, 3), time (T,), pose columns) of the valid frames with pose; the recordings of a
    subject follow each other in time."""
    rows = data.recordings
    for subject in subjects:
        own = rows[rows["subject"] == subject]
        step = max(1, -(-int(own["valid_frames"].sum()) // _MOST_FRAMES))
        parts, start = [], 0.0
        used: tuple[str, ...] = ()
        for name, extractor in zip(own["recording"], own["extractor"], strict=True):
            pose = head_pose(data.extras(name), str(extractor))
            if pose is None:
                continue
            frames = data.frames(name)
            keep = np.flatnonzero(frames.valid & np.isfinite(pose.angles).all(1))[::step]
            if len(keep):
                parts.append((frames.psi[keep], pose.angles[keep], start + frames.time_s[keep]))
                start, used = parts[-1][2][-1] + BLOCK_S, pose.columns
        if parts:
            psi, angles, time = (np.concatenate(values) for values in zip(*parts, strict=True))
            yield subject, psi, angles, time, used


def _triple(turn: np.ndarray) -> tuple[float, float, float]:
    pitch, yaw, roll = np.asarray(turn, np.float64).tolist()
    return pitch, yaw, roll


def subject_leak(
    psi: np.ndarray,
    angles: np.ndarray,
    time_s: np.ndarray,
    metric: np.ndarray | None,
) -> SubjectLeak | None:
    """The figures of one subject; None for fewer than `FEWEST_FRAMES` frames and where head or face stand still.

    Parameters
    ----------
    psi: (T, E). angles: (T, 3) radians. time_s: (T,) increasing. metric: (E, E), of squared displacement; None: the
        identity, as of coordinates.
    """
    turn = angles.std(0) if len(angles) else np.zeros(3)
    if len(psi) < FEWEST_FRAMES or np.sqrt((turn**2).sum()) < _LEAST_TURN:
        return None
    features, moved = quadratic(angles), np.asarray(psi, np.float64) - psi.mean(0, dtype=np.float64)
    total = float(np.sum(_weighed(moved, metric) * moved))
    if total <= 1e-30:
        return None
    shifts = np.random.default_rng(SEED).uniform(0.1, 0.9, SHIFTS)
    chance = [_explained(np.roll(features, round(s * len(psi)), 0), moved, metric) / total for s in shifts]
    return SubjectLeak(
        frames=len(psi),
        share=_explained(features, moved, metric) / total,
        chance=float(np.mean(chance)),
        held_out=_held_out(features, moved, time_s, metric),
        turn_deg=_triple(np.degrees(turn)),
    )


def _coefficients(features: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """(F, E) by least squares of centred features; the ridge only keeps features that do not vary at 0."""
    normal = features.T @ features
    return np.linalg.solve(normal + 1e-9 * max(np.trace(normal), 1e-30) * np.eye(len(normal)), features.T @ moved)


def _explained(features: np.ndarray, moved: np.ndarray, metric: np.ndarray | None) -> float:
    """Sum over frames of the squared displacement that the features explain of centred ψ."""
    centred = features - features.mean(0)
    weights = _coefficients(centred, moved)
    return float(np.sum(_weighed(weights, metric) * (centred.T @ moved)))


def _weighed(values: np.ndarray, metric: np.ndarray | None) -> np.ndarray:
    return values if metric is None else values @ metric


def _held_out(features: np.ndarray, moved: np.ndarray, time_s: np.ndarray, metric: np.ndarray | None) -> float:
    """Share explained in every second block of a function fitted on the others, both ways; may be negative."""
    odd = (time_s // BLOCK_S).astype(np.int64) % 2 == 1
    if min(odd.sum(), (~odd).sum()) < FEWEST_FRAMES // 2:
        return 0.0
    left, total = 0.0, 0.0
    for fit, test in ((odd, ~odd), (~odd, odd)):
        weights = _coefficients(features[fit] - features[fit].mean(0), moved[fit] - moved[fit].mean(0))
        target = moved[test] - moved[test].mean(0)
        rest = target - (features[test] - features[test].mean(0)) @ weights
        left += float(np.sum(_weighed(rest, metric) * rest))
        total += float(np.sum(_weighed(target, metric) * target))
    return 1 - left / total if total > 0 else 0.0


def _summary(found: dict[str, SubjectLeak], subjects: int, columns: tuple[str, ...], mesh: bool) -> PoseLeak:
    each = list(found.values())
    leaks = np.array([one.leak for one in each])
    low, middle, high = (float(v) for v in np.quantile(leaks, (0.25, 0.5, 0.75)))
    share, chance, held_out = (
        float(np.median([getattr(one, name) for one in each])) for name in ("share", "chance", "held_out")
    )
    turn = np.median([one.turn_deg for one in each], axis=0)
    return PoseLeak(
        leak=middle,
        share=share,
        chance=chance,
        held_out=held_out,
        low=low,
        high=high,
        turn_deg=_triple(turn),
        subjects=len(found),
        unmeasured=subjects - len(found),
        mesh=mesh,
        columns=columns,
        by_subject=found,
    )
