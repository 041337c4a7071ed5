"""Losses of the tokenizer, each a plain function; their weights are `config.LossWeights`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dfe_core.tokenizer.quantizer import Quantized, ResidualQuantizer


def commitment(latent: Tensor, quantized: Quantized, codewords: Tensor) -> Tensor:
    """Sum over stages of the mean squared distance from the running residual to the token that was chosen for it.

    The token is held still; every stage's residual keeps its gradient to the latent (van den Oord et al. 2017,
    eq. 3, applied per stage), which residual quantizers are known to lose from the second stage on.
    """
    total, residual = latent.new_zeros(()), latent
    for stage in range(quantized.tokens.shape[1]):
        step = (codewords[quantized.tokens[:, stage]] * quantized.intensities[:, stage, None]).detach()
        residual = residual - step
        total = total + residual.square().sum(1).mean()
    return total / quantized.tokens.shape[1]


def straight_through(latent: Tensor, decoded: Tensor) -> Tensor:
    """`decoded` in value; its gradient reaches the latent unchanged and the codewords in full (Bengio et al. 2013)."""
    return decoded + latent - latent.detach()


def sparsity(codewords: Tensor, basis: Tensor) -> Tensor:
    """Mean over codewords of ‖d‖₁ / (√V ‖d‖₂), d the V vertex displacement lengths: 1 whole face, 0 a single vertex.

    codewords: (K, D). basis: (D, V, 3). Hoyer 2004, without its affine normalisation. It is free of scale.
    """
    lengths = torch.einsum("kd,dvc->kvc", codewords, basis).square().sum(-1).clamp_min(1e-12).sqrt()
    return (lengths.sum(1) / (lengths.norm(dim=1) * lengths.shape[1] ** 0.5)).mean()


def orthogonality(codewords: Tensor, margin: float) -> Tensor:
    """Mean over codewords of the squared excess of their cosines to the others above `margin`."""
    unit = nn.functional.normalize(codewords, dim=1)
    cosine = unit @ unit.T
    excess = (cosine.abs() - margin).clamp_min(0).square()
    return (excess.sum() - excess.diagonal().sum()) / len(codewords)


def live_codewords(quantizer: ResidualQuantizer) -> Tensor:
    """The codewords that are not resting, (≤ R, D), with gradient."""
    return quantizer.codewords[quantizer.codewords.detach().square().sum(1) > 1e-12]
