"""SMPTE timecodes with sub-frames, as Live Link Face writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dfe_core.errors import DataError
from dfe_core.expressions.readers.text_table import MOST_UNREADABLE

_PATTERN = r"^\s*(?P<h>\d{1,2}):(?P<m>\d{2}):(?P<s>\d{2})(?P<mark>[:;.])(?P<f>\d{1,3}(?:\.\d+)?)\s*$"
_BASES = (24, 25, 30, 48, 50, 60, 90, 100, 120, 240)
_DAY = 86400.0
_SLACK = 0.25  # of a step, and of a count
_MOST = 0.99  # of the counts lie below the base; the rest are told as faults


def timecode_seconds(values: pa.Array, path: Path, first_line: int = 2) -> tuple[np.ndarray, tuple[str, ...]]:
    """Seconds of ``HH:MM:SS:FF.mmm`` timecodes, (T,) float64, and what was assumed.

    FF is counted at a base that the file does not name: it is the one for which most steps over a full second
    equal the usual step. Live Link Face counts at 60 also where it stores every second frame. ``;`` before FF marks
    drop-frame counting (SMPTE 12M: the first two of 30, or four of 60, counts of a minute are left out but for every
    tenth minute). A run past midnight goes on counting. A cell that is no timecode is NaN. Raises `DataError` for more
    of them than `MOST_UNREADABLE`.
    """
    parts = pc.extract_regex(values, pattern=_PATTERN)
    lost = parts.is_null().to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(~lost)
    if lost.sum() > MOST_UNREADABLE * len(lost):
        row = int(np.flatnonzero(lost)[0])
        raise DataError(
            f"{path}, line {first_line + row}, column Timecode", f"{values[row].as_py()!r}"[:60], "HH:MM:SS:FF.mmm"
        )
    if not len(rows):
        return np.zeros(len(lost)), ()
    out = np.full(len(lost), np.nan)
    out[rows], notes = _seconds(parts.filter(pa.array(~lost)))
    return out, notes


def _seconds(parts: pa.Array) -> tuple[np.ndarray, tuple[str, ...]]:
    """Seconds of timecodes, NaN for the few that count beyond the base of the others, and what was assumed."""
    hours, minutes, seconds, counts = (_numbers(parts, key) for key in "hmsf")
    whole = (hours * 60 + minutes) * 60 + seconds
    if pc.all(pc.equal(pc.struct_field(parts, "mark"), ".")).as_py() and not _sub_counts(parts):
        return _unwrap(pc.cast(pc.utf8_trim_whitespace(pc.struct_field(parts, "f")), pa.string()), whole)
    base, notes = _base(whole, counts)
    counts = np.where(counts < base + _SLACK, counts, np.nan)
    if pc.any(pc.equal(pc.struct_field(parts, "mark"), ";")).as_py():
        left_out = (4 if base > 30 else 2) * (whole // 60 - whole // 600)
        return _past_midnight((whole * base + counts - left_out) * 1.001 / base), (*notes, "Drop-frame timecodes.")
    return _past_midnight(whole + counts / base), notes


def _numbers(parts: pa.Array, key: str) -> np.ndarray:
    return pc.cast(pc.struct_field(parts, key), pa.float64()).to_numpy(zero_copy_only=False)


def _sub_counts(parts: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring(pc.struct_field(parts, "f"), ".")).as_py())


def _unwrap(fraction: pa.Array, whole: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """``HH:MM:SS.fff``: clock times with a decimal fraction of a second."""
    digits = pc.cast(pc.binary_join_element_wise("0", fraction, "."), pa.float64())
    return _past_midnight(whole + digits.to_numpy(zero_copy_only=False)), ("Clock times with fractions of a second.",)


def _base(whole: np.ndarray, counts: np.ndarray) -> tuple[int, tuple[str, ...]]:
    """The number of counts a second, and a note where it cannot be told."""
    jump, step = np.diff(whole), np.diff(counts)
    within, over = step[jump == 0], step[jump == 1]
    possible = [b for b in (30, 60, *_BASES) if np.mean(counts < b + _SLACK) > _MOST]
    if not possible:
        return int(counts.max()) + 1, (f"Frame counts up to {counts.max():g}: taken as that many a second.",)
    if len(within) and len(over):
        usual = np.median(within)
        fits = [np.count_nonzero(np.abs(over + b - usual) <= _SLACK * usual) for b in possible]
        if max(fits):
            return possible[int(np.argmax(fits))], ()
    return possible[0], (f"Timecodes that do not say how frames are counted: taken as {possible[0]} a second.",)


def _past_midnight(seconds: np.ndarray) -> np.ndarray:
    known = np.isfinite(seconds)
    out, clock = seconds.copy(), seconds[known]
    out[known] = clock + _DAY * np.cumsum(np.diff(clock, prepend=clock[:1]) < -_DAY / 2)
    return out
