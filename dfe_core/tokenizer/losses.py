"""Losses of an encoder network, each a plain function; their weights are `config.LossWeights`."""

from __future__ import annotations

from torch import Tensor


def commitment(latent: Tensor, decoded: Tensor) -> Tensor:
    """Mean squared distance of (B, D) latents to what their tokens decode to, which is held still (van den Oord et al.
    2017, eq. 3)."""
    return (latent - decoded.detach()).square().sum(1).mean()


def straight_through(latent: Tensor, decoded: Tensor) -> Tensor:
    """`decoded` in value; its gradient reaches the latent unchanged and the codewords in full (Bengio et al. 2013)."""
    return decoded + latent - latent.detach()
