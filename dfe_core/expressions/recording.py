"""One recording in memory: expression coefficients over time, before or after they are brought to a face's basis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False, kw_only=True)
class Recording:
    """Expression coefficients of one face over time.

    Attributes
    ----------
    name: unique in its dataset.
    names: (E,) canonical coefficient names, in the order of `psi`'s columns.
    psi: (T, E) float32. Rows with ``valid`` False may hold anything finite.
    time_s: (T,) float64, strictly increasing, seconds from the recording's start.
    frame: (T,) int64, strictly increasing; a jump is a gap in the source.
    valid: (T,) bool.
    fps: nominal frame rate, Hz.
    space: ``arkit``, ``flame`` … : which family the coefficients are of.
    extractor: the tool that made them (``live-link-face``, ``emoca`` …).
    subject, session: of the person and the sitting; empty where unknown.
    extras: (T,) columns beside ψ that must not be lost (head pose, confidence), by name.
    notes: what the reader or the import did to the data, each one sentence for the user.
    """

    name: str
    names: tuple[str, ...]
    psi: np.ndarray
    time_s: np.ndarray
    frame: np.ndarray
    valid: np.ndarray
    fps: float
    space: str
    extractor: str
    subject: str = ""
    session: str = ""
    extras: dict[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)
