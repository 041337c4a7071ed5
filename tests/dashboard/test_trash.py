"""Deletions on the Data page: what can be taken back, and the question before it is gone for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfe_core import trash
from dfe_core.artefact_names import tokens_name
from dfe_core.audit import Way, acting
from tests.dashboard.test_pages import opened, said


@pytest.mark.parametrize(("person", "warned"), [("ada", True), ("", False)])
def test_the_question_before_the_trash_is_emptied_names_the_other_people(filled: Path, person: str, warned: bool):
    with acting(person, Way.DASHBOARD):
        trash.discard([filled / "tokens" / tokens_name("default", "simulated")], filled)
    test = opened("data")
    next(b for b in test.button if b.key == "empty-trash").click()
    test.run()
    assert not test.exception and not test.error
    assert ("Some are of ada." in said(test)) is warned
    assert "1 deletion" in said(test)
