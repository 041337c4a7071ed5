"""What values of a recording are let in, what is set aside, and the sentences that say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.recording import Recording

ARKIT_LIMITS = (-0.5, 1.5)
"""ARKit coefficients run from 0 to 1; solvers and calibration overshoot a little. Beyond these it is no coefficient."""
FLAME_LIMIT = 100.0
"""Largest size of a FLAME coefficient that is believed: the extractors reach about 9 on the first component."""
_NOISE = -0.05
_HOPELESS = 0.2
"""A recording with a larger share of frames out of the limits is refused: the file means something else."""


MISSING_VALUES = "frames with missing or infinite values are marked invalid"


def check_values(
    psi: np.ndarray, names: tuple[str, ...], space: str, where: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Values to keep, which rows are valid, and what was done.

    NaN, infinity and values beyond the limits make a row invalid (its ψ is zero). ARKit values slightly below 0 are
    set to 0, slightly above 1 are kept; both are counted.

    Parameters
    ----------
    psi: (T, E) float.

    Returns
    -------
    psi (T, E) float32, finite; valid (T,) bool; notes. Raises `DataError` when no row, or too few, can be used.
    """
    psi = as_float32(psi)
    finite = np.isfinite(psi).all(1)
    low, high = ARKIT_LIMITS if space == "arkit" else (-FLAME_LIMIT, FLAME_LIMIT)
    with np.errstate(invalid="ignore"):
        beyond = finite & ((psi < low) | (psi > high)).any(1)
    if not finite.any():
        raise DataError(where, "no frame without missing or infinite values", "numbers in every coefficient")
    if beyond.sum() > _HOPELESS * finite.sum():
        raise _out_of_range(psi, names, finite & beyond, low, high, space, where)
    valid = finite & ~beyond
    notes = _counted((~finite).sum(), MISSING_VALUES) + _counted(
        beyond.sum(), f"frames with values beyond {low:g} to {high:g} are marked invalid"
    )
    kept = np.where(valid[:, None], psi, np.float32(0))
    if space == "arkit":
        notes += _counted((kept > 1).sum(), f"values above 1 (up to {kept.max():.4g}) are kept")
        notes += _counted((kept < 0).sum(), _below_zero(kept, names))
        np.maximum(kept, 0, out=kept)
    return kept, valid, notes


def _below_zero(kept: np.ndarray, names: tuple[str, ...]) -> str:
    """What values below 0 were, of which coefficients, and what they likely come from where they are no noise."""
    low = kept.min(0)
    worst = ", ".join(names[i] for i in np.argsort(low, kind="stable")[:3] if low[i] < 0)
    cause = "; a resting face was taken off before, or the values are centred" if low.min() < _NOISE else ""
    return f"values below 0 (down to {low.min():.4g}: {worst}) are set to 0{cause}"


LEAST_FRAMES = 60
"""Shorter recordings say nothing of what never moves."""
FAINT = 0.02
"""A coefficient that never exceeds this is as good as absent: nobody could tell its action from noise."""
_COLUMNS = 16  # of the values, in which frames are compared
_REPEATED = 0.3


def motion_notes(values: np.ndarray, valid: np.ndarray) -> tuple[str, ...]:
    """What is odd about how (T, E) values move over time: not at all, frames that repeat, copies of a loop."""
    rows = _rows_of(values[:, :: max(1, values.shape[1] // _COLUMNS)], valid)
    if len(rows) < LEAST_FRAMES:
        return ()
    if not np.ptp(rows, axis=0).any() and not np.ptp(_rows_of(values, valid), axis=0).any():
        return (f"Nothing moves: all {len(rows):,} valid frames are the same.",)
    same = float((rows[1:] == rows[:-1]).all(1).mean())
    notes = (
        (f"{same:.0%} of the frames are copies of the one before: the video had fewer frames than the file.",)
        if same >= _REPEATED
        else ()
    )
    period = _loop(rows)
    return (*notes, f"Every frame comes again {period:,} frames later: copies of one loop.") if period else notes


def _loop(rows: np.ndarray) -> int:
    """After how many frames (T, C) rows repeat themselves exactly to the end, 0 where they do not."""
    again = np.flatnonzero((rows == rows[0]).all(1))
    return next((int(p) for p in again[again >= 10][:20] if len(rows) >= 1.5 * p and (rows[:-p] == rows[p:]).all()), 0)


def faint(values: np.ndarray, valid: np.ndarray, names: tuple[str, ...]) -> tuple[str, ...]:
    """ARKit coefficients that hardly move: the tool does not see their actions, or the person never shows them."""
    if valid.sum() < LEAST_FRAMES:
        return ()
    top = _rows_of(values, valid).max(0)
    return tuple(name for name, most in zip(names, top, strict=True) if 0 <= most < FAINT)


def _rows_of(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The valid rows, without a copy of what may be an hour where all are valid."""
    return values if valid.all() else values[valid]


DECIMALS_LOST = "the decimal points are lost (a spreadsheet with decimal commas saved it?)"


def without_decimals(values: np.ndarray) -> bool:
    """Whether no value that is finite has anything behind the decimal point."""
    values = values[np.isfinite(values)]
    return bool(len(values)) and bool((values == np.rint(values)).all())


def as_float32(values: np.ndarray) -> np.ndarray:
    """The values as float32; what float32 cannot hold becomes infinite, and so invalid."""
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32)


def _counted(count: int, what: str) -> tuple[str, ...]:
    return (f"{int(count):,} {what}.",) if count else ()


def _out_of_range(
    psi: np.ndarray, names: tuple[str, ...], rows: np.ndarray, low: float, high: float, space: str, where: str
) -> DataError:
    part = psi[rows]
    column = int(np.abs(part).max(0).argmax())
    value = float(part[:, column][np.abs(part[:, column]).argmax()])
    percent = space == "arkit" and part.max() > 20 and part.max() <= 110
    cause = (
        f": {DECIMALS_LOST}"
        if without_decimals(part) and part.max() > 110
        else " (percent?)"
        if percent
        else " (centred or standardised values?)"
        if (part.mean(0) < 0).mean() > 0.3
        else ""
    )
    return DataError(
        f"{where}, coefficient {names[column]}",
        f"values up to {value:.4g} in {int(rows.sum()):,} frames{cause}",
        "0 to 1" if space == "arkit" else f"{low:g} to {high:g}",
    )


def check_recording(recording: Recording, path: Path, title: str) -> None:
    """Raise `DataError` where a recording is not what `Recording` says: a reader's fault, and never the file's.

    path, title: of the file, and of the reader, for the error.
    """
    if not isinstance(recording, Recording):
        raise DataError(path, f"{title} gave a {type(recording).__name__}", "a Recording of each reader")
    frames = len(recording.psi)
    columns = {"time_s": recording.time_s, "frame": recording.frame, "valid": recording.valid, **recording.extras}
    fault = next((f"{name} of shape {np.shape(v)}" for name, v in columns.items() if np.shape(v) != (frames,)), "")
    if np.shape(recording.psi) != (frames, len(recording.names)):
        fault = f"psi of shape {np.shape(recording.psi)} for {len(recording.names)} names"
    elif not fault and not np.isfinite(recording.psi.sum(dtype=np.float64)):
        fault = "psi that is not finite"
    elif not fault and not ((np.diff(recording.time_s) > 0).all() and (np.diff(recording.frame) > 0).all()):
        fault = "times or frames that do not increase"
    elif not fault and not 0 < recording.fps < np.inf:
        fault = f"a frame rate of {recording.fps}"
    if fault:
        raise DataError(path, f"{title} gave {fault}", f"(T, E) ψ and (T,) columns, T = {frames}, times increasing")
