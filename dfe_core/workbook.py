"""Any workbook of Excel (``.xlsx``, Office Open XML, ECMA-376 part 1) as tables of values.

Only values are read, those that were stored with the file: formulas, macros, links and queries are neither evaluated
nor followed, and XML with entities is refused (defusedxml). What a file unfolds to is bounded.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from dfe_core.errors import DataError

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
MOST_BYTES, MOST_SHARED_BYTES = 2 << 30, 256 << 20
"""A sheet, or another part of a workbook, that unfolds to more is refused."""
MOST_CELLS = 50_000_000
_STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_ID = re.compile(r"(relationships\})?id$")
_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
"""Numbers of the built-in formats that show a date or a time (ECMA-376 part 1, 18.8.30)."""
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_EPOCH, _EPOCH_1904 = (datetime(*day, tzinfo=timezone.utc) for day in ((1899, 12, 30), (1904, 1, 1)))


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Rows of a sheet, the header first: texts, floats, bools, None. A row is as long as its last cell.

    unevaluated: the first cell with a formula whose value the file does not hold, such as ``B2``; empty for none.
    """

    name: str
    rows: list[list[Any]]
    unevaluated: str = ""


def read_sheets(path: Path, most_cells: int = MOST_CELLS) -> list[Sheet]:
    """Every sheet of a workbook. Raises `DataError` for a file that is none, is damaged, or holds too much."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError

    try:
        with zipfile.ZipFile(path) as archive:
            return _Workbook(archive, path, most_cells).sheets()
    except DataError:
        raise
    except (
        *(OSError, KeyError, ValueError, IndexError, EOFError, OverflowError, NotImplementedError, RuntimeError),
        *(zipfile.BadZipFile, zlib.error, ParseError, DefusedXmlException),
    ) as error:
        raise DataError(path, f"not readable as a workbook ({type(error).__name__})", "an .xlsx file") from None


class _Workbook:
    """The parts of an open workbook that every sheet needs."""

    def __init__(self, archive: zipfile.ZipFile, path: Path, most_cells: int) -> None:
        self.archive, self.path, self.room = archive, path, most_cells
        book = self._tree("xl/workbook.xml")
        self.names = [(sheet.get("name") or "", _relation_of(sheet)) for sheet in _all(book, "sheet")]
        self.targets = self._targets()
        properties = next(iter(_all(book, "workbookPr")), None)
        self.epoch = _EPOCH_1904 if properties is not None and properties.get("date1904") in ("1", "true") else _EPOCH
        self.shared = self._shared()
        self.dated = self._dated()

    def sheets(self) -> list[Sheet]:
        """All of them, in the order of the workbook."""
        return [self._sheet(name, self.targets[relation]) for name, relation in self.names if relation in self.targets]

    def _tree(self, part: str) -> Any:
        from defusedxml.ElementTree import fromstring

        return fromstring(self.archive.read(self._bounded(part, MOST_SHARED_BYTES)))

    def _bounded(self, part: str, most: int) -> zipfile.ZipInfo:
        """A part of the archive, of which no more is read than its entry says."""
        info = self.archive.getinfo(part)
        if info.file_size > most:
            raise DataError(self.path, f"a part that unfolds to {info.file_size >> 20:,} MB", f"{most >> 20} MB")
        return info

    def _targets(self) -> dict[str, str]:
        """Paths in the archive by the ids of relations: only parts of the workbook itself."""
        tree = self._tree("xl/_rels/workbook.xml.rels")
        found = {}
        for relation in tree.iter():
            target = relation.get("Target")
            if (
                target
                and relation.get("TargetMode") != "External"
                and str(relation.get("Type", "")).endswith("/worksheet")
            ):
                inside = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
                found[str(relation.get("Id"))] = inside
        return found

    def _shared(self) -> list[str]:
        if "xl/sharedStrings.xml" not in self.archive.namelist():
            return []
        return [_text(item) for item in _all(self._tree("xl/sharedStrings.xml"), "si")]

    def _dated(self) -> set[str]:
        """Numbers of the cell styles that show a date."""
        if "xl/styles.xml" not in self.archive.namelist():
            return set()
        tree = self._tree("xl/styles.xml")
        custom = {f.get("numFmtId"): f.get("formatCode") or "" for f in _all(tree, "numFmt")}
        formats = [xf.get("numFmtId") or "0" for styles in _all(tree, "cellXfs") for xf in _all(styles, "xf")]
        return {str(i) for i, number in enumerate(formats) if _shows_date(number, custom.get(number))}

    def _sheet(self, name: str, part: str) -> Sheet:
        rows: list[list[Any]] = []
        unevaluated = ""
        for number, cells in self._rows(part):
            while len(rows) < number - 1 <= 1_048_576:
                rows.append([])
            values: list[Any] = []
            for place, cell in enumerate(cells):
                at = _column(cell.get("r")) if cell.get("r") else place
                if at < len(values):
                    raise ValueError(at)
                values += [None] * (at - len(values))
                formula = cell.find(_tag(cell, "f")) is not None
                if formula and not cell.findtext(_tag(cell, "v")) and not unevaluated:
                    unevaluated = cell.get("r") or f"row {number}"
                values.append(self._value(cell))
            self.room -= len(values)
            if self.room < 0:
                raise DataError(self.path, "more cells than are read", "a smaller workbook")
            rows.append(values)
        return Sheet(name=name, rows=rows, unevaluated=unevaluated)

    def _rows(self, part: str) -> Iterator[tuple[int, list[Any]]]:
        """Number and cells of each row that the sheet holds."""
        from defusedxml.ElementTree import iterparse

        number = 0
        with self.archive.open(self._bounded(part, MOST_BYTES)) as source:
            for _, row in iterparse(source):
                if row.tag.endswith("}row"):
                    number = int(row.get("r") or number + 1)
                    yield number, [cell for cell in row if cell.tag.endswith("}c")]
                    row.clear()

    def _value(self, cell: Any) -> Any:
        kind, raw = cell.get("t", "n"), cell.findtext(_tag(cell, "v"))
        if kind == "inlineStr":
            inside = cell.find(_tag(cell, "is"))
            return "" if inside is None else _text(inside)
        if raw is None or kind == "e":  # an error, as #N/A, is no value
            return None
        if kind == "s":
            return self.shared[int(raw)]
        if kind in ("str", "d"):
            return _unescaped(raw)
        if kind == "b":
            return raw.strip() in ("1", "true")
        value = float(raw)
        return self._date(value) if cell.get("s") in self.dated else value

    def _date(self, days: float) -> str:
        """A day as ISO text, with its time where it has one; a time alone where there is no day."""
        when = self.epoch + timedelta(days=round(days * 86400) / 86400)
        if 0 <= days < 1:
            return f"{when:%H:%M:%S}"
        return f"{when:%Y-%m-%d}" if (when.hour, when.minute, when.second) == (0, 0, 0) else f"{when:%Y-%m-%d %H:%M:%S}"


def _shows_date(number: str, code: str | None) -> bool:
    if code is None:
        return number.isdigit() and int(number) in _DATES
    plain = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", code).split(";")[0].lower()
    return bool(re.search(r"[ymdhs]", plain)) and "general" not in plain


def _text(item: Any) -> str:
    """The runs of a string together, without how it is pronounced."""
    runs = [item, *(run for run in item if run.tag.endswith("}r"))]
    return _unescaped("".join(t.text or "" for run in runs for t in run if t.tag.endswith("}t")))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def _relation_of(sheet: Any) -> str:
    return next((value for name, value in sheet.attrib.items() if _ID.search(name)), "")


def _all(tree: Any, name: str) -> Iterator[Any]:
    for space in (MAIN, _STRICT):
        yield from tree.iter(f"{{{space}}}{name}")


def _tag(cell: Any, name: str) -> str:
    """The name of a part of a cell, in the cell's own namespace."""
    return f"{cell.tag.partition('}')[0]}}}{name}"


def _column(place: str) -> int:
    """0 for A1, 26 for AA1. Raises `ValueError` for no place, or one beyond a sheet."""
    match = re.match(r"([A-Z]{1,3})\d+$", place)
    if match is None:
        raise ValueError(place)
    number = 0
    for letter in match[1]:
        number = 26 * number + ord(letter) - 64
    if number > 16_384:
        raise ValueError(place)
    return number - 1
