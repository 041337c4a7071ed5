"""From the vectors of many tokens to one: attention that may leave out tokens exactly, and its plain alternatives.

Letters of the shapes: B units, L tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from dfe_core.errors import DataError
from dfe_core.probes.sequence_settings import POOLINGS

_FAR = -1e9


class _Sparsemax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores: Tensor) -> Tensor:
        ordered = scores.sort(-1, descending=True).values
        rank = torch.arange(1, scores.shape[-1] + 1, dtype=scores.dtype, device=scores.device)
        total = ordered.cumsum(-1) - 1
        support = (rank * ordered > total).sum(-1, keepdim=True)
        weights = (scores - total.gather(-1, support - 1) / support).clamp_min(0)
        ctx.save_for_backward(weights)
        return weights

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        (weights,) = ctx.saved_tensors
        inside = (weights > 0).to(gradient.dtype)
        return inside * (gradient - (gradient * inside).sum(-1, keepdim=True) / inside.sum(-1, keepdim=True))


class _Entmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores: Tensor) -> Tensor:
        half = (scores - scores.max(-1, keepdim=True).values) / 2
        ordered = half.sort(-1, descending=True).values
        rank = torch.arange(1, scores.shape[-1] + 1, dtype=scores.dtype, device=scores.device)
        mean, square = ordered.cumsum(-1) / rank, (ordered**2).cumsum(-1) / rank
        threshold = mean - ((1 - rank * (square - mean**2)) / rank).clamp_min(0).sqrt()
        support = (threshold <= ordered).sum(-1, keepdim=True)
        weights = (half - threshold.gather(-1, support - 1)).clamp_min(0) ** 2
        ctx.save_for_backward(weights)
        return weights

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        (weights,) = ctx.saved_tensors
        root = weights.sqrt()
        slope = gradient * root
        return slope - root * slope.sum(-1, keepdim=True) / root.sum(-1, keepdim=True)


def sparsemax(scores: Tensor) -> Tensor:
    """(…, L) scores to (…, L) weights: the Euclidean projection onto the simplex, most of them exactly 0.

    Martins & Astudillo 2016, From Softmax to Sparsemax, algorithm 1; exact, by sorting.
    """
    return _Sparsemax.apply(scores)


def entmax(scores: Tensor) -> Tensor:
    """(…, L) scores to (…, L) weights: 1.5-entmax, between softmax and sparsemax.

    Peters, Niculae & Martins 2019, Sparse Sequence-to-Sequence Models, algorithm 2; exact, by sorting.
    """
    return _Entmax.apply(scores)


def entropy(weights: Tensor, there: Tensor) -> Tensor:
    """(B, L) weights to (B,) entropy over the tokens that are `there`, as a share of its maximum log L; 0 for one."""
    most = there.sum(-1).clamp_min(2).to(weights.dtype).log()
    return -(weights * weights.clamp_min(1e-12).log()).sum(-1) / most


class Pooling(nn.Module):
    """Attention of one learnt query: α = f(Xq / √D), o = Σ αᵢ Xᵢ with f one of `POOLINGS`, or the plain mean.

    D-FACE (Deng, Hayashi & Nagahara 2026) takes softmax and adds the entropy of α to the loss. ``class-token`` has no
    module here: the encoder reads it off its own token.
    """

    _WEIGHTS: ClassVar[dict[str, Callable[[Tensor], Tensor]]] = {
        "softmax": lambda scores: scores.softmax(-1),
        "sparsemax": sparsemax,
        "entmax": entmax,
    }

    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        if kind not in POOLINGS:
            raise DataError("pooling", repr(kind), " or ".join(POOLINGS))
        self.kind, self.norm = kind, nn.LayerNorm(width)
        self.query = nn.Parameter(torch.randn(width) / width**0.5)

    def forward(self, x: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, L, D) and there (B, L) bool to the pooled (B, D) and the weights (B, L), which add up to 1."""
        x = self.norm(x)
        if self.kind not in self._WEIGHTS:
            weights = there.to(x.dtype) / there.sum(-1, keepdim=True).clamp_min(1)
        else:
            scores = x @ self.query / x.shape[-1] ** 0.5
            weights = self._WEIGHTS[self.kind](scores.masked_fill(~there, _FAR))
        return (weights[..., None] * x).sum(1), weights
