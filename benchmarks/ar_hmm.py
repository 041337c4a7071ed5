"""A plain autoregressive hidden Markov model, the rival of `benchmarks.syllables`: MoSeq's without its priors.

In a state z the next pose is y[t] = A_z y[t − 1] + b_z + noise of covariance Q_z, poses being the principal components
of ψ as the mesh sees it (Wiltschko et al. 2015; keypoint-MoSeq, Weinreb et al. 2024, adds a model of keypoint noise).
Fitted by expectation maximisation from k-means of poses and velocities, with a prior that makes states last.

Letters of the shapes: T frames, D components, S states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_RIDGE, _STICKY, _CUT = 1e-3, 200.0, 600


@dataclass(frozen=True, eq=False, kw_only=True)
class ArHmm:
    """weights (S, D + 1, D) of pose before and 1, covariance (S, D, D), transition (S, S)."""

    weights: np.ndarray
    covariance: np.ndarray
    transition: np.ndarray

    def log_emission(self, pose: np.ndarray) -> np.ndarray:
        """(T, D) to (T, S) nats of each pose given the one before; 0 of the first."""
        found = np.zeros((len(pose), len(self.weights)))
        before = np.c_[pose[:-1], np.ones(len(pose) - 1)]
        for state, (weights, covariance) in enumerate(zip(self.weights, self.covariance, strict=True)):
            factor = np.linalg.cholesky(covariance)
            error = np.linalg.solve(factor, (pose[1:] - before @ weights).T)
            found[1:, state] = -0.5 * (error**2).sum(0) - np.log(np.diag(factor)).sum()
        return found


def filtered(transition: np.ndarray, log_emission: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, S) probability of each state given the frames before, and given those and the frame itself."""
    most = log_emission.max(1, keepdims=True)
    ratio = np.exp(log_emission - most)
    ahead, now = np.empty_like(ratio), np.empty_like(ratio)
    state = np.full(ratio.shape[1], 1 / ratio.shape[1])
    for t in range(len(ratio)):
        ahead[t] = state if t == 0 else state @ transition
        state = ahead[t] * ratio[t]
        state = state / (state.sum() + 1e-300)
        now[t] = state
    return ahead, now


def smoothed(transition: np.ndarray, log_emission: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, S) probability of each state given all frames, and (S, S) expected transitions."""
    ahead, now = filtered(transition, log_emission)
    states, counts = now.copy(), np.zeros_like(transition)
    for t in range(len(now) - 2, -1, -1):
        later = states[t + 1] / (ahead[t + 1] + 1e-300)
        counts += now[t][:, None] * transition * later[None]
        states[t] = now[t] * (transition @ later)
        states[t] /= states[t].sum() + 1e-300
    return states, counts


def fit_ar_hmm(poses: Sequence[np.ndarray], states: int, steps: int = 12, seed: int = 0) -> ArHmm:
    """Fit to stretches of poses (T, D)."""
    from sklearn.cluster import KMeans

    parts = [p[at : at + _CUT] for p in poses for at in range(0, len(p), _CUT) if len(p) - at > 2]
    moves = [np.c_[p[1:], 3 * np.diff(p, axis=0)] for p in parts]
    label = KMeans(states, n_init=3, random_state=seed).fit_predict(np.concatenate(moves))
    hot, at, weights = np.eye(states), 0, []
    for part in parts:
        own = label[at : at + len(part) - 1]
        weights.append(np.concatenate([hot[own[:1]], hot[own]]))
        at += len(part) - 1
    counts = sum(w[:-1].T @ w[1:] for w in weights)
    for _ in range(steps):
        model = _maximised(parts, weights, counts)
        found = [smoothed(model.transition, model.log_emission(part)) for part in parts]
        weights, counts = [states_ for states_, _ in found], sum(c for _, c in found)
    return _maximised(parts, weights, counts)


def _maximised(parts: Sequence[np.ndarray], weights: Sequence[np.ndarray], counts: np.ndarray) -> ArHmm:
    before = np.concatenate([np.c_[p[:-1], np.ones(len(p) - 1)] for p in parts])
    now, weight = np.concatenate([p[1:] for p in parts]), np.concatenate([w[1:] for w in weights])
    size = now.shape[1]
    overall = np.cov(np.diff(np.concatenate(parts), axis=0).T)
    maps, covariances = [], []
    prior = np.r_[np.eye(size), np.zeros((1, size))]
    for state in range(weight.shape[1]):
        scaled = before * weight[:, state : state + 1]
        gram = before.T @ scaled + _RIDGE * np.eye(size + 1)
        own = np.linalg.solve(gram, scaled.T @ now + _RIDGE * prior)
        error = now - before @ own
        spread = (error * weight[:, state : state + 1]).T @ error + size * overall
        maps.append(own)
        covariances.append(spread / (weight[:, state].sum() + size) + 1e-8 * np.eye(size))
    raised = counts + 0.5 + _STICKY * np.eye(len(counts))
    return ArHmm(
        weights=np.stack(maps), covariance=np.stack(covariances), transition=raised / raised.sum(1, keepdims=True)
    )
