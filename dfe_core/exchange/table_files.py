"""Tables as CSV, Parquet and Excel, and read back exactly: every number to its last digit, every text as it was.

Parquet knows its types. CSV and Excel do not: ``<name>.json`` beside a CSV, and the sheet ``columns`` of a workbook,
say of every column its type, unit and meaning. A missing text is an empty cell, and so is an empty one: it is read as
missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.exchange.column_facts import TEXT, data_dictionary, known_types
from dfe_core.exchange.xlsx import read_workbook, write_workbook
from dfe_core.spreadsheet import original_cell, plain_table
from dfe_core.store import atomic_file, read_json, write_json

FORMATS = ("csv", "parquet", "xlsx")
COLUMNS_SHEET = "columns"
"""The sheet of a workbook that says what the columns of the others are."""


def file_format(path: Path, format: str | None = None) -> str:
    """The format of a table's file: as asked for, else by its ending. Raises `DataError` for one of no table."""
    found = format or path.suffix.lstrip(".").lower()
    if found not in FORMATS:
        raise DataError(path, f"format {found!r}", " or ".join(FORMATS))
    return found


def write_table_file(table: pd.DataFrame, path: Path, format: str | None = None, name: str = "table") -> None:
    """Write one table, atomically.

    format: of `FORMATS` (default: by the ending); name: of the sheet, in Excel. Raises `DataError` as `write_workbook`.
    """
    kind = file_format(path, format)
    with atomic_file(path) as temporary:
        if kind == "csv":
            plain_table(table).to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
        elif kind == "parquet":
            table.to_parquet(temporary, index=False)
        else:
            write_workbook({name: table, COLUMNS_SHEET: _columns_table({name: table})}, temporary)


def write_table_folder(tables: Mapping[str, pd.DataFrame], folder: Path, format: str) -> list[Path]:
    """Write every table as ``<name>.<format>``, beside each CSV its columns as ``<name>.json``; returns the paths.

    With ``xlsx`` all of them are sheets of one workbook, ``tables.xlsx``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if format == "xlsx":
        path = folder / "tables.xlsx"
        with atomic_file(path) as temporary:
            write_workbook({**tables, COLUMNS_SHEET: _columns_table(tables)}, temporary)
        return [path]
    paths = []
    for name, table in tables.items():
        paths.append(folder / f"{name}.{format}")
        write_table_file(table, paths[-1], format)
        if format == "csv":
            paths.append(folder / f"{name}.json")
            write_json(paths[-1], data_dictionary(table))
    return paths


def read_table_file(path: Path, name: str | None = None) -> pd.DataFrame:
    """Read a table that dfe exported, with the types it had.

    Parameters
    ----------
    path: ``.csv`` (with its ``.json`` beside it, where there is one), ``.parquet`` or ``.xlsx``.
    name: of the sheet (default: the first).

    Raises
    ------
    DataError
        For another file, and a sheet that the workbook has not.
    """
    kind = file_format(path)
    if kind == "parquet":
        return pd.read_parquet(path)
    if kind == "csv":
        beside = path.with_suffix(".json")
        held = _read_csv(path)
        types = {n: fact["type"] for n, fact in read_json(beside).items()} if beside.is_file() else None
        return _typed(held, types if types is not None else known_types(held.columns))
    sheets = read_workbook(path)
    chosen = next(iter(sheets)) if name is None else name
    if chosen not in sheets:
        raise DataError(path, f"no sheet {chosen!r}", ", ".join(sheets))
    facts = sheets.get(COLUMNS_SHEET)
    listed = facts[facts["table"] == chosen] if facts is not None else None
    types = {} if listed is None else dict(zip(listed["column"], listed["type"], strict=True))
    return _typed(sheets[chosen], types)


def _columns_table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each column of each table: table, column, type, unit, meaning."""
    rows = [
        {"table": name, "column": column, **fact}
        for name, table in tables.items()
        for column, fact in data_dictionary(table).items()
    ]
    return pd.DataFrame(rows, columns=["table", "column", "type", "unit", "meaning"])


def _read_csv(path: Path) -> pd.DataFrame:
    """Every cell as its text, None for an empty one."""
    try:
        held = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: parsing and decoding
        raise DataError(path, f"not readable ({error})", "a CSV that dfe exported") from None
    return held.rename(columns=original_cell).map(lambda text: original_cell(text) if text else None)


def _typed(table: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """Cells of text or number as the types that the columns had; columns of unknown type as numbers where all are."""
    return pd.DataFrame({name: _column(table[name], types.get(name)) for name in table.columns})


def _column(cells: pd.Series, kind: str | None) -> pd.Series:
    if kind is None:
        numbers = pd.to_numeric(cells, errors="coerce")
        kind = "float64" if cells.notna().any() and numbers.notna().eq(cells.notna()).all() else TEXT
    if kind == TEXT:
        return pd.Series([cell if isinstance(cell, str) else None for cell in cells], cells.index)
    if kind == "bool":
        return cells.map(lambda cell: cell in (True, "True", "true")).astype(bool)
    if np.dtype(kind).kind in "iu":
        return cells.map(int).astype(np.dtype(kind))
    return cells.map(lambda cell: float("nan") if cell is None else float(cell)).astype(np.dtype(kind))
