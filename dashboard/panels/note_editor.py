"""What the lab writes beside a model: names, tags, notes, named sets. Several people at once lose nothing."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dfe_core.errors import DataError
from dfe_core.store import content_key
from dfe_core.tokens.annotation_files import import_csv, import_json, notes_csv, notes_json
from dfe_core.tokens.annotations import LONGEST, Note, Notebook, NoteConflict, Notes

from ..data import artefact_cache, people
from ..data.notes import author, read, writing
from ..data.roles import Role
from ..theme.formatting import text
from ..views.example_pictures import Picture
from ..views.field_button import Unusable, acting_button
from . import empty_states, fields, page_frame


def edit(choice: artefact_cache.Choice, codeword: int) -> None:
    """Name, tags and note of one codeword."""
    notes = read(choice)
    note = notes.of(codeword)
    shown = note.name or note.note or ", ".join(note.tags)
    key = f"note-{codeword}-{content_key([note.name, note.note, list(note.tags)], 8)}"  # others' changes show at once
    names = [f"{key}-{field}" for field in ("name", "tags", "note", "author")]
    with (
        st.expander(
            f"Notes: {text(shown)}" if shown else "Name, tags and notes",
            icon=":material/edit_note:",
        ),
        st.form(key, border=False),
    ):
        left, right = st.columns(2)
        most = {"name": max(LONGEST["name"], len(note.name)), "note": max(LONGEST["note"], len(note.note))}
        left.text_input("The lab’s name for it", note.name, most["name"], key=names[0], placeholder="half smile")
        right.text_input(
            "Tags, separated by commas", ", ".join(note.tags), key=names[1], placeholder="smile, asymmetric"
        )
        st.text_area("Note", note.note, 90, most["note"], key=names[2])
        who, button = st.columns([2, 1], vertical_alignment="bottom")
        who.text_input("Written by", author(), key=names[3], disabled=people.has_login())
        refused = people.refusal(Role.EDITOR)
        acting_button(
            button,
            "Save",
            f"{key}-save",
            partial(_save, choice, codeword, note, notes.revision),
            names,
            about=f"note-{codeword}",
            width="stretch",
            icon=":material/save:",
            disabled=bool(refused),
            help=refused or None,
        )
    if why := fields.fault(f"note-{codeword}"):  # not in the expander, which closes when its label changes
        st.warning(why, icon=":material/group:")
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
        acting_button(
            st,
            "Take back my last change",
            "undo-note",
            partial(_undo, choice),
            form=False,
            icon=":material/undo:",
            disabled=not notes.history or bool(refused),
            help=refused or None,
        )
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
    fields.wrong(st, fields.fault("undo-note"))
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


def _undo(choice: artefact_cache.Choice) -> str:
    with writing(choice) as (book, writer):
        undone = book.undo(writer)
    return f"Taken back: {text(undone.subject)}, {undone.field}." if undone else "None of the changes are yours."


def _save(
    choice: artefact_cache.Choice, codeword: int, before: Note, seen: int, name: str, tags: str, note: str, writer: str
) -> str:
    """Write what differs from `before`, the note as its author saw it at the revision `seen`."""
    st.session_state["author"] = writer
    wanted = {tag.strip() for tag in tags.split(",") if tag.strip()}
    new_name, new_note = name.strip(), note.strip()
    try:
        with writing(choice) as (book, who):
            book.edit(
                codeword,
                who,
                name=None if new_name == before.name else new_name,
                note=None if new_note == before.note else new_note,
                add_tags=sorted(wanted - set(before.tags)),
                remove_tags=sorted(set(before.tags) - wanted),
                seen=seen,
            )
    except NoteConflict as conflict:
        mine = " · ".join(text(new) for new, old in ((new_name, before.name), (new_note, before.note)) if new != old)
        raise Unusable(
            f"Someone else changed this meanwhile: “{text(conflict.theirs)}”. Yours was not written over it; the page "
            f"now shows theirs. Yours: “{mine}”."
        ) from conflict
    return f"Notes of codeword {codeword} saved."
