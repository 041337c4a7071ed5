"""Frame numbers and the frame rate of a recording from its times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.options import FPS_RANGE

_STANDARD = (23.976, 24.0, 25.0, 29.97, 30.0, 48.0, 50.0, 59.94, 60.0, 90.0, 100.0, 119.88, 120.0, 240.0)
_SNAP = 1e-3  # of the rate: capture clocks are off by more than half of what tells 60 from 59.94; the nearest wins


@dataclass(frozen=True)
class Timing:
    """time_s (T,) float64 from 0, frame (T,) int64 from 0 with a jump where frames are missing, fps, and notes."""

    time_s: np.ndarray
    frame: np.ndarray
    fps: float
    notes: tuple[str, ...] = ()


def from_times(seconds: np.ndarray, where: str, first_line: int = 2, row: str = "line") -> Timing:
    """Timing of frames at (T,) times, not necessarily even; a step of k usual steps is a gap of k - 1 frames.

    Raises `DataError`, naming `where` and the line, for fewer than two frames, times that are not finite, that repeat
    or run backwards, and rates outside `FPS_RANGE`.
    """
    if len(seconds) < 2:
        raise DataError(where, f"{len(seconds)} frame", "at least two frames")
    bad = np.flatnonzero(~np.isfinite(seconds))
    if len(bad):
        raise DataError(f"{where}, {row} {first_line + bad[0]}", "a time that is missing or not finite", "a time")
    steps = np.diff(seconds)
    if (steps <= 0).any():
        raise _disorder(seconds, steps, f"{where}, {row}", first_line)
    usual = float(np.median(steps))
    jumps = np.maximum(1, np.rint(steps / usual))
    frame = np.concatenate([[0.0], np.cumsum(jumps)])
    fps = float(frame[-1] / (seconds[-1] - seconds[0]))
    if not FPS_RANGE[0] <= fps <= FPS_RANGE[1] or frame[-1] > 1e12:
        raise DataError(where, f"{fps:.6g} frames a second by its times", f"{FPS_RANGE[0]:g} to {FPS_RANGE[1]:g}")
    missing = int(jumps.sum() - len(jumps))
    note = (f"{missing} frames missing in {int((jumps > 1).sum())} gaps (longest {steps.max():.3g} s).",) \
        if missing else ()
    return Timing(seconds - seconds[0], frame.astype(np.int64), _snapped(fps), note)


def from_rate(count: int, fps: float | None, where: str) -> Timing:
    """Timing of `count` frames without times, at the rate that the user gives. Raises `DataError` without one."""
    if fps is None:
        raise DataError(where, "no times and no frame rate", "a column time_s, or --fps")
    if not count:
        raise DataError(where, "no frames", "at least one frame")
    check_fps(fps, where)
    index = np.arange(count, dtype=np.int64)
    return Timing(index / fps, index, float(fps))


def from_frames(numbers: np.ndarray, fps: float | None, where: str, first_line: int = 2,
                row: str = "line") -> Timing:
    """Timing from (T,) frame numbers and a rate. Raises `DataError` as `from_times` and `from_rate` do."""
    if fps is None:
        raise DataError(where, "frame numbers and no frame rate", "a column time_s, or --fps")
    check_fps(fps, where)
    bad = np.flatnonzero(~np.isfinite(numbers) | (np.abs(np.nan_to_num(numbers)) > 1e12))
    if len(bad):
        raise DataError(f"{where}, {row} {first_line + bad[0]}", "no frame number", "a whole number")
    steps = np.diff(numbers)
    if (steps <= 0).any():
        raise _disorder(numbers, steps, f"{where}, {row}", first_line, "frame number")
    frame = np.rint(numbers - numbers[0]).astype(np.int64)
    usual = max(1, int(np.median(steps))) if len(steps) else 1
    gaps = int((steps > usual).sum())
    return Timing(frame / fps, frame, float(fps), (f"{gaps} gaps in the frame numbers.",) if gaps else ())


def check_fps(fps: float, where: str) -> None:
    """Raise `DataError` for a rate outside `FPS_RANGE`."""
    if not (np.isfinite(fps) and FPS_RANGE[0] <= fps <= FPS_RANGE[1]):
        raise DataError(where, f"{fps:g} frames a second", f"{FPS_RANGE[0]:g} to {FPS_RANGE[1]:g}")


def column_seconds(values: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    """Times in seconds from a column whose name tells the unit, or, where it does not, whose usual step does.

    A step that makes 1 to 1000 frames a second does so in one unit only: up to 1 it is seconds, up to 1e3
    milliseconds, up to 1e6 microseconds, else nanoseconds. The second value names the unit.
    """
    key = name.lower().replace(" ", "")
    for unit, scale, endings in (("s", 1.0, ("_s", "(s)", "[s]", "sec", "secs", "seconds")),
                                 ("ms", 1e-3, ("ms", "(ms)", "[ms]", "milliseconds", "millis")),
                                 ("µs", 1e-6, ("us", "µs", "microseconds")), ("ns", 1e-9, ("ns", "nanoseconds"))):
        if key.endswith(endings):
            return values * scale, unit
    steps = np.diff(values)
    usual = float(np.median(np.abs(steps[np.isfinite(steps)]))) if np.isfinite(steps).any() else 0.0
    unit, scale = ("s", 1.0) if usual <= 1 else ("ms", 1e-3) if usual <= 1e3 else ("µs", 1e-6) if usual <= 1e6 \
        else ("ns", 1e-9)
    return values * scale, unit


def _disorder(values: np.ndarray, steps: np.ndarray, where: str, first_line: int, what: str = "time") -> DataError:
    row = int(np.flatnonzero(steps <= 0)[0])
    line = f"{where} {first_line + row + 1}"
    if steps[row] == 0:
        twice = len(np.unique(values)) * 2 <= len(values)
        return DataError(line, f"the {what} of the one before again" + (": two faces in one file?" if twice else ""),
                         "one face a file, each frame once")
    return DataError(line, f"a {what} before the one above it ({values[row + 1] - values[0]:.3f} after "
                           f"{values[row] - values[0]:.3f} from the start)", "frames in order of time")


def _snapped(fps: float) -> float:
    near = min(_STANDARD, key=lambda rate: abs(rate - fps))
    return near if abs(near - fps) <= _SNAP * near else round(fps, 3)
