"""Tracks as a table: what is in which tier, from when to when, and where it comes from.

A set of tracks is a set of events (`events.store`) with the columns ``tier``, ``annotation`` and ``source``: the form
in which annotations of ELAN, Praat and tables come in too, so that segments, groups and curves around events take
tracks as they are. Times are whole milliseconds, the step of ELAN and BORIS, so that no format rounds them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from dfe_core.errors import DataError

NOTHING = ""
"""The label of time without an interval."""
TIER, LABEL, SOURCE = "tier", "annotation", "source"
TRACK_COLUMNS = ("recording", "onset_s", "offset_s", TIER, LABEL, SOURCE)
BENEATH, BEHAVIOUR = " · ", ": "
"""Between a tier and what stands beneath it (``brow · source``), and between tier and label in a code of BORIS."""
_OF_SOURCE = BENEATH + SOURCE
HAND = "hand"
"""Source of what a person drew or changed."""
MOST_INTERVALS = 20_000
_LONGEST_TEXT = 200


def track_table(table: pd.DataFrame, where: str = "tracks") -> pd.DataFrame:
    """Any table of events as tracks, in order: `TRACK_COLUMNS`, by recording, tier and time, in whole milliseconds.

    Without a tier column all are in the tier ``events``; the label is ``annotation``, else the first other column.
    Raises `DataError` for an interval without a label or a length, and for two of one tier that overlap.
    """
    found = pd.DataFrame(
        {
            "recording": table["recording"].astype(str),
            "onset_s": _milliseconds(table["onset_s"]),
            "offset_s": _milliseconds(table["offset_s"]),
            TIER: _texts(table, TIER, "events"),
            LABEL: _texts(table, _label_column(table), NOTHING),
            SOURCE: _texts(table, SOURCE, HAND),
        }
    )
    found = found.sort_values(["recording", TIER, "onset_s"], kind="stable", ignore_index=True)
    _refuse(found, where)
    return found


def tracks_of_events(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Any events as tracks: categories of BORIS are tiers, and tiers of sources are put beside what they are of.

    Points in time are left out. Raises `DataError` as `track_table`.
    """
    table = table[table["offset_s"] > table["onset_s"]]
    if "behavior" in table:
        table = _of_boris(table)
    if TIER not in table:
        return track_table(table, where)
    tier = table[TIER].astype(str)
    beneath = tier.str.endswith(_OF_SOURCE)
    own = table[~beneath].reset_index(drop=True)
    if beneath.any():
        sources = table[beneath].assign(**{TIER: tier[beneath].str.removesuffix(_OF_SOURCE), SOURCE: table[LABEL]})
        keys = ["recording", TIER, "onset_s", "offset_s"]
        own = own.drop(columns=SOURCE, errors="ignore").merge(sources[[*keys, SOURCE]], on=keys, how="left")
    return track_table(own, where)


def _of_boris(table: pd.DataFrame) -> pd.DataFrame:
    tier = table["category"].astype(str) if "category" in table else pd.Series("events", table.index)
    tier = tier.where(tier != "", "events")
    pairs = zip(table["behavior"].astype(str), tier, strict=True)
    labels = [behaviour.removeprefix(f"{category}{BEHAVIOUR}") for behaviour, category in pairs]
    found = table[["recording", "onset_s", "offset_s"]].copy()
    found[TIER], found[LABEL] = tier, labels
    if "comment" in table:
        found[SOURCE] = table["comment"]
    return found


def _milliseconds(times: pd.Series) -> pd.Series:
    return (times.astype(float) * 1000).round() / 1000


def _texts(table: pd.DataFrame, column: str, otherwise: str) -> pd.Series:
    """A column as one line of text each, without what XML and TextGrids cannot hold."""
    if column not in table:
        return pd.Series(otherwise, index=table.index, dtype=object)
    return table[column].map(lambda value: clean_text(value) or otherwise)


def clean_text(value: object) -> str:
    """One line of printable text, at most 200 characters."""
    text = "" if value is None or value != value else str(value)
    text = "".join(c if c.isprintable() else " " for c in text if c not in "\ufffe\uffff")
    return " ".join(text.split())[:_LONGEST_TEXT].strip()


def _label_column(table: pd.DataFrame) -> str:
    others = [c for c in table.columns if c not in ("recording", "onset_s", "offset_s", TIER, SOURCE)]
    return LABEL if LABEL in others else others[0] if others else LABEL


def _refuse(table: pd.DataFrame, where: str) -> None:
    for rows, found, expected in (
        (table["offset_s"] <= table["onset_s"], "an interval without length", "an end after its start"),
        (table["onset_s"] < 0, "an interval before the recording", "times from 0 on"),
        (table[LABEL] == NOTHING, "an interval without a label", "a label of each"),
    ):
        if rows.any():
            raise DataError(f"{where}, {_place_of(table[rows].iloc[0])}", found, expected)
    before = table.shift(1)
    clash = (
        (table["recording"] == before["recording"])
        & (table[TIER] == before[TIER])
        & (table["onset_s"] < before["offset_s"] - 1e-9)
    )
    if clash.any():
        raise DataError(
            f"{where}, {_place_of(table[clash].iloc[0])}", "an overlap with the one before", "one at a time"
        )


def _place_of(row: pd.Series) -> str:
    """``p01, brow, 1.200 s``."""
    return f"{row['recording']}, {row[TIER]}, {row['onset_s']:.3f} s"


def tier_names(table: pd.DataFrame, first: Sequence[str]) -> list[str]:
    """The tiers of a table: those of `first` in their order, then the others as they come."""
    there = list(dict.fromkeys(table[TIER].astype(str)))
    return [name for name in first if name in there] + [name for name in there if name not in first]
