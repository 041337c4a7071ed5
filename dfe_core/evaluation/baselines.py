"""What a codebook is held against: classical rivals, fitted on the training frames, at the same bits per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.linear_model import Ridge

from dfe_core.evaluation.coded_bits import at_equal_bits, entropy_coded_uniform, fitted_code_lengths
from dfe_core.facs.action_units import EMISSIONS, au_coefficient_map

_FIT_FRAMES = 40_000


@dataclass(frozen=True, eq=False, kw_only=True)
class ResidualMeans:
    """Residual k-means: mean (E,), frame (E, D), N books of (K, D), of the test frames decoded (T, E) and tokens
    (T, N), and tokens (M, N) of the training frames."""

    mean: np.ndarray
    frame: np.ndarray
    books: tuple[np.ndarray, ...]
    decoded: np.ndarray
    tokens: np.ndarray
    train_tokens: np.ndarray

    def decoded_up_to(self, stages: int) -> np.ndarray:
        """(T, E) test frames from their first `stages` tokens."""
        total = sum(book[self.tokens[:, i]] for i, book in enumerate(self.books[:stages]))
        return self.mean + total @ np.linalg.pinv(self.frame)

    def entropy_bits(self) -> np.ndarray:
        """(N,) entropy-coded bits of a test frame up to each stage, code lengths of the training frames."""
        stages = [
            fitted_code_lengths(self.train_tokens[:, i], len(book))[self.tokens[:, i]].mean()
            for i, book in enumerate(self.books)
        ]
        return np.cumsum(stages)

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


def residual_kmeans(
    train: np.ndarray, test: np.ndarray, stages: int, codewords: int, seed: int = 0, frame: np.ndarray | None = None
) -> ResidualMeans:
    """Residual k-means on whitened ψ, one codebook a stage: (N, E) training frames in, (T, E) frames encoded.

    frame: (E, E) a latent frame to use in place of whitening (a stronger rival on the mesh).
    """
    mean = train.mean(0)
    if frame is None:
        _, spread, axes = np.linalg.svd(train - mean, full_matrices=False)
        frame = axes.T / np.maximum(spread / np.sqrt(len(train)), 1e-6)
    left, aim = (train - mean) @ frame, (test - mean) @ frame
    books, tokens, train_tokens = [], [], []
    for stage in range(stages):
        means = MiniBatchKMeans(
            min(codewords, len(left)), batch_size=4096, n_init=1, max_iter=30, random_state=seed + stage
        ).fit(left)
        train_tokens.append(means.predict(left))
        left = left - means.cluster_centers_[train_tokens[-1]]
        tokens.append(means.predict(aim))
        aim = aim - means.cluster_centers_[tokens[-1]]
        books.append(means.cluster_centers_)
    back = np.linalg.pinv(frame)
    return ResidualMeans(
        mean=mean,
        frame=frame,
        books=tuple(books),
        decoded=test - aim @ back,
        tokens=np.stack(tokens, 1),
        train_tokens=np.stack(train_tokens, 1),
    )


def quantised_pca(train: np.ndarray, test: np.ndarray, factor: np.ndarray, bits: float, seed: int = 0) -> np.ndarray:
    """(T, E) reconstruction by PCA of the displacement, each component on its own Lloyd-Max scale.

    Bits go one by one to the component with the largest remaining error (Gersho & Gray 1992, ch. 8). factor: (E, E)
    with G = L Lᵀ, so that components are those of the mesh.
    """
    mean, project, back, variance = principal_components(train, factor)
    given = _greedy_bits(variance, int(bits))
    scores, aim = (train - mean) @ project, (test - mean) @ project
    for component in range(scores.shape[1]):
        if given[component] == 0:
            aim[:, component] = 0
            continue
        scale = MiniBatchKMeans(
            min(2 ** int(given[component]), len(scores)), n_init=1, max_iter=30, batch_size=4096, random_state=seed
        )
        scale.fit(scores[:, component, None])
        aim[:, component] = scale.cluster_centers_[scale.predict(aim[:, component, None]), 0]
    return mean + aim @ back


def principal_components(
    train: np.ndarray, factor: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """mean (E,), scores = (ψ − mean) @ project (E, D), ψ = mean + scores @ back (D, E), variance (D,), falling."""
    mean = train.mean(0)
    moved = (train - mean) @ factor
    values, axes = np.linalg.eigh(moved.T @ moved / len(train))
    project = factor @ axes[:, ::-1]
    return mean, project, np.linalg.pinv(project), np.maximum(values[::-1], 0)


def entropy_coded_pca(train: np.ndarray, test: np.ndarray, factor: np.ndarray, bits: float) -> tuple[float, np.ndarray]:
    """(bits, (T, E) reconstruction) by PCA of the displacement with one uniform step for all components, entropy-coded.

    The step is the one at which the test frames take `bits` on average; code lengths are those of the training frames.
    factor: (E, E) with G = L Lᵀ.
    """
    mean, project, back, variance = principal_components(train, factor)
    scores, aim = (train - mean) @ project, (test - mean) @ project
    largest = float(np.sqrt(variance[0])) + 1e-12
    step = at_equal_bits(lambda d: entropy_coded_uniform(scores, aim, d)[0], bits, 1e-4 * largest, 8 * largest)
    spent, decoded = entropy_coded_uniform(scores, aim, step)
    return spent, mean + decoded @ back


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
    table = au_coefficient_map(names)
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
