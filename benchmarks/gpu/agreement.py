"""Where the fused kernel chooses other tokens than the reference, and why."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.quantizer import finished, search
from dfe_core.tokenizer.temporal_smoothing import _in_steady_order, refine_

ROUNDING = 2e-7
"""Two units in the last place of float32, relative: what sums of 52 products in another order differ by."""
DRAWS, AROUND = 12, 8


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Frames with the same tokens and levels in the same order, of how many; and of the others how many have the same
    set in another order (`order`), are frames for which the reference itself chooses others when its latents are
    changed by rounding (`rounding`), are within `AROUND` frames of such a one (`neighbour`), or none of these."""

    frames: int
    same: int
    order: int
    rounding: int
    neighbour: int
    unexplained: int

    @property
    def share(self) -> float:
        """Of frames that are the same."""
        return self.same / max(self.frames, 1)


@torch.inference_mode()
def reference(model: Tokenizer, latent: Tensor, linked: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens and levels (T, N) of one batch by the PyTorch version, whatever the device and the number of frames."""
    quantizer, tables = model.quantizer, model.quantizer.tables()
    found = search(latent, tables, quantizer.places, quantizer.sweeps)
    weight = model.config.temporal_bits * model.config.rate_weight
    if weight:
        tokens, steps = found.tokens.clone(), (found.levels + 1) * (found.tokens != 0)
        products = (latent - quantizer.decode(tokens, found.intensities)) @ tables.codewords.T
        refine_(tokens, steps, products, tables, linked, weight, 2)
        found = _in_steady_order(finished(tokens, steps, latent, tables), tables)
    return found.tokens, found.levels


def compare(
    model: Tokenizer, latent: Tensor, linked: Tensor, tokens: Tensor, levels: Tensor, wanted: tuple[Tensor, Tensor]
) -> Agreement:
    """The agreement of tokens and levels (T, N) with those of the reference, `wanted`, on one batch."""
    same = ((tokens == wanted[0]) & (levels == wanted[1])).all(1)
    other = (~same).nonzero()[:, 0].tolist()
    code, wanted_code = (t.long() * 256 + v.long() for t, v in ((tokens, levels), wanted))
    order = (code.sort(1).values == wanted_code.sort(1).values).all(1)
    reasons: dict[int, str] = {i: "order" for i in other if order[i]}
    for i in other:
        if i not in reasons and _hangs_on_rounding(model, latent, linked, i):
            reasons[i] = "rounding"
    for i in other:
        if i not in reasons:
            near = any(abs(i - j) <= AROUND and why == "rounding" for j, why in reasons.items())
            reasons[i] = "neighbour" if near else "unexplained"
    found = list(reasons.values())
    return Agreement(
        frames=len(same),
        same=int(same.sum()),
        **{why: found.count(why) for why in ("order", "rounding", "neighbour", "unexplained")},
    )


def _hangs_on_rounding(model: Tokenizer, latent: Tensor, linked: Tensor, frame: int) -> bool:
    """Whether the reference chooses other tokens for a frame when latents around it change by `ROUNDING`."""
    first = max(0, frame - AROUND) // 2 * 2  # an even frame: whose turn it is goes by the number
    rows = slice(first, frame + AROUND + 1)
    part, link = latent[rows], linked[rows].clone()
    link[0] = False
    tokens, levels = reference(model, part, link)
    noise = torch.Generator(latent.device).manual_seed(0)
    for _ in range(DRAWS):
        sign = torch.randn(part.shape, generator=noise, device=part.device)
        changed = reference(model, part * (1 + ROUNDING * sign), link)
        at = frame - first
        if not (torch.equal(changed[0][at], tokens[at]) and torch.equal(changed[1][at], levels[at])):
            return True
    return False
