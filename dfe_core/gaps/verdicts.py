"""Ways of filling compared on planted gaps, and intervals calibrated on people that nothing was fitted to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, eq=False, kw_only=True)
class _Filled:
    """One planted gap filled: error (T', E) by method over its hidden frames, spread (T', E), unknown (T', E) bool."""

    subject: str
    errors: dict[str, np.ndarray]
    spread: np.ndarray
    unknown: np.ndarray


def calibrated(model: GapModel, runs: Sequence[SeenRun], face: FaceModel, each: int, seed: int) -> GapModel:
    """The model with the way of least error for every kind of gap, and the quantiles of every way's intervals."""
    methods, quantiles = {}, {}
    for kind in model.kinds:
        filled = list(_fill(model, runs, kind, each, seed))
        if not filled:
            continue
        gram = kind_gram(face, kind)
        errors = {m: np.mean(list(_by_subject(filled, m, gram).values())) for m in METHODS}
        methods[kind.name] = min(errors, key=lambda m: errors[m])
        quantiles[kind.name] = {m: _quantile(filled, m) for m in METHODS}
    return replace(model, methods=methods, quantiles=quantiles)


def judged(model: GapModel, runs: Sequence[SeenRun], face: FaceModel, each: int, seed: int) -> GapModel:
    """The model with the verdict of every way on every kind, on these people."""
    rows = []
    for kind in model.kinds:
        filled = list(_fill(model, runs, kind, each, seed + 1))
        if filled and kind.name in model.methods:
            rows += [_verdict(model, filled, kind, method, kind_gram(face, kind), seed) for method in METHODS]
    return replace(model, verdicts=tuple(rows))


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


def _verdict(
    model: GapModel, filled: Sequence[_Filled], kind: GapKind, method: str, gram: np.ndarray, seed: int
) -> FillScore:
    errors = np.array(list(_by_subject(filled, method, gram).values()))
    inside: dict[str, list[float]] = defaultdict(list)
    for one in filled:
        inside[one.subject].append(float((_scores(one, method) <= model.quantiles[kind.name][method]).mean()))
    shares = np.array([np.mean(parts) for parts in inside.values()])
    low, high = _interval(errors, seed)
    coverage_low, coverage_high = _interval(shares, seed)
    return FillScore(
        kind=kind.name,
        method=method,
        error_mm=float(errors.mean()),
        low_mm=low,
        high_mm=high,
        coverage=float(shares.mean()),
        coverage_low=coverage_low,
        coverage_high=coverage_high,
        people=len(errors),
        chosen=model.methods[kind.name] == method,
    )


def _interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % interval of the mean, people drawn with replacement."""
    drawn = np.random.default_rng(seed).choice(values, (_DRAWS, len(values))).mean(1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)
