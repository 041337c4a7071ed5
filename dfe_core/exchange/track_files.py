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
from dfe_core.events.importing import read_events
from dfe_core.exchange.boris import Behaviour, ProjectFacts, event_rows, text_project
from dfe_core.exchange.elan import BENEATH, text_document
from dfe_core.exchange.interval_track import IntervalTrack, TextInterval, TextTier
from dfe_core.exchange.textgrid import textgrid_of
from dfe_core.expressions.dataset import Dataset
from dfe_core.intervals.table import LABEL, SOURCE, TIER, TRACK_COLUMNS, tier_names, track_table
from dfe_core.spreadsheet import original_cell, plain_table
from dfe_core.store import json_text
from dfe_core.video.links import links

TRACK_FORMATS = {"eaf": ".eaf", "textgrid": ".TextGrid", "boris": ".boris", "csv": ".csv"}
"""Formats and the endings of their files; the first two are of one recording."""
_OF_SOURCE = BENEATH + SOURCE
_CODE = ": "


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
        for name, column in ((tier, LABEL), (f"{tier}{_OF_SOURCE}", SOURCE)):
            tiers[name] = list(zip(own["onset_s"], own["offset_s"], own[column], strict=True))
    return textgrid_of(tiers, track.end_s)


def _boris(tracks: Sequence[IntervalTrack], name: str, folder: Path | None) -> dict[str, object]:
    """Codes are ``tier: label``, for one code is one behaviour whatever its category."""
    pairs = dict.fromkeys((tier, label) for one in tracks for tier, label in zip(*_columns(one), strict=True))
    behaviours = [Behaviour(code=_CODE.join(pair), description=pair[1], category=pair[0]) for pair in pairs]

    def events(one: IntervalTrack) -> list[list[object]]:
        tier, label = _columns(one)
        codes = [_CODE.join(pair) for pair in zip(tier, label, strict=True)]
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
    report = read_events(paths, dataset)
    if report.skipped:
        raise next(iter(report.skipped.values()))
    return tracks_of_events(report.table, str(paths[0]) if len(paths) == 1 else "files")


def tracks_of_events(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Any events as tracks: categories of BORIS are tiers, and tiers of sources are put beside what they are of.

    Points in time are left out. Raises `DataError` as `track_table`.
    """
    table = table[table["offset_s"] > table["onset_s"]]
    if "behavior" in table:
        table = _of_boris(table)
    text = table.map(lambda value: original_cell(value) if isinstance(value, str) else value)
    if TIER not in text:
        return track_table(text, where)
    tier = text[TIER].astype(str)
    beneath = tier.str.endswith(_OF_SOURCE)
    own = text[~beneath].reset_index(drop=True)
    if beneath.any():
        sources = text[beneath].assign(**{TIER: tier[beneath].str.removesuffix(_OF_SOURCE), SOURCE: text[LABEL]})
        keys = ["recording", TIER, "onset_s", "offset_s"]
        own = own.drop(columns=SOURCE, errors="ignore").merge(sources[[*keys, SOURCE]], on=keys, how="left")
    return track_table(own, where)


def _of_boris(table: pd.DataFrame) -> pd.DataFrame:
    tier = table["category"].astype(str) if "category" in table else pd.Series("events", table.index)
    tier = tier.where(tier != "", "events")
    pairs = zip(table["behavior"].astype(str), tier, strict=True)
    labels = [behaviour.removeprefix(f"{category}{_CODE}") for behaviour, category in pairs]
    found = table[["recording", "onset_s", "offset_s"]].copy()
    found[TIER], found[LABEL] = tier, labels
    if "comment" in table:
        found[SOURCE] = table["comment"]
    return found
