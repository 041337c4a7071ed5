"""The network of the sequence probe: a small transformer over tokens, one pooled vector a unit, a linear head.

Tokens attend to their neighbours within chunks of time; the pooling then weighs all tokens of the unit together.
Letters of the shapes: B units, C chunks of a unit, L tokens of a chunk, D width.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn

from dfe_core.probes.pooling import Pooling
from dfe_core.probes.sequence_settings import SequenceSettings
from dfe_core.probes.token_sequences import TokenSequences

_TURNS = 8


@dataclass(frozen=True, eq=False, kw_only=True)
class Chunks:
    """A batch: codeword, stage (B, C, L) int64; intensity, seconds, time_s (B, C, L) float32, time from the chunk's
    first token; there (B, C, L) bool; source (B, C, L) int64, index into the sequences, −1 where no token is; used (U,)
    int64, the chunks with tokens in the order of (B · C): found by the host, so that no device is waited for."""

    codeword: Tensor
    stage: Tensor
    intensity: Tensor
    seconds: Tensor
    time_s: Tensor
    there: Tensor
    source: Tensor
    used: Tensor

    def to(self, device: torch.device) -> Chunks:
        """The same batch there."""
        return Chunks(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def make_chunks(
    sequences: TokenSequences, units: np.ndarray, settings: SequenceSettings, rng: np.random.Generator | None = None
) -> Chunks:
    """The tokens of `units`, cut into chunks: all of them, or where `rng` is given `settings.chunks` drawn at random.

    A unit without tokens has one token at rest, so that it still has a prediction.
    """
    length = settings.chunk
    starts = [
        _starts(int(a), int(b), length, settings.chunks, rng)
        for a, b in zip(sequences.edges[units], sequences.edges[units + 1], strict=True)
    ]
    most = max(len(s) for s in starts)
    source = np.full((len(units), most, length), -1)
    for row, first, end in zip(source, starts, sequences.edges[units + 1], strict=True):
        at = first[:, None] + np.arange(length)
        row[: len(first)] = np.where(at < end, at, -1)
    return _gathered(sequences, source)


def _starts(begin: int, end: int, length: int, most: int, rng: np.random.Generator | None) -> np.ndarray:
    """First tokens of the chunks: back to back, from a random offset in training so that borders move."""
    shift = int(rng.integers(0, length)) if rng is not None and end - begin > length else 0
    starts = np.arange(begin - shift, end, length).clip(begin)
    starts = np.unique(starts) if len(starts) else np.array([begin])
    if rng is None or len(starts) <= most:
        return starts
    return np.sort(rng.choice(starts, most, replace=False))


def _gathered(sequences: TokenSequences, source: np.ndarray) -> Chunks:
    at, there = np.maximum(source, 0), source >= 0
    empty = ~there.any((1, 2))
    if len(sequences.codeword):
        codeword, stage, intensity, seconds, time_s = (
            np.where(there, getattr(sequences, name)[at], 0)
            for name in ("codeword", "stage", "intensity", "seconds", "time_s")
        )
    else:
        codeword, stage, intensity, seconds, time_s = (np.zeros(source.shape) for _ in range(5))
    there[empty, 0, 0] = True
    time_s = np.where(there, time_s - time_s[..., :1], 0)
    return Chunks(
        codeword=torch.as_tensor(codeword, dtype=torch.int64),
        stage=torch.as_tensor(stage, dtype=torch.int64),
        intensity=torch.as_tensor(intensity, dtype=torch.float32),
        seconds=torch.as_tensor(seconds, dtype=torch.float32),
        time_s=torch.as_tensor(time_s, dtype=torch.float32),
        there=torch.as_tensor(there),
        source=torch.as_tensor(source),
        used=torch.as_tensor(np.flatnonzero(there.any(-1))),
    )


class SequenceNet(nn.Module):
    """Tokens of units to one vector each, and to `outputs` values by a linear head.

    A token's vector is the sum of what its codeword does (ψ, projected), a vector of its own, its stage, its strength
    and its place in time.
    """

    psi: Tensor
    pitch: Tensor

    def __init__(self, psi: np.ndarray, stages: int, outputs: int, settings: SequenceSettings) -> None:
        super().__init__()
        width = settings.width
        self.register_buffer("psi", torch.as_tensor(psi, dtype=torch.float32), persistent=False)
        self.meaning = nn.Linear(psi.shape[1], width, bias=False)
        self.own, self.stage = nn.Embedding(len(psi), width), nn.Embedding(stages, width)
        self.strength = nn.Linear(3, width)
        for table in (self.own, self.stage):
            nn.init.normal_(table.weight, std=0.1)
        self.class_token = nn.Parameter(torch.zeros(width)) if settings.pooling == "class-token" else None
        layer = nn.TransformerEncoderLayer(
            width, settings.heads, 2 * width, settings.dropout, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, settings.layers, enable_nested_tensor=False)
        self.pooling = Pooling(settings.pooling, width)
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(width, outputs))
        self.register_buffer(
            "pitch",
            2.0 ** torch.arange(width // 2, dtype=torch.float32).div(width / 2).mul(_TURNS).neg() * 2 * torch.pi * 8,
            persistent=False,
        )

    def forward(self, batch: Chunks) -> tuple[Tensor, Tensor, Tensor]:
        """values (B, outputs), pooled (B, D), weights (B, C · L) of the tokens, which add up to 1."""
        pooled, weights = self.embed(batch)
        return self.head(pooled), pooled, weights

    def embed(self, batch: Chunks) -> tuple[Tensor, Tensor]:
        """pooled (B, D) and weights (B, C · L)."""
        units, count, length = batch.codeword.shape
        x = self._tokens(batch).flatten(0, 1)[batch.used]
        there = batch.there.flatten(0, 1)[batch.used]
        if self.class_token is not None:
            x = torch.cat([self.class_token.expand(len(x), 1, -1), x], 1)
            there = torch.cat([torch.ones_like(there[:, :1]), there], 1)
        x = self.layers(x, src_key_padding_mask=~there)
        if self.class_token is not None:
            return self._of_class_tokens(x[:, 0], batch)
        full = x.new_zeros(units * count, length, x.shape[-1]).index_copy(0, batch.used, x)
        return self.pooling(full.view(units, count * length, -1), batch.there.flatten(1))

    def _tokens(self, batch: Chunks) -> Tensor:
        strength = torch.stack([batch.intensity, (batch.seconds + 0.01).log(), batch.intensity * batch.seconds], -1)
        angle = batch.time_s[..., None] * self.pitch
        return (
            self.meaning(self.psi[batch.codeword]) * batch.intensity[..., None]
            + self.own(batch.codeword)
            + self.stage(batch.stage)
            + self.strength(strength)
            + 0.5 * torch.cat([angle.sin(), angle.cos()], -1)
        )

    def _of_class_tokens(self, x: Tensor, batch: Chunks) -> tuple[Tensor, Tensor]:
        """The mean of the chunks' class tokens, weighed alike; the weights of other tokens say nothing and are even."""
        used, there = batch.there.any(-1), batch.there.flatten(1)
        full = x.new_zeros(used.numel(), x.shape[-1]).index_copy(0, batch.used, x).view(*used.shape, -1)
        return self.pooling(full, used)[0], there.to(x.dtype) / there.sum(-1, keepdim=True)
