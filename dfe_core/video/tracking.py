"""Faces followed from frame to frame, so that each keeps one number through gaps and crossings."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

PATIENCE_S = 2.0
"""A face that is lost for longer, and then seen again, counts as new."""
REACH = 1.0
"""A face moves by at most so many of its own widths from one frame to the next in which it is seen."""
_GROWTH = 0.7  # of the logarithm of its size


@dataclass
class Tracker:
    """Gives every box the number of the face it belongs to.

    Boxes of a frame go to the faces seen last so that the total of their distances is least (Kuhn 1955), distance
    being the shift of the centre in widths plus the change of log size; what is too far, or too long ago, is new.
    """

    boxes: dict[int, np.ndarray] = field(default_factory=dict)
    seen_s: dict[int, float] = field(default_factory=dict)
    count: int = 0

    def update(self, boxes: np.ndarray, time_s: float) -> list[int]:
        """(N, 4) boxes (left, top, right, bottom) of the next frame to N numbers, all different."""
        known = [n for n, seen in self.seen_s.items() if time_s - seen <= PATIENCE_S]
        owner = [-1] * len(boxes)
        if known and len(boxes):
            distance = _distance(np.stack([self.boxes[n] for n in known]), np.asarray(boxes, np.float64))
            # all that is out of reach costs the same: else a far face would be paid for with two near ones
            for row, column in zip(*linear_sum_assignment(np.minimum(distance, 1.0)), strict=True):
                if distance[row, column] < 1:
                    owner[column] = known[row]
        for i, box in enumerate(boxes):
            if owner[i] < 0:
                owner[i], self.count = self.count, self.count + 1
            self.boxes[owner[i]], self.seen_s[owner[i]] = np.asarray(box, np.float64), time_s
        return owner


def jumps(boxes: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(J,) int64: which of (R, 4) boxes at (R,) times a face cannot have come to from the one before, seen within
    `PATIENCE_S`."""
    far = [i for i in range(1, len(boxes)) if _distance(boxes[i - 1 : i], boxes[i : i + 1])[0, 0] >= 1]
    return np.array([i for i in far if time_s[i] - time_s[i - 1] <= PATIENCE_S], np.int64)


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(A, 4) and (B, 4) boxes to (A, B); 1 is as far as a face can go between two frames."""
    size_a, size_b = ((np.maximum(x[:, 2:] - x[:, :2], 1e-6)).prod(1) ** 0.5 for x in (a, b))
    shift = np.linalg.norm((a[:, None, :2] + a[:, None, 2:] - b[None, :, :2] - b[None, :, 2:]) / 2, axis=2)
    width = np.sqrt(size_a[:, None] * size_b[None])
    return shift / (REACH * width) + np.abs(np.log(size_a[:, None] / size_b[None])) / _GROWTH
