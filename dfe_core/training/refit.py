"""`dictionary.refit_codewords` on a device: the same numbers from tensors that stay there.

A codeword has few coefficients, so that all of them together are one problem of little more variables than there are
codewords: coordinate descent on it, a codeword's coefficients one after the other in `INNER_ROUNDS` rounds, and the
gradient kept along the way. One program of `triton_refit` does that where Triton is; PyTorch's version is the
reference, and what other devices run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dfe_core.tokenizer.model import DUST
from dfe_core.training.dictionary import INNER_ROUNDS, LEAST_USE


@dataclass(frozen=True, kw_only=True, eq=False)
class Variables:
    """What a refit changes, as tensors of a device: the coefficients of all codewords that are in their supports.

    codeword, coefficient: (n,) int64 of each variable, those of a codeword together. blocks: first variable and number
    of variables of each codeword that has any, as Python integers; first, size: (b,) int32 the same. owner: (b,) int64
    codeword of each block. frame: (E, D) f64; inverse: (D, E) f32; metric: (E, E) f64, of `frame` with itself.
    """

    codeword: Tensor
    coefficient: Tensor
    blocks: tuple[tuple[int, int], ...]
    first: Tensor
    size: Tensor
    owner: Tensor
    frame: Tensor
    inverse: Tensor
    metric: Tensor


def refit_variables(support: Tensor, frame: np.ndarray, inverse: Tensor) -> Variables:
    """The variables of a refit, on the device of `inverse` (D, E). support: (K, E) bool. frame: (E, D)."""
    device = inverse.device
    codeword, coefficient = np.nonzero(support.cpu().numpy())
    owner, first, size = np.unique(codeword, return_index=True, return_counts=True)
    ours = torch.as_tensor(np.asarray(frame, np.float64), device=device)
    return Variables(
        codeword=torch.as_tensor(codeword, device=device),
        coefficient=torch.as_tensor(coefficient, device=device),
        blocks=tuple((int(a), int(n)) for a, n in zip(first, size, strict=True)),
        first=torch.as_tensor(first.astype(np.int32), device=device),
        size=torch.as_tensor(size.astype(np.int32), device=device),
        owner=torch.as_tensor(owner, device=device),
        frame=ours,
        inverse=inverse,
        metric=torch.as_tensor(np.asarray(frame, np.float64) @ np.asarray(frame, np.float64).T, device=device),
    )


def refitted(codewords: Tensor, overlap: Tensor, target: Tensor, variables: Variables) -> Tensor:
    """(K, D) f32 codewords in the latent frame, refitted as `dictionary.refit_codewords` does.

    codewords: (K, D) f32, zero outside their support. overlap: (K, K), target: (K, D) as there. Nothing of it waits
    for the device.
    """
    psi = codewords @ variables.inverse
    psi = torch.where(psi.abs() < DUST * psi.abs().amax(1, keepdim=True), 0, psi).double()
    overlap, pulled = overlap.double(), target.double() @ variables.frame.T
    k, e = variables.codeword, variables.coefficient
    form = overlap[k][:, k] * variables.metric[e][:, e]
    start = psi[k, e]
    gradient = (pulled - overlap @ psi @ variables.metric)[k, e]
    used = overlap.diagonal()[variables.owner] >= LEAST_USE
    solve = descended
    if codewords.device.type == "cuda" and _has_triton():
        from dfe_core.training.triton_refit import descended_in_one_program as solve
    found = solve(start, gradient, form, used, variables)
    return (psi.index_put((k, e), found) @ variables.frame).float()


def descended(start: Tensor, gradient: Tensor, form: Tensor, used: Tensor, variables: Variables) -> Tensor:
    """(n,) non-negative variables after coordinate descent on ½xᵀHx − bᵀx, block by block.

    start: (n,) f64 x. gradient: (n,) f64 b − Hx. form: (n, n) f64 H. used: (b,) bool; blocks that are not used, and
    those that would be zero, stay as they are.
    """
    values, left = start.clone(), gradient.clone()
    curvature = form.diagonal()
    step = torch.where(curvature > 0, 1 / curvature, 0)
    for number, (first, size) in enumerate(variables.blocks):
        rows = slice(first, first + size)
        held = values[rows]
        own, pull, within = held.clone(), left[rows].clone(), form[rows, rows]
        for _ in range(INNER_ROUNDS if size > 1 else 1):
            for at in range(size):
                new = (own[at] + pull[at] * step[first + at]).clamp_min(0)
                pull = pull - (new - own[at]) * within[at]
                own[at] = new
        change = torch.where(used[number] & (own.amax() > 0), own - held, 0)
        left = left - change @ form[rows]
        values[rows] = held + change
    return values


def _has_triton() -> bool:
    import importlib.util

    return importlib.util.find_spec("triton") is not None
