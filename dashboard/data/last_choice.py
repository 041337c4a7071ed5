"""Which codebook and data a link or the last visit of this browser names, and whether they are the same today."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

import streamlit as st

from dfe_core.artefact_names import CONFIG
from dfe_core.errors import DataError
from dfe_core.store import artefact_path, content_key, read_json

if TYPE_CHECKING:
    from .artefact_cache import Choice

COOKIE = "dfe-last"
NOTICE = "link-notice"
_CHARACTERS = 8


def last_choice() -> tuple[str, str]:
    """Codebook and dataset that this browser had open last; empty where it has not been here, or says nonsense."""
    try:
        model, dataset = json.loads(unquote(st.context.cookies.get(COOKIE, "")))
    except (ValueError, TypeError):
        return "", ""
    return (model, dataset) if isinstance(model, str) and isinstance(dataset, str) else ("", "")


def content_of(choice: Choice) -> str:
    """Changes when the codebook or the recordings of a choice do: what a link carries beside their names."""
    try:
        config = read_json(artefact_path("models", choice.model, choice.root) / CONFIG) if choice.model else {}
        made_of = [config.get("key"), choice.open_dataset().key if choice.dataset else ""]
    except (DataError, AttributeError):  # broken: the page that opens it says so
        return ""
    return content_key(made_of)[:_CHARACTERS]


def compare_with_link(choice: Choice, given: Mapping[str, str], known: Mapping[str, Sequence[str]]) -> None:
    """Keep what to say where a link names what is not here, or what has changed since; until the choice changes.

    given: query parameters ``model``, ``dataset`` and ``content`` as the browser sent them. known: names that are
    here, of models and datasets: another choice than the link's, of what is here, is somebody's own.
    """
    content = content_of(choice)
    absent = [
        f"no {word} “{given[key]}” is here, “{here}” is shown"
        for key, word, here in (("model", "codebook", choice.model), ("dataset", "dataset", choice.dataset))
        if given.get(key) and here and given[key] not in known[key]
    ]
    before = st.session_state.get("content")
    if absent:
        said = f"The link cannot be followed: {'; '.join(absent)}."
    elif given.get("content") and given["content"] not in (content, before):
        said = "The codebook or the recordings have changed since this link was made: figures may differ."
    elif st.session_state.get(NOTICE, ("", ""))[0] == content:
        return
    else:
        said = ""
    st.session_state[NOTICE], st.session_state["content"] = (content, said), content


def notice() -> str:
    """The sentence of `compare_with_link`; empty where the link holds."""
    return str(st.session_state.get(NOTICE, ("", ""))[1])
