"""The sidebar: which codebook and which data every page speaks of, and background work that is running."""

from __future__ import annotations

import streamlit as st

from dfe_core.tokens.presence import RULE
from dfe_core.tokens.statistics import STATISTICS

from .. import web
from ..data import artefact_cache, job_manager, people
from ..data.last_choice import compare_with_link
from ..data.roles import Person
from ..panels import job_progress, page_frame
from ..theme.formatting import text
from . import default_analyses


def show() -> None:
    """Draw the sidebar. The choices are bound to the URL, so that a copied link makes the same ones."""
    st.logo(str(web.path("logo.svg")), size="large", icon_image=str(web.path("icon.svg")))
    given = {name: st.query_params.get(name, "") for name in ("model", "dataset", "content")}
    with st.sidebar:
        choice = artefact_cache.chosen()
        models = artefact_cache.model_names(choice.root)
        pick("Codebook", "model", models, choice.model)
        choice = artefact_cache.chosen()
        datasets = artefact_cache.dataset_names(choice.root, choice.model)
        pick("Dataset", "dataset", datasets, choice.dataset)
        choice = artefact_cache.chosen()
        if choice.encoded:
            st.selectbox(
                "Counted from",
                list(artefact_cache.THRESHOLDS),
                index=list(artefact_cache.THRESHOLDS.values()).index(RULE.onset_mm),
                key="counted",
                bind="query-params",
                filter_mode=None,
                help=STATISTICS["presence"].help,
            )
        elif choice.model and choice.dataset:  # not in the list's own words, which the link holds
            st.caption(f"Not encoded by “{text(choice.model)}” yet")
        compare_with_link(choice, given, {"model": models, "dataset": datasets})
        _data_badge(artefact_cache.chosen())
        if job_manager.manager().running() or default_analyses.pending():
            jobs()
        if people.has_login():
            _login(people.current())


def pick(label: str, key: str, names: list[str], default: str) -> None:
    """A choice that the link holds, at first that of the browser's last visit."""
    if not names:
        return
    if st.query_params.get(key) not in names and st.session_state.get(key) not in names:
        st.session_state[key] = default
    st.selectbox(label, names, key=key, bind="query-params", filter_mode=None)


@st.fragment(run_every=2.0)
def jobs() -> None:
    """Background work with its progress, until all of it has ended."""
    if not people.are_admitted():  # without a role since: a fragment runs without the script around it
        st.rerun()
    running = job_manager.manager().running()
    for job in running:
        share = "waits" if job.waiting else "" if job.share is None else f"{job.share:.0%}"
        st.caption(
            f":material/progress_activity: {text(job.title)}{f' · {share}' if share else ''}{job_progress.left(job)}"
        )
    if not running and not default_analyses.pending():
        st.rerun()


def _login(person: Person) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/person: {text(person.name)}, {person.role.name.lower()}")
        st.button("Log out", type="tertiary", icon=":material/logout:", on_click=st.logout)


def _data_badge(choice: artefact_cache.Choice) -> None:
    kind = page_frame.simulated(choice)
    if kind is not None:
        st.badge(
            "Simulated data" if kind else "Recordings",
            color="orange" if kind else "green",
            icon=":material/science:" if kind else ":material/videocam:",
        )
