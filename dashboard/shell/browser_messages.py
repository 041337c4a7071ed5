"""What a browser says over its websocket, by kind, before Streamlit hears it. Knows no Streamlit.

Streamlit does what anybody who is connected asks for, without a login too: to empty the caches of everybody, say. A
message is protobuf, and the number of its field says its kind (streamlit/proto/BackMsg.proto).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

MOST_FILES = 10_000
"""Files that one message may ask addresses for: each takes memory and time of the loop that serves everybody."""


class MessageKind(IntEnum):
    """Kinds of messages that a page needs. All others act on the server: caches, its settings, its end."""

    STOP = 7
    RERUN = 11
    FILE_ADDRESSES = 16
    HEARTBEAT = 17
    BACKEND_OPERATION = 19


def message_kind(data: bytes) -> MessageKind | None:
    """The kind of a message; None for one of another kind, of several, of none, or that asks for too much."""
    try:
        fields = list(_fields(data))
        kinds = {MessageKind(number) for number, _ in fields}
        if len(kinds) != 1:
            return None
        kind = kinds.pop()
        if kind == MessageKind.FILE_ADDRESSES and sum(_count(part, _FILE_NAMES) for _, part in fields) > MOST_FILES:
            return None
    except (ValueError, IndexError):
        return None
    return kind


_FILE_NAMES = 2


def _count(data: bytes, number: int) -> int:
    return sum(found == number for found, _ in _fields(data))


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content (of numbers: nothing) of each field. Raises ValueError or IndexError for what is none."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        size = {1: 8, 5: 4}.get(wire, 0)
        if wire == 0:
            _, at = _varint(data, at)
        elif wire == 2:
            size, at = _varint(data, at)
        elif wire not in (1, 5):  # groups, which nobody sends
            raise ValueError("wire type")
        if at + size > len(data):
            raise ValueError("cut off")
        yield number, data[at : at + size] if wire == 2 else b""
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("varint")
