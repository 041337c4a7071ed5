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


@dataclass(frozen=True, eq=False, kw_only=True)
class UseSums:
    """Sums per recording or unit: frames (U, 1), seconds (U, 1) with tokens, of AUs (U, K) in which each was measured;
    present (frames with the codeword),
    intensity, intervals (count) and interval_s (sum of durations), each (U, K) float64."""

    frames: np.ndarray
    seconds: np.ndarray
    present: np.ndarray
    intensity: np.ndarray
    intervals: np.ndarray
    interval_s: np.ndarray

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
        }


def count_use(index: RunIndex, recordings: list[str]) -> UseSums:
    """The sums of these recordings, in this order; zero where one has no tokens."""
    size, where = index.codewords, {name: row for row, name in enumerate(recordings)}
    present, intensity = (_by_codeword(index.presence, column, where, size) for column in ("frames", "intensity"))
    runs = pq.read_table(index.path / "runs.parquet", columns=["recording", "codeword", "start_s", "end_s"]).to_pandas()
    runs = runs.assign(count=1.0, seconds=runs["end_s"] - runs["start_s"])
    intervals, interval_s = (_by_codeword(runs, column, where, size) for column in ("count", "seconds"))
    totals = index.recordings.set_index(index.recordings["recording"].astype(str)).reindex(recordings).fillna(0)
    return UseSums(
        frames=totals["frames"].to_numpy(float)[:, None],
        seconds=totals["duration_s"].to_numpy(float)[:, None],
        present=present,
        intensity=intensity,
        intervals=intervals,
        interval_s=interval_s,
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
