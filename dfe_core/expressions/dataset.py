"""A dataset on disk: ``datasets/<name>/`` with manifest.json, recordings.parquet, frames.parquet (and truth.parquet).

extras.parquet, where recordings have columns beside ψ (head pose, confidence), is one row a recording and column:
recording, column, values (list<float32>, one a frame).

frames.parquet is sorted by recording and frame, one row group (or more) a recording, so that a recording is read
without touching the others and a pass over all of them streams.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dfe_core.artefact import SCHEMA_VERSIONS, OpenedArtefact, checked_manifest
from dfe_core.artefact_names import (
    DATASETS,
    EXTRAS_FILE,
    FRAMES_FILE,
    MANIFEST,
    RECORDING_KEYS_FILE,
    RECORDINGS_FILE,
    TRUTH_FILE,
)
from dfe_core.errors import DataError
from dfe_core.expressions.exclusions import NOTHING, Exclusions, open_exclusions
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.recording_key import read_keys, recording_key
from dfe_core.expressions.recording_table import RecordingTable, frame_rows
from dfe_core.expressions.sealed_test import sealed_recordings, withheld
from dfe_core.integrity import check
from dfe_core.remote import is_file, open_parquet
from dfe_core.store import artefact_path, content_key

SCHEMA_VERSION = SCHEMA_VERSIONS[DATASETS]
RECORDING_COLUMNS = tuple("recording subject session fps frames duration_s valid_frames extractor first_row".split())
"""Columns of recordings.parquet that are not labels. `first_row` is the row of frames.parquet where it starts."""

EXTRAS_SCHEMA = pa.schema([("recording", pa.string()), ("column", pa.string()), ("values", pa.list_(pa.float32()))])
"""The schema of extras.parquet."""


def frames_schema(coefficients: int) -> pa.Schema:
    """The schema of frames.parquet for E coefficients."""
    return pa.schema(
        [
            ("recording", pa.dictionary(pa.int32(), pa.string())),
            ("frame", pa.int64()),
            ("time_s", pa.float64()),
            ("valid", pa.bool_()),
            ("psi", pa.list_(pa.float32(), coefficients)),
        ]
    )


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Frames of one recording: frame (T,) int64, time_s (T,) float64, valid (T,) bool, psi (T, E) float32."""

    recording: str
    frame: np.ndarray
    time_s: np.ndarray
    valid: np.ndarray
    psi: np.ndarray

    def rows(self, frame: np.ndarray | int) -> np.ndarray:
        """(n,) int64 rows of these frame numbers (n,). Raises `DataError` where the recording lacks one of them."""
        return frame_rows(self.frame, frame, self.recording)

    def at(self, frame: np.ndarray | Sequence[int]) -> Frames:
        """The frames of these numbers (n,), in their order. Raises `DataError` where the recording lacks one."""
        rows = self.rows(np.asarray(frame))
        return Frames(
            recording=self.recording,
            frame=self.frame[rows],
            time_s=self.time_s[rows],
            valid=self.valid[rows],
            psi=self.psi[rows],
        )


class Dataset(OpenedArtefact):
    """A dataset opened for reading. Opening reads the manifest alone.

    Frames in spans that are excluded (`exclusions`) are not valid.

    Parameters
    ----------
    path
        The folder of the dataset; `Dataset.open` finds it by name.
    excluding
        False: the frames as they are stored, whatever is excluded.

    Raises
    ------
    DataError
        When there is no dataset in the folder, or one of another schema version.
    """

    def __init__(self, path: Path, *, excluding: bool = True) -> None:
        super().__init__(path)
        self._excluding = excluding
        if not (self.path / MANIFEST).is_file():
            raise DataError(self.path, "no dataset here", "one listed by `dfe list`")
        self.manifest = checked_manifest(self.path / MANIFEST, SCHEMA_VERSION)

    @classmethod
    def open(cls, name: str, root: Path | None = None) -> Dataset:
        """Open ``datasets/<name>`` of the artefact folder.

        Parameters
        ----------
        name
            Name of the dataset.
        root
            The artefact folder (default: ``$DFE_CACHE``).

        Returns
        -------
        Dataset
            Opened for reading.

        Raises
        ------
        DataError
            When there is none of this name, or it is broken.
        """
        path = artefact_path("datasets", name, root)
        if not (path / MANIFEST).is_file():
            parent = path.parent
            known = sorted(p.name for p in parent.iterdir() if (p / MANIFEST).is_file()) if parent.is_dir() else []
            raise DataError(
                name,
                "no such dataset",
                "one of " + ", ".join(known) if known else "a dataset made by `dfe import` or `dfe simulate`",
            )
        return cls(path)

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, {self.manifest['recordings']} recordings, {self.frame_count:,} frames, "
            f"face {self.face_id})"
        )

    @property
    def name(self) -> str:
        """Name of the dataset: that of its folder, by which the cache knows it even where somebody has renamed it."""
        return self.manifest["name"] if self.path.name.startswith(".") else self.path.name

    @property
    def face_id(self) -> str:
        """Id of the face whose coefficients the frames hold."""
        return self.manifest["face"]

    @property
    def names(self) -> tuple[str, ...]:
        """(E,) coefficient names."""
        return tuple(self.manifest["coefficients"])

    @property
    def simulated(self) -> bool:
        """Whether the performances are simulated."""
        return bool(self.manifest["simulated"])

    @property
    def key(self) -> str:
        """Content key: changes when frames, recordings or coefficient names change, and when exclusions do."""
        return content_key([self.stored_key, self.exclusions.key]) if self.exclusions else self.stored_key

    @property
    def stored_key(self) -> str:
        """Content key of the frames as they are stored, whatever is excluded: tokens and action units are of these."""
        return self.manifest["key"]

    @cached_property
    def exclusions(self) -> Exclusions:
        """The spans of time whose frames are not valid although they were recorded well."""
        return open_exclusions(self.root, self.name) if self._excluding else NOTHING

    def whole(self) -> Dataset:
        """Open the same dataset with nothing excluded.

        Returns
        -------
        Dataset
            Whose valid frames are those that were recorded well.
        """
        return Dataset(self.path, excluding=False)

    @cached_property
    def recordings(self) -> pd.DataFrame:
        """One row per recording: `RECORDING_COLUMNS`, then the label columns, empty where they are sealed."""
        table = self.stored_recordings
        return withheld(table, self.sealed, [c for c in table.columns if c not in RECORDING_COLUMNS])

    @cached_property
    def sealed(self) -> frozenset[str]:
        """Recordings whose labels are sealed (`expressions.sealed_test`)."""
        return sealed_recordings(self.manifest, self.root)

    @cached_property
    def stored_recordings(self) -> pd.DataFrame:
        """`recordings` with sealed labels: for what writes a dataset anew, never for what is shown or analysed."""
        table = pd.read_parquet(check(self.path / RECORDINGS_FILE))
        if self.exclusions:
            rows = zip(table["recording"], table["first_row"], table["frames"], table["valid_frames"], strict=True)
            table["valid_frames"] = [
                int(self._read(name, first, count).valid.sum()) if name in self.exclusions.spans else valid
                for name, first, count, valid in rows
            ]
        return table

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the label columns."""
        return tuple(c for c in self.recordings.columns if c not in RECORDING_COLUMNS)

    @cached_property
    def truth(self) -> pd.DataFrame | None:
        """recording, action, side, onset_s, apex_s, offset_s, intensity, in_facs; None for real data."""
        path = self.path / TRUTH_FILE
        return pd.read_parquet(check(path)) if path.is_file() else None

    @property
    def frame_count(self) -> int:
        """Number of frames, those that are not valid among them."""
        return int(self.manifest["frames"])

    def frames(self, recording: str) -> Frames:
        """Read all frames of one recording.

        Parameters
        ----------
        recording
            Name of the recording.

        Returns
        -------
        Frames
            frame (T,) int64, time_s (T,) float64 in s, valid (T,) bool, psi (T, E) float32.

        Raises
        ------
        DataError
            For an unknown recording.
        """
        if recording not in self._spans:
            raise DataError(self.name, f"no recording {recording!r}", "one listed by `dfe show`")
        return self._read(recording, *self._spans[recording])

    @cached_property
    def _spans(self) -> dict[str, tuple[int, int]]:
        """First row and number of frames of every recording."""
        rows = self.recordings
        spans = zip(rows["first_row"].tolist(), rows["frames"].tolist(), strict=True)
        return {name: (int(first), int(count)) for name, (first, count) in zip(rows["recording"], spans, strict=True)}

    @cached_property
    def recording_keys(self) -> dict[str, str]:
        """The content key of every recording as it is stored (`recording_key`), in order: of datasets of earlier
        versions of dfe made of all their frames."""
        known = read_keys(self.path / RECORDING_KEYS_FILE, str(self.manifest.get("files", {}).get(FRAMES_FILE)))
        names = self.recordings["recording"].tolist()
        if all(name in known for name in names):
            return {name: known[name] for name in names}
        stored = self.whole().iter_frames(names)
        return {f.recording: recording_key(f.recording, f.frame, f.time_s, f.valid, f.psi) for f in stored}

    def recording(self, name: str) -> Recording:
        """Read one recording with what lies beside ψ, to be written into another dataset.

        Parameters
        ----------
        name
            Name of the recording.

        Returns
        -------
        Recording
            Its frames, subject, session and extractor.

        Raises
        ------
        DataError
            For an unknown recording.
        """
        frames = self.frames(name)
        row = self._rows.loc[name]
        return Recording(
            name=name,
            names=self.names,
            psi=frames.psi,
            time_s=frames.time_s,
            frame=frames.frame,
            valid=frames.valid,
            fps=float(self._rows["fps"].loc[name]),
            space=self.face_id,
            extractor=str(row["extractor"]),
            subject=str(row["subject"]),
            session=str(row["session"]),
            extras=self.extras(name),
        )

    @cached_property
    def _rows(self) -> pd.DataFrame:
        return self.recordings.set_index("recording")

    @property
    def has_extras(self) -> bool:
        """Whether any recording has columns beside ψ."""
        return is_file(self.path / EXTRAS_FILE)

    def extras(self, recording: str) -> dict[str, np.ndarray]:
        """Read the columns of a recording beside ψ: head pose, gaze, confidence, as the source has them.

        Parameters
        ----------
        recording
            Name of the recording.

        Returns
        -------
        dict of str to (T,) float32
            Columns by name; empty where there are none.
        """
        if not self.has_extras or recording not in self._extras_groups:
            return {}
        table = self._extras_file.read_row_groups(self._extras_groups[recording])
        return {
            column.as_py(): values.values.to_numpy()
            for name, column, values in zip(*(table[name] for name in EXTRAS_SCHEMA.names), strict=True)
            if name.as_py() == recording
        }

    @cached_property
    def _extras_file(self) -> pq.ParquetFile:
        return open_parquet(check(self.path / EXTRAS_FILE))

    @cached_property
    def _extras_groups(self) -> dict[str, list[int]]:
        """The row groups in which each recording's columns lie, so that one is read without a pass over all."""
        where: dict[str, list[int]] = {}
        metadata = self._extras_file.metadata
        for group in range(metadata.num_row_groups):
            found = metadata.row_group(group).column(0).statistics
            if found is not None and found.has_min_max and found.min == found.max:  # which the file says without a read
                names = [found.min]
            else:
                names = self._extras_file.read_row_group(group, columns=["recording"])["recording"].unique().to_pylist()
            for name in names:
                where.setdefault(name, []).append(group)
        return where

    def iter_frames(self, recordings: list[str] | None = None) -> Iterator[Frames]:
        """Read the frames of one recording after the other; no more than one is in memory.

        Parameters
        ----------
        recordings
            Names of recordings, in the order wanted (default: all).

        Yields
        ------
        Frames
            All frames of a recording.
        """
        for name in self.recordings["recording"].tolist() if recordings is None else recordings:
            yield self.frames(name)

    def psi(self, recordings: list[str] | None = None) -> np.ndarray:
        """Read the coefficients of all valid frames, for sets that fit in memory.

        Parameters
        ----------
        recordings
            Names of recordings, in the order wanted (default: all).

        Returns
        -------
        (N, E) float32
            ψ of the valid frames, in order.
        """
        parts = [f.psi[f.valid] for f in self.iter_frames(recordings)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.names)), np.float32)

    @cached_property
    def _table(self) -> RecordingTable:
        return RecordingTable(self.path / FRAMES_FILE, "a file written by dfe: import the dataset again")

    def _read(self, recording: str, first: int, count: int) -> Frames:
        table = self._table.read(first, count, ("frame", "time_s", "valid", "psi"))
        time_s, valid = table["time_s"].to_numpy(), table["valid"].to_numpy()
        if recording in self.exclusions.spans:
            valid = valid & ~self.exclusions.covers(recording, time_s)
        return Frames(
            recording=recording,
            frame=table["frame"].to_numpy(),
            time_s=time_s,
            valid=valid,
            psi=self._table.matrix(table, "psi", len(self.names)),
        )
