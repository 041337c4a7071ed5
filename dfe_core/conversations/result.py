"""What an analysis of conversations gives: its records and the words of its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from dfe_core.conversations.settings import ConversationSettings
from dfe_core.table_rows import json_rows

CORRELATION, ANSWERS = "correlation", "answers"
TOGETHER, FORWARD, BACKWARD = "both", "second after first", "first after second"
"""Directions of a row: of a correlation; of answers of the second face to the first, and of the first to the second."""
TESTED, RARE = "tested", "too rare"


@dataclass(frozen=True, eq=False, kw_only=True)
class ConversationResult:
    """What was found.

    Attributes
    ----------
    model, dataset: names; simulated: whether the data are. settings: every choice. step_s: of the common clock.
    roles: what the first and the second of a pair are called.
    table: one row per thing and measure: kind, thing, description, measure, direction, value (correlation, or share of
        onsets answered), base (what surrogates give: the mean of their largest correlations, of the shares), low, high
        (95 %, bootstrap over conversations), strength, strength_low, strength_high (of answers: `beyond_chance`),
        lag_s, lag_low, lag_high (of the largest correlation; positive: the second comes after the first), lead,
        lead_low, lead_high (mean z at positive less mean z at negative lags; positive: the first leads), p_lead,
        p_shift, p_shuffled and their q, conversations, onsets, status.
    curves: kind, thing, lag_s, r, low, high, and null_low, null_high of shifted conversations.
    pairs: conversation, first, second, kind, thing, r, lag_s, lead of each pair, and p_shift of its largest correlation
        by circular shifts of that pair alone.
    windows: of the three things with the smallest p, windowed cross-correlation of each pair: conversation, first,
        second, kind, thing, time_s (middle of a window of `window_s`, from the start of what both have), r and lag_s
        of the largest correlation; windows in which either face does nothing, or too little is known, are left out.
    turns: one row per pair: shares and changes of turn (`turns.Turns`), and the source of speech.
    overlap: shares of time in which both speak: value, base, p_shift, p_shuffled, conversations; empty without speech.
    conversations: conversation, faces, seconds (all on the clock), known (share of the time, 0 … 1).
    left_out: conversations that are too short.
    """

    model: str
    dataset: str
    simulated: bool
    settings: ConversationSettings
    step_s: float
    roles: tuple[str, str]
    table: pd.DataFrame
    curves: pd.DataFrame
    pairs: pd.DataFrame
    windows: pd.DataFrame
    turns: pd.DataFrame
    overlap: pd.DataFrame
    conversations: pd.DataFrame
    left_out: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``dfe conversations``; null where there is no number."""
        tables = ("conversations", "table", "turns", "overlap")
        return {
            "model": self.model,
            "dataset": self.dataset,
            "simulated": self.simulated,
            **self.settings.as_dict(),
            "step_s": self.step_s,
            "roles": list(self.roles),
            "left_out": list(self.left_out),
            **{name: json_rows(getattr(self, name)) for name in tables},
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class PairTables:
    """Tables of `analyse_faces`, as in `ConversationResult`."""

    table: pd.DataFrame
    curves: pd.DataFrame
    pairs: pd.DataFrame
    windows: pd.DataFrame
    turns: pd.DataFrame
    overlap: pd.DataFrame
