"""Spans of time that no figure counts: the set of events ``excluded`` of a dataset (talking, face lost).

Frames inside them are not valid where a dataset is opened, and have no row in its tokens and action units. The files
of the dataset stay as they are, so that a span is taken back by leaving it out of the set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.artefact_names import ANALYSES, EVENTS_FILE, EXCLUDED, MANIFEST, events_name
from dfe_core.errors import DataError
from dfe_core.integrity import check
from dfe_core.store import read_json


@dataclass(frozen=True, kw_only=True)
class Exclusions:
    """What is excluded. key: of the content, empty for nothing. spans: recording to (n, 2) onsets and offsets, s."""

    key: str = ""
    spans: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.spans)

    def covers(self, recording: str, time_s: np.ndarray) -> np.ndarray:
        """(T,) bool: whether onset ≤ time < offset of any span of the recording. time_s: (T,) s."""
        inside = np.zeros(len(time_s), bool)
        for onset, offset in self.spans.get(recording, ()):
            inside |= (time_s >= onset) & (time_s < offset)
        return inside


NOTHING = Exclusions()


def exclusions_manifest(root: Path, dataset: str) -> Path:
    """The file that changes whenever what is excluded of a dataset does; it need not be there."""
    return root / ANALYSES / events_name(dataset, EXCLUDED) / MANIFEST


def open_exclusions(root: Path, dataset: str) -> Exclusions:
    """What is excluded of a dataset. Raises `DataError` where that is damaged: nothing is counted by mistake."""
    path = exclusions_manifest(root, dataset)
    if not path.is_file():
        return NOTHING
    manifest = read_json(check(path))
    table = _spans_table(path.with_name(EVENTS_FILE))
    spans = {
        str(name): rows[["onset_s", "offset_s"]].to_numpy(np.float64)
        for name, rows in table.groupby("recording", sort=False)
    }
    return Exclusions(key=str(manifest["key"]), spans=spans) if spans else NOTHING


def _spans_table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(check(path), columns=["recording", "onset_s", "offset_s"])
    except (OSError, ValueError) as error:
        raise DataError(path, f"not readable ({error})"[:200], "a set of events written by dfe") from None
