"""Identity before and after attenuation: what attackers find, and what a probe loses.

Letters of the shapes: W windows, D features, R recordings, E coefficients, S subjects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.faces.model import FaceModel
from dfe_core.privacy.adversarial import fit_hiding_map, windows_of_frames
from dfe_core.privacy.attackers import Leak, leak_of, recall_by_subject
from dfe_core.privacy.erasure import SubjectErased
from dfe_core.privacy.habits import habits_of, without_habits
from dfe_core.privacy.settings import ADVERSARIAL, NOTHING, PROJECTED, PrivacySettings
from dfe_core.probes import scores
from dfe_core.probes.features.catalogue import Feature
from dfe_core.probes.features.spans import make_spans
from dfe_core.probes.features.transforms import Blocks, Measured
from dfe_core.probes.intervals import difference_with_interval, drawn_scores
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target, make_target
from dfe_core.probes.validation import Predictions, nested, repeated_folds
from dfe_core.progress import Listener, Progress, silent
from dfe_core.robustness.encoding import encode_variant
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.tokens.cache import Tokens
from dfe_core.tokens.subject_identification import WINDOW_S, sitting_blocks, thinned_windows, window_features

PsiMap = Callable[[str, np.ndarray], np.ndarray]
"""(recording, (T, E) ψ) to the ψ that is encoded."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TokenWindows:
    """Windows of `WINDOW_S` of all recordings: subject (W,), block (W,) of sittings, recording (W,) its row in the
    dataset, features (W, D): mean intensity of every codeword and share of frames with it. split: how blocks were made.
    moved: root mean square distance between ψ and what was encoded, mm (coefficients without a mesh)."""

    subject: np.ndarray
    block: np.ndarray
    recording: np.ndarray
    features: np.ndarray
    split: str
    moved: float


@dataclass(frozen=True, kw_only=True)
class ProbeCost:
    """Score of a probe on attenuated windows with its interval, and its change from those as they are."""

    score: float
    score_low: float
    score_high: float
    change: float
    change_low: float
    change_high: float


def valid_frames(dataset: Dataset, seconds: float = 0.0) -> Iterator[tuple[int, str, Frames]]:
    """Row, subject and valid frames of each recording; seconds: from its begin, 0 for all."""
    rows = dataset.recordings
    subjects = rows["subject"].astype(str).tolist()
    names = rows["recording"].astype(str).tolist()
    for index, part in enumerate(dataset.iter_frames(names)):
        keep = part.valid & ((part.time_s < part.time_s[0] + seconds) if seconds and len(part.time_s) else True)
        use = np.flatnonzero(keep)
        yield (
            index,
            subjects[index],
            Frames(
                recording=part.recording,
                frame=part.frame[use],
                time_s=part.time_s[use],
                valid=part.valid[use],
                psi=part.psi[use],
            ),
        )


def psi_map(
    way: str, dataset: Dataset, face: FaceModel, settings: PrivacySettings, progress: Listener = silent
) -> PsiMap:
    """What a way of `PSI_WAYS` does to ψ, fitted to the recordings of the dataset."""
    if way == NOTHING:
        return lambda _, psi: psi
    if way == ADVERSARIAL:
        rates = dataset.recordings["fps"].astype(float).tolist()
        windows = (
            (subject, windows_of_frames(part.psi, rates[index], WINDOW_S))
            for index, subject, part in valid_frames(dataset, settings.seconds)
        )
        hide = fit_hiding_map(
            windows, face.gram, strength=settings.strength, steps=settings.steps, seed=settings.seed, progress=progress
        )
        return lambda _, psi: hide(psi)
    own, every = habits_of(
        (part.recording, part.psi, part.time_s) for _, _, part in valid_frames(dataset, settings.seconds)
    )
    return lambda name, psi: without_habits(psi, own[name], every, way) if name in own else psi


def token_windows(
    model: Tokenizer, dataset: Dataset, face: FaceModel, change: PsiMap, settings: PrivacySettings
) -> TokenWindows:
    """Windows of the tokens of changed ψ. Memory is one recording, and the windows.

    Raises `DataError` where no recording has a window.
    """
    size = len(model.quantizer.codewords)
    blocks, split = sitting_blocks(dataset.recordings)
    parts, energy, frames = [], 0.0, 0
    for index, subject, part in valid_frames(dataset, settings.seconds):
        if len(part.psi) < 2:
            continue
        psi = change(part.recording, part.psi)
        found = encode_variant(model, psi, linked_frames(part.frame))
        apart = (psi - part.psi).astype(np.float64)
        energy += float(np.einsum("te,ef,tf->", apart, face.gram, apart))
        frames += len(psi)
        tokens = Tokens(
            recording=part.recording,
            frame=part.frame,
            time_s=part.time_s,
            tokens=found.tokens,
            intensities=found.intensities,
            error_mm=np.zeros(len(psi)),
        )
        for window, summary in window_features(tokens, part.psi[:, :1], size):
            parts.append((subject, blocks.get(part.recording, window), index, summary[: 2 * size]))
    if not parts:
        raise DataError(dataset.name, f"no recording of {WINDOW_S:g} s", "longer recordings")
    kept = thinned_windows(np.array([p[0] for p in parts]), settings.seed)
    scale = 1e3 if face.has_mesh else 1.0
    return TokenWindows(
        subject=np.array([parts[i][0] for i in kept]),
        block=np.array([parts[i][1] for i in kept]),
        recording=np.array([parts[i][2] for i in kept]),
        features=np.stack([parts[i][3] for i in kept]).astype(np.float32),
        split=split,
        moved=scale * float(np.sqrt(max(energy, 0.0) / max(frames, 1))),
    )


def leaks(
    windows: Mapping[str, TokenWindows], settings: PrivacySettings, progress: Listener = silent
) -> dict[tuple[str, str], Leak]:
    """What every attacker finds under every way. windows: by way of ψ."""
    recalls: dict[tuple[str, str], np.ndarray] = {}
    pairs = [(way, attacker) for way in settings.ways for attacker in settings.attackers]
    for done, (way, attacker) in enumerate(pairs):
        progress(Progress(task="attacking", done=done, total=len(pairs), detail=f"{attacker}, {way}"))
        own = windows.get(way, windows[NOTHING])
        who = np.unique(own.subject, return_inverse=True)[1]
        recalls[way, attacker] = recall_by_subject(
            own.features, who, own.block, attacker, rank=PROJECTED.get(way), seed=settings.seed
        )
    return {
        (way, attacker): leak_of(recall, recalls[NOTHING, attacker], settings.resamples, settings.seed)
        for (way, attacker), recall in recalls.items()
    }


def surviving_label(dataset: Dataset, settings: PrivacySettings) -> tuple[Target, ProbeSettings]:
    """The label that is to survive. Raises `DataError` as `dfe probe` does."""
    asked = ProbeSettings(
        model=settings.model,
        dataset=settings.dataset,
        label=settings.label,
        lengths="as-recorded",
        drop_missing=True,
        folds=settings.folds,
        resamples=max(100, min(settings.resamples, 500)),
        seed=settings.seed,
    )
    return make_target(dataset, make_spans(dataset, asked), asked), asked


def probe_costs(
    windows: Mapping[str, TokenWindows], target: Target, asked: ProbeSettings, ways: tuple[str, ...]
) -> dict[str, ProbeCost]:
    """Scores of a probe with and without each way: logistic or ridge regression on the mean of the windows of a unit.
    Projections are fitted to the training people of a fold."""
    folds = repeated_folds(target, asked)
    found = {way: _predictions(windows, way, target, asked, folds) for way in ways}
    out = {}
    for way, repeats in found.items():
        metric = scores.PRIMARY[target.task]
        own = drawn_scores(repeats, target, "linear", asked).with_intervals[metric]
        change = difference_with_interval(repeats[0], found[NOTHING][0], target, "linear", asked)
        low, high = change["ci95"] or (np.nan, np.nan)
        base = drawn_scores(found[NOTHING], target, "linear", asked).points[metric]
        shift = own["score"] - base - change["difference"]
        out[way] = ProbeCost(
            score=own["score"],
            score_low=own["ci95"][0],
            score_high=own["ci95"][1],
            change=own["score"] - base,
            change_low=low + shift,
            change_high=high + shift,
        )
    return out


def _predictions(
    windows: Mapping[str, TokenWindows], way: str, target: Target, asked: ProbeSettings, folds: tuple
) -> tuple[Predictions, ...]:
    own = windows.get(way, windows[NOTHING])
    member = target.member[own.recording]
    inside = member >= 0
    raw = own.features[inside].astype(np.float64)
    width, transform = raw.shape[1], Measured()
    if way in PROJECTED:
        who = np.unique(own.subject[inside], return_inverse=True)[1]
        raw, width, transform = np.column_stack([raw, who]), width + 1, SubjectErased(PROJECTED[way])
    if len(np.unique(member[inside])) < target.n:
        raise DataError(asked.label, "units without a window of five seconds", "longer recordings")
    columns = pd.DataFrame({"name": [f"feature {k}" for k in range(width)], "codeword": -1})
    feature = Feature(
        name=way, raw=raw, columns=columns, transform=Blocks(((0, width, transform),)), member=member[inside]
    )
    return tuple(nested(feature, target, one, "linear", asked) for one in folds)
