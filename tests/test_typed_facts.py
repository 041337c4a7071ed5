"""Sentences are for people: with every sentence of the library changed, a study gives the same facts and other text."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.changed_text import CHANGED, changed_source

PROJECT = Path(__file__).resolve().parents[1]
TEXT = {
    "about": "of a dataset: what a simulation is",
    "beyond": "of a certificate: what a withdrawal cannot reach",
    "description": "of a codeword",
    "fault": "of a file that no reader knows",
    "found": "of a file that was left out: its error",
    "methods": "the paragraph for a paper",
    "name": "of a codeword: what it moves",
    "note": "of one row of a table",
    "notes": "for the reader",
    "page": "of a report",
    "protocol": "how a probe was run",
    "remedy": "what to do about a fault",
    "summary": "a result in words",
    "text": "of a certificate",
    "warnings": "for the reader",
    "why": "a reader was chosen, a file left out",
}
"""Fields of results that hold sentences; every other one is a fact."""


def study(folder: Path, *packages: str) -> subprocess.Popen[str]:
    (folder / "work").mkdir(parents=True)
    command = [sys.executable, "-m", "tests.small_study", str(folder / "work"), str(folder / "out.json"), *packages]
    return subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same study as it is, and with every sentence changed."""
    folders = [tmp_path_factory.mktemp(name) for name in ("plain", "changed")]
    running = [study(folders[0]), study(folders[1], "dfe_core")]
    for process in running:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors[-3000:]
    held = [
        (folder / "out.json").read_text(encoding="utf-8").replace(str(folder / "work"), "FOLDER") for folder in folders
    ]
    return json.loads(held[0]), json.loads(held[1])


def differences(plain: Any, other: Any, field: str = "", place: str = "") -> Iterator[str]:
    """Places where two results differ in more than the letters of a text."""
    if isinstance(plain, dict) and isinstance(other, dict) and list(plain) == list(other):
        for key in plain:
            yield from differences(plain[key], other[key], key, f"{place}.{key}")
    elif isinstance(plain, list) and isinstance(other, list) and len(plain) == len(other):
        for index, (a, b) in enumerate(zip(plain, other, strict=True)):
            yield from differences(a, b, field, f"{place}[{index}]")
    elif plain != other and not (field in TEXT and isinstance(other, str) and CHANGED.search(other)):
        yield f"{place}: {plain!r:.80} became {other!r:.80}"


def texts(value: Any, wanted: str) -> Iterator[str]:
    """The texts of one field of a result, of more than three words."""
    if isinstance(value, dict):
        for key, one in value.items():
            of_field = [one] if isinstance(one, str) else one if isinstance(one, list) else []
            if key == wanted:
                yield from (text for text in of_field if isinstance(text, str) and text.count(" ") > 2)
            yield from texts(one, wanted)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one, wanted)


def test_changing_every_sentence_changes_nothing_but_text(studies):
    plain, other = studies
    assert [name for name, _ in plain["results"]] == [name for name, _ in other["results"]]
    wrong = [
        fault
        for (name, one), (_, two) in zip(plain["results"], other["results"], strict=True)
        for fault in differences(one, two, place=name)
    ]
    assert wrong == []


def test_the_sentences_were_changed_and_are_what_users_read(studies):
    plain, other = studies
    assert not plain["changed"] and sum(other["changed"].values()) > 1200 and len(other["changed"]) > 180
    for field in ("notes", "why", "methods", "summary", "warnings", "page", "remedy"):
        before, after = ([text for _, one in held["results"] for text in texts(one, field)] for held in studies)
        assert before and not any(CHANGED.search(text) for text in before), field
        assert sum(bool(CHANGED.search(text)) for text in after) > 0.75 * len(after), field


GOOD = '''
def rows(missing):
    """A docstring that says nothing was measured."""
    return [{"measured": n == 0, "note": f"not measured in {n} of the recordings" if n else ""} for n in missing]
'''
PROSE_READ = {
    "starts": GOOD.replace("n == 0", 'not f"not measured in {n} of the recordings".startswith("not measured")'),
    "equals": GOOD.replace("n == 0", '("all of it measured" if n else "") != "all of it measured"'),
    "is a key": GOOD.replace("n == 0", '{"all of it measured": True}.get("all of it measured", False)'),
    "is stored": GOOD.replace("n == 0", '"all of it measured" if n == 0 else "some not measured here"'),
}


def result(source: str, changed: bool) -> Any:
    names: dict[str, Any] = {}
    exec(changed_source(source, "fixture.py")[0] if changed else source, names)
    return names["rows"]((0, 3))


def test_facts_beside_their_sentences_pass():
    assert list(differences(result(GOOD, changed=False), result(GOOD, changed=True))) == []
    assert result(GOOD, changed=False) != result(GOOD, changed=True)


@pytest.mark.parametrize("source", PROSE_READ.values(), ids=PROSE_READ)
def test_code_that_reads_a_sentence_is_found(source: str):
    plain, other = result(source, changed=False), result(source, changed=True)
    assert any("measured" in place for place in differences(plain, other))
