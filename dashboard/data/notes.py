"""What the lab wrote beside a model, and who writes now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import streamlit as st

from dfe_core.artefact_names import MODELS
from dfe_core.tokens.annotations import Notebook, Notes

from . import artefact_cache, people
from .roles import Role


def read(choice: artefact_cache.Choice) -> Notes:
    """Everything written beside the chosen model; shared between sessions: not to be changed."""
    path = Notebook.open(choice.model, choice.root).path
    written = path.stat() if path.is_file() else None
    stamp = (written.st_mtime_ns, written.st_size, written.st_ino) if written else ()
    return _read(choice, stamp)


@lru_cache(maxsize=8)
def _read(choice: artefact_cache.Choice, stamp: tuple[int, ...]) -> Notes:
    return Notebook.open(choice.model, choice.root).read()


@contextmanager
def writing(choice: artefact_cache.Choice) -> Iterator[tuple[Notebook, str]]:
    """The notebook of the chosen model, and the author of what the block writes. Raises `DataError` for a viewer."""
    with people.acting(Role.EDITOR, "write notes", (f"{MODELS}/{choice.model}",)):
        yield Notebook.open(choice.model, choice.root), author()


def author() -> str:
    """Who writes: the person who has logged in; without a login the name that was given in this session, else the
    account that runs the server. Never nobody: everybody without a name would be the same author."""
    person = people.current().name
    return person if people.has_login() else st.session_state.get("author", "").strip() or person
