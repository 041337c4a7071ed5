"""Frames to tokens, a stream of recordings at a time: the one place where encoding computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from dfe_core.expressions.dataset import Frames
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.temporal_smoothing import linked_frames

ENCODING_VERSION = 1
"""Counted up when the same frames get other tokens: then nothing of an earlier token cache is taken over."""
RUN_FRAMES = 4096
"""Frames of a recording that are encoded together: the first of them has no neighbour before it."""


@dataclass(frozen=True, kw_only=True)
class EncodedRecording:
    """Tokens of the valid frames of a recording: frame, time_s and error_mm (T,), tokens and levels (T, N).

    length: frames of the recording, those that are not valid among them.
    """

    recording: str
    frame: np.ndarray
    time_s: np.ndarray
    tokens: np.ndarray
    levels: np.ndarray
    error_mm: np.ndarray
    length: int


def encode_stream(
    model: Tokenizer, recordings: Iterable[Frames], gram_mm: torch.Tensor, fast: bool = False
) -> Iterator[EncodedRecording]:
    """Tokens of one recording after the other, in their order; memory is one recording, and on a GPU one batch.

    gram_mm: (E, E) of the face, mm². fast: see `Tokenizer.encode_batches`. What a recording's tokens are does not
    depend on the recordings beside it.
    """
    from dfe_core.tokens.spanning_batches import BatchEncoder, encode_spanning, spans_recordings

    if spans_recordings(model):
        yield from encode_spanning(BatchEncoder(model, gram_mm, fast), recordings)
        return
    for part in recordings:
        frame = part.frame[part.valid]
        tokens, levels, _, error = encode_frames(model, part.psi[part.valid], gram_mm, linked_frames(frame), fast)
        yield EncodedRecording(
            recording=part.recording,
            frame=frame,
            time_s=part.time_s[part.valid],
            tokens=tokens,
            levels=levels,
            error_mm=error,
            length=len(part.psi),
        )


def encode_frames(
    model: Tokenizer, psi: np.ndarray, gram_mm: torch.Tensor, linked: np.ndarray | None = None, fast: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(T, E) ψ to tokens (T, N) uint16, levels (T, N) uint8, intensities (T, N) f32 and error (T,) f32 mm.

    gram_mm: (E, E) of the face, mm²: error is the root mean squared vertex distance of each frame. linked: (T,) bool,
    whether a frame follows the one before it; fast: see `Tokenizer.encode_batches`.
    """
    parts, start = [], 0
    for found in model.encode_batches(psi, linked, RUN_FRAMES, fast):
        batch = torch.as_tensor(np.ascontiguousarray(psi[start : start + RUN_FRAMES])).to(model.frame.device)
        left = batch - model.decode(found.tokens, found.intensities)
        left_mm = ((left @ gram_mm) * left).sum(1).clamp_min(0).sqrt()
        parts.append([x.cpu().numpy() for x in (found.tokens, found.levels, found.intensities, left_mm)])
        start += RUN_FRAMES
    if not parts:
        empty = np.empty((0, model.config.stages))
        return empty.astype(np.uint16), empty.astype(np.uint8), empty.astype(np.float32), np.empty(0, np.float32)
    tokens, levels, intensities, error = (np.concatenate(p) for p in zip(*parts, strict=True))
    return tokens.astype(np.uint16), levels.astype(np.uint8), intensities, error
