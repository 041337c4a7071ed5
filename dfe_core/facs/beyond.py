"""Movement beyond FACS above its floor: what is left when everything that AUs may explain has been taken out.

A linear model of AUs leaves movement even in a world in which nothing else happens: people differ in resting face and
in range, trackers drift, AUs do not simply add up, heads turn, and intensities are scored with an error. Each of these
is taken out in turn (`STEPS`), and what tokens explain of the rest is measured. The step that leaves them most (as a
rule the first) gives an upper bound, the last a lower one, that without errors at any time the estimate.

Letters of the shapes: T frames of the sample, S subjects, E dimensions of ψ on the mesh, A AUs,
F folds, K codewords, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.ndimage import median_filter

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.head_pose import head_pose, quadratic
from dfe_core.faces.model import FaceModel
from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.association import interval, subject_weights
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.surface import factor
from dfe_core.facs.token_au_stream import Block, Joined
from dfe_core.progress import Listener, Progress, silent
from dfe_core.tokenizer.codebook import Codebook

OTHERS, PRODUCTS, POSE = "AUs, own baseline", "and products of AUs", "and head pose"
RANGE, DRIFT, AMPLITUDE, ERRORS = "and own range", "and slow drift", "and amplitude of AUs", "and errors of coding"
DETECTOR = "and errors of detection"
STEPS = (OTHERS, PRODUCTS, POSE, RANGE, DRIFT, AMPLITUDE, ERRORS, DETECTOR)
"""What has been taken out: AU intensities by a linear model fitted on other people, after each person's own mean;
products of two AUs; a quadratic of head rotation, where it is known; the person's own weights of AUs, fitted on
alternate stretches of the person and tested on the others; what is slower than a few seconds; an error of each AU's
intensity in proportion to it; a small error of every AU at any time, as a coder makes it; and, where a detector judged
the AUs, the larger one of a detector."""

_RATE = 6.0  # frames a second of the sample: enough for expressions, few enough to hold
_STRETCH_S = 10.0
_AU_RIDGE, _TOKEN_RIDGES, _OWN_RIDGES = 1e-3, (1e-2, 1.0, 100.0), (0.05, 0.5, 5.0)
_PRODUCT_RIDGES = (0.3, 3.0)
_TOGETHER = 60  # frames that two AUs must share for their product to be tried
_MOST_PRODUCTS = 400
_PRESENT = 1.0  # intensity from which an AU counts for that
_ITERATIONS = 100
_LARGEST_LAG_S, _CLEARLY = 2.0, 0.05


@dataclass(frozen=True, eq=False, kw_only=True)
class Sample:
    """Frames that the floor is measured on.

    target, decoded: (T, E) float64, ψ and what its tokens decode to, on the mesh (Euclidean distance is mm), every
    subject's mean taken out. spread: (S,) Σ‖ψ − mean face‖² of each subject. aus: (T, A) intensities, subject's mean
    kept. measured: (T, A) bool. pose: (T, 9) or None. codewords: (T, K). subject, fold, recording, stretch: (T,) codes.
    rate: frames a second.
    """

    target: np.ndarray
    decoded: np.ndarray
    spread: np.ndarray
    aus: np.ndarray
    measured: np.ndarray
    pose: np.ndarray | None
    codewords: np.ndarray
    subject: np.ndarray
    fold: np.ndarray
    recording: np.ndarray
    stretch: np.ndarray
    rate: float


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
    progress: Listener = silent,
) -> Beyond:
    """Movement beyond FACS as an interval, and codeword by codeword.

    `detector`: whether AUs come from a detector, whose error is larger than a coder's (`CoverageSettings`). NaN
    throughout with fewer than `min_subjects` subjects.
    """
    progress(Progress(task="movement beyond FACS", done=0, total=0))
    onto_mesh = factor(face.gram) * (1e3 if face.has_mesh else 1)
    sample = draw_sample(joined, aggregates, codebook, onto_mesh, settings)
    subjects = len(sample.spread)
    directions = codebook.psi @ onto_mesh
    if subjects < settings.min_subjects or len(np.unique(sample.fold)) < 2 or not sample.spread.sum() > 0:
        return _nothing(len(directions))
    weights = subject_weights(subjects, settings.resamples, seed)
    rows, strict = [], sample
    for step, left in remainders(sample, settings, detector):
        strict = left if step == ERRORS else strict
        explained, remainder = _explained(left), _by_subject((left.target**2).sum(1), left.subject, subjects)
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


def draw_sample(
    joined: Joined, aggregates: Aggregates, codebook: Codebook, onto_mesh: np.ndarray, settings: CoverageSettings
) -> Sample:
    """At most about `beyond_frames` frames: every recording thinned to a few frames a second, and recordings left out,
    subjects taking turns, where that is still too many. `onto_mesh`: (E, n), ψ to the mesh, mm."""
    step, chosen = _thinning(joined, settings)
    parts = [_part(block, step, joined.dataset, codebook) for block in joined.blocks() if block.recording in chosen]
    values = {n: np.concatenate([p[n] for p in parts]) for n in parts[0] if n != "pose"}
    known = all(p["pose"] is not None for p in parts)
    names = np.array(aggregates.groups["subject"].tolist())[values["group"]]
    kept, subject = np.unique(names, return_inverse=True)
    target, decoded = (values[n] @ onto_mesh for n in ("psi", "decoded"))
    spread = _by_subject(((target - target.mean(0)) ** 2).sum(1), subject, len(kept))
    fps = float(joined.dataset.recordings["fps"].median())
    return Sample(
        target=centred(target, subject),
        decoded=centred(decoded, subject),
        spread=spread,
        aus=values["aus"],
        measured=values["measured"],
        pose=np.concatenate([p["pose"] for p in parts]) if known else None,
        codewords=values["codewords"],
        subject=subject,
        fold=np.array([aggregates.folds[s] for s in kept])[subject],
        recording=np.unique(values["recording"], return_inverse=True)[1],
        stretch=(values["time_s"] // _STRETCH_S).astype(int),
        rate=fps / step,
    )


def _thinning(joined: Joined, settings: CoverageSettings) -> tuple[int, set[str]]:
    rows = joined.dataset.recordings[joined.dataset.recordings["recording"].isin(joined.aus.recordings)]
    step = max(1, round(float(rows["fps"].median()) / _RATE))
    turn = rows.groupby("subject").cumcount()
    ordered = rows.assign(turn=turn).sort_values(["turn", "recording"], kind="stable")
    before = (ordered["frames"] / step).cumsum() - ordered["frames"] / step
    return step, set(ordered.loc[before < settings.beyond_frames, "recording"])


def _part(block: Block, step: int, dataset: Dataset, codebook: Codebook) -> dict[str, np.ndarray | None]:
    at = slice(None, None, step)
    codewords = np.asarray(block.codewords[at].todense(), np.float64)
    count = len(codewords)
    aus = block.features[at].astype(np.float64)
    return {
        "psi": block.required_psi()[at].astype(np.float64),
        "decoded": codewords @ codebook.psi,
        "codewords": codewords,
        "aus": aus,
        "measured": np.tile(block.measured[: aus.shape[1]], (count, 1)),
        "time_s": block.time_s[at],
        "group": np.full(count, block.group),
        "recording": np.full(count, block.recording),
        "pose": _pose(block, at, dataset),
    }


def _pose(block: Block, at: slice, dataset: Dataset) -> np.ndarray | None:
    """(T, 9) quadratic of head rotation at the block's frames, None where the recording has none."""
    pose = head_pose(dataset.extras(block.recording)) if dataset.has_extras else None
    if pose is None:
        return None
    source = dataset.frames(block.recording).time_s
    rows = np.clip(np.searchsorted(source, block.time_s[at] - 1e-6), 0, len(source) - 1)
    known = np.isfinite(pose.angles).all(1)
    if not known.any():
        return None
    angles = np.where(known[:, None], pose.angles, pose.angles[known].mean(0))
    return quadratic(angles)[rows]


def centred(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(T, n) less the mean over the frames of the same code (T,)."""
    total = np.zeros((codes.max() + 1, values.shape[1]))
    np.add.at(total, codes, values)
    return values - (total / np.maximum(np.bincount(codes, minlength=len(total)), 1)[:, None])[codes]


def remainders(sample: Sample, settings: CoverageSettings, detector: bool) -> Iterator[tuple[str, Sample]]:
    """The sample after every step: `target` and `decoded` are what the step leaves of them."""
    aus = centred(sample.aus, sample.subject)
    directions, sample = _less_aus(sample, aus)
    yield OTHERS, sample
    sample = _less_products(sample)
    yield PRODUCTS, sample
    if sample.pose is not None:
        sample = _less_own(sample, centred(sample.pose, sample.recording), _OWN_RIDGES)
        yield POSE, sample
    sample = _less_own(sample, aus, _OWN_RIDGES)
    yield RANGE, sample
    window = max(1, 2 * round(settings.drift_s * sample.rate / 2) + 1)
    sample = _changed(sample, lambda values: _less_slow(values, sample.recording, window))
    yield DRIFT, sample
    proportional = settings.amplitude_error * sample.aus
    yield AMPLITUDE, _less_errors(sample, directions, proportional)
    for step, anywhere in ((ERRORS, settings.coder_error), (DETECTOR, settings.detector_error)):
        if step == ERRORS or detector:
            limit = np.where(sample.measured, proportional + anywhere, settings.unmeasured_error)
            yield step, _less_errors(sample, directions, limit)


def _lag(sample: Sample) -> float:
    """Seconds by which AUs come after the movement that they predict, where the two correlate clearly better there."""
    aus = centred(sample.aus, sample.subject)
    _directions, left = _less_aus(sample, aus)
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


def _changed(sample: Sample, of: Callable[[np.ndarray], np.ndarray]) -> Sample:
    return replace(sample, target=of(sample.target), decoded=of(sample.decoded))


def _less_aus(sample: Sample, aus: np.ndarray) -> tuple[np.ndarray, Sample]:
    """The fits on the other folds' subjects, (F, A, E), and what they leave."""
    folds = range(sample.fold.max() + 1)
    directions = np.stack([fit(aus[sample.fold != f], sample.target[sample.fold != f], _AU_RIDGE) for f in folds])
    said = np.zeros_like(sample.target)
    for fold, weights in enumerate(directions):
        said[sample.fold == fold] = aus[sample.fold == fold] @ weights
    return directions, _changed(sample, lambda values: values - said)


def fit(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """(n, E) weights of ridge regression without intercept; `penalty` in mean squares of a column of x."""
    inner = x.T @ x
    size = np.trace(inner) / max(len(inner), 1)
    return np.linalg.solve(inner + (penalty * size + 1e-12) * np.eye(len(inner)), x.T @ y)


def _less_products(sample: Sample) -> Sample:
    """Products of AUs that occur together, fitted on other subjects, where they lower the error on yet others."""
    products = _products(sample)
    if not products.shape[1]:
        return sample
    said = np.zeros_like(sample.target)
    for fold in np.unique(sample.fold):
        train = sample.fold != fold
        if (penalty := _product_penalty(products[train], sample.target[train], sample.subject[train])) is not None:
            said[~train] = products[~train] @ fit(products[train], sample.target[train], penalty)
    return _changed(sample, lambda values: values - said)


def _products(sample: Sample) -> np.ndarray:
    """(T, P) geometric means of pairs of AUs, the subject's mean taken out."""
    shown = (sample.aus >= _PRESENT).astype(np.float64)
    together = np.triu(shown.T @ shown, 1)
    first, second = np.nonzero(together >= _TOGETHER)
    most = np.argsort(-together[first, second], kind="stable")[:_MOST_PRODUCTS]
    product = np.sqrt(sample.aus[:, first[most]] * sample.aus[:, second[most]])
    return centred(product, sample.subject) if len(most) else product


def _product_penalty(products: np.ndarray, target: np.ndarray, subject: np.ndarray) -> float | None:
    """The penalty that does best on every other subject when fitted on the rest; None where none helps."""
    held = np.unique(subject, return_inverse=True)[1] % 2 == 1
    if not held.any() or held.all():
        return None
    error = {
        p: ((target[held] - products[held] @ fit(products[~held], target[~held], p)) ** 2).sum()
        for p in _PRODUCT_RIDGES
    }
    best = min(error, key=lambda p: error[p])
    return best if error[best] < (target[held] ** 2).sum() else None


def _less_own(sample: Sample, x: np.ndarray, penalties: tuple[float, ...]) -> Sample:
    """What fits on each person's other stretches leave of `target`, by the penalty that leaves least, where any lowers
    the error; the same is taken from `decoded`."""
    tried = [_own_fits(sample, x, penalty) for penalty in penalties]
    left = [((sample.target - said) ** 2).sum() for said in tried]
    if min(left) >= (sample.target**2).sum():
        return sample
    said = tried[int(np.argmin(left))]
    return _changed(sample, lambda values: values - said)


def _own_fits(sample: Sample, x: np.ndarray, penalty: float) -> np.ndarray:
    said = np.zeros_like(sample.target)
    for subject in range(len(sample.spread)):
        own = sample.subject == subject
        for half in (0, 1):
            test = own & (sample.stretch % 2 == half)
            train = own & ~test
            if train.any() and test.any():
                said[test] = x[test] @ fit(x[train], sample.target[train], penalty)
    return said


def _less_slow(values: np.ndarray, recording: np.ndarray, window: int) -> np.ndarray:
    """Less the running median of `window` frames, in each recording."""
    result = np.empty_like(values)
    for code in range(recording.max() + 1):
        at = recording == code
        result[at] = values[at] - median_filter(values[at], size=(window, 1), mode="nearest")
    return result


def _less_errors(sample: Sample, directions: np.ndarray, limit: np.ndarray) -> Sample:
    """What remains when every AU's intensity may be off by at most `limit` (T, A) in each frame, whatever fits best."""

    def of(values: np.ndarray) -> np.ndarray:
        left = np.empty_like(values)
        for fold, weights in enumerate(directions):
            at = sample.fold == fold
            left[at] = values[at] - bounded_fit(values[at], weights, limit[at]) @ weights
        return left

    return _changed(sample, of)


def bounded_fit(values: np.ndarray, directions: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """(T, A) c with |c| ≤ `limit` that minimises ‖values − c · directions‖² in every frame, by accelerated projected
    gradient (Beck & Teboulle 2009)."""
    gram = directions @ directions.T
    step = 1 / max(np.linalg.eigvalsh(gram)[-1], 1e-12)
    goal = values @ directions.T
    now = np.zeros_like(goal)
    ahead, momentum = now, 1.0
    for _ in range(_ITERATIONS):
        new = np.clip(ahead - step * (ahead @ gram - goal), -limit, limit)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / following * (new - now)
        now, momentum = new, following
    return now


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
        result += _by_subject(gain, sample.subject[test], len(result))
    return result


def _by_subject(values: np.ndarray, subject: np.ndarray, count: int) -> np.ndarray:
    return np.bincount(subject, values, minlength=count)


def _codewords(sample: Sample, directions: np.ndarray, weights: np.ndarray, settings: CoverageSettings) -> pd.DataFrame:
    """Σ q·b / Σ q² of every codeword, over the frames that use it: q its displacement, b what errors of coding leave
    along its direction, mm; with an interval over subjects."""
    size = np.linalg.norm(directions, axis=1)
    along = sample.target @ (directions / np.maximum(size, 1e-9)[:, None]).T
    moved, subjects = sample.codewords * size, len(sample.spread)
    shared, own = (
        np.stack([_by_subject(column, sample.subject, subjects) for column in values.T], 1)
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
