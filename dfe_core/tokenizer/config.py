"""Every choice of the tokenizer and its training, in two frozen dataclasses; TOML files hold only differences."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dfe_core.errors import DataError
from dfe_core.toml_file import parse_toml, read_toml

TEMPORAL = "temporal"
ENCODERS = ("transformer", "mlp", "linear", TEMPORAL)


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """What is needed to rebuild a tokenizer.

    stages: N, tokens of a frame at most; a token is written only where it is worth its bits.
    codewords: K, entries of the shared codebook; codeword 0 is the null token. Faces whose coefficients have two signs
        (learned, FLAME, BFM) hold pairs of opposite movements and may need fewer.
    level_step, level_max: intensities are whole multiples of the step, up to the maximum; of these each codeword uses
        the multiples that move it by the quantizer's own step (`quantizer.STEP_RATIO`).
    rate_weight: λ, the share of the mean energy of a training frame that a token must win for every bit it costs.
    rate_weight_pairs: the same on faces whose coefficients have two signs, where most codewords have a share in a frame
        and a bit buys less.
    encoder: ``linear`` (the metric itself), or a network that proposes the first tokens, ``mlp`` or ``transformer``
        (the paper's), after which every token is chosen again for ψ itself; or ``temporal``, which sees the frames
        around (`temporal_encoder`), and whose tokens stand for its own latent.
    chunk: coefficients per position when ψ is reshaped to a sequence for the transformer.
    width, layers, heads: of the encoder.
    psi_weight: share of the latent metric that measures standardised coefficients; the rest measures vertices. With 0
        the search minimises what `dfe evaluate` reports.
    region_weight: share of the vertex metric in which every region of the face counts alike, whatever its movement.
    without_region: a region of the face (`FaceModel.region_names`) that codewords are neither learned from nor chosen
        for: its vertices count nothing, so that what moves it alone is not seen; empty: none.
    sweeps: how often, after the search, every token is chosen again with the others known.
    temporal_bits: a token that the frame before or after does not share counts as if it cost so many bits more; 0
        chooses every frame alone.
    identity_reversal: weight of the reversed gradient of a classifier that names the training subjects, against the
        losses of an encoder; 0: none. Above it the linear encoder is a linear map that is learned, and tokens of every
        encoder stand for its latent, which hides what the classifier found (`training.identity`).
    """

    stages: int = 24
    codewords: int = 64
    level_step: float = 1 / 64
    level_max: float = 2.0
    rate_weight: float = 4e-4
    rate_weight_pairs: float = 1e-3
    encoder: str = "linear"
    chunk: int = 13
    width: int = 32
    layers: int = 1
    heads: int = 4
    psi_weight: float = 0.0
    region_weight: float = 0.0
    without_region: str = ""
    sweeps: int = 2
    temporal_bits: float = 0.5
    identity_reversal: float = 0.0

    def __post_init__(self) -> None:
        _require(1 <= self.stages <= 64, "stages", self.stages, "1 to 64")
        _require(2 <= self.codewords <= 65_535, "codewords", self.codewords, "2 to 65535")
        _require(
            0 < self.level_step <= 1 <= self.level_max <= 2 and self.level_max / self.level_step <= 255,
            "level_step, level_max",
            (self.level_step, self.level_max),
            "a step above 0 and at most 1, a maximum of 1 to 2, at most 255 levels",
        )
        for name in ("rate_weight", "rate_weight_pairs"):
            _require(0 < getattr(self, name) < 1, name, getattr(self, name), "between 0 and 1")
        _require(self.encoder in ENCODERS, "encoder", self.encoder, " or ".join(ENCODERS))
        _require(
            self.chunk >= 1 and self.layers >= 1 and self.width % self.heads == 0,
            "width",
            f"{self.width} with {self.heads} heads",
            "a multiple of heads, with chunk and layers at least 1",
        )
        _require(0 <= self.psi_weight <= 1, "psi_weight", self.psi_weight, "0 to 1")
        _require(0 <= self.region_weight <= 1, "region_weight", self.region_weight, "0 to 1")
        if self.without_region:
            _require(self.without_region != "other", "without_region", self.without_region, "a region of the face")
            _require(not self.psi_weight, "psi_weight", self.psi_weight, "0 with without_region")
        _require(0 <= self.sweeps <= 16, "sweeps", self.sweeps, "0 to 16")
        _require(self.temporal_bits >= 0, "temporal_bits", self.temporal_bits, "0 or more")
        _require(0 <= self.identity_reversal <= 1000, "identity_reversal", self.identity_reversal, "0 to 1000")

    @property
    def levels(self) -> tuple[float, ...]:
        """(L,) intensities that a token can carry, increasing."""
        return tuple(self.level_step * i for i in range(1, int(self.level_max / self.level_step + 1e-9) + 1))

    @property
    def proposes(self) -> bool:
        """Whether a network only proposes tokens, which are chosen again for ψ itself; else they stand for its
        latent."""
        return self.encoder in ("mlp", "transformer") and not self.identity_reversal


@dataclass(frozen=True)
class LossWeights:
    """Weights of the losses of an encoder network; the names are those of the log.

    psi: mean squared error on standardised ψ. vertex: mean squared vertex error, in units of the data's own energy.
    commitment: the residual that the tokens leave (van den Oord et al. 2017, eq. 3). Far below the reconstruction's
        weight the encoder overshoots what no token can say, and in the end proposes bad ones.
    """

    psi: float = 0.5
    vertex: float = 1.0
    commitment: float = 1.0

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            _require(getattr(self, item.name) >= 0, f"loss.{item.name}", getattr(self, item.name), "0 or more")


MOST_STEPS, MOST_FRAMES = 10**9, 2**22
"""More is a slip of the finger: a year of work, and more memory than there is."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a tokenizer is trained.

    steps, batch: optimisation steps and frames per step.
    start: where codewords start: ``data`` (activations alone and in pairs that move together), the name of a model
        whose coefficients the face answers to, or ``auto``: the model ``default`` where it is there, of the same face
        and not trained on the same data, else ``data``.
    simulated_share: share of training frames that are simulated, on faces that answer to ARKit's coefficients;
        simulated data take none.
    support_share: coefficients of a codeword that move the face less than this share of its strongest one are zero,
        so that a codeword stays a few coefficients (faces whose coefficients are activations from 0 up).
    merge_cosine: of two codewords whose movements are more alike, the less used one starts again elsewhere.
    encoder_batch: of the frames of a step, how many train an encoder network.
    learning_rate: of the encoder (Adam, cosine decay to a tenth).
    ema_decay: of the sufficient statistics of the codewords.
    dead_share: a codeword used by less than this share of frames starts again elsewhere; 0 never replaces.
    mirror_share: share of training frames that are seen in a mirror: a face can do on the left what it was seen to do
        on the right, so that one-sided codewords come in pairs and little data goes further.
    test_share, validation_share: of subjects.
    checkpoint_every: steps between checkpoints.
    """

    steps: int = 150
    batch: int = 2048
    start: str = "auto"
    simulated_share: float = 0.5
    support_share: float = 0.3
    merge_cosine: float = 0.93
    encoder_batch: int = 512
    learning_rate: float = 1e-3
    ema_decay: float = 0.95
    dead_share: float = 5e-4
    mirror_share: float = 0.5
    test_share: float = 0.25
    validation_share: float = 0.1
    checkpoint_every: int = 50
    loss: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        _require(
            min(self.steps, self.batch, self.encoder_batch) >= 1,
            "steps, batch, encoder_batch",
            (self.steps, self.batch, self.encoder_batch),
            "1 or more",
        )
        _require(self.steps <= MOST_STEPS, "steps", self.steps, f"at most {MOST_STEPS:,}")
        _require(
            max(self.batch, self.encoder_batch) <= MOST_FRAMES,
            "batch, encoder_batch",
            (self.batch, self.encoder_batch),
            f"at most {MOST_FRAMES:,} frames a step",
        )
        _require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        _require(0 < self.ema_decay < 1, "ema_decay", self.ema_decay, "between 0 and 1")
        _require(0 <= self.mirror_share <= 1, "mirror_share", self.mirror_share, "0 to 1")
        _require(0 <= self.simulated_share < 1, "simulated_share", self.simulated_share, "0 or more, below 1")
        _require(0 <= self.support_share < 1, "support_share", self.support_share, "0 or more, below 1")
        _require(0 < self.merge_cosine <= 1, "merge_cosine", self.merge_cosine, "above 0, at most 1")
        _require(
            0 < self.test_share < 1 and 0 <= self.validation_share < 1 and self.test_share + self.validation_share < 1,
            "test_share, validation_share",
            (self.test_share, self.validation_share),
            "positive shares that leave subjects to train on",
        )
        _require(self.checkpoint_every >= 1, "checkpoint_every", self.checkpoint_every, "1 or more")


@dataclass(frozen=True)
class Config:
    """A whole run: the tokenizer, its training, and the seed of both."""

    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    seed: int = 0


def load_config(path: Path | None = None, overrides: Mapping[str, Any] | None = None, seed: int = 0) -> Config:
    """The configuration of a TOML file (tables ``[tokenizer]``, ``[train]``, ``[train.loss]``) with overrides.

    `overrides` maps dotted names to values or to their TOML text: ``{"tokenizer.stages": "4"}``. Raises `DataError`
    for an unknown field, a value of the wrong type or one out of range.
    """
    where = str(path or "configuration")
    values = {} if path is None else read_toml(path, "a TOML configuration: tables [tokenizer] and [train]")
    for dotted, value in (overrides or {}).items():
        *parents, last = dotted.split(".")
        table = values
        for parent in parents:
            table = table.setdefault(parent, {})
        table[last] = _parsed(dotted, value) if isinstance(value, str) else value
    values.setdefault("seed", seed)
    return build(Config, values, where)


def build(kind: type, values: Mapping[str, Any], where: str) -> Any:
    """A (nested) dataclass from plain values, with a clear `DataError` for what does not fit."""
    fields = {f.name: f for f in dataclasses.fields(kind)}
    given = {}
    for name, value in values.items():
        if name not in fields:
            raise DataError(where, f"unknown field {name!r}", ", ".join(fields))
        default = _default(fields[name])
        if dataclasses.is_dataclass(default):
            if not isinstance(value, Mapping):
                raise DataError(where, f"{name} = {value!r}", "a table")
            given[name] = build(type(default), value, f"{where} [{name}]")
        else:
            given[name] = _coerced(where, name, value, default)
    return kind(**given)


def _default(item: dataclasses.Field) -> Any:
    if item.default_factory is not dataclasses.MISSING:
        return item.default_factory()
    return item.default


def _coerced(where: str, name: str, value: Any, default: Any) -> Any:
    if isinstance(default, bool) == isinstance(value, bool) and isinstance(value, type(default)):
        return value
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    raise DataError(where, f"{name} = {value!r}", f"a value like {default!r}")


def _parsed(name: str, text: str) -> Any:
    for written in (text, f'"{text}"'):
        with contextlib.suppress(DataError):
            return parse_toml(f"value = {written}", name, "a TOML value")["value"]
    raise DataError(f"--set {name}", f"{text!r}", "a TOML value")


def _require(holds: bool, name: str, found: Any, expected: str) -> None:
    if not holds:
        raise DataError(name, f"{found}", expected)
