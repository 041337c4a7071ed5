"""The tokens of every unit as an ordered sequence, repeats collapsed: what a sequence probe reads.

Letters of the shapes: n units, M tokens over all units, T frames, N stages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dfe_core.probes.features.spans import SpanIndex
from dfe_core.progress import Listener, Progress, silent
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.intervals import iter_recordings

MOST = 1024
"""Tokens kept of one span: of more, those that move the face most."""
_GAP = 1.5
"""A step in time longer than so many usual ones ends a token."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TokenSequences:
    """Tokens sorted by unit, span, time and stage.

    codeword, stage (M,) int64; intensity (M,) float32, the largest while it lasts; seconds (M,) float32, how long;
    time_s (M,) float64, its onset in its recording; span (M,); edges (n + 1,): unit i has tokens edges[i]:edges[i+1].
    """

    codeword: np.ndarray
    stage: np.ndarray
    intensity: np.ndarray
    seconds: np.ndarray
    time_s: np.ndarray
    span: np.ndarray
    edges: np.ndarray

    @property
    def units(self) -> int:
        """n."""
        return len(self.edges) - 1

    def shuffled_in_time(self, seed: int) -> TokenSequences:
        """Within each unit, tokens change places; onsets stay where they were."""
        order = self._within_units(seed)
        return replace(
            self, **{name: getattr(self, name)[order] for name in ("codeword", "stage", "intensity", "seconds")}
        )

    def shuffled_over_stages(self, seed: int) -> TokenSequences:
        """Within each unit, stages change places; everything else stays."""
        return replace(self, stage=self.stage[self._within_units(seed)])

    def _within_units(self, seed: int) -> np.ndarray:
        unit = np.repeat(np.arange(self.units), np.diff(self.edges))
        return np.lexsort([np.random.default_rng(seed).random(len(unit)), unit])


def token_sequences(
    tokens: TokenCache,
    codebook: Codebook,
    index: SpanIndex,
    member: np.ndarray,
    units: int,
    most: int = MOST,
    progress: Listener = silent,
) -> TokenSequences:
    """Read every span's tokens. A token starts where its stage changes codeword, and belongs to the span it starts in.

    Parameters
    ----------
    index: the spans; member: (S,) unit of each span, −1 for none.
    most: tokens kept of a span, the strongest by intensity times the size of the codeword's movement.
    """
    size, wanted = codeword_size(codebook), set(index.recordings)
    parts, done = [], 0
    for part in iter_recordings(tokens):
        if part.recording in wanted:
            parts.append(_of_recording(part, index, member, size, most))
        done += len(part.frame)
        progress(Progress(task="reading token sequences", done=done, total=tokens.frames, detail=part.recording))
    columns = [np.concatenate([p[i] for p in parts]) if parts else np.empty(0) for i in range(7)]
    unit, span, time_s = columns[5].astype(np.int64), columns[6].astype(np.int64), columns[4]
    order = np.lexsort([columns[1], time_s, span, unit])
    kept = [column[order] for column in columns]
    return TokenSequences(
        codeword=kept[0].astype(np.int64),
        stage=kept[1].astype(np.int64),
        intensity=kept[2].astype(np.float32),
        seconds=kept[3].astype(np.float32),
        time_s=kept[4].astype(np.float64),
        span=kept[6].astype(np.int64),
        edges=np.searchsorted(kept[5], np.arange(units + 1)),
    )


def codeword_size(codebook: Codebook) -> np.ndarray:
    """(K,) float32: how far each codeword moves the face, mm where it is known, else the length of its ψ."""
    moved = codebook.table["peak_mm"].to_numpy(np.float32) if "peak_mm" in codebook.table else np.full(1, np.nan)
    return moved if np.isfinite(moved).all() else np.linalg.norm(codebook.psi, axis=1).astype(np.float32)


def collapse(tokens: Tokens) -> tuple[np.ndarray, ...]:
    """Tokens of one recording, repeats collapsed: codeword, stage, intensity, seconds, time_s, each (M,), by stage."""
    rows, stages = tokens.tokens.shape
    if not rows:
        return tuple(np.empty(0, kind) for kind in (np.int64, np.int64, np.float32, np.float32, np.float64))
    step = float(np.median(np.diff(tokens.time_s))) if rows > 1 else 0.0
    broken = np.r_[True, np.diff(tokens.time_s) > _GAP * max(step, 1e-9)]
    begins = broken[:, None] | np.r_[np.ones((1, stages), bool), tokens.tokens[1:] != tokens.tokens[:-1]]
    first = np.flatnonzero(begins.T.ravel())
    count = np.diff(np.r_[first, rows * stages])
    codeword = tokens.tokens.T.ravel()[first].astype(np.int64)
    intensity = np.maximum.reduceat(tokens.intensities.T.ravel(), first)
    shown = (codeword != REST) & (intensity > 0)
    first, count = first[shown], count[shown]
    return (
        codeword[shown],
        first // rows,
        intensity[shown].astype(np.float32),
        (count * step).astype(np.float32),
        tokens.time_s[first % rows],
    )


def _of_recording(
    part: Tokens, index: SpanIndex, member: np.ndarray, size: np.ndarray, most: int
) -> tuple[np.ndarray, ...]:
    codeword, stage, intensity, seconds, time_s = collapse(part)
    span = index(part.recording, time_s)
    unit = np.where(span >= 0, member[span], -1)
    kept = np.flatnonzero(unit >= 0)
    strength = intensity[kept] * size[codeword[kept]]
    order = kept[np.lexsort([-strength, span[kept]])]
    first = np.searchsorted(span[order], span[order])
    order = order[np.arange(len(order)) - first < most]
    return tuple(c[order] for c in (codeword, stage, intensity, seconds, time_s, unit, span))
