"""Both faces of a conversation side by side with their films, and where in time they do the same."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.conversations.coupling import centred_track, windowed_correlation
from dfe_core.conversations.recurrence import cross_recurrence
from dfe_core.conversations.run import OpenedConversation
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.expressions.dataset import Dataset

from ..data import artefact_cache, conversation_pack, films, media
from ..links import query_parameters, routes
from ..selection import codeword_filter
from ..theme.formatting import text
from ..theme.palette import ACCENT
from ..views import browser_views, conversation_figures, figures

ROWS = 6
"""Rows of what moves: the chosen thing, then those with the smallest p."""
_BINS = 200


def show(
    choice: artefact_cache.Choice,
    settings: ConversationSettings,
    names: list[str],
    things: pd.DataFrame,
    picked: pd.Series,
) -> None:
    """A conversation and two of its faces: player, rows, and the pictures of the chosen thing."""
    st.subheader("Both faces", anchor=False)
    box, pair_box, part_box = st.columns([2, 2, 1])
    name = box.selectbox("Conversation", names, key="conversation", bind="query-params")
    conversation = conversation_pack.opened(choice, settings, name)
    members = [member.recording for member in conversation.members]
    options = list(combinations(range(len(members)), 2))
    pair = options[0]
    if len(options) > 1:
        labels = [f"{members[a]}, {members[b]}" for a, b in options]
        pair = options[labels.index(pair_box.selectbox("Faces", labels, key=f"pair-{name}"))]
    shown = rows_shown(things, picked)
    part = 0
    packed = _packed(choice, settings, conversation, name, pair, shown, part)
    if packed.parts > 1:
        part = part_box.selectbox("Part", range(packed.parts), format_func=lambda p: f"{p + 1}", key=f"part-{name}")
        packed = _packed(choice, settings, conversation, name, pair, shown, part)
    _play(choice, conversation, name, pair, packed)
    _pictures(settings, conversation, pair, picked)


def rows_shown(things: pd.DataFrame, picked: pd.Series) -> list[tuple[str, str, str]]:
    """Kind, name and label of the rows: the chosen one first."""
    rows = [
        (str(row["kind"]), str(row["thing"]), str(row["label"])) for row in things.head(ROWS + 1).to_dict("records")
    ]
    chosen = (str(picked["kind"]), str(picked["thing"]), str(picked["label"]))
    return [chosen, *(row for row in rows if row != chosen)][:ROWS]


def _packed(
    choice: artefact_cache.Choice,
    settings: ConversationSettings,
    conversation: OpenedConversation,
    name: str,
    pair: tuple[int, int],
    shown: list[tuple[str, str, str]],
    part: int,
) -> conversation_pack.PairPack:
    lag = settings.max_lag_s
    return conversation_pack.pair_pack(choice.open_dataset(), conversation, pair, shown, lag, part)


def _play(
    choice: artefact_cache.Choice,
    conversation: OpenedConversation,
    name: str,
    pair: tuple[int, int],
    packed: conversation_pack.PairPack,
) -> None:
    dataset, face = choice.open_dataset(), choice.open_face()
    members = [conversation.members[i] for i in pair]
    if not face.has_mesh:
        st.info(f"“{face.title or face.id}” has no mesh here: no face can be drawn.", icon=":material/view_in_ar:")
        return
    titles = [f"{m.recording} ({m.role})" if m.role else m.recording for m in members]
    told = browser_views.pair(
        key=f"pair-{name}-{pair[0]}-{pair[1]}",
        data={
            "look": "pair",
            "pair": media.address(packed.data, "application/octet-stream"),
            "face": media.face_address(face),
            "titles": titles,
            "colours": [ACCENT, conversation_figures.SECOND],
            "films": [
                _film(dataset, member.recording, frame) for member, frame in zip(members, packed.frames, strict=True)
            ],
            "at": _second(packed),
            "height": 380,
            "alt": f"Faces of {' and '.join(titles)}",
        },
        on_at_change=lambda: None,
    )
    if told.at is not None:
        query_parameters.write(t=told.at)
    with st.container(horizontal=True):
        for member in members:
            second = (told.at if told.at is not None else packed.time_s[0]) - member.offset_s
            routes.link("recordings", f"Open {member.recording}", recording=member.recording, t=f"{second:.3f}")


def _second(packed: conversation_pack.PairPack) -> float:
    """The second of the link, as far as the conversation has it."""
    return float(packed.time_s[codeword_filter.nearest_frame(packed.time_s, query_parameters.read("t"))])


def _film(dataset: Dataset, recording: str, frame: np.ndarray) -> dict[str, Any] | None:
    film = films.film_of(dataset, recording)
    return None if film is None else films.film_data(dataset, recording, film, frame)


def _pictures(
    settings: ConversationSettings, conversation: OpenedConversation, pair: tuple[int, int], picked: pd.Series
) -> None:
    """Windowed cross-correlation and cross-recurrence of the chosen thing in the chosen pair."""
    tracks = [conversation.faces.tracks[i] for i in pair]
    names = [conversation.members[i].recording for i in pair]
    table, step_s = conversation.things.table, conversation.step_s
    column = int(table.index[(table["kind"] == picked["kind"]) & (table["thing"] == picked["thing"])][0])
    start = tracks[0].start * step_s
    lag, window = round(settings.max_lag_s / step_s), round(settings.window_s / step_s)
    left, right = st.columns(2, gap="medium")
    with left:
        series = [np.where(track.known, track.intensity[:, column], np.nan) for track in tracks]
        middle, r = windowed_correlation(series[0], series[1], window, max(1, window // 8), lag)
        if len(r):
            lags = np.arange(-lag, lag + 1) * step_s
            alt = f"Windowed cross-correlation of {picked['label']} in {' and '.join(names)}"
            figures.show(conversation_figures.windowed(start + middle * step_s, lags, r), "windowed", alt)
        st.caption(
            f"Windowed cross-correlation of {text(str(picked['label']))}, {settings.window_s:g} s windows.",
            help="Correlation of a window of the first face with the window of the second that is so much later (Boker "
            "et al. 2002). A band above 0: the second answers; it may change within a conversation. Nothing where a "
            "face does not move or is not seen.",
        )
    with right:
        centred = [centred_track(track, window).values[:, [column]].clip(0) for track in tracks]
        picture = cross_recurrence(centred[0], centred[1], _BINS)
        alt = f"Cross-recurrence of {picked['label']} in {' and '.join(names)}"
        stop = start + len(tracks[0].known) * step_s
        figures.show(conversation_figures.recurrence(picture, start, stop, names[0], names[1]), "recurrence", alt)
        st.caption(
            f"Cross-recurrence of {text(str(picked['label']))}: times of both at which it rises above its moving mean.",
            help="A point: the first face does more of it than before at the time along the one side, the second at "
            "the time along the other (Dale & Spivey 2006). What is just above the line, "
            "the second does just after the first.",
        )
