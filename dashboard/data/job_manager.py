"""The background jobs of this server, shared by every session."""

from __future__ import annotations

from functools import cache

from dfe_core import audit

from . import people
from .background_jobs import Job, Jobs
from .roles import Role


@cache
def manager() -> Jobs:
    """The jobs of this server, seen by every session: a second start of the same job joins the first. In none of
    Streamlit's caches, which a message from any browser empties: nobody could stop the jobs any more."""
    return Jobs()


def start(key: str, title: str, *arguments: str) -> Job:
    """Start ``dfe ARGUMENTS`` for this session's person, or join the job `key`. Raises `DataError` for a viewer."""
    with people.acting(Role.EDITOR, arguments[0]) as person:
        return manager().start(key, title, *arguments, person=person.name)


def cancel(job: Job) -> None:
    """Stop a job. Raises `DataError` where it is neither this session's person's nor they an owner."""
    with people.acting(Role.EDITOR, "cancel", theirs=job.person), audit.recorded("cancel", part=job.title):
        job.stop()


def stop_all() -> None:
    """Stop every job: the server ends."""
    manager().stop_all(wait_s=4.0)


def running(key: str) -> bool:
    """Whether a job runs now."""
    job = manager().get(key)
    return job is not None and job.running
