"""What AUs may explain, taken out of a sample step by step.

Letters of the shapes: T frames of the sample, S subjects, E dimensions of ψ on the mesh, A AUs, K codewords, F folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from scipy.ndimage import median_filter

from dfe_core.facs.beyond_sample import Sample, centred
from dfe_core.facs.settings import CoverageSettings

OTHERS, PRODUCTS, POSE = "AUs, own baseline", "and products of AUs", "and head pose"
RANGE, DRIFT, AMPLITUDE, ERRORS = "and own range", "and slow drift", "and amplitude of AUs", "and errors of coding"
DETECTOR = "and errors of detection"
STEPS = (OTHERS, PRODUCTS, POSE, RANGE, DRIFT, AMPLITUDE, ERRORS, DETECTOR)
"""What has been taken out: AU intensities by a linear model fitted on other people, after each person's own mean;
products of two AUs; a quadratic of head rotation, where it is known; the person's own weights of AUs, fitted on
alternate stretches of the person and tested on the others; what is slower than a few seconds; an error of each AU's
intensity in proportion to it; a small error of every AU at any time, as a coder makes it; and, where a detector judged
the AUs, the larger one of a detector."""

_AU_RIDGE, _OWN_RIDGES = 1e-3, (0.05, 0.5, 5.0)
_PRODUCT_RIDGES = (0.3, 3.0)
_TOGETHER = 60  # frames that two AUs must share for their product to be tried
_MOST_PRODUCTS = 400
_PRESENT = 1.0  # intensity from which an AU counts for that
_ITERATIONS = 100


def remainders(sample: Sample, settings: CoverageSettings, detector: bool) -> Iterator[tuple[str, Sample]]:
    """The sample after every step: `target` and `decoded` are what the step leaves of them."""
    aus = centred(sample.aus, sample.subject)
    directions, sample = less_aus(sample, aus)
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


def _changed(sample: Sample, of: Callable[[np.ndarray], np.ndarray]) -> Sample:
    return replace(sample, target=of(sample.target), decoded=of(sample.decoded))


def less_aus(sample: Sample, aus: np.ndarray) -> tuple[np.ndarray, Sample]:
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
