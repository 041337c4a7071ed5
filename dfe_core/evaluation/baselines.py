"""What a codebook is held against: classical rivals, fitted on the training frames, at the same bits per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.linear_model import Ridge

from dfe_core.facs.table import EMISSIONS, coefficient_map

_FIT_FRAMES = 40_000


@dataclass(frozen=True, eq=False)
class ResidualMeans:
    """Residual k-means: mean (E,), frame (E, D), N books of (K, D), and of the test frames decoded (T, E) and tokens
    (T, N)."""

    mean: np.ndarray
    frame: np.ndarray
    books: tuple[np.ndarray, ...]
    decoded: np.ndarray
    tokens: np.ndarray

    def encode(self, psi: np.ndarray) -> np.ndarray:
        """(T, E) ψ to (T, N) tokens."""
        left, tokens = (psi - self.mean) @ self.frame, []
        for book in self.books:
            tokens.append(((book**2).sum(1) - 2 * left @ book.T).argmin(1))
            left = left - book[tokens[-1]]
        return np.stack(tokens, 1)

    def atoms(self) -> np.ndarray:
        """(N·K, E) ψ of every cluster centre, without the mean."""
        return np.concatenate(self.books) @ np.linalg.pinv(self.frame)


def sample_rows(psi: np.ndarray, count: int = _FIT_FRAMES, seed: int = 0) -> np.ndarray:
    """Up to `count` rows of (N, E), drawn without replacement, in memory."""
    if len(psi) <= count:
        return np.asarray(psi)
    return np.asarray(psi[np.sort(np.random.default_rng(seed).choice(len(psi), count, replace=False))])


def residual_kmeans(train: np.ndarray, test: np.ndarray, stages: int, codewords: int, seed: int = 0,
                    frame: np.ndarray | None = None) -> ResidualMeans:
    """Residual k-means on whitened ψ, one codebook a stage: (N, E) training frames in, (T, E) frames encoded.

    frame: (E, E) a latent frame to use in place of whitening (a stronger rival on the mesh).
    """
    mean = train.mean(0)
    if frame is None:
        _, spread, axes = np.linalg.svd(train - mean, full_matrices=False)
        frame = axes.T / np.maximum(spread / np.sqrt(len(train)), 1e-6)
    left, aim = (train - mean) @ frame, (test - mean) @ frame
    books, tokens = [], []
    for stage in range(stages):
        means = MiniBatchKMeans(min(codewords, len(left)), batch_size=4096, n_init=1, max_iter=30,
                                random_state=seed + stage).fit(left)
        left = left - means.cluster_centers_[means.predict(left)]
        tokens.append(means.predict(aim))
        aim = aim - means.cluster_centers_[tokens[-1]]
        books.append(means.cluster_centers_)
    back = np.linalg.pinv(frame)
    return ResidualMeans(mean, frame, tuple(books), test - aim @ back, np.stack(tokens, 1))


def quantised_pca(train: np.ndarray, test: np.ndarray, factor: np.ndarray, bits: float, seed: int = 0) -> np.ndarray:
    """(T, E) reconstruction by PCA of the displacement, each component on its own Lloyd-Max scale.

    Bits go one by one to the component with the largest remaining error (Gersho & Gray 1992, ch. 8). factor: (E, E)
    with G = L Lᵀ, so that components are those of the mesh.
    """
    mean = train.mean(0)
    _, spread, axes = np.linalg.svd((train - mean) @ factor, full_matrices=False)
    given = _greedy_bits(spread**2 / len(train), int(bits))
    project, back = factor @ axes.T, np.linalg.pinv(factor @ axes.T)
    scores, aim = (train - mean) @ project, (test - mean) @ project
    for component in range(scores.shape[1]):
        if given[component] == 0:
            aim[:, component] = 0
            continue
        scale = MiniBatchKMeans(min(2 ** int(given[component]), len(scores)), n_init=1, max_iter=30, batch_size=4096,
                                random_state=seed)
        scale.fit(scores[:, component, None])
        aim[:, component] = scale.cluster_centers_[scale.predict(aim[:, component, None]), 0]
    return mean + aim @ back


def _greedy_bits(variance: np.ndarray, bits: int, most: int = 10) -> np.ndarray:
    given, left = np.zeros(len(variance), int), variance.copy()
    for _ in range(bits):
        best = int(np.where(given < most, left, -1).argmax())
        given[best] += 1
        left[best] /= 4
    return given


def from_action_units(train: np.ndarray, test: np.ndarray, names: tuple[str, ...]) -> np.ndarray | None:
    """(T, E) ridge reconstruction from the 20 AUs that py-feat emits, derived from ARKit coefficients, no sides.

    Generous to AUs: intensities are exact and cost no bits. None where ψ does not hold ARKit's coefficients.
    """
    table = coefficient_map(names)
    columns = [w / (w @ w) for au in EMISSIONS["py-feat"].aus if (w := _both_sides(table, au)) is not None]
    if len(columns) < 5:
        return None
    readout = np.stack(columns, 1)
    return Ridge(alpha=1e-3, fit_intercept=False).fit(train @ readout, train).predict(test @ readout)


def _both_sides(table, au: str) -> np.ndarray | None:
    if (both := table.weights(au, "both")) is not None:
        return both
    left, right = table.weights(au, "left"), table.weights(au, "right")
    return None if left is None or right is None else left + right
