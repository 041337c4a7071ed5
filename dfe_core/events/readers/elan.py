"""ELAN's own files (``.eaf``): every annotation with its tier, tiers without a time left out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dfe_core.events.raw import RawEvents
from dfe_core.events.readers.elan_document import read_elan, slot_note
from dfe_core.expressions.readers.frame_table import TableFile

FORMAT, TITLE = "elan", "ELAN"


def sniff(path: Path, table: TableFile | None) -> bool:
    """Whether the file's ending is ``.eaf``."""
    return path.suffix.lower() == ".eaf"


def read(path: Path, table: TableFile | None) -> list[RawEvents]:
    """The annotations of all tiers, under the names of the document's first video."""
    document = read_elan(path)
    rows = [
        (found.onset, found.offset, tier, found.text.strip())
        for tier, annotations in document.tiers.items()
        for found in annotations
    ]
    found = pd.DataFrame(rows, columns=["onset_s", "offset_s", "tier", "annotation"])
    found = found.astype({"onset_s": float, "offset_s": float})
    notes = (*document.notes, *slot_note(document))
    return [RawEvents(names=(path.stem, *document.media), table=found, kind="annotation", notes=notes)]
