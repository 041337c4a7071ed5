"""Measures of codeword use per unit of analysis, from sums that add up over recordings.

Letters of the shapes: R recordings, U units, K codewords.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from dfe_core.tokens.intervals import RunIndex

MEASURES = {
    "rate": "intervals per minute",
    "share": "share of time, 0 … 1",
    "intensity": "mean intensity while present",
    "duration": "mean duration of an interval, s",
}
"""Measure → what it is. Rate and share are 0 where a codeword never occurs; the other two are NaN there."""


LATENCY, BALANCE, PROBABILITY, VALUE = "latency", "balance", "probability", "value"
OTHER_MEASURES = {
    LATENCY: "seconds from the start of a recording to the first onset, mean of the recordings that have one",
    BALANCE: "(left − right) / (left + right) of the time, −1 … 1",
    PROBABILITY: "of the transitions that leave a region, the share that goes to another one, 0 … 1",
    VALUE: "of what else moves (head, gaze, blinks, speech, tracking), in its own unit",
}
"""Measures that are compared where they are asked for (`families`); not defined where nothing occurs."""


@dataclass(frozen=True, eq=False, kw_only=True)
class UseSums:
    """Sums per recording or unit: frames (U, 1) and seconds (U, 1) with tokens, of AUs (U, K) in which each was
    measured; present (frames with it), intensity (summed there), intervals (count) and interval_s (sum of durations),
    each (U, K) float64. first_s, begun: seconds to the first onset, summed over the recordings that have one, and how
    many those are."""

    frames: np.ndarray
    seconds: np.ndarray
    present: np.ndarray
    intensity: np.ndarray
    intervals: np.ndarray
    interval_s: np.ndarray
    first_s: np.ndarray
    begun: np.ndarray

    def pooled(self, member: np.ndarray, units: int) -> UseSums:
        """Sums over the recordings of each unit; member (R,) is the unit of a recording, −1 for none."""
        matrix = (member[None, :] == np.arange(units)[:, None]).astype(float)
        return UseSums(**{name: matrix @ values for name, values in vars(self).items()})

    def measures(self) -> dict[str, np.ndarray]:
        """(U, K) of each of `MEASURES`; NaN where it is not defined."""
        return {
            "rate": _ratio(self.intervals, self.seconds / 60),
            "share": _ratio(self.present, self.frames),
            "intensity": _ratio(self.intensity, self.present),
            "duration": _ratio(self.interval_s, self.intervals),
            LATENCY: _ratio(self.first_s, self.begun),
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class BalanceSums:
    """Frames with something on the left and on the right, per recording or unit, (U, K) each; frames (U, 1)."""

    frames: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """Frames with either, each side counted."""
        return self.left + self.right

    def pooled(self, member: np.ndarray, units: int) -> BalanceSums:
        """As `UseSums.pooled`."""
        matrix = (member[None, :] == np.arange(units)[:, None]).astype(float)
        return BalanceSums(**{name: matrix @ values for name, values in vars(self).items()})

    def measures(self) -> dict[str, np.ndarray]:
        """(U, K) balance; NaN where neither side occurs."""
        return {BALANCE: _ratio(self.left - self.right, self.left + self.right)}


@dataclass(frozen=True, eq=False, kw_only=True)
class TransitionSums:
    """Transitions from one thing to another per recording or unit. count: (U, N·N), from row to
    column. frames: (U, 1)."""

    frames: np.ndarray
    count: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """How often each occurs."""
        return self.count

    def pooled(self, member: np.ndarray, units: int) -> TransitionSums:
        """As `UseSums.pooled`."""
        matrix = (member[None, :] == np.arange(units)[:, None]).astype(float)
        return TransitionSums(**{name: matrix @ values for name, values in vars(self).items()})

    def measures(self) -> dict[str, np.ndarray]:
        """(U, N·N) probability of the second after the first; NaN where nothing follows the first."""
        size = round(self.count.shape[1] ** 0.5)
        count = self.count.reshape(-1, size, size)
        return {PROBABILITY: _ratio(count, count.sum(2, keepdims=True)).reshape(len(count), -1)}


def count_use(index: RunIndex, recordings: list[str]) -> UseSums:
    """The sums of these recordings, in this order; zero where one has no tokens."""
    size, where = index.codewords, {name: row for row, name in enumerate(recordings)}
    present, intensity = (_by_codeword(index.presence, column, where, size) for column in ("frames", "intensity"))
    runs = pq.read_table(index.path / "runs.parquet", columns=["recording", "codeword", "start_s", "end_s"]).to_pandas()
    return _use_sums(index, runs, present, intensity, recordings)


def count_region_use(index: RunIndex, region_of: np.ndarray, recordings: list[str]) -> UseSums:
    """The sums of regions: where any codeword of a region is present, the region moves.

    Parameters
    ----------
    region_of: (K,) index of the region of each codeword, −1 for none.

    Returns
    -------
    Sums with intervals that overlap joined into one; intensity is the sum over the codewords of a region.
    """
    size, where = int(region_of.max(initial=-1)) + 1, {name: row for row, name in enumerate(recordings)}
    columns = ["recording", "codeword", "start_s", "end_s", "start_frame", "end_frame"]
    runs = pq.read_table(index.path / "runs.parquet", columns=columns).to_pandas()
    joined = _joined(_of_regions(runs, region_of))
    strength = _by_codeword(_of_regions(index.presence, region_of), "intensity", where, size)
    frames = joined.assign(frames=joined["end_frame"] - joined["start_frame"] + 1)
    return _use_sums(index, joined, _by_codeword(frames, "frames", where, size), strength, recordings)


def region_balance(index: RunIndex, region_of: np.ndarray, side: np.ndarray, recordings: list[str]) -> BalanceSums:
    """Frames of the left and of the right codewords of each region. side: (K,) of text. Codewords that share a frame
    count each."""
    size, where = int(region_of.max(initial=-1)) + 1, {name: row for row, name in enumerate(recordings)}
    left, right = (
        _by_codeword(_of_regions(index.presence, np.where(side == one, region_of, -1)), "frames", where, size)
        for one in ("left", "right")
    )
    return BalanceSums(frames=_totals(index, recordings)["frames"].to_numpy(float)[:, None], left=left, right=right)


TRANSITION_S = 1.0
"""Longest time from the onset of one region to that of the next that counts as a transition, s."""


def region_transitions(index: RunIndex, region_of: np.ndarray, recordings: list[str]) -> TransitionSums:
    """Which region moves next: from each onset of a region to the next onset of another one within `TRANSITION_S`.

    region_of: (K,) index of the region of each codeword, −1 for none. Onsets of one frame do not follow each other.
    """
    size, where = int(region_of.max(initial=-1)) + 1, {name: row for row, name in enumerate(recordings)}
    columns = ["recording", "codeword", "start_s", "end_s", "start_frame", "end_frame"]
    runs = _joined(_of_regions(pq.read_table(index.path / "runs.parquet", columns=columns).to_pandas(), region_of))
    count = np.zeros((len(recordings), size * size))
    for name, own in runs.groupby("recording", sort=False):
        if str(name) not in where:
            continue
        own = own.sort_values(["start_s", "codeword"], kind="stable")
        onset, region = own["start_s"].to_numpy(float), own["codeword"].to_numpy(int)
        first, second = _next_of_another(onset, region)
        np.add.at(count[where[str(name)]], region[first] * size + region[second], 1.0)
    return TransitionSums(frames=_totals(index, recordings)["frames"].to_numpy(float)[:, None], count=count)


def _next_of_another(onset: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each onset (sorted), the next one later that is of another region, within `TRANSITION_S`."""
    following = np.searchsorted(onset, onset, side="right")
    while True:
        here = np.flatnonzero(following < len(onset))
        same = here[region[following[here]] == region[here]]
        if not len(same):
            break
        following[same] += 1
    found = here[onset[following[here]] - onset[here] <= TRANSITION_S]
    return found, following[found]


def _of_regions(table: pd.DataFrame, region_of: np.ndarray) -> pd.DataFrame:
    """The rows of codewords that have a region, with the region in the codeword's place."""
    table = table.assign(recording=table["recording"].astype(str), codeword=region_of[table["codeword"].to_numpy(int)])
    return table[table["codeword"] >= 0]


def _joined(runs: pd.DataFrame) -> pd.DataFrame:
    """Intervals of one thing in one recording that overlap or touch, joined."""
    runs = runs.sort_values(["recording", "codeword", "start_frame"], kind="stable")
    same = ["recording", "codeword"]
    reached = runs.groupby(same, sort=False)["end_frame"].cummax().groupby([runs[c] for c in same], sort=False).shift()
    number = (reached.isna() | (runs["start_frame"] > reached + 1)).cumsum()
    parts = {"recording": "first", "codeword": "first", "start_s": "min", "end_s": "max"}
    return runs.groupby(number.to_numpy()).agg({**parts, "start_frame": "min", "end_frame": "max"})


def _totals(index: RunIndex, recordings: list[str]) -> pd.DataFrame:
    rows = index.recordings
    return rows.set_index(rows["recording"].astype(str)).reindex(recordings)[["frames", "duration_s"]].fillna(0)


def _use_sums(
    index: RunIndex, runs: pd.DataFrame, present: np.ndarray, intensity: np.ndarray, recordings: list[str]
) -> UseSums:
    """runs: recording, codeword, start_s, end_s of each interval."""
    size, where = present.shape[1], {name: row for row, name in enumerate(recordings)}
    runs = runs.assign(count=1.0, seconds=runs["end_s"] - runs["start_s"])
    intervals, interval_s = (_by_codeword(runs, column, where, size) for column in ("count", "seconds"))
    first = runs.assign(recording=runs["recording"].astype(str)).groupby(["recording", "codeword"], as_index=False)
    onset = pd.DataFrame(first["start_s"].min())
    totals = _totals(index, recordings)
    return UseSums(
        frames=totals["frames"].to_numpy(float)[:, None],
        seconds=totals["duration_s"].to_numpy(float)[:, None],
        present=present,
        intensity=intensity,
        intervals=intervals,
        interval_s=interval_s,
        first_s=_by_codeword(onset, "start_s", where, size),
        begun=(intervals > 0).astype(float),
    )


def _by_codeword(table: pd.DataFrame, column: str, where: dict[str, int], size: int) -> np.ndarray:
    """(R, K) sums of a column of a table with recording and codeword."""
    rows = table["recording"].astype(str).map(where)
    known = rows.notna().to_numpy()
    cell = rows[known].to_numpy(int) * size + table.loc[known, "codeword"].to_numpy(int)
    total = np.bincount(cell, table.loc[known, column].to_numpy(float), minlength=len(where) * size)
    return total.reshape(len(where), size)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
