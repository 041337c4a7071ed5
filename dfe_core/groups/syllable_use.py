"""How syllables are used, per recording: the measures of codewords, of the segments of `dfe_core.syllables`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.expressions.dataset import Dataset
from dfe_core.groups.comparison import GroupComparison, GroupSettings, Use, compare_use, with_confounds
from dfe_core.groups.measures import MEASURES, UseSums
from dfe_core.progress import Listener, silent
from dfe_core.syllables.segments import REST
from dfe_core.syllables.store import SyllableSet

SYLLABLE_MEASURES = tuple(name for name in MEASURES if name != "intensity")
"""Rate, share of time and duration: a syllable has no intensity."""


def compare_syllable_groups(
    found: SyllableSet, dataset: Dataset, settings: GroupSettings, progress: Listener = silent
) -> GroupComparison:
    """Compare the use of every syllable between the levels of a label column, as `comparison.compare_groups` does of
    codewords; the tables then name ``syllable`` in the place of ``codeword``. Rest is not compared.

    settings: with `SYLLABLE_MEASURES`, or some of them.
    """
    use = syllable_use(found, dataset)
    analysis = f"{use.source}, syllables"
    return with_confounds(compare_use(use, dataset, settings, progress, analysis=analysis), dataset, progress)


def syllable_use(found: SyllableSet, dataset: Dataset) -> Use:
    """How every syllable is used in each recording."""
    things = found.table[["syllable", "description"]].reset_index(drop=True)
    sums = count_syllable_use(found.segments, found.count, dataset.recordings["recording"].astype(str).tolist())
    return Use(source=str(found.manifest["model"]), sums=sums, things=things, none=frozenset({REST}))


def count_syllable_use(segments: pd.DataFrame, count: int, recordings: list[str]) -> UseSums:
    """The sums of these recordings, in this order, (R, S) each; zero where one has no segment.

    An onset before which nothing was seen, at the beginning of a recording and after lost frames, counts as any other.
    """
    where = {name: row for row, name in enumerate(recordings)}
    segments = segments[segments["recording"].astype(str).isin(recordings)]
    row = np.array([where[str(name)] for name in segments["recording"]], int)
    cell = row * count + segments["syllable"].to_numpy(int)
    seconds = (segments["end_s"] - segments["start_s"]).to_numpy(float)
    shape = (len(recordings), count)

    def summed(values: np.ndarray) -> np.ndarray:
        return np.bincount(cell, values, minlength=shape[0] * count).reshape(shape)

    frames, intervals = summed(segments["frames"].to_numpy(float)), summed(np.ones(len(cell)))
    first = np.full(shape[0] * count, np.inf)
    np.minimum.at(first, cell, segments["start_s"].to_numpy(float))
    lasting = summed(seconds)
    return UseSums(
        frames=frames.sum(1, keepdims=True),
        seconds=lasting.sum(1, keepdims=True),
        present=frames,
        intensity=np.zeros(shape),
        intervals=intervals,
        interval_s=lasting,
        first_s=np.where(np.isfinite(first), first, 0.0).reshape(shape),
        begun=(intervals > 0).astype(float),
    )
