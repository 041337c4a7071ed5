"""95 % intervals of cross-validated scores that know that other people would also have trained other models.

A bootstrap of fixed predictions asks who is tested and takes the models as given; it covers 70 to 90 % where 95 are
promised. Here every draw takes as many groups as there are, with replacement, refits the model of every fold with each
group as often as it was drawn, and scores the test groups likewise. A draw holds fewer different people than the
sample, so its scores lie lower: their spread is used, not their place. The interval goes from the score plus the 2.5th
to the score plus the 97.5th percentile of the draws less their mean.
`python -m benchmarks.probes intervals` says how often it holds the expected score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from dfe_core.expressions.label_scales import LabelScale
from dfe_core.probes import scores
from dfe_core.probes.models import candidates, decision, make_model
from dfe_core.probes.refit import logistic_values, reselected_ridge_values, weighted_ridge_values
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import Fitted, Predictions

_SLOW_DRAWS, _RIDGE_DRAWS = 40, 200
_DRAWN_REPEATS = 2  # of the repeats, those that the spread over draws is taken from; of a number, the first
_CHUNK, _NOTHING = 50, 1e-6
_RESELECTED = 400
"""Up to so many training units the penalty of a ridge regression is chosen anew in every draw: which one is chosen
moves the concordance more than who is tested, and is a matter of chance in a small sample."""
_RANGES = {"CCC": (-1.0, 1.0), scores.QUADRATIC_KAPPA: (-1.0, 1.0), "Pearson": (-1.0, 1.0), "MAE": (0.0, np.inf)}


@dataclass(frozen=True, eq=False)
class DrawnScores:
    """Scores of one row by metric. points: mean over repeats. draws: (B,) of draws of groups, of the first repeats."""

    points: dict[str, float]
    draws: dict[str, np.ndarray]

    @property
    def with_intervals(self) -> dict[str, dict]:
        """Every metric: score, ci95 and sd (of the score over draws of groups)."""
        return {
            name: {
                "score": point,
                "ci95": score_interval(name, point, self.draws[name]),
                "sd": float(self.draws[name].std(ddof=1)),
            }
            for name, point in self.points.items()
        }


def drawn_scores(repeats: tuple[Predictions, ...], target: Target, model: str, settings: ProbeSettings) -> DrawnScores:
    """Every metric of the task, and of the draws of groups.

    Predictions without fits (of sequence probes, which train for minutes) are weighed and not refitted.
    """
    most = _SLOW_DRAWS if model != "linear" else _RIDGE_DRAWS if target.task == "regress" else settings.resamples
    count, drawn_repeats = min(settings.resamples, most), 1 if target.task == "regress" else _DRAWN_REPEATS
    weights = group_weights(target.groups, count, settings.seed)
    one = np.ones((1, target.n))
    points = [weighted_metrics(target, found.values[None], one) for found in repeats]
    drawn = [_drawn(found, target, weights, model, settings) for found in repeats[:drawn_repeats]]
    return DrawnScores(
        points={name: float(np.mean([each[name][0] for each in points])) for name in points[0]},
        draws={name: np.mean([each[name] for each in drawn], 0) for name in points[0]},
    )


def difference_interval(difference: float, one: np.ndarray, other: np.ndarray) -> list[float] | None:
    """[low, high]: 95 % interval of the difference of two rows' scores, from (B,) scores of both in the same draws of
    groups; None where they were not drawn alike."""
    if len(one) != len(other):
        return None
    spread = one - other
    low, high = np.percentile(spread - spread.mean(), [2.5, 97.5]) + difference
    return [float(low), float(high)]


def difference_with_interval(
    one: Predictions, other: Predictions, target: Target, model: str, settings: ProbeSettings
) -> dict[str, Any]:
    """metric, difference of the primary metric (one less other) and ci95: over the same draws of groups, both refitted
    in every fold."""
    name = scores.PRIMARY[target.task]
    most = _SLOW_DRAWS if model != "linear" else _RIDGE_DRAWS if target.task == "regress" else settings.resamples
    weights = group_weights(target.groups, min(settings.resamples, most), settings.seed)
    first, second = (scores.primary(target.task, target.y, found.values) for found in (one, other))
    drawn = [_drawn(found, target, weights, model, settings)[name] for found in (one, other)]
    return {
        "metric": name,
        "difference": first - second,
        "ci95": difference_interval(first - second, drawn[0], drawn[1]),
    }


def group_weights(groups: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(B, n) how often each unit's group is drawn in each of B draws."""
    index = np.unique(groups, return_inverse=True)[1]
    size = int(index.max()) + 1
    drawn = np.random.default_rng([seed, 11]).multinomial(size, np.full(size, 1 / size), count)
    return drawn[:, index].astype(float)


def detectable(target: Target, null: np.ndarray, sd: float) -> dict[str, float | str]:
    """metric and score that this design finds (p < 0.05, one row) four times in five.

    Classes: what one in twenty permuted labels reaches, and 0.84 standard deviations of the score above it. Numbers:
    the correlation between prediction and label that this many groups show (Fisher's z); the CCC is no larger, and
    where nothing is found the regularisation that was chosen shrinks its permuted values to nothing.
    """
    if target.task == "classify":
        return {
            "metric": scores.PRIMARY["classify"],
            "score": float(np.quantile(null, 0.95) + stats.norm.ppf(0.8) * sd),
        }
    needed = stats.norm.ppf(0.95) + stats.norm.ppf(0.8)
    return {"metric": "Pearson", "score": float(np.tanh(needed / np.sqrt(max(target.subjects - 3, 1))))}


def score_interval(name: str, score: float, drawn: np.ndarray) -> list[float]:
    """[low, high] of a score of this metric, 95 %, from the scores of draws of groups (B,)."""
    low, high = np.percentile(drawn - drawn.mean(), [2.5, 97.5]) + score
    least, most = _RANGES.get(name, (0.0, 1.0))
    return [float(max(low, least)), float(min(high, most))]


def _drawn(
    found: Predictions, target: Target, weights: np.ndarray, model: str, settings: ProbeSettings
) -> dict[str, np.ndarray]:
    parts = [
        weighted_metrics(target, refitted_values(found, target, w, model, settings), w)
        for w in np.array_split(weights, max(1, len(weights) // _CHUNK))
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def refitted_values(
    found: Predictions, target: Target, weights: np.ndarray, model: str, settings: ProbeSettings
) -> np.ndarray:
    """(B, n, C) out-of-fold decision values with every fold refitted under each of the weights (B, n)."""
    values = np.repeat(found.values[None], len(weights), 0)
    for fit in found.fits:
        values[:, fit.fold.test] = _one_fold(fit, target, weights[:, fit.fold.train], model, settings)
    return values


def _one_fold(fit: Fitted, target: Target, weights: np.ndarray, model: str, settings: ProbeSettings) -> np.ndarray:
    y = target.y[fit.fold.train]
    if model == "linear" and target.task == "classify":
        return logistic_values(
            fit.train, np.repeat(y[None], len(weights), 0), fit.test, len(target.classes), fit.setting["C"], weights
        )
    if model == "linear":
        alphas = np.array([setting["alpha"] for setting in candidates("linear", "regress")])
        place = np.full(target.n, -1)
        place[fit.fold.train] = np.arange(len(y))
        inner = [(place[a], place[b]) for a, b in fit.fold.inner] if len(y) <= _RESELECTED else []
        if not inner:
            return weighted_ridge_values(fit.train, y, fit.test, np.array([fit.setting["alpha"]]), weights)
        return reselected_ridge_values(fit.train, y, fit.test, alphas, inner, weights)
    # not zero: a class whose groups were not drawn would be no class to a support vector machine
    return np.stack(
        [
            decision(
                make_model(model, target.task, fit.setting, settings.seed).fit(
                    fit.train, y, sample_weight=np.maximum(w, _NOTHING)
                ),
                fit.test,
                target.task,
            )
            for w in weights
        ]
    )


def weighted_metrics(target: Target, values: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """(B, n, C) decision values under (B, n) weights to (B,) of every metric of the task."""
    table = np.stack(
        [np.tensordot(w, scores.sums(target.task, target.y, v), 1) for v, w in zip(values, weights, strict=True)]
    )
    found = {name: metric(table) for name, metric in scores.METRICS[target.task].items()}
    if target.task == "classify":
        found["AUROC"] = np.array(
            [scores.weighted_auroc(target.y, v, w[None])[0] for v, w in zip(values, weights, strict=True)]
        )
    elif target.scale == LabelScale.ORDINAL:
        found[scores.QUADRATIC_KAPPA] = np.array(
            [scores.quadratic_kappa(target.y, v, w) for v, w in zip(values, weights, strict=True)]
        )
    return found
