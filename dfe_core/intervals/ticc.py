"""TICC: Toeplitz inverse covariance-based clustering (Hallac, Vare, Boyd & Leskovec, KDD 2017, doi
10.1145/3097983.3098060).

A state is a Gaussian of a window of w frames whose inverse covariance is sparse and block Toeplitz: how dimensions hang
together within w frames, wherever the window is. Frames are assigned by the cheapest path where a change of state costs
β (`path.cheapest_path`), states are fitted again to their frames by ADMM (Toeplitz graphical lasso, their section 4),
and so on until no frame changes. Letters of the shapes: N windows, n = w D, K states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dfe_core.errors import DataError
from dfe_core.intervals.path import cheapest_path
from dfe_core.progress import Listener, Progress, silent


@dataclass(frozen=True, kw_only=True)
class TiccSettings:
    """Choices of TICC.

    Attributes
    ----------
    states
        Of each region, rest among them.
    window
        Frames of a window.
    sparsity
        λ, weight of the absolute values of the inverse covariance.
    change
        β, price of a change of state, in units of log-likelihood.
    components
        Principal components of a region that it sees at most.
    rounds
        Of assigning and fitting at most.
    starts
        Of which the one with the least cost is kept.
    seed
        Of the starts.
    """

    states: int = 6
    window: int = 3
    sparsity: float = 0.11
    change: float = 100.0
    components: int = 8
    rounds: int = 20
    starts: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        limits = {"states": (2, 50), "window": (1, 20), "components": (1, 20), "rounds": (1, 200), "starts": (1, 50)}
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise DataError(name, str(getattr(self, name)), f"{least} to {most}")
        if self.sparsity < 0 or self.change < 0:
            raise DataError("sparsity, change", f"{self.sparsity:g}, {self.change:g}", "0 or more")


@dataclass(frozen=True, eq=False, kw_only=True)
class TiccModel:
    """Fitted states: means (K, n), precisions (K, n, n) of windows in units of `scale`; components (D, C) and offset
    (D,) of the region's values; settings."""

    components: np.ndarray
    offset: np.ndarray
    scale: float
    means: np.ndarray
    precisions: np.ndarray
    settings: TiccSettings

    def path(self, values: np.ndarray) -> np.ndarray:
        """(T,) state of each frame of (T, D) values of a stretch without gaps."""
        windows = _windows((values - self.offset) @ self.components / self.scale, self.settings.window)
        return cheapest_path(_costs(windows, self.means, self.precisions), self.settings.change)

    def centres(self) -> np.ndarray:
        """(K, D) mean of each state in the region's values."""
        middle = self.means.reshape(len(self.means), self.settings.window, -1).mean(1)
        return self.offset + middle * self.scale @ self.components.T


def fit_ticc(stretches: Sequence[np.ndarray], settings: TiccSettings, progress: Listener = silent) -> TiccModel:
    """Fit TICC to the values (T, D) of stretches without gaps.

    Starts from k-means of the windows. A state that loses all its frames takes those of the widest.
    """
    components, offset, scale = _components(np.concatenate(stretches), settings.components)
    windows = [_windows((one - offset) @ components / scale, settings.window) for one in stretches]
    fits = []
    for start in range(settings.starts):
        fits.append(_fit_from(windows, settings, settings.seed + start))
        progress(Progress(task="ticc", done=start + 1, total=settings.starts))
    _, means, precisions = min(fits, key=lambda one: one[0])
    return TiccModel(
        components=components, offset=offset, scale=scale, means=means, precisions=precisions, settings=settings
    )


def _fit_from(windows: Sequence[np.ndarray], settings: TiccSettings, seed: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Cost of the paths, means and precisions from one start."""
    pooled, cost = np.concatenate(windows), 0.0
    label = _start(pooled, settings.states, seed)
    for _ in range(settings.rounds):
        means, precisions = _fitted(pooled, label, settings)
        costs = [_costs(one, means, precisions) for one in windows]
        paths = [cheapest_path(one, settings.change) for one in costs]
        cost = sum(
            float(np.take_along_axis(one, path[:, None], 1).sum()) + settings.change * float((np.diff(path) != 0).sum())
            for one, path in zip(costs, paths, strict=True)
        )
        new = np.concatenate(paths)
        if np.array_equal(new, label):
            break
        label = new
    return cost, means, precisions


def _components(values: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Principal axes (D, C), the mean (D,) and the s.d. along the first axis."""
    offset = values.mean(0)
    variance, axes = np.linalg.eigh(np.cov(values.T).reshape(values.shape[1], -1))
    order = np.argsort(-variance)[:most]
    return axes[:, order], offset, float(np.sqrt(max(variance[order[0]], 1e-12)))


def _windows(values: np.ndarray, width: int) -> np.ndarray:
    """(T, w D): each frame with the frames before it, the first one repeated where there are none."""
    padded = np.concatenate([np.repeat(values[:1], width - 1, 0), values])
    return np.concatenate([padded[i : i + len(values)] for i in range(width)], 1)


def _start(windows: np.ndarray, states: int, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    return KMeans(states, n_init=4, random_state=seed).fit_predict(windows).astype(np.int64)


def _fitted(windows: np.ndarray, label: np.ndarray, settings: TiccSettings) -> tuple[np.ndarray, np.ndarray]:
    counts = np.bincount(label, minlength=settings.states)
    means, precisions = [], []
    for state in range(settings.states):
        own = windows[label == (state if counts[state] > windows.shape[1] else int(counts.argmax()))]
        mean = own.mean(0)
        covariance = (own - mean).T @ (own - mean) / len(own)
        means.append(mean)
        precisions.append(toeplitz_precision(covariance, settings.window, settings.sparsity / len(own)))
    return np.stack(means), np.stack(precisions)


def toeplitz_precision(
    covariance: np.ndarray, width: int, sparsity: float, *, rho: float = 1.0, steps: int = 200, floor: float = 1e-4
) -> np.ndarray:
    """(n, n) block Toeplitz inverse covariance that minimises −log det Θ + tr(S Θ) + λ Σ |Θ| by ADMM.

    Parameters
    ----------
    covariance: (n, n) S of windows of `width` frames. sparsity: λ. floor: added to the variances, so that a dimension
    that never moves has a likelihood.
    """
    size = len(covariance)
    covariance = covariance + floor * np.eye(size)
    start = np.diag(1 / np.diag(covariance))
    kept, dual = _toeplitz(start, width, 0.0), np.zeros((size, size))
    for _ in range(steps):
        values, vectors = np.linalg.eigh(rho * (kept - dual) - covariance)
        theta = (vectors * ((values + np.sqrt(values**2 + 4 * rho)) / (2 * rho))) @ vectors.T
        before, kept = kept, _toeplitz(theta + dual, width, sparsity / rho)
        dual += theta - kept
        apart, moved = np.abs(theta - kept).max(), np.abs(kept - before).max()
        if max(apart, moved) < 1e-4 * max(1.0, float(np.abs(kept).max())):
            break
        if apart > 10 * moved:  # residual balancing (Boyd et al. 2011, section 3.4.1)
            rho, dual = 2 * rho, dual / 2
        elif moved > 10 * apart:
            rho, dual = rho / 2, dual * 2
    return _positive(kept)


def _toeplitz(matrix: np.ndarray, width: int, shrink: float) -> np.ndarray:
    """The nearest symmetric block Toeplitz matrix, its entries drawn to 0 by `shrink` (not those of the diagonal)."""
    block = len(matrix) // width
    blocks = matrix.reshape(width, block, width, block).transpose(0, 2, 1, 3)
    found = np.empty_like(blocks)
    for lag in range(width):
        first = np.arange(width - lag)
        mean = (blocks[first + lag, first] + blocks[first, first + lag].transpose(0, 2, 1)).mean(0) / 2
        keep = np.eye(block) * mean if lag == 0 else 0.0
        mean = np.sign(mean) * np.maximum(np.abs(mean) - shrink, 0)
        mean = mean if lag else mean - np.diag(np.diag(mean)) + keep
        found[first + lag, first], found[first, first + lag] = mean, mean.T
    return found.transpose(0, 2, 1, 3).reshape(matrix.shape)


def _positive(matrix: np.ndarray) -> np.ndarray:
    """The matrix with a positive definite part alone: ADMM leaves Θ and its Toeplitz copy a little apart."""
    least = float(np.linalg.eigvalsh(matrix)[0])
    return matrix if least > 1e-8 else matrix + (1e-6 - least) * np.eye(len(matrix))


def _costs(windows: np.ndarray, means: np.ndarray, precisions: np.ndarray) -> np.ndarray:
    """(N, K) negative log-likelihood of each window in each state, without what is the same for all."""
    found = np.empty((len(windows), len(means)))
    for state, (mean, precision) in enumerate(zip(means, precisions, strict=True)):
        away = windows - mean
        _, log_determinant = np.linalg.slogdet(precision)
        found[:, state] = 0.5 * (np.einsum("ni,ij,nj->n", away, precision, away, optimize=True) - log_determinant)
    return found
