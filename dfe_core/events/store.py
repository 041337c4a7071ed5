"""Events of a dataset on disk: ``analyses/events--<dataset>--<name>/`` with manifest.json and events.parquet.

events.parquet holds recording, onset_s, offset_s (s from the recording's first frame; the same for a point in time) and
the columns of their source, sorted by recording as the dataset has them, then by time. The set ``excluded`` is what no
figure counts (`expressions.exclusions`). Events are joined to recordings by name and survive an import anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact import ArtefactId, OpenedArtefact, checked_manifest, source_labels
from dfe_core.artefact_names import ANALYSES, DATASETS, EVENTS_FILE, EXCLUDED, MANIFEST, events_name
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.sealed_test import withheld
from dfe_core.integrity import check
from dfe_core.locks import claim
from dfe_core.replacement import remove_folder
from dfe_core.store import artefact_path, atomic_directory, content_key, file_sha256, require_new_name, write_json

SCHEMA_VERSION = 1
OWN_COLUMNS = ("recording", "onset_s", "offset_s")
REASON = "reason"
"""Column of the set of exclusions: why."""
_PATIENCE_S = 20.0


class EventSet(OpenedArtefact):
    """A set of events, opened for reading. Opening reads the manifest alone."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.manifest = checked_manifest(self.path / MANIFEST, SCHEMA_VERSION)

    @classmethod
    def open(cls, dataset: str, name: str, root: Path | None = None) -> EventSet:
        """Open the events `name` of `dataset`. Raises `DataError` when there are none or they are broken."""
        path = artefact_path(ANALYSES, events_name(dataset, name), root)
        if not (path / MANIFEST).is_file():
            known = list_events(dataset, root)
            raise DataError(
                name,
                f"no events of this name for dataset {dataset}",
                "one of " + ", ".join(known) if known else "events given by `dfe events import`",
            )
        return cls(path)

    @property
    def title(self) -> str:
        """The name of the set."""
        return self.manifest["name"]

    @property
    def dataset(self) -> str:
        """The name of the dataset."""
        return self.manifest["dataset"]

    @property
    def kind(self) -> str:
        """The column that says what happens, empty where none does."""
        return self.manifest["kind"]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns beside `OWN_COLUMNS`."""
        return tuple(self.manifest["columns"])

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per event: recording, onset_s, offset_s, then the columns of their source, empty where the labels of
        the recording are sealed."""
        if self.title == EXCLUDED:
            return self.stored_table
        return withheld(self.stored_table, Dataset.open(self.dataset, self.root).sealed, self.columns)

    @cached_property
    def stored_table(self) -> pd.DataFrame:
        """`table` with what is sealed: for what writes events anew, never for what is shown or analysed."""
        return pd.read_parquet(check(self.path / EVENTS_FILE))

    def where(self, conditions: Mapping[str, Sequence[str]]) -> pd.DataFrame:
        """Events whose columns have one of these values each, compared as text.

        Raises `DataError` for a column that is not there, and where no event is left.
        """
        table = self.table
        for column, values in conditions.items():
            require_column(self, column)
            table = table[table[column].map(as_text).isin(list(values))]
        if not len(table):
            asked = ", ".join(f"{column}={','.join(values)}" for column, values in conditions.items())
            raise DataError(self.title, f"no event with {asked}" if asked else "no events", "one that is there")
        return table


def require_column(events: EventSet, column: str) -> None:
    """Raise `DataError` where events have no column of this name."""
    if column not in events.columns:
        raise DataError(column, f"no such column of the events {events.title}", ", ".join(events.columns) or "none")


def as_text(value: Any) -> str:
    """A value of a column as it is written on a command line: whole numbers without ``.0``, nothing for none."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def list_events(dataset: str, root: Path | None = None) -> list[str]:
    """Names of the sets of events that are there for `dataset`, sorted; the exclusions are one."""
    prefix = events_name(dataset, "")
    parent = artefact_path(ANALYSES, prefix + "x", root).parent
    if not parent.is_dir():
        return []
    return sorted(
        p.name[len(prefix) :] for p in parent.iterdir() if p.name.startswith(prefix) and (p / MANIFEST).is_file()
    )


def require_new_events(dataset: str, name: str, root: Path | None = None) -> Path:
    """The folder of events that are about to be written. Raises `DataError` for a name that cannot be used."""
    path = artefact_path(ANALYSES, events_name(dataset, name), root)
    if not path.exists():
        require_new_name(ANALYSES, name, root)
    return path


@audited("write events", ANALYSES, lambda given: events_name(given["dataset"].name, given["name"]), wait_s=_PATIENCE_S)
def write_events(
    dataset: Dataset,
    name: str,
    table: pd.DataFrame,
    *,
    kind: str = "",
    sources: Sequence[Mapping[str, Any]] = (),
    notes: Sequence[str] = (),
) -> EventSet:
    """Write a set of events of a dataset, in place of one of the same name.

    Parameters
    ----------
    table: recording, onset_s, offset_s and any columns. kind: the one that says what happens. sources: file and
    recordings of each file that they came from. notes: on the files.

    Raises `DataError` for recordings that the dataset lacks, and for times that are none.
    """
    path = require_new_events(dataset.name, name, dataset.root)
    table = _checked(table, dataset, name)
    columns = [c for c in table.columns if c not in OWN_COLUMNS]
    with atomic_directory(path) as folder:
        table.to_parquet(folder / EVENTS_FILE, index=False)
        digest = file_sha256(folder / EVENTS_FILE)
        write_json(
            folder / MANIFEST,
            {
                "schema_version": SCHEMA_VERSION,
                **source_labels(ArtefactId(DATASETS, dataset.name)),
                "name": name,
                "dataset": dataset.name,
                "kind": kind,
                "columns": columns,
                "events": len(table),
                "recordings": int(table["recording"].nunique()),
                "sources": [dict(source) for source in sources],
                "notes": list(notes),
                "files": {EVENTS_FILE: digest},
                "key": content_key([digest, columns, kind]),
            },
        )
    return EventSet(path)


def _checked(table: pd.DataFrame, dataset: Dataset, name: str) -> pd.DataFrame:
    """The table in order: own columns first, recordings as in the dataset, then by time."""
    order = {str(r): i for i, r in enumerate(dataset.recordings["recording"])}
    table = table.astype({"recording": str, "onset_s": np.float64, "offset_s": np.float64})
    if unknown := sorted(set(table["recording"]) - set(order)):
        raise DataError(name, f"events of {unknown[0]!r}", f"a recording of the dataset {dataset.name}")
    times = table[["onset_s", "offset_s"]].to_numpy()
    if not np.isfinite(times).all() or (times[:, 1] < times[:, 0]).any():
        raise DataError(name, "events that end before they begin, or at no time", "onset_s ≤ offset_s in seconds")
    table = table.assign(_place=table["recording"].map(order)).sort_values(["_place", "onset_s"], kind="stable")
    others = [c for c in table.columns if c not in (*OWN_COLUMNS, "_place")]
    return table[[*OWN_COLUMNS, *others]].reset_index(drop=True)


def drop_event_recordings(events: EventSet, dataset: Dataset, gone: Collection[str], person: str = "") -> None:
    """Write events anew without these recordings; their manifest names neither them nor the person."""
    from dfe_core.expressions.removal import forgetting

    about = forgetting(events.manifest, set(gone), person)
    table = events.stored_table[~events.stored_table["recording"].isin(gone)]
    write_events(
        dataset, events.title, table, kind=events.kind, sources=about.get("sources", ()), notes=about.get("notes", ())
    )


def exclude(dataset: Dataset, spans: pd.DataFrame) -> EventSet:
    """Exclude spans of time beside those that are excluded.

    Parameters
    ----------
    spans: recording, onset_s, offset_s and reason.

    Raises `DataError` for a span without length.
    """
    if (spans["offset_s"] <= spans["onset_s"]).any():
        raise DataError(EXCLUDED, "a span without length", "an offset after the onset")
    with claim(require_new_events(dataset.name, EXCLUDED, dataset.root), _PATIENCE_S):  # read and written as one
        both = pd.concat([excluded_spans(dataset), spans[[*OWN_COLUMNS, REASON]]], ignore_index=True)
        return write_events(dataset, EXCLUDED, both.drop_duplicates(), kind=REASON)


def include(dataset: Dataset, spans: pd.DataFrame) -> EventSet | None:
    """Take spans back that were excluded (those of equal recording, onset_s and offset_s); None where none is left."""
    with claim(require_new_events(dataset.name, EXCLUDED, dataset.root), _PATIENCE_S):
        held = excluded_spans(dataset)
        gone = set(map(tuple, spans[[*OWN_COLUMNS]].itertuples(index=False)))
        left = held[[key not in gone for key in map(tuple, held[[*OWN_COLUMNS]].itertuples(index=False))]]
        if len(left) == len(held):
            raise DataError(EXCLUDED, "no such span", "one that `dfe events list` shows")
        if len(left):
            return write_events(dataset, EXCLUDED, left, kind=REASON)
        remove_events(dataset, EXCLUDED)
        return None


def excluded_spans(dataset: Dataset) -> pd.DataFrame:
    """What is excluded of a dataset: recording, onset_s, offset_s, reason."""
    if EXCLUDED not in list_events(dataset.name, dataset.root):
        return pd.DataFrame({"recording": [], "onset_s": [], "offset_s": [], REASON: []})
    return EventSet.open(dataset.name, EXCLUDED, dataset.root).table


@audited("remove events", ANALYSES, lambda given: events_name(given["dataset"].name, given["name"]), wait_s=_PATIENCE_S)
def remove_events(dataset: Dataset, name: str) -> None:
    """Delete a set of events for good. Raises `DataError` where there is none."""
    remove_folder(EventSet.open(dataset.name, name, dataset.root).path)
