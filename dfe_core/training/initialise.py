"""Where codewords start: at the directions in which faces were seen to move."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import MiniBatchKMeans

_SCALE_QUANTILE = 0.9


def movement_codewords(changes: np.ndarray, frames: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(count, D) float32 starting codewords from (M, D) changes and (N, D) frames, all in the latent frame.

    Spherical k-means (Hornik et al. 2012) on the directions of the stronger changes: within a fifth of a second a
    face does one or two things, so that directions of change are purer than postures. A frame's posture mixes all
    that goes on. Each codeword is as long as the frames' projections on it typically reach, so that intensity 1 is a
    full display. Falls back to the frames where nothing moves.
    """
    lengths = np.linalg.norm(changes, axis=1)
    strong = changes[lengths > max(np.quantile(lengths, 0.5), 1e-9)] if len(changes) else changes
    source = strong if len(strong) >= 4 * count else frames
    unit = source / np.maximum(np.linalg.norm(source, axis=1, keepdims=True), 1e-9)
    means = MiniBatchKMeans(min(count, len(unit)), batch_size=4096, n_init=1, max_iter=50,
                            random_state=seed).fit(unit).cluster_centers_
    if len(means) < count:
        means = np.concatenate([means, np.random.default_rng(seed).normal(size=(count - len(means), unit.shape[1]))])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    reach = np.quantile(np.maximum(frames @ means.T, 0), [_SCALE_QUANTILE, 0.999], axis=0)
    return (means * np.maximum(reach[0], 0.5 * reach[1])[:, None].clip(1e-3)).astype(np.float32)
