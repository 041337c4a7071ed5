"""The encoder ``temporal``: a window of frames in, tokens of every region at every moment, mixed over the graph of the
regions and by attention in time (after MeshPhys), and the latent that is worth encoding out.

Unlike the other networks it is trained with frames hidden from it, so that its latent is what the frames around say as
well: tokens stand for that latent, and a hidden frame has one. Frames of two recordings, or on two sides of a lost
stretch, never see each other. Letters of the shapes: B frames, D latent dimensions, R regions, F features, W width,
N windows, T frames of a window.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from dfe_core.faces.region_graph import RegionGraph
from dfe_core.tokenizer.config import TokenizerConfig

WINDOW, CONTEXT = 64, 16
"""T, of which the first and the last `CONTEXT` are seen and not written: every frame sees 16 to 47 frames on each side,
as far as its recording goes on."""


class TemporalCorrection(nn.Module):
    """Latent of frames in order to what is added to it, (B, D) f32 to (B, D) f32; hidden frames have been filled in
    linearly before (`between_seen`).

    Parameters
    ----------
    config: width, layers and heads. features: (R, D, F): ``latent @ features[r]`` is what region r does. adjacency:
    (R, R), rows adding up to 1. scale: (D,) root mean square of each latent dimension, which spans orders of magnitude.
    """

    features: Tensor
    adjacency: Tensor
    scale: Tensor

    def __init__(self, config: TokenizerConfig, features: Tensor, adjacency: Tensor, scale: Tensor) -> None:
        super().__init__()
        regions, dimensions, depth = features.shape
        self.register_buffer("features", features)
        self.register_buffer("adjacency", adjacency)
        self.register_buffer("scale", scale)
        self.enter = nn.Linear(depth, config.width)
        self.place = nn.Parameter(0.02 * torch.randn(regions, config.width))
        self.moment = nn.Parameter(0.02 * torch.randn(WINDOW, 1, config.width))
        self.unseen = nn.Parameter(0.02 * torch.randn(config.width))
        self.blocks = nn.ModuleList(_Block(config, regions) for _ in range(config.layers))
        self.leave = nn.Linear(regions * config.width, dimensions)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, latent: Tensor, linked: Tensor | None = None, hidden: Tensor | None = None) -> Tensor:
        """linked: (B,) bool, whether a frame follows the one before it; None: none does. hidden: (B,) bool, frames
        that are filled in."""
        count = len(latent)
        if not count:
            return torch.zeros_like(latent)
        rows, inside = _windows(count, latent.device)
        run = torch.arange(count, device=latent.device) if linked is None else torch.cumsum(~linked, 0)
        run = torch.where(inside, run[rows], -1)
        hide = torch.zeros(rows.shape, dtype=torch.bool, device=latent.device) if hidden is None else hidden[rows]
        tokens = self.enter(torch.einsum("ntd,rdf->ntrf", latent[rows], self.features))
        tokens = tokens + self.unseen * hide[..., None, None] + self.place + self.moment
        apart = run[:, :, None] != run[:, None, :]
        for block in self.blocks:
            tokens = block(tokens, self.adjacency, apart)
        written = self.leave(tokens[:, CONTEXT : WINDOW - CONTEXT].flatten(2)).flatten(0, 1)
        return written[:count] * self.scale


class _Block(nn.Module):
    """Graph convolution over the regions of a frame, attention of a region over the window, and a layer between."""

    def __init__(self, config: TokenizerConfig, regions: int) -> None:
        super().__init__()
        width, self.heads = config.width, config.heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.reach = nn.Parameter(torch.zeros(regions, regions))
        self.across = nn.Linear(2 * width, width)
        self.ask, self.answer = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.layers = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, tokens: Tensor, adjacency: Tensor, apart: Tensor) -> Tensor:
        """tokens: (N, T, R, W). apart: (N, T, T) bool, pairs of frames that do not see each other."""
        normal = self.norms[0](tokens)
        mixed = torch.einsum("rs,ntsw->ntrw", adjacency + self.reach, normal)
        tokens = tokens + nn.functional.relu(self.across(torch.cat([normal, mixed], 3)))
        tokens = tokens + self._attend(self.norms[1](tokens), apart)
        return tokens + self.layers(self.norms[2](tokens))

    def _attend(self, tokens: Tensor, apart: Tensor) -> Tensor:
        windows, time, regions, width = tokens.shape
        parts = self.ask(tokens).reshape(windows, time, regions, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(3, 0, 2, 4, 1, 5)
        seen = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=~apart[:, None, None])
        return self.answer(seen.permute(0, 3, 1, 2, 4).reshape(windows, time, regions, width))


def between_seen(latent: Tensor, linked: Tensor | None, hidden: Tensor) -> Tensor:
    """(B, D) with hidden frames linear in time between the seen ones of their run, held at its ends, 0 without any."""
    rows = torch.arange(len(latent), device=latent.device)
    run = rows if linked is None else torch.cumsum(~linked, 0)
    before = torch.cummax(torch.where(hidden, -1, rows), 0).values
    after = torch.cummin(torch.where(hidden, len(rows), rows).flip(0), 0).values.flip(0)
    early, late = before.clamp_min(0), after.clamp_max(len(rows) - 1)
    has_before, has_after = (before >= 0) & (run[early] == run), (after < len(rows)) & (run[late] == run)
    share = (rows - before) / (after - before).clamp_min(1)
    share = torch.where(has_before & has_after, share, torch.where(has_before, 0.0, 1.0))[:, None].to(latent)
    held = (1 - share) * latent[early] + share * latent[late]
    return torch.where(hidden[:, None], held * (has_before | has_after)[:, None], latent)


def _windows(count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows (N, T) of windows that overlap by twice the context, and whether each is a frame there is."""
    step = WINDOW - 2 * CONTEXT
    starts = torch.arange(0, count, step, device=device) - CONTEXT
    rows = starts[:, None] + torch.arange(WINDOW, device=device)
    return rows.clamp(0, count - 1), (rows >= 0) & (rows < count)


def temporal_correction(
    config: TokenizerConfig, graph: RegionGraph, inverse: np.ndarray, scale: np.ndarray
) -> TemporalCorrection:
    """An untrained encoder of a face's regions. inverse: (D, E), latent to ψ; scale: (D,) of the latent."""
    features = np.einsum("de,ref->rdf", inverse, graph.features)
    return TemporalCorrection(
        config, *(torch.as_tensor(x, dtype=torch.float32) for x in (features, graph.adjacency, scale))
    )
