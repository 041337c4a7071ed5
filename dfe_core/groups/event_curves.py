"""Curves of codeword use around events: rate, share of time and intensity of every codeword, subject by subject.

Time is cut into steps relative to each event's onset. Of a step, frames and what is in them are summed over the events
of a subject, so that every subject has one curve, and subjects are what is tested: each condition against its own
baseline (before the onset), and conditions against each other (`cluster_test`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from dfe_core.errors import DataError
from dfe_core.events.store import EventSet, as_text, require_column
from dfe_core.expressions.dataset import Dataset
from dfe_core.groups.cluster_test import Cluster, ClusterSettings, difference_clusters, group_clusters, shift_clusters
from dfe_core.known_quantiles import known_quantiles
from dfe_core.progress import Listener, Progress, silent
from dfe_core.table_rows import json_rows
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.intervals import iter_recordings
from dfe_core.tokens.presence import codeword_sizes, frame_step, present_activations, seen_to_begin

CURVE_MEASURES = {
    "rate": "onsets per minute",
    "share": "share of frames with it, 0 … 1",
    "intensity": "intensity, mean over all frames",
}
BASELINE = "baseline"
"""What stands in the place of the other condition where one is compared with its time before the onset."""
MOST_LEVELS = 6
_ALL = "all events"


@dataclass(frozen=True, kw_only=True)
class CurveSettings:
    """Every choice that changes a number.

    Attributes
    ----------
    events, where: the set of events, and the values of its columns that are taken.
    by: a column of the events, or a label of the recordings, whose levels are compared; empty for none.
    before_s, after_s, step_s: from so long before each onset to so long after it, in steps, s. The baseline is all of
        the time before the onset.
    measures: of rate, share, intensity.
    permutations, resamples: of the tests, and of the bootstrap over subjects.
    alpha: two-sided, of the critical value at each time.
    min_subjects: that a time needs to be tested.
    seed: of permutations and bootstrap.
    """

    events: str
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    by: str = ""
    before_s: float = 2.0
    after_s: float = 5.0
    step_s: float = 0.2
    measures: tuple[str, ...] = tuple(CURVE_MEASURES)
    permutations: int = 2000
    resamples: int = 1000
    alpha: float = 0.05
    min_subjects: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if unknown := [name for name in self.measures if name not in CURVE_MEASURES]:
            raise DataError("measures", ", ".join(unknown), "some of " + ", ".join(CURVE_MEASURES))
        if not (self.before_s > 0 and self.after_s > 0 and 0.01 <= self.step_s <= min(self.before_s, self.after_s)):
            raise DataError(
                "window",
                f"{self.before_s:g} s before, {self.after_s:g} s after, in steps of {self.step_s:g} s",
                "times above 0, and steps of at least 0.01 s that fit into either",
            )
        if self.times.size > 500 or not 99 <= self.permutations <= 1_000_000:
            raise DataError(
                "curves", f"{self.times.size} steps, {self.permutations} permutations", "500 steps, 99 or more"
            )

    @property
    def edges(self) -> tuple[int, int]:
        """Steps before and after the onset."""
        return round(self.before_s / self.step_s), round(self.after_s / self.step_s)

    @property
    def times(self) -> np.ndarray:
        """(B,) start of each step, s from the onset."""
        before, after = self.edges
        return np.arange(-before, after) * self.step_s

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "where": {column: list(values) for column, values in self.where.items()}}


@dataclass(frozen=True, kw_only=True)
class FollowedChannel:
    """A channel whose curves were taken (`dfe_core.groups.channel_curves`).

    name; unit: empty where not known. files: that it was read from; none for a channel of the dataset. frames, unknown:
    of all windows, those that enter, and those left out. events_without_baseline: that enter with no frame.
    """

    name: str
    unit: str
    files: tuple[str, ...]
    frames: int
    unknown: int
    events_without_baseline: int


@dataclass(frozen=True, eq=False, kw_only=True)
class EventCurves:
    """Curves and clusters.

    Attributes
    ----------
    model, dataset: names. simulated: whether the data are. settings: every choice.
    levels: of `by`, or one for all events. events, subjects: how many of each level enter.
    curves: one row per codeword, measure, level and time_s (start of the step): mean over subjects, low and high (95 %,
        bootstrap over subjects), subjects.
    clusters: one row per cluster, the smallest p_all first: codeword, measure, a, b (`BASELINE`, or
        another level), start_s, end_s, peak_s, difference (a − b, mean over the cluster), mass, p (over the times of
        its curve), p_all (over all codewords, too), subjects.
    tested: by measure and pair of levels, how many curves were tested.
    channels: empty for codewords; else what was followed in their place, and curves and clusters have the columns
        channel and unit in the place of codeword.
    """

    model: str
    dataset: str
    simulated: bool
    settings: CurveSettings
    levels: tuple[str, ...]
    events: dict[str, int]
    subjects: dict[str, int]
    curves: pd.DataFrame
    clusters: pd.DataFrame
    tested: dict[tuple[str, str, str], int]
    channels: tuple[FollowedChannel, ...] = ()

    @property
    def item(self) -> str:
        """The column that names a curve: codeword, or channel."""
        return "channel" if self.channels else "codeword"

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``dfe events curves``; null where there is no number."""
        followed = {"channels": [asdict(one) for one in self.channels]} if self.channels else {}
        return followed | {
            "model": self.model,
            "dataset": self.dataset,
            "simulated": self.simulated,
            **self.settings.as_dict(),
            "events": self.settings.events,
            "levels": [
                {"level": one, "events": self.events[one], "subjects": self.subjects[one]} for one in self.levels
            ],
            "tested": [{"measure": m, "a": a, "b": b, "curves": n} for (m, a, b), n in self.tested.items()],
            "clusters": json_rows(self.clusters),
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class _Sums:
    """By subject (S) and level (L): frames (S, L, B) and their seconds; present, intensity, onsets (S, L, B, K)."""

    frames: np.ndarray
    seconds: np.ndarray
    present: np.ndarray
    intensity: np.ndarray
    onsets: np.ndarray

    def measures(self) -> dict[str, np.ndarray]:
        """(S, L, K, B) of each of `CURVE_MEASURES`; NaN at times without a frame."""
        over = {"rate": (self.onsets, self.seconds / 60), "share": (self.present, self.frames)}
        over["intensity"] = (self.intensity, self.frames)
        with np.errstate(divide="ignore", invalid="ignore"):
            return {name: np.moveaxis(above / below[..., None], 3, 2) for name, (above, below) in over.items()}


def event_curves(
    dataset: Dataset, tokens: TokenCache, settings: CurveSettings, progress: Listener = silent
) -> EventCurves:
    """Curves of the use of every codeword around the events of a set, with tests over subjects.

    Frames that are excluded, and those beyond a recording, are in no curve. Raises `DataError` for an unknown set or
    column, no event that is left, and more than `MOST_LEVELS` levels.
    """
    events = events_of_levels(dataset, settings)
    levels = require_levels(events["level"], settings.by)
    subjects = sorted(events["subject"].unique())
    sums = _summed(events, tokens, settings, levels, subjects, progress)
    entered = sums.frames.sum(2) > 0
    values = {name: v for name, v in sums.measures().items() if name in settings.measures}
    curves = [
        curve_rows(v[entered[:, i], i], name, level, settings)
        for name, v in values.items()
        for i, level in enumerate(levels)
    ]
    clusters, tested = curve_clusters(values, levels, settings, progress)
    return EventCurves(
        model=tokens.model,
        dataset=dataset.name,
        simulated=dataset.simulated,
        settings=settings,
        levels=levels,
        events={level: int((events["level"] == level).sum()) for level in levels},
        subjects={level: int(entered[:, i].sum()) for i, level in enumerate(levels)},
        curves=pd.concat([one[one["codeword"] != REST] for one in curves], ignore_index=True),
        clusters=clusters,
        tested=tested,
    )


def events_of_levels(dataset: Dataset, settings: CurveSettings) -> pd.DataFrame:
    """recording, onset_s, subject and level of the events that are asked for; those without a level are left out."""
    opened = EventSet.open(dataset.name, settings.events, dataset.root)
    table = opened.where(settings.where)
    rows = dataset.recordings.set_index(dataset.recordings["recording"].astype(str))
    level: pd.Series | str = _ALL
    if settings.by in opened.columns:
        level = table[settings.by].map(as_text)
    elif settings.by in dataset.labels:
        level = table["recording"].map(rows[settings.by].map(as_text))
    elif settings.by:
        require_column(opened, settings.by)
    found = table[["recording", "onset_s"]].assign(subject=table["recording"].map(rows["subject"].astype(str)))
    found = found.assign(level=level)
    found = found[found["level"] != ""]
    if not len(found):
        raise DataError(settings.by, "no event with a value", "a column with values")
    return found


def require_levels(level: pd.Series, by: str) -> tuple[str, ...]:
    """The levels in their order. Raises `DataError` for more than `MOST_LEVELS`."""
    levels = tuple(sorted(level.unique()))
    if len(levels) > MOST_LEVELS:
        raise DataError(by, f"{len(levels)} different values", f"at most {MOST_LEVELS}, or --where")
    return levels


def _summed(
    events: pd.DataFrame,
    tokens: TokenCache,
    settings: CurveSettings,
    levels: tuple[str, ...],
    subjects: list[str],
    progress: Listener,
) -> _Sums:
    shape = (len(subjects), len(levels), settings.times.size)
    sums = _Sums(
        frames=np.zeros(shape),
        seconds=np.zeros(shape),
        **{name: np.zeros((*shape, tokens.codewords)) for name in ("present", "intensity", "onsets")},
    )
    by_recording = dict(tuple(events.groupby("recording", sort=False)))
    sizes, done = codeword_sizes(tokens), 0
    for part in iter_recordings(tokens):
        done += len(part.frame)
        progress(Progress(task="event curves", done=done, total=tokens.frames, detail=part.recording))
        if part.recording in by_recording:
            own = by_recording[part.recording]
            where = subjects.index(str(own["subject"].iloc[0])), [levels.index(v) for v in own["level"]]
            _add(sums, part, own["onset_s"].to_numpy(float), where, sizes, settings)
    return sums


def _add(
    sums: _Sums,
    part: Tokens,
    onsets_s: np.ndarray,
    where: tuple[int, list[int]],
    sizes: np.ndarray,
    settings: CurveSettings,
) -> None:
    """Add the events of one recording. where: its subject, and the level of each event."""
    subject, level = where
    steps, words, step = settings.times.size, sums.present.shape[3], frame_step(part.time_s)
    place = _steps_of_frames(part.time_s, onsets_s, level, settings, sums.frames.shape[1])
    used, number = present_activations(part, sizes)
    first = np.flatnonzero(np.diff(number, prepend=-1))
    first = first[seen_to_begin(used.row[first], part.time_s, step)]
    size = (len(part.frame), words)
    held = {
        "present": sparse.csr_matrix((np.ones(len(used.row)), (used.row, used.codeword)), size),
        "intensity": sparse.csr_matrix((used.intensity, (used.row, used.codeword)), size),
        "onsets": sparse.csr_matrix((np.ones(len(first)), (used.row[first], used.codeword[first])), size),
    }
    frames = np.asarray(place.sum(1)).reshape(-1, steps)
    sums.frames[subject] += frames
    sums.seconds[subject] += frames * step
    for name, matrix in held.items():
        getattr(sums, name)[subject] += (place @ matrix).toarray().reshape(-1, steps, words)


def _steps_of_frames(
    time_s: np.ndarray, onsets_s: np.ndarray, level: list[int], settings: CurveSettings, levels: int
) -> sparse.csr_matrix:
    """(L · B, T) how often each frame is in each step of an event of each level."""
    before, after = settings.edges
    rows, columns = [], []
    for onset, of in zip(onsets_s, level, strict=True):
        step = step_numbers(time_s, onset, settings)
        inside = np.flatnonzero((step >= 0) & (step < before + after))
        rows.append(of * (before + after) + step[inside])
        columns.append(inside)
    row, column = np.concatenate(rows), np.concatenate(columns)
    return sparse.csr_matrix((np.ones(len(row)), (row, column)), (levels * (before + after), len(time_s)))


def step_numbers(time_s: np.ndarray, onset_s: float, settings: CurveSettings) -> np.ndarray:
    """(T,) the step of each frame around an onset; those of the window are 0 … B − 1."""
    return np.floor((time_s - onset_s) / settings.step_s + 1e-6).astype(np.int64) + settings.edges[0]


def curve_rows(values: np.ndarray, measure: str, level: str, settings: CurveSettings) -> pd.DataFrame:
    """Rows of the curves of one measure and level (S, K, B): mean and bootstrap interval over subjects. The number of a
    curve is in the column codeword."""
    count, words, steps = values.shape
    flat = values.reshape(count, -1)
    known = np.isfinite(flat)
    draw = np.random.default_rng([settings.seed, 31]).multinomial(count, np.full(count, 1 / count), settings.resamples)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(known, flat, 0).sum(0) / known.sum(0)
        means = (draw @ np.where(known, flat, 0)) / (draw @ known)
    low, high = known_quantiles(np.where(known.any(0), means, 0), (0.025, 0.975))
    return pd.DataFrame(
        {
            "codeword": np.repeat(np.arange(words), steps),
            "measure": measure,
            "level": level,
            "time_s": np.tile(settings.times.round(6), words),
            "mean": mean,
            "low": np.where(known.any(0), low, np.nan),
            "high": np.where(known.any(0), high, np.nan),
            "subjects": known.sum(0),
        }
    )


def curve_clusters(
    values: dict[str, np.ndarray], levels: tuple[str, ...], settings: CurveSettings, progress: Listener
) -> tuple[pd.DataFrame, dict[tuple[str, str, str], int]]:
    """`EventCurves.clusters` and `EventCurves.tested` of the curves (S, L, K, B) of each measure. The number of a curve
    is in the column codeword."""
    tested: dict[tuple[str, str, str], int] = {}
    tables = []
    for measure, found in values.items():
        for a, b, clusters, subjects, mean, start in _contrasts(found, levels, settings):
            progress(Progress(task="cluster tests", done=0, total=0, detail=f"{measure}: {a}, {b}"))
            tested[measure, a, b] = int((np.isfinite(mean) & (mean != 0)).any(1).sum())
            tables += [_cluster_row(one, measure, (a, b), mean, start, subjects, settings) for one in clusters]
    table = pd.DataFrame(tables, columns=list(_CLUSTER_COLUMNS))
    return table.sort_values(["p_all", "p", "codeword"], kind="stable", ignore_index=True), tested


_CLUSTER_COLUMNS = tuple(
    "codeword measure a b start_s end_s peak_s difference mass p p_all subjects".split(),
)


def _contrasts(
    values: np.ndarray, levels: tuple[str, ...], settings: CurveSettings
) -> Iterator[tuple[str, str, list[Cluster], int, np.ndarray, int]]:
    """Of each contrast of (S, L, K, B): names, clusters, subjects, mean difference (K, B') and its first step."""
    before = settings.edges[0]
    how = ClusterSettings(
        permutations=settings.permutations, seed=settings.seed, alpha=settings.alpha, least=settings.min_subjects
    )
    for i, level in enumerate(levels):
        own = values[:, i][_has(values[:, i])]
        difference = own[..., before:] - _nanmean(own[..., :before], 2)[..., None]
        yield level, BASELINE, shift_clusters(own, before, how), _known(difference), _nanmean(difference, 0), before
    for i, k in combinations(range(len(levels)), 2):
        one, other = values[:, i], values[:, k]
        if _known(one - other):
            found = difference_clusters(one - other, how)
            yield levels[i], levels[k], found, _known(one - other), _nanmean(one - other, 0), 0
        else:
            a, b = one[_has(one)], other[_has(other)]
            found = group_clusters(b, a, how)
            yield levels[i], levels[k], found, len(a) + len(b), _nanmean(a, 0) - _nanmean(b, 0), 0


def _has(values: np.ndarray) -> np.ndarray:
    """(S,) whether a subject has a value."""
    return np.isfinite(values).reshape(len(values), -1).any(1)


def _known(values: np.ndarray) -> int:
    return int(_has(values).sum())


def _nanmean(values: np.ndarray, axis: int) -> np.ndarray:
    known = np.isfinite(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known, values, 0).sum(axis) / known.sum(axis)


def _cluster_row(
    one: Cluster,
    measure: str,
    names: tuple[str, str],
    mean: np.ndarray,
    start: int,
    subjects: int,
    settings: CurveSettings,
) -> dict[str, Any]:
    inside = mean[one.curve, one.start : one.stop]
    times = settings.times[start:]
    return {
        "codeword": one.curve,
        "measure": measure,
        "a": names[0],
        "b": names[1],
        "start_s": round(float(times[one.start]), 6),
        "end_s": round(float(times[one.stop - 1] + settings.step_s), 6),
        "peak_s": round(float(times[one.start + int(np.argmax(np.abs(inside)))]), 6),
        "difference": float(inside.mean()),
        "mass": one.mass,
        "p": one.p,
        "p_all": one.p_all,
        "subjects": subjects,
    }
