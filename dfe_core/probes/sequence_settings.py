"""Every choice of the sequence probe and of the alignment with words; torch-free, so that a page can read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dfe_core.errors import DataError

POOLINGS = ("softmax", "sparsemax", "entmax", "mean", "class-token")
"""softmax: attention with a penalty on its entropy (D-FACE); sparsemax, entmax: attention that gives most tokens a
weight of exactly 0; mean: every token alike; class-token: a token of its own that reads the others."""


@dataclass(frozen=True, kw_only=True)
class SequenceSettings:
    """Every choice of the sequence probe.

    Attributes
    ----------
    pooling: one of `pooling.POOLINGS`. width, heads, layers, dropout: of the transformer.
    chunk: tokens that attend to each other. chunks: of one unit in a training step, drawn at random; predictions read
        all of them. most: tokens kept of one span.
    epochs, patience: at most so many, and so many without a better validation loss before it stops.
    batch: units in a step. rate, decay: of AdamW. entropy: weight of the attention's entropy (share of its maximum)
        in the loss; with softmax pooling alone.
    """

    pooling: str = "sparsemax"
    width: int = 32
    heads: int = 4
    layers: int = 2
    dropout: float = 0.2
    chunk: int = 32
    chunks: int = 8
    most: int = 512
    epochs: int = 50
    patience: int = 6
    batch: int = 16
    rate: float = 2e-3
    decay: float = 0.05
    entropy: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS:
            raise DataError("pooling", repr(self.pooling), " or ".join(POOLINGS))
        if self.width % self.heads or self.width % 2:
            raise DataError("width", f"{self.width} with {self.heads} heads", "an even width, a multiple of the heads")
        for name, least in (("chunk", 2), ("chunks", 1), ("most", 2), ("epochs", 1), ("patience", 1), ("batch", 1)):
            if getattr(self, name) < least:
                raise DataError(name, str(getattr(self, name)), f"{least} or more")


@dataclass(frozen=True, kw_only=True)
class JointSettings:
    """Alignment with class prompts trained together with the head, as D-FACE's EDCLIP; its released values.

    Attributes
    ----------
    weight: of the alignment in the loss, beside the head's. temperature, margin, others: as in `AlignmentSettings`.
    """

    weight: float = 0.3
    temperature: float = 0.07
    margin: float = 0.2
    others: float = 0.2

    @property
    def alignment(self) -> AlignmentSettings:
        """The settings of its loss: every class has one anchor of its own."""
        return AlignmentSettings(temperature=self.temperature, margin=self.margin, others=self.others, softness=0.0)


@dataclass(frozen=True, kw_only=True)
class AlignmentSettings:
    """Every choice of an alignment.

    Attributes
    ----------
    temperature: τ of the softmax over anchors. margin: δ, the similarity that others may have. others: weight of their
        hinge. The three are those of the released D-FACE code.
    softness: anchors whose texts are alike share the target: softmax of their texts' cosine / softness; 0 for one
        anchor alone.
    hidden: width of the layer between the pooled vector and the space of the texts.
    net: the network and its training.
    """

    temperature: float = 0.07
    margin: float = 0.2
    others: float = 0.2
    softness: float = 0.05
    hidden: int = 128
    net: SequenceSettings = field(
        default_factory=lambda: SequenceSettings(
            pooling="softmax", width=48, chunk=96, chunks=1, most=96, epochs=24, patience=5, batch=64, dropout=0.1
        )
    )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> AlignmentSettings:
        """The inverse of `dataclasses.asdict`."""
        return cls(**{**values, "net": SequenceSettings(**values["net"])})
