"""What readers did to a file of AUs: a sentence for the file, and the fact behind it, so that many can be summed up.

225 files with the same column constant are one line, not 225.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from dfe_core.text_enum import StrEnum

_NUMBER = re.compile(r"-?\d[\d.,]*")
_MOST_LISTED = 12
_MOST_OTHERS = 8


class Topic(StrEnum):
    """What a remark is about; the words sum it up over files."""

    RESTS = "0 in every frame, kept as absent"
    ALWAYS = "at the top of the scale in every frame"
    STUCK = "constant between 0 and the top of the scale, not measured"
    NOT_SEEN = "frames without a face, not measured"
    DISAGREE = "presence and intensity disagree in 10 % of frames or more"
    LAG = "lag"
    OTHER = ""


class Remark(str):
    """A sentence about one file, with its topic, the AUs it is about (each with a share, where it has one), the scale
    it is told of, and how many frames of how many."""

    __slots__ = ("aus", "frames", "of_frames", "scale", "topic")
    topic: Topic
    aus: dict[str, float]
    scale: str
    frames: int
    of_frames: int

    def __new__(
        cls,
        text: str,
        topic: Topic = Topic.OTHER,
        *,
        aus: Iterable[str] | Mapping[str, float] = (),
        scale: str = "",
        frames: int = 0,
        of_frames: int = 0,
    ) -> Remark:
        """A remark that reads `text`."""
        self = super().__new__(cls, text)
        self.topic, self.scale, self.frames, self.of_frames = topic, scale, frames, of_frames
        self.aus = dict(aus) if isinstance(aus, Mapping) else dict.fromkeys(aus, float("nan"))
        return self


def summarise(remarks: Mapping[str, Iterable[str]]) -> list[str]:
    """The remarks of all files (file name to its remarks) in a few lines, topic by topic; those about a lag are told
    with the alignment and have none here."""
    files, lines = len(remarks), []
    known = [(name, r) for name, rows in remarks.items() for r in rows]
    for topic in Topic:
        part = [(name, r) for name, r in known if _topic(r) is topic]
        if topic is Topic.LAG:
            continue
        if topic is Topic.OTHER:
            lines += _others(part, files)
        elif topic is Topic.NOT_SEEN and part:
            count, total = (sum(getattr(r, n) for _, r in part) for n in ("frames", "of_frames"))
            lines.append(f"{count:,} of {total:,} {topic} (in {len(part)} of {files} files)")
        else:
            about = [r for _, r in part if isinstance(r, Remark)]
            for scale in dict.fromkeys(r.scale for r in about):
                lines.append(_by_au(topic, scale, [r for r in about if r.scale == scale], files))
    return lines


def _topic(remark: str) -> Topic:
    return remark.topic if isinstance(remark, Remark) else Topic.OTHER


def _by_au(topic: Topic, scale: str, remarks: list[Remark], files: int) -> str:
    shares: dict[str, list[float]] = {}
    for remark in remarks:
        for au, share in remark.aus.items():
            shares.setdefault(au, []).append(share)
    ordered = sorted(shares, key=lambda au: (-len(shares[au]), au))
    median = {au: f" (median {np.median(shares[au]):.0%})" if np.isfinite(shares[au]).all() else "" for au in shares}
    told = [f"{au} in {len(shares[au])}{median[au]}" for au in ordered[:_MOST_LISTED]]
    more = f" and {len(ordered) - _MOST_LISTED} more AUs" if len(ordered) > _MOST_LISTED else ""
    return f"{topic}{f' ({scale})' * bool(scale)}: {', '.join(told)}{more} of {files} files"


def _others(remarks: list[tuple[str, str]], files: int) -> list[str]:
    """Sentences that differ in their numbers alone once, with the first as the example and how many files they are of;
    of the rest the first few."""
    names: dict[str, list[str]] = {}
    example: dict[str, str] = {}
    for name, remark in remarks:
        kind = _NUMBER.sub("#", remark)
        names.setdefault(kind, []).append(name)
        example.setdefault(kind, str(remark))
    ordered = sorted(names, key=lambda kind: -len(names[kind]))
    lines = [
        f"{names[kind][0]}: {example[kind]}"
        if len(names[kind]) == 1
        else f"{example[kind]} (so or similar in {len(names[kind])} of {files} files)"
        for kind in ordered[:_MOST_OTHERS]
    ]
    return lines + (
        [f"and {len(ordered) - _MOST_OTHERS} other remarks on single files"] if len(ordered) > _MOST_OTHERS else []
    )
