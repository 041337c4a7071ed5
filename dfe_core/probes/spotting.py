"""Spotting in a dataset: every recording is searched (`spotting_candidates`), thresholds are chosen on other people,
and what is spotted is scored against coded intervals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.probes.micro_windows import LONGEST_S, MIN_FRAMES
from dfe_core.probes.spotting_candidates import (
    FINDERS,
    TRANSIENT,
    USUAL_MM,
    Signals,
    SpottingSettings,
    make_signals,
)
from dfe_core.probes.spotting_scores import (
    LEAST_OVERLAP,
    NO_MATCH,
    SpottingScore,
    best_threshold,
    bootstrap_f1,
    match_intervals,
    overlap,
)
from dfe_core.progress import Listener, Progress, silent
from dfe_core.table_rows import json_rows

SLOW_FPS = 100.0
LEAST_FPS = MIN_FRAMES / LONGEST_S


@dataclass(frozen=True, eq=False, kw_only=True)
class SpottingResult:
    """What was spotted, and how well where intervals are coded.

    Attributes
    ----------
    spotted
        One row per interval of `TRANSIENT` above its threshold: recording, subject, onset_s, apex_s, offset_s, score
        (mm), region, hit (None where nothing is coded) and overlap with the coded interval.
    scores
        One row per method: method, hits, spotted, coded, precision, recall, f1, low, high (95 %, over subjects),
        difference, difference_low and difference_high (F1 of the first method less this one's); none without coded
        intervals.
    missed
        Coded intervals that no spotted one matches: recording, onset_s, offset_s and the label.
    facts
        Plain values: dataset, recordings, subjects, minutes, slowest_fps, simulated, thresholds and what was excluded.
    """

    settings: SpottingSettings
    spotted: pd.DataFrame
    scores: pd.DataFrame
    missed: pd.DataFrame
    facts: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values, with what limits it in words."""
        return {
            **self.facts,
            "settings": asdict(self.settings),
            "scores": self.scores.to_dict("records"),
            "spotted": json_rows(self.spotted),
            "missed": json_rows(self.missed),
            "warnings": list(self.warnings()),
        }

    def warnings(self) -> Iterator[str]:
        """What limits a reading, in words."""
        fps = self.facts["slowest_fps"]
        if fps < SLOW_FPS:
            yield (
                f"The slowest recording has {fps:g} frames a second: a movement of 0.1 s is {0.1 * fps:.0f} frames "
                "there. Corpora of micro-expressions have 100 or 200."
            )
        if not self.facts["lids_excluded"]:
            yield "The coefficients of this face have no names: blinks cannot be left out and are spotted as well."
        if self.facts["coded"] and self.facts["subjects"] < 10:
            yield f"{self.facts['subjects']} subjects: intervals over subjects are wide and may still be too narrow."
        if self.facts["simulated"]:
            yield "Simulated data: the figures say nothing about people."


@dataclass(frozen=True, kw_only=True)
class SpottedMovement:
    """A row of `SpottingResult.spotted`: times in s, score in mm; hit is None (or missing) where nothing is coded."""

    recording: str
    onset_s: float
    apex_s: float
    offset_s: float
    score: float
    region: str
    hit: bool | None


def spot(
    dataset: Dataset,
    face: FaceModel,
    coded: pd.DataFrame | None = None,
    settings: SpottingSettings | None = None,
    progress: Listener = silent,
) -> SpottingResult:
    """Spot short movements in the recordings of a dataset.

    Parameters
    ----------
    coded: intervals to compare with and to choose thresholds on, as `micro_windows.read_windows` gives them; of
        recordings that have one. Thresholds of a subject are chosen on the others. None: everything is searched.

    Raises `DataError` for recordings that are too slow, and for coded intervals of one subject alone.
    """
    settings = settings or SpottingSettings()
    rows = dataset.recordings.assign(recording=dataset.recordings["recording"].astype(str)).set_index("recording")
    names = list(rows.index) if coded is None else list(dict.fromkeys(coded["recording"].astype(str)))
    _refuse_slow(rows.loc[names])
    subjects = rows.loc[names, "subject"].astype(str)
    if coded is not None and settings.threshold is None and subjects.nunique() < 2:
        raise DataError("windows", f"coded for {subjects.nunique()} subject", "two or more, or a threshold of your own")
    signals = make_signals(face)
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in settings.methods}
    for step, name in enumerate(names):
        progress(Progress(task="spotting", done=step, total=len(names), detail=name))
        here = None if coded is None else coded[coded["recording"].astype(str) == name]
        for method, table in _of_recording(dataset, name, here, signals, settings).items():
            tables[method].append(table.assign(recording=name, subject=subjects[name]))
    progress(Progress(task="spotting", done=len(names), total=len(names)))
    whole = {method: pd.concat(parts, ignore_index=True) for method, parts in tables.items()}
    return _result(dataset, rows.loc[names], coded, whole, signals, settings)


def _refuse_slow(rows: pd.DataFrame) -> None:
    slow = rows[rows["fps"] < LEAST_FPS]
    if len(slow):
        raise DataError(
            f"recording {slow.index[0]}",
            f"{slow['fps'].iloc[0]:g} frames a second",
            f"{LEAST_FPS:g} or more: the longest micro-expression ({LONGEST_S:g} s) must have {MIN_FRAMES} frames",
        )


def _of_recording(
    dataset: Dataset, name: str, coded: pd.DataFrame | None, signals: Signals, settings: SpottingSettings
) -> dict[str, pd.DataFrame]:
    """SpottingCandidates of a recording by method: onset_s, apex_s, offset_s, score, region, match, overlap."""
    frames = dataset.frames(name)
    time_s, fps = frames.time_s, float(1 / np.median(np.diff(frames.time_s)))
    truth = np.zeros((0, 2), int)
    if coded is not None and len(coded):
        truth = np.searchsorted(time_s, coded[["start_s", "end_s"]].to_numpy() - 0.5 / fps).clip(0, len(time_s) - 1)
    out = {}
    for method in settings.methods:
        made = FINDERS[method](_filled(frames.psi, frames.valid), fps, signals, settings)
        lost = np.array([not frames.valid[a : b + 1].all() for a, b in made.frames], bool)
        match = match_intervals(made.frames, truth, made.score)
        shared = overlap(made.frames, truth).max(1, initial=0) if len(truth) else np.zeros(len(made.score))
        table = pd.DataFrame(
            {
                "onset_s": time_s[made.frames[:, 0]],
                "apex_s": time_s[made.apex],
                "offset_s": time_s[made.frames[:, 1]],
                "score": made.score,
                "region": [signals.names[r] for r in made.region],
                "match": match,
                "overlap": shared,
            }
        )
        out[method] = table[~lost]
    return out


def _filled(psi: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """ψ with frames that are not valid drawn straight from neighbour to neighbour."""
    if valid.all() or not valid.any():
        return np.nan_to_num(psi)
    index = np.arange(len(psi))
    return np.stack([np.interp(index, index[valid], column[valid]) for column in psi.T], 1)


def _result(
    dataset: Dataset,
    rows: pd.DataFrame,
    coded: pd.DataFrame | None,
    tables: dict[str, pd.DataFrame],
    signals: Signals,
    settings: SpottingSettings,
) -> SpottingResult:
    count = None if coded is None else _coded_by_subject(rows, coded)
    kept, thresholds = {}, {}
    for method, table in tables.items():
        limits = _thresholds(table, rows, count, method, settings)
        kept[method] = table[table["score"] >= table["subject"].map(limits)]
        finite = [v for v in limits.values() if np.isfinite(v)]
        thresholds[method] = float(np.median(finite)) if finite else None
    shown = kept[TRANSIENT] if TRANSIENT in kept else next(iter(kept.values()))
    missed = _missed(coded, shown)
    return SpottingResult(
        settings=settings,
        spotted=_spotted(shown, coded is not None),
        scores=pd.DataFrame() if count is None else _scores(kept, count, settings),
        missed=missed,
        facts={
            "dataset": dataset.name,
            "recordings": len(rows),
            "subjects": int(rows["subject"].astype(str).nunique()),
            "minutes": float(rows["duration_s"].sum() / 60),
            "slowest_fps": float(rows["fps"].min()),
            "simulated": bool(dataset.simulated),
            "coded": 0 if coded is None else len(coded),
            "least_overlap": LEAST_OVERLAP,
            "thresholds": thresholds,
            "lids_excluded": signals.lids,
        },
    )


def _coded_by_subject(rows: pd.DataFrame, coded: pd.DataFrame) -> pd.Series:
    subject = rows["subject"].astype(str).reindex(coded["recording"].astype(str))
    return subject.value_counts().reindex(rows["subject"].astype(str).unique(), fill_value=0)


def _thresholds(
    table: pd.DataFrame, rows: pd.DataFrame, count: pd.Series | None, method: str, settings: SpottingSettings
) -> dict[str, float]:
    """The threshold of every subject: of the highest F1 on all others."""
    subjects = rows["subject"].astype(str).unique()
    if settings.threshold is not None or count is None:
        usual = settings.threshold if settings.threshold is not None else USUAL_MM if method == TRANSIENT else np.inf
        return dict.fromkeys(subjects, float(usual))
    out = {}
    for subject in subjects:
        others = table[table["subject"] != subject]
        hit = (others["match"] != NO_MATCH).to_numpy()
        out[subject] = best_threshold(others["score"].to_numpy(), hit, int(count.sum() - count[subject]))
    return out


def _spotted(table: pd.DataFrame, known: bool) -> pd.DataFrame:
    columns = ["recording", "subject", "onset_s", "apex_s", "offset_s", "score", "region"]
    hit = (table["match"] != NO_MATCH).astype(object) if known else None
    return table[columns].assign(hit=hit, overlap=table["overlap"] if known else np.nan).reset_index(drop=True)


def _missed(coded: pd.DataFrame | None, kept: pd.DataFrame) -> pd.DataFrame:
    if coded is None:
        return pd.DataFrame(columns=["recording", "onset_s", "offset_s"])
    matched = {
        (str(name), int(match))
        for name, match in zip(kept["recording"], kept["match"], strict=True)
        if match != NO_MATCH
    }
    place = coded.groupby(coded["recording"].astype(str), sort=False).cumcount()
    lost = [(str(name), int(at)) not in matched for name, at in zip(coded["recording"], place, strict=True)]
    extra = [
        name for name in coded if name not in ("segment", "span", "time", "start_s", "end_s", "apex_s", "recording")
    ]
    return coded.loc[lost, ["recording", "start_s", "end_s", *extra]].rename(
        columns={"start_s": "onset_s", "end_s": "offset_s"}
    )


def _scores(kept: dict[str, pd.DataFrame], count: pd.Series, settings: SpottingSettings) -> pd.DataFrame:
    rows, drawn = [], {}
    for method, table in kept.items():
        hit = table["match"] != NO_MATCH
        by = table.groupby("subject").size().reindex(count.index, fill_value=0)
        hits = table[hit].groupby("subject").size().reindex(count.index, fill_value=0)
        score = SpottingScore(hits=int(hits.sum()), spotted=int(by.sum()), coded=int(count.sum()))
        (low, high), drawn[method] = bootstrap_f1(np.stack([hits, by, count], 1), settings.resamples, settings.seed)
        rows.append(
            {
                "method": method,
                **asdict(score),
                "precision": score.precision,
                "recall": score.recall,
                "f1": score.f1,
                "low": low,
                "high": high,
            }
        )
    first = rows[0]["f1"]
    for row in rows:
        paired = drawn[rows[0]["method"]] - drawn[row["method"]]
        low, high = np.quantile(paired, [0.025, 0.975])
        row |= {"difference": first - row["f1"], "difference_low": float(low), "difference_high": float(high)}
    return pd.DataFrame(rows)
