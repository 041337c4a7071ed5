"""How much of who someone is stays in the tokens: a linear probe names the subject, from tokens and from ψ.

Neither holds the shape of the face, but both hold a person's habits and the offset at which a tracker reads their
resting face. Windows of one sitting are alike, so a probe is tested on sittings it has not seen. Tokens and ψ are given
like summaries: means against means, and means with what a window's distribution tells against the same. A count of
frames with a codeword is such a thing: it reads a small steady offset off a resting face far better than a mean does,
so that it would be unfair against means of ψ alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.artefact import MADE_FROM, source_labels
from dfe_core.artefact_names import IDENTITY, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, content_key, read_json, write_json
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.intervals import iter_recordings

VERSION = 2
WINDOW_S = 5.0
MOST_WINDOWS = 200
FOLDS = 4
RESAMPLES = 2000
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Accuracies:
    """Mean over subjects of the share of their windows that are named rightly: (value, low, high), a 95 % percentile
    bootstrap over subjects; difference: tokens − ψ, paired over subjects."""

    tokens: tuple[float, float, float]
    psi: tuple[float, float, float]
    difference: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class IdentityLeak:
    """How well subjects are told apart; chance is one over the subjects.

    means: from the mean intensity of every codeword, against the mean of ψ. full: from that and the share of frames
    with every codeword, against mean, standard deviation and the quantiles `QUANTILES` of ψ.
    """

    subjects: int
    windows: int
    folds: int
    split: str
    chance: float
    means: Accuracies
    full: Accuracies

    @property
    def statement(self) -> str:
        """A few sentences for people."""
        told = (
            f"Of {WINDOW_S:g}-second windows, {_told(self.full.tokens)} are ascribed to the right one of "
            f"{self.subjects} subjects from tokens and {_told(self.full.psi)} from ψ (from means alone "
            f"{self.means.tokens[0]:.0%} and {self.means.psi[0]:.0%}); chance is {self.chance:.0%}"
        )
        low, high = self.full.difference[1:]
        verdict = (
            "identify subjects less well than ψ does"
            if high < 0
            else "identify subjects better than ψ does"
            if low > 0
            else "hide no more of the person than ψ does"
        )
        return f"{told}. So tokens {verdict}. {self.split[0].upper() + self.split[1:]}."


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Windows of all recordings: subject and block (W,) of each, features (W, D) float32 by name: ``tokens means``,
    ``psi means``, ``tokens full``, ``psi full``."""

    subject: np.ndarray
    block: np.ndarray
    features: dict[str, np.ndarray]
    split: str


def identity_leak(
    model: str, dataset: str, root: Path | None = None, seed: int = 0, progress: Listener = silent
) -> IdentityLeak:
    """Measure it, or read what was measured before on the same tokens and data.

    Raises `DataError` for fewer than two subjects, or a subject too short to be split.
    """
    tokens, data = TokenCache.open(model, dataset, root), Dataset.open(dataset, root)
    key = content_key([VERSION, content_key(tokens.manifest), data.key, seed])
    path = artefact_path("analyses", keyed_name(IDENTITY, key) + ".json", root)
    if path.is_file():
        return _read(read_json(path))
    found = measure(windows_of(tokens, data, seed, progress), seed, progress)
    write_json(path, {**source_labels(*tokens.sources), **asdict(found)})
    return found


def windows_of(tokens: TokenCache, dataset: Dataset, seed: int = 0, progress: Listener = silent) -> Windows:
    """Bags of tokens and summaries of ψ over windows of `WINDOW_S`, at most `MOST_WINDOWS` a subject.

    Blocks are sessions where every subject has two, else recordings, else `FOLDS` parts of each recording in time.
    """
    rows = dataset.recordings.set_index("recording")
    blocks, split = sitting_blocks(dataset.recordings)
    parts, done = [], 0
    for part in iter_recordings(tokens):
        psi = dataset.frames(part.recording).at(part.frame).psi
        for window, summary in window_features(part, psi, tokens.codewords):
            parts.append((rows.loc[part.recording, "subject"], blocks.get(part.recording, window), summary))
        done += len(part.frame)
        progress(Progress(task="identity leak", done=done, total=2 * tokens.frames, detail=part.recording))
    if not parts:
        raise DataError(dataset.name, f"no recording of {WINDOW_S:g} s", "longer recordings")
    subject, block = np.array([p[0] for p in parts]), np.array([p[1] for p in parts])
    kept = thinned_windows(subject, seed)
    features = np.stack([parts[i][2] for i in kept])
    k, e = tokens.codewords, len(dataset.names)
    return Windows(
        subject=subject[kept],
        block=block[kept],
        features={
            "tokens means": features[:, :k],
            "tokens full": features[:, : 2 * k],
            "psi means": features[:, 2 * k : 2 * k + e],
            "psi full": features[:, 2 * k :],
        },
        split=split,
    )


def measure(windows: Windows, seed: int = 0, progress: Listener = silent) -> IdentityLeak:
    """Cross-validated probes on windows: every block is tested once, by a probe fitted on the others; scaling is
    fitted with it. Both kinds of features go through the same probe (multinomial logistic regression, C = 0.1)."""
    subjects, who = np.unique(windows.subject, return_inverse=True)
    folds = np.unique(windows.block)
    if len(subjects) < 2 or len(folds) < 2:
        raise DataError("identity leak", f"{len(subjects)} subjects in {len(folds)} blocks", "at least two of both")
    recall = {}
    for step, (name, features) in enumerate(windows.features.items(), 1):
        right = _predicted(features, who, windows.block) == who
        recall[name] = np.bincount(who, right) / np.bincount(who)
        progress(
            Progress(
                task="identity leak",
                done=len(windows.features) + step,
                total=2 * len(windows.features),
                detail=f"probe on {name}",
            )
        )
    draw = np.random.default_rng(seed).integers(0, len(subjects), (RESAMPLES, len(subjects)))
    pairs = []
    for kind in ("means", "full"):
        tokens, psi = recall[f"tokens {kind}"], recall[f"psi {kind}"]
        pairs.append(Accuracies(_interval(tokens, draw), _interval(psi, draw), _interval(tokens - psi, draw)))
    return IdentityLeak(
        subjects=len(subjects),
        windows=len(who),
        folds=len(folds),
        split=windows.split,
        chance=1 / len(subjects),
        means=pairs[0],
        full=pairs[1],
    )


def _predicted(features: np.ndarray, who: np.ndarray, block: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    predicted = np.full(len(who), -1)
    for fold in np.unique(block):
        test = block == fold
        if len(np.unique(who[~test])) > 1:
            probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
            predicted[test] = probe.fit(features[~test], who[~test]).predict(features[test])
    return predicted


def sitting_blocks(recordings: pd.DataFrame) -> tuple[dict[str, int], str]:
    """Block of each recording, empty where recordings are cut in time; and how, in words."""
    for column, words in (("session", "sessions"), ("recording", "recordings")):
        if (recordings.groupby("subject")[column].nunique() >= 2).all() and (recordings[column] != "").all():
            rank = recordings.groupby("subject")[column].rank("dense").astype(int) - 1
            rank = rank % FOLDS if rank.max() >= FOLDS else rank
            return dict(zip(recordings["recording"], rank, strict=True)), f"tested on {words} the probe has not seen"
    return {}, "tested on parts of recordings the probe has not seen: too few sittings, so the figures are high"


def window_features(part: Tokens, psi: np.ndarray, size: int) -> Iterator[tuple[int, np.ndarray]]:
    """Time block and features of every full window of a recording."""
    number = np.floor((part.time_s - part.time_s[0]) / WINDOW_S).astype(np.int64)
    edges = np.flatnonzero(np.r_[True, np.diff(number) > 0])
    count = np.diff(np.r_[edges, len(number)])
    usual = np.median(count)
    for at, (start, frames) in enumerate(zip(edges, count, strict=True)):
        if frames < 0.5 * usual or (len(edges) == 1 and part.time_s[-1] - part.time_s[0] < 0.5 * WINDOW_S):
            continue
        stop = start + frames
        bag, share = _bag(part.tokens[start:stop], part.intensities[start:stop], size)
        rows = psi[start:stop]
        block = int(at * FOLDS / len(edges))
        quantiles = np.quantile(rows, QUANTILES, axis=0).ravel()
        yield block, np.concatenate([bag, share, rows.mean(0), rows.std(0), quantiles]).astype(np.float32)


def _bag(tokens: np.ndarray, intensities: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    flat = tokens.astype(np.int64).ravel()
    mean = np.bincount(flat, intensities.ravel(), minlength=size) / len(tokens)
    pairs = np.unique(np.repeat(np.arange(len(tokens)), tokens.shape[1]) * size + flat)
    share = np.bincount(pairs % size, minlength=size) / len(tokens)
    share[0] = 0  # rest is what is left over, not a display
    return mean, share


def thinned_windows(subject: np.ndarray, seed: int) -> np.ndarray:
    """Rows of at most `MOST_WINDOWS` windows of each subject (W,), in order."""
    rng = np.random.default_rng(seed)
    kept = [
        rows if len(rows) <= MOST_WINDOWS else np.sort(rng.choice(rows, MOST_WINDOWS, replace=False))
        for rows in (np.flatnonzero(subject == name) for name in np.unique(subject))
    ]
    return np.sort(np.concatenate(kept))


def _interval(values: np.ndarray, draw: np.ndarray) -> tuple[float, float, float]:
    low, high = np.quantile(values[draw].mean(1), [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def _told(value: tuple[float, float, float]) -> str:
    return f"{value[0]:.0%} ({value[1]:.0%} to {value[2]:.0%})"


def _read(data: dict) -> IdentityLeak:
    pairs = {kind: Accuracies(**{name: tuple(v) for name, v in data[kind].items()}) for kind in ("means", "full")}
    return IdentityLeak(**{**{name: data[name] for name in data if name != MADE_FROM}, **pairs})
