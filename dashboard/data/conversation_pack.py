"""Two faces of a conversation for the pair view: ψ of both on one clock, rows of what moves in both, who speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from dfe_core.channels.rules import GAP_S, frame_interval
from dfe_core.conversations.recurrence import answered_onsets
from dfe_core.conversations.run import OpenedConversation, open_conversation
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.conversations.tracks import FaceTrack
from dfe_core.expressions.dataset import Dataset, Frames
from dfe_core.render.recording_pack import quantised

from . import artefact_cache
from .packs import pack

FASTEST_HZ = 30.0
PART = 18_000
"""Steps of one part at most: ten minutes, a few MB for the browser."""
_UNKNOWN, _STEPS = 255, 254
_HIGH = 99.5
"""Percentile of a thing's intensity, where it is not 0, that is its full height."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PairPack:
    """data: the pack. time_s: (N,) of the conversation's clock. frames: of both faces, (N,) frame numbers nearest to
    each time. parts: how many parts there are."""

    data: bytes
    time_s: np.ndarray
    frames: tuple[np.ndarray, np.ndarray]
    parts: int


def opened(choice: artefact_cache.Choice, settings: ConversationSettings, name: str) -> OpenedConversation:
    """A conversation of the chosen codebook and dataset on its clock."""
    dataset, tokens, codebook = choice.open_dataset(), choice.open_tokens(), choice.open_codebook()
    key = (dataset.key, str(tokens.path), codebook.key, repr(settings), name)
    return _opened(key, choice, settings, name)


@st.cache_resource(max_entries=6, show_spinner=False)
def _opened(
    key: tuple[str, ...], _choice: artefact_cache.Choice, _settings: ConversationSettings, _name: str
) -> OpenedConversation:
    parts = _choice.open_codebook(), _choice.open_dataset(), _choice.open_tokens()
    return open_conversation(*parts, _settings, _name)


def pair_pack(
    dataset: Dataset,
    conversation: OpenedConversation,
    pair: tuple[int, int],
    things: Sequence[tuple[str, str, str]],
    lag_s: float,
    part: int = 0,
) -> PairPack:
    """Part `part` of two faces.

    Parameters
    ----------
    pair: places of both in the conversation. things: kind, name and label of the rows that are shown. lag_s: within
    which an onset is answered.
    """
    tracks = [conversation.faces.tracks[i] for i in pair]
    members = [conversation.members[i] for i in pair]
    frames = [dataset.frames(member.recording) for member in members]
    clock = _clock(tracks[0], frames, conversation.step_s)
    parts = max(1, -(-len(clock) // PART))
    clock = clock[min(part, parts - 1) * PART :][:PART]
    arrays: dict[str, np.ndarray] = {"time": clock.astype(np.float32)}
    numbers = []
    for i, (one, member) in enumerate(zip(frames, members, strict=True)):
        rows, known = _nearest(one, clock - member.offset_s)
        steps, scale = quantised(np.where(known[:, None], one.psi[rows], 0).T)
        arrays |= {f"psi{i}": np.ascontiguousarray(steps.T), f"scale{i}": scale, f"known{i}": known.astype(np.uint8)}
        numbers.append(one.frame[rows])
    columns = _columns(conversation, things)
    arrays["levels"] = _levels(tracks, columns, clock, conversation.step_s)
    header: dict[str, Any] = {
        "rows": [
            {"label": label, **_onsets(tracks, column, clock, conversation.step_s, lag_s)}
            for (_, _, label), column in zip(things, columns, strict=True)
        ],
        "speech": _speech(tracks, conversation.step_s),
    }
    return PairPack(data=pack(header, **arrays), time_s=clock, frames=(numbers[0], numbers[1]), parts=parts)


def _clock(track: FaceTrack, frames: Sequence[Frames], step_s: float) -> np.ndarray:
    """Times of the picture: those of the faster recording, `FASTEST_HZ` at most, over what both have."""
    shown = max(1 / FASTEST_HZ, min(step_s, *(frame_interval(one.time_s) for one in frames)))
    return np.arange(track.start * step_s, (track.start + len(track.known) - 1) * step_s + 1e-9, shown)


def _nearest(frames: Frames, time_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) rows of the frames nearest to times, and whether a valid one is near enough."""
    after = np.searchsorted(frames.time_s, time_s).clip(0, len(frames.time_s) - 1)
    before = np.maximum(after - 1, 0)
    rows = np.where(np.abs(frames.time_s[before] - time_s) < np.abs(frames.time_s[after] - time_s), before, after)
    near = np.abs(frames.time_s[rows] - time_s) <= max(GAP_S, frame_interval(frames.time_s))
    return rows, near & frames.valid[rows]


def _columns(conversation: OpenedConversation, things: Sequence[tuple[str, str, str]]) -> list[int]:
    table = conversation.things.table
    where = {key: at for at, key in enumerate(zip(table["kind"], table["thing"], strict=True))}
    return [where[kind, thing] for kind, thing, _ in things]


def _levels(tracks: Sequence[FaceTrack], columns: Sequence[int], clock: np.ndarray, step_s: float) -> np.ndarray:
    """(2 R, N) uint8: of each row the first and the second face, 255 where unknown."""
    step = (np.rint(clock / step_s).astype(int) - tracks[0].start).clip(0, len(tracks[0].known) - 1)
    found = np.full((2 * len(columns), len(clock)), _UNKNOWN, np.uint8)
    for row, column in enumerate(columns):
        values = np.stack([track.intensity[:, column] for track in tracks])
        high = np.percentile(values[values > 0], _HIGH) if (values > 0).any() else 1.0
        for i, track in enumerate(tracks):
            share = np.rint(np.clip(values[i][step] / high, 0, 1) * _STEPS).astype(np.uint8)
            found[2 * row + i] = np.where(track.known[step], share, _UNKNOWN)
    return found


def _onsets(
    tracks: Sequence[FaceTrack], column: int, clock: np.ndarray, step_s: float, lag_s: float
) -> dict[str, list[Any]]:
    first, second = (track.onset[:, column] for track in tracks)
    start = tracks[0].start
    pairs = [
        ((a + start) * step_s, (b + start) * step_s) for a, b in answered_onsets(first, second, round(lag_s / step_s))
    ]
    shown = [(round(a, 3), round(b, 3)) for a, b in pairs if max(a, b) >= clock[0] and min(a, b) <= clock[-1]]
    times = [((np.flatnonzero(one) + start) * step_s).round(3).tolist() for one in (first, second)]
    return {"onsets": times, "answers": shown}


def _speech(tracks: Sequence[FaceTrack], step_s: float) -> list[list[tuple[float, float]]] | None:
    """Spans, s, in which each of both speaks; None where it is not measured."""
    found = []
    for track in tracks:
        if track.speech is None:
            return None
        edges = np.flatnonzero(np.diff(np.r_[False, np.nan_to_num(track.speech) > 0.5, False].astype(int))).reshape(
            -1, 2
        )
        found.append([(round((a + track.start) * step_s, 3), round((b + track.start) * step_s, 3)) for a, b in edges])
    return found
