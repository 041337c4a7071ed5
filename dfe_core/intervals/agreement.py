"""How far two sets of intervals agree: Cohen's kappa and F1 by frame, overlap and F1 by interval, by tier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.intervals.regions import TRACK_REGIONS
from dfe_core.intervals.table import NOTHING, TIER, tier_names

STEP_S = 1 / 30
"""Step of the clock on which frames are compared."""
OVERLAP = 0.5
"""Intersection over union from which on two intervals of one label are the same."""


@dataclass(frozen=True, kw_only=True)
class TierAgreement:
    """How far two sets agree on one tier.

    Attributes
    ----------
    tier: its name. recordings: how many both have. seconds: compared. ours, theirs: intervals.
    kappa, kappa_low, kappa_high: Cohen's kappa by frame, with a 95 % bootstrap interval over recordings.
    macro_f1: mean over their labels and rest of F1 by frame. accuracy: share of frames of equal label.
    iou: mean over their intervals of the intersection over union with the one of ours that overlaps most, by label.
    event_f1: F1 of intervals, one for one, that overlap by half and have one label.
    f1: by label.
    """

    tier: str
    recordings: int
    seconds: float
    ours: int
    theirs: int
    kappa: float
    kappa_low: float
    kappa_high: float
    macro_f1: float
    accuracy: float
    iou: float
    event_f1: float
    f1: Mapping[str, float]


def compare_tracks(
    ours: pd.DataFrame,
    theirs: pd.DataFrame,
    dataset: Dataset,
    tiers: Mapping[str, str] | None = None,
    *,
    match: bool = False,
) -> list[TierAgreement]:
    """Agreement of every tier that both sets of tracks have, over the recordings that theirs has annotations of.

    Parameters
    ----------
    tiers: their tier by ours (default: those of the same name). match: labels one to one (`matched_labels`).

    Raises `DataError` for a tier that is not there, and where none is in both.
    """
    there = {"ours": tier_names(ours, TRACK_REGIONS), "theirs": tier_names(theirs, TRACK_REGIONS)}
    pairs = dict(tiers) if tiers else {name: name for name in there["ours"] if name in there["theirs"]}
    for side, wanted in (("ours", pairs), ("theirs", pairs.values())):
        if unknown := [name for name in wanted if name not in there[side]]:
            raise DataError(unknown[0], "no such tier", ", ".join(there[side]) or "one that is there")
    if not pairs:
        raise DataError("tiers", f"none in both: {', '.join(there['theirs'])}", f"REGION=NAME of {there['ours']}")
    rows = dataset.recordings
    length = dict(zip(rows["recording"].astype(str), rows["duration_s"].astype(float), strict=True))
    coded = {name: length[name] for name in dict.fromkeys(theirs["recording"]) if name in length}
    found = []
    for own, other in pairs.items():
        a, b = ours[(ours[TIER] == own) & ours["recording"].isin(list(coded))], theirs[theirs[TIER] == other]
        labels = matched_labels(a, b, coded) if match else None
        found.append(tier_agreement(own, a, b, coded, labels=labels))
    return found


def tier_agreement(
    tier: str,
    ours: pd.DataFrame,
    theirs: pd.DataFrame,
    durations_s: Mapping[str, float],
    *,
    labels: Mapping[str, str] | None = None,
    seed: int = 0,
) -> TierAgreement:
    """Compare the intervals of one tier.

    Parameters
    ----------
    ours, theirs: recording, onset_s, offset_s, annotation. durations_s: by recording, of all that are compared; time
    without an interval counts as rest. labels: of ours, by what they are called in theirs (`matched_labels`); without,
    names are compared as they are.
    """
    renamed = ours.assign(annotation=[(labels or {}).get(str(a), str(a)) for a in ours["annotation"]])
    names = [NOTHING, *sorted({*renamed["annotation"], *theirs["annotation"]})]
    tables = []
    for recording, duration in durations_s.items():
        found, true = (frame_labels(_of(one, recording), duration, names) for one in (renamed, theirs))
        table = np.zeros((len(names), len(names)))
        np.add.at(table, (true, found), 1)
        tables.append(table)
    low, high = _bootstrap(tables, seed)
    whole = np.sum(tables, 0) if tables else np.zeros((len(names), len(names)))
    f1 = _f1(whole, names)
    spoken = [NOTHING, *sorted(set(theirs["annotation"]))]
    event, iou = _intervals(renamed, theirs, list(durations_s))
    return TierAgreement(
        tier=tier,
        recordings=len(durations_s),
        seconds=float(sum(durations_s.values())),
        ours=len(ours),
        theirs=len(theirs),
        kappa=cohens_kappa(whole),
        kappa_low=low,
        kappa_high=high,
        macro_f1=float(np.mean([f1[name] for name in spoken])),
        accuracy=float(np.trace(whole) / whole.sum()) if whole.sum() else float("nan"),
        iou=iou,
        event_f1=event,
        f1={name: f1[name] for name in spoken},
    )


def _of(table: pd.DataFrame, recording: str) -> pd.DataFrame:
    return table[table["recording"] == recording]


def frame_labels(table: pd.DataFrame, duration_s: float, names: Sequence[str]) -> np.ndarray:
    """(N,) index into `names` at each step of the clock, of one recording; 0 where no interval is."""
    place = {name: i for i, name in enumerate(names)}
    found = np.zeros(max(1, int(np.ceil(duration_s / STEP_S - 1e-9))), np.int64)
    for onset, offset, label in zip(table["onset_s"], table["offset_s"], table["annotation"], strict=True):
        first, end = (int(np.ceil(t / STEP_S - 1e-9)) for t in (onset, offset))
        found[max(first, 0) : max(end, 0)] = place[str(label)]
    return found


def cohens_kappa(table: np.ndarray) -> float:
    """Cohen's kappa of a (L, L) table of counts: (p_o − p_e) / (1 − p_e) (Cohen 1960); NaN where p_e is 1."""
    total = table.sum()
    if not total:
        return float("nan")
    chance = float(table.sum(0) @ table.sum(1)) / total**2
    return float((np.trace(table) / total - chance) / (1 - chance)) if chance < 1 else float("nan")


def matched_labels(ours: pd.DataFrame, theirs: pd.DataFrame, durations_s: Mapping[str, float]) -> dict[str, str]:
    """Each label of ours with the one of theirs that it is matched to, one to one, so that the most frames agree."""
    from scipy.optimize import linear_sum_assignment

    mine, other = ([NOTHING, *sorted(set(one["annotation"].astype(str)))] for one in (ours, theirs))
    table = np.zeros((len(mine), len(other)))
    for recording, duration in durations_s.items():
        found = frame_labels(_of(ours, recording), duration, mine)
        true = frame_labels(_of(theirs, recording), duration, other)
        np.add.at(table, (found, true), 1)
    rows, columns = linear_sum_assignment(-table[1:, 1:])
    return {mine[r + 1]: other[c + 1] for r, c in zip(rows.tolist(), columns.tolist(), strict=True)}


def _bootstrap(tables: Sequence[np.ndarray], seed: int, rounds: int = 1000) -> tuple[float, float]:
    """2.5 % and 97.5 % of kappa over recordings drawn with replacement; NaN for fewer than two."""
    if len(tables) < 2:
        return float("nan"), float("nan")
    stacked = np.stack(tables)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(stacked), np.full(len(stacked), 1 / len(stacked)), rounds)
    kappas = [cohens_kappa(np.tensordot(count, stacked, 1)) for count in counts]
    kappas = [k for k in kappas if np.isfinite(k)]
    return (float(np.quantile(kappas, 0.025)), float(np.quantile(kappas, 0.975))) if kappas else (float("nan"),) * 2


def _f1(table: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """F1 of each label, 0 where it is in neither."""
    both = table.sum(0) + table.sum(1)
    return {name: float(2 * table[i, i] / both[i]) if both[i] else 0.0 for i, name in enumerate(names)}


def _intervals(ours: pd.DataFrame, theirs: pd.DataFrame, recordings: Sequence[str]) -> tuple[float, float]:
    """F1 of intervals, and mean intersection over union of theirs."""
    hits, found, true = 0, 0, 0
    overlaps: list[float] = []
    for recording in recordings:
        a, b = _of(ours, recording), _of(theirs, recording)
        found, true = found + len(a), true + len(b)
        ious = interval_overlaps(a, b)
        overlaps += ious.max(0).tolist() if len(a) else [0.0] * len(b)
        hits += _one_for_one(ious)
    f1 = 2 * hits / (found + true) if found + true else float("nan")
    return f1, float(np.mean(overlaps)) if overlaps else float("nan")


def interval_overlaps(ours: pd.DataFrame, theirs: pd.DataFrame) -> np.ndarray:
    """(A, B) intersection over union of every two intervals of one label, 0 of different ones."""
    a, b = (one[["onset_s", "offset_s"]].to_numpy(float) for one in (ours, theirs))
    shared = np.minimum(a[:, None, 1], b[None, :, 1]) - np.maximum(a[:, None, 0], b[None, :, 0])
    whole = np.maximum(a[:, None, 1], b[None, :, 1]) - np.minimum(a[:, None, 0], b[None, :, 0])
    same = ours["annotation"].to_numpy(str)[:, None] == theirs["annotation"].to_numpy(str)[None]
    return np.where(same, np.maximum(shared, 0) / np.maximum(whole, 1e-9), 0.0)


def _one_for_one(ious: np.ndarray) -> int:
    """Pairs that overlap enough, the best first, each interval once."""
    ious, hits = ious.copy(), 0
    while ious.size and (best := ious.max()) >= OVERLAP:
        row, column = np.unravel_index(int(ious.argmax()), ious.shape)
        hits += best > 0
        ious[row], ious[:, column] = 0, 0
    return int(hits)
