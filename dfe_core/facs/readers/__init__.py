"""Readers of AU detections and FACS codings, one small file a format.

A format is a module with ``NAME`` (what the user calls it), ``recognises(Header) -> bool`` and
``read(path, AuReadOptions) -> list[Detections]``; adding one means a file here and its name in `FORMATS`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from dfe_core.errors import DataError
from dfe_core.facs.detections import Detections
from dfe_core.facs.readers.table import AuReadOptions, read_au_header

FORMATS = (
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

__all__ = ["FORMATS", "AuReadOptions", "read_aus"]


def read_aus(path: Path, options: AuReadOptions | None = None, format: str = "auto") -> list[Detections]:
    """Read one file: one `Detections` for every recording (and every face) that it holds.

    `format` is one of `FORMATS`, or ``auto`` to tell it by the header. Raises `DataError` in one line where the file
    cannot be used.
    """
    path, options = Path(path), options or AuReadOptions()
    if format != "auto" and format not in FORMATS:
        raise DataError(format, "no such format of AU files", "auto, " + ", ".join(FORMATS))
    if not path.is_file():
        raise DataError(path, "no such file")
    return _module(path, format).read(path, options)


def _module(path: Path, format: str) -> ModuleType:
    if format != "auto":
        return import_module(f"{__name__}.{format}")
    header = read_au_header(path)
    for name in FORMATS:
        module = import_module(f"{__name__}.{name}")
        if module.recognises(header):
            return module
    shown = ", ".join(header.columns[:6]) or "no header"
    raise DataError(
        path,
        f"no AUs found (columns: {shown}{', …' if len(header.columns) > 6 else ''})",
        "a table of OpenFace, py-feat, LibreFace, PyAFAR, FaceReader, iMotions or a headset, a FACS "
        "coding with onset and offset, or an .eaf file",
    )
