"""Praat TextGrid, long and short form, in UTF-8, UTF-16 or Latin-1: every labelled interval and point with its tier.

Both forms hold the same values in the same order; the long form writes words around them. Intervals without a label
are Praat's gaps and left out. A doubled quotation mark within a label is one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.events.raw import RawEvents
from dfe_core.expressions.readers.frame_table import TableFile

FORMAT, TITLE = "textgrid", "Praat TextGrid"
MAX_BYTES = 256 << 20
_VALUE = re.compile(r'"((?:[^"]|"")*)"|(?<![\w.\[])([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.\]])|<(exists|absent)>')
"""A label, a number that stands alone (not the index of ``intervals [3]``), or a flag."""


def sniff(path: Path, table: TableFile | None) -> bool:
    """Whether the file's ending is ``.TextGrid``."""
    return path.suffix.lower() == ".textgrid"


def read(path: Path, table: TableFile | None) -> list[RawEvents]:
    """Labelled intervals and points of all tiers."""
    rows = list(_rows(path, _values(_text(path))))
    found = pd.DataFrame(rows, columns=["onset_s", "offset_s", "tier", "annotation"])
    return [RawEvents(names=(), table=found, kind="annotation")]


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise DataError(path, f"{path.stat().st_size >> 20} MB", f"a TextGrid under {MAX_BYTES >> 20} MB")
    data = path.read_bytes()
    boms = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    for encoding in ("utf-16",) if data.startswith(boms) else ("utf-8-sig", "latin-1"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "ooTextFile" in text[:200] and "TextGrid" in text[:400]:
            return text
    raise DataError(path, "no TextGrid", "a TextGrid saved by Praat as text")


def _values(text: str) -> Iterator[str | float]:
    """Labels and numbers in order, after the two that name the type of file."""
    for match in _VALUE.finditer(text, text.index("TextGrid", text.index("ooTextFile")) + len('TextGrid"')):
        label, number, _ = match.groups()
        if number is not None:
            yield float(number)
        elif label is not None:
            yield label.replace('""', '"')


def _rows(path: Path, values: Iterator[str | float]) -> Iterator[tuple[float, float, str, str]]:
    try:
        _number(values), _number(values)
        for _ in range(int(_number(values))):
            kind, tier = str(next(values)), str(next(values))
            _number(values), _number(values)
            for _ in range(int(_number(values))):
                onset = _number(values)
                offset = _number(values) if kind == "IntervalTier" else onset
                if text := str(next(values)).strip():
                    yield onset, offset, tier, text
    except (StopIteration, ValueError, RuntimeError):
        raise DataError(path, "a TextGrid that ends within a tier", "a whole file saved by Praat") from None


def _number(values: Iterator[str | float]) -> float:
    value = next(values)
    return float(value) if isinstance(value, float) else float("text")  # a label where a number belongs
