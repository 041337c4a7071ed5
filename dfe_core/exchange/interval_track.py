"""The intervals of one recording as annotation tools take them: in tiers, none of which overlaps with itself."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.portable_names import portable
from dfe_core.table_rows import typed_rows

BY = ("codeword", "region")
"""What a tier may be of."""
INTERVAL_COLUMNS = ("codeword", "onset_s", "peak_s", "offset_s", "peak", "mean")
_LONGEST_NAME = 80
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff]+")


@dataclass(frozen=True, kw_only=True)
class CodewordLabel:
    """What a codeword is called in annotations: its number, name, region and side."""

    codeword: int
    name: str
    region: str
    side: str

    @property
    def text(self) -> str:
        """``codeword 17: Both lip corners up``, which no reader takes for a FACS code."""
        name = _UNPRINTABLE.sub(" ", self.name).strip()[:_LONGEST_NAME]
        return f"codeword {self.codeword}: {name}" if name else f"codeword {self.codeword}"


@dataclass(frozen=True, eq=False, kw_only=True)
class IntervalTrack:
    """The intervals of one recording.

    intervals: `INTERVAL_COLUMNS`, or those of `intervals.table`; times in s from the first frame, offset after onset.
    video: its film, None where none is linked.
    """

    recording: str
    subject: str
    session: str
    fps: float
    duration_s: float
    intervals: pd.DataFrame
    video: Path | None = None

    def video_from(self, folder: Path | None) -> str | None:
        """The video's address from a folder, with ``/``; without a folder its name alone, as from beside it. None
        where there is no video."""
        if self.video is None or folder is None:
            return None if self.video is None else self.video.name
        try:
            return os.path.relpath(self.video, folder).replace(os.sep, "/")
        except ValueError:  # on another drive of Windows
            return self.video.name

    @property
    def end_s(self) -> float:
        """The end of the recording, or of the last interval where that is later."""
        return max(self.duration_s, float(self.intervals["offset_s"].max())) if len(self.intervals) else self.duration_s


@dataclass(frozen=True, kw_only=True)
class CodewordInterval:
    """One interval: codeword, onset and offset in s, peak intensity."""

    codeword: int
    onset_s: float
    offset_s: float
    peak: float

    @property
    def onset_ms(self) -> int:
        """The onset to the nearest millisecond, as ELAN and BORIS count."""
        return round(self.onset_s * 1000)

    @property
    def offset_ms(self) -> int:
        """The offset, a millisecond after the onset at least."""
        return max(round(self.offset_s * 1000), self.onset_ms + 1)

    @property
    def peak_text(self) -> str:
        """The shortest number that is this peak as a float32."""
        return str(np.float32(self.peak))


@dataclass(frozen=True, eq=False)
class Tier:
    """A tier: its name and its intervals in the order of time, which do not overlap."""

    name: str
    intervals: pd.DataFrame

    @property
    def rows(self) -> list[CodewordInterval]:
        """The intervals as records."""
        return typed_rows(self.intervals, CodewordInterval)


@dataclass(frozen=True, kw_only=True)
class TextInterval:
    """One annotation: onset and offset in ms, its text, the entry of the vocabulary it is (empty for none), and the
    text of the annotation beneath it."""

    onset_ms: int
    offset_ms: int
    text: str
    entry: str = ""
    beneath: str = ""


@dataclass(frozen=True, kw_only=True)
class TextTier:
    """A tier of text: its name, who annotated, and its annotations in the order of time, which do not overlap."""

    name: str
    annotator: str
    rows: Sequence[TextInterval]


def codeword_tiers(
    track: IntervalTrack, labels: Mapping[int, CodewordLabel], by: str, annotator: str, entry: str
) -> list[TextTier]:
    """`tiers_of` as text: the codeword's, its entry (`entry` and its number), and the peak intensity beneath."""
    return [
        TextTier(
            name=tier.name,
            annotator=annotator,
            rows=[
                TextInterval(
                    onset_ms=row.onset_ms,
                    offset_ms=row.offset_ms,
                    text=labels[row.codeword].text,
                    entry=f"{entry}{row.codeword}",
                    beneath=row.peak_text,
                )
                for row in tier.rows
            ],
        )
        for tier in tiers_of(track, labels, by)
    ]


def tiers_of(track: IntervalTrack, labels: Mapping[int, CodewordLabel], by: str = "codeword") -> list[Tier]:
    """The intervals of a recording in tiers: one for each codeword that occurs, or as many for each region as overlap.

    Raises `DataError` for another `by`.
    """
    if by not in BY:
        raise DataError("tiers", repr(by), " or ".join(BY))
    table = track.intervals.sort_values(["onset_s", "codeword"], kind="stable")
    if by == "codeword":
        used = table["codeword"].sort_values().unique().tolist()
        return [Tier(labels[k].text, table[table["codeword"] == k]) for k in used]
    region = table["codeword"].map(lambda k: labels[int(k)].region)
    return [tier for name in dict.fromkeys(sorted(region)) for tier in _lanes(str(name), table[region == name])]


def _lanes(name: str, table: pd.DataFrame) -> list[Tier]:
    """Intervals that may overlap, each in the first lane that is free."""
    ends: list[float] = []
    lane = np.zeros(len(table), np.int64)
    for row, (onset, offset) in enumerate(zip(table["onset_s"], table["offset_s"], strict=True)):
        lane[row] = next((i for i, end in enumerate(ends) if end <= onset), len(ends))
        ends[lane[row] : lane[row] + 1] = [offset]
    return [Tier(name if i == 0 else f"{name} {i + 1}", table[lane == i]) for i in range(len(ends))]


def file_stems(names: Sequence[str]) -> dict[str, str]:
    """A file name without its ending for each recording, each once whatever the capitals."""
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        stem, number = portable(name), 1
        while stem.lower() in taken:
            number += 1
            stem = f"{portable(name)}_{number}"
        taken.add(stem.lower())
        stems[name] = stem
    return stems
