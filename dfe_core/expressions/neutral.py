"""Each subject's resting face, found from the recordings, and how much variance pose and identity had.

Letters of the shapes: T frames, V points, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

CALM_SHARE = 0.3
"""Share of a recording's frames, those with least motion, in which the resting face is looked for."""
_VALUES = 20_000_000  # coordinates held at once while the resting face is found
_FRAMES = 1500
_ROUNDS = 8


def calm_frames(placed: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Indices of the frames of least motion of (T, V, D) points without head pose: both neighbours count, so that the
    turn at the top of a movement, where one step is short, is not taken for rest."""
    if len(placed) < 3:
        return np.arange(len(placed))
    step = np.sqrt((np.diff(placed, axis=0) ** 2).sum(2).mean(1)) / np.maximum(np.diff(time_s), 1e-6)
    width = min(5, len(step))
    speed = np.convolve(step, np.full(width, 1 / width), "same")
    speed = np.maximum(np.concatenate([speed[:1], speed]), np.concatenate([speed, speed[-1:]]))
    return np.flatnonzero(speed <= np.quantile(speed, CALM_SHARE))


def thinned(count: int, values: int) -> np.ndarray:
    """Evenly spread indices of at most so many of `count` frames of `values` coordinates as memory allows."""
    most = max(16, min(_FRAMES, _VALUES // max(values, 1)))
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)) if count else np.arange(0)


def resting_face(frames: np.ndarray) -> np.ndarray:
    """(N, V, D) calm frames of one person to (V, D) float64, the face they return to.

    The median of the nearer half, again and again: it climbs from the median of all to where frames lie densest,
    which is rest, for every expression goes its own way from it (a half-sample mode, Bickel & Frühwirth 2006).
    """
    centre = np.median(frames, axis=0)
    for _ in range(_ROUNDS):
        distance = ((frames - centre) ** 2).sum((1, 2))
        centre = np.median(frames[distance <= np.median(distance)], axis=0)
    return centre.astype(np.float64)


@dataclass
class PointMoments:
    """Count, sum and sum of squares of frames: their mean and total variance, without holding them."""

    count: int = 0
    total: np.ndarray | float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, frames: np.ndarray) -> PointMoments:
        """Of (T, V, D) frames."""
        flat = np.asarray(frames, np.float64).ravel()
        return cls(len(frames), frames.sum(0, dtype=np.float64), float(flat @ flat))

    def add(self, other: PointMoments) -> None:
        """Count others' frames in."""
        self.count += other.count
        self.total = self.total + other.total
        self.squares += other.squares

    def scatter(self) -> float:
        """Sum over frames of the squared distance from their mean."""
        return max(self.squares - float((np.asarray(self.total) ** 2).sum()) / max(self.count, 1), 0.0)


@dataclass
class Ledger:
    """What of the variance of the points was pose, identity and expression.

    raw: frames as read (scaled to metres). by_subject: with pose removed, subject by subject.
    """

    raw: PointMoments = field(default_factory=PointMoments)
    by_subject: dict[str, PointMoments] = field(default_factory=dict)

    def add(self, subject: str, raw: PointMoments, placed: PointMoments) -> None:
        """Of some frames of a subject, m, before and after pose is removed."""
        self.raw.add(raw)
        self.by_subject.setdefault(subject, PointMoments()).add(placed)

    def _placed(self) -> PointMoments:
        """Of all subjects together."""
        parts = self.by_subject.values()
        return PointMoments(
            sum(m.count for m in parts), sum((m.total for m in parts), 0.0), sum(m.squares for m in parts)
        )

    def shares(self) -> dict[str, float]:
        """``pose``, ``identity`` and ``expression`` as shares of the variance as read (they add up to 1: identity is
        what subjects' means differ by, expression what is left within subjects), and their size in mm a point, root
        mean square: ``pose_mm``, ``identity_mm``, ``expression_mm``."""
        values = max(self.raw.count, 1)
        whole, placed = self.raw.scatter() / values, self._placed().scatter() / values
        within = min(sum(m.scatter() for m in self.by_subject.values()) / values, placed)
        points = max(np.shape(self.raw.total)[0] if np.ndim(self.raw.total) else 1, 1)
        parts = {"pose": max(whole - placed, 0.0), "identity": placed - within, "expression": within}
        base = max(sum(parts.values()), 1e-30)
        return {name: part / base for name, part in parts.items()} | {
            f"{name}_mm": 1e3 * float(np.sqrt(part / points)) for name, part in parts.items()
        }
