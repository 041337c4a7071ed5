"""Which columns, and through them which codewords and faces, a linear probe rests on, and how steadily."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from dfe_core.probes import scores
from dfe_core.probes.features.catalogue import Feature
from dfe_core.probes.models import decision
from dfe_core.probes.target import Target
from dfe_core.probes.validation import Predictions
from dfe_core.tokens.intervals import RunIndex
from dfe_core.tokens.peak_frames import strongest_moments


def column_weights(found: Predictions, feature: Feature, target: Target) -> np.ndarray:
    """(F, C, D) coefficient of every raw column in each outer fold, on standardised features; 0 where the fold's
    vocabulary does not have it. C is 1 for regression and for two classes (towards the second)."""
    classes = len(target.classes)
    weights = np.zeros((len(found.fits), 1 if classes <= 2 else classes, feature.raw.shape[1]))
    for fold, fit in enumerate(found.fits):
        coefficients = np.atleast_2d(fit.model.coef_)
        origins = fit.transform.origins_
        for row, one in zip(weights[fold], coefficients, strict=True):
            if len(origins):
                np.add.at(row, origins, one)
    return weights


def codeword_weights(found: Predictions, feature: Feature, target: Target) -> pd.DataFrame:
    """One row a codeword and class: codeword, towards, weight (mean over folds), low and high (over folds), stability
    (share of folds whose sign is the mean's), best_rank and worst_rank by size over folds; largest first."""
    weights = column_weights(found, feature, target)
    codeword = feature.columns["codeword"].to_numpy()
    known = codeword >= 0
    size = int(codeword.max()) + 1
    gather = sparse.csr_matrix((np.ones(known.sum()), (np.flatnonzero(known), codeword[known])), (len(codeword), size))
    each = np.stack([(gather.T @ fold.T).T for fold in weights])
    towards = target.classes[1:] if len(target.classes) == 2 else target.classes or ("higher",)
    tables = [_stability(each[:, c], name) for c, name in enumerate(towards)]
    return _ordered(pd.concat(tables, ignore_index=True))


def _stability(each: np.ndarray, towards: str) -> pd.DataFrame:
    mean = each.mean(0)
    rank = np.argsort(np.argsort(-np.abs(each), 1, "stable"), 1) + 1
    table = pd.DataFrame(
        {
            "codeword": np.arange(each.shape[1]),
            "towards": towards,
            "weight": mean,
            "low": each.min(0),
            "high": each.max(0),
            "stability": (np.sign(each) == np.sign(mean)).mean(0),
            "best_rank": rank.min(0),
            "worst_rank": rank.max(0),
        }
    )
    return table[np.abs(each).max(0) > 0]


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    return table.iloc[np.argsort(-table["weight"].abs().to_numpy(), kind="stable")].reset_index(drop=True)


def weights_by_region(weights: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """region, codewords, weight: sizes of the weights summed over the codewords of each region, largest first.

    table: `Codebook.table`.
    """
    region = weights["codeword"].map(table.set_index("codeword")["region"])
    rows = weights.assign(region=region, size=weights["weight"].abs()).groupby("region")
    return (
        rows.agg(codewords=("codeword", "nunique"), weight=("size", "sum"))
        .sort_values("weight", ascending=False)
        .reset_index()
    )


def occlusion(found: Predictions, feature: Feature, target: Target, table: pd.DataFrame) -> pd.DataFrame:
    """region, codewords, score, fall: the primary metric when a region's codewords are set to their training mean in
    the test parts, and how much that takes from it. Nothing is fitted again. Largest fall first."""
    region = table.set_index("codeword")["region"].reindex(feature.columns["codeword"]).to_numpy(object)
    metric = scores.METRICS[target.task][scores.PRIMARY[target.task]]
    whole = float(metric(scores.sums(target.task, target.y, found.values).sum(0)))
    rows = []
    for name in pd.unique(region[pd.notna(region)]):
        score = float(metric(scores.sums(target.task, target.y, _without(found, region == name, target)).sum(0)))
        rows.append((name, int((table["region"] == name).sum()), score, whole - score))
    return pd.DataFrame(rows, columns=["region", "codewords", "score", "fall"]).sort_values(
        "fall", ascending=False, ignore_index=True
    )


def _without(found: Predictions, dropped: np.ndarray, target: Target) -> np.ndarray:
    values = np.full_like(found.values, np.nan)
    for fit in found.fits:
        test = fit.test.copy()
        if len(fit.transform.origins_):
            test[:, dropped[fit.transform.origins_]] = 0  # standardised: 0 is the training mean
        values[fit.fold.test] = decision(fit.model, test, target.task)
    return values


def errors_by_group(found: Predictions, target: Target) -> pd.DataFrame:
    """One row a unit that was tested: unit, group, truth, predicted, right (classes) or error (regression), and
    confidence."""
    table = pd.DataFrame({"unit": target.units, "group": target.groups, "fold": found.fold})
    tested = scores.predicted(found.values)
    if target.task == "regress":
        table = table.assign(truth=target.y, predicted=found.values[:, 0], error=found.values[:, 0] - target.y)
        return table[tested].reset_index(drop=True)
    names, chosen = np.array(target.classes, object), found.values.argmax(1)
    table = table.assign(
        truth=names[target.y], predicted=names[chosen], right=chosen == target.y, decision=found.values.max(1)
    )
    return table[tested].reset_index(drop=True)


def pushing_moments(
    weights: pd.DataFrame,
    index: RunIndex,
    recordings: pd.DataFrame,
    towards: str | None = None,
    codewords: int = 5,
    limit: int = 20,
) -> pd.DataFrame:
    """The moments of the recordings that push a prediction most: runs of the codewords that weigh most.

    Parameters
    ----------
    weights: `codeword_weights`; towards: the class (default: the first there).
    recordings: `Dataset.recordings`.

    Returns
    -------
    The columns of `moments.strongest_moments`, with codeword, weight and push (weight times the run's peak intensity
    and the root of its length in seconds, as what a moment adds to a bag grows with both); largest push first.
    """
    chosen = weights[weights["towards"] == (towards or weights["towards"].iloc[0])].head(codewords)
    parts = [
        strongest_moments(index, int(codeword), recordings, limit).assign(codeword=int(codeword), weight=float(weight))
        for codeword, weight in zip(chosen["codeword"], chosen["weight"], strict=True)
    ]
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    push = table["weight"] * table["peak"] * np.sqrt((table["end_s"] - table["start_s"]).clip(lower=0))
    table = table.assign(push=push)
    return table.iloc[np.argsort(-push.abs().to_numpy(), kind="stable")[:limit]].reset_index(drop=True)


def errors_by_subject(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a group and feature row: features, group, units, right (share) or error (mean absolute); worst first."""
    if "right" in predictions:
        table = predictions.groupby(["features", "group"], sort=False).agg(
            units=("unit", "size"), right=("right", "mean")
        )
        return table.sort_values("right", kind="stable").reset_index()
    sized = predictions.assign(error=predictions["error"].abs())
    table = sized.groupby(["features", "group"], sort=False).agg(units=("unit", "size"), error=("error", "mean"))
    return table.sort_values("error", ascending=False, kind="stable").reset_index()
