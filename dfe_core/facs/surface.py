"""How far the face moves: per region and condition, and how evenly on its two sides. Measured, not modelled.

Letters of the shapes: G groups, T frames, E coefficients, R regions and the whole face, H histogram bins.
"""

from __future__ import annotations

import numpy as np

from dfe_core.faces.model import FaceModel
from dfe_core.facs.token_au_stream import Block
from dfe_core.tokenizer.geometry import ONE_SIDED

WHOLE = "whole face"
MM_EDGES = np.concatenate([[0], np.geomspace(0.01, 100, 161)])
"""Bins of a region's displacement, mm: 6 % wide, which bounds the error of a percentile."""

DISPLAYS = ("still", "symmetric", "left", "right")


def factor(gram: np.ndarray) -> np.ndarray:
    """(E, n) F with F·Fᵀ = `gram`: ‖ψF‖² = ψᵀ·gram·ψ, in as few columns as the gram has rank."""
    values, vectors = np.linalg.eigh(gram)
    keep = values > values.max(initial=0) * 1e-10
    return (vectors[:, keep] * np.sqrt(values[keep])).astype(np.float32)


def surface_grams(face: FaceModel) -> dict[str, np.ndarray]:
    """(E, E) by region that has vertices, and the whole face: ψᵀGψ = mean over its vertices of ‖displacement‖², mm²."""
    if not face.has_mesh:
        return {WHOLE: np.eye(face.coefficients)}
    grams = {WHOLE: face.gram * 1e6}
    for code, region in enumerate(face.region_names):
        at = face.regions == code
        if at.any():
            flat = face.basis[:, at].reshape(face.coefficients, -1).astype(np.float64) * 1e3
            grams[region] = flat @ flat.T / at.sum()
    return grams


def side_grams(face: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """(E, E) twice: summed squared displacement of the left and of the right half, mm²."""
    if face.has_mesh:
        left, right = (
            face.basis[:, face.sides == code].reshape(face.coefficients, -1).astype(np.float64) * 1e3 for code in (1, 2)
        )
        return left @ left.T, right @ right.T
    left, right = (
        np.diag([float(name.endswith(ends)) for name in face.names])
        for ends in (("Left", "_L", "left"), ("Right", "_R", "right"))
    )
    return left, right


class SurfaceCollector:
    """Displacement by region, and the symmetry of every frame, summed up for every group."""

    def __init__(self, face: FaceModel, still_mm: float) -> None:
        grams = surface_grams(face)
        self.regions = tuple(grams)
        self._factors = [factor(g) for g in grams.values()]
        self._sides = [factor(g) for g in side_grams(face)]
        self._mirror, self._gram = face.mirror_coefficients, grams[WHOLE]
        self._direction = face.basis[..., 0].sum(1) if face.has_mesh else np.zeros(face.coefficients)
        self._still = still_mm
        self._sums: dict[int, list[np.ndarray]] = {}

    def add(self, block: Block) -> None:
        """Add one block (which has ψ)."""
        psi = block.required_psi()
        moved = np.stack([np.sqrt(((psi @ f) ** 2).sum(1)) for f in self._factors], 1)
        kind, balance = self._symmetry(psi, moved[:, self.regions.index(WHOLE)])
        bins = np.clip(np.searchsorted(MM_EDGES, moved, "right") - 1, 0, len(MM_EDGES) - 2)
        flat = bins + np.arange(len(self.regions)) * (len(MM_EDGES) - 1)
        histogram = np.bincount(flat.ravel(), minlength=len(self.regions) * (len(MM_EDGES) - 1))
        parts = [
            moved.sum(0, dtype=np.float64),
            histogram.reshape(len(self.regions), -1),
            np.bincount(kind, minlength=len(DISPLAYS)),
            np.float64(balance[kind > 0].sum()),
        ]
        held = self._sums.get(block.group)
        self._sums[block.group] = parts if held is None else [a + b for a, b in zip(held, parts, strict=True)]

    def _symmetry(self, psi: np.ndarray, moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(T,) index of `DISPLAYS` and (T,) left–right balance, −1 … 1, by the rule of codewords' sides: one side has
        twice the energy of the other, or the whole moves opposite to its mirror image (jaw to the left)."""
        left, right = (((psi @ f) ** 2).sum(1) for f in self._sides)
        balance = np.divide(left - right, left + right, out=np.zeros_like(left), where=left + right > 0)
        against = np.einsum("te,te->t", psi @ self._gram, psi @ self._mirror) < 0
        lateral = against & (np.abs(balance) <= ONE_SIDED)
        sign = np.where(lateral, psi @ self._direction, balance)
        one_sided = lateral | (np.abs(balance) > ONE_SIDED)
        kind = np.where(moved < self._still, 0, np.where(~one_sided, 1, np.where(sign > 0, 2, 3)))
        return kind, balance

    def merge(self, other: SurfaceCollector, groups: np.ndarray) -> None:
        """Add what was measured in other recordings; groups: the index here of each group there."""
        for group, parts in other._sums.items():
            here = int(groups[group])
            held = self._sums.get(here)
            self._sums[here] = parts if held is None else [a + b for a, b in zip(held, parts, strict=True)]

    def arrays(self) -> dict[str, np.ndarray]:
        """moved (G, R) mm summed over frames, moved_histogram (G, R, H), displays (G, 4), balance (G,) summed over
        frames that move."""
        order = range(len(self._sums))
        names = ("moved", "moved_histogram", "displays", "balance")
        return {name: np.stack([np.asarray(self._sums[g][i]) for g in order]) for i, name in enumerate(names)}
