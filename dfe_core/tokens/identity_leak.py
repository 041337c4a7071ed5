"""How much of who someone is stays in the tokens: a linear probe names the subject, from tokens and from ψ.

Expression coefficients hold a person's habits and the capture's bias beside the expression; tokens that drop them tell
subjects apart worse. Windows of one sitting are alike, so a probe is tested on sittings it has not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, content_key, read_json, write_json
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.runs import iter_recordings

VERSION = 1
WINDOW_S = 5.0
MOST_WINDOWS = 200
FOLDS = 4
RESAMPLES = 2000


@dataclass(frozen=True)
class IdentityLeak:
    """How well subjects are told apart. Accuracy is the mean over subjects of the share of their windows that are
    named rightly, with a 95 % percentile bootstrap interval over subjects; chance is one over the subjects.

    tokens, psi: (accuracy, low, high). difference: tokens − ψ, paired over subjects, with its interval.
    """

    subjects: int
    windows: int
    folds: int
    split: str
    chance: float
    tokens: tuple[float, float, float]
    psi: tuple[float, float, float]
    difference: tuple[float, float, float]

    @property
    def statement(self) -> str:
        """One sentence for people."""
        told = (f"From tokens {self.tokens[0]:.0%} ({self.tokens[1]:.0%} to {self.tokens[2]:.0%}) of "
                f"{WINDOW_S:g}-second windows are ascribed to the right one of {self.subjects} subjects, from ψ "
                f"{self.psi[0]:.0%} ({self.psi[1]:.0%} to {self.psi[2]:.0%}); chance is {self.chance:.0%}")
        return f"{told}. {self.split[0].upper() + self.split[1:]}."


@dataclass(frozen=True)
class Windows:
    """Windows of all recordings: subject and block (W,) of each, tokens (W, 2K) and psi (W, 2E) float32."""

    subject: np.ndarray
    block: np.ndarray
    tokens: np.ndarray
    psi: np.ndarray
    split: str


def identity_leak(model: str, dataset: str, root: Path | None = None, seed: int = 0,
                  progress: Listener = silent) -> IdentityLeak:
    """Measure it, or read what was measured before on the same tokens and data.

    Raises `DataError` for fewer than two subjects, or a subject too short to be split.
    """
    tokens, data = TokenCache.open(model, dataset, root), Dataset.open(dataset, root)
    key = content_key([VERSION, content_key(tokens.manifest), data.key, seed])
    path = artefact_path("analyses", f"leak-{key}.json", root)
    if path.is_file():
        return IdentityLeak(**{k: tuple(v) if isinstance(v, list) else v for k, v in read_json(path).items()})
    found = measure(windows_of(tokens, data, seed, progress), seed, progress)
    write_json(path, asdict(found))
    return found


def windows_of(tokens: TokenCache, dataset: Dataset, seed: int = 0, progress: Listener = silent) -> Windows:
    """Bags of tokens and summaries of ψ over windows of `WINDOW_S`, at most `MOST_WINDOWS` a subject.

    Tokens: mean intensity of every codeword, and share of frames that have it. ψ: mean and standard deviation. Blocks
    are sessions where every subject has two, else recordings, else `FOLDS` parts of each recording in time.
    """
    rows = dataset.recordings.set_index("recording")
    blocks, split = _blocks(dataset.recordings)
    parts, done = [], 0
    for part in iter_recordings(tokens):
        frames = dataset.frames(part.recording)
        psi = frames.psi[np.searchsorted(frames.frame, part.frame)]
        for at, window, summary in _windows(part, psi, tokens.codewords):
            block = blocks.get(part.recording, window)
            parts.append((rows.loc[part.recording, "subject"], block, at, summary))
        done += len(part.frame)
        progress(Progress("identity leak", done, 2 * tokens.frames, part.recording))
    if not parts:
        raise DataError(dataset.name, f"no recording of {WINDOW_S:g} s", "longer recordings")
    subject, block = np.array([p[0] for p in parts]), np.array([p[1] for p in parts])
    kept = _thinned(subject, seed)
    features = np.stack([parts[i][3] for i in kept])
    width = 2 * tokens.codewords
    return Windows(subject[kept], block[kept], features[:, :width], features[:, width:], split)


def measure(windows: Windows, seed: int = 0, progress: Listener = silent) -> IdentityLeak:
    """Cross-validated probes on windows: every block is tested once, by a probe fitted on the others; scaling is
    fitted with it. Both kinds of features go through the same probe (multinomial logistic regression, C = 0.1)."""
    subjects, who = np.unique(windows.subject, return_inverse=True)
    folds = np.unique(windows.block)
    if len(subjects) < 2 or len(folds) < 2:
        raise DataError("identity leak", f"{len(subjects)} subjects in {len(folds)} blocks", "at least two of both")
    recall = {}
    for step, name in enumerate(("tokens", "psi"), 1):
        right = _predicted(getattr(windows, name), who, windows.block) == who
        recall[name] = np.bincount(who, right) / np.bincount(who)
        progress(Progress("identity leak", 2 + step, 4, f"probe on {name}"))
    draw = np.random.default_rng(seed).integers(0, len(subjects), (RESAMPLES, len(subjects)))
    return IdentityLeak(len(subjects), len(who), len(folds), windows.split, 1 / len(subjects),
                        _interval(recall["tokens"], draw), _interval(recall["psi"], draw),
                        _interval(recall["tokens"] - recall["psi"], draw))


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


def _blocks(recordings: pd.DataFrame) -> tuple[dict[str, int], str]:
    """Block of each recording, empty where recordings are cut in time; and how, in words."""
    for column, words in (("session", "sessions"), ("recording", "recordings")):
        if (recordings.groupby("subject")[column].nunique() >= 2).all() and (recordings[column] != "").all():
            rank = recordings.groupby("subject")[column].rank("dense").astype(int) - 1
            rank = rank % FOLDS if rank.max() >= FOLDS else rank
            return dict(zip(recordings["recording"], rank, strict=True)), f"tested on {words} the probe has not seen"
    return {}, "tested on parts of recordings the probe has not seen: too few sittings, so the figures are high"


def _windows(part: Tokens, psi: np.ndarray, size: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Number, time block and features of every full window of a recording."""
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
        yield at, block, np.concatenate([bag, share, rows.mean(0), rows.std(0)]).astype(np.float32)


def _bag(tokens: np.ndarray, intensities: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    flat = tokens.astype(np.int64).ravel()
    mean = np.bincount(flat, intensities.ravel(), minlength=size) / len(tokens)
    pairs = np.unique(np.repeat(np.arange(len(tokens)), tokens.shape[1]) * size + flat)
    share = np.bincount(pairs % size, minlength=size) / len(tokens)
    share[0] = 0  # rest is what is left over, not a display
    return mean, share


def _thinned(subject: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    kept = [rows if len(rows) <= MOST_WINDOWS else np.sort(rng.choice(rows, MOST_WINDOWS, replace=False))
            for rows in (np.flatnonzero(subject == name) for name in np.unique(subject))]
    return np.sort(np.concatenate(kept))


def _interval(values: np.ndarray, draw: np.ndarray) -> tuple[float, float, float]:
    low, high = np.quantile(values[draw].mean(1), [0.025, 0.975])
    return float(values.mean()), float(low), float(high)
