"""The selection of codewords that every page shares: in the link, kept between pages, with undo and named sets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from ..data import artefact_cache, notes
from ..links import query_parameters
from ..links.numbers import whole
from ..theme.formatting import plural, text
from ..views.field_button import Unusable, caught, field_and_button

_KEPT, _BEFORE = "chosen-kept", "chosen-before"
DEPTH = 30
"""Steps that can be undone."""


def parse(text: str | None) -> list[int]:
    """``3,17`` as numbers, each once; what is no number is left out."""
    numbers = map(whole, (text or "").split(","))
    return list(dict.fromkeys(number for number in numbers if number is not None))


def read(choice: artefact_cache.Choice) -> list[int]:
    """The selected codewords of the chosen model: the link's, else what this session selected for this model."""
    size = choice.open_codebook().size
    if (text := query_parameters.read("chosen")) is not None:
        found = [k for k in parse(text) if k < size]
        st.session_state[_KEPT] = (choice.model, found)
        return found
    model, found = st.session_state.get(_KEPT, (None, []))
    if model != choice.model:
        return []
    if found:
        query_parameters.write(chosen=_written(found))
    return found


def write(choice: artefact_cache.Choice, codewords: list[int]) -> None:
    """Select these instead. What was selected before can be had back with `undo`."""
    before = read(choice)
    if codewords == before:
        return
    st.session_state[_BEFORE] = [*st.session_state.get(_BEFORE, []), (choice.model, before)][-DEPTH:]
    _put(choice, codewords)


def toggle(choice: artefact_cache.Choice, codeword: int) -> None:
    """Take a codeword in, or out."""
    found = read(choice)
    write(choice, [k for k in found if k != codeword] if codeword in found else [*found, codeword])


def undo(choice: artefact_cache.Choice) -> None:
    """The selection before the last change."""
    before = [step for step in st.session_state.get(_BEFORE, []) if step[0] == choice.model]
    if before:
        _, codewords = before.pop()
        st.session_state[_BEFORE] = before
        _put(choice, codewords)


def bar(choice: artefact_cache.Choice, key: str) -> list[int]:
    """One line: how many are selected, undo, clear, sets. Nothing while nothing was ever selected. Returns them."""
    found, sets = read(choice), notes.read(choice).sets
    undoable = any(model == choice.model for model, _ in st.session_state.get(_BEFORE, []))
    if not found and not undoable and not sets:
        return found
    with st.container(horizontal=True, vertical_alignment="center", key=f"chosen-{key}"):
        st.markdown(
            f"**{plural(len(found), 'codeword')} selected**" if found else "No codeword selected", width="content"
        )
        st.button(
            "Undo", icon=":material/undo:", key=f"undo-{key}", disabled=not undoable, on_click=undo, args=(choice,)
        )
        st.button(
            "Clear", icon=":material/close:", key=f"clear-{key}", disabled=not found, on_click=write, args=(choice, [])
        )
        if found:
            with st.popover("Keep as a set", icon=":material/bookmark_add:"):
                save_set(choice, found)
        if sets:
            with st.popover("Sets", icon=":material/bookmarks:"):
                for name, codewords in sets.items():
                    st.button(
                        f"{text(name)} ({len(codewords)})",
                        key=f"set-{key}-{name}",
                        width="stretch",
                        on_click=write,
                        args=(choice, [int(k) for k in codewords]),
                    )
    return found


def _put(choice: artefact_cache.Choice, codewords: list[int]) -> None:
    st.session_state[_KEPT] = (choice.model, codewords)
    query_parameters.write(chosen=_written(codewords) or None)


def _written(codewords: list[int]) -> str:
    return ",".join(map(str, codewords))


def save_set(choice: artefact_cache.Choice, codewords: list[int]) -> None:
    """Keep a selection under a name."""
    kept_as("Keep as a named set", "save-set", partial(_save_set, choice, codewords), "asymmetric smiles")


def kept_as(label: str, key: str, act: Callable[[str], str], example: str) -> None:
    """A field for a name and the button that keeps something under it; `act` gets the name, which is not empty."""
    name = f"{key}-name"
    field_and_button(label, "Save", key, partial(_named, name, act), field={"key": name, "placeholder": example})
    if error := caught(key):
        st.error(text(error), icon=":material/error:")


def _named(field: str, act: Callable[[str], str], name: str) -> str:
    """Act on a name; its field is empty afterwards."""
    if not name.strip():
        raise Unusable("Give it a name.")
    done = act(name.strip())
    st.session_state[field] = ""
    return done


def _save_set(choice: artefact_cache.Choice, codewords: list[int], name: str) -> str:
    with notes.writing(choice) as (book, author):
        book.save_set(name, codewords, author)
    return f"“{text(name)}” is kept with {plural(len(codewords), 'codeword')}."
