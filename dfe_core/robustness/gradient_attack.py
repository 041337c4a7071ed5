"""Offsets of bounded size found by gradient: projected steps (Madry et al. 2018) against the tokens of each frame.

The attacker knows the codebook and its costs. Whether a codeword is in a frame is made soft, a logistic function of
what it would gain with the other tokens as they are; the offset goes down the share of tokens that stay, by steps of
steepest descent in mm over the face, is put back to its size, and the frame is encoded again. Letters of the shapes: T
frames, N tokens of a frame, E coefficients, K codewords.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from dfe_core.robustness.agreement import set_agreement, token_sets
from dfe_core.robustness.encoding import CodedFrames
from dfe_core.robustness.perturb import scaled_to
from dfe_core.robustness.surroundings import Surroundings
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokenizer.model import Tokenizer

_RIDGE, _STEP = 1e-2, 2.5
_NO_COST = 1e9


def gradient_attacked(
    psi: np.ndarray,
    linked: np.ndarray,
    model: Tokenizer,
    encode: Callable[[np.ndarray], CodedFrames],
    around: Surroundings,
    *,
    size: float,
    steps: int,
) -> np.ndarray:
    """(T, E) float32: ψ moved by at most `size` mm (root mean square over the face) a frame.

    linked (T,): whether a frame follows the one before it. encode: of (T, E) frames.
    """
    words = len(around.codewords)
    coded = encode(psi)
    clean = token_sets(coded.tokens, words)
    whole = around.gram + _RIDGE * np.diag(np.maximum(np.diag(around.gram), 1e-12))
    best, least = psi.astype(np.float32), np.full(len(psi), np.inf)
    moved = best
    for _ in range(steps):
        slope = _slope(moved, linked, model, coded, clean)
        descent = scaled_to(around, -np.linalg.solve(whole, slope.T).T, _STEP * size / steps)
        offset = moved - psi + descent
        length = around.size_mm(offset)[:, None]
        moved = around.clipped(psi + offset * np.minimum(1, size / np.maximum(length, 1e-12)))
        coded = encode(moved)
        kept = np.nan_to_num(set_agreement(clean, token_sets(coded.tokens, words)), nan=1.0)
        better = kept < least
        best, least = np.where(better[:, None], moved, best), np.where(better, kept, least)
    return best


def _slope(psi: np.ndarray, linked: np.ndarray, model: Tokenizer, coded: CodedFrames, clean: np.ndarray) -> np.ndarray:
    """(T, E) gradient of the soft share of tokens that stay. clean: (T, K) the tokens of the undisturbed frames."""
    tables = model.quantizer.tables()
    device = model.frame.device
    usable = (tables.stride > 0).clone()
    usable[REST] = False
    cost = torch.where(tables.cost[:, 1:] < _NO_COST, tables.cost[:, 1:], torch.inf).amin(1)
    cost = torch.where(usable & torch.isfinite(cost), cost, 0.0)
    doubt = cost[usable].mean().clamp_min(1e-12)
    wanted = torch.as_tensor(clean, device=device).float()
    held = torch.zeros(clean.shape, device=device).scatter_add_(
        1, torch.as_tensor(coded.tokens, device=device).long(), torch.as_tensor(coded.intensities, device=device)
    )
    held[:, REST] = 0
    with torch.enable_grad():
        values = torch.tensor(psi, dtype=torch.float32, device=device, requires_grad=True)
        goal = _goal(values, torch.as_tensor(linked, device=device), model)
        products = goal @ tables.codewords.T - held @ tables.gram + held * tables.norms
        gain = products.clamp_min(0).square() / tables.norms - cost
        there = torch.sigmoid(gain / doubt) * usable
        share = (there * wanted).sum(1) / (wanted.sum(1) + (there * (1 - wanted)).sum(1)).clamp_min(1e-6)
        share.sum().backward()
    assert values.grad is not None
    return values.grad.cpu().numpy().astype(np.float64)


def _goal(psi: Tensor, linked: Tensor, model: Tokenizer) -> Tensor:
    latent, plain = model.latent(psi, linked)
    return plain if model.config.proposes else latent
