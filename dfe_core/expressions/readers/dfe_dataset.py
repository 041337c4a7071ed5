"""A dataset of our own as a source: the folder ``datasets/<name>``, handed from one lab to another.

Every recording keeps its name, subject, session, labels and columns beside ψ, and its frames to the bit. The truth of
simulated data stays behind; that they are simulated does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dfe_core.artefact_names import EXTRAS_FILE, FRAMES_FILE, MANIFEST, RECORDINGS_FILE
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import RECORDING_COLUMNS, SCHEMA_VERSION
from dfe_core.expressions.readers.json_file import load_json
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.readers.parquet_table import BROKEN
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.sealed_test import sealed_recordings
from dfe_core.expressions.timing import check_fps
from dfe_core.expressions.validation import FLAME_LIMIT
from dfe_core.faces.arkit import canonical_name
from dfe_core.faces.coefficients import bfm_names
from dfe_core.limits import check_unfolded
from dfe_core.store import cache_root, file_sha256

FORMAT = "dfe-dataset"
TITLE = "dataset folder of dfe"
KEEPS_NAMES = True
"""Recordings are named in the source, whatever its folder is called."""
_FILES = (MANIFEST, RECORDINGS_FILE, FRAMES_FILE, EXTRAS_FILE)
_MOST_COEFFICIENTS = 4096


def folder_files(folder: Path) -> list[Path]:
    """The files of a dataset folder; none where the folder is no dataset."""
    if not all((folder / name).is_file() for name in _FILES[:3]):
        return []
    return [folder / name for name in _FILES if (folder / name).is_file()]


def sniff(path: Path, head: bytes) -> str | None:
    return "its manifest.json and frames.parquet" if folder_files(path) else None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """Every recording of the dataset.

    Raises `DataError` where the files are not those that the manifest was written for, and for frames that no dataset
    of ours could hold.
    """
    if not folder_files(path):
        raise DataError(path, "no dataset folder", ", ".join(_FILES[:3]))
    manifest, names = _manifest(path)
    rows, frames = _recordings(path), _frames(path, len(names))
    extras = _extras(path)
    return [_recording(path, row, frames, names, manifest, extras) for row in rows]


def _manifest(path: Path) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    file = path / MANIFEST
    manifest = load_json(file)
    if not isinstance(manifest, Mapping) or manifest.get("schema_version") != SCHEMA_VERSION:
        raise DataError(file, "a manifest of another version or kind", f"schema version {SCHEMA_VERSION}")
    names = manifest.get("coefficients")
    if (
        not isinstance(names, list)
        or not all(isinstance(n, str) for n in names)
        or len(set(names)) < len(names)
        or not 0 < len(names) <= _MOST_COEFFICIENTS
    ):
        raise DataError(file, "no list of coefficient names", "coefficients, each once")
    hashes = manifest.get("files")
    for name in _FILES[1:]:
        known = hashes.get(name) if isinstance(hashes, Mapping) else None
        if (path / name).is_file() and known != file_sha256(path / name):
            raise DataError(
                path / name, "another file than the manifest was written for", "an untouched dataset folder"
            )
    return manifest, tuple(names)


def _recordings(path: Path) -> list[dict[str, Any]]:
    file = path / RECORDINGS_FILE
    table = _table(file, None)
    missing = [c for c in RECORDING_COLUMNS if c not in table.column_names]
    if missing or not table.num_rows:
        raise DataError(file, f"no column {missing[0]}" if missing else "no recordings", "recordings as dfe lists them")
    rows = table.to_pylist()
    for row in rows:
        whole = (row["frames"], row["first_row"])
        if not isinstance(row["recording"], str) or not all(isinstance(v, int) and v >= 0 for v in whole):
            raise DataError(
                file,
                f"recording {str(row['recording'])[:40]!r} without a place in the frames",
                "a name, first_row and frames",
            )
    if len({row["recording"] for row in rows}) < len(rows):
        raise DataError(file, "a recording twice", "each recording once")
    return rows


def _frames(path: Path, coefficients: int) -> dict[str, np.ndarray]:
    """frame, time_s, valid and psi (N, E) of the whole dataset."""
    file = path / FRAMES_FILE
    table = _table(file, ["frame", "time_s", "valid", "psi"]).combine_chunks()
    wanted = {
        "frame": pa.int64(),
        "time_s": pa.float64(),
        "valid": pa.bool_(),
        "psi": pa.list_(pa.float32(), coefficients),
    }
    for name, kind in wanted.items():
        if table.schema.field(name).type != kind or table[name].null_count:
            raise DataError(
                f"{file}, column {name}",
                f"values of type {table.schema.field(name).type}, {table[name].null_count} missing",
                f"{kind}, none missing",
            )
    out = {name: table[name].to_numpy() for name in ("frame", "time_s", "valid")}
    values = table["psi"].combine_chunks() if table.num_rows else None
    flat = np.empty(0, np.float32) if values is None else values.flatten().to_numpy(zero_copy_only=False)
    if flat.size != table.num_rows * coefficients or not np.isfinite(flat).all():
        raise DataError(f"{file}, column psi", "missing or infinite values", "a number for every coefficient")
    if flat.size and np.abs(flat).max() > FLAME_LIMIT:
        raise DataError(f"{file}, column psi", f"a coefficient of {np.abs(flat).max():.3g}", f"up to {FLAME_LIMIT:g}")
    return out | {"psi": flat.reshape(-1, coefficients)}


def _table(file: Path, columns: list[str] | None) -> pa.Table:
    try:
        metadata = pq.read_metadata(file)
        leaves = metadata.num_columns if metadata.num_columns > 9 else _MOST_COEFFICIENTS // 16
        check_unfolded(min(metadata.num_rows * leaves * 4, 1 << 62), file.stat().st_size, file)
        missing = set(columns or ()) - set(metadata.schema.to_arrow_schema().names)
        if missing:
            raise DataError(file, f"no column {min(missing)}", ", ".join(columns or ()))
        return pq.read_table(file, columns=columns, partitioning=None)
    except (*BROKEN, KeyError) as error:
        raise DataError(file, f"broken Parquet ({str(error).splitlines()[0][:120]})", "a whole file") from None


def _extras(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """Columns beside ψ by recording."""
    file = path / EXTRAS_FILE
    if not file.is_file():
        return {}
    out: dict[str, dict[str, np.ndarray]] = {}
    for row in _table(file, ["recording", "column", "values"]).to_batches():
        for name, column, values in zip(*(row[c] for c in ("recording", "column", "values")), strict=True):
            if not isinstance(values, pa.ListScalar) or values.values is None:
                raise DataError(file, f"no values of {str(column)[:40]}", "a number a frame")
            out.setdefault(str(name), {})[str(column)] = values.values.to_numpy(zero_copy_only=False)
    return out


def _recording(
    path: Path,
    row: dict[str, Any],
    frames: dict[str, np.ndarray],
    names: tuple[str, ...],
    manifest: Mapping[str, Any],
    extras: dict[str, dict[str, np.ndarray]],
) -> Recording:
    name, first, count = row["recording"], row["first_row"], row["frames"]
    where = f"{path}, recording {name[:60]}"
    part = slice(first, first + count)
    time, frame = frames["time_s"][part], frames["frame"][part]
    if not count or len(time) != count:
        raise DataError(
            where, f"rows {first:,} to {first + count:,} of {len(frames['time_s']):,}", "rows that are there"
        )
    if not np.isfinite(time).all() or (np.diff(time) <= 0).any() or (np.diff(frame) <= 0).any():
        raise DataError(where, "frames that are not in order of time", "times and frame numbers that increase")
    fps = row["fps"] if isinstance(row["fps"], float) else float("nan")
    check_fps(fps, where)
    beside = {k: v for k, v in extras.get(name, {}).items() if len(v) == count and v.dtype.kind == "f"}
    labels = {k: v for k, v in row.items() if k not in RECORDING_COLUMNS and isinstance(v, (str, int, float, bool))}
    if name in sealed_recordings(manifest, cache_root()):
        labels = {}
    return Recording(
        name=name,
        names=names,
        psi=frames["psi"][part],
        time_s=time,
        frame=frame,
        valid=frames["valid"][part],
        fps=fps,
        space=_space(names, str(manifest.get("face"))),
        extractor=str(row["extractor"] or "dfe"),
        subject="" if row["subject"] == name else str(row["subject"] or ""),
        session=str(row["session"] or ""),
        extras=beside,
        source={"labels": labels, "simulated": bool(manifest.get("simulated"))},
    )


def _space(names: tuple[str, ...], face: str) -> str:
    """``arkit``, ``flame``, ``bfm``, or for coefficients that mean something on one face alone, that face."""
    if any(canonical_name(name) for name in names):
        return "arkit"
    return "bfm" if names == bfm_names() else "flame" if names[0].startswith("exp_") else face
