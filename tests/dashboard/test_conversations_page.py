"""*Conversations*: what is asked, the command that answers it, both faces on one clock, what is said without any."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dashboard.data import conversation_pack
from dashboard.data.artefact_cache import Choice
from dashboard.panels import conversation_faces, conversation_form, conversation_results
from dashboard.views import conversation_figures
from dfe_core.conversations.run import analyse_conversations, open_conversation
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.reports.conversations import write_conversations_report
from tests.dashboard.test_pages import opened, said
from train.cli import build_parser

ASKED = ConversationSettings(by="condition", max_lag_s=1.0, window_s=20.0)


@pytest.fixture
def choice(filled: Path) -> Choice:
    return Choice(root=filled, model="default", dataset="simulated")


@pytest.fixture(scope="module")
def report(filled_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of `ASKED` with few surrogates."""
    choice = Choice(root=filled_template, model="default", dataset="simulated")
    quick = replace(ASKED, surrogates=99, resamples=100, step_s=0.1)
    parts = choice.open_codebook(), choice.open_dataset(), choice.open_tokens()
    folder = tmp_path_factory.mktemp("conversations")
    write_conversations_report(analyse_conversations(*parts, quick), folder)
    return folder


def test_the_command_of_the_page_asks_what_was_chosen(choice: Choice):
    asked = ConversationSettings(by="dyad", role="part", offset="starts", max_lag_s=2.0, syllables=True)
    line = conversation_form.arguments(choice, asked, Path("out"))
    args = build_parser(line).parse_args(line)
    assert (args.by, args.role, args.offset, args.max_lag, args.window) == ("dyad", "part", "starts", 2.0, 20.0)
    assert args.syllables and args.out == Path("out")


def test_the_page_offers_the_analysis_and_shows_it_once_it_is_there(choice: Choice, report: Path):
    page = opened("conversations")
    assert not page.exception and "Not analysed yet" in said(page)
    assert page.selectbox(key="conversations_by").value == "condition"
    shutil.copytree(report, conversation_form.report_folder(choice, ASKED))
    page = opened("conversations")
    assert not page.exception and "Who answers whom" in said(page) and "by chance" in said(page)
    assert page.selectbox(key="conversation").value == "calm"


def test_without_conversations_the_page_says_what_names_them_and_offers_simulated_ones(choice: Choice, monkeypatch):
    monkeypatch.setattr("dashboard.pages.conversations.conversation_columns", lambda rows: [])
    page = opened("conversations")
    assert "names no conversations" in said(page) and "dfe simulate --name talks" in said(page)
    assert any(button.label == "Simulate conversations" for button in page.button)


def test_two_faces_are_packed_on_one_clock(choice: Choice):
    parts = choice.open_codebook(), choice.open_dataset(), choice.open_tokens()
    conversation = open_conversation(*parts, ASKED, "calm")
    things = [("codeword", "3", "3 · brow"), ("region", conversation.things.table["thing"].iloc[-1], "a region")]
    packed = conversation_pack.pair_pack(choice.open_dataset(), conversation, (0, 2), things, 1.0)
    assert packed.parts == 1 and np.allclose(np.diff(packed.time_s), 1 / 30)
    whole = choice.open_dataset().frames(conversation.members[2].recording)
    assert packed.frames[1].tolist() == whole.frame[: len(packed.time_s)].tolist()
    assert packed.data.startswith(b"DFE1") and b"3 \\u00b7 brow" in packed.data


def test_levels_are_shares_of_the_largest_of_both_and_unknown_in_gaps(choice: Choice):
    parts = choice.open_codebook(), choice.open_dataset(), choice.open_tokens()
    conversation = open_conversation(*parts, ASKED, "calm")
    tracks = [conversation.faces.tracks[0], conversation.faces.tracks[1]]
    tracks[1].known[10:20] = False
    clock = np.arange(len(tracks[0].known)) * conversation.step_s
    levels = conversation_pack._levels(tracks, [0], clock, conversation.step_s)
    assert set(levels[1][10:20]) == {255} and levels[0].max() <= 254
    assert max(levels[0].max(), levels[1][levels[1] < 255].max()) == 254


def test_rows_begin_with_the_chosen_thing_and_curves_have_the_band_of_chance(choice: Choice, report: Path):
    held = conversation_results.read_report(report)
    things = conversation_results.tested_things(choice, held)
    rows = conversation_faces.rows_shown(things, things.iloc[3])
    assert rows[0][2] == things["label"].iloc[3] and len(set(rows)) == len(rows) <= conversation_faces.ROWS
    own = held.of("curves", things["kind"].iloc[0], things["thing"].iloc[0])
    figure = conversation_figures.lag_curve(own, 0.5, "a", "b")
    assert [one.name for one in figure.data if one.showlegend is not False] == ["Shifted pairs", "Recorded pairs"]
    assert figure.layout.xaxis.title.text == "Lag, s (left: a after b; right: b after a)"
