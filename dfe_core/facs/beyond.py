"""Movement beyond FACS above its floor: what is left when everything that AUs may explain has been taken out.

A linear model of AUs leaves movement even in a world in which nothing else happens: people differ in resting face and
in range, trackers drift, AUs do not simply add up, heads turn, and intensities are scored with an error. Each of these
is taken out in turn (`STEPS`), and what tokens explain of the rest is measured. The step that leaves them most (as a
rule the first) gives an upper bound, the last a lower one, that without errors at any time the estimate.

Letters of the shapes: T frames of the sample, S subjects, E dimensions of ψ on the mesh, A AUs,
F folds, K codewords, R resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.engines import LOCAL, Engine
from dfe_core.faces.model import FaceModel
from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.association import interval, subject_weights
from dfe_core.facs.beyond_sample import Sample, centred, draw_sample, sum_by_subject
from dfe_core.facs.beyond_steps import AMPLITUDE, ERRORS, fit, less_aus, remainders
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.surface import factor
from dfe_core.facs.token_au_stream import Joined
from dfe_core.tokenizer.codebook import Codebook

_TOKEN_RIDGES = (1e-2, 1.0, 100.0)
_LARGEST_LAG_S, _CLEARLY = 2.0, 0.05


@dataclass(frozen=True, eq=False, kw_only=True)
class Beyond:
    """What `measure_beyond` finds.

    steps: one row a step of `STEPS` that could be taken: step, remainder (share of displacement variance that is left),
    share (that tokens explain of it), low, high (95 % over subjects). estimate, lower, upper: of movement beyond FACS.
    codewords: codeword, beyond_fraction (of its movement that errors of coding leave), beyond_low, beyond_high,
    beyond_share (of frames in which it moves at least `still_mm` more than AUs explain). lag_s: by how much the AUs
    come later than the expressions, where that is clear; else 0.
    """

    steps: pd.DataFrame
    estimate: float
    lower: float
    upper: float
    codewords: pd.DataFrame
    lag_s: float = 0.0


def measure_beyond(
    joined: Joined,
    aggregates: Aggregates,
    codebook: Codebook,
    face: FaceModel,
    settings: CoverageSettings,
    seed: int,
    *,
    detector: bool,
    engine: Engine = LOCAL,
) -> Beyond:
    """Movement beyond FACS as an interval, and codeword by codeword.

    `detector`: whether AUs come from a detector, whose error is larger than a coder's (`CoverageSettings`). NaN
    throughout with fewer than `min_subjects` subjects.
    """
    onto_mesh = factor(face.gram) * (1e3 if face.has_mesh else 1)
    sample = draw_sample(joined, aggregates, codebook, onto_mesh, settings, engine)
    subjects = len(sample.spread)
    directions = codebook.psi @ onto_mesh
    if subjects < settings.min_subjects or len(np.unique(sample.fold)) < 2 or not sample.spread.sum() > 0:
        return _nothing(len(directions))
    weights = subject_weights(subjects, settings.resamples, seed)
    rows, strict = [], sample
    for step, left in remainders(sample, settings, detector):
        strict = left if step == ERRORS else strict
        explained, remainder = _explained(left), sum_by_subject((left.target**2).sum(1), left.subject, subjects)
        low, high = interval((weights @ explained / (weights @ sample.spread))[:, None])
        rows.append(
            {
                "step": step,
                "remainder": remainder.sum() / sample.spread.sum(),
                "share": explained.sum() / sample.spread.sum(),
                "low": low[0],
                "high": high[0],
            }
        )
    steps = pd.DataFrame(rows)
    by_step = steps.set_index("step")
    lower = max(0.0, float(by_step["low"].iloc[-1]) - settings.beyond_resolution)
    upper = float(by_step["high"].max())
    estimate = float(np.clip(float(by_step["share"].loc[AMPLITUDE]), lower, upper))
    return Beyond(
        steps=steps,
        estimate=estimate,
        lower=lower,
        upper=upper,
        codewords=_codewords(strict, directions, weights, settings),
        lag_s=_lag(sample),
    )


def _nothing(codewords: int) -> Beyond:
    names = ("beyond_fraction", "beyond_low", "beyond_high", "beyond_share")
    return Beyond(
        steps=pd.DataFrame(
            {"step": pd.Series(dtype=str), **{n: pd.Series(dtype=float) for n in ("remainder", "share", "low", "high")}}
        ),
        estimate=np.nan,
        lower=np.nan,
        upper=np.nan,
        codewords=pd.DataFrame({"codeword": np.arange(codewords), **dict.fromkeys(names, np.nan)}),
    )


def _lag(sample: Sample) -> float:
    """Seconds by which AUs come after the movement that they predict, where the two correlate clearly better there."""
    aus = centred(sample.aus, sample.subject)
    _directions, left = less_aus(sample, aus)
    predicted = sample.target - left.target
    reach = int(round(_LARGEST_LAG_S * sample.rate))
    lags = range(-reach, reach + 1)
    parts = [
        np.array([_overlap(sample.target[at], predicted[at], lag) for lag in lags])
        for at in (sample.recording == r for r in range(sample.recording.max() + 1))
        if at.sum() > 2 * reach
    ]
    if not parts:
        return 0.0
    sums = np.sum(parts, axis=0)
    score = sums[:, 0] / np.sqrt(np.maximum(sums[:, 1] * sums[:, 2], 1e-24))
    best = int(np.argmax(score))
    clear = abs(best - reach) > 1 and score[best] - score[reach] >= _CLEARLY
    return (best - reach) / sample.rate if clear else 0.0


def _overlap(moved: np.ndarray, predicted: np.ndarray, lag: int) -> np.ndarray:
    """Σ of moved[t] · predicted[t + lag], of moved² and of predicted² over the overlap."""
    shorter = len(moved) - abs(lag)
    a, b = (moved[:shorter], predicted[lag:]) if lag >= 0 else (moved[-lag:], predicted[:shorter])
    return np.array([(a * b).sum(), (a * a).sum(), (b * b).sum()])


def _explained(sample: Sample) -> np.ndarray:
    """(S,) squared displacement of the remainder that the tokens' remainder explains, by ridge on the other folds with
    the penalty that explains most; 0 where none explains anything."""
    every = [_explained_at(sample, penalty) for penalty in _TOKEN_RIDGES]
    best = max(every, key=np.sum)
    return best if best.sum() > 0 else np.zeros_like(best)


def _explained_at(sample: Sample, penalty: float) -> np.ndarray:
    result = np.zeros(len(sample.spread))
    for fold in np.unique(sample.fold):
        test = sample.fold == fold
        weights = fit(sample.decoded[~test], sample.target[~test], penalty)
        left = sample.target[test] - sample.decoded[test] @ weights
        gain = (sample.target[test] ** 2).sum(1) - (left**2).sum(1)
        result += sum_by_subject(gain, sample.subject[test], len(result))
    return result


def _codewords(sample: Sample, directions: np.ndarray, weights: np.ndarray, settings: CoverageSettings) -> pd.DataFrame:
    """Σ q·b / Σ q² of every codeword, over the frames that use it: q its displacement, b what errors of coding leave
    along its direction, mm; with an interval over subjects."""
    size = np.linalg.norm(directions, axis=1)
    along = sample.target @ (directions / np.maximum(size, 1e-9)[:, None]).T
    moved, subjects = sample.codewords * size, len(sample.spread)
    shared, own = (
        np.stack([sum_by_subject(column, sample.subject, subjects) for column in values.T], 1)
        for values in (along * moved, moved**2)
    )

    def fraction(w: np.ndarray) -> np.ndarray:
        total = w @ own
        return np.divide(w @ shared, total, out=np.full(total.shape, np.nan), where=total > 1e-9)

    low, high = interval(fraction(weights))
    return pd.DataFrame(
        {
            "codeword": np.arange(len(size)),
            "beyond_fraction": fraction(np.ones((1, subjects)))[0],
            "beyond_low": low,
            "beyond_high": high,
            "beyond_share": ((moved > 0) & (along >= settings.still_mm)).mean(0),
        }
    )
