"""Packets of iFacialMocap that all have the same fields, as they nearly always have: one table, read at once."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv

_NUMBERS = b"0123456789.-"
_WORDS = bytes(range(ord("A"), ord("Z") + 1)) + bytes(range(ord("a"), ord("z") + 1)) + b"_ "
_BLOCK = 1 << 20
_PLAIN = re.compile(
    rb"(?P<time>\d+(?:\.\d+)?[,;\t ])?(?P<fields>(?:[A-Za-z_]+(?P<mark>[-&])\d+(?:\.\d+)?\|)+)"
    rb"=(?P<bones>(?:[A-Za-z_]+#-?\d+(?:\.\d+)?(?:,-?\d+(?:\.\d+)?)*\|?)*)"
)


class EvenPackets(NamedTuple):
    """names of the F fields, values (T, F) float64, times (T,) as written or None, and (name, (T, C)) of each bone."""

    names: list[str]
    values: np.ndarray
    times: np.ndarray | None
    bones: list[tuple[str, np.ndarray]]


def read_even(data: bytes) -> EvenPackets | None:
    """The packets of a log, one a line; None for anything out of the ordinary, which is then read packet by packet."""
    first = _PLAIN.fullmatch(data.partition(b"\n")[0])
    data = data.rstrip(b"\n")
    if first is None or b"\r" in data or b"_iFacialMocap" in data or (first["mark"] == b"-" and b"--" in data):
        return None
    if len(set(data.translate(None, _NUMBERS + b"&").split(b"\n"))) != 1:
        return None
    names = re.findall(rb"([A-Za-z_]+)[-&]", first["fields"])
    bones = [(name, block.count(b",") + 1) for name, block in re.findall(rb"([A-Za-z_]+)#([^|]*)", first["bones"])]
    shown = data.translate(bytes.maketrans(b"|#=;\t", b",,,,,"), _WORDS.replace(b" ", b"") + b"&")
    table = _numbers(shown.replace(b" ", b","))
    lead = 1 if first["time"] else 0
    wanted = lead + len(names) + 1 + sum(1 + count for _, count in bones) + first["bones"].endswith(b"|")
    if table is None or len(table) != wanted:
        return None
    values = np.stack(table[lead : lead + len(names)], 1) * (-1 if first["mark"] == b"-" else 1)
    out, at = [], lead + len(names) + 1
    for name, count in bones:
        out.append((name.decode(), np.stack(table[at + 1 : at + 1 + count], 1)))
        at += 1 + count
    whole = np.isfinite(values).all() and all(np.isfinite(numbers).all() for _, numbers in out)
    return EvenPackets([n.decode() for n in names], values, table[0] if lead else None, out) if whole else None


def _numbers(text: bytes) -> list[np.ndarray] | None:
    """Columns of a text table without a header, an empty one as NaN; None where a cell is no number."""
    count = text.partition(b"\n")[0].count(b",") + 1
    names = [str(i) for i in range(count)]
    try:
        table = pcsv.read_csv(
            pa.py_buffer(text),
            pcsv.ReadOptions(column_names=names, block_size=_BLOCK),
            convert_options=pcsv.ConvertOptions(column_types=dict.fromkeys(names, pa.float64())),
        )
    except (pa.ArrowInvalid, ValueError):
        return None
    return [table[name].to_numpy() for name in names]
