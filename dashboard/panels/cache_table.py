"""Everything in the cache as a table in words, and what can be done with the row that is chosen."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import DATASETS, FACES, MODELS, TOKENS
from dfe_core.errors import DataError
from dfe_core.workspace.catalogue import dependants, remove_artefact

from ..data import artefact_cache, people
from ..data.cache_listing import Listed, listed
from ..data.roles import Role
from ..links import query_parameters, routes
from ..theme.formatting import text
from ..views.example_pictures import Picture
from . import deletion, empty_states, error_text, page_frame

KEPT, AT_NEED, EVERY = "Kept", "Made again when needed", "All"
SHOWN = (KEPT, AT_NEED, EVERY)
_ASKED = "asked-cache-remove"


def show(choice: artefact_cache.Choice) -> None:
    """The artefacts, the room they take, and one row's page and removal."""
    every = listed(choice.root)
    if not every:
        with empty_states.example(
            Picture.TABLE,
            "The cache is empty",
            "Faces, datasets, codebooks, tokens and analyses are listed here with their size, opened and removed.",
        ):
            empty_states.bring_recordings_in()
        return
    deletion.undo(choice)
    _facts(every)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = page_frame.parts("Show", SHOWN, key="cache_part", label_visibility="collapsed")
        kinds = sorted({one.kind for one in every})
        kind = st.selectbox(
            "Kind",
            [None, *kinds],
            format_func=lambda k: k or "Every kind",
            key="cache-kind",
            width=260,
            filter_mode=None,
        )
    rows = [one for one in every if which == EVERY or one.at_need == (which == AT_NEED)]
    rows = [one for one in rows if kind is None or one.kind == kind]
    picked = _table(rows, f"cache-{which}-{kind}")
    if picked is not None:
        _actions(choice, picked)
    st.caption(
        f"In `{choice.root}`. `dfe list` prints the same with technical names; `dfe doctor` compares every file."
    )


def _facts(every: list[Listed]) -> None:
    kept = [one for one in every if not one.at_need]
    sizes = [sum(one.artefact.bytes for one in ones) / 1e6 for ones in (every, kept)]
    faults = sum(bool(one.artefact.fault) for one in every)
    page_frame.facts(
        [
            ("Artefacts", str(len(every)), f"{sizes[0]:,.0f} MB"),
            ("Kept", str(len(kept)), f"{sizes[1]:,.0f} MB: data, codebooks, tokens, action units, events, answers"),
            (
                "Made again when needed",
                str(len(every) - len(kept)),
                f"{sizes[0] - sizes[1]:,.0f} MB: analyses, indexes",
            ),
            ("Not whole", str(faults), "see the column State" if faults else ""),
        ]
    )


def _table(rows: list[Listed], key: str) -> Listed | None:
    """The rows; the one that is chosen."""
    if not rows:
        st.caption("Nothing of this kind.")
        return None
    table = pd.DataFrame(
        [
            {
                "Kind": one.kind,
                "Name": one.title or None,
                "Of": (one.of if one.artefact.kind not in (DATASETS, MODELS, FACES) else "") or None,
                "Size, MB": one.artefact.bytes / 1e6,
                "Made": pd.Timestamp(one.artefact.modified, unit="s"),
                "Data": {True: "simulated", False: "real", None: None}[one.artefact.simulated],
                "State": one.artefact.fault or "whole",
            }
            for one in rows
        ]
    )
    st.caption("A click on a row opens or removes it.")
    event = page_frame.table(
        table,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        height=min(35 * (len(rows) + 1) + 3, 460),
        column_config={
            "Size, MB": st.column_config.NumberColumn(format="%.1f"),
            "Made": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
        },
    )
    chosen = [r for r in event.selection.rows if r < len(rows)] if event else []
    return rows[chosen[0]] if chosen else None


def _actions(choice: artefact_cache.Choice, one: Listed) -> None:
    """The way to its page, and its removal."""
    artefact = one.artefact
    with st.container(border=True):
        words, buttons = st.columns([2, 1.4], vertical_alignment="center")
        words.markdown(f"**{text(one.words)}**  \n`{artefact.label}`")
        with buttons.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
            if one.page:
                st.page_link(
                    routes.route(one.page), label="Open", icon=":material/open_in_new:", query_params=one.parameters()
                )
            refused = people.refusal(Role.EDITOR)
            st.button(
                "Remove",
                icon=":material/delete:",
                key=f"cache-remove-{artefact.label}",
                disabled=bool(refused),
                help=refused or None,
                on_click=st.session_state.__setitem__,
                args=(_ASKED, artefact.label),
            )
        if st.session_state.get(_ASKED) == artefact.label:
            _question(choice, one)


def _question(choice: artefact_cache.Choice, one: Listed) -> None:
    """Whether it is to go; where others were made from it, which."""
    users = [user for user in dependants(one.artefact, choice.root) if not user.made_at_need]
    if users:
        names = ", ".join(f"`{user.label}`" for user in users[:6]) + (" …" if len(users) > 6 else "")
        along = (
            " The page Data deletes a dataset with its tokens and action units."
            if one.artefact.kind == DATASETS
            else ""
        )
        st.warning(
            f"Made from it: {names}. Remove those first.{along}",
            icon=":material/link:",
        )
        return
    words, yes, no = st.columns([4, 1, 1], vertical_alignment="center")
    words.markdown("It can be taken back: this page lists it with “Undo”.")
    key = f"cache-yes-{one.artefact.label}"
    yes.button("Remove it", type="primary", key=key, width="stretch", on_click=_remove, args=(choice, one))
    no.button("Keep", key="cache-no", width="stretch", on_click=st.session_state.pop, args=(_ASKED, None))


def _remove(choice: artefact_cache.Choice, one: Listed) -> None:
    st.session_state.pop(_ASKED, None)
    try:
        with people.acting(Role.EDITOR, "remove", (one.artefact.label,)):
            remove_artefact(one.artefact, root=choice.root)
    except DataError as error:
        st.session_state["undo-fault"] = error_text.sentence(error)
        return
    for kind, chosen in ((DATASETS, "dataset"), (MODELS, "model")):
        if one.artefact.kind == kind and st.session_state.get(chosen) == one.artefact.name:
            st.session_state.pop(chosen, None)  # the sidebar's choice must be of what is still there
            query_parameters.write(**{chosen: None})
    if one.artefact.kind in (DATASETS, MODELS, TOKENS, FACES):
        st.session_state[deletion.CHANGED] = True
