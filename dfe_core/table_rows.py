"""Rows of a data frame as records: of a type, or as JSON has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

import pandas as pd

_Row = TypeVar("_Row")
_PLAIN = (str, int, float, bool)


def typed_rows(table: pd.DataFrame, kind: Callable[..., _Row]) -> list[_Row]:
    """The rows of a table as records with the columns that are fields of `kind`, in the order of the table.

    Parameters
    ----------
    table : pandas.DataFrame
        Has a column for every field; further columns are left out.
    kind : type
        A dataclass. A field of type str, int, float or bool holds the plain Python value of its column; any other
        field holds the value as it is.

    Returns
    -------
    list
        One `kind` for each row.

    Raises
    ------
    KeyError
        A field that is no column of a table with rows.
    ValueError
        A value that its field's type does not take, such as a missing value for an int.
    """
    if not len(table):
        return []
    fields: dict[str, Any] = get_type_hints(kind)
    columns = [[_plain(value, of) for value in table[name].tolist()] for name, of in fields.items()]
    return [kind(**dict(zip(fields, values, strict=True))) for values in zip(*columns, strict=True)]


def json_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """One dict for each row, by the name of the column; None where a value is missing."""
    plain = table.astype(object).where(table.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def _plain(value: Any, of: Any) -> Any:
    return of(value) if of in _PLAIN else value
