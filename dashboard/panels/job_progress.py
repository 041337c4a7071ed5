"""Background jobs on a page: a button that starts one, and its progress live."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from ..data import job_manager, people
from ..data.background_jobs import Job
from ..data.roles import Role
from ..theme.formatting import text
from . import error_text

_SEEN = "seen-jobs"
ButtonKind = Literal["primary", "secondary", "tertiary"]


def offer(
    label: str,
    key: str,
    title: str,
    arguments: list[str],
    done: str,
    icon: str | None = None,
    kind: ButtonKind = "primary",
) -> None:
    """A button that starts a job, then the job's progress in its place, then `done` and a fresh page."""
    refused = people.refusal(Role.EDITOR)
    if not job_manager.running(key) and st.button(
        label, key=f"start-{key}", type=kind, icon=icon, disabled=bool(refused), help=refused or None
    ):
        job_manager.start(key, title, *arguments)
        st.rerun()
    watch(key, done)


def watch(key: str, done: str) -> None:
    """Show a job while it runs; when it ends say how, and show the page afresh when it ended well.

    How it ended is news to those who saw it run; to another session, a job that somebody cancelled is none.
    """
    job = job_manager.manager().get(key)
    if job is None:
        return
    seen = st.session_state.setdefault(_SEEN, set())
    if job.running:
        seen.add(id(job))
        _live(key)
    elif job.done:
        job_manager.manager().forget(key)
        if id(job) in seen:
            st.toast(done, icon=":material/check_circle:")
        st.rerun()
    elif job.stopped and id(job) in seen:
        kept = " What it had finished is kept." if finished_something(job.report) else ""
        st.info(f"{text(job.title)} was cancelled.{kept}", icon=":material/info:")
    elif not job.stopped:
        st.error(f"{text(job.title)} stopped. {text(error_text.in_fields(job.fault))}", icon=":material/error:")


def finished_something(report: dict[str, Any]) -> bool:
    """Whether a job that was stopped got past its beginning, by its last report."""
    return bool(report.get("done") or report.get("overall"))


def forget(key: str) -> None:
    """Leave out how a job ended, as when the form that started it is sent again."""
    job = job_manager.manager().get(key)
    if job is not None and not job.running:
        job_manager.manager().forget(key)


@st.fragment(run_every=0.8)
def _live(key: str) -> None:
    if not people.are_admitted():
        st.rerun()
    job = job_manager.manager().get(key)
    if job is None or not job.running:
        st.rerun()
        return
    with st.container(border=True):
        words, button = st.columns([5, 1], vertical_alignment="center")
        place = job_manager.manager().place(job)
        told = f"Waits for its turn, place {place}" if place else describe(job.report) + left(job)
        by = f" · started by {text(job.person)}" if job.person not in ("", people.current().name) else ""
        words.markdown(f"**{text(job.title)}**{by}  \n{text(told)}")
        refused = people.refusal(Role.EDITOR, job.person)
        if button.button("Cancel", key=f"cancel-{key}", width="stretch", disabled=bool(refused), help=refused or None):
            job_manager.cancel(job)
            st.rerun()
        st.progress(job.share or 0.0)


def describe(report: dict[str, Any]) -> str:
    """A report as a sentence: the step and task, what it is at, and up to three figures."""
    if not report:
        return "Starting"
    detail = str(report.get("detail") or "")
    figures = [
        f"{name.replace('_', ' ')} {round(value, 3):g}"
        for name, value in (report.get("figures") or {}).items()
        if isinstance(value, (int, float)) and name.split("_")[0] not in detail
    ]
    task = str(report["task"])
    parts = (task[:1].upper() + task[1:], detail, *figures[:3])
    return " · ".join(part for part in parts if part)


def left(job: Job) -> str:
    """The time left of the whole job, where an estimate of it holds (`dfe_core.progress.TimeLeft`)."""
    seconds = job.report.get("eta_s")
    if seconds is None:
        return ""
    return f" · about {seconds:.0f} s left" if seconds < 90 else f" · about {seconds / 60:.0f} min left"
