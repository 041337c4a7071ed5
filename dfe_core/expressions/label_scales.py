"""How a label is measured: classes without order, an ordered scale, or a quantity. One rule for every analysis."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import RECORDING_COLUMNS
from dfe_core.text_enum import StrEnum

MOST_STEPS = 20
"""Between the ends of an ordered scale, at most: 1 to 7 has six, 0 to 100 in tens has ten."""
FEWEST_LEVELS = 3
"""Of an ordered scale: two values have no order that matters."""
FEW_CODES = 4
"""Whole numbers that are in no steps (codes such as 101, 205, 317): up to so many are classes."""


class LabelScale(StrEnum):
    """How a label is measured."""

    NOMINAL = "nominal"
    """Text, truth values, two numbers, or a few codes: classes."""
    ORDINAL = "ordinal"
    """Whole numbers in steps (Likert items, severity), or text whose order was given."""
    QUANTITY = "quantity"
    """Other numbers."""


def label_scale(labels: pd.Series) -> LabelScale:
    """How a label column is measured, by its values alone; values that are missing do not count.

    Three or more whole numbers are an ordered scale where they lie on a grid of at most `MOST_STEPS` equal steps.
    """
    if not pd.api.types.is_numeric_dtype(labels) or pd.api.types.is_bool_dtype(labels):
        return LabelScale.NOMINAL
    values = np.unique(labels.dropna().to_numpy(float))
    values = values[np.isfinite(values)]
    if np.any(values != np.round(values)):
        return LabelScale.QUANTITY
    if len(values) < FEWEST_LEVELS:
        return LabelScale.NOMINAL
    whole = np.diff(values).astype(np.int64)
    if (values[-1] - values[0]) / np.gcd.reduce(whole) <= MOST_STEPS:
        return LabelScale.ORDINAL
    return LabelScale.NOMINAL if len(values) <= FEW_CODES else LabelScale.QUANTITY


def ordered_values(labels: pd.Series, levels: tuple[str, ...], where: str) -> pd.Series:
    """Text of an ordered scale as 0, 1, 2 …, in the order of `levels`.

    Raises `DataError`, with `where` in it, for a value that is none of the levels.
    """
    places = {level: place for place, level in enumerate(levels)}
    text = labels.map(_text, na_action="ignore")
    unknown = text[text.notna() & ~text.isin(places)]
    if len(unknown):
        raise DataError(where, f"{unknown.iloc[0]!r}, which --levels does not name", "every value, lowest first")
    return text.map(places)


def scale_labels(recordings: pd.DataFrame) -> list[str]:
    """Label columns that are ordered scales (`LabelScale.ORDINAL`). recordings: with the label columns."""
    return [
        str(name)
        for name in recordings.columns
        if name not in RECORDING_COLUMNS and label_scale(recordings[name]) == LabelScale.ORDINAL
    ]


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).strip()
