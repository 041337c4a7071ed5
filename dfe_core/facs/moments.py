"""Second moments of frames, from which every linear fit and every variance share is worked out without the frames.

Letters of the shapes: G groups, F folds, K codewords, C columns, A of them AUs, E coefficients,
D = 1 + A + 2E.
"""

from __future__ import annotations

import numpy as np

from dfe_core.facs.token_au_stream import Block, Groups


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

    def merge(self, other: FrameMoments, groups: np.ndarray) -> None:
        """Add the moments of other recordings; groups: the index here of each group there."""
        for group, product in other._sums.items():
            here = int(groups[group])
            self._sums[here] = self._sums[here] + product if here in self._sums else product

    def arrays(self) -> dict[str, np.ndarray]:
        """moments: (G, D, D) float64."""
        return {"moments": np.stack([self._sums[g] for g in range(len(self._sums))])}


class CodewordMoments:
    """Moments of codeword intensities x with themselves and with y (columns, then AU intensities), by fold of subjects:
    raw, and within subjects (every subject's mean taken out). y counts only where its column was measured.

    Held while streaming is one (K, C + A) table a subject.
    """

    def __init__(self, groups: Groups, fold_of: dict[str, int], aus: int) -> None:
        self._groups, self._fold_of, self._aus = groups, fold_of, aus
        self._folds: dict[int, list] = {}
        self._subjects: dict[str, list] = {}
        self._of_group: dict[int, str] = {}

    def add(self, block: Block) -> None:
        """Add one block."""
        subject = self._of_group.get(block.group) or self._find(block.group)
        x, y = block.codewords, np.concatenate([block.present, block.features], 1)
        measured = np.concatenate([block.measured, block.measured[: self._aus]])
        sum_x, sum_y = np.asarray(x.sum(0), np.float64).ravel(), y.sum(0, dtype=np.float64)
        _add(
            self._folds,
            self._fold_of[subject],
            [
                len(block),
                sum_x,
                sum_y,
                (x.T @ x).toarray().astype(np.float64),
                (x.T @ y).astype(np.float64),
                (y.astype(np.float64) ** 2).sum(0),
            ],
        )
        _add(
            self._subjects,
            subject,
            [len(block), sum_x, np.outer(sum_x, measured), sum_y, len(block) * measured.astype(np.float64)],
        )

    def merge(self, other: CodewordMoments, groups: np.ndarray) -> None:
        """Add the moments of other recordings, whose folds and subjects are the same by name."""
        for fold, parts in other._folds.items():
            _add(self._folds, fold, parts)
        for subject, parts in other._subjects.items():
            _add(self._subjects, subject, parts)

    def _find(self, group: int) -> str:
        self._of_group[group] = list(self._groups.keys)[group][0]
        return self._of_group[group]

    def arrays(self) -> dict[str, np.ndarray]:
        """By fold (F): fold_fold, fold_frames, fold_x (F, K), fold_y (F, C + A), fold_xx (F, K, K), fold_xy
        (F, K, C + A), fold_yy (F, C + A); the last three within subjects: within_xx, within_xy, within_yy; and
        within_frames (F, C + A), the frames in which each y was measured."""
        folds = sorted(self._folds)
        names = ("fold_frames", "fold_x", "fold_y", "fold_xx", "fold_xy", "fold_yy")
        result = {"fold_fold": np.array(folds)} | {
            n: np.stack([np.asarray(self._folds[f][i]) for f in folds]) for i, n in enumerate(names)
        }
        within = {n: result[f"fold_{n}"].copy() for n in ("xx", "xy", "yy")}
        frames = np.zeros_like(result["fold_y"])
        for subject, (count, x, x_measured, y, known) in self._subjects.items():
            at, mean = folds.index(self._fold_of[subject]), y / np.maximum(known, 1)
            within["xx"][at] -= np.outer(x, x) / count
            within["xy"][at] -= x_measured * mean
            within["yy"][at] -= y * mean
            frames[at] += known
        return result | {f"within_{n}": v for n, v in within.items()} | {"within_frames": frames}


def _add(held: dict, key: object, parts: list) -> None:
    held[key] = [a + b for a, b in zip(held[key], parts, strict=True)] if key in held else parts


def subject_folds(subjects: list[str], folds: int, seed: int) -> dict[str, int]:
    """The fold of every subject: a seeded shuffle, folds as even as they can be, never more folds than subjects."""
    names = sorted(set(subjects))
    order = np.random.default_rng([seed, 5]).permutation(len(names))
    return {names[i]: int(rank % max(1, min(folds, len(names)))) for rank, i in enumerate(order)}
