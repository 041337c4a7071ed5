"""Points that a frame does not show: which they are, and the place that the person's own shape gives them.

A hand over the mouth, a turned head, a detector without confidence: such points say nothing of the face, but their
coordinates are there and would pull pose, the resting face and expression with them.

Letters of the shapes: T frames, V points, D dimensions (2 or 3).
"""

from __future__ import annotations

import numpy as np

from dfe_core.faces.fitting import onto_shapes

LEAST_WEIGHT = 0.3
"""Points of less weight count as hidden: an error of centimetres is too large to be weighed down. DeepLabCut's own
cut-off is 0.6, OpenPose users take 0.1 to 0.4."""
_ROUNDS = 3


def without_doubtful(weights: np.ndarray) -> np.ndarray:
    """(T, V) float64: weights of at most 1, those below `LEAST_WEIGHT` being 0."""
    weights = np.minimum(np.asarray(weights, np.float64), 1)
    return np.where(weights < LEAST_WEIGHT, 0.0, weights)


def fill_hidden(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(T, V, D) points, those of weight 0 being where the person's mean shape has them in the frame's own pose.

    The mean shape is that of the frames in which a point is seen, found by generalised Procrustes analysis on the seen
    points alone (Gower 1975). A point that no frame shows stays where the best frame has it.

    Parameters
    ----------
    points: (T, V, D) finite. weights: (T, V), 0 or more.
    """
    best = int((weights > 0).sum(1).argmax())
    shape, known = points[best].astype(np.float64), weights[best] > 0
    total = weights.sum(0)[:, None]
    for _ in range(_ROUNDS):
        use = weights * known
        placed = onto_shapes(points, np.broadcast_to(shape, points.shape), True, use)
        mean = (placed * weights[..., None]).sum(0) / np.maximum(total, 1e-12)
        shape, known = np.where(total > 0, mean, shape), total[:, 0] > 0
    own = onto_shapes(np.broadcast_to(shape, points.shape), np.asarray(points, np.float64), True, weights)
    return np.where(weights[..., None] > 0, points, own)
