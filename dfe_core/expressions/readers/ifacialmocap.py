"""iFacialMocap and Facemotion3d: their packets as a log, ``mouthSmile_R-12|…|=head#…|rightEye#…|leftEye#…|``.

One packet a line, or ``___iFacialMocap`` between them as over TCP. Values are percent, between name and value stands
``-`` (version 1) or ``&`` (version 2). A logger may put its time and a comma, blank or tab before a packet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.arkit_columns import LEAST, arkit_indices, arkit_recording
from dfe_core.expressions.readers.even_packets import read_even
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.recording import Recording
from dfe_core.expressions.timing import Timing, column_seconds, from_rate, from_times
from dfe_core.faces.arkit import canonical_name

FORMAT = "ifacialmocap"
TITLE = "iFacialMocap packets"
EXTRACTOR = "ifacialmocap"
MAX_BYTES = 1 << 30
_MOST_FIELDS = 256
_END = re.compile(rb"(?:___iFacialMocap|\r|\n)+")
_TIME = re.compile(r"\s*(?:(-?\d+(?:\.\d+)?)\s*[,;\t ]\s*)?(?=[A-Za-z])")
_PAIR = re.compile(r"(?<![A-Za-z_])([A-Za-z_]+)[&-](-?\d+(?:\.\d+)?)")
_BONES = {
    "head": ("HeadPitch", "HeadYaw", "HeadRoll", "HeadX", "HeadY", "HeadZ"),
    "lefteye": ("LeftEyePitch", "LeftEyeYaw", "LeftEyeRoll"),
    "righteye": ("RightEyePitch", "RightEyeYaw", "RightEyeRoll"),
}


def sniff(path: Path, head: bytes) -> str | None:
    first = _END.split(head.removeprefix(b"\xef\xbb\xbf").lstrip(), 1)[0].decode("ascii", "replace")
    names = {canonical_name(name) for name, _ in _PAIR.findall(first.partition("=")[0])} - {None}
    return "its packets of name, value and |" if "|" in first and len(names) >= LEAST else None


def read(path: Path, options: ReadOptions) -> list[Recording]:
    """One recording. Times as the logger wrote them, else --fps (the app sends 60 a second).

    A coefficient that a packet leaves out makes its frame invalid: it is unknown, not 0.
    """
    data = _content(path)
    if (even := read_even(data)) is not None:
        timing = (
            from_rate(len(even.values), options.fps, str(path))
            if even.times is None
            else from_times(column_seconds(even.times, "time")[0], str(path), 1, "packet")
        )
        bones = {
            name: numbers[:, i].astype(np.float32)
            for bone, numbers in even.bones
            for i, name in enumerate(_BONES.get(bone.lower(), ())[: numbers.shape[1]])
        }
        return [_recording(path, even.names, even.values, timing, bones, ())]
    packets, cut = _packets(path, data)
    names, values, times = _table(path, packets)
    return [_recording(path, names, values, _timing(path, times, options), _bones(packets), cut)]


def _recording(
    path: Path,
    names: Sequence[str],
    values: np.ndarray,
    timing: Timing,
    bones: dict[str, np.ndarray],
    notes: tuple[str, ...],
) -> Recording:
    columns = arkit_indices(names, path)
    psi = values[:, list(columns.values())].astype(np.float32) / 100
    return arkit_recording(path, psi, tuple(columns), timing, FORMAT, bones, notes)


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(path, f"{size >> 20} MB of packets", f"at most {MAX_BYTES >> 20} MB")
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DataError(path, f"not readable ({error.strerror})") from None


def _packets(path: Path, data: bytes) -> tuple[list[str], tuple[str, ...]]:
    """The packets, and what was left out: the last one, where it ends before its coefficients do."""
    try:
        packets = [part.decode("ascii") for part in _END.split(data) if part.strip()]
    except UnicodeDecodeError:
        raise DataError(path, "bytes that are not ASCII text", "packets of iFacialMocap") from None
    if not packets:
        raise DataError(path, "no packet", "a packet a line")
    if len(packets) > 1 and "=" in packets[-2] and "=" not in packets[-1]:
        return packets[:-1], ("The last packet is cut off: one frame dropped.",)
    return packets, ()


def _table(path: Path, packets: Sequence[str]) -> tuple[list[str], np.ndarray, list[str | None]]:
    """Names, (T, C) values with NaN where a packet leaves one out, and the text of each time."""
    columns: dict[str, int] = {}
    places: dict[tuple[str, ...], np.ndarray] = {}
    rows: list[tuple[np.ndarray, np.ndarray]] = []
    times: list[str | None] = []
    for i, packet in enumerate(packets):
        start = _TIME.match(packet)
        pairs = _PAIR.findall(packet.partition("=")[0], start.end()) if start else ()
        if not pairs or len(pairs) > _MOST_FIELDS or len(columns) > _MOST_FIELDS:
            raise DataError(f"{path}, packet {i + 1}", f"{packet[:30]!r}", "name-value|name-value|…")
        names, values = zip(*pairs, strict=True)
        if names not in places:
            places[names] = np.array([columns.setdefault(name, len(columns)) for name in names])
        rows.append((places[names], np.array(values, np.float32)))
        times.append(start[1] if start else None)
    table = np.full((len(rows), len(columns)), np.nan, np.float32)
    for i, (place, numbers) in enumerate(rows):
        table[i, place] = numbers
    return list(columns), table, times


def _timing(path: Path, times: list[str | None], options: ReadOptions) -> Timing:
    given = [t is not None for t in times]
    if not any(given):
        return from_rate(len(times), options.fps, str(path))
    if not all(given):
        raise DataError(f"{path}, packet {given.index(False) + 1}", "no time", "a time before each packet, or none")
    return from_times(column_seconds(np.array(times, np.float64), "time")[0], str(path), 1, "packet")


def _bones(packets: Sequence[str]) -> dict[str, np.ndarray]:
    """Angles (degrees) and position of head and eyes, NaN where a packet has none."""
    out = {name: np.full(len(packets), np.nan, np.float32) for names in _BONES.values() for name in names}
    for i, packet in enumerate(packets):
        for block in packet.partition("=")[2].split("|"):
            bone, _, numbers = block.partition("#")
            for name, text in zip(_BONES.get(bone.lower(), ()), numbers.split(","), strict=False):
                out[name][i] = _number(text)
    return {name: values for name, values in out.items() if np.isfinite(values).any()}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
