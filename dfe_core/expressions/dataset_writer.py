"""Writes a dataset (`expressions.dataset`) recording by recording; it appears in the cache when it is whole."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dfe_core.artefact_names import (
    EXTRAS_FILE,
    FRAMES_FILE,
    MANIFEST,
    RECORDING_KEYS_FILE,
    RECORDINGS_FILE,
    TRUTH_FILE,
)
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import EXTRAS_SCHEMA, SCHEMA_VERSION, Dataset, frames_schema
from dfe_core.expressions.disk_buffer import Spool
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.recording_key import recording_key, write_keys
from dfe_core.expressions.recording_table import ROW_GROUP
from dfe_core.locks import claim
from dfe_core.parquet_join import RowGroups, RowGroupWriter
from dfe_core.store import atomic_directory, content_key, file_sha256, require_new_name, write_json

FEW_FRAMES = 2048
"""Recordings wait until they are so many frames together: every group of rows costs memory until the file is closed."""


class DatasetWriter:
    """Writes a dataset recording by recording into a temporary folder; `open_writer` renames it when it is whole."""

    def __init__(self, folder: Path, names: tuple[str, ...], root: Path | None = None) -> None:
        self.folder, self.names, self.root = folder, names, root
        self._schema = frames_schema(len(names))
        self._sink = pq.ParquetWriter(folder / FRAMES_FILE, self._schema, compression="zstd")
        self._joined: RowGroupWriter | None = None
        self._added = folder / "added.parquet"
        self._rows, self._keys = Spool(), Spool()
        self._extras: pq.ParquetWriter | None = None
        self._frames = 0
        self._waiting: list[Recording] = []
        self._waiting_frames = 0

    def add(self, recording: Recording, labels: dict[str, Any] | None = None) -> None:
        """Append one recording whose `psi` is already in the dataset's coefficient order."""
        count = len(recording.psi)
        if recording.psi.shape[1] != len(self.names):
            raise DataError(recording.name, f"{recording.psi.shape[1]} coefficients", str(len(self.names)))
        self._waiting.append(recording)
        self._waiting_frames += count
        if self._waiting_frames >= FEW_FRAMES:
            self._write_waiting()
        self._add_extras(recording)
        step = 1 / recording.fps
        self._rows.append(
            {
                "recording": recording.name,
                "subject": recording.subject or recording.name,
                "session": recording.session,
                "fps": float(recording.fps),
                "frames": count,
                "duration_s": float(recording.time_s[-1] - recording.time_s[0] + step) if count else 0.0,
                "valid_frames": int(recording.valid.sum()),
                "extractor": recording.extractor,
                "first_row": self._frames,
                **(labels or {}),
            }
        )
        key = recording_key(recording.name, recording.frame, recording.time_s, recording.valid, recording.psi)
        self._keys.append({"recording": recording.name, "key": key})
        self._frames += count

    def takes(self, source: RowGroups) -> bool:
        """Whether a file has the columns as they are written here; an old pyarrow may name their parts otherwise."""
        own = io.BytesIO()
        pq.ParquetWriter(own, self._schema).close()
        with closing(RowGroups(own.getvalue())) as empty:
            return empty.footer.columns == source.footer.columns

    def copy(self, recordings: Sequence[tuple[str, int, str]], source: RowGroups, groups: Iterable[int]) -> None:
        """Take over recordings (name, frames, content key) as the row groups that another dataset has of them.

        Their rows of recordings.parquet are given to `close`. Raises `DataError` after `add`: they come first.
        """
        if len(self._rows):
            raise DataError(str(self.folder), "recordings before those that are copied", "copies first")
        self._sink.close()  # nothing is in it
        self._joined = RowGroupWriter(self.folder / FRAMES_FILE)
        self._joined.like(source)
        for group in groups:
            self._joined.add(source, group)
        self._sink = pq.ParquetWriter(self._added, self._schema, compression="zstd")
        for name, frames, key in recordings:
            self._rows.append({"recording": name})
            self._keys.append({"recording": name, "key": key})
            self._frames += frames

    def copy_extras(self, groups: Iterable[pa.Table]) -> None:
        """Take over row groups of extras.parquet."""
        for table in groups:
            self._extras_sink().write_table(table)

    def _extras_sink(self) -> pq.ParquetWriter:
        if self._extras is None:
            self._extras = pq.ParquetWriter(self.folder / EXTRAS_FILE, EXTRAS_SCHEMA, compression="zstd")
        return self._extras

    def _close_frames(self) -> None:
        """Behind row groups that are copied, those of new recordings are put when all are written."""
        self._write_waiting()
        self._sink.close()
        if self._joined is not None:
            with closing(RowGroups(self._added)) as added:
                self._joined.add_all(added)
            self._joined.close()
            self._added.unlink()

    def _write_waiting(self) -> None:
        """Write what waits, a row group at a time, so that ψ of an hour are not there twice."""
        for parts in _row_groups([len(recording.psi) for recording in self._waiting]):
            tables = [self._table(self._waiting[i], rows) for i, rows in parts]
            self._sink.write_table(pa.concat_tables(tables).unify_dictionaries().combine_chunks())
        self._waiting, self._waiting_frames = [], 0

    def _table(self, recording: Recording, rows: slice) -> pa.Table:
        psi = np.ascontiguousarray(recording.psi[rows], np.float32)
        columns = [
            pa.DictionaryArray.from_arrays(np.zeros(len(psi), np.int32), [recording.name]),
            pa.array(recording.frame[rows], pa.int64()),
            pa.array(recording.time_s[rows], pa.float64()),
            pa.array(recording.valid[rows], pa.bool_()),
            pa.FixedSizeListArray.from_arrays(psi.ravel(), len(self.names)),
        ]
        return pa.table(columns, schema=self._schema)

    def _add_extras(self, recording: Recording) -> None:
        if not recording.extras:
            return
        columns = list(recording.extras)
        values = pa.array(
            [np.asarray(v, np.float32) for v in recording.extras.values()], EXTRAS_SCHEMA.field("values").type
        )
        table = pa.table([[recording.name] * len(columns), columns, values], schema=EXTRAS_SCHEMA)
        self._extras_sink().write_table(table)

    def close(
        self, manifest: dict[str, Any], truth: pd.DataFrame | None = None, rows: pd.DataFrame | None = None
    ) -> None:
        """Write recordings.parquet, truth.parquet and, last, the manifest, with the pose leak where there is head pose.

        rows: the table of recordings, where it is known and not to be made of what was added.
        """
        self._close_frames()
        table = pd.DataFrame(list(self._rows)) if rows is None else rows
        table.to_parquet(self.folder / RECORDINGS_FILE, index=False)
        files = [FRAMES_FILE, RECORDINGS_FILE]
        if self._extras is not None:
            self._extras.close()
            files.append(EXTRAS_FILE)
        if truth is not None:
            truth.to_parquet(self.folder / TRUTH_FILE, index=False)
            files.append(TRUTH_FILE)
        hashes = {name: file_sha256(self.folder / name) for name in files}
        keys = list(self._keys)
        names = [row["recording"] for row in keys]
        write_keys(self.folder / RECORDING_KEYS_FILE, names, [row["key"] for row in keys], hashes[FRAMES_FILE])
        whole = {
            "schema_version": SCHEMA_VERSION,
            **manifest,
            "coefficients": list(self.names),
            "recordings": len(self._rows),
            "frames": self._frames,
            "files": hashes,
            "key": content_key([hashes[FRAMES_FILE], list(self.names)]),
        }
        write_json(self.folder / MANIFEST, whole)
        if self._extras is not None:
            write_json(self.folder / MANIFEST, {**whole, "pose_leak": self._pose_leak()})

    def _pose_leak(self) -> dict[str, Any] | None:
        """The pose leak of what was written; without the face, or its mesh, that of the coefficients as they are."""
        from dfe_core.expressions.pose_leak import measure_pose_leak
        from dfe_core.faces import open_face

        data = Dataset(self.folder, excluding=False)
        try:
            face = open_face(data.face_id, self.root)
            gram = face.gram if face.has_mesh else None
        except DataError:
            gram = None
        leak = measure_pose_leak(data, gram)
        return None if leak is None else asdict(leak)


def _row_groups(counts: Sequence[int]) -> Iterator[list[tuple[int, slice]]]:
    """Recordings of so many frames, one after the other, cut every `ROW_GROUP` frames: numbers and rows of each."""
    group: list[tuple[int, slice]] = []
    room = ROW_GROUP
    for number, count in enumerate(counts):
        first = 0
        while first < count:
            last = min(count, first + room)
            group.append((number, slice(first, last)))
            room -= last - first
            first = last
            if not room:
                yield group
                group, room = [], ROW_GROUP
    if group:
        yield group


@contextlib.contextmanager
def open_writer(name: str, names: tuple[str, ...], root: Path | None = None) -> Iterator[DatasetWriter]:
    """A `DatasetWriter` for ``datasets/<name>``; the dataset appears when the block ends well, else nothing does."""
    path = require_new_name("datasets", name, root)
    with claim(path), atomic_directory(path) as folder:
        writer = DatasetWriter(folder, names, root)
        yield writer
        if not (folder / MANIFEST).is_file():
            raise DataError(name, "the dataset was not closed", "DatasetWriter.close before the block ends")
