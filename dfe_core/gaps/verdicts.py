"""Ways of filling compared on planted gaps, and intervals calibrated on people that nothing was fitted to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dfe_core.faces.model import FaceModel
from dfe_core.gaps.model import GapModel
from dfe_core.gaps.observation import HALVES, half_vertices
from dfe_core.gaps.people import SeenRun
from dfe_core.gaps.planting import GapKind, Planted, plant_all
from dfe_core.gaps.settings import METHODS, FillScore

COVERAGE = 0.9
"""Of the intervals."""
UNKNOWN = 0.02
"""Values whose spread is known better than this share are not counted as hidden."""
_DRAWS = 2000
_MOST_GAPS = 800  # of a kind, so that memory stays level


@dataclass(frozen=True, eq=False, kw_only=True)
class _Filled:
    """One planted gap filled: error (T', E) by method over its hidden frames, spread (T', E), unknown (T', E) bool."""

    subject: str
    errors: dict[str, np.ndarray]
    spread: np.ndarray
    unknown: np.ndarray


def compared(
    model: GapModel, calibration: Sequence[SeenRun], test: Sequence[SeenRun], face: FaceModel, each: int, seed: int
) -> GapModel:
    """The model with the way of least error for every kind of gap, how all ways do, and the quantiles of intervals.

    Ways are chosen, and intervals that are judged are calibrated, on the people of `calibration`; errors and coverage
    are those of the people of `test`. The quantiles that are kept are of both together: the more people, the nearer.
    """
    methods, quantiles, scores = {}, {}, list[FillScore]()
    for kind in model.kinds:
        gram = kind_gram(face, kind)
        own, other = (list(_fill(model, runs, kind, each, seed + i)) for i, runs in enumerate((calibration, test)))
        if not own or not other:
            continue
        errors = {m: np.mean(list(_by_subject(own, m, gram).values())) for m in METHODS}
        methods[kind.name] = min(errors, key=lambda m: errors[m])
        for method in METHODS:
            score = _score(other, method, gram, _quantile(own, method), seed)
            scores.append(FillScore(kind=kind.name, method=method, chosen=method == methods[kind.name], **score))
        quantiles[kind.name] = {m: _quantile([*own, *other], m) for m in METHODS}
    return replace(model, methods=methods, quantiles=quantiles, verdicts=tuple(scores))


def kind_gram(face: FaceModel, kind: GapKind) -> np.ndarray:
    """(E, E) mm² of what a kind of gap hides: the half's vertices, else the whole face; of ψ without a mesh."""
    if not face.has_mesh:
        return face.gram
    if kind.hides not in HALVES:
        return face.gram * 1e6
    flat = 1e3 * face.basis[:, half_vertices(face, kind.hides)].reshape(face.coefficients, -1).astype(np.float64)
    return flat @ flat.T / (flat.shape[1] / 3)


def _fill(model: GapModel, runs: Sequence[SeenRun], kind: GapKind, each: int, seed: int) -> Iterator[_Filled]:
    rng = np.random.default_rng([seed, len(kind.name), round(100 * kind.seconds)])
    if len(runs) * each > _MOST_GAPS:
        runs = [runs[i] for i in np.sort(rng.permutation(len(runs))[: max(1, _MOST_GAPS // each)])]
    for planted in plant_all(runs, kind, model.state_of(kind.hides), each, rng):
        yield _one(model, planted)


def _one(model: GapModel, planted: Planted) -> _Filled:
    found, rows = model.bases(planted.stretch), planted.hidden
    network, spread = model.correct(planted.stretch, found)
    guesses = {m: network if m == "network" else model.predict(planted.stretch, m, found) for m in METHODS}
    return _Filled(
        subject=planted.subject,
        errors={m: planted.truth[rows] - guess[rows] for m, guess in guesses.items()},
        spread=spread[rows],
        unknown=found.unknown[rows] > UNKNOWN,
    )


def _by_subject(filled: Sequence[_Filled], method: str, gram: np.ndarray) -> dict[str, float]:
    """Root mean square error by subject, in the unit of `gram`'s root."""
    squares: dict[str, list[np.ndarray]] = defaultdict(list)
    for one in filled:
        error = one.errors[method]
        squares[one.subject].append(np.einsum("te,ef,tf->t", error, gram, error))
    return {subject: float(np.sqrt(np.concatenate(parts).mean().clip(0))) for subject, parts in squares.items()}


def _scores(one: _Filled, method: str) -> np.ndarray:
    return (np.abs(one.errors[method]) / one.spread)[one.unknown]


def _quantile(filled: Sequence[_Filled], method: str) -> float:
    """The share `COVERAGE` of the scores, every person and every gap of one counting alike."""
    gaps = Counter(one.subject for one in filled)
    scores = [_scores(one, method) for one in filled]
    values = np.concatenate(scores)
    weights = [np.full(len(s), 1 / max(len(s), 1) / gaps[one.subject]) for s, one in zip(scores, filled, strict=True)]
    order = np.argsort(values)
    reached = np.cumsum(np.concatenate(weights)[order]) / len(gaps)
    at = min(int(np.searchsorted(reached, COVERAGE)), len(order) - 1)
    return float(values[order[at]])


def _score(filled: Sequence[_Filled], method: str, gram: np.ndarray, quantile: float, seed: int) -> dict[str, Any]:
    """The figures of a `FillScore`."""
    errors = np.array(list(_by_subject(filled, method, gram).values()))
    inside: dict[str, list[float]] = defaultdict(list)
    for one in filled:
        inside[one.subject].append(float((_scores(one, method) <= quantile).mean()))
    shares = np.array([np.mean(parts) for parts in inside.values()])
    low, high = _interval(errors, seed)
    coverage_low, coverage_high = _interval(shares, seed)
    return {
        "error_mm": float(errors.mean()),
        "low_mm": low,
        "high_mm": high,
        "coverage": float(shares.mean()),
        "coverage_low": coverage_low,
        "coverage_high": coverage_high,
        "people": len(errors),
    }


def _interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % interval of the mean, people drawn with replacement."""
    drawn = np.random.default_rng(seed).choice(values, (_DRAWS, len(values))).mean(1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)
