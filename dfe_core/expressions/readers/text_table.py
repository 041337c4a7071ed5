"""Text tables as tools write them: separator, decimal sign and encoding found out, every fault told with its place."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv

from dfe_core.errors import DataError

MAX_LINE_BYTES = 1 << 20
"""Longer lines are no table; what follows is never read."""
_MISSING = ["", "nan", "NaN", "NAN", "-nan", "NA", "N/A", "#N/A", "null", "NULL", "None"]
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class TextTable:
    """A text table whose head has been read.

    header: (C,) column names, stripped. preamble: lines up to and with the header. singles: columns of numbers that are
    parsed as float32.
    """

    path: Path
    header: tuple[str, ...]
    preamble: int
    delimiter: str
    decimal: str
    encoding: str
    notes: tuple[str, ...] = ()
    singles: frozenset[int] = frozenset()

    def read(self, numbers: Sequence[int], texts: Sequence[int] = (), pad: re.Pattern[bytes] | None = None
             ) -> tuple[dict[int, np.ndarray], tuple[str, ...]]:
        """Columns by index: `numbers` as (T,) float64 with NaN where empty, `texts` as pyarrow string arrays.

        Short lines that match `pad` as a whole are frames in which the tool wrote nothing more: the rest is empty.
        A last line with too few columns is dropped; the second value says so, one sentence a fact. Raises `DataError`
        for a row with another number of columns elsewhere, for text where a number belongs, and for bytes that are
        no text.
        """
        table, dropped = self._read(numbers, texts, pad)
        return self._columns(table, numbers, texts), dropped

    def read_block(self, block: Sequence[int], numbers: Sequence[int], texts: Sequence[int] = (),
                   ) -> tuple[np.ndarray, dict[int, np.ndarray], tuple[str, ...]]:
        """As `read`, with the columns `block` as one (T, B) float32 array in their order, filled as they are parsed,
        without a copy of each column first. What float32 cannot hold becomes infinite."""
        table, dropped = replace(self, singles=frozenset(block))._read([*block, *numbers], texts, None)
        columns = self._columns(table, numbers, texts)
        out, start = np.empty((table.num_rows, len(block)), np.float32), 0
        for batch in table.select([str(index) for index in block]).to_batches():  # as parsed: each fits the cache
            part = out[start : start + batch.num_rows]
            np.stack([column.to_numpy(zero_copy_only=False) for column in batch.columns], 1, out=part)
            start += batch.num_rows
        return out, columns, dropped

    def _columns(self, table: pa.Table, numbers: Sequence[int], texts: Sequence[int]) -> dict[int, np.ndarray]:
        if not table.num_rows:
            raise DataError(self.path, "a header and no rows", "one row a frame")
        return {**{index: table[str(index)].to_numpy().astype(np.float64, copy=False) for index in numbers},
                **{index: table[str(index)].combine_chunks() for index in texts}}

    def _kind(self, index: int) -> pa.DataType:
        return pa.float32() if index in self.singles else pa.float64()

    def _read(self, numbers: Sequence[int], texts: Sequence[int], pad: re.Pattern[bytes] | None
              ) -> tuple[pa.Table, tuple[str, ...]]:
        try:
            return self._parse(numbers, texts, self.path), ()
        except UnicodeDecodeError as error:
            raise DataError(self.path, f"bytes that are not {error.encoding} text", "UTF-8") from None
        except pa.ArrowInvalid as error:
            if "CSV parse error: Expected" not in str(error):
                raise self._fault(str(error), numbers) from None
        end, cells = self._last_short_line(pad)
        try:
            table = self._parse(numbers, texts, self._repaired(end, pad))
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise self._fault(str(error), numbers) from None
        return table, (f"The last line is cut off after {cells} of {len(self.header)} columns: one frame dropped.",) \
            if cells else ()

    def _parse(self, numbers: Sequence[int], texts: Sequence[int], source: Path | pa.BufferReader) -> pa.Table:
        types = {**{str(i): self._kind(i) for i in numbers}, **{str(i): pa.string() for i in texts}}
        return pcsv.read_csv(
            source,
            read_options=pcsv.ReadOptions(column_names=[str(i) for i in range(len(self.header))],
                                          skip_rows=self.preamble, encoding=self.encoding, block_size=MAX_LINE_BYTES),
            parse_options=pcsv.ParseOptions(delimiter=self.delimiter),
            convert_options=pcsv.ConvertOptions(column_types=types, include_columns=list(types), null_values=_MISSING,
                                                decimal_point=self.decimal))

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
        return DataError(f"{self.path}, line {fault[0]}", f"{fault[2]} columns" if fault[2] else "an open quote",
                         f"{len(self.header)} as in the header, between {self.delimiter!r}")

    def _fault(self, message: str, numbers: Sequence[int]) -> DataError:
        if "Could not skip" in message:
            return DataError(self.path, "a header and no rows", "one row a frame")
        if "straddling" in message:
            return DataError(self.path, f"a line longer than {MAX_LINE_BYTES >> 10} kB", "one line a frame")
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
            if value is not None and value not in _MISSING and not _is_number(value, self.decimal):
                return self.preamble + i + 1, value[:40]
        return 0, ""


def _is_number(value: str, decimal: str) -> bool:
    try:
        float(value.replace(decimal, "."))
    except ValueError:
        return False
    return True


def read_header(head: bytes) -> list[str] | None:
    """Column names in the first bytes of a text table, None where they are no table; never raises."""
    try:
        return list(_layout(Path("-"), head)[0])
    except DataError:
        return None


def open_text_table(path: Path) -> TextTable:
    """Read the head of a text table. Raises `DataError` when it is none: binary, one endless line, no header."""
    try:
        with open(path, "rb") as handle:
            head = handle.read(MAX_LINE_BYTES)
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None
    header, preamble, delimiter, decimal, encoding, notes = _layout(path, head)
    return TextTable(path, header, preamble, delimiter, decimal, encoding, notes)


def _layout(path: Path, head: bytes) -> tuple[tuple[str, ...], int, str, str, str, tuple[str, ...]]:
    """Header, lines up to and with it, separator, decimal sign, encoding, notes."""
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), None)
    if encoding is None and b"\0" in head[:4096]:
        raise DataError(path, "binary data, or UTF-16 without its mark", "a text table in UTF-8")
    text, notes = _decode(head, encoding)
    if text.lstrip()[:1] in ("{", "["):
        raise DataError(path, "JSON", "a text table")
    if "\n" not in text and "\r" not in text and len(head) >= MAX_LINE_BYTES:
        raise DataError(path, f"a first line longer than {MAX_LINE_BYTES >> 10} kB", "a header and one line a frame")
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.strip() and not re.match(r"#|sep=.$", line)), None)
    if start is None:
        raise DataError(path, "no header", "a line of column names")
    delimiter = max(",;\t", key=lines[start].count)
    try:
        header = next(csv.reader([lines[start]], delimiter=delimiter))
    except (csv.Error, StopIteration) as error:
        raise DataError(path, f"a header that is not readable ({error})", "column names") from None
    body = "\n".join(lines[start + 1:start + 20])
    decimal = "," if delimiter != "," and re.search(r"\d,\d", body) and not re.search(r"\d\.\d", body) else "."
    return (tuple(name.strip() for name in header), start + 1, delimiter, decimal, encoding or "utf-8",
            (*notes, *(("Numbers with decimal commas.",) if decimal == "," else ())))


def _decode(head: bytes, encoding: str | None) -> tuple[str, tuple[str, ...]]:
    if encoding == "utf-16":
        return head[: len(head) & ~1].decode("utf-16", "ignore"), ("UTF-16 text.",)
    return head.decode("utf-8-sig", "replace"), ()
