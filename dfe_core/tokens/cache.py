"""Tokens of every valid frame of a dataset: ``tokens/<model>--<dataset>/``, and the queries over them (DuckDB).

tokens.parquet holds recording, frame, time_s, tokens (fixed-size list<uint16>[N], stage by stage), levels
(fixed-size list<uint8>[N], index into the codebook's intensity levels) and error_mm. Frames that are not valid have
no row. Row groups follow recordings. Frames that are excluded (`exclusions`) have a row on disk, and none in what is
read here. encoded.parquet, where tokens were encoded by recording, has the content key of each recording and its
numbers of rows in tokens.parquet (frames) and in counts.parquet (counts).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dfe_core.artefact import SCHEMA_VERSIONS, ArtefactId, OpenedArtefact, checked_manifest, sources_of_tokens
from dfe_core.artefact_names import (
    CONFIG,
    COUNTS_FILE,
    ENCODED_FILE,
    MANIFEST,
    TOKENS,
    TOKENS_FILE,
    split_tokens_name,
    tokens_name,
)
from dfe_core.errors import DataError
from dfe_core.expressions.exclusions import NOTHING, open_exclusions
from dfe_core.integrity import check
from dfe_core.parquet_join import RowGroups, RowGroupWriter
from dfe_core.remote import bucket_file, cache_of, store_of
from dfe_core.store import artefact_path, file_sha256, read_json, write_json
from dfe_core.table_spool import TableSpool
from dfe_core.tokenizer.codebook import REST

SCHEMA_VERSION = SCHEMA_VERSIONS[TOKENS]
_OTHER = {"model_key": "with another model of this name", "dataset_key": "from another version of the dataset"}


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Tokens of one recording: frame (T,), time_s (T,), tokens (T, N) uint16, intensities (T, N) f32, error_mm (T,)."""

    recording: str
    frame: np.ndarray
    time_s: np.ndarray
    tokens: np.ndarray
    intensities: np.ndarray
    error_mm: np.ndarray


class TokenCache(OpenedArtefact):
    """The token cache of one model on one dataset, opened for reading.

    Where frames of the dataset are excluded, its manifest has their key as ``excluded``, and they are in none of what
    it gives. excluding: False gives all.
    """

    def __init__(self, path: Path, *, excluding: bool = True) -> None:
        super().__init__(path)
        self._excluding = excluding
        if not (self.path / MANIFEST).is_file():
            raise DataError(self.path.name, "not encoded yet", "`dfe encode MODEL DATASET` to have run")
        self.manifest = checked_manifest(
            self.path / MANIFEST, SCHEMA_VERSION, ": `dfe encode` to be run again", unversioned=True
        )
        self.exclusions = open_exclusions(self.root, self.dataset) if excluding else NOTHING
        if self.exclusions:
            self.manifest = {**self.manifest, "excluded": self.exclusions.key}

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the folder, or, where that is not there, the same tokens by the address of their
        bucket."""
        store = store_of(self.path.parents[1])
        return _opened_again, (self.path, self._excluding, "" if store is None else store.url)

    @classmethod
    def open(cls, model: str, dataset: str, root: Path | None = None, *, excluding: bool = True) -> TokenCache:
        """Open ``tokens/<model>--<dataset>``.

        Raises `DataError` when it has not been encoded, and for tokens of another model or another state of the dataset
        of the same name: decoded with this codebook they would be other faces.
        """
        folder = artefact_path("models", model, root)
        tokens = cls(artefact_path("tokens", tokens_name(model, dataset), root), excluding=excluding)
        made_from = (
            ("model_key", folder / CONFIG),
            ("dataset_key", artefact_path("datasets", dataset, root) / MANIFEST),
        )
        for key, path in made_from:
            if tokens.manifest.get(key) and path.is_file() and read_json(path).get("key") != tokens.manifest[key]:
                raise DataError(tokens.path.name, f"encoded {_OTHER[key]}", "`dfe encode` to be run again")
        return tokens

    @property
    def model(self) -> str:
        """The name of the codebook."""
        return split_tokens_name(self.path.name, self.manifest)[0]

    @property
    def dataset(self) -> str:
        """The name of the dataset."""
        return split_tokens_name(self.path.name, self.manifest)[1]

    @property
    def sources(self) -> tuple[ArtefactId, ...]:
        """What an analysis of these tokens is made from."""
        return sources_of_tokens(self.model, self.dataset)

    @property
    def stages(self) -> int:
        """N."""
        return int(self.manifest["stages"])

    @property
    def codewords(self) -> int:
        """K."""
        return int(self.manifest["codewords"])

    @cached_property
    def levels(self) -> np.ndarray:
        """(L,) float32 intensities."""
        return np.asarray(self.manifest["levels"], np.float32)

    @property
    def frames(self) -> int:
        """Frames with tokens that are not excluded."""
        return int(read_json(self._folder / MANIFEST)["frames"] if self.exclusions else self.manifest["frames"])

    @property
    def file(self) -> Path:
        """The file of the tokens that are not excluded, checked to be what was written."""
        return check(self._folder / TOKENS_FILE)

    @cached_property
    def _folder(self) -> Path:
        """The folder of the files that are read."""
        from dfe_core.tokens.counted import counted_folder

        return counted_folder(self) if self.exclusions else self.path

    def query(self, sql: str, parameters: list[Any] | None = None) -> pd.DataFrame:
        """Run SQL in which ``frames`` is tokens.parquet (columns as in the module docstring, lists 1-based) and
        ``events`` has one row a token that moves something: recording, frame, time_s, stage (0-based), codeword,
        intensity, error_mm.
        """
        with duckdb.connect() as connection:
            connection.execute(f"CREATE VIEW frames AS SELECT * FROM read_parquet('{self._place(connection)}')")
            levels = ", ".join(f"{float(v):.9g}" for v in self.levels)
            connection.execute(
                "CREATE VIEW events AS SELECT recording, frame, time_s, stage, codeword, "
                f"([{levels}])[level + 1]::FLOAT AS intensity, error_mm FROM ("
                "SELECT recording, frame, time_s, error_mm, unnest(tokens::USMALLINT[]) AS codeword, "
                "unnest(levels::UTINYINT[]) AS level, unnest(range(len(tokens::USMALLINT[]))) AS stage FROM frames) "
                "WHERE codeword <> 0"
            )
            return connection.execute(sql, parameters or []).df()

    def recording(self, name: str) -> Tokens:
        """Tokens of one recording, in frame order. Raises `DataError` when it has none."""
        table = self.query(
            "SELECT frame, time_s, tokens, levels, error_mm FROM frames WHERE recording = ? ORDER BY frame", [name]
        )
        if not len(table):
            raise DataError(self.path.name, f"no tokens of recording {name!r}", "an encoded recording")
        tokens = np.stack(list(table["tokens"])).astype(np.uint16)
        levels = np.stack(list(table["levels"])).astype(np.uint8)
        return Tokens(
            recording=name,
            frame=table["frame"].to_numpy(),
            time_s=table["time_s"].to_numpy(),
            tokens=tokens,
            intensities=np.where(tokens == 0, 0, self.levels[levels]),
            error_mm=table["error_mm"].to_numpy(),
        )

    @cached_property
    def counts(self) -> pd.DataFrame:
        """recording, stage, codeword, uses, intensity (sum): every token that moves something, counted once.

        Read from counts.parquet, which encoding writes; a small table however long the recordings.
        """
        return pd.read_parquet(check(self._folder / COUNTS_FILE))

    def _place(self, connection: duckdb.DuckDBPyConnection) -> str:
        """The file of the tokens as SQL names it; one in a bucket is read by ranges of bytes."""
        place: Path | str = self.file
        if (found := bucket_file(self.file)) is not None:
            store, key = found
            connection.register_filesystem(store.fs)
            place = store.fs.unstrip_protocol(store.where(key))
        return str(place).replace("'", "''")


def _opened_again(path: Path, excluding: bool, bucket: str = "") -> TokenCache:
    if bucket and not path.exists():  # on another machine, which knows the bucket in a folder of its own
        path = artefact_path(TOKENS, path.name, cache_of(bucket))
    return TokenCache(path, excluding=excluding)


class TokenWriter:
    """Writes tokens.parquet and counts.parquet recording by recording, in dataset order, and last the manifest.

    Parameters
    ----------
    folder: a temporary one, renamed when whole. stages: N. codewords: K. levels: (L) the codebook's intensities.
    row_group: the most rows of a row group; None for pyarrow's own.
    """

    def __init__(
        self, folder: Path, *, stages: int, codewords: int, levels: Sequence[float], row_group: int | None = None
    ) -> None:
        self.folder, self.stages, self.codewords = folder, stages, codewords
        self.levels, self.row_group = list(levels), row_group
        self._schema = pa.schema(
            [
                ("recording", pa.dictionary(pa.int32(), pa.string())),
                ("frame", pa.int64()),
                ("time_s", pa.float64()),
                ("tokens", pa.list_(pa.uint16(), stages)),
                ("levels", pa.list_(pa.uint8(), stages)),
                ("error_mm", pa.float32()),
            ]
        )
        self._joined: RowGroupWriter | None = None
        self._counts: TableSpool | None = None
        self._encoded: list[tuple[str, str, int, int]] = []
        self.frames = 0

    def add(
        self,
        recording: str,
        *,
        frame: np.ndarray,
        time_s: np.ndarray,
        tokens: np.ndarray,
        levels: np.ndarray,
        error_mm: np.ndarray,
        key: str = "",
    ) -> None:
        """Append the valid frames of a recording: frame, time_s and error_mm (T,), tokens and levels (T, N).

        key: of its content (`recording_key`); with it, the tokens can be taken over where only other recordings change.
        """
        counts = self._counted(recording, np.asarray(tokens), np.asarray(levels))
        if not len(tokens):
            self._note(recording, 0, counts, key)
            return
        lists = [
            pa.FixedSizeListArray.from_arrays(np.ascontiguousarray(values, kind).ravel(), self.stages)
            for values, kind in ((tokens, np.uint16), (levels, np.uint8))
        ]
        name = pa.DictionaryArray.from_arrays(np.zeros(len(tokens), np.int32), [recording])
        error = np.asarray(error_mm, np.float32)
        table = pa.table([name, frame, time_s, *lists, error], schema=self._schema)
        self._sink.write_table(table, row_group_size=self.row_group)
        self._note(recording, len(table), counts, key)

    def copy(self, recording: str, source: RowGroups, groups: Iterable[int], counts: pa.Table, key: str) -> None:
        """Append a recording as row groups of another file of tokens, and its rows of counts.parquet.

        A writer either copies or adds.
        """
        if self._joined is None:
            self._joined = RowGroupWriter(self.folder / TOKENS_FILE)
        self._joined.like(source)
        frames = sum(self._joined.add(source, group) for group in groups)
        self._note(recording, frames, counts, key)

    def _note(self, recording: str, frames: int, counts: pd.DataFrame | pa.Table, key: str) -> None:
        if self._counts is None:
            self._counts = TableSpool(counts if isinstance(counts, pd.DataFrame) else counts.slice(0, 0).to_pandas())
        self._counts.add(counts)
        self.frames += frames
        if key:
            self._encoded.append((recording, key, frames, len(counts)))

    @cached_property
    def _sink(self) -> pq.ParquetWriter:
        # Tokens and levels are written, read and stored in less without dictionaries: they are small numbers already.
        return pq.ParquetWriter(
            self.folder / TOKENS_FILE, self._schema, compression="zstd", use_dictionary=["recording"]
        )

    def _counted(self, recording: str, tokens: np.ndarray, levels: np.ndarray) -> pd.DataFrame:
        """One row a stage and codeword that moves something: uses, and the sum of its intensities."""
        intensity = np.where(tokens == REST, 0, np.asarray(self.levels, np.float32)[levels])
        size = self.stages * self.codewords
        cell = (tokens.astype(np.int64) + np.arange(self.stages) * self.codewords).ravel()
        uses, strength = np.bincount(cell, minlength=size), np.bincount(cell, intensity.ravel(), minlength=size)
        used = np.flatnonzero((uses > 0) & (np.arange(size) % self.codewords != REST))
        return pd.DataFrame(
            {
                "recording": recording,
                "stage": (used // self.codewords).astype(np.int16),
                "codeword": (used % self.codewords).astype(np.int32),
                "uses": uses[used],
                "intensity": strength[used],
            }
        )

    def close(self, manifest: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write counts.parquet and, last, the manifest, which is returned.

        manifest: model, dataset, model_key, dataset_key, key, search, simulated, recordings, as they are known.
        """
        (self._joined or self._sink).close()
        if self._counts is None:
            raise ValueError("no recording")
        self._counts.write(self.folder / COUNTS_FILE)
        files = [TOKENS_FILE, COUNTS_FILE]
        if self._encoded:
            columns = ("recording", "key", "frames", "counts")
            pq.write_table(pa.table(list(zip(*self._encoded, strict=True)), names=columns), self.folder / ENCODED_FILE)
            files.append(ENCODED_FILE)
        whole = {
            "schema_version": SCHEMA_VERSION,
            **(manifest or {}),
            "stages": self.stages,
            "codewords": self.codewords,
            "levels": self.levels,
            "frames": self.frames,
            "files": {n: file_sha256(self.folder / n) for n in files},
        }
        write_json(self.folder / MANIFEST, whole)
        return whole
