"""AUs joined to a dataset's frames, on disk: ``analyses/aus--<dataset>--<name>/`` with manifest.json and aus.parquet.

aus.parquet holds recording, frame, presence (fixed-size list<float32>[A]: probability, or 0/1; NaN is not measured) and
intensity (fixed-size list<float32>[A], 0 … 5; NaN is not measured), for exactly those frames of the dataset that could
be aligned, sorted like frames.parquet, with row groups that follow recordings.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dfe_core.artefact import OpenedArtefact, checked_manifest
from dfe_core.artefact_names import AUS_FILE, DATASETS, MANIFEST, aus_name
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.exclusions import NOTHING, Exclusions, open_exclusions
from dfe_core.expressions.recording_table import ROW_GROUP, RecordingTable
from dfe_core.locks import claim
from dfe_core.store import artefact_path, atomic_directory, content_key, file_sha256, require_new_name, write_json

SCHEMA_VERSION = 1
MANUAL_TOOL, TRUTH_TOOL, DETECTOR_TOOL = "manual", "simulated truth", "simulated detector"
"""The tool of AUs that people coded, of the truth of a simulation, and of a detector of simulated people."""
PRESENT_PROBABILITY = 0.5
PRESENT_INTENSITY = 2.0
"""A column counts as present at probability ≥ 0.5 or, where only intensities are measured, at intensity ≥ 2: the DISFA
convention of py-feat's metrics (``feat/evaluation/metrics.py``)."""


class AlignedFrames(NamedTuple):
    """AUs of one recording: frame (T,) int64, presence and intensity (T, A) float32; NaN is not measured."""

    frame: np.ndarray
    presence: np.ndarray
    intensity: np.ndarray

    @property
    def level(self) -> np.ndarray:
        """(T, A) float64 0 … 5: intensity, or five times presence where there is none; NaN is not measured."""
        return np.where(np.isnan(self.intensity), 5 * self.presence, self.intensity).astype(np.float64)


class AlignedAus(OpenedArtefact):
    """AUs joined to a dataset's frames, opened for reading. Opening reads the manifest alone.

    Frames that are excluded (`Dataset.exclusions`) are in none of what it gives. excluding: False gives all.
    """

    def __init__(self, path: Path, *, excluding: bool = True) -> None:
        super().__init__(path)
        self.manifest = checked_manifest(self.path / MANIFEST, SCHEMA_VERSION)
        self._excluding = excluding

    @classmethod
    def open(cls, dataset: str, name: str, root: Path | None = None) -> AlignedAus:
        """Open the AUs `name` of `dataset`. Raises `DataError` when there are none or they are broken."""
        path = artefact_path("analyses", aus_name(dataset, name), root)
        if not (path / MANIFEST).is_file():
            known = list_aligned(dataset, root)
            raise DataError(
                name,
                f"no AUs of this name for dataset {dataset}",
                "one of " + ", ".join(known) if known else "AUs made by `dfe aus import` or `dfe aus derive`",
            )
        return cls(path)

    @property
    def name(self) -> str:
        return self.manifest["name"]

    @property
    def dataset(self) -> str:
        return self.manifest["dataset"]

    @property
    def key(self) -> str:
        """Content key of the AUs, of the dataset they were joined to and of what is excluded of it."""
        return content_key([self.manifest["key"], self.exclusions.key]) if self.exclusions else self.manifest["key"]

    @cached_property
    def exclusions(self) -> Exclusions:
        """The spans of time of which no AU is given."""
        return open_exclusions(self.root, self.dataset) if self._excluding else NOTHING

    @property
    def tool(self) -> str:
        return self.manifest["tool"]

    @property
    def version(self) -> str:
        return self.manifest["version"]

    @property
    def estimate(self) -> bool:
        """True where the AUs were derived from coefficients, not detected or coded."""
        return bool(self.manifest["estimate"])

    @cached_property
    def aus(self) -> tuple[tuple[str, str], ...]:
        """(A) of (AU, side), the order of the columns."""
        return tuple((row["au"], row["side"]) for row in self.manifest["aus"])

    @property
    def emits(self) -> tuple[str, ...]:
        """AUs the tool can emit at all."""
        return tuple(self.manifest["emits"])

    @property
    def frames(self) -> int:
        """Rows of aus.parquet."""
        return int(self.manifest["frames"])

    @cached_property
    def recordings(self) -> tuple[str, ...]:
        """Recordings that have at least one aligned frame, in dataset order."""
        return tuple(
            name for name in self._where if name not in self.exclusions.spans or len(self.recording(name).frame)
        )

    def matches(self, dataset: Dataset) -> bool:
        """Whether these AUs were joined to this very dataset and not to an earlier one of the same name."""
        return self.manifest["dataset_key"] == dataset.stored_key

    def recording(self, name: str) -> AlignedFrames:
        """AUs of one recording. Raises `DataError` when it has none."""
        if name not in self._where:
            raise DataError(self.path.name, f"no AUs of recording {name!r}", "an aligned recording")
        table = self._table.read(*self._where[name], ("frame", "presence", "intensity"))
        values = (self._table.matrix(table, column, len(self.aus)) for column in ("presence", "intensity"))
        found = AlignedFrames(table["frame"].to_numpy(), *values)
        return self._counted(name, found) if name in self.exclusions.spans else found

    def _counted(self, name: str, found: AlignedFrames) -> AlignedFrames:
        """AUs of a recording without the frames that are excluded."""
        frames = Dataset(self.root / DATASETS / self.dataset).frames(name)
        keep = ~np.isin(found.frame, frames.frame[self.exclusions.covers(name, frames.time_s)])
        return AlignedFrames(*(values[keep] for values in found))

    def iter_recordings(self, names: list[str] | None = None) -> Iterator[tuple[str, AlignedFrames]]:
        """(name, AUs) of each aligned recording in turn; memory is one recording."""
        for name in self.recordings if names is None else names:
            yield name, self.recording(name)

    @cached_property
    def _where(self) -> dict[str, tuple[int, int]]:
        rows = [row for row in self.manifest["alignment"] if row["frames"]]
        first = np.cumsum([0] + [row["frames"] for row in rows])
        return {row["recording"]: (int(first[i]), int(row["frames"])) for i, row in enumerate(rows)}

    @cached_property
    def _table(self) -> RecordingTable:
        return RecordingTable(self.path / AUS_FILE, "a file written by dfe: import or derive the AUs again")


class AlignedWriter:
    """Writes aligned AUs recording by recording, in dataset order; `open_writer` renames the folder when whole."""

    def __init__(self, folder: Path, aus: tuple[tuple[str, str], ...]) -> None:
        self.folder, self.aus = folder, aus
        matrix = pa.list_(pa.float32(), len(aus))
        self._schema = pa.schema(
            [
                ("recording", pa.dictionary(pa.int32(), pa.string())),
                ("frame", pa.int64()),
                ("presence", matrix),
                ("intensity", matrix),
            ]
        )
        self._sink = pq.ParquetWriter(folder / AUS_FILE, self._schema, compression="zstd")
        self._alignment: list[dict[str, Any]] = []

    def add(self, recording: str, frames: AlignedFrames | None, report: dict[str, Any] | None = None) -> None:
        """Append one recording; `frames` None (or empty) says that nothing could be aligned, `report` says why."""
        count = 0 if frames is None else len(frames.frame)
        if frames is not None and count:
            name = pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), [recording])
            lists = [
                pa.FixedSizeListArray.from_arrays(np.ascontiguousarray(m, np.float32).ravel(), len(self.aus))
                for m in (frames.presence, frames.intensity)
            ]
            self._sink.write_table(
                pa.table([name, pa.array(frames.frame, pa.int64()), *lists], schema=self._schema),
                row_group_size=ROW_GROUP,
            )
        self._alignment.append({"recording": recording, "frames": count, **(report or {})})

    def close(self, manifest: dict[str, Any]) -> None:
        """Write the manifest, last. `manifest`: name, dataset, dataset_key, tool, version, estimate, emits, notes."""
        self._sink.close()
        digest = file_sha256(self.folder / AUS_FILE)
        aus = [{"au": au, "side": side} for au, side in self.aus]
        write_json(
            self.folder / MANIFEST,
            {
                "schema_version": SCHEMA_VERSION,
                **manifest,
                "aus": aus,
                "alignment": self._alignment,
                "frames": sum(row["frames"] for row in self._alignment),
                "files": {AUS_FILE: digest},
                "key": content_key([digest, aus, manifest["dataset_key"]]),
            },
        )


@contextlib.contextmanager
def open_au_writer(
    dataset: str, name: str, aus: tuple[tuple[str, str], ...], root: Path | None = None
) -> Iterator[AlignedWriter]:
    """An `AlignedWriter` for the AUs `name` of `dataset`; they appear when the block ends well, else nothing does."""
    artefact_path("analyses", name, root)
    path = require_new_aus(dataset, name, root)
    with claim(path), atomic_directory(path) as folder:
        writer = AlignedWriter(folder, aus)
        yield writer
        if not (folder / MANIFEST).is_file():
            raise DataError(name, "the AUs were not closed", "AlignedWriter.close before the block ends")


def require_new_aus(dataset: str, name: str, root: Path | None = None) -> Path:
    """The folder of AUs that are about to be written; called before the work starts.

    Raises `DataError` for a name that cannot be used: ``--`` stands between the dataset's name and that of its AUs.
    """
    path = artefact_path("analyses", aus_name(dataset, name), root)
    if not path.exists():
        require_new_name("analyses", name, root)
    return path


def drop_recordings(aus: AlignedAus, dataset: Dataset, gone: set[str], root: Path | None = None) -> None:
    """Write AUs anew without these recordings, joined to the dataset as it is now."""
    name = aus.path.name.removeprefix(aus_name(dataset.name, ""))
    computed = ("schema_version", "aus", "alignment", "frames", "files", "key", "dataset_key")
    about = {k: v for k, v in aus.manifest.items() if k not in computed}
    aus = AlignedAus(aus.path, excluding=False)
    present = {row["recording"]: row for row in aus.manifest["alignment"] if row["recording"] not in gone}
    with open_au_writer(dataset.name, name, aus.aus, root) as writer:
        for recording, row in present.items():
            report = {k: v for k, v in row.items() if k not in ("recording", "frames")}
            writer.add(recording, aus.recording(recording) if row["frames"] else None, report)
        writer.close({**about, "dataset_key": dataset.stored_key})


def list_aligned(dataset: str, root: Path | None = None) -> list[str]:
    """Names of the AUs that are there for `dataset`, sorted."""
    prefix = aus_name(dataset, "")
    parent = artefact_path("analyses", prefix + "x", root).parent
    if not parent.is_dir():
        return []
    return sorted(
        p.name[len(prefix) :] for p in parent.iterdir() if p.name.startswith(prefix) and (p / MANIFEST).is_file()
    )


def measured_first(dataset: str, root: Path | None = None) -> list[str]:
    """`list_aligned` with what was detected or coded before estimates; what cannot be read comes last."""
    return [
        name for _, name in sorted((_is_estimate(dataset, name, root), name) for name in list_aligned(dataset, root))
    ]


def default_aus(dataset: str, root: Path | None = None) -> str | None:
    """The AUs that serve where none are named: the only ones, else the only ones that were detected or coded; None
    where that leaves a choice, or there are none."""
    names = list_aligned(dataset, root)
    measured = [name for name in names if not _is_estimate(dataset, name, root)]
    return next((found[0] for found in (names, measured) if len(found) == 1), None)


def _is_estimate(dataset: str, name: str, root: Path | None) -> bool:
    try:
        return AlignedAus.open(dataset, name, root).estimate
    except (DataError, KeyError):
        return True


def present(presence: np.ndarray, intensity: np.ndarray) -> np.ndarray:
    """(T, A) float32: 1 present, 0 absent, NaN not measured, by `PRESENT_PROBABILITY`, else `PRESENT_INTENSITY`."""
    by_probability = np.where(np.isnan(presence), np.nan, presence >= PRESENT_PROBABILITY)
    by_intensity = np.where(np.isnan(intensity), np.nan, intensity >= PRESENT_INTENSITY)
    return np.where(np.isnan(presence), by_intensity, by_probability).astype(np.float32)
