"""Tokens of one part of a split, joined in memory, for the figures of `dfe evaluate`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.split import Split
from dfe_core.progress import Listener, Progress, silent
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.quantizer import Quantized
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.tokens.encoding_stream import encode_frames

MOST_FRAMES = 60_000
"""Of a longer part, the first stretch of every recording is taken, so that all subjects count."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Encoded:
    """Frames of one part of a split, joined: psi (T, E), tokens, levels, intensities (T, N), decoded (T, E).

    starts: (R + 1,) first row of each recording; fps: (R,); recordings: their names; rows: for each
    recording, the frame numbers.
    """

    psi: np.ndarray
    tokens: np.ndarray
    levels: np.ndarray
    intensities: np.ndarray
    decoded: np.ndarray
    starts: np.ndarray
    fps: np.ndarray
    recordings: list[str]
    rows: list[np.ndarray]
    bits: np.ndarray


def encode_part(
    tokenizer: Tokenizer, codebook: Codebook, data: Dataset, parts: Split, split: str, progress: Listener = silent
) -> Encoded:
    """Tokens of the valid frames of one part, at most about `MOST_FRAMES`. Arrays of length 0 when it has none."""
    blind = torch.zeros_like(tokenizer.frame)
    fps = dict(zip(data.recordings["recording"], data.recordings["fps"], strict=True))
    count = len(data.recordings) if split == "all" else len(parts.recordings[split])
    keep = max(1, MOST_FRAMES // max(count, 1))
    found, names, rows = [], [], []
    for frames in parts.frames(data, split):
        psi = frames.psi[frames.valid][:keep]
        progress(Progress(task="evaluating", done=0, total=6, detail=f"encoding {frames.recording}"))
        if len(psi):
            rows.append(frames.frame[frames.valid][:keep])
            found.append((psi, *encode_frames(tokenizer, psi, blind, linked_frames(rows[-1]))[:3]))
            names.append(frames.recording)
    if not found:
        return _nothing(codebook)
    starts = np.concatenate([[0], np.cumsum([len(f[0]) for f in found])])
    psi, tokens, levels, intensities = (np.concatenate(x) for x in zip(*found, strict=True))
    return Encoded(
        psi=psi,
        tokens=tokens,
        levels=levels,
        intensities=intensities,
        decoded=codebook.decode(tokens, intensities),
        starts=starts,
        fps=np.array([fps[n] for n in names]),
        recordings=names,
        rows=rows,
        bits=code_lengths(tokenizer, tokens, levels),
    )


@torch.no_grad()
def code_lengths(tokenizer: Tokenizer, tokens: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(T,) float32 entropy-coded bits of (T, N) tokens and levels, by the model's code lengths (training frames)."""
    token, level = (torch.from_numpy(x.astype(np.int64)).to(tokenizer.frame.device) for x in (tokens, levels))
    blank = torch.empty(0, device=tokenizer.frame.device)
    quantized = Quantized(tokens=token, levels=level, intensities=blank, error=blank)
    return tokenizer.quantizer.code_length(quantized).cpu().numpy()


def _nothing(codebook: Codebook) -> Encoded:
    tokens, psi = np.empty((0, codebook.stages)), np.empty((0, len(codebook.names)), np.float32)
    return Encoded(
        psi=psi,
        tokens=tokens.astype(np.uint16),
        levels=tokens.astype(np.uint8),
        intensities=tokens,
        decoded=psi,
        starts=np.zeros(1, int),
        fps=np.empty(0),
        recordings=[],
        rows=[],
        bits=np.empty(0),
    )
