"""The moments of the recordings where a codeword is at its strongest, and examples over its whole range."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.tokens.intervals import RunIndex

PER_SUBJECT = 2
APART_S = 1.0
_FIRST = 2000


def strongest_moments(
    index: RunIndex,
    codeword: int,
    recordings: pd.DataFrame,
    limit: int = 20,
    per_subject: int = PER_SUBJECT,
    apart_s: float = APART_S,
) -> pd.DataFrame:
    """The runs in which a codeword peaks highest, one row an event.

    Of runs whose peaks lie within `apart_s` in one recording only the strongest stays (non-maximum suppression);
    equal peaks are ordered by dominance, so that faces showing the codeword alone come first. A subject gives at most
    `per_subject` moments while others have any left.

    Parameters
    ----------
    recordings: `Dataset.recordings`: recording, subject and label columns, which are joined to the result. Where some
        are left out, so are their runs.

    Returns
    -------
    The columns of `RunIndex.runs` and of `recordings` (its own ``frames`` left out), strongest first.
    """
    runs = _ordered(index.runs(codeword).assign(recording=lambda t: t["recording"].astype(str)))
    runs = runs[runs["recording"].isin(recordings["recording"].astype(str))].reset_index(drop=True)
    runs = runs.assign(subject=runs["recording"].map(recordings.set_index("recording")["subject"]))
    for first in (_FIRST, len(runs)):  # suppression looks at stronger runs alone: the first few give the same answer
        kept = _spread(suppress(runs.head(first), apart_s), limit, per_subject)
        if first >= len(runs) or (len(kept) == limit and kept["turn"].max() < per_subject):
            break
    return _joined(kept.drop(columns=["turn", "subject"]), recordings)


def quantile_examples(
    index: RunIndex, codeword: int, recordings: pd.DataFrame, bands: int = 10, each: int = 5, seed: int = 0
) -> pd.DataFrame:
    """Examples over the whole range of a codeword: `each` runs from each of `bands` bands of equal size by peak
    intensity (ties ordered by dominance), drawn at random but over as many subjects as there are.

    Returns the columns of `strongest_moments` and band (0 weakest … bands − 1), low and high (peaks at its ends).
    """
    runs = index.runs(codeword)
    runs = _ordered(runs.assign(recording=runs["recording"].astype(str))).iloc[::-1].reset_index(drop=True)
    if not len(runs):
        runs = _joined(runs, recordings)
        return runs.assign(band=pd.Series(dtype=int), low=pd.Series(dtype=float), high=pd.Series(dtype=float))
    subject = runs["recording"].map(recordings.set_index("recording")["subject"])
    runs = runs.assign(band=np.arange(len(runs)) * bands // len(runs), subject=subject)
    runs["low"], runs["high"] = (runs.groupby("band")["peak"].transform(how) for how in ("min", "max"))
    runs = runs.sample(frac=1, random_state=seed)
    turn = runs.groupby(["band", "subject"]).cumcount()
    runs = runs.assign(turn=turn).sort_values(["band", "turn"], kind="stable").groupby("band").head(each)
    runs = runs.drop(columns=["turn", "subject"]).sort_values(["band", "peak"], kind="stable")
    return _joined(runs, recordings)


def suppress(runs: pd.DataFrame, apart_s: float) -> pd.DataFrame:
    """Drop every run with a stronger one whose peak lies closer than `apart_s` in the same recording."""
    ordered = _ordered(runs).reset_index(drop=True)
    keep = np.ones(len(ordered), bool)
    for rows in ordered.groupby("recording", observed=True, sort=False).indices.values():
        keep[rows] = _suppressed(ordered["peak_s"].to_numpy()[rows], apart_s)
    return ordered[keep].reset_index(drop=True)


def _suppressed(peak_s: np.ndarray, apart_s: float) -> np.ndarray:
    """(R,) peaks in falling order of strength to (R,) kept. Loops over those kept, not over runs."""
    keep, open_ = np.zeros(len(peak_s), bool), np.ones(len(peak_s), bool)
    while open_.any():
        best = int(np.argmax(open_))
        keep[best] = True
        open_ &= np.abs(peak_s - peak_s[best]) >= apart_s
        open_[best] = False
    return keep


def _spread(ordered: pd.DataFrame, limit: int, per_subject: int) -> pd.DataFrame:
    ordered = ordered.assign(turn=ordered.groupby("subject", sort=False).cumcount())
    rank = ordered["turn"].to_numpy()
    first = np.flatnonzero(rank < per_subject)[:limit]
    rest = np.flatnonzero(rank >= per_subject)[: limit - len(first)]
    return ordered.iloc[np.sort(np.r_[first, rest])].reset_index(drop=True)


def _ordered(runs: pd.DataFrame) -> pd.DataFrame:
    return runs.sort_values(
        ["peak", "dominance", "mean", "recording", "start_frame"],
        ascending=[False, False, False, True, True],
        kind="stable",
    )


def _joined(runs: pd.DataFrame, recordings: pd.DataFrame) -> pd.DataFrame:
    runs = runs.assign(recording=runs["recording"].astype(str))
    return runs.merge(recordings.drop(columns=["frames", "first_row"], errors="ignore"), "left", "recording")
