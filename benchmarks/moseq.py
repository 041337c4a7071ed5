"""The AR-HMM of keypoint-MoSeq's package as a rival of `benchmarks.syllables`: ``pip install jax-moseq``.

keypoint-MoSeq (Weinreb et al. 2024) is that model, with a hierarchical Dirichlet prior on transitions, behind a model
of keypoint noise. Here its observations are principal components of ψ, which have no keypoint noise, so that the AR-HMM
stands alone, fitted by the package's Gibbs sampler.

Letters of the shapes: T frames, D components, S states, L lags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from dfe_core.errors import DataError

LAGS = 3
"""As in keypoint-MoSeq's defaults, like the scales of the priors below."""
_S_0, _K_0, _ALPHA, _GAMMA = 0.01, 10.0, 5.7, 1e3
_LONGEST = 120


@dataclass(frozen=True, eq=False, kw_only=True)
class MoseqArHmm:
    """weights (S, D, L D + 1) of the poses before, the oldest first, and 1; covariance (S, D, D); transition (S, S);
    scale (D,) by which poses are divided."""

    weights: np.ndarray
    covariance: np.ndarray
    transition: np.ndarray
    scale: np.ndarray

    def log_emission(self, pose: np.ndarray) -> np.ndarray:
        """(T, D) to (T, S) nats of each pose given those before; 0 of the first `LAGS`."""
        found = np.zeros((len(pose), len(self.weights)))
        if len(pose) <= LAGS:
            return found
        pose = pose / self.scale
        before = np.concatenate([pose[lag : len(pose) - LAGS + lag] for lag in range(LAGS)], axis=1)
        before = np.c_[before, np.ones(len(before))]
        for state, (weights, covariance) in enumerate(zip(self.weights, self.covariance, strict=True)):
            factor = np.linalg.cholesky(covariance)
            error = np.linalg.solve(factor, (pose[LAGS:] - before @ weights.T).T)
            found[LAGS:, state] = -0.5 * (error**2).sum(0) - np.log(np.diag(factor)).sum()
        return found


def installed() -> bool:
    """Whether the package is there."""
    return find_spec("jax_moseq") is not None


def fit_moseq(poses: Sequence[np.ndarray], states: int, *, kappa: float, sweeps: int = 60, seed: int = 0) -> MoseqArHmm:
    """Fit to stretches of poses (T, D). kappa: the stickiness of states, keypoint-MoSeq's knob of duration.

    Raises `DataError` where the package is not installed.
    """
    if not installed():
        raise DataError("jax_moseq", "is not installed", "`pip install jax-moseq`, in an environment of its own")
    import jax

    jax.config.update("jax_enable_x64", True)
    from jax_moseq.models.arhmm import init_model, resample_model

    scale = np.concatenate(poses).std(0)
    data = _padded([pose / scale for pose in poses])
    size = poses[0].shape[1]
    model = init_model(
        data,
        seed=seed,
        trans_hypparams={"num_states": states, "gamma": _GAMMA, "alpha": _ALPHA, "kappa": kappa},
        ar_hypparams={"latent_dim": size, "nlags": LAGS, "S_0_scale": _S_0, "K_0_scale": _K_0},
    )
    for _ in range(sweeps):
        model = resample_model(data, **model)
    found = {name: np.asarray(model["params"][name], float) for name in ("Ab", "Q", "pi")}
    return MoseqArHmm(weights=found["Ab"], covariance=found["Q"], transition=found["pi"], scale=scale)


def _padded(poses: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """x (N, T, D) and mask (N, T) of the stretches, cut where they are long."""
    parts = [p[at : at + _LONGEST] for p in poses for at in range(0, len(p), _LONGEST)]
    parts = [part for part in parts if len(part) > LAGS + 1]
    x = np.zeros((len(parts), max(map(len, parts)), parts[0].shape[1]))
    mask = np.zeros(x.shape[:2])
    for row, part in enumerate(parts):
        x[row, : len(part)], mask[row, : len(part)] = part, 1
    return {"x": x, "mask": mask}
