"""From filters to codewords and from a link to a codeword: plain functions that know no Streamlit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.faces.model import REGIONS
from dfe_core.tokenizer.geometry import NO_REGION

from ..links.numbers import whole

SORTS = {
    "Most used": ("share_of_frames", False),
    "Largest movement": ("peak_mm", False),
    "Most symmetric": ("symmetry", False),
    "Least symmetric": ("symmetry", True),
    "Most local": ("locality", False),
    "Region": ("region", True),
    "Stage": ("main_stage", True),
    "Number": ("codeword", True),
}
"""Name in the menu: column, ascending."""

SIDES = {"Two-sided": "symmetric", "Left": "left", "Right": "right", "Opposed": "opposed"}


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What the gallery shows. Empty fields do not restrict. `stage` is 0-based. `ranked`: the codewords that a search
    found, best first, None when nothing is searched for."""

    ranked: tuple[int, ...] | None = None
    regions: tuple[str, ...] = ()
    side: str = ""
    stage: int | None = None
    used_only: bool = False
    sort: str = "Most used"


def regions_of(table: pd.DataFrame) -> list[str]:
    """The regions that codewords of a table have: those of every face in their order, then a lab's own."""
    found = {str(name) for name in table["region"]} - {NO_REGION, "unknown"}
    return [r for r in REGIONS if r in found] + sorted(found - set(REGIONS))


def matching(table: pd.DataFrame, chosen: Filter) -> list[int]:
    """Codewords that pass a filter, sorted, ties by number; a search's own order when one was made."""
    keep = np.ones(len(table), bool)
    if chosen.ranked is not None:
        keep &= table["codeword"].isin(chosen.ranked).to_numpy()
    if chosen.regions:
        keep &= table["region"].isin(chosen.regions).to_numpy()
    if chosen.side:
        keep &= (table["side"] == chosen.side).to_numpy()
    if chosen.stage is not None:
        keep &= (table["main_stage"] == chosen.stage).to_numpy()
    if chosen.used_only:
        keep &= (table["presences"] > 0).to_numpy()
    if chosen.ranked is not None:
        passed = set(table.loc[keep, "codeword"].astype(int))
        return [k for k in chosen.ranked if k in passed]
    column, ascending = SORTS.get(chosen.sort, SORTS["Most used"])
    rows = table[keep].sort_values([column, "codeword"], ascending=[ascending, True], kind="stable")
    return rows["codeword"].astype(int).tolist()


def numbers_in(query: str, size: int) -> list[int] | None:
    """The codewords a search names by number (``42``, ``3, 17``), None when it is not made of numbers alone."""
    numbers = [whole(part) for part in query.replace(",", " ").split()]
    if not numbers or None in numbers:
        return None
    return [number for number in numbers if number is not None and number < size]


def codeword_of(text: str | None, size: int) -> int | None:
    """The codeword a link names, None when it names none of 0 … size − 1."""
    number = whole(text)
    return number if number is not None and number < size else None


def neighbours(order: list[int], codeword: int) -> tuple[int | None, int | None]:
    """The codewords before and after one in the gallery's order; None at the ends or when it is not in it."""
    if codeword not in order:
        return None, (order[0] if order else None)
    at = order.index(codeword)
    return (order[at - 1] if at else None), (order[at + 1] if at + 1 < len(order) else None)


def nearest_frame(time_s: np.ndarray, text: str | None) -> int:
    """The row whose time is nearest to the seconds a link names; 0 for none."""
    try:
        seconds = float(text) if text else 0.0
    except ValueError:
        return 0
    return int(np.abs(np.asarray(time_s) - seconds).argmin()) if len(time_s) and np.isfinite(seconds) else 0


def is_within(time_s: np.ndarray, text: str) -> bool:
    """Whether the seconds that a link names are among those of the times (T,), or half a second beside them."""
    try:
        seconds = float(text)
    except ValueError:
        return False
    return bool(len(time_s)) and bool(time_s[0] - 0.5 <= seconds <= time_s[-1] + 0.5)


def nearest_frames(time_s: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The rows of the times (T,), in order, that are nearest to each of some seconds (n,)."""
    return np.searchsorted((time_s[1:] + time_s[:-1]) / 2, wanted)
