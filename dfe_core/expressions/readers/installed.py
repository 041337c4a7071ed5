"""Readers of other installed packages, found through entry points."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

_REQUIRED = (("FORMAT", str), ("TITLE", str), ("sniff", None), ("read", None))


def installed_readers(group: str, taken: Collection[str]) -> tuple[Any, ...]:
    """The readers that packages offer under an entry-point group (``dfe.readers``), in the order of their names.

    taken: formats that are there already. A reader that cannot be loaded, lacks a part of the protocol, or has a taken
    format is left out with a `UserWarning`, so that one broken package does not stop every import.
    """
    found: dict[str, Any] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        reader, fault = _loaded(entry)
        if not fault and (reader.FORMAT in taken or reader.FORMAT in found):
            fault = f"its format {reader.FORMAT!r} is there already"
        if fault:
            warnings.warn(f"reader {entry.name} ({entry.value}) is not used: {fault}", stacklevel=2)
        else:
            found[reader.FORMAT] = reader
    return tuple(found.values())


def _loaded(entry: EntryPoint) -> tuple[Any, str]:
    """The reader of an entry point, and what is wrong with it, empty where nothing is."""
    try:
        reader = entry.load()
    except Exception as error:  # noqa: BLE001 - whatever another package does while it is imported
        return None, f"{type(error).__name__}: {error}"
    for name, kind in _REQUIRED:
        part = getattr(reader, name, None)
        if not (isinstance(part, kind) if kind else callable(part)):
            return reader, f"no {'text' if kind else 'function'} {name}"
    return reader, ""


def sniffed(reader: Any, path: Path, head: Any) -> str | None:
    """What a reader believes of a file (`FormatReader.sniff`); one of another package that fails knows nothing of it,
    and a `UserWarning` says so."""
    try:
        return reader.sniff(path, head)
    except Exception as error:
        if getattr(reader, "__name__", "").startswith("dfe_core."):
            raise
        warnings.warn(f"reader {reader.FORMAT} failed to look at {path.name}: {error}", stacklevel=2)
        return None
