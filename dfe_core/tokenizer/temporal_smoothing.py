"""Temporal smoothing of token assignments: each frame's tokens chosen again with those of its neighbours in time.

A camera's noise decides between two codewords that fit equally well, in every frame again. Here a token that one
neighbour has and the other has not costs as much as before, one that neither has is dearer and one that both have
cheaper: a Potts energy along time, lowered by iterated conditional modes (Besag 1986) over every other frame at once,
so that no loop runs over frames. Letters as in `quantizer`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from dfe_core.tokenizer.codebook import REST
from dfe_core.tokenizer.quantizer import (
    Quantized,
    SearchTables,
    SparseQuantizer,
    choose_again_,
    finished,
    finished_compiled,
    is_compiled,
)

_ORDER_FRAMES, _SWEEPS = 15, 2
"""Frames over which tokens are put in order, and how often every token is chosen again given the neighbours."""


def linked_frames(frame: np.ndarray) -> np.ndarray:
    """(T,) bool: whether each of (T,) increasing frame numbers comes right after the one before it.

    The usual step is the most frequent one, and 1 where no step comes twice: a few frames far apart are not linked.
    """
    steps = np.diff(frame)
    values, counts = np.unique(steps, return_counts=True)
    usual = values[counts.argmax()] if counts.max(initial=0) > 1 else 1
    return np.concatenate([np.zeros(min(len(frame), 1), bool), steps == usual])


@torch.no_grad()
def encode_linked(
    latent: Tensor, target: Tensor, quantizer: SparseQuantizer, linked: Tensor, weight: float
) -> Quantized:
    """Tokens of B frames of one recording: `SparseQuantizer.encode`, then `smooth`; on a CPU in one compiled pass.

    latent: (B, D) proposes the tokens. The others: as `smooth`.
    """
    if latent.device.type == "cpu" and is_compiled(len(latent)):
        return _encode_linked_compiled(latent, target, quantizer, linked, weight)
    found = quantizer.encode(latent, target=None if target is latent else target)
    return smooth(found, target, quantizer, linked, weight)


def _encode_linked_compiled(
    latent: Tensor, target: Tensor, quantizer: SparseQuantizer, linked: Tensor, weight: float
) -> Quantized:
    from dfe_core.tokenizer.kernel import KernelRun, search_linked

    tables = quantizer.tables()
    proposed = (latent @ tables.codewords.T).numpy()
    run = KernelRun(
        places=quantizer.places,
        sweeps=quantizer.sweeps,
        threads=torch.get_num_threads(),
        weight=weight,
        smoothings=_SWEEPS,
        window=_ORDER_FRAMES,
    )
    wanted = proposed if target is latent else (target @ tables.codewords.T).numpy()
    tokens, steps = search_linked(proposed, wanted, tables, linked.numpy(), run)
    return finished_compiled(torch.from_numpy(tokens), torch.from_numpy(steps), target, tables)


@torch.no_grad()
def smooth(
    quantized: Quantized,
    target: Tensor,
    quantizer: SparseQuantizer,
    linked: Tensor,
    weight: float,
    sweeps: int = _SWEEPS,
) -> Quantized:
    """Choose the tokens of B frames of one recording again, given their neighbours in time.

    target: (B, D) what the tokens stand for. linked: (B,) bool, whether a frame follows the one before it. weight: the
    squared error that each token not shared with a neighbour costs. The tokens of a frame come strongest first over a
    quarter of a second or so, so that two of like strength do not change places in every frame.
    """
    tables = quantizer.tables()
    tokens, steps = quantized.tokens.clone(), (quantized.levels + 1) * (quantized.tokens != REST)
    products = (target - quantizer.decode(tokens, quantized.intensities)) @ tables.codewords.T
    refine = _refine_compiled_ if tokens.device.type == "cpu" and is_compiled(len(tokens)) else refine_
    refine(tokens, steps, products, tables, linked, weight, sweeps)
    return _in_steady_order(finished(tokens, steps, target, tables), tables)


def _refine_compiled_(
    tokens: Tensor, steps: Tensor, products: Tensor, tables: SearchTables, linked: Tensor, weight: float, sweeps: int
) -> None:
    from dfe_core.tokenizer.kernel import smooth_frames

    smooth_frames(
        tokens.numpy(),
        steps.numpy(),
        products.numpy(),
        tables,
        linked=linked.numpy(),
        weight=weight,
        sweeps=sweeps,
        threads=torch.get_num_threads(),
    )


def refine_(
    tokens: Tensor, steps: Tensor, products: Tensor, tables: SearchTables, linked: Tensor, weight: float, sweeps: int
) -> None:
    """Change tokens and steps (B, N), and the products (B, K) of what they leave over, in place."""
    link = torch.cat([linked.to(products), products.new_zeros(1)])
    for parity in (0, 1) * sweeps:
        rows = torch.arange(parity, len(tokens), 2, device=tokens.device)
        if len(rows):
            present = _presence(tokens, products.shape[1])
            before, after = link[rows, None] * (present[rows] - 0.5), link[rows + 1, None] * (present[rows + 2] - 0.5)
            bonus = weight * (before + after)
            part = tokens[rows], steps[rows]
            products[rows] = _refine_some_(*part, present[rows + 1].bool(), products[rows], tables, bonus)
            tokens[rows], steps[rows] = part


def _refine_some_(
    tokens: Tensor, steps: Tensor, present: Tensor, products: Tensor, tables: SearchTables, bonus: Tensor
) -> Tensor:
    """One pass over the places of frames that are no neighbours of each other."""
    paired = (tables.partner >= 0) & present[:, tables.partner]
    taken = present | paired
    taken[:, REST] = False
    for place in range(tokens.shape[1]):
        products = choose_again_(tokens, steps, taken, place, products, tables, bonus)
    return products


def _presence(tokens: Tensor, size: int) -> Tensor:
    """(B + 2, K) f32: which codewords each frame has; none before the first and after the last."""
    present = torch.zeros(len(tokens) + 2, size, device=tokens.device)
    present[1:-1].scatter_(1, tokens, 1.0)
    present[:, REST] = 0
    return present


def _in_steady_order(quantized: Quantized, tables: SearchTables) -> Quantized:
    """Strongest first by the energy over `_ORDER_FRAMES`, then within the frame; the null token last."""
    tokens = quantized.tokens
    energy = torch.zeros(len(tokens), len(tables.norms), device=tokens.device)
    energy.scatter_add_(1, tokens, quantized.intensities.square() * tables.norms[tokens])
    mean = avg_pool1d(energy.T[None], _ORDER_FRAMES, 1, _ORDER_FRAMES // 2, count_include_pad=False)[0].T
    order = torch.where(tokens != REST, mean.gather(1, tokens), -1.0).argsort(dim=1, descending=True, stable=True)
    return Quantized(
        tokens=tokens.gather(1, order),
        levels=quantized.levels.gather(1, order),
        intensities=quantized.intensities.gather(1, order),
        error=quantized.error,
    )
