"""Faces over Open Sound Control: VMC's ``/VMC/Ext/Blend/Val`` and avatar parameters as VRChat has them.

OSC 1.0 (opensoundcontrol.org): a message is an address, a string of type tags and its arguments, each padded to four
bytes, big-endian; a bundle holds messages and bundles. Of the types, int32, float32, float64, int64, strings, blobs,
true, false and nil are read. A face comes coefficient by coefficient: VMC ends a frame with ``/VMC/Ext/Blend/Apply``,
others send a frame as a bundle, or its messages one by one, where the first coefficient that comes again begins the
next frame.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.live.source_frame import PacketError, PacketFault, SourceFrame, arkit_place, checked_values

PORT = 39539
"""The usual port of programs that receive VMC's messages from trackers."""
APPLY, VALUE = "/VMC/Ext/Blend/Apply", "/VMC/Ext/Blend/Val"
_BUNDLE = b"#bundle\0"
_DEPTH, _MOST = 4, 512
_NUMBERS = {"f": ">f", "i": ">i", "d": ">d", "h": ">q", "t": ">Q"}
_CONSTANTS = {"T": True, "F": False, "N": None, "I": None}


def decode_osc(data: bytes) -> list[tuple[str, tuple[Any, ...]]]:
    """Address and arguments of every message of a packet. Raises `PacketError` for what is no OSC."""
    found = list(_messages(data, _DEPTH))
    if len(found) > _MOST:
        raise PacketError(PacketFault.DEPTH)
    return found


class OscFaces:
    """Puts messages together to frames."""

    def __init__(self) -> None:
        self._values = np.zeros(len(ARKIT_NAMES), np.float32)
        self._fresh: set[int] = set()
        self._applies = False

    def decode(self, data: bytes) -> list[SourceFrame]:
        """Frames that a packet completes. Raises `PacketError` for what is no OSC, and for values that are none."""
        out = []
        messages = decode_osc(data)
        for address, arguments in messages:
            if address == APPLY:
                self._applies = True
                out += self._complete()
                continue
            place, value = _coefficient(address, arguments)
            if place < 0:
                continue
            if place in self._fresh and not self._applies:
                out += self._complete()
            self._values[place] = value
            self._fresh.add(place)
        if data.startswith(_BUNDLE) and not self._applies:
            out += self._complete()
        return out

    def _complete(self) -> list[SourceFrame]:
        """The frame of what was said since the last one; what was not said stays."""
        if not self._fresh:
            return []
        self._fresh.clear()
        try:
            return [SourceFrame(values=checked_values(self._values))]
        except PacketError:
            self._values[:] = 0
            raise


def encode_osc(address: str, *arguments: str | float) -> bytes:
    """A message of strings and floats: for tests, and to send a face to other tools."""
    tags = "," + "".join("s" if isinstance(value, str) else "f" for value in arguments)
    parts = [_padded(value) if isinstance(value, str) else struct.pack(">f", value) for value in arguments]
    return b"".join([_padded(address), _padded(tags), *parts])


def _coefficient(address: str, arguments: tuple[Any, ...]) -> tuple[int, float]:
    """Place and value of a coefficient that a message sets; place −1 where it sets none."""
    if len(arguments) == 2 and isinstance(arguments[0], str):
        name, value = arguments
    elif len(arguments) == 1:
        name, value = address.rsplit("/", 1)[-1], arguments[0]
    else:
        return -1, 0.0
    place = arkit_place(name)
    return (place, float(value)) if place >= 0 and isinstance(value, (int, float)) else (-1, 0.0)


def _messages(data: bytes, depth: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if not data.startswith(_BUNDLE):
        yield _message(data)
        return
    if not depth:
        raise PacketError(PacketFault.DEPTH)
    at = 16  # after the time tag
    while at < len(data):
        (size,) = _unpacked(">i", data, at)
        if size <= 0 or size % 4 or at + 4 + size > len(data):
            raise PacketError(PacketFault.SIZE)
        yield from _messages(data[at + 4 : at + 4 + size], depth - 1)
        at += 4 + size


def _message(data: bytes) -> tuple[str, tuple[Any, ...]]:
    address, at = _string(data, 0)
    if not address.startswith("/"):
        raise PacketError(PacketFault.ADDRESS)
    if at == len(data):  # older senders leave the tags out where there is nothing to say
        return address, ()
    tags, at = _string(data, at)
    if not tags.startswith(","):
        raise PacketError(PacketFault.TYPES)
    arguments = []
    for tag in tags[1:]:
        value, at = _argument(tag, data, at)
        arguments.append(value)
    return address, tuple(arguments)


def _argument(tag: str, data: bytes, at: int) -> tuple[Any, int]:
    """The argument at a place, and where it ends."""
    if tag in _NUMBERS:
        (value,) = _unpacked(_NUMBERS[tag], data, at)
        return value, at + struct.calcsize(_NUMBERS[tag])
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], at
    if tag in ("s", "S"):
        return _string(data, at)
    if tag == "b":
        (size,) = _unpacked(">i", data, at)
        end = at + 4 + size + (-size % 4)
        if size < 0 or end > len(data):
            raise PacketError(PacketFault.SIZE)
        return data[at + 4 : at + 4 + size], end
    raise PacketError(PacketFault.TYPES)


def _unpacked(form: str, data: bytes, at: int) -> tuple[Any, ...]:
    try:
        return struct.unpack_from(form, data, at)
    except struct.error:
        raise PacketError(PacketFault.SHORT) from None


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = data.find(b"\0", at)
    if end < 0:
        raise PacketError(PacketFault.TEXT)
    try:
        return data[at:end].decode("utf-8"), end + 4 - (end - at) % 4
    except UnicodeDecodeError:
        raise PacketError(PacketFault.TEXT) from None


def _padded(text: str) -> bytes:
    data = text.encode("utf-8") + b"\0"
    return data + b"\0" * (-len(data) % 4)
