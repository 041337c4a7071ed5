"""Changes to the tracks of one recording, kept at once, with who made them and when.

A set of tracks is read, the recording's intervals are replaced, and the set is written anew as one step; where somebody
else has changed the same recording since it was opened, nothing is written.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pandas as pd

from dfe_core.artefact_names import EXCLUDED
from dfe_core.audit import acting_person
from dfe_core.errors import DataError
from dfe_core.events.store import EventSet, list_events, require_new_events, write_events
from dfe_core.expressions.dataset import Dataset
from dfe_core.intervals.table import LABEL, NOTHING, TRACK_COLUMNS, track_table, tracks_of_events
from dfe_core.locks import claim
from dfe_core.store import content_key

_PATIENCE_S = 20.0


def dataset_tracks(dataset: Dataset, name: str) -> pd.DataFrame:
    """`TRACK_COLUMNS` of a set of events, without what is sealed and without points in time; no rows where there is no
    set of this name.

    Raises `DataError` for intervals of one tier that overlap.
    """
    if name not in list_events(dataset.name, dataset.root):
        return pd.DataFrame({column: pd.Series(dtype=object) for column in TRACK_COLUMNS})
    table = EventSet.open(dataset.name, name, dataset.root).table
    return tracks_of_events(table[~table["recording"].isin(dataset.sealed)], name)


def tracks_key(table: pd.DataFrame) -> str:
    """Changes with the intervals of one recording, and with nothing else."""
    rows = table[list(TRACK_COLUMNS)].astype({"onset_s": float, "offset_s": float})
    return content_key(rows.to_numpy().tolist())


def save_recording_tracks(dataset: Dataset, name: str, recording: str, table: pd.DataFrame, seen: str = "") -> EventSet:
    """Replace the intervals of one recording in a set of tracks, which is made where there is none of this name.

    Parameters
    ----------
    table: `TRACK_COLUMNS` (source: by hand where there is none). seen: `tracks_key` of what was there when the changes
    began; empty: whatever is there is replaced.

    Raises `DataError` for a set that has other columns than tracks have, for intervals that are none
    (`table.track_table`), for a sealed recording, and where the recording was changed meanwhile.
    """
    if name == EXCLUDED:
        raise DataError(name, "the name of what is excluded", "another name")
    if recording in dataset.sealed:
        raise DataError(recording, "its labels are sealed", "a recording whose labels are not")
    new = track_table(table.assign(recording=recording), name)
    with claim(require_new_events(dataset.name, name, dataset.root), _PATIENCE_S):
        held = _held(dataset, name)
        own = held["recording"] == recording
        if seen and tracks_key(held[own]) != seen:
            raise DataError(f"{name}, {recording}", "changed by somebody else meanwhile", "that you load it again")
        both = pd.concat([held[~own], new], ignore_index=True) if (~own).any() else new
        return write_events(dataset, name, both, kind=LABEL, sources=_with_edit(dataset, name, recording))


def _held(dataset: Dataset, name: str) -> pd.DataFrame:
    """What is stored, sealed labels with it; raises where it is no set of tracks."""
    if name not in list_events(dataset.name, dataset.root):
        return pd.DataFrame({column: pd.Series(dtype=object) for column in TRACK_COLUMNS})
    stored = EventSet.open(dataset.name, name, dataset.root)
    if other := sorted({*stored.columns} - {*TRACK_COLUMNS}):
        raise DataError(name, f"a column {other[0]!r}, which tracks have not", "a copy under another name")
    return tracks_of_events(stored.stored_table, name)


def _with_edit(dataset: Dataset, name: str, recording: str) -> list[dict[str, Any]]:
    """The sources of a set, and that this person has now edited this recording."""
    there = name in list_events(dataset.name, dataset.root)
    before = EventSet.open(dataset.name, name, dataset.root).manifest["sources"] if there else []
    person = acting_person() or NOTHING
    others = [one for one in before if (one.get("edited_by"), one.get("recordings")) != (person, [recording])]
    time = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return [*others, {"edited_by": person, "recordings": [recording], "time": time}]
