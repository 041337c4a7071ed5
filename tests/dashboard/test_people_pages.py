"""What pages show to whom: a login before anything else, buttons that say why they are off, withdrawal by its name."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from packaging.version import Version
from streamlit.testing.v1 import AppTest

from dashboard.data import artefact_cache, people
from dashboard.data.roles import Person, Role
from dashboard.panels import page_frame
from dfe_core.expressions.dataset import Dataset
from dfe_core.tokens.annotations import Notebook
from tests.conftest import PROJECT
from tests.dashboard.test_pages import opened, said

MAIN = PROJECT / "dashboard" / "shell" / "main.py"
pytestmark = pytest.mark.skipif(
    Version(st.__version__) < Version("1.66"),
    reason="Streamlit 1.65 cannot test pages with components",
)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch):
    """`session(role)`: the person of this session has logged in and has the role."""
    monkeypatch.setenv(people.LOGIN, "login.toml")

    def of(role: Role, name: str = "ana@lab.org") -> None:
        monkeypatch.setattr(people, "current", lambda: Person(name=name, role=role, fault="" if role else "No role."))

    return of


def main_script() -> AppTest:
    test = AppTest.from_file(str(MAIN), default_timeout=180)
    test.secrets["auth"] = {"keycloak": {"client_id": "dfe"}, "cookie_secret": "s"}
    return test


@pytest.mark.parametrize("name", ["", "eve@elsewhere.org"])
def test_nothing_of_the_cache_is_read_before_there_is_a_role(session, filled: Path, monkeypatch, name: str):
    session(Role.NONE, name)

    def opened(*_: object) -> None:
        pytest.fail("the cache was read")

    for function in ("chosen", "model_names", "dataset_names", "_dataset"):
        monkeypatch.setattr(artefact_cache, function, opened)
    test = main_script().run()
    assert not test.exception and not test.selectbox and not test.sidebar.caption
    assert [b.label for b in test.button] == (["Log out"] if name else ["Log in with keycloak"])
    assert "No role." in said(test)


def test_a_viewer_sees_the_pages_with_their_name_and_a_way_out(session, filled: Path):
    session(Role.VIEWER)
    test = main_script().run()
    assert not test.exception and test.selectbox
    assert any("ana@lab.org, viewer" in c.value for c in test.sidebar.caption)
    assert "Log out" in [b.label for b in test.sidebar.button]


@pytest.mark.parametrize(("role", "disabled"), [(Role.VIEWER, True), (Role.EDITOR, False)])
def test_buttons_of_acts_are_off_for_viewers_and_say_why(session, filled: Path, role: Role, disabled: bool):
    (filled / "tokens" / "default--simulated" / "manifest.json").unlink()
    session(role)
    test = opened("data")
    acts = {b.label: b for b in test.button if b.label in ("Delete this dataset", "Encode it now")}
    assert {label: b.disabled for label, b in acts.items()} == dict.fromkeys(acts, disabled) and len(acts) == 2
    assert all(("you are a viewer" in b.help) == disabled for b in acts.values())


def test_the_log_is_for_those_who_act(session, filled: Path):
    Notebook.open("default", filled).edit(1, "ana", name="half smile")
    for role, shown in ((Role.VIEWER, False), (Role.EDITOR, True)):
        session(role)
        test = opened("data", data_part="Everything in the cache")
        assert ("What was done, and by whom" in [e.label for e in test.expander]) == shown and not test.exception


def withdrawal(root: str) -> None:
    from pathlib import Path

    from dashboard.data import artefact_cache
    from dashboard.panels import deletion

    choice = artefact_cache.Choice(root=Path(root), model="default", dataset="simulated")
    dataset = choice.open_dataset()
    deletion.offer_withdrawal(choice, dataset, dataset.recordings["recording"].iloc[0])


def test_a_person_is_withdrawn_after_their_name_was_typed_and_a_certificate_is_given(filled: Path):
    rows = Dataset.open("simulated", filled).recordings
    subject = rows["subject"].iloc[0]
    test = AppTest.from_function(withdrawal, default_timeout=180, kwargs={"root": str(filled)}).run()
    test.button[0].click().run()
    assert test.button[0].label == "Withdraw"
    test.text_input[0].set_value("somebody else")
    test.button[0].click().run()
    assert "not the subject’s name" in test.markdown[-1].value
    assert len(Dataset.open("simulated", filled).recordings) == len(rows)
    test.text_input[0].set_value(subject)
    test.button[0].click().run()
    assert not test.exception and test.get("download_button")
    left = Dataset.open("simulated", filled).recordings
    assert subject not in set(left["subject"]) and len(left) == (rows["subject"] != subject).sum()
    assert f"Person: {subject}" in test.session_state["certificate"]


def test_only_an_owner_is_offered_a_withdrawal(session, filled: Path):
    session(Role.EDITOR)
    test = AppTest.from_function(withdrawal, default_timeout=180, kwargs={"root": str(filled)}).run()
    assert test.button[0].disabled and "owners" in test.button[0].help


def editor(root: str) -> None:
    from pathlib import Path

    from dashboard.data import artefact_cache
    from dashboard.panels import note_editor

    note_editor.edit(artefact_cache.Choice(root=Path(root), model="default", dataset="simulated"), 3)


def test_a_note_is_written_under_the_name_of_the_login_and_of_nobody_else(session, filled: Path):
    Notebook.open("default", filled).edit(3, "ben@lab.org", name="smirk")
    session(Role.EDITOR)
    test = AppTest.from_function(editor, default_timeout=180, kwargs={"root": str(filled)}).run()
    by = next(i for i in test.text_input if i.label == "Written by")
    assert by.value == "ana@lab.org" and by.disabled
    test.text_input[0].set_value("half smile")
    next(b for b in test.button if b.label == "Save").click().run()
    assert not test.exception
    note = Notebook.open("default", filled).read().of(3)
    assert (note.name, note.author) == ("half smile", "ana@lab.org")


def writes(test: AppTest, label: str, words: str) -> AppTest:
    """Fill in a field of the note and press Save."""
    next(i for i in (*test.text_input, *test.text_area) if i.label == label).set_value(words)
    return next(b for b in test.button if b.label == "Save").click().run()


def test_a_note_is_saved_where_somebody_else_wrote_another_meanwhile(filled: Path):
    test = AppTest.from_function(editor, default_timeout=60, kwargs={"root": str(filled)}).run()
    others = Notebook.open("default", filled)
    others.edit(5, "ben@lab.org", name="smirk")
    others.edit(3, "ben@lab.org", note="seen in two people", add_tags=["mouth"])
    writes(test, "The lab’s name for it", "half smile")
    note = others.read().of(3)
    assert (note.name, note.note, note.tags) == ("half smile", "seen in two people", ("mouth",)) and not test.warning
    assert "Notes of codeword 3 saved" in test.toast[0].value


def test_a_name_that_somebody_else_changed_meanwhile_stands_and_ones_own_is_shown(filled: Path):
    test = AppTest.from_function(editor, default_timeout=60, kwargs={"root": str(filled)}).run()
    Notebook.open("default", filled).edit(3, "ben@lab.org", name="smirk")
    writes(test, "The lab’s name for it", "half smile")
    assert Notebook.open("default", filled).read().of(3).name == "smirk" and not test.exception
    assert "“smirk”" in test.warning[0].value and "Yours: “half smile”" in test.warning[0].value
    assert next(i for i in test.text_input if i.label == "The lab’s name for it").value == "smirk"
    writes(test, "The lab’s name for it", "half smile")
    assert Notebook.open("default", filled).read().of(3).name == "half smile" and not test.warning
    next(b for b in test.button if b.label == "Take back my last change").click().run()
    assert Notebook.open("default", filled).read().of(3).name == "smirk" and "Taken back" in test.toast[0].value


def test_an_open_window_shows_nothing_more_after_a_role_was_taken_away(session, monkeypatch):
    """Its fragments are run without the script that asks for a login: they ask for that script."""

    def rerun() -> None:
        raise SystemExit("the whole script again")

    monkeypatch.setattr(page_frame.st, "rerun", rerun)
    session(Role.VIEWER)
    with page_frame.guarded():
        drawn = True
    assert drawn
    session(Role.NONE)
    with pytest.raises(SystemExit), page_frame.guarded():
        pytest.fail("the fragment was drawn")


def test_the_act_asks_for_the_role_whatever_the_page_showed(session, filled: Path):
    session(Role.EDITOR)
    test = opened("data")
    next(b for b in test.button if b.label == "Delete this dataset").click().run()
    session(Role.VIEWER)  # taken away while the question stood there
    next(b for b in test.button if b.label == "Delete").click().run()
    assert (filled / "datasets" / "simulated" / "manifest.json").is_file()
    assert "you are a viewer" in said(test) and not test.exception
    session(Role.EDITOR)
    next(b for b in test.button if b.label == "Delete").click().run()
    assert not (filled / "datasets" / "simulated").exists() and not test.exception
