"""Tokens as the sequences that syllables are found in: how far every codeword moves the face in a frame, in steps.

Letters of the shapes: T frames, K codewords, L levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

from dfe_core.tokens.cache import Tokens
from dfe_core.tokens.presence import activations, frame_step

EDGES_MM = (1.0, 2.0, 4.0)
"""Displacements from which on a codeword is at the next level; below the first it is at level 0, absent."""
LEVELS = len(EDGES_MM) + 1
CELLS = LEVELS * LEVELS
"""Pairs of the level before and the level now."""
_TYPICAL_MM = 5.0
_LONGEST_STEP = 1.5


@dataclass(frozen=True, eq=False, kw_only=True)
class TokenStretch:
    """Frames of one recording without a gap.

    Attributes
    ----------
    recording: its name.
    frame, time_s: (T,) of its frames.
    amounts_mm: (T, K) float32 displacement of each codeword: its size times its summed intensity.
    """

    recording: str
    frame: np.ndarray
    time_s: np.ndarray
    amounts_mm: np.ndarray

    @property
    def levels(self) -> np.ndarray:
        """(T, K) uint8."""
        return np.digitize(self.amounts_mm, EDGES_MM).astype(np.uint8)

    def __len__(self) -> int:
        return len(self.frame)


def token_stretches(part: Tokens, sizes_mm: np.ndarray) -> list[TokenStretch]:
    """The stretches of one recording that no lost frame cuts, of two frames or more.

    sizes_mm: (K,) displacement of each codeword at intensity 1; NaN (no mesh) reads as 5 mm.
    """
    amounts = _amounts_mm(part, np.where(np.isfinite(sizes_mm), sizes_mm, _TYPICAL_MM))
    cuts = np.flatnonzero(np.diff(part.time_s) > _LONGEST_STEP * frame_step(part.time_s)) + 1
    edges = [0, *cuts.tolist(), len(part.frame)]
    return [
        TokenStretch(
            recording=part.recording,
            frame=part.frame[first:end],
            time_s=part.time_s[first:end],
            amounts_mm=amounts[first:end],
        )
        for first, end in pairwise(edges)
        if end - first > 1
    ]


def _amounts_mm(part: Tokens, sizes_mm: np.ndarray) -> np.ndarray:
    active = activations(part)
    amounts = np.zeros((len(part.frame), len(sizes_mm)), np.float32)
    amounts[active.row, active.codeword] = active.intensity * sizes_mm[active.codeword]
    return amounts


def level_changes(levels: np.ndarray) -> sparse.csr_matrix:
    """(T, K·L²) which cell (level before, level now) of every codeword each frame is in; cells 0 → 0 are left out, and
    the first frame, which has none before it, has no cell."""
    before, now = levels[:-1].astype(np.int64), levels[1:].astype(np.int64)
    row, codeword = np.nonzero((before > 0) | (now > 0))
    cell = codeword * CELLS + before[row, codeword] * LEVELS + now[row, codeword]
    shape = (len(levels), levels.shape[1] * CELLS)
    return sparse.csr_matrix((np.ones(len(row), np.float32), (row + 1, cell)), shape)


def cut_stretches(stretches: Sequence[TokenStretch], frames: int) -> list[TokenStretch]:
    """The same in parts of `frames` at most."""
    return [
        TokenStretch(
            recording=one.recording,
            frame=one.frame[at : at + frames],
            time_s=one.time_s[at : at + frames],
            amounts_mm=one.amounts_mm[at : at + frames],
        )
        for one in stretches
        for at in range(0, len(one), frames)
        if len(one) - at > 1
    ]
