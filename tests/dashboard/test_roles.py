"""Who may do what: the file of roles, what a login is worth, and that an act itself asks, whatever a page shows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import streamlit as st

from dashboard.data import artefact_cache, job_manager, notes, people
from dashboard.data.background_jobs import Job, Jobs
from dashboard.data.roles import LOGIN_S, ROLES, Person, Role, Roles, person_of, read_roles
from dashboard.panels import deletion, video_links
from dashboard.shell import login_page
from dfe_core import audit, trash
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset

ANA, BEN, VIC = "ana@lab.org", "ben@lab.org", "vic@lab.org"
NOW = 1_000_000.0


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A server with a login: Ana is an owner, Ben an editor, Vic a viewer; `login(email)` is who uses the session."""
    path = tmp_path / "roles.toml"
    path.write_text(f'owner = ["{ANA}"]\neditor = ["{BEN}", "cas@lab.org"]\nviewer = ["*@lab.org"]\n')
    monkeypatch.setenv(ROLES, str(path))
    monkeypatch.setenv(people.LOGIN, "login.toml")

    def of(email: str) -> Person:
        monkeypatch.setattr(people, "claims", lambda: claims(email, iat=people.time.time()))
        return people.current()

    return of


def claims(email: object, **more: object) -> dict:
    return {"is_logged_in": True, "email": email, "iat": NOW, "email_verified": True, **more}


# ---- roles


def test_the_highest_role_that_names_an_address_is_its_role(login):
    assert [login(who).role for who in (ANA, BEN, VIC, "ANA@Lab.org", "ana@lab.org.evil.example")] == [
        Role.OWNER,
        Role.EDITOR,
        Role.VIEWER,
        Role.OWNER,
        Role.NONE,
    ]
    everybody = Roles({Role.VIEWER: ("*",)})
    assert everybody.of("x@y.z") is Role.VIEWER and Roles({}).of(ANA) is Role.NONE


def test_without_a_file_nobody_has_a_role(login, monkeypatch, tmp_path):
    monkeypatch.setenv(ROLES, str(tmp_path / "none.toml"))
    assert login(ANA).role is Role.NONE and "no role" in login(ANA).fault


def test_the_file_lies_in_the_cache_where_none_is_named(cache: Path, monkeypatch):
    monkeypatch.delenv(ROLES, raising=False)
    cache.mkdir(exist_ok=True)
    (cache / "roles.toml").write_text('editor = "ben@lab.org"')
    assert read_roles().of(BEN) is Role.EDITOR


@pytest.mark.parametrize(
    "content",
    [
        "owner = [",
        'admin = ["ana@lab.org"]',
        'owner = ["ana"]',
        'owner = ["*.org"]',
        'owner = ["*@*"]',
        'owner = ["a*@lab.org"]',
        "owner = [3]",
        'none = ["*"]',
    ],
)
def test_a_file_that_is_not_one_of_roles_lets_nobody_in(login, tmp_path, content: str):
    (tmp_path / "roles.toml").write_text(content)
    with pytest.raises(DataError, match="roles.toml"):
        login(ANA)
    assert login_page.visitor().role is Role.NONE


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, ""),
        ({"is_logged_in": False}, ""),
        ({"is_logged_in": "yes", "email": ANA, "iat": NOW}, ""),
        (claims(None), "without an e-mail"),
        (claims("ana"), "without an e-mail"),
        (claims(ANA, email_verified=False), "not verified"),
        *((claims(ANA, email_verified=no), "not verified") for no in ("false", "False", "no", "0", 0, None, [])),
        *(
            (claims(f"{a}ana@lab.org{b}"), "without")
            for a, b in (("\u00a0", ""), ("", "\n"), ("", "\x1c"), ("\u200b", ""))
        ),
        (claims("@lab.org"), "without an e-mail"),
        (claims(ANA, iat=NOW - LOGIN_S - 1), "expired"),
        (claims(ANA, iat=None), "expired"),
    ],
)
def test_what_a_login_is_not_enough_for(given: dict, fault: str):
    person = person_of(given, Roles({Role.OWNER: ("*",)}), NOW)
    assert person.role is Role.NONE and fault in person.fault


def test_a_letter_that_folds_like_another_is_another_mailbox():
    roles = Roles({Role.OWNER: ("kate@lab.org", "ünal@lab.org"), Role.VIEWER: ("*@lab.org",)})
    answers = {email: person_of(claims(email), roles, NOW).role for email in ("KATE@Lab.org", "ÜNAL@lab.org")}
    assert set(answers.values()) == {Role.OWNER}
    assert person_of(claims("\N{KELVIN SIGN}ate@lab.org"), roles, NOW).role is Role.VIEWER


@pytest.mark.parametrize("yes", [True, "true", "True"])
def test_a_verified_address_is_one_however_the_provider_writes_it(yes):
    assert person_of(claims(ANA, email_verified=yes), Roles({Role.VIEWER: (ANA,)}), NOW).role is Role.VIEWER


def test_a_login_counts_for_hours_and_needs_no_verified_claim_where_a_provider_has_none():
    given = {"is_logged_in": True, "email": " Ana@Lab.org ", "iat": NOW - LOGIN_S + 5}
    assert person_of(given, Roles({Role.OWNER: (ANA,)}), NOW) == Person(name=ANA, role=Role.OWNER)


def test_without_a_login_whoever_has_the_token_is_the_owner(monkeypatch):
    monkeypatch.delenv(people.LOGIN, raising=False)
    assert people.current() == Person(name=audit.account(), role=Role.OWNER) and not people.refusal(Role.OWNER, "x")


# ---- acts


def choice_of(root: Path) -> artefact_cache.Choice:
    return artefact_cache.Choice(root=root, model="default", dataset="simulated")


def attempts(root: Path) -> list[tuple[str, str, str]]:
    return [(e.person, e.act, e.outcome) for e in reversed(audit.read_log(root).entries)]


def test_a_viewer_changes_nothing_and_the_attempts_are_logged(login, filled: Path):
    login(VIC)
    choice, before = choice_of(filled), sorted(str(p) for p in filled.rglob("*"))
    dataset = choice.open_dataset()
    recording = dataset.recordings["recording"].iloc[0]
    subject = dataset.recordings["subject"].iloc[0]
    deletion._delete(choice, [dataset.path])
    deletion._remove(dataset, recording, "asked")
    deletion._withdraw(choice, subject, "asked", subject)
    video_links._forget(dataset)
    with pytest.raises(DataError, match="editors and owners"), notes.writing(choice) as (book, author):
        book.edit(1, author, name="mine")
    with pytest.raises(DataError, match="you are a viewer"):
        job_manager.start("train-x", "Training", "train", "simulated", "--name", "x")
    assert job_manager.manager().get("train-x") is None
    now = [str(p) for p in filled.rglob("*") if not p.name.startswith((".audit", "audit"))]
    assert sorted(now) == before and Dataset.open("simulated", filled).key == dataset.key
    acts = ("remove", "remove", "withdraw", "unlink videos", "write notes", "train")
    assert attempts(filled) == [(VIC, act, "refused") for act in acts]


def test_an_editor_removes_and_brings_back_only_their_own_and_purges_nothing(login, filled: Path):
    choice = choice_of(filled)
    names = choice.open_dataset().recordings["recording"].tolist()
    login(BEN)
    deletion._remove(choice.open_dataset(), names[0], "asked")
    (mine,) = trash.discarded(filled)
    assert mine.by == BEN
    subject = choice.open_dataset().recordings["subject"].iloc[0]
    deletion._withdraw(choice, subject, "asked", subject)
    deletion._empty(choice, [mine])
    login("cas@lab.org")
    deletion._restore(choice, mine)
    assert trash.discarded(filled) == [mine]
    login(BEN)
    deletion._restore(choice, mine)
    assert trash.discarded(filled) == [] and choice.open_dataset().recordings["recording"].tolist() == names
    assert attempts(filled) == [
        (BEN, "remove", "done"),
        (BEN, "withdraw", "refused"),
        (BEN, "purge", "refused"),
        ("cas@lab.org", "restore", "refused"),
        (BEN, "restore", "done"),
    ]


def test_an_owner_brings_back_purges_and_withdraws(login, filled: Path):
    choice = choice_of(filled)
    rows = choice.open_dataset().recordings
    login(BEN)
    deletion._remove(choice.open_dataset(), rows["recording"].iloc[0], "asked")
    login(ANA)
    deletion._restore(choice, trash.discarded(filled)[0])
    deletion._remove(choice.open_dataset(), rows["recording"].iloc[0], "asked")
    deletion._empty(choice, trash.discarded(filled))
    subject = choice.open_dataset().recordings["subject"].iloc[0]
    deletion._withdraw(choice, subject, "asked", subject)
    assert subject not in set(Dataset.open("simulated", filled).recordings["subject"]) and not trash.discarded(filled)
    assert [(who, act) for who, act, outcome in attempts(filled) if outcome == "done"] == [
        (BEN, "remove"),
        (ANA, "restore"),
        (ANA, "remove"),
        (ANA, "purge"),
        (ANA, "withdraw"),
    ]


def test_notes_are_of_the_person_and_undo_takes_back_only_ones_own(login, filled: Path):
    choice = choice_of(filled)
    for who, text in ((BEN, "half smile"), ("cas@lab.org", "smirk")):
        login(who)
        with notes.writing(choice) as (book, author):
            book.edit(1 if who == BEN else 2, author, name=text)
    login(BEN)
    with notes.writing(choice) as (book, author):
        assert book.undo(author).subject == "codeword/1" and book.undo(author) is None
    assert notes.read(choice).of(2).author == "cas@lab.org"


def test_without_a_name_the_author_is_the_account(filled: Path, monkeypatch):
    monkeypatch.delenv(people.LOGIN, raising=False)
    with notes.writing(choice_of(filled)) as (book, author):
        book.edit(1, "somebody else", name="theirs")
        assert author == audit.account() != "" and book.undo(author) is None


# ---- jobs


def test_no_cache_that_a_browser_can_empty_holds_the_jobs():
    held = job_manager.manager()
    st.cache_resource.clear()
    assert job_manager.manager() is held


def test_a_job_is_of_who_started_it_in_all_their_sessions(login, monkeypatch):
    jobs = Jobs(command=(sys.executable, "-c", "input()"), limit=1)
    monkeypatch.setattr(job_manager, "manager", lambda: jobs)
    login(BEN)
    job = job_manager.start("encode-x", "Encoding", "encode")
    login("cas@lab.org")
    assert job_manager.start("encode-x", "Encoding", "encode") is job and job.person == BEN
    with pytest.raises(DataError, match="Only ben@lab.org or an owner"):
        job_manager.cancel(job)
    assert not job.stopped
    login(BEN)  # another session of the same person
    job_manager.cancel(job)
    assert job.stopped
    login(BEN)
    again = job_manager.start("encode-x", "Encoding", "encode")
    login(ANA)
    job_manager.cancel(again)
    assert again.stopped
    jobs.stop_all()


def test_a_command_of_a_job_is_logged_for_who_started_it(login, filled: Path, monkeypatch):
    jobs = Jobs()
    monkeypatch.setattr(job_manager, "manager", lambda: jobs)
    login(BEN)
    job = job_manager.start("derive", "Deriving", "aus", "derive", "--dataset", "simulated", "--name", "est")
    job.process.wait(60)
    entry = audit.read_log(filled).entries[0]
    assert (entry.person, entry.way, entry.act) == (BEN, "dashboard", "derive AUs") and entry.account


def test_a_job_of_the_server_itself_is_stopped_by_owners_only(login):
    job = Job(key="pictures", title="Pictures", command=[])
    login(BEN)
    with pytest.raises(DataError, match="owner"):
        job_manager.cancel(job)
    login(ANA)
    job_manager.cancel(job)
    assert job.stopped
