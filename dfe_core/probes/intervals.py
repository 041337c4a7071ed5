"""95 % intervals of cross-validated scores that know that other people would also have trained other models.

A bootstrap of fixed predictions asks who is tested and takes the models as given; it covers 70 to 90 % where 95 are
promised. Here every draw takes as many groups as there are, with replacement, refits the model of every fold with each
group as often as it was drawn, and scores the test groups likewise. A draw holds fewer different people than the
sample, so its scores lie lower: their spread is used, not their place. The interval is the score ± t · s.d. of the
draws. `python -m benchmarks.probes intervals` says how often it holds the expected score.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from dfe_core.probes import scores
from dfe_core.probes.models import decision, make_model
from dfe_core.probes.refit import logistic_values, weighted_ridge_values
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import Fitted, Predictions

_SLOW_DRAWS = 40
_CHUNK, _NOTHING = 100, 1e-6
_RANGES = {"CCC": (-1.0, 1.0), "Pearson": (-1.0, 1.0), "MAE": (0.0, np.inf)}


def scored_with_intervals(repeats: tuple[Predictions, ...], target: Target, model: str,
                          settings: ProbeSettings) -> dict[str, dict]:
    """Every metric of the task: score (the mean over repeats), ci95 and sd (of the score over draws of groups).

    Predictions without fits (of sequence probes, which train for minutes) are weighed and not refitted.
    """
    count = settings.resamples if model == "linear" else min(settings.resamples, _SLOW_DRAWS)
    weights = group_weights(target.groups, count, settings.seed)
    one = np.ones((1, target.n))
    points = [_metrics(target, found.values[None], one) for found in repeats]
    drawn = [_drawn(found, target, weights, model, settings) for found in repeats]
    result = {}
    for name in points[0]:
        score = float(np.mean([each[name][0] for each in points]))
        spread = float(np.mean([each[name] for each in drawn], 0).std(ddof=1))
        result[name] = {"score": score, "ci95": _interval(name, score, spread, target.subjects), "sd": spread}
    return result


def group_weights(groups: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(B, n) how often each unit's group is drawn in each of B draws."""
    index = np.unique(groups, return_inverse=True)[1]
    size = int(index.max()) + 1
    drawn = np.random.default_rng([seed, 11]).multinomial(size, np.full(size, 1 / size), count)
    return drawn[:, index].astype(float)


def detectable(null: np.ndarray, sd: float) -> float:
    """The score that this design finds (p < 0.05, one row) four times in five: what one in twenty permuted labels
    reaches, and 0.84 standard deviations of the score above it."""
    return float(np.quantile(null, 0.95) + stats.norm.ppf(0.8) * sd)


def _interval(name: str, score: float, sd: float, groups: int) -> list[float]:
    half = float(stats.t.ppf(0.975, max(groups - 1, 1)) * sd)
    least, most = _RANGES.get(name, (0.0, 1.0))
    return [max(score - half, least), min(score + half, most)]


def _drawn(found: Predictions, target: Target, weights: np.ndarray, model: str,
           settings: ProbeSettings) -> dict[str, np.ndarray]:
    parts = [_metrics(target, _refitted(found, target, w, model, settings), w)
             for w in np.array_split(weights, max(1, len(weights) // _CHUNK))]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _refitted(found: Predictions, target: Target, weights: np.ndarray, model: str,
              settings: ProbeSettings) -> np.ndarray:
    """(B, n, C) out-of-fold decision values with every fold refitted under each of the weights (B, n)."""
    values = np.repeat(found.values[None], len(weights), 0)
    for fit in found.fits:
        values[:, fit.fold.test] = _one_fold(fit, target, weights[:, fit.fold.train], model, settings)
    return values


def _one_fold(fit: Fitted, target: Target, weights: np.ndarray, model: str, settings: ProbeSettings) -> np.ndarray:
    y = target.y[fit.fold.train]
    if model == "linear" and target.task == "classify":
        return logistic_values(fit.train, np.repeat(y[None], len(weights), 0), fit.test, len(target.classes),
                               fit.setting["C"], weights)
    if model == "linear":
        return weighted_ridge_values(fit.train, y, fit.test, fit.setting["alpha"], weights)
    # not zero: a class whose groups were not drawn would be no class to a support vector machine
    return np.stack([decision(make_model(model, target.task, fit.setting, settings.seed).fit(
        fit.train, y, sample_weight=np.maximum(w, _NOTHING)), fit.test, target.task) for w in weights])


def _metrics(target: Target, values: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """(B, n, C) values under (B, n) weights to (B,) of every metric."""
    table = np.stack([np.tensordot(w, scores.sums(target.task, target.y, v), 1)
                      for v, w in zip(values, weights, strict=True)])
    found = {name: metric(table) for name, metric in scores.METRICS[target.task].items()}
    if target.task == "classify":
        found["AUROC"] = np.array([scores.auroc(target.y, v, w[None])[0]
                                   for v, w in zip(values, weights, strict=True)])
    return found
