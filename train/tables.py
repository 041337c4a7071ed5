"""Plain-text tables for the terminal: aligned columns, a rule under the head, numbers to the right."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

Columns: TypeAlias = Mapping[str, str | Callable[[Any], Any]]
"""The headings of a table, each with the field of a record that it shows, or a function of the record."""


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], indent: str = "") -> str:
    """A table of any values. A column whose values are all numbers (or empty) stands to the right.

    None and NaN show as ``–``. Floats show four significant digits.
    """
    cells = [[cell(value) for value in row] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(head, *cells, strict=True)]
    right = [bool(rows) and all(is_number(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        _line(head, widths, right),
        "  ".join(_rule() * width for width in widths),
        *(_line(row, widths, right) for row in cells),
    ]
    return "\n".join(indent + line.rstrip() for line in lines)


def table_of(records: Iterable[Any], columns: Columns, indent: str = "") -> str:
    """A table of records, mappings or objects: each heading with the field it shows, or a function of the record."""
    rows = [[_field(record, of) for of in columns.values()] for record in records]
    return table(list(columns), rows, indent)


def _field(record: Any, of: str | Callable[[Any], Any]) -> Any:
    if callable(of):
        return of(record)
    return record[of] if isinstance(record, Mapping) else getattr(record, of)


def facts(pairs: Sequence[tuple[str, Any]], indent: str = "") -> str:
    """Names and values, one pair a line, the values aligned."""
    width = max((len(name) for name, _ in pairs), default=0)
    return "\n".join(f"{indent}{name:<{width}}  {cell(value)}" for name, value in pairs)


def cell(value: Any) -> str:
    """One value as text on one line."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–" if _unicode() else "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return " ".join(str(value).split())


def is_number(value: Any) -> bool:
    """Whether the value lines up on the right."""
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def size(count: int) -> str:
    """A size in bytes, for people."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def duration(seconds: float) -> str:
    """A length of time, for people: ``8.4 s``, ``42 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    seconds = round(seconds)
    minutes = seconds // 60
    return f"{minutes} min {seconds % 60:02.0f} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    return "  ".join(
        text.rjust(width) if to_right else text.ljust(width)
        for text, width, to_right in zip(row, widths, right, strict=True)
    )


def _rule() -> str:
    return "─" if _unicode() else "-"


def _unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
