"""What is at the end of a Parquet file, read and written a row group at a time.

pyarrow reads all of it into objects: 147 MB for 28,000 row groups, which every worker would hold. It is one structure
in Thrift's compact protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md)
with the fields of https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.
Here the row groups in it are found without being read; those that are wanted make a footer of their own, which pyarrow
takes for the file's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from dfe_core.errors import DataError
from dfe_core.remote import open_bytes

if TYPE_CHECKING:
    import pyarrow.parquet as pq

MAGIC = b"PAR1"
_END = struct.Struct("<I4s")
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, LIST, _SET, STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
I16, _I32, I64 = 4, 5, 6
_SCHEMA, _ROWS, _GROUPS = 2, 3, 4
"""Fields of a file's metadata."""
_GROUP_ROWS = 3
"""Of a row group."""

Structure = dict[int, tuple[int, Any]]
"""{field: (kind, value)}; of a list the value is the kind of its values and these. A structure or a list in it may be
bytes."""
Opened = dict[int, "Opened"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Footer:
    """The metadata of a Parquet file.

    begins, ends: (groups,) where in `data` those of each row group are. rows: (groups,) of each row group.
    other: all of the metadata but the row groups.
    """

    data: bytes
    begins: np.ndarray
    ends: np.ndarray
    rows: np.ndarray
    other: Structure

    @cached_property
    def row_ends(self) -> np.ndarray:
        """(groups,) int64: the row after the last of each row group."""
        return np.cumsum(self.rows, dtype=np.int64)

    @property
    def columns(self) -> tuple[int, Any]:
        """The columns, with the names of their parts as the version of pyarrow that wrote them has them."""
        return self.other[_SCHEMA]

    def group(self, number: int) -> bytes:
        """The metadata of a row group as they are in the file."""
        return self.data[self.begins[number] : self.ends[number]]

    def of(self, first: int, last: int) -> pq.FileMetaData:
        """Metadata of the file as if it had the row groups `first` to `last` − 1 alone."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        groups = [self.group(number) for number in range(first, last)]
        return pq.read_metadata(pa.BufferReader(MAGIC + self.written(groups, int(self.rows[first:last].sum()))))

    def written(self, groups: list[bytes], rows: int) -> bytes:
        """The end of a file with this schema and these row groups."""
        before, after = self.around(len(groups), rows)
        data = b"".join((before, *groups, after))
        return data + file_end(len(data))

    def around(self, groups: int, rows: int) -> tuple[bytes, bytes]:
        """What is before and after the metadata of so many row groups, so that they need not be in memory."""
        earlier = {field: value for field, value in self.other.items() if field < _GROUPS} | {_ROWS: (I64, rows)}
        later = {field: value for field, value in self.other.items() if field > _GROUPS}
        before = write_structure(earlier)[:-1] + _field(_GROUPS, max(earlier), LIST) + _list_head(groups, STRUCT)
        return bytes(before), bytes(write_structure(later, after=_GROUPS))


def file_end(length: int) -> bytes:
    """The last bytes of a file whose metadata are so long."""
    return _END.pack(length, MAGIC)


def read_footer(path: Path) -> Footer:
    """The footer of a Parquet file of this machine or in a bucket. Raises `DataError` for a file that is none."""
    with open_bytes(path) as file:
        return footer_of(file, path)


def footer_of(file: BinaryIO, where: Path | str) -> Footer:
    """The footer of an open Parquet file. where: what an error names. Raises `DataError` for a file that is none."""
    end = file.seek(0, 2) - _END.size
    if end < 0:
        raise DataError(where, "no Parquet file", "a file that is whole")
    file.seek(end)
    length, magic = _END.unpack(file.read(_END.size))
    if magic != MAGIC or length > end:
        raise DataError(where, "no Parquet file", "a file that is whole")
    file.seek(end - length)
    data = file.read(length)
    try:
        return _Reading(data).footer()
    except (IndexError, RecursionError, OverflowError):
        raise DataError(where, "damaged metadata", "a file that is whole") from None


def read_structure(data: bytes, opened: Opened | None = None) -> Structure:
    """A structure of the compact protocol. opened: the fields whose structures and lists are read, and of these
    likewise; the others stay the bytes that they are. None reads all."""
    return _Reading(data).structure(opened)


class _Reading:
    """Values of the compact protocol, one after the other."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def number(self) -> int:
        """An unsigned number, seven bits a byte."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self) -> int:
        """A signed number: zigzag."""
        value = self.number()
        return value >> 1 ^ -(value & 1)

    def taken(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def footer(self) -> Footer:
        other: Structure = {}
        places: list[tuple[int, int, int]] = []
        field = 0
        while head := self.taken(1)[0]:
            field = field + (head >> 4) if head >> 4 else self.signed()
            kind = head & 15
            if field == _GROUPS and kind == LIST:
                places = self._groups()
            else:
                other[field] = (kind, kind == _TRUE if kind in (_TRUE, _FALSE) else self.value(kind))
        begins, ends, rows = np.array(places, np.int64).reshape(-1, 3).T
        return Footer(data=self.data, begins=begins, ends=ends, rows=rows, other=other)

    def _groups(self) -> list[tuple[int, int, int]]:
        """Where each row group begins and ends, and how many rows it has."""
        head = self.taken(1)[0]
        count = self._count(head)
        places = []
        for _ in range(count):
            begin, rows, field = self.at, 0, 0
            while head := self.taken(1)[0]:
                field = field + (head >> 4) if head >> 4 else self.signed()
                if field == _GROUP_ROWS:
                    rows = self.signed()
                else:
                    self.at = _after(self.data, self.at, head & 15)
            places.append((begin, self.at, rows))
        return places

    def _count(self, head: int) -> int:
        """Of the values of a list."""
        count = head >> 4 if head >> 4 < 15 else self.number()
        if count > len(self.data):
            raise IndexError
        return count

    def structure(self, opened: Opened | None = None) -> Structure:
        found: Structure = {}
        field = 0
        while head := self.taken(1)[0]:
            field = field + (head >> 4) if head >> 4 else self.signed()
            kind = head & 15
            if kind in (_TRUE, _FALSE):
                found[field] = kind, kind == _TRUE
            elif kind in (LIST, STRUCT) and opened is not None and field not in opened:
                found[field] = kind, self.taken(_after(self.data, self.at, kind) - self.at)
            else:
                found[field] = kind, self.value(kind, None if opened is None else opened.get(field))
        return found

    def value(self, kind: int, opened: Opened | None = None) -> Any:
        if kind in (I16, _I32, I64):
            return self.signed()
        if kind == _BINARY:
            return self.taken(self.number())
        if kind == STRUCT:
            return self.structure(opened)
        if kind in (LIST, _SET):
            head = self.taken(1)[0]
            count = self._count(head)
            return head & 15, [self.value(head & 15, opened) for _ in range(count)]
        if kind in (_TRUE, _FALSE, _BYTE):
            return self.taken(1)
        if kind == _DOUBLE:
            return self.taken(8)
        raise DataError("Parquet metadata", f"a value of kind {kind}", "those of parquet.thrift")


def _after(data: bytes, at: int, kind: int) -> int:
    """Where the value ends that begins here."""
    if kind == STRUCT:
        while head := data[at]:
            at += 1
            if not head >> 4:
                at = _after_number(data, at)
            at = _after(data, at, head & 15)
        return at + 1
    if kind in (I16, _I32, I64):
        return _after_number(data, at)
    if kind == _BINARY:
        length = _Reading(data, at)
        return length.number() + length.at
    if kind in (LIST, _SET):
        inner, reading = data[at] & 15, _Reading(data, at + 1)
        count = reading._count(data[at])
        at = reading.at
        for _ in range(count):
            at = _after(data, at, _BYTE if inner in (_TRUE, _FALSE) else inner)
        return at
    if kind in (_TRUE, _FALSE):  # of a field, which says the value itself
        return at
    if kind in (_BYTE, _DOUBLE):
        return at + (1 if kind == _BYTE else 8)
    raise DataError("Parquet metadata", f"a value of kind {kind}", "those of parquet.thrift")


def _after_number(data: bytes, at: int) -> int:
    while data[at] > 0x7F:
        at += 1
    return at + 1


def write_structure(values: Structure, after: int = 0) -> bytearray:
    """A structure in the compact protocol. after: the field that has been written before these."""
    out, last = bytearray(), after
    for field in sorted(values):
        kind, value = values[field]
        if kind in (_TRUE, _FALSE):
            kind = _TRUE if value else _FALSE
        out += _field(field, last, kind)
        last = field
        if kind not in (_TRUE, _FALSE):
            out += _value(kind, value)
    out.append(0)
    return out


def _field(field: int, last: int, kind: int) -> bytearray:
    """What stands before the value of a field. last: the field before it."""
    if 0 < field - last < 16:
        return bytearray(((field - last) << 4 | kind,))
    return bytearray((kind,)) + _number(_zigzag(field))


def _list_head(count: int, inner: int) -> bytearray:
    """What stands before so many values of a list."""
    return bytearray((count << 4 | inner,)) if count < 15 else bytearray((15 << 4 | inner,)) + _number(count)


def _value(kind: int, value: Any) -> bytes | bytearray:
    if kind in (I16, _I32, I64):
        return _number(_zigzag(value))
    if kind == _BINARY:
        return _number(len(value)) + value
    if kind in (STRUCT, LIST) and isinstance(value, bytes):  # as they were
        return value
    if kind == STRUCT:
        return write_structure(value)
    if kind in (LIST, _SET):
        inner, values = value
        out = _list_head(len(values), inner)
        for each in values:
            out += _value(inner, each)
        return out
    return value


def _zigzag(value: int) -> int:
    return value << 1 ^ value >> 63


def _number(value: int) -> bytearray:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return out
