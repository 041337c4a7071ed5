"""Which part of a dataset trains, validates and tests: by subject where they suffice, else by recording or time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset, Frames

PARTS = ("train", "validation", "test")
MIN_UNITS = 4
"""Fewer subjects (or recordings) than this cannot be split by subject (or recording)."""
GAP_S = 2.0
"""Left out on both sides of a cut in time, so that neighbours of a test frame are never trained on."""


@dataclass(frozen=True)
class Split:
    """A split that can be written down and taken again.

    by: ``subject``, ``recording`` or ``time``. recordings: part → recording names (the same for all parts when by
    time). spans: part → (start, end) share of each recording's duration; (0, 1) unless by time.
    """

    by: str
    recordings: dict[str, list[str]]
    spans: dict[str, tuple[float, float]]

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Split:
        return cls(value["by"], value["recordings"], {k: tuple(v) for k, v in value["spans"].items()})

    def frames(self, dataset: Dataset, part: str) -> Iterator[Frames]:
        """Frames of each recording of ``train``, ``validation``, ``test`` or ``all``; by time, those in its span."""
        if part == "all":
            yield from dataset.iter_frames()
            return
        if part not in PARTS:
            raise DataError(part, "no such part of a split", ", ".join((*PARTS, "all")))
        start, end = self.spans[part]
        known = set(dataset.recordings["recording"])
        for frames in dataset.iter_frames([r for r in self.recordings[part] if r in known]):
            yield frames if (start, end) == (0.0, 1.0) else _cut(frames, start, end)

    def sentence(self) -> str:
        """How the data were split, in words."""
        counts = ", ".join(f"{len(self.recordings[p])} {p}" for p in PARTS)
        if self.by == "time":
            spans = ", ".join(f"{p} {self.spans[p][0]:.0%} to {self.spans[p][1]:.0%}" for p in PARTS)
            return (
                f"split by time within each recording ({spans}, {GAP_S:g} s left out at each cut): too few "
                "subjects and recordings to hold any out, so figures say nothing about new people"
            )
        note = "" if self.by == "subject" else ": too few subjects to hold any out"
        return f"split by {self.by} ({counts} recordings){note}"


class SplitSource(Protocol):
    """What a split is drawn of; recordings has the columns recording, subject and valid_frames."""

    @property
    def name(self) -> str: ...

    @property
    def recordings(self) -> pd.DataFrame: ...


def split_dataset(dataset: SplitSource, test_share: float, validation_share: float, seed: int = 0) -> Split:
    """Split by subject with at least `MIN_UNITS` of them, else by recording, else by time block.

    The draw depends on the seed and on the names alone. Raises `DataError` when there is no valid frame.
    """
    rows = dataset.recordings
    if not int(rows["valid_frames"].sum()):
        raise DataError(dataset.name, "no valid frame", "a dataset with frames in which a face was found")
    whole = dict.fromkeys(PARTS, (0.0, 1.0))
    for by in ("subject", "recording"):
        units = sorted(set(rows[by]))
        if len(units) >= MIN_UNITS:
            drawn = _draw(units, test_share, validation_share, seed)
            return Split(by, {p: rows.loc[rows[by].isin(drawn[p]), "recording"].tolist() for p in PARTS}, whole)
    cut, stop = 1 - test_share - validation_share, 1 - test_share
    names = rows["recording"].tolist()
    return Split(
        "time", dict.fromkeys(PARTS, names), {"train": (0.0, cut), "validation": (cut, stop), "test": (stop, 1.0)}
    )


def without_subjects(dataset: SplitSource, held_out: Sequence[str]) -> Split:
    """All recordings train but those of the subjects `held_out`, which test.

    Raises `DataError` where nobody is left to train on.
    """
    rows = dataset.recordings
    held = rows["subject"].astype(str).isin([str(subject) for subject in held_out])
    if held.all():
        raise DataError(dataset.name, "every subject held out", "one or more to train on")
    names = {
        "train": rows.loc[~held, "recording"],
        "validation": rows["recording"][:0],
        "test": rows.loc[held, "recording"],
    }
    return Split("subject", {part: list(of) for part, of in names.items()}, dict.fromkeys(PARTS, (0.0, 1.0)))


def _draw(units: list[str], test_share: float, validation_share: float, seed: int) -> dict[str, list[str]]:
    order = np.random.default_rng(seed).permutation(len(units))
    test = max(1, round(test_share * len(units)))
    validation = min(max(1, round(validation_share * len(units))) if validation_share else 0, len(units) - test - 1)
    shuffled = [units[i] for i in order]
    return {
        "test": shuffled[:test],
        "validation": shuffled[test : test + validation],
        "train": shuffled[test + validation :],
    }


def _cut(frames: Frames, start: float, end: float) -> Frames:
    first, last = frames.time_s[0], frames.time_s[-1]
    low = first + start * (last - first) + (GAP_S / 2 if start > 0 else 0)
    high = first + end * (last - first) - (GAP_S / 2 if end < 1 else 0)
    keep = (frames.time_s >= low) & (frames.time_s <= high)
    return Frames(
        recording=frames.recording,
        frame=frames.frame[keep],
        time_s=frames.time_s[keep],
        valid=frames.valid[keep],
        psi=frames.psi[keep],
    )
