"""Encoders: ψ in the latent frame, plus what a network makes of it.

The network starts at zero and adds to the metric frame, so that an untrained tokenizer is already a sensible
quantizer and training can only bend it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dfe_core.errors import DataError
from dfe_core.tokenizer.config import TEMPORAL, TokenizerConfig


class TransformerCorrection(nn.Module):
    """Latent reshaped to a short sequence of chunks, a pre-norm transformer over them, and back (paper, overview).

    (B, D) f32 to (B, D) f32.
    """

    def __init__(self, dimensions: int, config: TokenizerConfig) -> None:
        super().__init__()
        self.chunk, self.positions = config.chunk, -(-dimensions // config.chunk)
        self.enter = nn.Linear(config.chunk, config.width)
        self.place = nn.Parameter(0.02 * torch.randn(self.positions, config.width))
        layer = nn.TransformerEncoderLayer(
            config.width,
            config.heads,
            2 * config.width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.blocks = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.leave = _zero(nn.Linear(config.width, config.chunk))

    def forward(self, latent: Tensor) -> Tensor:
        batch, dimensions = latent.shape
        padded = nn.functional.pad(latent, (0, self.positions * self.chunk - dimensions))
        sequence = self.enter(padded.view(batch, self.positions, self.chunk)) + self.place
        return self.leave(self.blocks(sequence)).reshape(batch, -1)[:, :dimensions]


class PerceptronCorrection(nn.Sequential):
    """Two hidden layers; the ablation of the transformer. (B, D) f32 to (B, D) f32."""

    def __init__(self, dimensions: int, config: TokenizerConfig) -> None:
        width = 4 * config.width
        super().__init__(
            nn.Linear(dimensions, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            _zero(nn.Linear(width, dimensions)),
        )


class LinearCorrection(nn.Module):
    """A linear map, in units of each dimension's own size: what the linear encoder learns while identity is taken out
    of it. (B, D) f32 to (B, D) f32.

    Parameters
    ----------
    scale: (D,) root mean square of each latent dimension.
    """

    scale: Tensor

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.weight = nn.Parameter(torch.zeros(len(scale), len(scale)))

    def forward(self, latent: Tensor) -> Tensor:
        return latent / self.scale @ self.weight * self.scale


class NoCorrection(nn.Module):
    """The metric frame alone."""

    def forward(self, latent: Tensor) -> Tensor:
        return torch.zeros_like(latent)


def build_correction(dimensions: int, config: TokenizerConfig) -> nn.Module:
    """The network named by ``config.encoder``, of those that see one frame.

    Raises `DataError` for the temporal one, which `temporal_encoder.temporal_correction` makes of a face's regions.
    """
    if config.encoder == TEMPORAL:
        raise DataError("encoder", f"{TEMPORAL} without the regions of a face", "temporal_correction")
    if config.encoder == "linear":
        return NoCorrection()
    return (TransformerCorrection if config.encoder == "transformer" else PerceptronCorrection)(dimensions, config)


def hidden_bytes(dimensions: int, config: TokenizerConfig) -> int:
    """Bytes of a frame in the hidden layers of the encoder, f32, as many as there are at once, at most.

    Of the perceptron two layers; of the transformer, for every chunk, the residual stream, its norm, queries, keys and
    values twice, and the heads' products, which are more than the feed-forward layers.
    """
    if config.encoder == "mlp":
        return 4 * 2 * 4 * config.width
    if config.encoder == "transformer":
        positions = -(-dimensions // config.chunk)
        return 4 * positions * (9 * config.width + 2 * config.heads * positions)
    return 0


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
