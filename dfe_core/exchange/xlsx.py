"""Workbooks of Excel (Office Open XML, ECMA-376 part 1), written and read without Excel: plain sheets of a table each.

Texts are inline strings, which no spreadsheet runs as a formula, so that they need no apostrophe; numbers have every
digit. `dfe_core.workbook` reads them, and those of others.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.workbook import MAIN, Sheet, read_sheets

ROWS = 1_048_575
"""Rows of a sheet below its header."""
COLUMNS = 16_384
LONGEST_TEXT, LONGEST_NAME = 32_767, 31
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_FIRST = (1980, 1, 1, 0, 0, 0)
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf/><xf fontId="1" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_FROZEN = (
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" '
    'state="frozen"/></sheetView></sheetViews>'
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")


def write_workbook(sheets: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write one sheet per table, the header bold and frozen. The same tables give the same bytes.

    Raises `DataError` for more rows, columns or characters than a sheet has, and for names that no sheet may have.
    """
    for name, table in sheets.items():
        _refuse(name, table, path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, text in _parts(list(sheets)).items():
            archive.writestr(zipfile.ZipInfo(part, _FIRST), text, zipfile.ZIP_DEFLATED)
        for number, table in enumerate(sheets.values(), 1):
            entry = zipfile.ZipInfo(f"xl/worksheets/sheet{number}.xml", _FIRST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as raw, TextIOWrapper(raw, "utf-8", newline="\n") as sink:
                _write_sheet(table, sink)


def read_workbook(path: Path) -> dict[str, pd.DataFrame]:
    """The tables of a workbook by the names of their sheets: texts, floats and bools; empty cells are None. Raises
    `DataError` for another file."""
    return {sheet.name: _table(sheet) for sheet in read_sheets(path)}


def _table(sheet: Sheet) -> pd.DataFrame:
    header, *rows = sheet.rows or [[]]
    cells = [(row + [None] * (len(header) - len(row)))[: len(header)] for row in rows]
    return pd.DataFrame(cells, columns=header, dtype=object)


def _refuse(name: str, table: pd.DataFrame, path: Path) -> None:
    if len(table) > ROWS or table.shape[1] > COLUMNS:
        raise DataError(
            path,
            f"{len(table):,} rows and {table.shape[1]:,} columns",
            f"at most {ROWS:,} rows and {COLUMNS:,} columns for Excel; csv and parquet take any",
        )
    if not 0 < len(name) <= LONGEST_NAME or re.search(r"[\[\]:*?/\\]", name):
        raise DataError(path, f"a sheet named {name!r}", f"1 to {LONGEST_NAME} characters without []:*?/\\")


def _parts(names: list[str]) -> dict[str, str]:
    """Every part of the package but the sheets."""
    numbers = range(1, len(names) + 1)
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{i}" r:id="rId{i}"/>' for i, name in zip(numbers, names, strict=True)
    )
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{_TYPES}.worksheet+xml"/>' for i in numbers
    )
    relations = "".join(_relation(i, "worksheet", f"worksheets/sheet{i}.xml") for i in numbers)
    styles = _relation(len(names) + 1, "styles", "styles.xml")
    return {
        "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/>{overrides}</Types>',
        "_rels/.rels": f"{_HEAD}{_relations(_relation(1, 'officeDocument', 'xl/workbook.xml'))}",
        "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{MAIN}" xmlns:r="{_RELATIONS}"><sheets>{listed}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f"{_HEAD}{_relations(relations + styles)}",
        "xl/styles.xml": _STYLES,
    }


def _relation(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'


def _relations(inside: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inside}</Relationships>'


def _write_sheet(table: pd.DataFrame, sink: TextIOWrapper) -> None:
    letters = [_letters(i) for i in range(table.shape[1])]
    sink.write(f'{_HEAD}<worksheet xmlns="{MAIN}">{_FROZEN}<sheetData>')
    sink.write(_row(1, letters, [str(name) for name in table.columns], ' s="1"'))
    sink.writelines(_row(number, letters, values) for number, values in enumerate(_rows(table), 2))
    sink.write("</sheetData></worksheet>")


def _rows(table: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Rows of Python values; a float32 as the shortest number that gives it back."""
    columns = [table.iloc[:, i] for i in range(table.shape[1])]
    return zip(*(_values(column) for column in columns), strict=True)


def _values(column: pd.Series) -> list[Any]:
    if column.dtype == np.float32:
        return [float(str(value)) for value in column.to_numpy()]
    return column.tolist()


def _row(number: int, letters: list[str], values: Any, style: str = "") -> str:
    cells = "".join(_cell(f"{at}{number}", value, style) for at, value in zip(letters, values, strict=True))
    return f'<row r="{number}">{cells}</row>'


def _cell(place: str, value: Any, style: str) -> str:
    """One cell; nothing for a missing value. Raises `DataError` for a text that is too long."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}"{style} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)) and abs(value) != float("inf"):
        return f'<c r="{place}"{style}><v>{value!r}</v></c>'
    text = _CONTROL.sub(_hexadecimal, str(value))
    if len(text) > LONGEST_TEXT:
        raise DataError(place, f"a text of {len(text):,} characters", f"at most {LONGEST_TEXT:,} in a cell of Excel")
    return f'<c r="{place}"{style} t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def _hexadecimal(match: re.Match[str]) -> str:
    """A character that XML has not, as Excel writes it; a text that looks so keeps its letters."""
    text = match[0]
    return f"_x{ord(text):04X}_" if len(text) == 1 else f"_x005F{text}"


def _letters(column: int) -> str:
    """A, B, … Z, AA: the name of a column from its number."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
