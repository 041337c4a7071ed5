"""Columns in which a tool says whether it found a face: one rule for all tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

SUCCESS = ("success", "valid", "detected")
CONFIDENCE = ("confidence", "facescore")
ENOUGH = 0.5


def told_columns(header: Sequence[str]) -> dict[str, int]:
    """``success`` and ``confidence`` to their columns, where a header has them under the names tools use."""
    keys = [name.strip().lower() for name in header]
    return {
        what: keys.index(found)
        for what, names in (("success", SUCCESS), ("confidence", CONFIDENCE))
        if (found := next((n for n in names if n in keys), None))
    }


def found_faces(told: Mapping[str, np.ndarray]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """(T,) whether a frame counts, and a note on those that do not.

    ``success`` 1 counts where there is that column, else ``confidence`` from `ENOUGH`; None without either. The
    confidence is kept beside ψ by those who ask, whatever the rule.
    """
    if "success" in told:
        valid, rule = told["success"] == 1, "success 0"
    elif "confidence" in told:
        valid, rule = told["confidence"] >= ENOUGH, f"confidence below {ENOUGH:g}"
    else:
        return None, ()
    lost = int((~valid).sum())
    return valid, (f"{lost:,} frames with {rule} are marked invalid.",) if lost else ()
