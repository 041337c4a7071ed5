"""What an owner of a rating study decides: what it asks, and whom a link invites."""

from __future__ import annotations

import time
from functools import partial

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import ANALYSES, ratings_name
from dfe_core.errors import DataError
from dfe_core.ratings.design import Foils, Task
from dfe_core.ratings.store import Invitation, RatingStudy, invite, revoke
from dfe_core.store import artefact_path

from ..data import artefact_cache, job_manager, people
from ..data.roles import Role
from ..links import query_parameters
from ..theme.formatting import plural, text
from ..views.field_button import acting_button
from . import error_text, fields, page_frame

TASKS = {
    Task.CHOICE: "Which name fits the face",
    Task.PAIR: "Which face fits the name",
    Task.ODD: "Odd one out",
    Task.WORDS: "In own words",
}
"""Of a study, as people call them."""

FOILS = {Foils.RANDOM: "Any codewords", Foils.NEAR: "Those most alike"}


def new_study(choice: artefact_cache.Choice, key: str, taken: list[str]) -> None:
    """The form of a new study; it starts the job `key`."""
    refused = people.refusal(Role.EDITOR)
    with st.form("new-ratings", border=False):
        a, b, c = st.columns([1.2, 2, 1])
        name = a.text_input("Name", _free_name(choice.model or "", taken), key="ratings-name").strip()
        tasks = b.multiselect(
            "Tasks",
            list(TASKS),
            default=[Task.CHOICE, Task.PAIR, Task.ODD],
            format_func=lambda task: TASKS[task],
            key="ratings-tasks",
        )
        places = {"name": a.empty(), "tasks": b.empty()}
        items = c.number_input("Questions of each task", 4, 100, 24, key="ratings-items")
        d, e, f, h, g = st.columns([1.6, 1.1, 1.2, 1.3, 1], vertical_alignment="bottom")
        recorded = d.checkbox(
            "Show recorded moments",
            key="ratings-moments",
            disabled=not choice.encoded,
            help="The mesh at moments of the chosen dataset, on the face model's own identity: never video. Otherwise "
            "the codewords' own faces.",
        )
        clips = e.checkbox("Faces in motion", key="ratings-clips", help="Takes some seconds of rendering per face.")
        faces = f.selectbox("Faces in odd one out", [3, 4], key="ratings-faces")
        foils = h.selectbox("Wrong options", list(FOILS), format_func=FOILS.__getitem__, key="ratings-foils")
        seed = g.number_input("Seed", 0, 10_000, 0, key="ratings-seed")
        sent = st.form_submit_button(
            "Make the study", type="primary", disabled=bool(refused), help=refused or None, icon=":material/how_to_reg:"
        )
    if not sent:
        return
    faults = {"name": _wrong_name(name, taken), "tasks": "" if tasks else "Choose at least one task."}
    if fields.any_wrong(places, faults):
        return
    with people.acting(Role.EDITOR, "make a rating study"):
        arguments = ["raters", "make", choice.model or "", "--name", name, "--tasks", ",".join(tasks)]
        arguments += ["--items", str(items), "--faces", str(faces), "--seed", str(seed)]
        arguments += ["--foils", foils] if foils is not Foils.RANDOM else []
        arguments += ["--dataset", choice.dataset or ""] if recorded else []
        job_manager.start(key, f"Faces for “{name}”", *arguments, *(["--clips"] if clips else []))
    st.rerun()


def _wrong_name(name: str, taken: list[str]) -> str:
    """Why a rating study cannot have this name; empty where it can."""
    try:
        artefact_path(ANALYSES, ratings_name(name))
    except DataError as error:
        return error_text.sentence(error)
    return f"There is a study “{text(name)}” already." if name in taken else "" if name else "Give it a name."


def _free_name(model: str, taken: list[str]) -> str:
    return next(name for i in range(1, 10_000) if (name := f"{model}-names{i}") not in taken)


def invitations(study: RatingStudy, address: str) -> None:
    """Make, list and take back links."""
    st.subheader("Invitations", anchor=False)
    refused = people.refusal(Role.OWNER)
    made = study.invitations
    if made:
        page_frame.table(pd.DataFrame([_row(study, one) for one in made]))
    else:
        st.caption("Nobody is invited yet. A link opens the questions of this study and nothing else of this server.")
    with st.form("invite-form", border=False):
        a, b, c, d = st.columns([1, 1, 2, 1.2], vertical_alignment="bottom")
        a.number_input("Days until it ends", 1, 365, 14, key="invite-days")
        b.number_input("Raters at most", 1, 500, 50, key="invite-raters")
        c.text_input("Note for yourself", key="invite-note", placeholder="to whom the link goes", max_chars=80)
        acting_button(
            d,
            "Make a link",
            "invite",
            partial(_invite, study, address),
            ("invite-days", "invite-raters", "invite-note"),
            icon=":material/add_link:",
            disabled=bool(refused),
            help=refused or None,
        )
    fields.wrong(st, fields.fault("invite"))
    _last_link(study)
    _revoking(study, [one for one in made if one.is_open(time.time())], refused)


def _invite(study: RatingStudy, address: str, days: int, raters: int, note: str) -> str:
    with people.acting(Role.OWNER, "invite raters", (study.label,)):
        _, token = invite(study, days=float(days), most_raters=int(raters), note=note)
    st.session_state["invited"] = (study.title, f"{address}/rate/{token}")
    return ""


def _last_link(study: RatingStudy) -> None:
    """The link that was made in this session last: it cannot be shown again."""
    title, link = st.session_state.get("invited", ("", ""))
    if title == study.title:
        st.code(link, language=None)
        st.caption(
            "Copy the link now: it is kept nowhere and cannot be shown again. Whoever has it can answer, so send it to "
            "raters only. Where raters reach this server by another address, put that in front of /rate/."
        )


def _revoking(study: RatingStudy, still_open: list[Invitation], refused: str) -> None:
    if not still_open:
        return
    a, b, _ = st.columns([2, 1, 2], vertical_alignment="bottom")
    names = {one.id: f"{one.id} {one.note}".strip() for one in still_open}
    chosen = a.selectbox("Take a link back", list(names), format_func=names.__getitem__, key="revoke-id")
    if b.button("Take it back", icon=":material/link_off:", key="revoke", disabled=bool(refused), help=refused or None):
        with people.acting(Role.OWNER, "revoke an invitation", (study.label,)):
            revoke(study, chosen)
        st.session_state.pop("invited", None)
        query_parameters.rerun_fragment()


def _row(study: RatingStudy, one: Invitation) -> dict[str, str]:
    began = sum(rater.invitation == one.id for rater in study.raters())
    state = "taken back" if one.revoked else "open" if one.is_open(time.time()) else "ended"
    return {
        "Link": one.id,
        "State": state,
        "Until": time.strftime("%Y-%m-%d %H:%M", time.localtime(one.ends)),
        "Began": f"{began} of {plural(one.most_raters, 'rater')}",
        "Note": text(one.note),
    }
