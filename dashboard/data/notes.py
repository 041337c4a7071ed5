"""What the lab wrote beside a model, and who writes now."""

from __future__ import annotations

import streamlit as st

from dfe_core.tokens.annotations import Notebook, Notes

from . import artefact_cache


def read(choice: artefact_cache.Choice) -> Notes:
    """Everything written beside the chosen model."""
    return Notebook.open(choice.model, choice.root).read()


def author() -> str:
    """Who writes: asked once a session, kept in it."""
    return st.session_state.get("author", "")
