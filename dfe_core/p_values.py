"""p and q as they are printed: a value at the floor of its test is a bound, and is printed as one.

A permutation test of n permutations counts the observed order among them, so that p is 1 / (n + 1) at least (Phipson &
Smyth 2010): where no permutation reached the observed statistic, p is at most that, and so is what is adjusted from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

_EQUAL = 1 + 1e-9


def at_floor(p: Any, permutations: Any) -> np.ndarray:
    """Whether each p is as small as its test of so many permutations can give; False where p is NaN or none were
    drawn. Shapes as numpy broadcasts them."""
    count = np.asarray(permutations, np.float64)
    return np.asarray(p, np.float64) <= np.where(count > 0, _EQUAL / (count + 1), -1.0)


def p_text(value: float | None, floor: bool = False, digits: int = 2) -> str:
    """``0.031``, and ``≤ 0.0001`` where it is at its floor; an en dash for what is not known."""
    if value is None or not np.isfinite(value):
        return "–"
    return f"{'≤ ' if floor else ''}{value:.{digits}g}"


def p_words(name: str, value: float | None, floor: bool = False) -> str:
    """``p = 0.031``, ``q ≤ 0.0001``."""
    printed = p_text(value, floor)
    return f"{name} {printed}" if floor else f"{name} = {printed}"


def bounds(values: Iterable[float], floor: Iterable[bool]) -> frozenset[float]:
    """The values of a column that are bounds, for a table that prints it (``values``: p, or adjusted from it)."""
    return frozenset(float(v) for v, low in zip(values, floor, strict=True) if low)
