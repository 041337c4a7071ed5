"""The person of this session, and what they do: allowed by their role and written to the log."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import streamlit as st

from dfe_core import audit
from dfe_core.errors import DataError

from .ended_logins import has_ended
from .roles import Person, Role, person_of, read_roles

LOGIN = "DFE_LOGIN"
"""Variable of the environment: set where people log in (``dfe dashboard --login``)."""


def has_login() -> bool:
    """Whether people log in; else whoever has the token is the one person of the server."""
    return bool(os.environ.get(LOGIN))


def current() -> Person:
    """Who uses this session, by the roles as they are now. Raises `DataError` where the roles cannot be read."""
    if not has_login():
        return Person(name=audit.account(), role=Role.OWNER)
    return person_of(claims(), read_roles(), time.time())


def are_admitted() -> bool:
    """Whether the person of this session may see anything; nobody where the roles cannot be read."""
    try:
        return bool(current().role)
    except DataError:
        return False


def refusal(least: Role, theirs: str | None = None) -> str:
    """`Person.refusal` of the person of this session: empty where they may, else the help of a disabled button."""
    return current().refusal(least, theirs)


def may(least: Role) -> bool:
    """Whether the person of this session has this role, or a higher one."""
    return not refusal(least)


@contextmanager
def acting(least: Role, act: str, artefacts: tuple[str, ...] = (), theirs: str | None = None) -> Iterator[Person]:
    """What the block does is done, and logged, as this session's person.

    Raises `DataError`, and logs the attempt, where they may not: the check of the act itself, whatever a page shows.
    """
    person = current()
    refused = person.refusal(least, theirs)
    with audit.acting(person.name, audit.Way.DASHBOARD):
        if refused:
            with audit.recorded(act, artefacts):
                raise DataError(person.name or "You", refused.rstrip("."), "somebody of that role to do it")
        yield person


def claims() -> Mapping[str, Any]:
    """What the login of this session says, as the provider gives it, with Streamlit's ``is_logged_in``; nothing where
    somebody has logged out with it."""
    return {} if has_ended(st.context.cookies) else st.user.to_dict()
