"""The rows of a result: each feature row with each model, scored on the same folds against the same permutations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from dfe_core.errors import DataError
from dfe_core.probes import scores
from dfe_core.probes.chance import null_scores, p_value
from dfe_core.probes.features.catalogue import Feature
from dfe_core.probes.features.material import Sources
from dfe_core.probes.intervals import detectable, drawn_scores
from dfe_core.probes.paired_tests import holm
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import Fold, Predictions, nested, repeat_count
from dfe_core.progress import Listener, Progress, silent

Found = dict[tuple[str, str], Predictions]
"""Predictions by feature row and model."""
TELLING_COUNTS, TELLING_CODEWORDS = 20, 5
"""Counts that two people do not share by chance: so many altogether, of so many codewords."""

_EMPTY_ORDER = {"pooling": pd.Series(dtype=str), "score": pd.Series(dtype=float)}
_EMPTY_NULLS = {
    "features": pd.Series(dtype=str),
    "model": pd.Series(dtype=str),
    "permutation": pd.Series(dtype=np.int32),
    "score": pd.Series(dtype=float),
}
_EMPTY_TOKENS = {"pooling": pd.Series(dtype=str), "codeword": pd.Series(dtype=int)}


@dataclass(eq=False, kw_only=True)
class Scored:
    """found (of the first repeat), repeats (all), draws (scores of the primary metric in draws of groups), nulls
    (scores under permuted labels, None where there are none) and tested (the score that is held against them) by
    feature row and model; rows as JSON; of the sequence probe: order
    (`sequence.order_table`) and deciding (`sequence.deciding_tokens` by pooling)."""

    found: Found = field(default_factory=dict)
    repeats: dict[tuple[str, str], tuple[Predictions, ...]] = field(default_factory=dict)
    draws: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    nulls: dict[tuple[str, str], np.ndarray | None] = field(default_factory=dict)
    tested: dict[tuple[str, str], float] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    order: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(_EMPTY_ORDER))
    deciding: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(_EMPTY_TOKENS))

    @property
    def null_table(self) -> pd.DataFrame:
        """features, model, permutation (0: the label as it is) and score of the rows of linear models."""
        parts = [
            pd.DataFrame(
                {
                    "features": name,
                    "model": model,
                    "permutation": np.arange(len(null) + 1, dtype=np.int32),
                    "score": [self.tested[name, model], *null],
                }
            )
            for (name, model), null in self.nulls.items()
            if null is not None and model == "linear"
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(_EMPTY_NULLS)

    def add(
        self,
        name: str,
        model: str,
        repeats: tuple[Predictions, ...],
        null: np.ndarray | None,
        target: Target,
        settings: ProbeSettings,
    ) -> None:
        """Score one more row: the mean over repeats, its interval, and p of the first repeat against its null."""
        metric, first = scores.PRIMARY[target.task], repeats[0]
        drawn = drawn_scores(repeats, target, model, settings)
        every, self.draws[name, model] = drawn.with_intervals, drawn.draws[metric]
        self.tested[name, model] = scores.primary(target.task, target.y, first.values)
        p = p_value(self.tested[name, model], null)
        self.found[name, model], self.repeats[name, model], self.nulls[name, model] = first, repeats, null
        self.rows.append(
            {
                "features": name,
                "model": model,
                "metric": metric,
                **every[metric],
                "p_vs_chance": p,
                "repeats": len(repeats),
                "permutations": 0 if null is None else len(null),
                "permuted_score": None if null is None else float(null.mean()),
                "detectable": None if null is None else detectable(target, null, every[metric]["sd"]),
                "scores": every,
                "chosen": [fit.setting for fit in first.fits],
            }
        )


def score_rows(
    features: Mapping[str, Feature | tuple[Feature, ...]],
    sources: Sources,
    target: Target,
    folds: tuple[tuple[Fold, ...], ...],
    permuted: np.ndarray,
    settings: ProbeSettings,
    progress: Listener = silent,
) -> Scored:
    """Every row of the result on the folds of every repeat, against the labels `permuted` (P, n) on the first.

    Raises `DataError` where two groups have the very same features.
    """
    for name, feature in features.items():
        if target.unit != "segment":  # two quiet moments of different people may well look the same
            require_distinct(name, feature[0] if isinstance(feature, tuple) else feature, target)
    total = len(features) * len(settings.models)
    scored = Scored()
    for name, feature in features.items():
        for model in settings.models:
            progress(Progress(task="probing", done=len(scored.rows), total=total, detail=f"{name}, {model}"))
            repeats = tuple(
                nested(feature, target, one, model, settings) for one in folds[: repeat_count(target, settings, model)]
            )
            null = null_scores(repeats[0], target, permuted, model, settings)
            scored.add(name, model, repeats, null, target, settings)
    progress(Progress(task="probing", done=total, total=total))
    if settings.sequence:
        _add_sequences(scored, sources, target, folds[0], settings, progress)
    for row, p in zip(scored.rows, holm([r["p_vs_chance"] for r in scored.rows]), strict=True):
        row["p_holm"] = p
    return scored


def require_distinct(name: str, feature: Feature, target: Target) -> None:
    """Two groups with the very same features are one recording under two names: a fold would see its own answer.

    Few counts are the same by chance, of short or quiet recordings, and say nothing.
    """
    seen: dict[bytes, int] = {}
    order = np.argsort(feature.member, kind="stable")
    edges = np.searchsorted(feature.member[order], np.arange(target.n + 1))
    for i in range(target.n):
        rows: Any = feature.raw[order[edges[i] : edges[i + 1]]]
        thin = sparse.issparse(rows)
        key = rows.indices.tobytes() + rows.data.tobytes() if thin else rows.tobytes()
        first = seen.setdefault(key, i)
        if target.groups[first] != target.groups[i] and (_telling(rows) if thin else np.nan_to_num(rows).any()):
            raise DataError(
                f"{target.units[first]} and {target.units[i]}",
                f"the same rows of {name} under two names",
                "each recording once: remove one of them from the dataset",
            )


def _telling(counts: Any) -> bool:
    return abs(counts).sum() >= TELLING_COUNTS and len(np.unique(counts.indices)) >= TELLING_CODEWORDS


def _add_sequences(
    scored: Scored,
    sources: Sources,
    target: Target,
    folds: tuple[Fold, ...],
    settings: ProbeSettings,
    progress: Listener,
) -> None:
    from dfe_core.probes import sequence  # torch: seconds to import, and only needed here

    tokens, results = sequence.sequence_results(sources, target, folds, settings.sequence, settings.seed, progress)
    for pooling, one in results.items():
        scored.add(pooling, "transformer", (one.predictions,), None, target, settings)
    scored.order = sequence.order_table(results, tokens, target)
    scored.deciding = pd.concat(
        [
            sequence.deciding_tokens(one, tokens, target, sources.spans).assign(pooling=pooling)
            for pooling, one in results.items()
        ],
        ignore_index=True,
    )
