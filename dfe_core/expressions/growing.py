"""Recordings added to a dataset that is there: the frames of the others are copied as they are, none is read again.

The dataset that grows is the one that an import of all files at once would give: so are its content key and the keys of
its recordings, by which everything made of an unchanged recording is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact_names import EXTRAS_FILE, FRAMES_FILE, NO_FACE
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import FEW_FRAMES, DatasetWriter
from dfe_core.expressions.extractor_scales import tool
from dfe_core.expressions.removal import copy_others
from dfe_core.integrity import check
from dfe_core.parquet_join import RowGroups
from dfe_core.remote import open_parquet
from dfe_core.store import atomic_directory


def require_growing(data: Dataset, *, adjusted: bool, mixed: bool) -> None:
    """Raise `DataError` for what cannot be added to without reading all of it anew.

    adjusted, mixed: whether poses or resting faces are to be taken off, and extractors to be brought to one range.
    """
    settings = data.manifest.get("settings") or {}
    why = ""
    if data.manifest.get("segments_of") or data.truth is not None:
        why = "recordings of dfe simulate, or segments of others"
    elif data.face_id.startswith("learned-"):
        why = f"the face {data.face_id}, learned from its recordings"
    elif data.face_id == NO_FACE:
        why = "action units alone"
    elif data.manifest.get("adjusted") or adjusted:
        why = "poses or resting faces taken off, which all recordings of a person decide"
    elif settings.get("extractor_scales") or mixed:
        why = "extractors brought to one range, which all recordings decide"
    if why:
        raise DataError(data.name, f"nothing can be added to a dataset of this kind: {why}", "one import of all files")


def grow(data: Dataset, staged: Dataset, manifest: dict[str, Any], root: Path | None) -> None:
    """Write `data` with the recordings of `staged` behind its own. manifest: of the import of `staged`.

    Raises `DataError` where the two are not of the same coefficients or extractors, or one of them alone is simulated.
    """
    _require_alike(data, staged)
    with atomic_directory(data.path) as folder:
        writer = DatasetWriter(folder, data.names, root)
        for name in _copied(data, writer):
            writer.add(data.recording(name))
        for name in staged.recordings["recording"]:
            writer.add(staged.recording(name))
        rows = pd.concat([data.stored_recordings, staged.stored_recordings], ignore_index=True)
        rows["first_row"] = (rows["frames"].cumsum() - rows["frames"]).astype(rows["first_row"].dtype)
        writer.close(_joined(data.manifest, manifest), data.truth, rows)
        copy_others(data.path, folder)


def _require_alike(data: Dataset, staged: Dataset) -> None:
    if (staged.face_id, staged.names) != (data.face_id, data.names):
        raise DataError(data.name, f"recordings of face {staged.face_id} to be added", f"those of {data.face_id}")
    if staged.simulated != data.simulated:
        kinds = ("recordings that are not said to be simulated", "simulated recordings (--simulated)")
        raise DataError(data.name, f"{kinds[staged.simulated]} to be added", kinds[data.simulated])
    made_by = [{tool(_space(d), e) for e in d.recordings["extractor"].unique()} - {""} for d in (data, staged)]
    if all(made_by) and made_by[0] != made_by[1]:
        found, held = (" and ".join(sorted(map(str, names))) for names in reversed(made_by))
        raise DataError(data.name, f"recordings made by {found} to be added", f"those of {held}: extractors differ")


def _space(data: Dataset) -> str:
    return data.face_id.partition("-")[0]


def _copied(data: Dataset, writer: DatasetWriter) -> list[str]:
    """Copy the row groups that more recordings do not change; the recordings that are left.

    Their bytes are copied, nothing is decoded. A writer collects `FEW_FRAMES` frames before it writes: what it wrote of
    fewer at the end would be in one row group with what comes next.
    """
    table = data.stored_recordings
    ends = _flushed(table["frames"].tolist())
    last = int(table["first_row"].iloc[ends] if ends < len(table) else table["frames"].sum())
    with closing(RowGroups(check(data.path / FRAMES_FILE))) as source:
        groups = int(np.searchsorted(source.ends, last, "right"))
        if source.footer.rows[:groups].sum() != last or not writer.takes(source):  # of an earlier dfe or pyarrow
            return table["recording"].tolist()
        keys = data.recording_keys
        held = table["recording"].tolist()[:ends]
        writer.copy(
            [(name, int(frames), keys[name]) for name, frames in zip(held, table["frames"], strict=False)],
            source,
            range(groups),
        )
    if data.has_extras:
        with open_parquet(check(data.path / EXTRAS_FILE)) as file:
            names, kept = set(held), range(file.metadata.num_row_groups)
            writer.copy_extras(t for i in kept if _of(t := file.read_row_group(i), names))
    return table["recording"].tolist()[ends:]


def _of(extras: Any, names: set[str]) -> bool:
    return len(extras) > 0 and extras["recording"][0].as_py() in names


def _flushed(frames: Sequence[int]) -> int:
    """How many of the recordings of so many frames were written before the writer was closed."""
    flushed = waiting = 0
    for i, count in enumerate(frames):
        waiting += count
        if waiting >= FEW_FRAMES:
            flushed, waiting = i + 1, 0
    return flushed


def _joined(held: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    """The manifest of the grown dataset: its own settings, the sources and notes of both."""
    lists = {field: [*(held.get(field) or []), *(added.get(field) or [])] for field in ("sources", "dropped", "notes")}
    lists["notes"] = list(dict.fromkeys(lists["notes"]))
    settings = {key: value for key, value in (added.get("settings") or {}).items() if value is not None}
    additions = [*(held.get("additions") or []), {"recordings": added["recordings"], "settings": settings}]
    kept = {key: value for key, value in held.items() if key != "pose_leak"}
    return {**kept, **lists, "additions": additions}
