"""What an analysis of conversations is asked on the page: which recordings are together, roles, lag, clocks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import conversations_report_name
from dfe_core.conversations.members import role_columns
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.store import artefact_path, content_key
from dfe_core.syllables.store import open_syllables

from ..data import artefact_cache

VERSION = 1
"""Counted up when `dfe conversations` gives something else for the same data."""
LAGS = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0)
FACES_OF_VIDEO = "Faces of one video"


def asked(choice: artefact_cache.Choice, columns: Sequence[str]) -> ConversationSettings:
    """The settings that are chosen. columns: what may name conversations, of `members.conversation_columns`."""
    rows = choice.open_dataset().recordings
    a, b, c, d = st.columns(4)
    names = [column or FACES_OF_VIDEO for column in columns]
    by = a.selectbox(
        "Recordings are together by",
        names,
        key="conversations_by",
        bind="query-params",
        help="A label whose value names the conversation of each recording, or the faces of one video.",
    )
    column = "" if by == FACES_OF_VIDEO else str(by)
    roles = ["By name", *role_columns(rows, column)]
    role = b.selectbox(
        "First of a pair",
        roles,
        index=min(1, len(roles) - 1),
        key="conversations_role",
        bind="query-params",
        help="A label that says who is the first of each pair, its values sorted. By name: a lead over several "
        "conversations means something only where names have an order.",
    )
    lag = c.select_slider(
        "Largest lag, s",
        LAGS,
        value=longest_lag(rows),
        key="conversations_lag",
        bind="query-params",
        help="To either side. An onset answers another within this time; a conversation lasts eight of it at least.",
    )
    offset = d.selectbox(
        "Clocks start",
        ["Together", *_numbers(rows)],
        key="conversations_offset",
        bind="query-params",
        help="A label of seconds: when the clock of a recording starts on that of its conversation. Lags are as good "
        "as these offsets.",
    )
    syllables = open_syllables(choice.open_tokens()) is not None and st.toggle(
        "Follow syllables, too", key="conversations_syllables", bind="query-params"
    )
    return ConversationSettings(
        by=column,
        role="" if role == "By name" else str(role),
        offset="" if offset == "Together" else str(offset),
        max_lag_s=float(lag),
        window_s=max(20.0, 4 * float(lag)),
        syllables=bool(syllables),
    )


def longest_lag(rows: pd.DataFrame) -> float:
    """The default largest lag: 3 s, less where most recordings last less than eight of it."""
    median = float(rows["duration_s"].median())
    fitting = [lag for lag in LAGS if 8 * lag <= median and lag <= 3]
    return max(fitting, default=LAGS[0])


def report_folder(choice: artefact_cache.Choice, settings: ConversationSettings) -> Path:
    """Where the analysis of the data as they are now is kept."""
    dataset, tokens = choice.open_dataset(), choice.open_tokens()
    found = open_syllables(tokens) if settings.syllables else None
    made_from = [tokens.manifest, dataset.key, dataset.manifest.get("files"), sorted(dataset.sealed)]
    key = content_key(
        [
            "conversations",
            VERSION,
            choice.model,
            choice.dataset,
            *made_from,
            settings.as_dict(),
            found and found.path.name,
        ]
    )
    return artefact_path("analyses", conversations_report_name(key), choice.root)


def arguments(choice: artefact_cache.Choice, settings: ConversationSettings, out: Path) -> list[str]:
    """The command that analyses."""
    line = ["conversations", choice.model, choice.dataset, f"--max-lag={settings.max_lag_s:g}"]
    line += [f"--window={settings.window_s:g}", "--out", str(out)]
    for name in ("by", "role", "offset"):
        line += [f"--{name}={value}"] if (value := getattr(settings, name)) else []
    return [*line, "--syllables"] if settings.syllables else line


def _numbers(rows: pd.DataFrame) -> list[str]:
    labels = rows.columns[list(rows.columns).index("first_row") + 1 :] if "first_row" in rows else rows.columns
    return [str(c) for c in labels if pd.api.types.is_float_dtype(rows[c]) and rows[c].notna().any()]
