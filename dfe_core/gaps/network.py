"""The network that corrects a filled stretch: tokens of every region at every moment, mixed over the graph of the
regions and over time.

It starts as the estimate that it is given (its last layer is zero) and learns what linear interpolation and ridge
regression miss. Letters of the shapes: B stretches, T frames, E coefficients, R regions, D features, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

DILATIONS = (1, 2, 4, 8, 16, 32)
"""Steps between the frames that a block mixes: 63 frames to either side in all."""
_MOMENTS = 4  # since, until, how much is unknown, activity


class GapNetwork(nn.Module):
    """(B, T, E) estimates to their correction and the logarithm of the spread of what is left.

    Parameters
    ----------
    features: (R, E, D) and adjacency: (R, R) of the `RegionGraph`. scale: (E,) spread of ψ about a person's mean.
    width: W.
    """

    features: Tensor
    adjacency: Tensor
    scale: Tensor

    def __init__(self, features: Tensor, adjacency: Tensor, scale: Tensor, width: int = 32) -> None:
        super().__init__()
        self.register_buffer("features", features)
        self.register_buffer("adjacency", adjacency)
        self.register_buffer("scale", scale)
        regions, count, depth = features.shape
        self.enter = nn.Linear(3 * depth + _MOMENTS + 1, width)
        self.place = nn.Parameter(0.02 * torch.randn(regions, width))
        self.blocks = nn.ModuleList(_Block(width, regions, dilation) for dilation in DILATIONS)
        self.leave = nn.Linear(regions * width, 2 * count)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)
        share = (features**2).sum(2) * scale**2
        self.register_buffer("share", share / share.sum(1, keepdim=True).clamp_min(1e-12))

    def forward(
        self, estimate: Tensor, from_rest: Tensor, interpolated: Tensor, unknown: Tensor, own: Tensor, moments: Tensor
    ) -> tuple[Tensor, Tensor]:
        """own: (B, T, E) spread that the recording shows elsewhere; moments: (B, T, 3) since, until (s), activity.
        Correction and log spread, (B, T, E), in units of ψ; the correction of what is known is zero."""
        parts = torch.stack([estimate, from_rest, interpolated], 2)
        seen = torch.einsum("btpe,red->btrpd", parts, self.features).flatten(3)
        hidden = torch.einsum("bte,re->btr", unknown, self.share)[..., None]
        whole = torch.cat([moments, unknown.mean(2, keepdim=True)], 2)[:, :, None].expand(-1, -1, seen.shape[2], -1)
        tokens = self.enter(torch.cat([seen, whole, hidden], 3)) + self.place
        for block in self.blocks:
            tokens = block(tokens, self.adjacency)
        correction, spread = self.leave(tokens.flatten(2)).chunk(2, 2)
        floor = torch.log((own + 0.02 * self.scale) * (unknown + 0.02))
        return correction * self.scale * unknown, spread.clamp(-4, 4) + floor


class _Block(nn.Module):
    """Regions mixed along the graph, then each region over time (dilated depthwise convolution)."""

    def __init__(self, width: int, regions: int, dilation: int) -> None:
        super().__init__()
        self.before, self.across = nn.LayerNorm(width), nn.Linear(2 * width, width)
        self.then = nn.LayerNorm(width)
        self.along = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, groups=width)
        self.out = nn.Linear(width, width)
        self.reach = nn.Parameter(torch.zeros(regions, regions))

    def forward(self, tokens: Tensor, adjacency: Tensor) -> Tensor:
        normal = self.before(tokens)
        mixed = torch.einsum("rs,btsw->btrw", adjacency + self.reach, normal)
        tokens = tokens + nn.functional.relu(self.across(torch.cat([normal, mixed], 3)))
        batch, time, regions, width = tokens.shape
        rows = self.then(tokens).permute(0, 2, 3, 1).reshape(batch * regions, width, time)
        along = self.along(rows).reshape(batch, regions, width, time).permute(0, 3, 1, 2)
        return tokens + self.out(nn.functional.relu(along))
