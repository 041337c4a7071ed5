"""Which recordings were made together: conversations of a dataset, from a label column or from the faces of a video."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.conversations.settings import MOST_FACES, ConversationSettings
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import RECORDING_COLUMNS

_FACE = re.compile(r"(?P<video>.+)-face\d+", re.IGNORECASE)
_KNOWN = ("session",)
"""Columns of every dataset that may name a conversation, beside the labels."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One face of a conversation. offset_s: when its recording's clock starts on that of the conversation."""

    recording: str
    subject: str
    role: str
    offset_s: float


@dataclass(frozen=True)
class Conversation:
    """The members of one conversation, the first of each pair before the second."""

    name: str
    members: tuple[Member, ...]


def find_conversations(recordings: pd.DataFrame, settings: ConversationSettings) -> tuple[Conversation, ...]:
    """The conversations of `Dataset.recordings`, by name; recordings without one are in none.

    Raises `DataError` where none is found, where one has a single face or more than `MOST_FACES`, where two recordings
    of one are of the same subject, and for a role or an offset that is missing.
    """
    names = _by_label(recordings, settings) if settings.by else _by_video(recordings)
    rows = recordings.assign(
        conversation=names,
        role=_roles(recordings, settings),
        offset_s=_offsets(recordings, settings),
    )
    rows = rows[rows["conversation"].notna()]
    if not len(rows):
        raise DataError(
            settings.by or "conversations",
            "no recording has a value" if settings.by else "no recordings NAME-face0 and NAME-face1 of one video",
            "a label column that names the conversation of each recording (--by COLUMN)",
        )
    return tuple(_conversation(str(name), part, settings) for name, part in rows.groupby("conversation", sort=True))


def conversation_columns(recordings: pd.DataFrame) -> list[str]:
    """What may name the conversations of `Dataset.recordings`: label columns, ``session``, and '' for the faces of one
    video; two faces in each before more, many conversations before few."""
    columns = ["", *(c for c in recordings.columns if c not in RECORDING_COLUMNS), *_KNOWN]
    faces: dict[str, tuple[int, int]] = {}
    for column in columns:
        try:
            found = find_conversations(recordings, ConversationSettings(by=column))
        except DataError:  # not one that names conversations
            continue
        faces[column] = max(len(one.members) for one in found), -len(found)
    return sorted(faces, key=lambda column: faces[column])


def role_columns(recordings: pd.DataFrame, by: str) -> list[str]:
    """Label columns that say which member of every conversation is the first: one value for each member."""
    usable = []
    for column in (c for c in recordings.columns if c not in RECORDING_COLUMNS and c != by):
        try:
            find_conversations(recordings, ConversationSettings(by=by, role=column))
        except DataError:  # not one that tells members apart
            continue
        usable.append(column)
    return usable


def _by_video(recordings: pd.DataFrame) -> pd.Series:
    """The video of each recording NAME-faceN; none for videos of which one face was kept."""
    matches = recordings["recording"].astype(str).map(_FACE.fullmatch)
    video = matches.map(lambda found: found["video"] if found else None)
    return video.where(video.map(video.value_counts()) > 1)


def _by_label(recordings: pd.DataFrame, settings: ConversationSettings) -> pd.Series:
    values = _column(recordings, settings.by, "--by")
    return values.map(_text)


def _roles(recordings: pd.DataFrame, settings: ConversationSettings) -> pd.Series:
    if not settings.role:
        return pd.Series("", index=recordings.index)
    return _column(recordings, settings.role, "--role").map(_text)


def _offsets(recordings: pd.DataFrame, settings: ConversationSettings) -> pd.Series:
    if not settings.offset:
        return pd.Series(0.0, index=recordings.index)
    values = _column(recordings, settings.offset, "--offset")
    numbers = pd.to_numeric(values, errors="coerce")
    if (wrong := values.notna() & ~np.isfinite(numbers)).any():
        raise DataError(settings.offset, f"{values[wrong].iloc[0]!r}", "seconds")
    return numbers


def _column(recordings: pd.DataFrame, name: str, option: str) -> pd.Series:
    labels = [c for c in recordings.columns if c not in RECORDING_COLUMNS]
    if name not in (*labels, *_KNOWN):
        raise DataError(option, f"no column {name!r}", "one of " + ", ".join([*_KNOWN, *labels]))
    return recordings[name]


def _text(value: object) -> str | None:
    """A value as the name of a conversation or role: 3.0 of a column of numbers is ``3``; None where missing."""
    if value is None or value != value or value == "":
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _conversation(name: str, rows: pd.DataFrame, settings: ConversationSettings) -> Conversation:
    where = f"{settings.by} {name}" if settings.by else name
    if len(rows) == 1:
        raise DataError(where, f"one face ({rows['recording'].iloc[0]})", "two or more recordings of a conversation")
    if len(rows) > MOST_FACES:
        raise DataError(where, f"{len(rows)} recordings", f"at most {MOST_FACES}: one for each face of a conversation")
    subjects = rows["subject"].astype(str)
    if settings.by and subjects.duplicated().any():
        again = subjects[subjects.duplicated()].iloc[0]
        raise DataError(where, f"several recordings of subject {again}", "one recording of each person")
    for column, option in (("role", settings.role), ("offset_s", settings.offset)):
        if rows[column].isna().any():
            missing = rows.loc[rows[column].isna(), "recording"].iloc[0]
            raise DataError(option, f"no value for {missing}", "one for every recording of a conversation")
    if settings.role and rows["role"].duplicated().any():
        raise DataError(where, f"several members with one {settings.role}", "one member of each role")
    rows = rows.sort_values(["role", "recording"], kind="stable")
    values = zip(rows["recording"], rows["subject"], rows["role"], rows["offset_s"], strict=True)
    return Conversation(
        name,
        tuple(Member(recording=str(r), subject=str(s), role=str(q), offset_s=float(o)) for r, s, q, o in values),
    )


def pair_roles(conversations: Sequence[Conversation], settings: ConversationSettings) -> tuple[str, str]:
    """What the first and the second of a pair are called: their roles where there are two in all, else by order."""
    roles = {member.role for one in conversations for member in one.members}
    if settings.role and len(roles) == 2:
        first, second = sorted(roles)
        return first, second
    return "first", "second"
