"""What a volcano plot of groups says in words, the same on the page and in print: its line, and its effect axis."""

from __future__ import annotations

import pandas as pd

from dfe_core.p_values import p_text

ALPHA = 0.05
"""q over all rows below which a row is found."""


def found_line(tested: pd.DataFrame) -> tuple[float, str]:
    """The p at which the line of a volcano plot stands, and its label.

    Parameters
    ----------
    tested
        Rows that were tested, with ``p`` and ``q_all``.

    Returns
    -------
    The largest p of a row with q below `ALPHA` over all rows: every row on the line or above it is found, none below.
    Where none is found, `ALPHA` itself, which the label calls a p that is not corrected.
    """
    found = tested.loc[tested["q_all"] < ALPHA, "p"]
    if found.empty:
        return ALPHA, f"p {ALPHA:g}, not corrected: no q below {ALPHA:g}"
    largest = max(float(found.max()), 1e-12)
    return largest, f"q below {ALPHA:g} from here up (p {p_text(largest)})"


def effect_words(tested: pd.DataFrame) -> str:
    """The title of the effect axis: which level a positive Hedges' g is higher in; of several pairs of levels, that it
    is the second of each pair."""
    pairs = tested[["a", "b"]].drop_duplicates() if {"a", "b"} <= set(tested) else tested
    if len(pairs) != 1 or "a" not in pairs:
        return "Hedges' g, second level of each pair against the first"
    first, second = pairs.iloc[0][["a", "b"]]
    return f"Hedges' g: right, more in {second}; left, more in {first}"
