"""Text tables as tools write them: separator, decimal sign and encoding found out, every fault told with its place."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from dfe_core.errors import DataError
from dfe_core.expressions.readers.packed_files import packed
from dfe_core.expressions.readers.text_block import line_ranges, read_block_rows

_MOST_METADATA = 60
_LEAST_COLUMNS = 3  # of a table with a title above its header
MAX_LINE_BYTES = 1 << 20
"""Longer lines are no table; what follows is never read."""
MISSING = (
    "",
    *"""
    nan NaN NAN Nan -nan -NaN NA N/A n/a na #N/A null NULL Null None none NONE missing undefined - -- . ? #NV
    #NUM! #VALUE! #DIV/0! #REF! #NAME? nan(ind) -nan(ind) nan(snan) -nan(snan) 1.#INF -1.#INF 1.#INF00 -1.#INF00
    1.#IND -1.#IND 1.#IND00 -1.#IND00 1.#QNAN -1.#QNAN 1.#QNAN0 -1.#QNAN0 1.#SNAN FIT_FAILED FIND_FAILED
    """.split(),
)
"""Spellings of a cell without a number: of C libraries (Microsoft's ``-nan(ind)``), spreadsheets and tools."""
MOST_UNREADABLE = 0.2
"""A column with a larger share of other text is no column of numbers."""
_NUMBER = r"(?i)^[+-]?(\d+\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?|inf|infinity)$"
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """A text table whose head has been read.

    header: (C,) column names, stripped. preamble: lines up to and with the header. singles: columns of numbers that are
    parsed as float32. first: cells of the first row.
    """

    path: Path
    header: tuple[str, ...]
    preamble: int
    delimiter: str
    decimal: str
    encoding: str
    notes: tuple[str, ...] = ()
    singles: frozenset[int] = frozenset()
    first: tuple[str, ...] = ()

    def read(
        self, numbers: Sequence[int], texts: Sequence[int] = (), pad: re.Pattern[bytes] | None = None
    ) -> tuple[dict[int, Any], tuple[str, ...]]:
        """Columns by index: `numbers` as (T,) float64 with NaN where empty, `texts` as pyarrow string arrays.

        Short lines that match `pad` as a whole are frames in which the tool wrote nothing more: the rest is empty.
        A cell with text where a number belongs is NaN, and so is one of `MISSING`; a last line with too few columns
        is dropped; the second value says so, one sentence a fact. Raises `DataError` for a row with another number of
        columns elsewhere, for more text than `MOST_UNREADABLE` of a column of numbers, and for bytes that are no text.
        """
        table, dropped = self._read(numbers, texts, pad)
        return self._columns(table, numbers, texts), dropped

    def read_block(
        self,
        block: Sequence[int],
        numbers: Sequence[int],
        texts: Sequence[int] = (),
    ) -> tuple[np.ndarray, dict[int, np.ndarray], tuple[str, ...]]:
        """As `read`, with the columns `block` as one (T, B) float32 array in their order, filled as they are parsed,
        without a copy of each column first. What float32 cannot hold becomes infinite."""
        single = replace(self, singles=frozenset(block))
        try:
            values, rest = single._streamed(block, numbers, texts)
        except (pa.ArrowInvalid, UnicodeDecodeError):  # which cell it is, and whether the others can be read, is found
            rest, dropped = single._read([*block, *numbers], texts, None)
            values = np.stack([rest[str(index)].to_numpy().astype(np.float32, copy=False) for index in block], 1)
            return values, self._columns(rest, numbers, texts), dropped
        if not len(values):
            raise self._no_rows()
        return values, self._columns(rest, numbers, texts), ()

    def _streamed(
        self, block: Sequence[int], numbers: Sequence[int], texts: Sequence[int]
    ) -> tuple[np.ndarray, pa.Table]:
        ranges = line_ranges(self.path, MAX_LINE_BYTES if self.encoding == "utf-8" else 0)
        rest = list(dict.fromkeys(map(str, (*numbers, *texts))))

        def options(part: int) -> dict[str, Any]:
            return self._options([*block, *numbers], texts, 0 if part else self.preamble)

        return read_block_rows(self.path, ranges, [str(index) for index in block], rest, options)

    def _columns(self, table: pa.Table, numbers: Sequence[int], texts: Sequence[int]) -> dict[int, np.ndarray]:
        if table.num_columns and not table.num_rows:
            raise self._no_rows()
        return {
            **{index: table[str(index)].to_numpy().astype(np.float64, copy=False) for index in numbers},
            **{index: table[str(index)].combine_chunks() for index in texts},
        }

    def _no_rows(self) -> DataError:
        return DataError(self.path, "a header and no rows", "one row per frame")

    def _kind(self, index: int) -> pa.DataType:
        return pa.float32() if index in self.singles else pa.float64()

    def _read(
        self, numbers: Sequence[int], texts: Sequence[int], pad: re.Pattern[bytes] | None
    ) -> tuple[pa.Table, tuple[str, ...]]:
        try:
            return self._parse(numbers, texts, self.path), ()
        except UnicodeDecodeError as error:
            raise DataError(self.path, f"bytes that are not {error.encoding} text", "UTF-8") from None
        except pa.ArrowInvalid as error:
            if "CSV conversion error" in str(error):
                return self._lenient(numbers, texts, self.path, error)
            if "CSV parse error: Expected" not in str(error):
                raise self._fault(str(error), numbers) from None
        end, cells = self._last_short_line(pad)
        told = (
            (f"The last line is cut off after {cells} of {len(self.header)} columns: one frame dropped.",)
            if cells
            else ()
        )
        try:
            return self._parse(numbers, texts, self._repaired(end, pad)), told
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            table, unreadable = self._lenient(numbers, texts, self._repaired(end, pad), error)
        return table, (*told, *unreadable)

    def _lenient(
        self, numbers: Sequence[int], texts: Sequence[int], source: Path | pa.BufferReader, fault: Exception
    ) -> tuple[pa.Table, tuple[str, ...]]:
        """As `_parse`, with NaN for cells that are no numbers. Raises `DataError` for `fault` where that is no way."""
        if "UTF8" in str(fault):
            raise self._fault(str(fault), numbers) from None
        try:
            table = self._parse((), list(dict.fromkeys((*numbers, *texts))), source)
        except (pa.ArrowInvalid, UnicodeDecodeError):
            raise self._fault(str(fault), numbers) from None
        bad: dict[int, np.ndarray] = {}
        for index in dict.fromkeys(numbers):
            values, wrong = _as_numbers(table[str(index)], self._kind(index), self.decimal)
            if wrong.any():
                bad[index] = wrong
                self._check_share(index, wrong, table)
            if index not in texts:
                table = table.set_column(table.column_names.index(str(index)), str(index), values)
        return table, self._unreadable(bad, table.num_rows)

    def _check_share(self, index: int, wrong: np.ndarray, table: pa.Table) -> None:
        given = len(wrong) - table[str(index)].null_count
        if wrong.sum() > MOST_UNREADABLE * given:
            row = int(np.flatnonzero(wrong)[0])
            cell = table[str(index)][row].as_py()[:40]
            raise DataError(
                f"{self.path}, line {self.preamble + row + 1}, column {self.header[index]}",
                f"{cell!r} ({int(wrong.sum()):,} of {given:,} cells are no numbers)",
                "a number (cells of a spreadsheet in per cent: format them as numbers)" if "%" in cell else "a number",
            )

    def _unreadable(self, bad: dict[int, np.ndarray], rows: int) -> tuple[str, ...]:
        if not bad:
            return ()
        cells, frames = sum(int(b.sum()) for b in bad.values()), np.zeros(rows, bool)
        for wrong in bad.values():
            frames |= wrong
        column, first = min(((i, int(np.flatnonzero(b)[0])) for i, b in bad.items()), key=lambda found: found[1])
        return (
            f"{cells:,} cell{'s' * (cells > 1)} with text where a number belongs, in {int(frames.sum()):,} of "
            f"{rows:,} rows (the first: line {self.preamble + first + 1}, column {self.header[column]}): taken as "
            "missing.",
        )

    def _parse(self, numbers: Sequence[int], texts: Sequence[int], source: Path | pa.BufferReader) -> pa.Table:
        return pcsv.read_csv(source, **self._options(numbers, texts, self.preamble))

    def _options(self, numbers: Sequence[int], texts: Sequence[int], skip_rows: int) -> dict[str, Any]:
        """Of pyarrow's readers of CSV."""
        types = {**{str(i): self._kind(i) for i in numbers}, **{str(i): pa.string() for i in texts}}
        return {
            "read_options": pcsv.ReadOptions(
                column_names=[str(i) for i in range(len(self.header))],
                skip_rows=skip_rows,
                encoding=self.encoding,
                block_size=MAX_LINE_BYTES,
            ),
            "parse_options": pcsv.ParseOptions(delimiter=self.delimiter),
            "convert_options": pcsv.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=list(MISSING), decimal_point=self.decimal
            ),
        }

    def _repaired(self, end: int | None, pad: re.Pattern[bytes] | None) -> pa.BufferReader:
        """The first `end` bytes of the file (all for None), with the lines filled up that match `pad`."""
        whole = pa.memory_map(str(self.path)).read_buffer(end)
        if pad is None:
            return pa.BufferReader(whole)
        filled = []
        for line in bytes(whole).splitlines():
            short = len(self.header) - line.count(self.delimiter.encode()) - 1
            filled.append(line + self.delimiter.encode() * short if short > 0 and pad.fullmatch(line) else line)
        return pa.BufferReader(b"\n".join(filled))

    def _last_short_line(self, pad: re.Pattern[bytes] | None) -> tuple[int | None, int]:
        """Where a last line with too few columns starts, and how many it has; (None, 0) where all others match `pad`.

        Raises `DataError` with the line's number for a line of another length anywhere else. pyarrow's own handler of
        such lines is no help: it drops those that are not UTF-8 without a word.
        """
        fault: tuple[int, int, int] | None = None
        padded = False
        if self.encoding != "utf-8":
            raise DataError(self.path, "rows of different lengths", f"{len(self.header)} columns as in the header")
        for number, start, line in self._lines():
            if fault is not None:
                raise self._ragged(fault)
            cells = self._cells(line)
            if cells < len(self.header) and pad is not None and pad.fullmatch(line.rstrip(b"\r\n")):
                padded = True
            elif cells != len(self.header):
                fault = number, start, cells
        if fault is None and padded:
            return None, 0
        if fault is None or fault[2] > len(self.header):
            raise self._ragged(fault or (self.preamble + 1, 0, 0))
        return fault[1], fault[2]

    def _lines(self) -> Iterator[tuple[int, int, bytes]]:
        """Number, first byte and content of the lines below the header that are not blank."""
        start = 0
        with open(self.path, "rb") as handle:
            for number, line in enumerate(iter(lambda: handle.readline(MAX_LINE_BYTES), b""), 1):
                if number > self.preamble and line.strip():
                    yield number, start, line
                start += len(line)

    def _cells(self, line: bytes) -> int:
        if b'"' not in line:
            return line.count(self.delimiter.encode()) + 1
        text = line.decode(self.encoding, "replace").rstrip("\r\n")
        try:
            return len(next(csv.reader([text], delimiter=self.delimiter)))
        except (csv.Error, StopIteration):
            return 0

    def _ragged(self, fault: tuple[int, int, int]) -> DataError:
        return DataError(
            f"{self.path}, line {fault[0]}",
            f"{fault[2]} columns" if fault[2] else "an open quote",
            f"{len(self.header)} as in the header, between {self.delimiter!r}",
        )

    def _fault(self, message: str, numbers: Sequence[int]) -> DataError:
        if "Could not skip" in message:
            return self._no_rows()
        if "straddling" in message:
            return DataError(self.path, f"a line longer than {MAX_LINE_BYTES >> 10} kB", "one line per frame")
        match = re.search(r"CSV column #(\d+)", message)
        if match is None:
            return DataError(self.path, f"not readable as a table ({message.splitlines()[0][:200]})", "a text table")
        index = int(match[1])
        name = self.header[index] if index < len(self.header) else f"number {index + 1}"
        if index not in numbers or "UTF8" in message:
            return DataError(f"{self.path}, column {name}", "bytes that are not UTF-8 text", "UTF-8 text")
        row, value = self._first_text(index)
        place = f", line {row}" if row else ""
        return DataError(f"{self.path}{place}, column {name}", f"{value!r}" if row else message[-80:], "a number")

    def _first_text(self, index: int) -> tuple[int, str]:
        """Line and value of the first entry of a column that is no number; (0, "") when it cannot be found."""
        try:
            column = self._parse((), (index,), self.path)[str(index)]
        except (pa.ArrowInvalid, UnicodeDecodeError):
            return 0, ""
        for i, value in enumerate(column.to_pylist()):
            if value is not None and value not in MISSING and not _is_number(value, self.decimal):
                return self.preamble + i + 1, value[:40]
        return 0, ""


def _as_numbers(column: pa.ChunkedArray, kind: pa.DataType, decimal: str) -> tuple[pa.ChunkedArray, np.ndarray]:
    """A column of text as numbers, null where it is none, and (T,) which cells hold other text."""
    text = pc.utf8_trim_whitespace(column)
    text = pc.replace_substring(text, decimal, ".") if decimal != "." else text
    number = pc.match_substring_regex(text, _NUMBER)
    missing = pc.is_in(text, value_set=pa.array(MISSING))
    wrong = pc.and_(pc.invert(pc.fill_null(pc.or_(number, missing), True)), pc.is_valid(text))
    clean = pc.replace_substring_regex(
        pc.if_else(pc.fill_null(number, False), text, pa.scalar(None, pa.string())), r"^\+", ""
    )
    return pc.cast(clean, kind), wrong.to_numpy()


def _is_number(value: str, decimal: str) -> bool:
    try:
        float(value.replace(decimal, "."))
    except ValueError:
        return False
    return True


def read_header(head: bytes) -> list[str] | None:
    """Column names in the first bytes of a text table, None where they are no table; never raises."""
    try:
        return list(_layout(Path("-"), head).header)
    except DataError:
        return None


def open_text_table(path: Path) -> TextTable:
    """Read the head of a text table. Raises `DataError` when it is none: binary, one endless line, no header."""
    try:
        with open(path, "rb") as handle:
            head = handle.read(MAX_LINE_BYTES)
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
    return _layout(path, head)


def _layout(path: Path, head: bytes) -> TextTable:
    """What the head of a file tells of the table. Raises `DataError` where it is none."""
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), None)
    if kind := packed(head):
        raise DataError(path, *kind)
    if encoding is None and b"\0" in head[:4096]:
        raise DataError(path, "binary data, or UTF-16 without its mark", "a text table in UTF-8")
    text, notes = _decode(head, encoding)
    if text.lstrip()[:1] in ("{", "["):
        raise DataError(path, "JSON", "a text table")
    if "\n" not in text and "\r" not in text and len(head) >= MAX_LINE_BYTES:
        raise DataError(path, f"a first line longer than {MAX_LINE_BYTES >> 10} kB", "a header and one line per frame")
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.strip() and not re.match(r"#|sep=.$", line)), None)
    if start is None:
        raise DataError(path, "no header", "a line of column names")
    start = _below_title(lines, _below_metadata(lines, start))
    delimiter = max(",;\t", key=lines[start].count)
    try:
        header = next(csv.reader([lines[start]], delimiter=delimiter))
    except (csv.Error, StopIteration) as error:
        raise DataError(path, f"a header that is not readable ({error})", "column names") from None
    if stacked := _stacked_header(lines[start : start + 3], delimiter):
        header, start = stacked, start + 2
    if _ends_with_separator(lines[start + 1 : start + 20], delimiter, len(header)):
        header.append("")
    body = "\n".join(lines[start + 1 : start + 20])
    decimal = "," if delimiter != "," and re.search(r"\d,\d", body) and not re.search(r"\d\.\d", body) else "."
    notes += ("Numbers with decimal commas.",) if decimal == "," else ()
    return TextTable(
        path=path,
        header=tuple(name.strip() for name in header),
        preamble=start + 1,
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding or "utf-8",
        notes=notes,
        first=_first_row(lines[start + 1 : start + 20], delimiter),
    )


def _stacked_header(lines: Sequence[str], delimiter: str) -> list[str]:
    """Column names of DeepLabCut's three header rows (scorer, bodyparts, coords), as ``nose_x`` after ``frame``; [] for
    other tables."""
    cells = [[cell.strip() for cell in line.split(delimiter)] for line in lines]
    if [row[0].lower() for row in cells] != ["scorer", "bodyparts", "coords"] or len(set(map(len, cells))) != 1:
        return []
    return ["frame", *(f"{part}_{axis}" for part, axis in zip(cells[1][1:], cells[2][1:], strict=True))]


def _below_metadata(lines: Sequence[str], start: int) -> int:
    """The line of the header: `start`, or, where lines of metadata stand above the table (iMotions, FaceReader), the
    first of the many cells that the lines below it have too."""
    counts = {
        i: max(map(lines[i].count, ",;\t"))
        for i in range(start, min(len(lines), start + _MOST_METADATA))
        if lines[i].strip()
    }
    most = max(counts.values())
    usual = [i for i, count in counts.items() if count == most]
    return usual[0] if most >= 4 and len(usual) > 2 and 3 * counts[start] < most else start


def _below_title(lines: Sequence[str], start: int) -> int:
    """The line of the header: `start`, or the next one where a spreadsheet's title stands above it in a row of cells
    of which nearly all are empty."""
    cells = re.split(r"[,;\t]", lines[start])
    below = next((i for i in range(start + 1, min(len(lines), start + 4)) if lines[i].strip(" ,;\t")), None)
    if below is None or len(cells) < _LEAST_COLUMNS or sum(map(bool, map(str.strip, cells))) > max(1, len(cells) // 5):
        return start
    named = [cell for cell in re.split(r"[,;\t]", lines[below]) if cell.strip()]
    return below if len(named) > 0.8 * len(cells) and not any(_is_number(cell, ".") for cell in named) else start


def _ends_with_separator(rows: Sequence[str], delimiter: str, columns: int) -> bool:
    """Whether all rows end with a separator more than the header has."""
    rows = [row for row in rows if row.strip()]
    return bool(rows) and all(
        row.count(delimiter) == columns and row.rstrip(" ").endswith(delimiter) and '"' not in row for row in rows
    )


def _first_row(lines: Sequence[str], delimiter: str) -> tuple[str, ...]:
    line = next((line for line in lines if line.strip()), "")
    try:
        return tuple(cell.strip() for cell in next(csv.reader([line], delimiter=delimiter)))
    except (csv.Error, StopIteration):
        return ()


def _decode(head: bytes, encoding: str | None) -> tuple[str, tuple[str, ...]]:
    if encoding == "utf-16":
        return head[: len(head) & ~1].decode("utf-16", "ignore"), ("UTF-16 text.",)
    return head.decode("utf-8-sig", "replace"), ()
