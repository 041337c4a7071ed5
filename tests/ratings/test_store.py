"""Invitations and answers: what a token opens, what is kept of a rater, what a crash leaves."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from dfe_core.artefact import Artefact
from dfe_core.errors import DataError
from dfe_core.ratings import making, store
from dfe_core.ratings.design import RatingSettings, Task, order_of
from dfe_core.ratings.report import rating_report, write_rating_report
from dfe_core.ratings.store import (
    begin,
    find_invitation,
    give_answer,
    invite,
    list_ratings,
    next_item,
    pseudonym,
    revoke,
)
from dfe_core.workspace.withdrawal import withdraw


def begun(study, invitation):
    return study.rater(pseudonym(begin(study, invitation)))


def answered(study, rater, skill: bool = True):
    """All questions, right or always the first option that is wrong."""
    while (item := next_item(study, rater)) is not None:
        wrong = next((i for i in range(len(item.options)) if i != item.right), -1)
        give_answer(study, rater, item.number, choice=item.right if skill else wrong, text="both brows up")
        rater = study.rater(rater.name)
    return rater


def test_a_token_opens_its_study_until_it_ends_or_is_revoked_and_is_kept_nowhere(study, monkeypatch):
    made, token = invite(study, days=1, note="lab")
    found, invitation = find_invitation(token)
    assert (found.title, invitation) == ("s", made)
    held = "".join(p.read_text(errors="replace") for p in study.root.rglob("*") if p.is_file())
    assert token not in held and made.digest in held
    assert find_invitation(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    assert find_invitation("") is None and find_invitation("../" + token) is None
    monkeypatch.setattr(time, "time", lambda: made.ends + 1)
    assert find_invitation(token) is None
    monkeypatch.undo()
    revoke(study, made.id)
    assert find_invitation(token) is None
    with pytest.raises(DataError, match="no such invitation"):
        revoke(study, "0000")


def test_a_rater_is_a_pseudonym_and_comes_back_to_the_first_unanswered_question(study):
    made, _ = invite(study, most_raters=2)
    secret = begin(study, made)
    rater = study.rater(pseudonym(secret))
    order = order_of(study.items, rater.name)
    assert next_item(study, rater).number == order[0]
    give_answer(study, rater, order[0], choice=0, text="  brows\n up " + "x" * 300)
    again = study.rater(pseudonym(secret))
    assert next_item(study, again).number == order[1] and len(again.answers) == 1
    assert secret not in (study.path / "answers" / f"{rater.name}.jsonl").read_text()
    begin(study, made)
    with pytest.raises(DataError, match="2 raters began"):
        begin(study, made)


def test_only_the_question_that_was_asked_is_answered_and_only_once(study):
    made, _ = invite(study)
    rater = begun(study, made)
    order = order_of(study.items, rater.name)
    with pytest.raises(DataError, match="not to the question"):
        give_answer(study, rater, order[3], choice=0)
    with pytest.raises(DataError, match="not to the question"):
        give_answer(study, rater, 9999, choice=0)
    head = study.items[order[0]]
    give_answer(study, rater, head.number, choice=0, text="brows")
    later = study.rater(rater.name)
    give_answer(study, later, head.number, choice=1, text="other")
    assert study.rater(rater.name).answers == later.answers
    while next_item(study, later).task is Task.WORDS:
        give_answer(study, later, next_item(study, later).number, text="")
        later = study.rater(rater.name)
    with pytest.raises(DataError, match="none of the choices"):
        give_answer(study, later, next_item(study, later).number, choice=7)


def test_a_line_that_a_crash_cut_off_is_not_read_and_hurts_no_other(study):
    made, _ = invite(study)
    rater = begun(study, made)
    path = study.path / "answers" / f"{rater.name}.jsonl"
    first = order_of(study.items, rater.name)[0]
    with open(path, "a") as sink:
        sink.write(json.dumps({"item": first, "choice": 0})[:9])
    cut = study.rater(rater.name)
    assert cut.answers == ()
    give_answer(study, cut, first, choice=0, text="brows")
    assert [a.item for a in study.rater(rater.name).answers] == [first]


def test_the_report_knows_who_sees_and_who_guesses(study, tmp_path):
    made, _ = invite(study)
    for skill in (True, True, True, False):
        answered(study, begun(study, made), skill)
    begin(study, made)
    report = rating_report(study)
    assert (report.raters, report.answered, len(report.tasks)) == (5, 4, 3)
    for task in report.tasks:
        assert task.accuracy.value == 0.75 and task.accuracy.low < 0.75 <= task.accuracy.high
        assert task.guess.accuracy.value == pytest.approx(task.chance, abs=0.1)
    attentive = rating_report(study, leave_out_failed=True)
    assert attentive.answered == 3 and len(attentive.left_out) == 1
    assert all(t.accuracy.value == 1 and t.alpha.value == 1 for t in attentive.tasks)
    row = attentive.codewords.iloc[0]
    assert row["answers"] == 3 and row["accuracy"] == 1 and row["low"] == pytest.approx(0.4385, abs=1e-3)
    assert len(report.words) == 16 and set(report.words["text"]) == {"both brows up"}
    paths = write_rating_report(report, tmp_path / "out")
    assert {p.name for p in paths} == {"codewords.csv", "raters.csv", "words.csv", "answers.csv", "report.json"}
    json.loads((tmp_path / "out" / "report.json").read_text())


def test_a_study_is_an_artefact_of_its_model_that_cannot_be_made_again(study, monkeypatch):
    artefact = Artefact(study.path)
    assert [source.label for source in artefact.made_from] == ["models/m"] and not artefact.made_at_need
    assert list_ratings() == ["s"]
    monkeypatch.setattr(making, "_render", lambda face, psi, path: path.write_bytes(b"picture"))
    with pytest.raises(DataError, match="is there"):
        making.make_ratings(study.settings, "s")
    with pytest.raises(DataError, match="not one to ask for"):
        making.make_ratings(replace(study.settings, codewords=(999,)), "t")
    recorded = making.make_ratings(
        RatingSettings(model="m", dataset="d", tasks=(Task.PAIR, Task.ODD), items=4, checks=0), "t"
    )
    assert {s.recording for i in recorded.items for s in i.stimuli} <= {"r0", "r1", "r2"}
    assert recorded.manifest["recordings"] and "datasets/d" in {s.label for s in recorded.made_from}
    assert store.RatingStudy.open("t").shown >= {recorded.rest}


def test_a_study_that_shows_a_person_goes_when_they_withdraw_and_others_stay(study, monkeypatch):
    monkeypatch.setattr(making, "_render", lambda face, psi, path: path.write_bytes(b"picture"))
    settings = RatingSettings(model="m", dataset="d", tasks=(Task.PAIR,), items=4, checks=0)
    shown = making.make_ratings(settings, "moments")
    person = shown.manifest["recordings"][0].replace("r", "s")  # recording r1 is of subject s1
    certificate = withdraw(person)
    assert list_ratings() == ["s"] and "analyses/ratings--moments" in certificate.deleted
