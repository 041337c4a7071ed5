"""Every choice of the tokenizer and its training, in two frozen dataclasses; TOML files hold only differences."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dfe_core.errors import DataError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ENCODERS = ("transformer", "mlp", "linear")


@dataclass(frozen=True)
class TokenizerConfig:
    """What is needed to rebuild a tokenizer.

    stages: N, tokens per frame.
    codewords: K, entries of the shared codebook; codeword 0 rests.
    levels: intensities a token can carry, increasing, in (0, 2]. ``(1.0,)`` is a plain residual quantizer.
    shared: one codebook for all stages (True), or one per stage of K codewords each (False: token ids stay in
        0 … K−1 within a stage, and the codebook has N·K rows).
    encoder: ``transformer`` (the paper's), ``mlp`` or ``linear`` (the metric frame alone).
    chunk: coefficients per position when ψ is reshaped to a sequence for the transformer.
    width, layers, heads: of the encoder.
    psi_weight: share of the latent metric that measures standardised coefficients; the rest measures vertices. 0
        sees only mm, so that small but telling movements (lids, dimples) are drowned by the jaw; 1 sees only ψ.
    region_weight: share of the vertex metric in which every region of the face counts alike, whatever its movement.
    beam: candidates kept per stage when encoding; 1 is greedy.
    sweeps: how often, after the search, every token is chosen again with the others known.
    rest_gain: a stage rests unless its token lowers the squared error by at least this share of the mean energy of
        a training frame.
    steadiness: a token that the frame before or after does not share must lower the squared error by at least this
        share of the mean energy of a training frame; 0 chooses every frame alone.
    """

    stages: int = 8
    codewords: int = 64
    levels: tuple[float, ...] = (0.06, 0.1, 0.16, 0.25, 0.4, 0.6, 0.8, 1.0)
    shared: bool = True
    encoder: str = "transformer"
    chunk: int = 13
    width: int = 32
    layers: int = 1
    heads: int = 4
    psi_weight: float = 0.3
    region_weight: float = 0.3
    beam: int = 2
    sweeps: int = 2
    rest_gain: float = 3e-4
    steadiness: float = 4e-3

    def __post_init__(self) -> None:
        _require(1 <= self.stages <= 64, "stages", self.stages, "1 to 64")
        _require(2 <= self.codewords <= 65_535, "codewords", self.codewords, "2 to 65535")
        _require(1 <= len(self.levels) <= 255 and all(0 < a <= 2 for a in self.levels)
                 and list(self.levels) == sorted(set(self.levels)), "levels", self.levels,
                 "increasing values in (0, 2]")
        _require(self.encoder in ENCODERS, "encoder", self.encoder, " or ".join(ENCODERS))
        _require(self.chunk >= 1 and self.layers >= 1 and self.width % self.heads == 0, "width",
                 f"{self.width} with {self.heads} heads", "a multiple of heads, with chunk and layers at least 1")
        _require(0 <= self.psi_weight <= 1, "psi_weight", self.psi_weight, "0 to 1")
        _require(0 <= self.region_weight <= 1, "region_weight", self.region_weight, "0 to 1")
        _require(1 <= self.beam <= 64, "beam", self.beam, "1 to 64")
        _require(0 <= self.sweeps <= 16, "sweeps", self.sweeps, "0 to 16")
        _require(self.rest_gain >= 0, "rest_gain", self.rest_gain, "0 or more")
        _require(self.steadiness >= 0, "steadiness", self.steadiness, "0 or more")


@dataclass(frozen=True)
class LossWeights:
    """Weights of the training losses; the names are those of the log.

    psi: mean squared error on standardised ψ. vertex: mean squared vertex error, in units of the data's own energy.
    commitment: each stage's residual to its token (van den Oord et al. 2017, eq. 3, per stage). Far below the
        reconstruction's weight the encoder overshoots what no token can say, and in the end proposes bad ones.
    sparsity: mean over codewords of the ℓ1/ℓ2 ratio of the per-vertex displacement (Hoyer 2004): local deformations.
    orthogonality: squared cosine between codewords above `TrainConfig.cosine_margin`.
    """

    psi: float = 0.5
    vertex: float = 1.0
    commitment: float = 1.0
    sparsity: float = 0.04
    orthogonality: float = 0.005

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            _require(getattr(self, item.name) >= 0, f"loss.{item.name}", getattr(self, item.name), "0 or more")


@dataclass(frozen=True)
class TrainConfig:
    """How a tokenizer is trained.

    steps, batch: optimisation steps and frames per step.
    encoder_batch: of these frames, how many train the encoder; the codebook, which is cheap, learns from all.
    learning_rate: of the encoder (Adam, cosine decay to a tenth).
    ema: exponential moving statistics update the codewords (True), or the gradient does (False).
    ema_decay: of the sufficient statistics of the codeword update.
    dead_share, dead_every: a codeword used by less than this share of frames is replaced, checked every so many
        steps until the last fifth of training; 0 never replaces.
    stage_dropout: share of batches trained with a random number of leading stages only.
    mirror_share: share of training frames that are seen in a mirror: a face can do on the left what it was seen to do
        on the right, so that one-sided codewords come in pairs and little data goes further.
    cosine_margin: codewords may be this similar before orthogonality pushes them apart.
    test_share, validation_share: of subjects.
    checkpoint_every: steps between checkpoints.
    """

    steps: int = 500
    batch: int = 2048
    encoder_batch: int = 512
    learning_rate: float = 1e-3
    ema: bool = True
    ema_decay: float = 0.98
    dead_share: float = 5e-4
    dead_every: int = 50
    stage_dropout: float = 0.25
    mirror_share: float = 0.5
    cosine_margin: float = 0.5
    test_share: float = 0.25
    validation_share: float = 0.1
    checkpoint_every: int = 200
    loss: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        _require(min(self.steps, self.batch, self.encoder_batch) >= 1, "steps, batch, encoder_batch",
                 (self.steps, self.batch, self.encoder_batch), "1 or more")
        _require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        _require(0 < self.ema_decay < 1, "ema_decay", self.ema_decay, "between 0 and 1")
        _require(0 <= self.stage_dropout <= 1, "stage_dropout", self.stage_dropout, "0 to 1")
        _require(0 <= self.mirror_share <= 1, "mirror_share", self.mirror_share, "0 to 1")
        _require(0 < self.test_share < 1 and 0 <= self.validation_share < 1
                 and self.test_share + self.validation_share < 1, "test_share, validation_share",
                 (self.test_share, self.validation_share), "positive shares that leave subjects to train on")
        _require(self.checkpoint_every >= 1 and self.dead_every >= 1, "checkpoint_every, dead_every",
                 (self.checkpoint_every, self.dead_every), "1 or more")


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
    values: dict[str, Any] = {}
    where = str(path or "configuration")
    if path is not None:
        try:
            values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(path, "no such file", "a TOML configuration") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DataError(path, f"not TOML ({error})", "tables [tokenizer] and [train]") from None
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
    return item.default if item.default is not dataclasses.MISSING else item.default_factory()


def _coerced(where: str, name: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple) and isinstance(value, (list, tuple)) and all(
            isinstance(v, (int, float)) and not isinstance(v, bool) for v in value):
        return tuple(float(v) for v in value)
    if isinstance(default, bool) == isinstance(value, bool) and isinstance(value, type(default)):
        return value
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    raise DataError(where, f"{name} = {value!r}", f"a value like {default!r}")


def _parsed(name: str, text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        try:
            return tomllib.loads(f'value = "{text}"')["value"]
        except tomllib.TOMLDecodeError:
            raise DataError(f"--set {name}", f"{text!r}", "a TOML value") from None


def _require(holds: bool, name: str, found: Any, expected: str) -> None:
    if not holds:
        raise DataError(name, f"{found}", expected)
