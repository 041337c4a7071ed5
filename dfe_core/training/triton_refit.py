"""`refit.descended` in one program of a GPU: its hundreds of small steps, one after the other, without a launch each.

Everything is in float64, as on the CPU: the same numbers but for the order in which they are added.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from dfe_core.training.dictionary import INNER_ROUNDS
from dfe_core.training.refit import Variables


@triton.jit
def _descend(start, gradient, form, used, first, size, out, count, blocks, ROUNDS: tl.constexpr, WIDTH: tl.constexpr):
    """One program. Vectors of `count` variables, padded to WIDTH, are held in registers."""
    at = tl.arange(0, WIDTH)
    inside = at < count
    values = tl.load(start + at, mask=inside, other=0.0)
    left = tl.load(gradient + at, mask=inside, other=0.0)
    for block in range(blocks):
        begin, many = tl.load(first + block), tl.load(size + block)
        before, left_before = values, left
        rounds = tl.where(many == 1, 1, ROUNDS)  # one variable alone is at its best after one step
        for turn in range(rounds * many):
            one = begin + turn % many
            row = tl.load(form + one * count + at, mask=inside, other=0.0)
            here = at == one
            old, pull = tl.sum(tl.where(here, values, 0.0)), tl.sum(tl.where(here, left, 0.0))
            curvature = tl.sum(tl.where(here, row, 0.0))
            new = tl.maximum(old + tl.where(curvature > 0, pull / tl.where(curvature > 0, curvature, 1.0), 0.0), 0.0)
            values = tl.where(here, new, values)
            left -= (new - old) * row
        own = (at >= begin) & (at < begin + many)
        kept = (tl.load(used + block) != 0) & (tl.max(tl.where(own, values, 0.0)) > 0)
        values = tl.where(kept, values, before)
        left = tl.where(kept, left, left_before)
    tl.store(out + at, values, mask=inside)


def descended_in_one_program(
    start: Tensor, gradient: Tensor, form: Tensor, used: Tensor, variables: Variables
) -> Tensor:
    """What `refit.descended` returns; its arguments."""
    out, width = torch.empty_like(start), max(16, triton.next_power_of_2(len(start)))
    _descend[(1,)](
        start=start,
        gradient=gradient,
        form=form.contiguous(),
        used=used.to(torch.int8),
        first=variables.first,
        size=variables.size,
        out=out,
        count=len(start),
        blocks=len(variables.blocks),
        ROUNDS=INNER_ROUNDS,
        WIDTH=width,
        num_warps=min(8, max(1, width // 256)),
    )
    return out
