"""The page Raters: who may make and take back links, and what it shows of answers."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from packaging.version import Version

from dashboard.data import job_manager, people
from dashboard.data.roles import Person, Role
from dfe_core.ratings import making
from dfe_core.ratings.design import RatingSettings, Task
from dfe_core.ratings.store import begin, find_invitation, give_answer, invite, next_item, pseudonym
from tests.dashboard.test_pages import opened, said

pytestmark = pytest.mark.skipif(
    Version(st.__version__) < Version("1.66"), reason="Streamlit 1.65 cannot test pages with components"
)


@pytest.fixture
def study(filled: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(making, "_render", lambda face, psi, path: path.write_bytes(b"picture"))
    return making.make_ratings(RatingSettings(model="default", tasks=(Task.PAIR,), items=3, checks=0), "own")


def button(test, label: str):
    return next(one for one in test.button if one.label == label)


def test_an_owner_makes_a_link_sees_it_once_and_takes_it_back(study):
    test = opened("raters")
    assert not test.exception and "Nobody is invited yet" in said(test)
    button(test, "Make a link").click().run()
    link = test.code[0].value
    token = link.rpartition("/rate/")[2]
    assert link.startswith("http") and find_invitation(token) is not None
    assert not opened("raters").code  # in another session it is not known
    button(test, "Take it back").click().run()
    assert find_invitation(token) is None and not test.code


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_a_viewer_and_an_editor_make_no_links(study, monkeypatch, role):
    test = opened("raters")  # of an owner, who loses the role before the click
    monkeypatch.setenv(people.LOGIN, "login.toml")
    monkeypatch.setattr(people, "current", lambda: Person(name="eva@lab.org", role=role))
    button(test, "Make a link").click().run()
    assert study.invitations == () and not test.code and button(test, "Make a link").disabled


def test_answers_are_shown_beside_guessing(study):
    made, _ = invite(study)
    for _ in range(3):
        rater = study.rater(pseudonym(begin(study, made)))
        while (item := next_item(study, rater)) is not None:
            give_answer(study, rater, item.number, choice=item.right)
            rater = study.rater(rater.name)
    test = opened("raters")
    by_task = next(frame.value for frame in test.dataframe if "Guessing" in frame.value)
    assert by_task["Accuracy"].tolist() == [1.0] and by_task["Alpha"].tolist() == [1.0]
    asked = study.items[0].codeword
    assert "3 of 3 answers right (100 % [44, 100], chance 50 %)" in said(opened("codebook", codeword=str(asked)))
    assert any("Alpha from" in frame.value and len(frame.value) == 3 for frame in test.dataframe)


def test_a_broken_study_stops_no_page(study):
    (study.path / "items.json").write_text("{")
    assert "No rating study of “default” yet" in said(opened("raters"))
    assert not opened("codebook", codeword="3").error


def test_a_study_is_made_by_a_job(filled, monkeypatch):
    started = []
    monkeypatch.setattr(job_manager, "start", lambda key, title, *arguments: started.append(arguments))
    test = opened("raters")
    assert "No rating study of “default” yet" in said(test)
    button(test, "Make the study").click().run()
    assert started == [
        tuple("raters make default --name default-names1 --tasks choice,pair,odd --items 24 --faces 3 --seed 0".split())
    ]
