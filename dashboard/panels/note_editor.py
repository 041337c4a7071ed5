"""What the lab writes beside a model: names, tags, notes, named sets. Several people at once lose nothing."""

from __future__ import annotations

import streamlit as st

from dfe_core.errors import DataError
from dfe_core.tokens.annotation_files import import_csv, import_json, notes_csv, notes_json
from dfe_core.tokens.annotations import LONGEST, Notebook, NoteConflict, Notes

from ..data import artefact_cache, people
from ..data.notes import author, read, writing
from ..data.roles import Role
from ..theme.formatting import text
from ..views.example_pictures import Picture
from . import empty_states, page_frame


def edit(choice: artefact_cache.Choice, codeword: int) -> None:
    """Name, tags and note of one codeword."""
    notes = read(choice)
    note = notes.of(codeword)
    said = note.name or note.note or note.tags
    with (
        st.expander(
            "Name, tags and notes" if not said else f"Notes: {text(note.name or note.note or ', '.join(note.tags))}",
            icon=":material/edit_note:",
        ),
        st.form(f"note-{codeword}-{notes.revision}", border=False),
    ):
        left, right = st.columns(2)
        most = {"name": max(LONGEST["name"], len(note.name)), "note": max(LONGEST["note"], len(note.note))}
        name = left.text_input("The lab’s name for it", note.name, max_chars=most["name"], placeholder="half smile")
        tags = right.text_input("Tags, separated by commas", ", ".join(note.tags), placeholder="smile, asymmetric")
        written = st.text_area("Note", note.note, height=90, max_chars=most["note"])
        who, button = st.columns([2, 1], vertical_alignment="bottom")
        writer = who.text_input("Written by", author(), disabled=people.has_login())
        refused = people.refusal(Role.EDITOR)
        if button.form_submit_button(
            "Save", width="stretch", icon=":material/save:", disabled=bool(refused), help=refused or None
        ):
            st.session_state["author"] = writer
            _save(choice, codeword, note.tags, tags, name, written, notes.revision)
    with st.expander("Changes and export", icon=":material/history:"):
        exchange(choice, codeword, notes)


def exchange(choice: artefact_cache.Choice, codeword: int, notes: Notes) -> None:
    """What was changed and by whom, one's own last change taken back, and everything as a file, out and in."""
    book = Notebook.open(choice.model, choice.root)
    mine = [c for c in notes.history if c.subject == book.codeword_subject(codeword)]
    if mine:
        page_frame.table(
            [
                {
                    "When": c.time,
                    "By": c.author or "–",
                    "What": c.field,
                    "Before": str(c.before or ""),
                    "After": str(c.after or ""),
                }
                for c in reversed(mine)
            ]
        )
    else:
        empty_states.plain_example(
            Picture.NOTE,
            "Nothing has been written about this codeword",
            "Write a name, tags or a note above: every change stands here with its author, and can be taken back.",
            narrow=True,
        )
    with st.container(horizontal=True):
        refused = people.refusal(Role.EDITOR)
        if st.button(
            "Take back my last change",
            icon=":material/undo:",
            disabled=not notes.history or bool(refused),
            help=refused or None,
        ):
            _undo(choice)
            st.rerun()
        key = choice.open_codebook().key
        st.download_button(
            "All notes, CSV", lambda: notes_csv(notes), f"{choice.model}-notes.csv", "text/csv", on_click="ignore"
        )
        st.download_button(
            "All notes, JSON",
            lambda: notes_json(notes, choice.model, key),
            f"{choice.model}-notes.json",
            "application/json",
            on_click="ignore",
        )
    if refused:
        return
    done = st.session_state.setdefault("notes-brought-in", 0)  # the next file gets a place of its own
    file = st.file_uploader("Bring notes in", type=["csv", "json"], key=f"notes-in-{notes.revision}-{done}")
    if file is not None:
        take = import_json if file.name.lower().endswith("json") else import_csv
        try:
            with writing(choice) as (book, writer):
                summary = take(book, file.getvalue().decode("utf-8", "replace"), writer)
        except DataError as error:
            st.error(text(error), icon=":material/error:")
            return
        st.session_state["notes-brought-in"] = done + 1
        st.toast("The notes are in." if summary.changed else "Nothing in it is new.", icon=":material/check_circle:")
        st.rerun()


def _undo(choice: artefact_cache.Choice) -> None:
    try:
        with writing(choice) as (book, writer):
            undone = book.undo(writer)
    except DataError as error:
        st.toast(text(error), icon=":material/error:")
        return
    st.toast(f"Taken back: {undone.subject}, {undone.field}." if undone else "None of the changes are yours.")


def _save(
    choice: artefact_cache.Choice,
    codeword: int,
    before: tuple[str, ...],
    tags: str,
    name: str,
    written: str,
    seen: int,
) -> None:
    wanted = {tag.strip() for tag in tags.split(",") if tag.strip()}
    try:
        with writing(choice) as (book, writer):
            book.edit(
                codeword,
                writer,
                name=name.strip(),
                note=written.strip(),
                add_tags=sorted(wanted - set(before)),
                remove_tags=sorted(set(before) - wanted),
                seen=seen,
            )
    except NoteConflict as conflict:
        st.warning(
            f"Someone else changed this meanwhile: “{text(conflict.theirs)}”. Yours was not written over it; the page "
            "now shows theirs.",
            icon=":material/group:",
        )
        return
    except DataError as error:
        st.error(text(error), icon=":material/error:")
        return
    st.toast(f"Notes of codeword {codeword} saved.", icon=":material/check_circle:")
    st.rerun()
