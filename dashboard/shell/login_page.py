"""The one page of whoever has not logged in, or has no role: nothing of the cache is read for it."""

from __future__ import annotations

import logging

import streamlit as st

from dfe_core.errors import DataError

from ..data import people
from ..data.roles import Person, Role
from ..theme.formatting import text
from . import login_cookie


def visitor() -> Person:
    """The person of this session; nobody, and the reason in the server's log, where the roles cannot be read."""
    if people.has_login():
        login_cookie.remember(st.context.cookies, people.claims())
    try:
        return people.current()
    except DataError:
        logging.getLogger(__name__).exception("nobody gets in")
        return Person(name="", role=Role.NONE, fault="The roles of this server cannot be read: its log says why.")


def show(person: Person) -> None:
    """Say what is missing, with the way to log in or out."""
    with st.container(border=True, width=560):
        st.subheader("You have no role here" if person.name else "Log in", anchor=False)
        if person.fault:
            st.markdown(text(person.fault))
        if person.name:
            st.markdown("Ask an owner of this server for a role: viewer, editor or owner.")
            st.button("Log out", icon=":material/logout:", on_click=st.logout)
            return
        st.markdown("Recordings of faces are personal data: this server shows them to people it knows.")
        for name, label in providers().items():
            st.button(label, f"login-{name}", type="primary", icon=":material/login:", on_click=_login, args=(name,))


def providers() -> dict[str, str]:
    """Name, empty for the only one, and button of each provider of the login file (``[auth]``, ``[auth.keycloak]``)."""
    section = st.secrets.get("auth", {})
    if "client_id" in section:
        return {"": "Log in"}
    return {name: f"Log in with {name}" for name, value in section.items() if hasattr(value, "keys")}


def _login(provider: str) -> None:
    st.login(provider or None)
