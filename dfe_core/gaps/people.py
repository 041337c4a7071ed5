"""Runs of valid frames about each person's mean, as gap models are trained and judged on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dfe_core.expressions.dataset import Frames
from dfe_core.gaps.own_spread import straying

MOST_RATE_HZ = 30.0
"""Faster recordings are thinned to at most this before the network sees them."""
_SHORTEST_S = 1.0
_JUMP = 1.7  # periods between two frames that count as one run


@dataclass(frozen=True, eq=False, kw_only=True)
class SeenRun:
    """psi (T, E) float32 about the person's mean; rate Hz; activity and spread as `Stretch` has them; recording,
    subject."""

    psi: np.ndarray
    rate: float
    activity: float
    spread: np.ndarray
    recording: str
    subject: str


def thinning(rate: float) -> int:
    """How many frames of a recording make one of the network's."""
    return max(1, round(rate / MOST_RATE_HZ))


def activity(psi: np.ndarray, scale: np.ndarray) -> float:
    """Spread of (T, E) ψ about their mean, as a share of the population's (E,)."""
    return float(np.sqrt(((psi - psi.mean(0)).var(0) / scale**2).mean()).clip(0.05, 20)) if len(psi) > 1 else 1.0


def runs_of(
    frames: Iterable[tuple[Frames, float, str]], scale: np.ndarray | None = None, population: np.ndarray | None = None
) -> list[SeenRun]:
    """Runs without a gap of recordings, given with rate and subject, thinned to `MOST_RATE_HZ`.

    scale (E,), population (L, E): of all people; None where they are not known yet, and activity 1.
    """
    out = []
    for part, rate, subject in frames:
        psi = part.psi[part.valid]
        if not len(psi):
            continue
        own = activity(psi, scale) if scale is not None else 1.0
        mean, step = psi.mean(0), thinning(rate)
        long = [r for r in unbroken(part.valid, part.time_s, rate) if len(r) >= _SHORTEST_S * rate]
        spread = straying([part.psi[rows] - mean for rows in long], rate, population) if long else None
        for rows in long:
            if spread is not None:
                kept = (part.psi[rows[::step]] - mean).astype(np.float32)
                out.append(
                    SeenRun(
                        psi=kept,
                        rate=rate / step,
                        activity=own,
                        spread=spread,
                        recording=part.recording,
                        subject=subject,
                    )
                )
    return out


def unbroken(valid: np.ndarray, time_s: np.ndarray, rate: float) -> list[np.ndarray]:
    """Rows of each stretch of valid frames that follow each other."""
    rows = np.flatnonzero(valid)
    if not len(rows):
        return []
    broken = (np.diff(rows) > 1) | (np.diff(time_s[rows]) > _JUMP / rate)
    return np.split(rows, np.flatnonzero(broken) + 1)
