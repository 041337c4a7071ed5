"""Second moments of frames, from which every linear fit and every variance share is worked out without the frames.

Letters of the shapes: G groups, F folds, M sets of measured AUs, K codewords, C columns, A of them AUs, E coefficients,
D = 1 + A + 2E.
"""

from __future__ import annotations

import numpy as np

from dfe_core.facs.joined import Block, Groups


class FrameMoments:
    """Σ zzᵀ of z = [1, AU intensities, decoded ψ, ψ] in every group."""

    def __init__(self, psi: np.ndarray) -> None:
        self._codewords = psi.astype(np.float32)
        self._sums: dict[int, np.ndarray] = {}

    def add(self, block: Block) -> None:
        """Add one block (which has ψ)."""
        decoded = block.codewords @ self._codewords
        z = np.concatenate([np.ones((len(block), 1), np.float32), block.features, decoded, block.psi], 1)
        product = (z.T @ z).astype(np.float64)
        self._sums[block.group] = self._sums[block.group] + product if block.group in self._sums else product

    def arrays(self) -> dict[str, np.ndarray]:
        """moments: (G, D, D) float64."""
        return {"moments": np.stack([self._sums[g] for g in range(len(self._sums))])}


class CodewordMoments:
    """Moments of codeword intensities x with themselves, with columns and with AU intensities, by fold of subjects.

    Kept apart for every set of measured AUs, so that a fit for an AU uses just the frames in which it was measured.
    """

    def __init__(self, groups: Groups, fold_of: dict[str, int]) -> None:
        self._groups, self._fold_of = groups, fold_of
        self._cell: dict[tuple[int, bytes], list] = {}
        self._of_group: dict[int, tuple[int, bytes]] = {}

    def add(self, block: Block) -> None:
        """Add one block."""
        key = self._of_group.get(block.group) or self._find(block.group)
        x = block.codewords
        y = np.concatenate([block.present, block.features], 1)
        parts = [len(block), np.asarray(x.sum(0), np.float64).ravel(), y.sum(0, dtype=np.float64),
                 (x.T @ x).toarray().astype(np.float64), (x.T @ y).astype(np.float64),
                 (y ** 2).sum(0, dtype=np.float64)]
        held = self._cell.get(key)
        self._cell[key] = parts if held is None else [a + b for a, b in zip(held, parts, strict=True)]

    def _find(self, group: int) -> tuple[int, bytes]:
        subject, _, measured = list(self._groups.keys)[group]
        self._of_group[group] = (self._fold_of[subject], measured)
        return self._of_group[group]

    def arrays(self) -> dict[str, np.ndarray]:
        """fold_fold (n,), fold_measured (n, C), fold_frames (n,), fold_x (n, K), fold_y (n, C + A), fold_xx (n, K, K),
        fold_xy (n, K, C + A), fold_yy (n, C + A): one row a fold and set of measured AUs."""
        keys = sorted(self._cell)
        columns = [np.stack([np.asarray(self._cell[k][i]) for k in keys]) for i in range(6)]
        names = ("fold_frames", "fold_x", "fold_y", "fold_xx", "fold_xy", "fold_yy")
        return {"fold_fold": np.array([fold for fold, _ in keys]),
                "fold_measured": np.stack([np.frombuffer(mask, bool) for _, mask in keys]),
                **dict(zip(names, columns, strict=True))}


def subject_folds(subjects: list[str], folds: int, seed: int) -> dict[str, int]:
    """The fold of every subject: a seeded shuffle, folds as even as they can be, never more folds than subjects."""
    names = sorted(set(subjects))
    order = np.random.default_rng([seed, 5]).permutation(len(names))
    return {names[i]: int(rank % max(1, min(folds, len(names)))) for rank, i in enumerate(order)}
