"""From one expression to another as a timeline: chosen by tokens or by frames of recordings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dfe_core.errors import DataError
from dfe_core.motion.timeline import Timeline, Track

HOLD_S = 0.3
"""Stillness before and after a transition, so that both faces can be seen."""


def between_tokens(
    start: Sequence[tuple[int, float]],
    stop: Sequence[tuple[int, float]],
    duration_s: float = 1.0,
    hold_s: float = HOLD_S,
    fps: float = 30.0,
) -> Timeline:
    """From one set of (codeword, intensity) to another, one track a codeword.

    A codeword of both sets has two tracks that cross over: their sum goes straight from one intensity to the other.
    """
    if not start and not stop:
        raise DataError("transition", "no codewords on either side", "at least one")
    total = duration_s + 2 * hold_s
    leaving = [
        Track(
            kind="codeword",
            target=str(int(k)),
            onset_s=0,
            apex_s=0,
            offset_s=hold_s,
            end_s=hold_s + duration_s,
            intensity=float(g),
            rule="of the first face",
        )
        for k, g in start
    ]
    coming = [
        Track(
            kind="codeword",
            target=str(int(k)),
            onset_s=hold_s,
            apex_s=hold_s + duration_s,
            offset_s=total,
            end_s=total,
            intensity=float(g),
            rule="of the second face",
        )
        for k, g in stop
    ]
    return Timeline(duration_s=total, tracks=(*leaving, *coming), fps=fps, text="from tokens to tokens")


def between_frames(
    psi: np.ndarray,
    names: tuple[str, ...],
    labels: Sequence[str] | None = None,
    duration_s: float = 1.0,
    hold_s: float = HOLD_S,
    fps: float = 30.0,
) -> Timeline:
    """Through (F, E) whole faces in turn, `duration_s` from one to the next, each held for `hold_s`.

    Raises `DataError` for fewer than two faces or other than E coefficients.
    """
    psi = np.asarray(psi, np.float64)
    if psi.ndim != 2 or len(psi) < 2 or psi.shape[1] != len(names):
        raise DataError("transition", f"faces of shape {psi.shape}", f"at least two of {len(names)} coefficients")
    labels = labels or [f"face {i}" for i in range(1, len(psi) + 1)]
    step, last = hold_s + duration_s, len(psi) - 1
    total = last * step + hold_s
    tracks = []
    for i, (row, label) in enumerate(zip(psi, labels, strict=True)):
        onset, apex = (0.0, 0.0) if i == 0 else (i * step - duration_s, i * step)
        offset, end = (total, total) if i == last else (i * step + hold_s, (i + 1) * step)
        values = {name: float(v) for name, v in zip(names, row, strict=True) if abs(v) > 1e-6}
        tracks.append(
            Track(
                kind="face",
                target=label,
                onset_s=onset,
                apex_s=apex,
                offset_s=offset,
                end_s=end,
                rule="a frame of a recording",
                psi=values,
            )
        )
    return Timeline(duration_s=total, tracks=tuple(tracks), fps=fps, text="through frames")
