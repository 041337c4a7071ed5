"""What the data say of one codeword: computed for whoever opens it first, and kept for everybody.

Tables that are returned are shared between sessions: not to be changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from dfe_core.embedding.stability import read_stability
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.groups.design import label_texts
from dfe_core.render.clip_grid import MOST
from dfe_core.table_rows import typed_rows
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.geometry import largest_by_region
from dfe_core.tokenizer.near_duplicates import NearDuplicate, near_duplicates
from dfe_core.tokens import dynamics
from dfe_core.tokens.intervals import RunIndex
from dfe_core.tokens.peak_frames import quantile_examples, strongest_moments
from dfe_core.tokens.search import neighbours

KEPT = 2048
"""Answers that are kept of each kind, a few kB each."""

MOMENTS = 8


@dataclass(frozen=True, kw_only=True)
class ShownMoment:
    """A moment at which a codeword is at its peak: frame and second of it, its intensity, and who shows it."""

    recording: str
    subject: str
    peak_frame: int
    peak_s: float
    peak: float


@dataclass(frozen=True, kw_only=True)
class ShareOfFrames:
    """A value of a label, or a subject: the share of its frames that show a codeword, mean over subjects, and the
    interval of it over subjects, NaN for a single one."""

    value: str
    subjects: int
    frames: int
    share: float
    low: float
    high: float


@lru_cache(maxsize=KEPT)
def moments_of(
    index: RunIndex, dataset: Dataset, number: int, strongest: bool
) -> tuple[tuple[ShownMoment, ...], np.ndarray]:
    """The strongest moments of a codeword, or examples from weak to strong, and ψ (n, E) at their peaks."""
    table = (
        strongest_moments(index, number, dataset.recordings, limit=MOMENTS)
        if strongest
        else quantile_examples(index, number, dataset.recordings, bands=MOMENTS, each=1)
    )
    found = tuple(typed_rows(table, ShownMoment))
    psi = [dataset.frames(moment.recording).at([moment.peak_frame]).psi[0] for moment in found]
    return found, np.array(psi)


@lru_cache(maxsize=KEPT)
def clips_of(index: RunIndex, dataset: Dataset, number: int, among: frozenset[str] | None) -> tuple[ShownMoment, ...]:
    """The strongest moments of a codeword for a grid of clips, in recordings `among` these (None: all): one of each
    person first."""
    rows = dataset.recordings
    table = strongest_moments(index, number, rows if among is None else rows[rows["recording"].isin(among)], limit=MOST)
    again = table.groupby(table["subject"].where(table["subject"] != "", table["recording"])).cumcount()
    return tuple(typed_rows(table.iloc[np.argsort(again, kind="stable")], ShownMoment))


@lru_cache(maxsize=KEPT)
def moments_of_level(
    index: RunIndex, dataset: Dataset, number: int, by: str, level: str
) -> tuple[tuple[ShownMoment, ...], np.ndarray]:
    """The strongest moments of a codeword in the recordings of one level of a label, and ψ (n, E) at their peaks."""
    rows = dataset.recordings
    table = strongest_moments(index, number, rows[label_texts(rows, by) == level], limit=MOMENTS)
    found = tuple(typed_rows(table, ShownMoment))
    return found, np.array([dataset.frames(one.recording).at([one.peak_frame]).psi[0] for one in found])


@lru_cache(maxsize=KEPT)
def occurring_with(index: RunIndex, number: int) -> pd.DataFrame:
    """Codewords in the same frames, by lift."""
    return dynamics.cooccurring(index, number, limit=8)


@lru_cache(maxsize=KEPT)
def beginning_around(index: RunIndex, number: int) -> pd.DataFrame:
    """Codewords that tend to begin before and after it."""
    return dynamics.contexts(index, number, limit=5)


@lru_cache(maxsize=KEPT)
def timing_of(index: RunIndex, number: int) -> dynamics.Dynamics:
    """How often it appears and how long it lasts."""
    return dynamics.dynamics(index, number)


@lru_cache(maxsize=KEPT)
def intensities_of(index: RunIndex, number: int) -> pd.DataFrame:
    """Frames at each intensity while it is present."""
    return dynamics.intensity_distribution(index, number, bins=20)


@lru_cache(maxsize=KEPT)
def shares_of(index: RunIndex, dataset: Dataset, number: int, by: str) -> tuple[ShareOfFrames, ...]:
    """Share of frames that show it for each subject or value of a label, with intervals over subjects."""
    found = dynamics.distribution_over(index, number, dataset.recordings, by, resamples=500)
    return tuple(typed_rows(found, ShareOfFrames))


@lru_cache(maxsize=KEPT)
def duplicates_of(codebook: Codebook, face: FaceModel, number: int) -> tuple[NearDuplicate, ...]:
    """Its near-duplicates, with what tells them apart."""
    return tuple(near_duplicates(codebook, face, codewords=(number,)))


@lru_cache(maxsize=KEPT)
def stability_of(codebook: Codebook, number: int) -> tuple[float, int, int] | None:
    """Mean matched cosine over other seeds, in how many of them it comes back, and how many there are."""
    found = read_stability(codebook)
    if found is None or number not in set(found.codewords["codeword"]):
        return None
    row = found.codewords[found.codewords["codeword"] == number]
    return float(row["cosine"].iloc[0]), int(row["seeds"].iloc[0]), len(found.others)


@lru_cache(maxsize=KEPT)
def reach_of(codebook: Codebook, face: FaceModel, number: int) -> dict[tuple[str, str], float]:
    """Largest displacement at intensity 1 in each region and side, mm; eyeballs count with the eye."""
    return largest_by_region(codebook.psi[number], face)


@lru_cache(maxsize=KEPT)
def most_like(codebook: Codebook, face: FaceModel, number: int) -> pd.DataFrame:
    """Codewords whose deformation is most like its own."""
    return neighbours(codebook, face, number, limit=6)
