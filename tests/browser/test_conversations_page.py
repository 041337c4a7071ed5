"""*Conversations* in a browser: both faces on one clock, and the link that has the second."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.data.artefact_cache import Choice
from dashboard.panels.conversation_form import report_folder
from dfe_core.conversations.run import analyse_conversations
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.reports.conversations import write_conversations_report

PAIR = ".dfe-pair[data-state=drawn]"


@pytest.fixture(scope="module")
def analysed(small_cache: Path) -> None:
    choice = Choice(root=small_cache, model="default", dataset="simulated")
    asked = {"by": "condition", "max_lag_s": 1.0, "window_s": 20.0}
    quick = ConversationSettings(**asked, surrogates=99, resamples=100, step_s=0.1)
    result = analyse_conversations(choice.open_codebook(), choice.open_dataset(), choice.open_tokens(), quick)
    write_conversations_report(result, report_folder(choice, ConversationSettings(**asked)))


def test_both_faces_follow_one_slider_and_the_link_has_the_second(visit, analysed):
    there = visit()
    there.open("/conversations?t=4", PAIR)
    clock = there.page.locator(f"{PAIR} .clock")
    assert clock.inner_text().startswith("0:04.0")
    before = there.pixels(f"{PAIR} .picture")
    line = there.page.locator(f"{PAIR} .line")
    line.focus()
    for _ in range(3):
        line.press("PageDown")
    assert there.changes(f"{PAIR} .picture", before, 0.002)
    there.until("new URLSearchParams(location.search).get('t')?.startsWith('7')")
