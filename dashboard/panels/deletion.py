"""Deleting a dataset or one of its recordings, and taking that back."""

from __future__ import annotations

import time
from functools import partial

import streamlit as st

from dfe_core import trash
from dfe_core.artefact_names import DATASETS
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.removal import put_back, remove_recording
from dfe_core.video import stills
from dfe_core.workspace.catalogue import dependants, find_artefact

from ..data import artefact_cache, people
from ..data.roles import Role
from ..theme.formatting import plural, text
from ..views.field_button import Unusable, field_and_button
from . import error_text, fields
from .job_progress import ButtonKind

CHANGED = "datasets-changed"
"""In the session's state: the datasets, or which of them is on show, are others than the page around was drawn for."""


def offer(choice: artefact_cache.Choice) -> None:
    """A button that asks before anything goes, and says what goes along."""
    asked = f"asked-delete-{choice.dataset}"
    if not st.session_state.get(asked):
        _ask("Delete this dataset", ":material/delete:", f"ask-delete-{choice.dataset}", asked, Role.EDITOR)
        return
    artefact = find_artefact(f"datasets/{choice.dataset}", choice.root)
    users = dependants(artefact, choice.root)
    along, kept = [a for a in users if a.kind != "models"], [a for a in users if a.kind == "models"]
    with st.container(border=True):
        words, yes, no = st.columns([4, 1, 1], vertical_alignment="center")
        words.markdown(
            f"**{choice.dataset}** ({artefact.bytes / 1e6:,.1f} MB)"
            + (
                f" goes with {plural(len(along), 'artefact')} made from it: tokens, AUs, analyses. "
                if along
                else " goes. "
            )
            + (f"Trained on it and kept: {', '.join(a.name for a in kept)}. " if kept else "")
            + f"It can be taken back for {trash.KEPT_DAYS} days."
        )
        yes.button(
            "Delete",
            type="primary",
            key=f"delete-{choice.dataset}",
            width="stretch",
            on_click=_delete,
            args=(choice, [artefact.path, *(a.path for a in along)]),
        )
        no.button("Keep", key=f"keep-{choice.dataset}", width="stretch", on_click=st.session_state.pop, args=(asked,))


def offer_recording(choice: artefact_cache.Choice, dataset: Dataset, recording: str) -> None:
    """A button that takes one recording out, after asking. The only one goes with its dataset."""
    if len(dataset.recordings) < 2:
        return
    asked = f"asked-remove-{choice.dataset}-{recording}"
    if not st.session_state.get(asked):
        _ask("Remove this recording", ":material/person_remove:", f"remove-{recording}", asked, Role.EDITOR)
        return
    with st.container(border=True):
        words, yes, no = st.columns([4, 1, 1], vertical_alignment="center")
        words.markdown(
            f"**{text(recording)}** is taken out of {choice.dataset}: the dataset is written without it, "
            "and what was made from it (tokens, action units, analyses) is to be made again. It can be "
            f"taken back for {trash.KEPT_DAYS} days."
        )
        yes.button(
            "Remove",
            type="primary",
            key=f"remove-yes-{recording}",
            width="stretch",
            on_click=_remove,
            args=(dataset, recording, asked),
        )
        no.button("Keep", key=f"remove-no-{recording}", width="stretch", on_click=st.session_state.pop, args=(asked,))


def offer_withdrawal(choice: artefact_cache.Choice, dataset: Dataset, recording: str) -> None:
    """A button that removes the person of a recording for good, after their name is typed."""
    rows = dataset.recordings
    subject = str(rows.loc[rows["recording"] == recording, "subject"].iloc[0])
    asked = f"asked-withdraw-{subject}"
    if certificate := st.session_state.get("certificate"):
        st.download_button("Certificate of the withdrawal", certificate, "withdrawal.txt", icon=":material/verified:")
    if not st.session_state.get(asked):
        _ask("Withdraw this person", ":material/person_off:", f"withdraw-{recording}", asked, Role.OWNER)
        return
    with st.container(border=True):
        st.markdown(
            f"Every recording of **{text(subject)}** in {choice.dataset} goes for good, and in what was "
            "deleted, with all that was made from them. Models trained with them are named. This cannot be "
            "taken back."
        )
        form, no = st.columns([5, 1], vertical_alignment="bottom")
        with form:
            field_and_button(
                "Type the subject’s name",
                "Withdraw",
                f"withdraw-yes-{recording}",
                partial(_withdraw, choice, subject, asked),
                field={"key": f"withdraw-name-{subject}"},
                widths=(4, 1),
                enter=False,  # it cannot be taken back: the button is pressed
                type="primary",
            )
        no.button("Keep", key=f"withdraw-no-{recording}", width="stretch", on_click=st.session_state.pop, args=(asked,))
        fields.wrong(st, fields.fault(f"withdraw-yes-{recording}"))


def _withdraw(choice: artefact_cache.Choice, subject: str, asked: str, typed: str) -> str:
    from dfe_core.workspace.withdrawal import withdraw

    if typed.strip() != subject:
        raise Unusable("This is not the subject’s name: nothing was removed.")
    st.session_state.pop(asked, None)
    try:
        with people.acting(Role.OWNER, "withdraw"):
            st.session_state["certificate"] = withdraw(subject, choice.root, datasets=[choice.dataset]).text()
    except DataError as error:
        _tell(error)
        return ""
    st.session_state[CHANGED] = True
    return ""


def undo(choice: artefact_cache.Choice) -> None:
    """What was deleted lately, each with a way back."""
    entries = [entry for entry in trash.discarded(choice.root) if not entry.labels]
    _said()
    for entry in entries:
        _entry(choice, entry)
    if entries:
        _offer_to_empty(choice, entries)


def undo_labels(choice: artefact_cache.Choice) -> None:
    """The last edit of the chosen dataset's labels with a way back; those before it when asked."""
    entries = [e for e in trash.discarded(choice.root) if e.labels and e.what == f"{DATASETS}/{choice.dataset}"]
    _said()
    for entry in entries[:1]:
        _entry(choice, entry)
    if len(entries) > 1:
        with st.expander(f"Earlier edits of labels · {len(entries) - 1}", icon=":material/history:"):
            for entry in entries[1:]:
                _entry(choice, entry)
            _offer_to_empty(choice, entries)


def _said() -> None:
    if fault := st.session_state.pop("undo-fault", None):
        st.warning(fault, icon=":material/undo:")


def _entry(choice: artefact_cache.Choice, entry: trash.Discarded) -> None:
    """One line of what was set aside, with its way back."""
    with st.container(border=True):
        words, back = st.columns([5, 1], vertical_alignment="center")
        size = "" if entry.labels else f" ({entry.bytes / 1e6:,.1f} MB"
        size += f", {plural(len(entry.paths), 'artefact')}" if size and len(entry.paths) > 1 else ""
        words.markdown(
            f":material/{'edit' if entry.labels else 'delete'}: {_what(entry)} {_ago(entry.when)}"
            f"{f' by {text(entry.by)}' if entry.by else ''}{f'{size})' if size else ''}."
            + (" Its entry is damaged; what it holds is whole." if entry.damaged else "")
        )
        refused = people.refusal(Role.EDITOR, entry.by)
        back.button(
            "Undo",
            key=f"undo-{entry.id}",
            icon=":material/undo:",
            width="stretch",
            disabled=bool(refused),
            help=refused or None,
            on_click=_restore,
            args=(choice, entry),
        )


def _offer_to_empty(choice: artefact_cache.Choice, entries: list[trash.Discarded]) -> None:
    """Delete for good exactly the entries that were listed when it was asked, after asking."""
    if not st.session_state.get("asked-empty-trash"):
        _ask("Delete them for good", None, "empty-trash", "asked-empty-trash", Role.OWNER, "tertiary")
        return
    with st.container(border=True):
        words, yes, no = st.columns([4, 1, 1], vertical_alignment="center")
        others = sorted({entry.by for entry in entries if entry.by} - {people.current().name})
        words.markdown(
            f"{plural(len(entries), 'deletion')} ({sum(e.bytes for e in entries) / 1e6:,.1f} MB) can then "
            "no longer be taken back." + (f" Some are of {', '.join(others)}." if others else "")
        )
        yes.button(
            "Delete for good",
            type="primary",
            key="empty-trash-yes",
            width="stretch",
            on_click=_empty,
            args=(choice, entries),
        )
        no.button(
            "Keep", key="empty-trash-no", width="stretch", on_click=st.session_state.pop, args=("asked-empty-trash",)
        )


def _empty(choice: artefact_cache.Choice, entries: list[trash.Discarded]) -> None:
    st.session_state.pop("asked-empty-trash", None)
    try:
        with people.acting(Role.OWNER, "purge", _labels(entries)):
            trash.empty(choice.root, entries)
    except OSError:
        st.session_state["undo-fault"] = "Some were deleted or brought back in another window meanwhile."
    except DataError as error:
        _tell(error)


def _delete(choice: artefact_cache.Choice, paths: list) -> None:
    try:
        with people.acting(Role.EDITOR, "remove", (f"{DATASETS}/{choice.dataset}",)):
            trash.discard(paths, choice.root)
    except DataError as error:
        _tell(error)
        return
    st.session_state[CHANGED] = True
    st.session_state.pop(f"asked-delete-{choice.dataset}", None)
    left = artefact_cache.dataset_names(choice.root, choice.model)
    if left:  # the sidebar's choice must be of what is still there
        st.session_state["dataset"] = left[0]
    else:
        st.session_state.pop("dataset", None)


def _remove(dataset: Dataset, recording: str, asked: str) -> None:
    st.session_state.pop(asked, None)
    try:
        with people.acting(Role.EDITOR, "remove", (f"{DATASETS}/{dataset.name}",)):
            remove_recording(dataset, recording)
            stills.clear(dataset)
    except DataError as error:
        _tell(error)
        return
    st.session_state[CHANGED] = True


def _restore(choice: artefact_cache.Choice, entry: trash.Discarded) -> None:
    try:
        with people.acting(Role.EDITOR, "restore", entry.paths, theirs=entry.by):
            put_back(entry, choice.root)
    except DataError as error:
        _tell(error)
        return
    st.session_state[CHANGED] = True
    kind, _, name = entry.what.partition("/")
    if kind == "datasets":
        st.session_state["dataset"] = name


def _ask(label: str, icon: str | None, key: str, asked: str, least: Role, kind: ButtonKind = "secondary") -> None:
    """The button that leads to the question; for whoever may not do it, it says why."""
    refused = people.refusal(least)
    st.button(
        label,
        key=key,
        icon=icon,
        type=kind,
        disabled=bool(refused),
        help=refused or None,
        on_click=st.session_state.__setitem__,
        args=(asked, True),
    )


def _labels(entries: list[trash.Discarded]) -> tuple[str, ...]:
    return tuple(label for entry in entries for label in entry.paths)


def _tell(error: DataError) -> None:
    st.session_state["undo-fault"] = error_text.sentence(error)


def _what(entry: trash.Discarded) -> str:
    name = entry.what.partition("/")[2]
    if entry.labels:
        return f"Labels of **{name}** were edited ({text(', '.join(entry.labels))})"
    return f"**{text(entry.recording)}** of {name} was removed" if entry.recording else f"**{name}** was deleted"


def _ago(when: float) -> str:
    minutes = (time.time() - when) / 60
    if minutes < 2:
        return "just now"
    return (
        f"{minutes:.0f} minutes ago"
        if minutes < 90
        else f"{minutes / 60:.0f} hours ago"
        if minutes < 2880
        else f"{minutes / 1440:.0f} days ago"
    )
