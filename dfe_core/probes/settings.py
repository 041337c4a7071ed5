"""What a probe is asked to do: every choice that changes a number, in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from dfe_core.artefact_names import aus_alone
from dfe_core.errors import DataError

TASKS = ("classify", "regress")
UNITS = ("recording", "subject", "segment")
MODELS = ("linear", "svm", "boosting")
LENGTHS = ("matched", "as-recorded")
CODEBOOKS = ("shared", "held-out", "refit")
DERIVED = "derived"
"""The AUs of the feature ``au`` where none are named."""


@dataclass(frozen=True, kw_only=True)
class ProbeSettings:
    """One experiment.

    Attributes
    ----------
    model, dataset
        Names of artefacts; ``aus:NAME`` for the model where there is no codebook, only the AUs of this name.
    label
        A label column.
    together
        All labels that are predicted together with this one (`dfe_core.probes.labels_together`); empty: it is alone.
    features
        Rows of the result; parts joined by ``+`` are put side by side (``bow+au``). docs/probes.md lists the names.
    models
        ``linear`` (logistic regression, ridge), ``svm`` (linear) or ``boosting`` (histogram gradient boosting).
    group
        Column whose values are never on both sides of a fold.
    task, unit
        ``classify`` or ``regress``; ``recording``, ``subject`` or ``segment``; None decides from the labels.
    levels
        Values of a label that is text with an order, the lowest first; empty: it has none.
    lengths
        ``matched``: every unit is described by windows of one length (`dfe_core.probes.features.spans`);
        ``as-recorded``: by whole recordings, in which a score may come from how long they are.
    segment_s
        Length of a segment where the unit is one, s.
    block_s, gap_s
        Where the group is ``time``, the length of a block of a recording, and what is left out at each of its ends, s.
    validation
        ``kfold``, ``leave-one-out`` (group), or the name of a column that holds the user's own folds (``dataset`` or
        any other).
    folds, inner_folds
        Outer folds, and those that choose hyper-parameters.
    repeats
        Of the whole k-fold validation with other folds, over which scores are averaged; None: 5, and 1 with more than
        200 units, other validations or models that are not linear.
    labels
        A CSV file (recording, label columns) in place of the dataset's own labels.
    tables
        CSV or Parquet feature tables by name, joined by recording.
    aus
        Name of the AUs that ``au`` reads.
    drop_missing
        Leave out what has no label, in place of refusing.
    confounds
        Columns to predict from the same features.
    regress_out
        Columns removed from the features in each fold.
    codebook
        ``shared``: one codebook in all folds; ``held-out``: only people are tested whom it has not seen; ``refit``: one
        trained in every fold without the people that it tests (`dfe_core.probes.codebook_use`).
    refit_steps
        Of training with ``refit``; None: as many as the codebook itself was trained with.
    sequence
        Poolings of the sequence probe, each a row beside the others (``softmax``, ``sparsemax``, ``mean`` …).
    resamples
        Draws of groups for the intervals, the model refitted in every fold for each (`dfe_core.probes.intervals`).
    permutations
        Label permutations, each refitted in every fold; None: as many as the number of rows needs.
    swaps
        Permutations of a paired comparison.
    seed
        Of folds, permutations and bootstrap.
    """

    model: str
    dataset: str
    label: str
    together: tuple[str, ...] = ()
    features: tuple[str, ...] = ("bow", "au", "psi")
    models: tuple[str, ...] = ("linear",)
    group: str = "subject"
    task: str | None = None
    unit: str | None = None
    levels: tuple[str, ...] = ()
    lengths: str = "matched"
    segment_s: float = 2.0
    block_s: float = 6.0
    gap_s: float = 1.0
    validation: str = "kfold"
    folds: int = 5
    inner_folds: int = 3
    repeats: int | None = None
    labels: str | None = None
    tables: dict[str, str] = field(default_factory=dict)
    aus: str = DERIVED
    drop_missing: bool = False
    confounds: tuple[str, ...] = ()
    regress_out: tuple[str, ...] = ()
    codebook: str = "shared"
    refit_steps: int | None = None
    sequence: tuple[str, ...] = ()
    resamples: int = 500
    permutations: int | None = None
    swaps: int = 5000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("together", "features", "models", "levels", "confounds", "regress_out", "sequence"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.features:
            raise DataError("features", "none named", "one or more, such as bow,au,psi")
        repeated = sorted({f for f in self.features if self.features.count(f) > 1})
        if repeated:
            raise DataError("features", f"{', '.join(repeated)} named twice", "each row once")
        if not self.models:
            raise DataError("models", "none named", " or ".join(MODELS))
        if (alone := aus_alone(self.model)) and self.aus == DERIVED:
            object.__setattr__(self, "aus", alone)
        _one_of("task", self.task, (None, *TASKS))
        if self.levels and (
            self.task == "classify" or len(set(self.levels)) != len(self.levels) or len(self.levels) < 2
        ):
            raise DataError("levels", ", ".join(self.levels), "two or more, each once, and no --task classify")
        _one_of("unit", self.unit, (None, *UNITS))
        _one_of("lengths", self.lengths, LENGTHS)
        _one_of("codebook", self.codebook, CODEBOOKS)
        if self.codebook != "shared" and self.sequence:
            raise DataError("--sequence", f"--codebook {self.codebook} beside it", "one of both: it reads one codebook")
        for model in self.models:
            _one_of("model", model, MODELS)
        for name, least, most in (
            ("folds", 2, 1000),
            ("inner_folds", 2, 20),
            ("repeats", 1, 100),
            ("resamples", 100, 100_000),
            ("permutations", 19, 100_000),
            ("swaps", 99, 1_000_000),
            ("segment_s", 0.02, 3600),
            ("block_s", 0.1, 36000),
            ("gap_s", 0, 3600),
            ("refit_steps", 1, 1_000_000),
        ):
            if getattr(self, name) is not None and not least <= getattr(self, name) <= most:
                raise DataError(name, str(getattr(self, name)), f"{least} to {most}")

    @property
    def aus_names(self) -> list[str]:
        """Names of the AUs that its features are made of, sorted."""
        parts = [
            part.strip().partition(":")
            for name in self.features
            for part in name.split("+")
            if part.strip() not in self.tables
        ]
        return sorted({option or self.aus for kind, _, option in parts if kind in ("au", "au-sided")})

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as they go into JSON and TOML."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ProbeSettings:
        """The settings of plain values. Raises `DataError` for a name that is none of them."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise DataError("recipe", f"{', '.join(unknown)}", "settings among " + ", ".join(sorted(known)))
        missing = [name for name in ("model", "dataset", "label") if not values.get(name)]
        if missing:
            raise DataError("recipe", f"no {missing[0]}", "model, dataset and label")
        return cls(**values)


def _one_of(where: str, value: Any, allowed: tuple) -> None:
    if value not in allowed:
        raise DataError(where, repr(value), " or ".join(str(v) for v in allowed if v is not None))
