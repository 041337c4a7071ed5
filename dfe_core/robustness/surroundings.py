"""What perturbations need to know of a face and its people: spread, range, and what acts on a half of the face.

Letters of the shapes: E coefficients, K codewords, V vertices.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dfe_core.faces.model import REGIONS, SIDES, FaceModel
from dfe_core.gaps.observation import half_vertices

POINTS = 68
"""Landmarks that are thought to be tracked on a face whose own vertices are more."""
_RIDGE = 1e-6
_TO_MM = 1e3


@dataclass(frozen=True, eq=False, kw_only=True)
class Surroundings:
    """face; spread (E,) of each coefficient about the mean of its recording; low, high (E,): its range; codewords
    (K, E): ψ at intensity 1; seed: of the points and of what is drawn once for all recordings."""

    face: FaceModel
    spread: np.ndarray
    low: np.ndarray
    high: np.ndarray
    codewords: np.ndarray
    seed: int = 0

    @cached_property
    def gram(self) -> np.ndarray:
        """(E, E) of ψ to squared mm (squared coefficients without a mesh)."""
        return self.face.gram * (_TO_MM**2 if self.face.has_mesh else 1.0)

    def clipped(self, psi: np.ndarray) -> np.ndarray:
        """ψ within 0 to 1 where all of the data are: activations that no tracker reports outside of it."""
        inside = self.low.min() >= 0 and self.high.max() <= 1
        return np.clip(psi, 0, 1).astype(np.float32) if inside else psi.astype(np.float32)

    def size_mm(self, psi: np.ndarray) -> np.ndarray:
        """(…, E) displacement to (…,) root mean square over the face, mm."""
        return np.sqrt(np.maximum(np.einsum("...e,ef,...f->...", psi, self.gram, psi), 0))

    def removed(self, half: str) -> np.ndarray | None:
        """(E, E) R: ``psi - psi @ R`` is the face whose half (`gaps.observation.HALVES`) stays at rest, as well as the
        coefficients can say it. Points on the middle line count half to either side. None without such a half."""
        if not self.face.has_mesh:
            return None
        weight = half_vertices(self.face, half).astype(np.float64)
        if half in SIDES:
            middle = (self.face.sides == SIDES.index("centre")) & (self.face.regions != REGIONS.index("other"))
            weight = weight + 0.5 * middle
        if not weight.any():
            return None
        flat = _TO_MM * self.face.basis.astype(np.float64)
        part = np.einsum("evd,v,fvd->ef", flat, weight, flat, optimize=True) / len(self.face.template)
        whole = self.gram + _RIDGE * np.trace(self.gram) / len(self.gram) * np.eye(len(self.gram))
        return np.linalg.solve(whole, part.T).T

    @cached_property
    def noise_of_points(self) -> np.ndarray:
        """(E, E) N: ``z @ N`` with z standard normal is the noise of ψ fitted to `POINTS` points of the face whose
        every coordinate has noise of 1 mm, the spread of the coefficients being known to the fit (ridge)."""
        if not self.face.has_mesh:
            return np.diag(self.spread)
        known = np.flatnonzero(self.face.regions != REGIONS.index("other"))
        known = known if len(known) else np.arange(len(self.face.template))
        rng = np.random.default_rng([self.seed, 17])
        points = known if len(known) <= POINTS else rng.choice(known, POINTS, replace=False)
        flat = _TO_MM * self.face.basis[:, points].reshape(len(self.spread), -1).astype(np.float64)
        own = flat @ flat.T
        floor = np.maximum(self.spread, 1e-3 * self.spread.max() + 1e-9)
        fit = np.linalg.inv(own + np.diag(1 / floor**2))
        values, vectors = np.linalg.eigh(fit @ own @ fit)
        return (vectors * np.sqrt(np.maximum(values, 0))).T

    @cached_property
    def directions(self) -> np.ndarray:
        """(K, E) codewords scaled to 1 mm; rest, and what does not move the face, stays zero."""
        size = self.size_mm(self.codewords.astype(np.float64))[:, None]
        return np.divide(self.codewords, size, out=np.zeros(self.codewords.shape), where=size > 1e-9)


def surroundings(
    face: FaceModel, codewords: np.ndarray, recordings: Iterable[np.ndarray], seed: int = 0
) -> Surroundings:
    """Spread and range over recordings (T, E), taken one at a time."""
    count = face.coefficients
    square, frames = np.zeros(count), 0
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    for psi in recordings:
        if len(psi):
            values = psi.astype(np.float64)
            square += ((values - values.mean(0)) ** 2).sum(0)
            frames += len(values)
            low, high = np.minimum(low, values.min(0)), np.maximum(high, values.max(0))
    return Surroundings(
        face=face,
        spread=np.sqrt(square / max(frames, 1)),
        low=low,
        high=high,
        codewords=np.asarray(codewords, np.float64),
        seed=seed,
    )
