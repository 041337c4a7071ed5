"""The background jobs of this server, shared by every session."""

from __future__ import annotations

import streamlit as st

from .background_jobs import Jobs


@st.cache_resource(show_spinner=False)
def manager() -> Jobs:
    """The jobs of this server, seen by every session: a second start of the same job joins the first."""
    return Jobs()


def stop_all() -> None:
    """Stop every job: the server ends."""
    manager().stop_all(wait_s=4.0)


def running(key: str) -> bool:
    """Whether a job runs now."""
    job = manager().get(key)
    return job is not None and job.running
