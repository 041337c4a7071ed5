"""Files of events into the store: read, match with the dataset's recordings, and account for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.artefact_names import EXCLUDED
from dfe_core.errors import DataError
from dfe_core.events.raw import RawEvents
from dfe_core.events.readers import EVENT_ENDINGS, read_event_file
from dfe_core.events.store import OWN_COLUMNS, EventSet, require_new_events, write_events
from dfe_core.expressions.dataset import RECORDING_COLUMNS, Dataset
from dfe_core.expressions.labels import typed_values
from dfe_core.expressions.recording_names import find_recording
from dfe_core.expressions.sources import find_files
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import file_sha256

_ENDING = "_events"
"""What BIDS puts after the name of a recording."""
_LISTED = 5


@dataclass(kw_only=True)
class EventImportReport:
    """What an import of events did.

    table: the events, recording, onset_s, offset_s and the columns of their source; kind: the column that says what
    happens. events: the set that was written, None for a preview. skipped: file (or recording in it) to the error that
    says why. untimed: rows without a time, left out. outside: events that lie beside their recording's frames
    altogether. left_out: columns that datasets have themselves. unmatched: recordings without events. sources: file and
    recordings of each. notes: file to what was noted.
    """

    table: pd.DataFrame
    kind: str = ""
    events: EventSet | None = None
    skipped: dict[str, DataError] = field(default_factory=dict)
    untimed: int = 0
    outside: int = 0
    left_out: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    sources: list[dict] = field(default_factory=list)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The report in a few lines, for a terminal or a page."""
        count = self.table["recording"].nunique()
        lines = [f"{len(self.table):,} events in {count} recording{'s' * (count != 1)}"]
        lines += [f"{self.untimed:,} rows without a time, or that end before they begin, left out"] * bool(self.untimed)
        lines += [f"{self.outside:,} events begin after the last frame of their recording"] * bool(self.outside)
        lines += [f"columns left out, which datasets have themselves: {', '.join(self.left_out)}"] * bool(self.left_out)
        lines += [f"{file}: {note}" for file, notes in list(self.notes.items())[:_LISTED] for note in notes]
        lines += [f"skipped {why}" for why in list(self.skipped.values())[:_LISTED]]
        lines += [f"and skipped {len(self.skipped) - _LISTED} more"] if len(self.skipped) > _LISTED else []
        if self.unmatched:
            shown = ", ".join(self.unmatched[:_LISTED]) + (", …" if len(self.unmatched) > _LISTED else "")
            lines.append(f"no events for {len(self.unmatched)} recordings: {shown}")
        return lines


def read_events(
    sources: Sequence[Path | str],
    dataset: Dataset,
    *,
    format: str = "auto",
    offset_s: float = 0.0,
    progress: Listener = silent,
) -> EventImportReport:
    """Read files of events and match them with a dataset's recordings, writing nothing.

    Parameters
    ----------
    sources: files, or folders of them. format: one of `events.readers.event_formats`, or ``auto``. offset_s: added to
    every time, s, where the files' clock starts before the recordings' first frame.

    A file that cannot be used is skipped with its reason. Raises `DataError` where nothing could be read at all.
    """
    files, unread = find_files(sources, endings=EVENT_ENDINGS)
    report = EventImportReport(table=pd.DataFrame(), skipped={str(path): error for path, error in unread})
    parts: list[pd.DataFrame] = []
    kinds: list[str] = []
    for done, path in enumerate(files, 1):
        progress(Progress(task="read events", done=done, total=len(files), detail=path.name))
        parts += _file_events(path, format, dataset, report, kinds)
    if not parts:
        first = next(iter(report.skipped.values()), "no files with events")
        raise DataError("events", f"nothing could be read: {first}")
    table = pd.concat(parts, ignore_index=True)
    report.kind = max(set(kinds), key=kinds.count) if any(kinds) else ""
    report.table = _typed(_timed(table, offset_s, report), report)
    _compare(report, dataset)
    return report


def import_events(
    sources: Sequence[Path | str],
    dataset: Dataset,
    name: str,
    *,
    format: str = "auto",
    offset_s: float = 0.0,
    progress: Listener = silent,
) -> EventImportReport:
    """`read_events`, written as the set `name` of the dataset. Raises `DataError` for the name of the exclusions."""
    if name == EXCLUDED:
        raise DataError(name, "the name of what is excluded", "another name, and `dfe events exclude` for exclusions")
    require_new_events(dataset.name, name, dataset.root)
    report = read_events(sources, dataset, format=format, offset_s=offset_s, progress=progress)
    notes = [f"{file}: {note}" for file, told in report.notes.items() for note in told]
    report.events = write_events(dataset, name, report.table, kind=report.kind, sources=report.sources, notes=notes)
    return report


def _file_events(
    path: Path, format: str, dataset: Dataset, report: EventImportReport, kinds: list[str]
) -> list[pd.DataFrame]:
    """The events of one file with the recording of each; what cannot be used goes into the report."""
    try:
        read = read_event_file(path, format)
    except DataError as error:
        report.skipped[str(path)] = error
        return []
    parts = []
    for found in read:
        try:
            recording = recording_of_events(found, path, dataset)
        except DataError as error:
            report.skipped[f"{path} {' '.join(found.names)}".strip()] = error
            continue
        kinds.append(found.kind)
        parts.append(found.table.assign(recording=recording))
        report.notes[path.name] = (*report.notes.get(path.name, ()), *found.notes)
    if parts:
        names = sorted({str(part["recording"].iloc[0]) for part in parts})
        report.sources.append({"file": path.name, "sha256": file_sha256(path), "recordings": names})
    return parts


def recording_of_events(found: RawEvents, path: Path, dataset: Dataset) -> str:
    """The recording that events are of: named in the file, else the one that the file is named after.

    Raises `DataError` where none of the dataset's is meant.
    """
    stem = path.stem.removesuffix(_ENDING)
    wanted = found.names or (stem,)
    names = dataset.recordings["recording"].astype(str).tolist()
    if found.exact:
        same = [name for name in names if name.lower() == wanted[0].lower()]
        if len(same) == 1:
            return same[0]
        raise DataError(path, f"no recording {wanted[0]!r} in the dataset {dataset.name}", "one that `dfe show` lists")
    return find_recording(wanted, names, path, dataset.name)


def _timed(table: pd.DataFrame, offset_s: float, report: EventImportReport) -> pd.DataFrame:
    """Events that have a time, moved by the offset."""
    onset = table["onset_s"].astype(np.float64) + offset_s
    offset = table["offset_s"].astype(np.float64) + offset_s
    known = np.isfinite(onset) & np.isfinite(offset) & (offset >= onset)
    report.untimed = int((~known).sum())
    if not known.any():
        raise DataError("events", f"no time in any of {len(table)} rows", "onsets and offsets in seconds")
    return table.assign(onset_s=onset, offset_s=offset)[known]


def _typed(table: pd.DataFrame, report: EventImportReport) -> pd.DataFrame:
    """Own columns first; the others numbers where every entry is one, without those that datasets have themselves."""
    others = [c for c in table.columns if c not in OWN_COLUMNS]
    report.left_out = tuple(c for c in others if c in RECORDING_COLUMNS or not str(c).strip())
    columns = {c: typed_values(table[c]) for c in others if c not in report.left_out}
    texts = [c for c, values in columns.items() if any(isinstance(v, str) for v in values)]
    report.kind = report.kind if report.kind in columns else next(iter(texts), "")
    table = table[[*OWN_COLUMNS]].reset_index(drop=True)
    return table.assign(**{c: pd.Series(values, dtype=_dtype(values)) for c, values in columns.items()})


def _dtype(values: list) -> str:
    return "float64" if any(isinstance(v, float) for v in values) else "object"


def _compare(report: EventImportReport, dataset: Dataset) -> None:
    rows = dataset.recordings
    length = dict(zip(rows["recording"].astype(str), rows["duration_s"], strict=True))
    report.outside = int((report.table["onset_s"] > report.table["recording"].map(length)).sum())
    covered = set(report.table["recording"])
    report.unmatched = tuple(name for name in length if name not in covered)
