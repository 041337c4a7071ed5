"""Text in CSV files that a spreadsheet would take for a formula: names and labels come from anyone.

A cell that begins like a formula gets an apostrophe in front (OWASP, CSV injection); numbers stay numbers. So does a
cell that begins so behind apostrophes, which `original_cell` would take for ours.
"""

from __future__ import annotations

from typing import Any

_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain_cell(value: Any) -> Any:
    """A text that no spreadsheet runs; anything else as it is."""
    if not isinstance(value, str) or not value.lstrip("'").startswith(_BEGINS) or _is_number(value):
        return value
    return f"'{value}"


def original_cell(value: str) -> str:
    """The text before `plain_cell`."""
    return value[1:] if value.startswith("'") and value.lstrip("'").startswith(_BEGINS) else value


def plain_table(table: Any) -> Any:
    """A data frame with `plain_cell` in every column of texts, and in the names of columns."""
    texts = [i for i, kind in enumerate(table.dtypes) if kind.kind not in "biufcmM"]
    made = table.copy()
    for i in texts:
        column = made.iloc[:, i]
        values = column.astype(object).map(plain_cell)
        if not values.equals(column.astype(object)):
            made = made.astype({made.columns[i]: object})
            made.isetitem(i, values)
    return made.rename(columns=plain_cell)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
