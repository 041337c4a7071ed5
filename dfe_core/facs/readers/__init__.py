"""Readers of AU detections and FACS codings, one small file a format.

A format is a `FormatReader`, as those of recordings are (`expressions.readers.protocol`): FORMAT, TITLE,
``sniff(path, Header) -> str | None`` and ``read(path, AuReadOptions) -> list[Detections]``. Those of this package stand
in `_MODULES`, those of other packages are found through the entry points ``dfe.au_readers`` and asked before them.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from dfe_core.errors import DataError
from dfe_core.expressions.readers.installed import installed_readers, sniffed
from dfe_core.expressions.readers.protocol import FormatReader, stated
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import AuReadOptions, Header, read_au_header

AuReader: TypeAlias = FormatReader[Header, AuReadOptions, Detections]

GROUP = "dfe.au_readers"
"""The entry points of other packages."""
_MODULES = (
    "openface3",
    "openface",
    "pyafar",
    "libreface",
    "headset",
    "imotions",
    "facereader",
    "elan_table",
    "manual",
    "elan",
    "pyfeat",
)
"""In the order they are tried: the more telling header first."""
_ENDINGS = (".csv", ".tsv", ".txt", ".eaf", ".parquet")

__all__ = ["AuReadOptions", "AuReader", "au_file_endings", "au_format", "au_readers", "read_aus"]


@cache
def au_readers() -> dict[str, AuReader]:
    """Every reader by its FORMAT, in the order in which they are asked."""
    built_in = {reader.FORMAT: reader for reader in (import_module(f"{__name__}.{name}") for name in _MODULES)}
    return {reader.FORMAT: reader for reader in installed_readers(GROUP, built_in)} | built_in


def au_file_endings() -> tuple[str, ...]:
    """Endings of the files that folders are searched for."""
    more = [ending.lower() for reader in au_readers().values() for ending in stated(reader, "ENDINGS", ())]
    return tuple(dict.fromkeys((*_ENDINGS, *more)))


def read_aus(path: Path, options: AuReadOptions | None = None, format: str = "auto") -> list[Detections]:
    """Read one file: one `Detections` for every recording (and every face) that it holds.

    `format` is a reader's FORMAT, or ``auto`` to tell it by the header. Raises `DataError` in one line where the file
    cannot be used.
    """
    path, options, known = Path(path), options or AuReadOptions(), au_readers()
    if format != "auto" and format not in known:
        raise DataError(format, "no such format of AU files", "auto, " + ", ".join(known))
    if not path.is_file():
        raise DataError(path, "no such file")
    reader = _reader_of(path) if format == "auto" else known[format]
    try:
        return list(reader.read(path, options))
    except DataError:
        raise
    except Exception as error:  # whatever a damaged file does to a library below a reader, the batch goes on
        raise DataError(path, f"not readable as {reader.TITLE} ({error})"[:300], "a whole file") from error


def au_format(path: Path) -> str:
    """The FORMAT of the reader that takes a file's action units, by its header alone; empty where none does."""
    try:
        return _reader_of(path).FORMAT if path.suffix.lower() in au_file_endings() else ""
    except (DataError, OSError):
        return ""


def _reader_of(path: Path) -> AuReader:
    header = read_au_header(path)
    for reader in au_readers().values():
        if sniffed(reader, path, header) is not None:
            return reader
    shown = ", ".join(header.columns[:6]) or "no header"
    raise DataError(
        path,
        f"no AUs found (columns: {shown}{', …' if len(header.columns) > 6 else ''})",
        "a table of OpenFace, py-feat, LibreFace, PyAFAR, FaceReader, iMotions or a headset, a FACS "
        "coding with onset and offset, or an .eaf file",
    )
