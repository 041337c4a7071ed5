"""Titles, chips and scores of codewords as pages show them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashboard.data import artefact_cache, codeword_names
from dashboard.data import dictionary as dictionary_of
from dashboard.views import cards, name_chips
from dfe_core.facs.codeword_names import CodewordName, NamedActionUnit, Verdict
from dfe_core.facs.name_scores import CheckedNames, NameScores
from dfe_core.facs.sentence_scores import COLUMNS
from dfe_core.tokens.describe import CodewordDescription

WHAT = CodewordDescription(side="symmetric")
SMILE = (
    NamedActionUnit(au="AU12", side="both", strength=0.35, stronger="left", confirmed=True),
    NamedActionUnit(au="AU6", side="both", strength=0.37, confirmed=True),
)


def row(**values):
    return pd.Series(
        {
            "codeword": 4,
            "name": "",
            "title": "Both lip corners up",
            "description": "Both lip corners up",
            "like": "AU12",
            "action_units": "AU12 0.35",
            "verdict": Verdict.CONFIRMED,
            "checked": False,
            "picked": np.nan,
            "picked_low": np.nan,
            "picked_high": np.nan,
            "share_of_frames": 0.1,
            "uses": 3,
            "presences": 3,
            "region": "mouth corner",
            "peak_mm": 7.0,
        }
        | values
    )


def scores(held_out=True):
    table = pd.DataFrame(
        [(4, 6, 94, 0.98, 0.99, 0.97, 1.0)],
        columns=["codeword", "subjects", "moments", "moved_share", "moved_auroc", "moved_low", "moved_high"],
    )
    sentences = pd.DataFrame([(4, 6, 94, 400, 0.926, 0.9, 0.96, 0.51, 0.97)], columns=list(COLUMNS))
    return NameScores(table=table, pairs=pd.DataFrame(), sentences=sentences, recordings=("r",), held_out=held_out)


def test_a_card_has_the_plain_name_a_chip_and_the_score():
    card = cards.card(row(checked=True, picked=0.926, picked_low=0.9, picked_high=0.96), None)
    assert (card["title"], card["note"], card["chip"], card["score"], card["named"]) == (
        "4",
        "Both lip corners up",
        "AU12 0.35",
        "name picks 93 %",
        True,
    )
    assert "Its name picks its moments in 93 % of pairs [90, 96], chance 50 %." in card["alt"]
    assert cards.card(row(checked=True, picked=0.6, picked_low=0.45), None)["score"] == "name picks only 60 %"
    assert cards.card(row(checked=True, picked=0.8), None)["score"] == "name picks 80 %"  # no interval: few subjects
    assert cards.card(row(checked=True), None)["score"] == "name not scored"
    assert cards.card(row(checked=True, verdict=Verdict.REST), None)["score"] == ""
    assert cards.card(row(), None)["score"] == ""
    assert cards.title_of(row(name="Hungry lion")) == "4 · Hungry lion"


@pytest.mark.parametrize(
    ("verdict", "chip"),
    [
        (Verdict.BEYOND_FACS, "beyond FACS"),
        (Verdict.CONTRAST, "contrast"),
        (Verdict.NOT_CONFIRMED, "no AU"),
        (Verdict.NO_MATCH, "no AU"),
        (Verdict.FAINT, "faint"),
        (Verdict.BY_SHAPE, ""),
        (Verdict.UNKNOWN, ""),
        (Verdict.REST, ""),
    ],
)
def test_a_card_without_action_units_says_why(verdict, chip):
    card = cards.card(row(like="", action_units="", verdict=verdict), None)
    assert card["chip"] == chip and not card["named"]


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_its_words(verdict):
    assert isinstance(cards.facs_words(verdict, "AU1"), str)
    assert isinstance(
        name_chips.chips(CodewordName(description=WHAT, verdict=verdict), codeword_names.Known(names=())), str
    )


def test_chips_stand_in_facs_order_with_strength_and_say_what_they_rest_on():
    smile = CodewordName(description=WHAT, verdict=Verdict.CONFIRMED, action_units=SMILE)
    html = name_chips.chips(smile, codeword_names.Known(names=(smile,), aus="tool & co"))
    assert html.index("<b>AU6</b> 0.37") < html.index("<b>AU12</b> 0.35")
    assert "lip corner puller, more on the left" in html and "confirmed by “tool &amp; co”" in html


def test_an_action_unit_that_nothing_measured_confirms_is_no_chip_of_its_own():
    like = tuple(replace(unit, confirmed=None) for unit in SMILE)
    smile = CodewordName(description=WHAT, verdict=Verdict.BY_SHAPE, action_units=like)
    html = name_chips.chips(smile, codeword_names.Known(names=(smile,), aus="derived", estimate=True))
    assert "<b>" not in html and "Shaped like AU6 0.37 + AU12 0.35" in html
    assert "“derived” is an estimate from the same coefficients" in html
    assert "were measured in these data" in name_chips.chips(smile, codeword_names.Known(names=(smile,)))
    card = cards.card(row(action_units=smile.confirmed_label, verdict=smile.verdict), None)
    assert (card["chip"], card["named"]) == ("", False) and "Shaped like AU12" in card["alt"]


def test_a_sentence_has_its_score_with_interval_and_chance():
    names = (CodewordName(description=WHAT, verdict=Verdict.BY_SHAPE),) * 6
    found = codeword_names.Known(names=names, checked=CheckedNames(names=names, scores=scores()))
    assert name_chips.sentence_words(4, found) == (
        "Name picks its moments in 93 % of pairs [90, 96], chance 50 % (400 pairs, 6 subjects; other names 51 %, "
        "its whole movement 97 %)."
    )
    assert "not scored" in name_chips.sentence_words(5, found)
    assert name_chips.sentence_words(4, codeword_names.Known(names=names)) == ""


def test_the_score_says_on_what_it_rests():
    found = codeword_names.Known(names=(), checked=CheckedNames(names=(), scores=scores()))
    assert (
        name_chips.score_words(4, found) == "Moved as named in 98 % of 94 held-out moments of 6 subjects (AUROC 0.99 "
        "[0.97, 1.00] against moments without it)."
    )
    assert "not proven to be new" in name_chips.score_words(
        4, codeword_names.Known(names=(), checked=CheckedNames(names=(), scores=scores(False)))
    )
    assert name_chips.score_words(5, found) == "" and name_chips.score_words(4, codeword_names.Known(names=())) == ""


def test_chips_follow_the_analysis_that_they_rest_on(filled: Path, monkeypatch):
    choice = artefact_cache.Choice(root=filled, model="default", dataset="simulated")
    size = choice.open_codebook().size
    plain = CodewordName(description=WHAT, verdict=Verdict.CONFIRMED)
    first = codeword_names.Known(names=(plain,) * size, key="checked", aus="tool")
    then = replace(first, names=(replace(plain, verdict=Verdict.NOT_CONFIRMED),) * size, key="checked, with coverage")
    for found in (first, then):
        monkeypatch.setattr(dictionary_of, "known", lambda _, found=found: found)
        assert set(dictionary_of.dictionary(choice).table["verdict"]) == {found.names[0].verdict}
