"""Readers of events, one small file a format: FORMAT, TITLE, ``sniff(path, table)`` and ``read(path, table)``.

table: the file as a table whose head has been read, None where it is none.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from dfe_core.errors import DataError
from dfe_core.events.raw import RawEvents
from dfe_core.events.readers import boris, elan, elan_export, event_table, textgrid
from dfe_core.expressions.readers.frame_table import TableFile, open_table

_READERS: tuple[ModuleType, ...] = (textgrid, elan, boris, elan_export, event_table)
"""In the order they are tried: the more telling first."""
_NO_TABLES = (".eaf", ".textgrid", ".boris")
EVENT_ENDINGS = (".csv", ".tsv", ".txt", ".eaf", ".boris", ".textgrid", ".parquet")
"""Endings of the files that folders are searched for."""


def event_formats() -> dict[str, str]:
    """The formats that are read, and what each is called."""
    return {reader.FORMAT: reader.TITLE for reader in _READERS}


def read_event_file(path: Path, format: str = "auto") -> list[RawEvents]:
    """Events of every recording that a file holds.

    format: one of `event_formats`, or ``auto``. Raises `DataError` for a file that cannot be used.
    """
    if format not in ("auto", *event_formats()):
        raise DataError(format, "no such format of events", "auto, " + ", ".join(event_formats()))
    if not path.is_file():
        raise DataError(path, "no such file")
    table = None if path.suffix.lower() in _NO_TABLES else open_table(path)
    reader = _reader(path, table, format)
    try:
        return [found for found in reader.read(path, table) if len(found.table)]
    except DataError:
        raise
    except Exception as error:  # whatever a damaged file does to a reader, the batch goes on
        raise DataError(path, f"not readable as {reader.TITLE} ({error})"[:300], "a whole file") from error


def _reader(path: Path, table: TableFile | None, format: str) -> ModuleType:
    wanted = [r for r in _READERS if format in ("auto", r.FORMAT)]
    for reader in wanted:
        if reader.sniff(path, table):
            return reader
    shown = ", ".join(table.header[:6]) if table else "no table"
    what = "a table with recording, onset_s and offset_s, BIDS events, BORIS, an .eaf or a TextGrid"
    raise DataError(path, f"no events found ({shown})", what if format == "auto" else wanted[0].TITLE)
