"""Which video belongs to which recording of a dataset: ``videos.json`` beside its manifest.

The dataset does not need it and its key does not depend on it: it names files of this machine, can be taken away at any
time, and is read by nothing but what shows pictures.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfe_core.artefact_names import DATASETS, VIDEOS_FILE
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.locks import claim
from dfe_core.store import read_json, write_json
from dfe_core.video.frames import ENDINGS

PATIENCE_S = 20.0
FILE = VIDEOS_FILE
_SAME = re.compile(r"(?P<stem>.+?)(-face\d+|_(cal|raw|neutral))?", re.IGNORECASE)
"""A recording's name is its file's, with the number of the face or the form of the take behind it."""


Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Where a voice is likely in the sound of a recording's video. spans: from and to, s of the recording. heard_s:
    from and to, what of the recording the sound covers."""

    spans: tuple[tuple[float, float], ...]
    heard_s: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Link:
    """The video of a recording, and where the face is in it: left, top, right, bottom as shares of the picture; None
    where that is not known.

    box: where it nearly always is, for cutting. reach: where it is in any frame that it was found in, for covering.
    voice: None where the sound was not read, or there is none.
    """

    video: Path
    box: Box | None = None
    reach: Box | None = None
    voice: Voice | None = None


@dataclass(frozen=True)
class Linked:
    """What came of looking for videos: recordings with one, recordings without, and videos that were not taken with
    the reason."""

    found: tuple[str, ...]
    without: tuple[str, ...]
    passed_over: tuple[tuple[Path, str], ...]


def links(dataset: Dataset) -> dict[str, Link]:
    """The video of each recording that has one; none where the file is missing or is not what was written here."""
    try:
        held = read_json(dataset.path / FILE)
    except DataError:
        return {}
    entries = held.get("videos") if isinstance(held, Mapping) else None
    found = {name: _link(entry) for name, entry in entries.items()} if isinstance(entries, Mapping) else {}
    return {name: link for name, link in found.items() if link is not None}


@audited("link videos", DATASETS, lambda given: given["dataset"].name)
def link(dataset: Dataset, found: Mapping[str, Link]) -> None:
    """Write which recordings have which video, in the place of what was written before."""
    with claim(dataset.path, PATIENCE_S):  # a removal copies this file along while it writes the dataset anew
        write_json(
            dataset.path / FILE,
            {
                "schema_version": 1,
                "videos": {name: _entry(one) for name, one in found.items()},
            },
        )


@audited("unlink videos", DATASETS, lambda given: given["dataset"].name)
def unlink(dataset: Dataset) -> int:
    """Forget the videos of a dataset; returns of how many recordings."""
    count = len(links(dataset))
    (dataset.path / FILE).unlink(missing_ok=True)
    return count


def link_by_name(dataset: Dataset, sources: Sequence[str | Path]) -> Linked:
    """Look for videos in files and folders and link each to the recordings that bear its name (``s1_talk.mp4`` to
    ``s1_talk``, ``s1_talk-face0``, ``s1_talk_cal``, and to ``day1-s1_talk`` from a folder ``day1``).

    Links that were there stay where nothing new is found. Raises `DataError` for a source that is not there, and where
    no recording finds a video.
    """
    videos, passed_over = _by_stem(sources)
    known = links(dataset)
    names = dataset.recordings["recording"].tolist()
    found = {name: videos[stem] for name in names if (stem := _stem_among(name, videos)) is not None}
    if not found:
        raise DataError(
            dataset.name,
            f"no recording bears the name of one of {len(videos)} videos",
            "videos called as the recordings, as s1_talk.mp4 for s1_talk",
        )
    kept = {name: known[name] for name in found if name in known and known[name].video == found[name]}
    link(dataset, known | {name: kept.get(name) or Link(video=path) for name, path in found.items()})
    unused = set(videos.values()) - set(found.values())
    passed_over += [(path, "no recording of this name") for path in sorted(unused)]
    return Linked(tuple(found), tuple(n for n in names if n not in found and n not in known), tuple(passed_over))


def _by_stem(sources: Sequence[str | Path]) -> tuple[dict[str, Path], list[tuple[Path, str]]]:
    """Videos by the names a recording may have; those of one name in one folder are told and left out."""
    paths = [path for source in map(Path, sources) for path in _videos(source)]
    held: dict[str, list[Path]] = {}
    for path in dict.fromkeys(paths):
        held.setdefault(path.stem, []).append(path)
    out = {stem: same[0] for stem, same in held.items() if len(same) == 1}
    twice: list[tuple[Path, str]] = []
    for stem, same in held.items():
        if len(same) == 1:
            continue
        by_folder: dict[str, list[Path]] = {}
        for path in same:
            by_folder.setdefault(f"{path.parent.name}-{stem}", []).append(path)
        out |= {name: those[0] for name, those in by_folder.items() if len(those) == 1}
        twice += [
            (path, "another video of the same name") for those in by_folder.values() if len(those) > 1 for path in those
        ]
    return out, twice


def _videos(source: Path) -> list[Path]:
    if source.is_dir():
        return sorted(
            p for p in source.rglob("*") if p.suffix.lower() in ENDINGS and not p.name.startswith(".") and p.is_file()
        )
    if not source.is_file():
        raise DataError(source, "no such file or folder", "a video, or a folder of videos")
    return [source]


def _stem_among(name: str, videos: Mapping[str, Path]) -> str | None:
    if name in videos:
        return name
    match = _SAME.fullmatch(name)
    stem = match["stem"] if match else name
    return stem if stem in videos else None


def _link(entry: Any) -> Link | None:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("video"), str) or "\0" in entry["video"]:
        return None
    return Link(
        video=Path(entry["video"]),
        box=_box(entry.get("box")),
        reach=_box(entry.get("reach")),
        voice=_voice(entry.get("voice")),
    )


def _entry(one: Link) -> dict[str, Any]:
    held = {"video": os.path.abspath(one.video), "box": one.box, "reach": one.reach}
    return held if one.voice is None else {**held, "voice": {"spans": one.voice.spans, "heard_s": one.voice.heard_s}}


def _voice(held: Any) -> Voice | None:
    try:
        spans = tuple((float(start), float(stop)) for start, stop in held["spans"])
        first, last = map(float, held["heard_s"])
    except (KeyError, TypeError, ValueError):
        return None
    return Voice(spans=spans, heard_s=(first, last))


def _box(held: Any) -> Box | None:
    if not (isinstance(held, list) and len(held) == 4 and all(isinstance(v, (int, float)) for v in held)):
        return None
    left, top, right, bottom = map(float, held)
    return left, top, right, bottom
