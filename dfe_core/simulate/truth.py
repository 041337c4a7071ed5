"""The truth of a simulated dataset, frame by frame.

A column is one action on one side: left and right for an action whose sides can move apart, else both. A truth row with
side both counts on the left and on the right. An action is present where its intensity at that moment, 0 … 5, reaches
the threshold; the default of 1 leaves out traces (FACS A) and the flanks of what is stronger.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from dfe_core.artefact_names import TRUTH_FILE
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.simulate.events import Events
from dfe_core.simulate.repertoire import ACTIONS, CHANNELS, INDEX, SIDES
from dfe_core.simulate.synthesis import FULL_INTENSITY, activation

PRESENT_INTENSITY = 1.0


class Truth(NamedTuple):
    """presence (T, A) bool, actions (A) of (action, side), intensity (T, A) float32 0 … 5, in_facs (A,) bool.

    T counts every frame of the recording, valid or not, in the order of `Dataset.frames`.
    """

    presence: np.ndarray
    actions: tuple[tuple[str, str], ...]
    intensity: np.ndarray
    in_facs: np.ndarray


def presence(dataset: Dataset, recording: str, threshold: float = PRESENT_INTENSITY) -> Truth:
    """What was truly there in every frame of one recording. Raises `DataError` where the dataset has no truth."""
    if dataset.truth is None:
        raise DataError(dataset.name, "no truth: these are not simulated data", "a dataset made by `dfe simulate`")
    rows = dataset.recordings.set_index("recording")
    if recording not in rows.index:
        raise DataError(dataset.name, f"no recording {recording!r}", "one listed by `dfe show`")
    events = events_of(dataset.truth[dataset.truth["recording"] == recording])
    frames, fps = int(rows["frames"].loc[recording]), float(rows["fps"].loc[recording])
    level = activation(events, frames, fps) * FULL_INTENSITY
    return Truth(level >= threshold, CHANNELS, level, in_facs())


def events_of(truth: pd.DataFrame) -> Events:
    """Rows of truth.parquet as events. Raises `DataError` for an action this version does not know."""
    unknown = set(truth["action"]) - set(INDEX)
    if unknown:
        raise DataError(TRUTH_FILE, f"unknown action {min(unknown)!r}", "data simulated by this version of dfe")
    return Events(
        recording=np.zeros(len(truth), int),
        action=truth["action"].map(INDEX).to_numpy(int),
        side=truth["side"].map(SIDES.index).to_numpy(int),
        **{c: truth[c].to_numpy(float) for c in ("onset_s", "apex_s", "release_s", "offset_s", "intensity")},
    )


@lru_cache(maxsize=1)
def in_facs() -> np.ndarray:
    """(A,) bool: whether FACS has a code for the column's action."""
    codes = {a.code: a.in_facs for a in ACTIONS}
    return np.array([codes[code] for code, _ in CHANNELS])
