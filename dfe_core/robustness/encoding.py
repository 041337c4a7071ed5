"""Many variants of the same frames encoded together, each as a recording of its own.

Letters of the shapes: T frames, N tokens of a frame, E coefficients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dfe_core.robustness.perturb import Perturbed
from dfe_core.tokenizer.model import Tokenizer

_ROWS = 16_384
"""Frames that are encoded in one call, unless one variant alone has more."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CodedFrames:
    """tokens (T, N) int64, intensities (T, N) float32, decoded (T, E) float32."""

    tokens: np.ndarray
    intensities: np.ndarray
    decoded: np.ndarray


def encode_variants(model: Tokenizer, variants: Sequence[Perturbed]) -> Iterator[CodedFrames]:
    """The tokens of each variant, in order; no frame is linked to one of another variant."""
    batch: list[Perturbed] = []
    rows = 0
    for one in variants:
        if batch and rows + len(one.psi) > _ROWS:
            yield from _encoded(model, batch)
            batch, rows = [], 0
        batch.append(one)
        rows += len(one.psi)
    if batch:
        yield from _encoded(model, batch)


def encode_variant(model: Tokenizer, psi: np.ndarray, linked: np.ndarray) -> CodedFrames:
    """The tokens of (T, E) frames of one recording; linked (T,) whether a frame follows the one before it."""
    rows = np.arange(len(psi))
    one = Perturbed(psi=psi, rows=rows, linked=linked, touched=np.ones(len(psi), bool))
    return next(_encoded(model, [one]))


def _encoded(model: Tokenizer, batch: Sequence[Perturbed]) -> Iterator[CodedFrames]:
    psi = np.concatenate([one.psi for one in batch]).astype(np.float32)
    linked = np.concatenate([np.r_[np.zeros(min(len(one.psi), 1), bool), one.linked[1:]] for one in batch])
    if not len(psi):
        stages = model.config.stages
        for one in batch:
            blank = np.zeros((0, stages))
            yield CodedFrames(tokens=blank.astype(np.int64), intensities=blank.astype(np.float32), decoded=one.psi)
        return
    found = next(model.encode_batches(psi, linked, batch=len(psi)))
    decoded = model.decode(found.tokens, found.intensities).cpu().numpy()
    tokens, intensities = found.tokens.cpu().numpy(), found.intensities.cpu().numpy()
    start = 0
    for one in batch:
        part = slice(start, start + len(one.psi))
        yield CodedFrames(tokens=tokens[part], intensities=intensities[part], decoded=decoded[part])
        start = part.stop
