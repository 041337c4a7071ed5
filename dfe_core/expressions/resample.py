"""A recording at another frame rate, without inventing what was not seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dfe_core.expressions.recording import Recording

MAX_BRIDGED_GAP_S = 0.1
"""Gaps up to this are filled by straight lines; longer ones stay gaps (frames that are not valid)."""
_SAME = 1e-4


def resample(recording: Recording, fps: float) -> Recording:
    """The recording at `fps`: each coefficient by linear interpolation between its valid frames.

    Times run evenly from 0. A frame lying between valid frames more than `MAX_BRIDGED_GAP_S` apart (or more than two
    steps of the source, where that is longer) is not valid. A recording at that rate already stays as it is.
    """
    if abs(fps - recording.fps) <= _SAME * fps:
        return recording
    count = int(np.floor(recording.time_s[-1] * fps + 1e-6)) + 1
    time = np.arange(count) / fps
    use = np.flatnonzero(recording.valid)
    if not len(use):
        use = np.arange(1)
    psi, valid = _interpolate(time, recording.time_s[use], recording.psi[use], _reach(recording))
    valid &= bool(recording.valid.any())
    extras = {
        name: _interpolate(time, recording.time_s, values[:, None], np.inf)[0][:, 0]
        for name, values in recording.extras.items()
    }
    note = (
        f"Resampled from {recording.fps:g} to {fps:g} frames a second by linear interpolation"
        f" ({int((~valid).sum())} of {count:,} frames are in gaps and are marked invalid)."
    )
    return replace(
        recording,
        psi=psi,
        time_s=time,
        frame=np.arange(count, dtype=np.int64),
        valid=valid,
        fps=float(fps),
        extras=extras,
        notes=(*recording.notes, note),
    )


def _reach(recording: Recording) -> float:
    return max(MAX_BRIDGED_GAP_S, 2 / recording.fps) + 1e-9


def _interpolate(
    time: np.ndarray, known: np.ndarray, values: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """(T, E) float32 at `time` and which of them (T,) lie on or between known frames at most `reach` apart."""
    after = np.clip(np.searchsorted(known, time), 1, max(1, len(known) - 1))
    after = np.minimum(after, len(known) - 1)
    before = np.maximum(after - 1, 0)
    span = known[after] - known[before]
    weight = np.clip((time - known[before]) / np.where(span > 0, span, 1), 0, 1).astype(np.float32)[:, None]
    out = values[before] * (1 - weight) + values[after] * weight
    inside = (time >= known[0] - 1e-9) & (time <= known[-1] + 1e-9)
    near = np.minimum(np.abs(time - known[before]), np.abs(time - known[after])) < 1e-6
    return out.astype(np.float32), inside & ((span <= reach) | near)
