"""From filters to codewords and from a link to a codeword: plain functions that know no Streamlit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

SORTS = {"Most used": ("uses", False), "Largest movement": ("peak_mm", False), "Most symmetric": ("symmetry", False),
         "Most one-sided": ("symmetry", True), "Most local": ("locality", False), "Region": ("region", True),
         "Stage": ("main_stage", True), "Number": ("codeword", True)}
"""Name in the menu: column, ascending."""

SIDES = {"Symmetric": "symmetric", "Left": "left", "Right": "right"}


@dataclass(frozen=True)
class Filter:
    """What the gallery shows. Empty fields do not restrict. `stage` is 0-based."""

    words: str = ""
    regions: tuple[str, ...] = ()
    side: str = ""
    stage: int | None = None
    used_only: bool = False
    sort: str = "Most used"


def matching(table: pd.DataFrame, chosen: Filter) -> list[int]:
    """Codewords that pass a filter, sorted; ties by number."""
    keep = np.ones(len(table), bool)
    for word in chosen.words.lower().split():
        keep &= _mentions(table, word)
    if chosen.regions:
        keep &= table["region"].isin(chosen.regions).to_numpy()
    if chosen.side:
        keep &= (table["side"] == chosen.side).to_numpy()
    if chosen.stage is not None:
        keep &= (table["main_stage"] == chosen.stage).to_numpy()
    if chosen.used_only:
        keep &= (table["uses"] > 0).to_numpy()
    column, ascending = SORTS.get(chosen.sort, SORTS["Most used"])
    rows = table[keep].sort_values([column, "codeword"], ascending=[ascending, True], kind="stable")
    return rows["codeword"].astype(int).tolist()


def codeword_of(text: str | None, size: int) -> int | None:
    """The codeword a link names, None when it names none of 0 … size − 1."""
    if text is None or not text.strip().isdigit():
        return None
    number = int(text)
    return number if number < size else None


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


def _mentions(table: pd.DataFrame, word: str) -> np.ndarray:
    if word.isdigit():
        return (table["codeword"] == int(word)).to_numpy()
    columns = [c for c in ("description", "name", "region", "second_region", "side", "tags") if c in table.columns]
    text = table[columns].astype(str).agg(" ".join, axis=1).str.lower()
    return text.str.contains(word, regex=False).to_numpy()
