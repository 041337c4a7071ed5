"""Frame numbers and the frame rate of a recording from its times.

Times are evidence, not an assumption. The rules, in their order:

1. A row without a time or frame number is left out. Rows out of order are sorted where they then follow each other
   evenly; single rows out of line are left out; anything else is refused (two recordings in one file?).
2. Of rows that repeat a value the first is kept where they are few (`FEW`). Many rows that share each value are a clock
   too coarse for them (rows are then even between its changes) or several faces (refused).
3. Where at least `ON_GRID` of the steps are whole multiples of the usual one the clock is regular, and a step of k
   usual steps is a gap of k - 1 frames. Else it is uneven: steps vary, and only one of over `GAP` usual steps is a gap.
4. The rate is the number of frames over the time they take, gaps left out, as the nearest usual rate within 0.1 %.
   Times that were rounded (0.033) do not change it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.readers.options import FPS_RANGE

_STANDARD = (23.976, 24.0, 25.0, 29.97, 30.0, 48.0, 50.0, 59.94, 60.0, 90.0, 100.0, 119.88, 120.0, 240.0)
_SNAP = 1e-3  # of the rate: capture clocks are off by more than half of what tells 60 from 59.94; the nearest wins
FEW = 0.1
"""Up to this share of rows may repeat a value, lack one or be out of line; more is no slip."""
ON_GRID = 0.9
"""From this share of steps on whole multiples of the usual one a clock counts as regular."""
GAP = 3.0
"""Usual steps from which one is a gap in a clock that is not regular."""
_NEAR = 0.15  # of the usual step, for a multiple of it
_COARSE = 5  # rows that share a value, from which it is a coarse clock and not several faces
_RESOLUTIONS = (1.0, 0.1, 0.01, 0.001)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """time_s (T,) float64 from 0, frame (T,) int64 from 0 with a jump where frames are missing, fps, and notes.

    rows: (T,) int64 the rows of the file that these are, in order of time; None for all of them as they stand.
    start_s: what the file's clock says at the first of them, s; 0 where it has none.
    """

    time_s: np.ndarray
    frame: np.ndarray
    fps: float
    notes: tuple[str, ...] = ()
    rows: np.ndarray | None = None
    start_s: float = 0.0

    def of(self, values: np.ndarray) -> np.ndarray:
        """The rows of an array (N, …) of all rows of the file that have a time, without a copy where that is all."""
        return values if self.rows is None else values[self.rows]

    def noted(self, notes: tuple[str, ...]) -> Timing:
        """The same with `notes` before its own."""
        return replace(self, notes=(*notes, *self.notes)) if notes else self


def from_times(seconds: np.ndarray, where: str, first_line: int = 2, row: str = "line", even: bool = False) -> Timing:
    """Timing of frames at (N,) times by the rules above.

    even: the rows are known to be frames in order, so that a time which many share is a coarse clock.

    Raises `DataError`, naming `where` and the line, for fewer than two frames, times that are no times or in no order,
    and rates outside `FPS_RANGE`.
    """
    if len(seconds) < 2:
        raise DataError(where, f"{len(seconds)} frame", "at least two frames")
    rows, told = _usable(seconds, where, first_line, row, "time")
    coarse = _coarse(seconds[rows], even)
    if coarse is not None:
        return replace(coarse, notes=(*told, *coarse.notes), rows=_all(rows, len(seconds)))
    kept, order_notes = _in_order(seconds[rows], f"{where}, {row}", first_line + rows, "time")
    rows = rows[kept]
    timing = _timed(seconds[rows], where)
    return replace(timing, notes=(*told, *order_notes, *timing.notes), rows=_all(rows, len(seconds)))


class NoFrameRate(DataError):
    """A file has no times that can be true and no rate: one that the user gives would do."""


def from_rate(count: int, fps: float | None, where: str) -> Timing:
    """Timing of `count` frames without times, at the rate that the user gives. Raises `DataError` without one."""
    if fps is None:
        raise NoFrameRate(where, "no times and no frame rate", "a column time_s, or --fps")
    if not count:
        raise DataError(where, "no frames", "at least one frame")
    check_fps(fps, where)
    index = np.arange(count, dtype=np.int64)
    return Timing(time_s=index / fps, frame=index, fps=float(fps))


def from_frames(numbers: np.ndarray, fps: float | None, where: str, first_line: int = 2, row: str = "line") -> Timing:
    """Timing from (N,) frame numbers and the rate at which they count.

    Numbers that rise by one step (every fifth frame) make that many frames less a second; numbers that rise unevenly
    are a clock of `fps` counts a second. Raises `DataError` as `from_times` and `from_rate` do.
    """
    if not len(numbers):
        raise DataError(where, "no frames", "at least one frame")
    if fps is None:
        raise NoFrameRate(
            where,
            f"frame numbers{_rise(numbers)} and no frame rate",
            "a column time_s, --fps, or --time COLUMN/RATE where they count at another rate",
        )
    check_fps(fps, where)
    rows, told = _usable(
        np.where(np.abs(np.nan_to_num(numbers)) > 1e12, np.nan, numbers), where, first_line, row, "frame number"
    )
    kept, order_notes = _in_order(numbers[rows], f"{where}, {row}", first_line + rows, "frame number")
    rows = rows[kept]
    counted = np.rint(numbers[rows] - numbers[rows[0]])
    steps = np.diff(counted)
    usual = float(np.median(steps)) if len(steps) else 1.0
    notes = (*told, *order_notes)
    if len(steps) and np.mean(np.abs(steps / usual - np.rint(steps / usual)) < 1e-9) < ON_GRID:
        timing = _timed(counted / fps, where)
        notes += (f"Frame numbers rise by {steps.min():g} to {steps.max():g}: taken as a clock of {fps:g} a second.",)
        return replace(timing, notes=(*notes, *timing.notes), rows=_all(rows, len(numbers)))
    if usual > 1:
        notes += (f"Frame numbers rise by {usual:g}: {fps / usual:.4g} frames a second.",)
    check_fps(fps / max(usual, 1), where)
    gaps = int((steps > usual).sum())
    notes += (f"{gaps} gaps in the frame numbers.",) if gaps else ()
    return Timing(
        time_s=counted / fps,
        frame=np.rint(counted / max(usual, 1)).astype(np.int64),
        fps=float(fps / max(usual, 1)),
        notes=notes,
        rows=_all(rows, len(numbers)),
    )


def check_fps(fps: float, where: str) -> None:
    """Raise `DataError` for a rate outside `FPS_RANGE`."""
    if not (np.isfinite(fps) and FPS_RANGE[0] <= fps <= FPS_RANGE[1]):
        raise DataError(where, f"{fps:g} frames a second", f"{FPS_RANGE[0]:g} to {FPS_RANGE[1]:g}")


_UNITS = (
    ("s", 1.0, ("_s", "(s)", "[s]", "sec", "secs", "seconds")),
    ("ms", 1e-3, ("ms", "(ms)", "[ms]", "milliseconds", "millis", "msec")),
    ("µs", 1e-6, ("us", "µs", "microseconds")),
    ("ns", 1e-9, ("ns", "nanoseconds")),
)


def column_seconds(values: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    """Times in seconds from a column whose name tells the unit, or, where it does not, whose usual step does.

    A step that makes 1 to 1000 frames a second does so in one unit only: up to 1 it is seconds, up to 1e3
    milliseconds, up to 1e6 microseconds, else nanoseconds. A name whose unit makes an impossible rate is not believed.
    The second value names the unit.
    """
    usual = _usual_step(values)
    named = _named_unit(name)
    if named is not None and (not usual or FPS_RANGE[0] <= 1 / (usual * named[1]) <= FPS_RANGE[1]):
        return values * named[1], named[0]
    unit, scale = (
        ("s", 1.0) if usual <= 1 else ("ms", 1e-3) if usual <= 1e3 else ("µs", 1e-6) if usual <= 1e6 else ("ns", 1e-9)
    )
    if named is not None and not FPS_RANGE[0] <= 1 / (usual * scale) <= FPS_RANGE[1]:
        unit, scale = named
    return values * scale, unit


def _named_unit(name: str) -> tuple[str, float] | None:
    key = name.lower().replace(" ", "")
    return next(((unit, scale) for unit, scale, endings in _UNITS if key.endswith(endings)), None)


def _usual_step(values: np.ndarray) -> float:
    """The median step between values that differ, 0 where there is none."""
    steps = np.abs(np.diff(values))
    steps = steps[np.isfinite(steps) & (steps > 0)]
    return float(np.median(steps)) if len(steps) else 0.0


def _usable(values: np.ndarray, where: str, first_line: int, row: str, what: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Rows whose value is finite, and a note on the others. Raises `DataError` where those are more than `FEW`."""
    bad = np.flatnonzero(~np.isfinite(values))
    if not len(bad):
        return np.arange(len(values)), ()
    if len(bad) > FEW * len(values) or len(values) - len(bad) < 2:
        raise DataError(
            f"{where}, {row} {first_line + bad[0]}",
            f"a {what} that is missing or not finite ({len(bad):,} of {len(values):,} rows)",
            f"a {what}",
        )
    return np.flatnonzero(np.isfinite(values)), (
        f"{_rows(len(bad))} without a {what} left out (the first: {row} {first_line + bad[0]}).",
    )


def _rows(count: int) -> str:
    return f"{count:,} row" + "s" * (count != 1)


def _all(rows: np.ndarray, count: int) -> np.ndarray | None:
    return None if len(rows) == count and (np.diff(rows) == 1).all() else rows


def _in_order(values: np.ndarray, where: str, lines: np.ndarray, what: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Indices of (N,) finite values in strictly rising order by rules 1 and 2, and notes. lines: (N,) their numbers.
    Raises `DataError` else."""
    if (np.diff(values) > 0).all():
        return np.arange(len(values)), ()
    _, kept = np.unique(values, return_index=True)
    kept, repeats = np.sort(kept), len(values) - len(kept)
    if repeats > max(FEW * len(values), 2) or len(kept) < 2:
        raise _disorder(values, where, lines, what)
    notes = (f"{_rows(repeats)} with the {what} of another left out (the first of each is kept).",) if repeats else ()
    if (np.diff(values[kept]) > 0).all():
        return kept, notes
    rising = _longest_rising(values[kept])
    ordered = np.argsort(values[kept], kind="stable")
    outside = len(kept) - len(rising)
    largest = np.diff(values[kept][rising]).max() if len(rising) > 1 else 0.0
    steps = np.diff(values[kept][ordered])
    even = np.mean(np.abs(steps / np.median(steps) - 1) <= 0.5) >= ON_GRID
    if even and steps.max() <= max(largest, 1.5 * np.median(steps)) * (1 + 1e-9):
        return kept[ordered], (*notes, f"Rows were not in order of the {what}: sorted.")
    if outside <= FEW * len(kept):
        line = lines[kept[np.setdiff1d(np.arange(len(kept)), rising)[0]]]
        return kept[rising], (
            *notes,
            f"{_rows(outside)} whose {what} is out of line left out (the first: {where.rsplit(', ', 1)[-1]} {line}).",
        )
    raise _disorder(values, where, lines, what)


def _longest_rising(values: np.ndarray) -> np.ndarray:
    """Indices of a longest strictly rising subsequence (patience sorting; Schensted 1961)."""
    from bisect import bisect_left

    tails: list[float] = []
    ends: list[int] = []
    before = np.full(len(values), -1)
    for i, value in enumerate(values.tolist()):
        at = bisect_left(tails, value)
        before[i] = ends[at - 1] if at else -1
        if at == len(tails):
            tails.append(value)
            ends.append(i)
        else:
            tails[at], ends[at] = value, i
    out, i = [], ends[-1] if ends else -1
    while i >= 0:
        out.append(i)
        i = int(before[i])
    return np.array(out[::-1], np.int64)


def _coarse(values: np.ndarray, even: bool) -> Timing | None:
    """Timing of rows that share their time with many others, even between the changes of the clock; None elsewhere."""
    steps = np.diff(values)
    changes = np.flatnonzero(steps > 0) + 1
    if (steps < 0).any() or len(changes) < 3 or len(steps) - len(changes) <= FEW * len(values):
        return None
    sizes = np.diff(changes)
    if not even and not (sizes.mean() >= _COARSE and sizes.max() <= 1.5 * sizes.min() + 1):
        return None
    fps = float((changes[-1] - changes[0]) / (values[changes[-1]] - values[changes[0]]))
    index = np.arange(len(values), dtype=np.int64)
    if not FPS_RANGE[0] <= fps <= FPS_RANGE[1]:
        return None
    rate = _snapped(fps)
    return Timing(
        time_s=index / rate,
        frame=index,
        fps=rate,
        notes=(
            f"About {sizes.mean():.3g} rows share each time (steps of {np.median(steps[steps > 0]):g} s): rows are "
            f"taken as even, at {rate:g} a second by the changes of the clock.",
        ),
    )


def _timed(seconds: np.ndarray, where: str) -> Timing:
    """Frame numbers and rate of (T,) strictly rising times by rules 3 and 4. Raises `DataError` for a rate beyond."""
    steps = np.diff(seconds)
    jumps, even = _jumps(steps, _resolution(seconds))
    frame = np.concatenate([[0.0], np.cumsum(jumps)])
    single = jumps == 1
    gap_free = even or not single.any()
    fps = float(frame[-1] / (seconds[-1] - seconds[0])) if gap_free else float(single.sum() / steps[single].sum())
    if not FPS_RANGE[0] <= fps <= FPS_RANGE[1] or frame[-1] > 1e12:
        raise DataError(where, f"{fps:.6g} frames a second by its times", f"{FPS_RANGE[0]:g} to {FPS_RANGE[1]:g}")
    missing, gaps = int(jumps.sum() - len(jumps)), int((jumps > 1).sum())
    notes: tuple[str, ...] = (
        ()
        if even
        else (
            f"Times are uneven (steps of {1e3 * steps.min():.3g} to "
            f"{1e3 * steps[single].max(initial=steps.min()):.3g} ms): {fps:.4g} frames a second on "
            "average.",
        )
    )
    if missing:
        notes += (
            f"{missing} frame{'s' * (missing > 1)} missing in {gaps} gap{'s' * (gaps > 1)} "
            f"(longest {steps.max():.3g} s).",
        )
    return Timing(
        time_s=seconds - seconds[0],
        frame=frame.astype(np.int64),
        fps=_snapped(fps),
        notes=notes,
        start_s=float(seconds[0]),
    )


def _jumps(steps: np.ndarray, resolution: float) -> tuple[np.ndarray, bool]:
    """(T - 1,) frames that each step goes on by, and whether the clock is regular (rule 3)."""
    usual = float(np.median(steps))
    near = _NEAR + resolution / usual
    ratio = steps / usual
    if np.mean(np.abs(ratio - np.maximum(1, np.rint(ratio))) <= near) >= ON_GRID:
        single = np.rint(ratio) <= 1
        period = float(steps[single].mean()) if single.any() else usual
        return np.maximum(1, np.rint(steps / period)), True
    gap = ratio > GAP
    typical = float(steps[~gap].mean())
    spread = np.ptp(np.percentile(steps[~gap], (5, 95)))
    return np.where(gap, np.maximum(1, np.rint(steps / typical)), 1.0), bool(spread <= 2 * resolution)


def _resolution(seconds: np.ndarray) -> float:
    """The unit to which times seem rounded, s; 0 where they are finer than a millisecond."""
    some = seconds[:: max(1, len(seconds) // 1000)] - seconds[0]
    return next((unit for unit in _RESOLUTIONS if np.allclose(some / unit, np.rint(some / unit), 0, 1e-3)), 0.0)


def _rise(numbers: np.ndarray) -> str:
    steps = np.diff(numbers[np.isfinite(numbers)])
    steps = steps[steps > 0]
    if not len(steps) or steps.max() == 1:
        return ""
    return f" that rise by {steps.min():g} to {steps.max():g}" if np.ptp(steps) else f" that rise by {steps[0]:g}"


def _disorder(values: np.ndarray, where: str, lines: np.ndarray, what: str) -> DataError:
    steps = np.diff(values)
    row = int(np.flatnonzero(steps <= 0)[0])
    line = f"{where} {lines[row + 1]}"
    if steps[row] == 0:
        twice = len(np.unique(values)) * 2 <= len(values)
        if np.ptp(values) == 0:
            return NoFrameRate(
                line,
                f"the {what} of the one before again, as in every row: no clock",
                "another column of times (--time COLUMN), or none and --fps",
            )
        return DataError(
            line,
            f"the {what} of the one before again" + (" (two faces in one file?)" if twice else ""),
            "one face a file, each frame once",
        )
    return DataError(
        line,
        f"a {what} before the one above it ({values[row + 1] - values[0]:.3f} after "
        f"{values[row] - values[0]:.3f} from the start): two recordings in one file?",
        "frames in order of time",
    )


def _snapped(fps: float) -> float:
    near = min(_STANDARD, key=lambda rate: abs(rate - fps))
    return near if abs(near - fps) <= _SNAP * near else round(fps, 3)
