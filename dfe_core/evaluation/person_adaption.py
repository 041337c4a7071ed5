"""Does a codebook gain by adapting to a person? Held-out error of people it has not seen, by rank.

Of each person a few seconds at the beginning of their first recording are adapted to, and all that follows is judged.
How strongly the map is kept small is chosen on the other people, so that nobody's own test frames choose anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face
from dfe_core.facs.exposure import codebook_exposure
from dfe_core.progress import Listener, Progress, silent
from dfe_core.table_rows import json_rows
from dfe_core.tokenizer import fidelity
from dfe_core.tokenizer.adaption import Adapted, AdaptionSettings, adapt_tokenizer
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.model import Tokenizer
from dfe_core.tokenizer.storage import load_model, require_same_coefficients
from dfe_core.tokenizer.temporal_smoothing import linked_frames
from dfe_core.tokens.encoding_stream import RUN_FRAMES

RIDGES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
FREE = 0
"""As a rank: every codeword changes by itself, what training on these seconds alone would do."""
GAP_S = 2.0
"""Left out between what is adapted to and what is judged, s."""
_MOST = 6000
_LEAST_FRAMES = 30


@dataclass(frozen=True, eq=False, kw_only=True)
class AdaptionJudged:
    """What adaption gains.

    Attributes
    ----------
    seconds: that were adapted to. people: how many were judged. seen: who were not, because the codebook was trained or
        tuned on them. short: who were not, because their recordings end before. simulated: of the data.
    table: one row a rank and bound of the cosine: rank (0: every codeword free), least_cosine (0: none), ridge (the
        median of those chosen), error_mm, gain_mm (error without adaption less error with it; mean over people), low,
        high (95 % over people), improved (share of people), cosine (the smallest over people and codewords),
        tokens_kept (share of a frame's tokens that it also has without adaption), tokens (a frame).
    without_mm: error without adaption, mean over people. tokens: a frame, without.
    """

    model: str
    dataset: str
    seconds: float
    people: int
    seen: tuple[str, ...]
    short: tuple[str, ...]
    simulated: bool
    without_mm: float
    tokens: float
    table: pd.DataFrame

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "model": self.model,
            "dataset": self.dataset,
            "seconds": self.seconds,
            "people": self.people,
            "seen": list(self.seen),
            "short": list(self.short),
            "simulated": self.simulated,
            "without_mm": self.without_mm,
            "tokens": self.tokens,
            "table": json_rows(self.table),
        }


class PersonFrames(NamedTuple):
    """Frames of a person: psi (T, E), linked (T,) whether a frame follows the one before it."""

    psi: np.ndarray
    linked: np.ndarray


class _Scores(NamedTuple):
    error: float
    cosine: float
    kept: float
    tokens: float


def judge_adaption(
    model: str,
    dataset: str,
    *,
    seconds: float = 10.0,
    ranks: Sequence[int] = (1, 2, 4, 8, FREE),
    root: Path | None = None,
    progress: Listener = silent,
) -> AdaptionJudged:
    """Adapt a codebook to each person that it was not trained on, with and without the bound on the cosine.

    Raises `DataError` for fewer than three people whose recordings go on after what is adapted to.
    """
    tokenizer, config = load_model(model, root)
    data = Dataset.open(dataset, root)
    require_same_coefficients(config, data)
    face = open_face(config["face"], root)
    gram = fidelity.region_grams(face)["face"]
    people, seen = unseen_people(Codebook.open(model, root), data)
    parts = {who: parted for who in people if (parted := person_parts(data, who, seconds)) is not None}
    if len(parts) < 3:
        raise DataError(
            dataset,
            f"{len(parts)} people of {len(people) + len(seen)} whom {model} is known not to have been trained on, with "
            f"more than {seconds + GAP_S:g} s",
            "three or more, so that settings can be chosen on the others",
        )
    plain = {who: person_tokens(tokenizer, rest) for who, (_, rest) in parts.items()}
    base = {who: person_error(tokenizer, plain[who], rest.psi, gram) for who, (_, rest) in parts.items()}
    cells = [(rank, ridge, least) for rank in ranks for ridge in RIDGES for least in (0.0, 0.95)]
    found: dict[tuple[int, float, float], dict[str, _Scores]] = {cell: {} for cell in cells}
    for number, (who, (clip, rest)) in enumerate(parts.items()):
        for cell in cells:
            settings = AdaptionSettings(rank=cell[0], ridge=cell[1], least_cosine=cell[2])
            adapted = adapt_tokenizer(tokenizer, clip.psi, clip.linked, settings, gram)
            found[cell][who] = _judged(adapted, rest, plain[who], gram)
        progress(Progress(task="adapting", done=number + 1, total=len(parts), detail=who))
    rows = [_row(found, base, rank, least) for rank in ranks for least in (0.95, 0.0)]
    return AdaptionJudged(
        model=model,
        dataset=dataset,
        seconds=seconds,
        people=len(parts),
        seen=seen,
        short=tuple(who for who in people if who not in parts),
        simulated=data.simulated,
        without_mm=float(np.mean(list(base.values()))),
        tokens=float(np.mean([(tokens != 0).sum(1).mean() for tokens, _ in plain.values()])),
        table=pd.DataFrame(rows),
    )


def unseen_people(codebook: Codebook, data: Dataset) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The people of a dataset whom the codebook is known not to have seen in training or validation, and the others."""
    people = sorted(set(data.recordings["subject"].astype(str)))
    unseen = codebook_exposure(codebook, data).unseen(people)
    return (
        tuple(who for who, new in zip(people, unseen, strict=True) if new),
        tuple(who for who, new in zip(people, unseen, strict=True) if not new),
    )


def person_parts(data: Dataset, subject: str, seconds: float) -> tuple[PersonFrames, PersonFrames] | None:
    """What a person is adapted to and what is judged; None where one of both has too few frames.

    The first are the valid frames of the first `seconds` of the first recording that is long enough; the second what
    follows after `GAP_S`, and all other recordings, thinned evenly to stretches of `_MOST` frames.
    """
    names = data.recordings.loc[data.recordings["subject"].astype(str) == subject, "recording"]
    clip: PersonFrames | None = None
    rest: list[PersonFrames] = []
    for name in names:
        part = data.frames(str(name))
        valid = np.flatnonzero(part.valid)
        time = part.time_s[valid] - (part.time_s[0] if len(part.time_s) else 0.0)
        if clip is None and len(valid) and (early := time < seconds).sum() >= _LEAST_FRAMES:
            clip = _frames(part.psi[valid[early]], part.frame[valid[early]])
            valid = valid[time >= seconds + GAP_S]
        if len(valid):
            rest.append(_frames(part.psi[valid], part.frame[valid]))
    if clip is None or sum(len(one.psi) for one in rest) < _LEAST_FRAMES:
        return None
    share = min(1.0, _MOST / sum(len(one.psi) for one in rest))
    kept = [PersonFrames(*(values[: max(1, int(share * len(one.psi)))] for values in one)) for one in rest]
    return clip, PersonFrames(*(np.concatenate(values) for values in zip(*kept, strict=True)))


def _frames(psi: np.ndarray, frame: np.ndarray) -> PersonFrames:
    linked = np.array(linked_frames(frame))
    linked[:1] = False
    return PersonFrames(np.asarray(psi, np.float32), linked)


def person_tokens(tokenizer: Tokenizer, frames: PersonFrames) -> tuple[np.ndarray, np.ndarray]:
    """(T, N) tokens and intensities of the frames of a person."""
    parts = [
        (found.tokens.cpu().numpy().astype(int), found.intensities.cpu().numpy())
        for found in tokenizer.encode_batches(frames.psi, frames.linked.copy(), RUN_FRAMES)
    ]
    tokens, intensities = (np.concatenate(values) for values in zip(*parts, strict=True))
    return tokens, intensities


def person_error(
    tokenizer: Tokenizer, found: tuple[np.ndarray, np.ndarray], psi: np.ndarray, gram: np.ndarray
) -> float:
    """Root mean square distance of (T, E) frames from what their tokens and intensities decode to, mm."""
    tokens, intensities = found
    decoded = np.einsum("tn,tne->te", np.where(tokens == 0, 0, intensities), tokenizer.codeword_psi()[tokens])
    return fidelity.rmse(np.asarray(psi, float) - decoded, gram)


def _judged(adapted: Adapted, rest: PersonFrames, plain: tuple[np.ndarray, np.ndarray], gram: np.ndarray) -> _Scores:
    found = person_tokens(adapted.tokenizer, rest)
    return _Scores(
        person_error(adapted.tokenizer, found, rest.psi, gram),
        float(adapted.cosine.min()),
        _tokens_kept(plain[0], found[0]),
        float((found[0] != 0).sum(1).mean()),
    )


def _tokens_kept(before: np.ndarray, after: np.ndarray) -> float:
    """Share of the codewords of frames that the same frames also have afterwards."""
    there = (before[:, :, None] == after[:, None]).any(2) & (before != 0)
    return float(there.sum() / max((before != 0).sum(), 1))


def _row(
    found: dict[tuple[int, float, float], dict[str, _Scores]], base: dict[str, float], rank: int, least: float
) -> dict[str, Any]:
    """One row of the table: of every person with the ridge that is best on the others."""
    chosen, ridges = [], []
    for who in base:
        others = [other for other in base if other != who]
        ridge = min(RIDGES, key=lambda r: np.mean([found[rank, r, least][other].error for other in others]))
        chosen.append(found[rank, ridge, least][who])
        ridges.append(ridge)
    gain = np.array(list(base.values())) - np.array([one.error for one in chosen])
    low, high = _interval(gain)
    return {
        "rank": rank,
        "least_cosine": least,
        "ridge": float(np.median(ridges)),
        "error_mm": float(np.mean([one.error for one in chosen])),
        "gain_mm": float(gain.mean()),
        "low": low,
        "high": high,
        "improved": float((gain > 0).mean()),
        "cosine": float(min(one.cosine for one in chosen)),
        "tokens_kept": float(np.mean([one.kept for one in chosen])),
        "tokens": float(np.mean([one.tokens for one in chosen])),
    }


def _interval(gain: np.ndarray) -> tuple[float, float]:
    """95 % of the mean over people (Student's t)."""
    from scipy import stats

    half = stats.t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))
    return float(gain.mean() - half), float(gain.mean() + half)
