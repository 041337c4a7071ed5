"""Tokens that hold still when the face does: each frame's tokens chosen again with those of its neighbours in time.

A camera's noise decides between two codewords that fit equally well, anew in every frame. Here a token that one
neighbour has and the other has not costs as much as one that neither has is dearer and one that both have cheaper: a
Potts model along time, lowered by iterated conditional modes (Besag 1986) over every other frame at once, so that no
loop runs over frames. Letters as in `quantizer`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from dfe_core.tokenizer.codebook import REST
from dfe_core.tokenizer.quantizer import (
    COMPILED_FROM,
    Quantized,
    ResidualQuantizer,
    choose_again_,
    strongest_first,
)

_ORDER_FRAMES = 15


def linked_frames(frame: np.ndarray) -> np.ndarray:
    """(T,) bool: whether each of (T,) increasing frame numbers comes right after the one before it."""
    steps = np.diff(frame)
    return np.concatenate([np.zeros(min(len(frame), 1), bool), steps == steps.min(initial=np.iinfo(np.int64).max)])


@torch.no_grad()
def settle(found: Quantized, target: Tensor, quantizer: ResidualQuantizer, linked: Tensor, weight: float,
           sweeps: int = 2) -> Quantized:
    """Choose the tokens of B frames of one recording again, given their neighbours in time.

    target: (B, D) what the tokens stand for. linked: (B,) bool, whether a frame follows the one before it. weight: the
    squared error that each token not shared with a neighbour costs, in the unit of `rest_gain`. The tokens of a frame
    come strongest first over a quarter of a second or so, so that two of like strength do not change places in every
    frame.
    """
    codewords, levels = quantizer.codewords.detach(), quantizer.levels
    tokens, chosen = found.tokens.clone(), found.levels.clone()
    products = (target - quantizer.decode(tokens, found.intensities)) @ codewords.T
    settling = _settle_compiled_ if tokens.device.type == "cpu" and len(tokens) >= COMPILED_FROM else settle_
    settling(tokens, chosen, products, quantizer, linked, weight, sweeps)
    tokens, chosen = _ordered(tokens, chosen, codewords.square().sum(1), levels)
    intensities = levels[chosen] * (tokens != REST)
    error = (target - quantizer.decode(tokens, intensities)).square().sum(1)
    return Quantized(tokens, chosen, intensities, error)


def _settle_compiled_(tokens: Tensor, chosen: Tensor, products: Tensor, quantizer: ResidualQuantizer, linked: Tensor,
                      weight: float, sweeps: int) -> None:
    from dfe_core.tokenizer.kernel import settle_frames
    codewords = quantizer.codewords.detach()
    settle_frames(tokens.numpy(), chosen.numpy(), products.numpy(), (codewords @ codewords.T).numpy(),
                  quantizer.blocked(tokens.shape[1]).numpy(), quantizer.levels.numpy(), linked.numpy(), weight,
                  float(quantizer.rest_gain), sweeps, torch.get_num_threads())


def settle_(tokens: Tensor, chosen: Tensor, products: Tensor, quantizer: ResidualQuantizer, linked: Tensor,
            weight: float, sweeps: int) -> None:
    """Change tokens and levels (B, N), and the products (B, K) of what they leave over, in place."""
    link = torch.cat([linked.to(products), products.new_zeros(1)])
    for parity in (0, 1) * sweeps:
        rows = torch.arange(parity, len(tokens), 2, device=tokens.device)
        if len(rows):
            around = _counts(tokens, products.shape[1])
            part = tokens[rows], chosen[rows], products[rows]
            tokens[rows], chosen[rows], products[rows] = _settle_some(
                *part, around[rows], around[rows + 2], link[rows, None], link[rows + 1, None], quantizer, weight)


def _settle_some(tokens: Tensor, chosen: Tensor, products: Tensor, before: Tensor, after: Tensor, has_before: Tensor,
                 has_after: Tensor, quantizer: ResidualQuantizer, weight: float) -> tuple[Tensor, Tensor, Tensor]:
    """One pass over the places of frames that are no neighbours of each other. before, after: (B, K) tokens beside."""
    codewords = quantizer.codewords.detach()
    norms = codewords.square().sum(1)
    usable, norms, gram = norms > 1e-12, norms.clamp_min(1e-12), codewords @ codewords.T
    own, unit = _counts(tokens, len(codewords))[1:-1], tokens.new_ones(len(tokens), 1).to(products)
    error = products.new_zeros(len(tokens))
    for place in range(tokens.shape[1]):
        own.scatter_add_(1, tokens[:, place, None], -unit)
        bonus = weight * (has_before * ((before > own).to(own) - 0.5) + has_after * ((after > own).to(own) - 0.5))
        allowed = usable if quantizer.stage_rows is None else usable & quantizer.stage_rows[place]
        products, error = choose_again_(tokens, chosen, place, products, error, gram, norms, quantizer.levels,
                                        float(quantizer.rest_gain), allowed, bonus)
        own.scatter_add_(1, tokens[:, place, None], unit)
    return tokens, chosen, products


def _counts(tokens: Tensor, size: int) -> Tensor:
    """(B + 2, K) f32: how often each frame has each codeword; nothing before the first and after the last."""
    counts = torch.zeros(len(tokens) + 2, size, device=tokens.device)
    counts[1:-1].scatter_add_(1, tokens, torch.ones_like(tokens, dtype=counts.dtype))
    return counts


def _ordered(tokens: Tensor, chosen: Tensor, norms: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
    """Strongest first by the energy over `_ORDER_FRAMES`, then within the frame; rest last."""
    tokens, chosen = strongest_first(tokens, chosen, norms, levels)
    energy = torch.zeros(len(tokens), len(norms), device=norms.device)
    energy.scatter_add_(1, tokens, levels[chosen].square() * norms[tokens] * (tokens != REST))
    smooth = avg_pool1d(energy.T[None], _ORDER_FRAMES, 1, _ORDER_FRAMES // 2, count_include_pad=False)[0].T
    order = (smooth.gather(1, tokens) * (tokens != REST)).argsort(dim=1, descending=True, stable=True)
    return tokens.gather(1, order), chosen.gather(1, order)
