"""Large JSON read through a window of text, its long lists packed as they come.

`json.loads` needs the file's bytes, its text and a Python object a number at once: four to seven times the file's
size. Here the C scanner of `json` reads what fits in the window (a frame, a list of numbers); only the containers
around it are walked in Python, so that the grammar is the same.
"""

from __future__ import annotations

import codecs
import json
import re
from array import array
from pathlib import Path
from typing import Any, BinaryIO

from dfe_core.expressions.readers.packed_list import PackedList, only_numbers

WINDOW = 2 << 20
"""Bytes that are read at a time."""
_AHEAD = WINDOW // 2  # characters at least that the scanner sees of a value
_LONG = 1000  # entries from which a list is packed
_MOST_LEVELS = 8  # mappings in mappings, each larger than the window
_SPACE = re.compile(r"[ \t\n\r]*")
_SCALARS = re.compile(r'[^\[\]{}"]*')
_SCAN = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


class NotStreamed(Exception):
    """No JSON, or single values larger than the window: `json.loads` reads the file, or says what is wrong."""


def stream_json(path: Path) -> Any:
    """The content as `json.loads` gives it, but long lists are a `PackedList`, or an ``array('d')`` of numbers.

    null in a list of numbers becomes NaN. Raises `NotStreamed`, and `OSError`.
    """
    with open(path, "rb") as handle:
        try:
            window = _Window(handle)
            content = _value(window, 0)
            if window.peek():
                raise NotStreamed
        except (ValueError, RecursionError, OverflowError):  # UnicodeDecodeError and JSONDecodeError among them
            raise NotStreamed from None
    return content


class _Window:
    """The text of a file from `at` on, as far as it has been read."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle, self._decoder = handle, codecs.getincrementaldecoder("utf-8")()
        self.text, self.at, self._ended = "", 0, False
        self.fill()
        self.at = int(self.text.startswith("\ufeff"))

    def fill(self) -> None:
        """Read on until there are `_AHEAD` characters, or the file ends."""
        while not self._ended and len(self.text) - self.at < _AHEAD:
            chunk = self._handle.read(WINDOW)
            self._ended = not chunk
            self.text = self.text[self.at :] + self._decoder.decode(chunk, self._ended)
            self.at = 0

    def peek(self) -> str:
        """The next character that is no white space, which `at` then points to; empty at the end."""
        while True:
            self.fill()
            start, self.at = self.at, _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at == start or self._ended:
                return self.text[self.at : self.at + 1]

    def ends_later(self) -> bool:
        """Whether the list at `at` has no end in the window, so that it need not be tried."""
        return "]" not in self.text[self.at :]

    def scan(self) -> Any:
        """The value at `at`. Raises `NotStreamed` where there is none, or not its end."""
        try:
            value, end = _SCAN(self.text, self.at)
        except (StopIteration, json.JSONDecodeError):
            raise NotStreamed from None
        if end == len(self.text) and not self._ended:  # a number that may go on
            raise NotStreamed
        self.at = end
        return value

    def scalars(self) -> list[Any]:
        """The values up to a bracket, a string or the window's last comma, at least one."""
        stop = _SCALARS.match(self.text, self.at).end()  # type: ignore[union-attr]
        if self.text[stop : stop + 1] != "]":
            stop = self.text.rfind(",", self.at, stop)
        values = json.loads(f"[{self.text[self.at : stop]}]") if stop > self.at else []
        if not values:
            raise NotStreamed
        self.at = stop
        return values

    def closes(self, bracket: str) -> bool:
        """Pass over a closing bracket (True) or a comma."""
        found = self.peek()
        if found not in (bracket, ","):
            raise NotStreamed
        self.at += 1
        return found == bracket


def _value(window: _Window, level: int) -> Any:
    first = window.peek()
    start = window.at
    try:
        if first == "[" and window.ends_later():
            raise NotStreamed
        return _packed(window.scan())
    except NotStreamed:
        if first not in ("[", "{") or level >= _MOST_LEVELS:
            raise
    window.at = start + 1
    return _list(window) if first == "[" else _mapping(window, level)


def _packed(value: Any) -> Any:
    """A value whose long lists are packed; lists in lists are left to `PackedList`."""
    if isinstance(value, dict):
        return {key: _packed(inner) for key, inner in value.items()}
    if not isinstance(value, list) or len(value) < _LONG:
        return value
    numbers = _floats(value)
    if numbers is not None:
        return numbers
    out = PackedList()
    for entry in value:
        out.append(entry)
    return out


def _floats(values: list[Any]) -> array[float] | None:
    """Numbers, with NaN for None among them; None where there is anything else."""
    if not only_numbers(values):
        if not {int, float, type(None)}.issuperset(map(type, values)) or not any(v is not None for v in values):
            return None
        values = [float("nan") if value is None else value for value in values]
    return array("d", values)


def _list(window: _Window) -> Any:
    numbers, out = array("d"), PackedList()
    while True:
        first = window.peek()
        if first in ("[", "{", '"'):
            entries = [window.scan()]
            floats = None
        else:
            entries = window.scalars()
            floats = _floats(entries)
        if floats is not None and not len(out):
            numbers.extend(floats)
        elif len(numbers):  # numbers and other things: rare, and of no use to a reader
            raise NotStreamed
        else:
            for entry in entries:
                out.append(entry)
        if window.closes("]"):
            return out if len(out) else numbers


def _mapping(window: _Window, level: int) -> dict[str, Any]:
    out: dict[str, Any] = {}
    while True:
        if window.peek() != '"':
            raise NotStreamed
        key = window.scan()
        if window.peek() != ":":
            raise NotStreamed
        window.at += 1
        out[key] = _value(window, level + 1)
        if window.closes("}"):
            return out
