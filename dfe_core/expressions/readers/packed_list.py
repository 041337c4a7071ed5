"""Long lists of JSON values with their numbers in one array, a quarter of the memory that Python's objects take."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

BATCH = 2048
"""Entries that are Python objects at a time."""
_NUMBER, _OTHER = -1, -2
_NUMBERS = frozenset({int, float})
_MOST_SHAPES = 256  # distinct shapes of entries; a list of more is kept as it came
_Shape = Any  # a length (list of numbers), (keys, None) (mapping of numbers), (keys or None, shapes), _NUMBER or _OTHER


class PackedList(Sequence[Any]):
    """A list of values as `json.loads` gives them, which are made again whenever they are looked at.

    Numbers in them become floats. Entries come fast one after the other (`__iter__`, `batches`), slowly by number.
    """

    def __init__(self) -> None:
        self._numbers = array("d")
        self._others: list[Any] = []
        self._shapes: dict[_Shape, int] = {}
        self._entries = array("i")

    def append(self, value: Any) -> None:
        """Add a value: numbers, strings, None, and lists and mappings of them."""
        numbers: list[Any] = []
        others: list[Any] = []
        shape = _taken_apart(value, numbers, others)
        try:
            packed = array("d", numbers)
        except OverflowError:  # a whole number that no float holds
            shape, packed, others = _OTHER, array("d"), [value]
        if shape not in self._shapes and len(self._shapes) >= _MOST_SHAPES:
            shape, packed, others = _OTHER, array("d"), [value]
        self._entries.append(self._shapes.setdefault(shape, len(self._shapes)))
        self._numbers.extend(packed)
        self._others.extend(others)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Any]:
        shapes, numbers, others = list(self._shapes), iter(self._numbers), iter(self._others)
        for entry in self._entries:
            yield _put_together(shapes[entry], numbers, others)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return list(self)[index]
        place = range(len(self))[index]
        return next(islice(self, place, None))


def batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The entries of a `PackedList`, `BATCH` at a time; any other sequence as it is."""
    if not isinstance(values, PackedList):
        yield values
        return
    entries = iter(values)
    while batch := list(islice(entries, BATCH)):
        yield batch


def only_numbers(values: Any) -> bool:
    """Whether all values are int or float (and not bool)."""
    return _NUMBERS.issuperset(map(type, values))


def _taken_apart(value: Any, numbers: list[Any], others: list[Any]) -> _Shape:
    """The shape of a value; its numbers and its other scalars go to the lists, in their order."""
    kind = type(value)
    if kind in _NUMBERS:
        numbers.append(value)
        return _NUMBER
    if kind is dict:
        if only_numbers(value.values()):
            numbers.extend(value.values())
            return tuple(value), None
        return tuple(value), tuple(_taken_apart(inner, numbers, others) for inner in value.values())
    if kind is list:
        if only_numbers(value):
            numbers.extend(value)
            return len(value)
        return None, tuple(_taken_apart(inner, numbers, others) for inner in value)
    others.append(value)
    return _OTHER


def _put_together(shape: _Shape, numbers: Iterator[float], others: Iterator[Any]) -> Any:
    if not isinstance(shape, tuple):
        return next(numbers) if shape == _NUMBER else next(others) if shape == _OTHER else list(islice(numbers, shape))
    keys, parts = shape
    if parts is None:
        return dict(zip(keys, numbers, strict=False))  # as many numbers as there are keys
    values = [_put_together(part, numbers, others) for part in parts]
    return values if keys is None else dict(zip(keys, values, strict=True))
