"""Syllables of one face as series: presence over onset, apex and offset, and when each begins.

Letters: T frames, S syllables without rest, n segments.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.tokens.presence import frame_step, seen_to_begin

SYLLABLE = "syllable"


def syllable_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Kind, thing and description of every syllable but rest, of `SyllableSet.table`."""
    moving = table[table["syllable"] > 0]
    text = moving["description"].astype(str) if "description" in moving else [""] * len(moving)
    return pd.DataFrame({"kind": SYLLABLE, "thing": moving["syllable"].astype(str), "description": text})


def syllable_series(segments: pd.DataFrame, time_s: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Series of the segments of one recording.

    Parameters
    ----------
    segments: n rows of `SyllableSet.segments`: syllable, start_s, apex_s, release_s, end_s. time_s: (T,) of the frames.
    numbers: (S,) syllables.

    Returns
    -------
    (T, S) float32: 0 outside, rising to 1 from onset to apex, falling from release to the end; and (T, S) bool, the
    first frame of each segment, where the frames before it were seen.
    """
    values = np.zeros((len(time_s), len(numbers)), np.float32)
    onset = np.zeros(values.shape, bool)
    step = frame_step(time_s)
    columns = {int(number): at for at, number in enumerate(numbers)}
    own = segments[segments["syllable"].isin(columns)]
    names = ("syllable", "start_s", "apex_s", "release_s", "end_s")
    for number, start, apex, release, end in own[list(names)].itertuples(index=False):
        column, first = columns[int(number)], int(np.searchsorted(time_s, start - step / 2))
        rows = slice(first, int(np.searchsorted(time_s, end - step / 2)))
        shape = np.interp(time_s[rows], _increasing(start, apex, release, end), (0, 1, 1, 0))
        values[rows, column] = np.maximum(values[rows, column], shape)
        if first < len(time_s):
            onset[first, column] = True
    row = np.arange(len(time_s))
    return values, onset & seen_to_begin(row, time_s, step)[:, None] & (row > 0)[:, None]


def _increasing(*times: float) -> np.ndarray:
    return np.maximum.accumulate(np.array(times) + 1e-9 * np.arange(len(times)))
