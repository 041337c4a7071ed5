"""A detector of synthetic motion, tested on people and on generators that it has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from dfe_core.authenticity.generators import GeneratorName, SourceMotion, make_motion
from dfe_core.authenticity.rhythms import RHYTHMS, feature_names, rhythm_features, whole_windows
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face
from dfe_core.progress import Listener, Progress, silent
from dfe_core.table_rows import json_rows
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.fidelity import region_grams
from dfe_core.tokenizer.storage import load_model, require_same_coefficients
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.encoding_parts import search_name
from dfe_core.tokens.encoding_stream import encode_frames
from dfe_core.tokens.intervals import find_runs, iter_recordings
from dfe_core.tokens.presence import codeword_sizes

REAL = "real"
SPEED = "speed"
"""The rival without tokens: statistics of how fast the face moves."""
TOKENS, BAG, RHYTHM = "tokens", "codewords", "rhythms"
ROWS = (TOKENS, BAG, RHYTHM, SPEED)
_MOUTH = ("upper lip", "lower lip", "mouth corner", "jaw")
_STRENGTH = 0.01
_QUANTILES = (0.1, 0.5, 0.9, 0.99)
_LEAST_FRAMES = 20


@dataclass(frozen=True, kw_only=True)
class DetectionSettings:
    """window_s: length of a window, s. noise: whether made motion carries the noise of its recording. folds: of people.
    resamples: of the bootstrap over people. seed: of generators, folds and bootstrap."""

    window_s: float = 10.0
    noise: bool = True
    folds: int = 5
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (("window_s", 1, 600), ("folds", 2, 1000), ("resamples", 100, 100_000)):
            if not least <= getattr(self, name) <= most:
                raise DataError(f"authenticity: {name}", f"{getattr(self, name):g}", f"{least} to {most}")


@dataclass(frozen=True, eq=False, kw_only=True)
class MotionWindows:
    """Windows of recordings and of what was made from them.

    columns: (W, D) by row of `ROWS`. maker: (W,) `REAL` or a generator. person: (W,).
    """

    columns: Mapping[str, np.ndarray]
    maker: np.ndarray
    person: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class DetectionResult:
    """How well synthetic motion is recognised.

    table: one row a generator and row of features: generator, features, unseen (AUROC on people and a generator that
        did not train), low, high (95 % over people), seen (AUROC with the generator among those that train).
    weights: one row a column of codewords and rhythms: column, weight (mean over the generators that are left out;
        positive: more of it in made motion), agree (share of these fits with the sign of the mean); largest first.
    windows: number of real ones. people. simulated: whether what counts as real is simulated.
    """

    settings: DetectionSettings
    model: str
    dataset: str
    table: pd.DataFrame
    weights: pd.DataFrame
    windows: int
    people: int
    simulated: bool

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "model": self.model,
            "dataset": self.dataset,
            "simulated": self.simulated,
            "window_s": self.settings.window_s,
            "noise": self.settings.noise,
            "folds": self.settings.folds,
            "seed": self.settings.seed,
            "windows": self.windows,
            "people": self.people,
            "chance": 0.5,
            "table": json_rows(self.table),
            "weights": json_rows(self.weights),
        }


def detect_synthetic(
    model: str,
    dataset: str,
    settings: DetectionSettings | None = None,
    root: Path | None = None,
    progress: Listener = silent,
) -> DetectionResult:
    """Make synthetic motion of every kind from each recording, encode it, and learn to recognise it.

    Raises `DataError` for a dataset that is not encoded, and for fewer people with a whole window than folds.
    """
    settings = settings or DetectionSettings()
    codebook, data = Codebook.open(model, root), Dataset.open(dataset, root)
    windows = made_windows(codebook, data, TokenCache.open(model, dataset, root), settings, progress)
    people = np.unique(windows.person)
    if len(people) < settings.folds:
        raise DataError(
            dataset,
            f"{len(people)} people with a window of {settings.window_s:g} s",
            f"{settings.folds} or more, or shorter windows (--window)",
        )
    return DetectionResult(
        settings=settings,
        model=model,
        dataset=dataset,
        table=detection_table(windows, settings),
        weights=telling_columns(windows, feature_names(codebook.size)),
        windows=int((windows.maker == REAL).sum()),
        people=len(people),
        simulated=data.simulated,
    )


def made_windows(
    codebook: Codebook, data: Dataset, tokens: TokenCache, settings: DetectionSettings, progress: Listener = silent
) -> MotionWindows:
    """The windows of every recording and of what each generator makes from it, encoded by the search that the
    tokens are of; memory is one recording."""
    tokenizer, config = load_model(codebook.model, data.root)
    require_same_coefficients(config, data)
    face = open_face(config["face"], data.root)
    grams = region_grams(face)
    mouth = np.sum([grams[name] for name in _MOUTH if name in grams] or [grams["face"]], 0)
    scale = 1e6 if face.has_mesh else 1.0
    gram = torch.as_tensor(face.gram * scale, dtype=torch.float32, device=tokenizer.frame.device)
    sizes = codeword_sizes(tokens)
    fast = tokens.manifest.get("search") == search_name(fast=True)
    subject = data.recordings.set_index("recording")["subject"].astype(str)
    found: dict[str, list[np.ndarray]] = {name: [] for name in ROWS}
    makers: list[str] = []
    people: list[str] = []
    total = len(data.recordings)

    def add(maker: str, one: Tokens, psi: np.ndarray, runs: pd.DataFrame) -> None:
        columns = rhythm_features(one, runs, codebook.size, settings.window_s)
        speeds = _speed_features(one, psi, grams["face"], settings.window_s)
        found[TOKENS].append(columns)
        found[SPEED].append(speeds)
        makers.extend([maker] * len(columns))
        people.extend([str(subject[one.recording])] * len(columns))

    for number, (real, psi) in enumerate(_recordings(data, tokens)):
        runs = find_runs(real, sizes)
        add(REAL, real, psi, runs)
        performance = SourceMotion(
            time_s=real.time_s,
            psi=psi,
            tokens=real.tokens,
            intensities=real.intensities,
            runs=runs,
            codewords=codebook.psi,
            mouth=mouth,
        )
        for place, name in enumerate(GeneratorName):
            rng = np.random.default_rng([settings.seed, number, place])
            made = make_motion(name, performance, rng, noise=settings.noise)
            words, _, strengths, error = encode_frames(tokenizer, made, gram, linked_frames(real.frame), fast)
            one = Tokens(
                recording=real.recording,
                frame=real.frame,
                time_s=real.time_s,
                tokens=words,
                intensities=np.where(words == 0, 0, strengths),
                error_mm=error,
            )
            add(str(name), one, made, find_runs(one, sizes))
        progress(Progress(task="making motion", done=number + 1, total=total, detail=real.recording))
    whole = np.concatenate(found[TOKENS]) if found[TOKENS] else np.empty((0, len(feature_names(codebook.size))))
    words_wide = whole.shape[1] - len(RHYTHMS)
    speeds = np.concatenate(found[SPEED]) if found[SPEED] else np.empty((0, 1))
    return MotionWindows(
        columns={TOKENS: whole, BAG: whole[:, :words_wide], RHYTHM: whole[:, words_wide:], SPEED: speeds},
        maker=np.array(makers, object),
        person=np.array(people, object),
    )


def detection_table(windows: MotionWindows, settings: DetectionSettings) -> pd.DataFrame:
    """The rows of `DetectionResult.table`."""
    rows = []
    for name in GeneratorName:
        asked = np.flatnonzero((windows.maker == REAL) | (windows.maker == str(name)))
        made = (windows.maker[asked] != REAL).astype(int)
        for features in ROWS:
            unseen = _out_of_fold(windows, features, str(name), settings, seen=False)
            seen = _out_of_fold(windows, features, str(name), settings, seen=True)
            low, high = _interval(made, unseen[asked], windows.person[asked], settings)
            rows.append(
                {
                    "generator": str(name),
                    "features": features,
                    "unseen": _auroc(made, unseen[asked]),
                    "low": low,
                    "high": high,
                    "seen": _auroc(made, seen[asked]),
                }
            )
    return pd.DataFrame(rows)


def telling_columns(windows: MotionWindows, names: list[str]) -> pd.DataFrame:
    """The rows of `DetectionResult.weights`: of fits on all people, each generator left out in turn."""
    fits = []
    for name in GeneratorName:
        rows = np.flatnonzero(windows.maker != str(name))
        fits.append(_fitted(windows, TOKENS, rows)[0])
    each = np.stack(fits)
    mean = each.mean(0)
    table = pd.DataFrame(
        {"column": names, "weight": mean, "agree": (np.sign(each) == np.sign(mean)).mean(0)},
    )
    return table.iloc[np.argsort(-np.abs(mean), kind="stable")].reset_index(drop=True)


def _recordings(data: Dataset, tokens: TokenCache) -> Iterator[tuple[Tokens, np.ndarray]]:
    """Tokens of each recording with ψ of the same frames."""
    for one in iter_recordings(tokens):
        if len(one.frame) < _LEAST_FRAMES:
            continue
        part = data.frames(one.recording)
        yield one, np.asarray(part.psi[part.rows(one.frame)], float)


def _speed_features(tokens: Tokens, psi: np.ndarray, gram: np.ndarray, window_s: float) -> np.ndarray:
    """(W, 2 + quantiles) of each window: mean, s.d. and quantiles of the speed of the face, mm/s, log."""
    step = np.maximum(np.diff(tokens.time_s), 1e-6)
    moved = np.diff(psi, axis=0)
    speed = np.sqrt(np.maximum(np.einsum("te,ef,tf->t", moved, gram, moved), 0)) / step
    rows = []
    for _, frames in whole_windows(tokens.time_s, window_s):
        own = speed[frames[1:] - 1]
        rows.append(np.log1p([own.mean(), own.std(), *np.quantile(own, _QUANTILES)]))
    return np.array(rows).reshape(len(rows), 2 + len(_QUANTILES))


def _out_of_fold(
    windows: MotionWindows, features: str, name: str, settings: DetectionSettings, *, seen: bool
) -> np.ndarray:
    """(W,) log odds that a window is made, from models that saw neither the person nor, unless `seen`, the generator;
    NaN of other generators' windows."""
    people = np.unique(windows.person)
    fold = np.random.default_rng([settings.seed, 31]).permutation(np.arange(len(people)) % settings.folds)
    of_window = fold[np.searchsorted(people, windows.person)]
    odds = np.full(len(windows.maker), np.nan)
    asked = (windows.maker == REAL) | (windows.maker == name)
    trains = np.ones(len(asked), bool) if seen else windows.maker != name
    for number in range(settings.folds):
        rows = np.flatnonzero(trains & (of_window != number))
        weights, centre, scale, bias = _fitted(windows, features, rows)
        test = np.flatnonzero(asked & (of_window == number))
        odds[test] = (windows.columns[features][test] - centre) * scale @ weights + bias
    return odds


def _fitted(
    windows: MotionWindows, features: str, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Logistic regression of made against real on standardised columns, real and made weighed alike."""
    from sklearn.linear_model import LogisticRegression

    known = windows.columns[features][rows]
    centre, spread = known.mean(0), known.std(0)
    scale = np.where(spread > 1e-9, 1 / np.maximum(spread, 1e-9), 0.0)
    fit = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=1000)
    fit.fit((known - centre) * scale, windows.maker[rows] != REAL)
    return fit.coef_[0], centre, scale, float(fit.intercept_[0])


def _auroc(made: np.ndarray, odds: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(made, odds))


def _interval(
    made: np.ndarray, odds: np.ndarray, person: np.ndarray, settings: DetectionSettings
) -> tuple[float, float]:
    """95 % over draws of people, the models as they are."""
    people, member = np.unique(person, return_inverse=True)
    rng = np.random.default_rng([settings.seed, 37])
    values, place = np.unique(odds, return_inverse=True)
    made = made.astype(bool)
    drawn = rng.multinomial(len(people), np.full(len(people), 1 / len(people)), settings.resamples)
    found = []
    for counts in drawn:
        weights = counts[member].astype(float)
        of_made, of_real = (np.bincount(place[rows], weights[rows], len(values)) for rows in (made, ~made))
        below = np.cumsum(of_real) - of_real / 2  # odds that are equal count half, as in the figure itself
        if (total := of_made.sum() * of_real.sum()) > 0:
            found.append((of_made * below).sum() / total)
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
