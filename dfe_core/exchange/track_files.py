"""Tracks (`intervals.table`) as ELAN, Praat, BORIS and CSV files, and back without loss.

The source of an interval is a tier beneath its own in ELAN (symbolic association), a tier beside it in Praat
(``brow · source``), the comment of its start in BORIS, and a column of a CSV. Files are read by `events.readers`, as
annotations from elsewhere are.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.events.importing import recording_of_events
from dfe_core.events.readers import read_event_file
from dfe_core.exchange.boris import Behaviour, ProjectFacts, event_rows, text_project
from dfe_core.exchange.elan import text_document
from dfe_core.exchange.interval_track import IntervalTrack, TextInterval, TextTier
from dfe_core.exchange.textgrid import textgrid_of
from dfe_core.expressions.dataset import Dataset
from dfe_core.intervals.table import (
    BEHAVIOUR,
    BENEATH,
    LABEL,
    SOURCE,
    TIER,
    TRACK_COLUMNS,
    tier_names,
    tracks_of_events,
)
from dfe_core.spreadsheet import original_cell, plain_table
from dfe_core.store import json_text
from dfe_core.video.links import links

TRACK_FORMATS = {"eaf": ".eaf", "textgrid": ".TextGrid", "boris": ".boris", "csv": ".csv"}
"""Formats and the endings of their files; the first two are of one recording."""


def recording_tracks(dataset: Dataset, table: pd.DataFrame, recordings: Sequence[str]) -> list[IntervalTrack]:
    """The tracks of recordings with what files say of them: subject, duration, and the film where one is linked."""
    films = links(dataset)
    rows = {str(row["recording"]): row for row in dataset.recordings.to_dict("records")}
    found = []
    for name in recordings:
        if name not in rows:
            raise DataError(name, f"no recording of {dataset.name}", "one that `dfe show` lists")
        row = rows[name]
        found.append(
            IntervalTrack(
                recording=name,
                subject=str(row["subject"]),
                session=str(row["session"] or ""),
                fps=float(row["fps"]),
                duration_s=float(row["duration_s"]),
                intervals=table[table["recording"] == name],
                video=films[name].video if name in films else None,
            )
        )
    return found


def track_file(format: str, tracks: Sequence[IntervalTrack], name: str, folder: Path | None = None) -> bytes:
    """The content of a file of one recording (ELAN, Praat), or of several (BORIS, CSV).

    Parameters
    ----------
    format: of `TRACK_FORMATS`. name: of a BORIS project. folder: where the file will be, for the address of the video.

    Raises `DataError` for another format, and for several recordings in a file that takes one.
    """
    if format not in TRACK_FORMATS:
        raise DataError("format", repr(format), ", ".join(TRACK_FORMATS))
    if format in ("eaf", "textgrid") and len(tracks) != 1:
        raise DataError(f"{TRACK_FORMATS[format]} file", f"{len(tracks)} recordings", "one")
    if format == "eaf":
        return text_document(tracks[0], [_text_tier(tracks[0], tier) for tier in _tiers(tracks[0])], folder=folder)
    if format == "textgrid":
        return _textgrid(tracks[0]).encode()
    if format == "boris":
        return (json_text(_boris(tracks, name, folder)) + "\n").encode()
    table = pd.concat([one.intervals[list(TRACK_COLUMNS)] for one in tracks])
    text = StringIO()
    plain_table(table).to_csv(text, index=False, lineterminator="\n")
    return text.getvalue().encode()


def _tiers(track: IntervalTrack) -> list[str]:
    return tier_names(track.intervals, ())


def _text_tier(track: IntervalTrack, tier: str) -> TextTier:
    own = track.intervals[track.intervals[TIER] == tier]
    sources = own[SOURCE].unique()
    rows = [
        TextInterval(onset_ms=onset, offset_ms=offset, text=label, beneath=source)
        for onset, offset, label, source in zip(
            _ms(own["onset_s"]), _ms(own["offset_s"]), own[LABEL], own[SOURCE], strict=True
        )
    ]
    return TextTier(name=tier, annotator=str(sources[0]) if len(sources) == 1 else "", rows=rows)


def _ms(times: pd.Series) -> list[int]:
    return (times * 1000).round().astype(int).tolist()


def _textgrid(track: IntervalTrack) -> str:
    tiers = {}
    for tier in _tiers(track):
        own = track.intervals[track.intervals[TIER] == tier]
        for name, column in ((tier, LABEL), (f"{tier}{BENEATH}{SOURCE}", SOURCE)):
            tiers[name] = list(zip(own["onset_s"], own["offset_s"], own[column], strict=True))
    return textgrid_of(tiers, track.end_s)


def _boris(tracks: Sequence[IntervalTrack], name: str, folder: Path | None) -> dict[str, object]:
    """Codes are ``tier: label``, for one code is one behaviour whatever its category."""
    pairs = dict.fromkeys((tier, label) for one in tracks for tier, label in zip(*_columns(one), strict=True))
    behaviours = [Behaviour(code=BEHAVIOUR.join(pair), description=pair[1], category=pair[0]) for pair in pairs]

    def events(one: IntervalTrack) -> list[list[object]]:
        tier, label = _columns(one)
        codes = [BEHAVIOUR.join(pair) for pair in zip(tier, label, strict=True)]
        onset, offset = _ms(one.intervals["onset_s"]), _ms(one.intervals["offset_s"])
        return event_rows(one.subject, list(zip(onset, offset, codes, one.intervals[SOURCE], strict=True)))

    about = ProjectFacts(name=name, description="Tracks, exported by dfe", folder=folder)
    return text_project(tracks, about, behaviours, events)


def _columns(track: IntervalTrack) -> tuple[list[str], list[str]]:
    return track.intervals[TIER].tolist(), track.intervals[LABEL].tolist()


def read_track_files(paths: Sequence[Path], dataset: Dataset) -> pd.DataFrame:
    """Tracks of a dataset from files that `track_file` wrote, or that ELAN, Praat, BORIS and others did.

    Without a source they are by hand. Raises `DataError` for what cannot be read, and for intervals of one tier that
    overlap.
    """
    if not paths:
        raise DataError("files", "none", "a file of annotations")
    parts = [_own_table(path) if path.suffix.lower() == ".csv" else None for path in paths]
    read = [_events(path, dataset) if part is None else part for path, part in zip(paths, parts, strict=True)]
    table = pd.concat(read, ignore_index=True)
    known = set(dataset.recordings["recording"].astype(str))
    if unknown := sorted(set(table["recording"].astype(str)) - known):
        raise DataError(unknown[0], f"no recording of {dataset.name}", "one that `dfe show` lists")
    return tracks_of_events(table, str(paths[0].name) if len(paths) == 1 else "files")


def _own_table(path: Path) -> pd.DataFrame | None:
    """A table that `track_file` wrote, every cell as it was; None for any other."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        if lines.readline().strip() != ",".join(TRACK_COLUMNS):
            return None
    table = pd.read_csv(path, dtype=str, keep_default_na=False).map(original_cell)
    times = {name: pd.to_numeric(table[name], errors="coerce") for name in ("onset_s", "offset_s")}
    if any(one.isna().any() for one in times.values()):
        raise DataError(path, "a row without a time", "onset_s and offset_s in seconds")
    return table.assign(**times)


def _events(path: Path, dataset: Dataset) -> pd.DataFrame:
    """The annotations of a file with the recording of each, as text: a label of digits stays what it is."""
    parts = [found.table.assign(recording=recording_of_events(found, path, dataset)) for found in read_event_file(path)]
    if not parts:
        raise DataError(path, "no annotations", "a file with some")
    table = pd.concat(parts, ignore_index=True)
    return table[table["onset_s"].notna() & table["offset_s"].notna()]
