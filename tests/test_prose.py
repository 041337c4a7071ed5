"""Plain technical English: phrases of a private language stay out of the documentation and of what users read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.sources import sources

PROJECT = Path(__file__).resolve().parents[1]
BANNED = {
    r"how far (?:to|they can be) believed?": "limitations",
    r"the company they keep|in (?:what )?company": "co-occurrence",
    r"(?:tells?|told|keeps?|kept)\b[^.|]{0,30}\bapart": "distinguish, group by, separate",
    r"tak(?:e|ing) it away": "export",
    r"whether they tell": "check for confounds",
    r"(?:row|line|column|file|folder) an? \w+": "one row per recording",
    r"go(?:es)? on": "continues",
    r"anew": "again",
    r"lies?": "is in",
    r"told|tells?|unasked": "reported, predicts, identifies, always",
    r"take it away": "export",
    r"hold(?:ing)? it against": "compare with",
    r"make what is broken again": "rebuild",
    r"believed to be": "seems to be, is read as",
    r"in whom,? and when": "by subject, by time",
}
PATTERNS = {re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE): better for pattern, better in BANNED.items()}
DOCUMENTS = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((PROJECT / "docs").rglob("*.md")),
]


def without_code(page: str) -> str:
    """A page without its blocks of code and without names in code."""
    return re.sub(r"`[^`]*`", "", re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL))


def banned(text: str) -> list[str]:
    """Each banned phrase of a text, with what to write instead."""
    flat = " ".join(text.split())
    return [f"{match[0]!r}: write {better}" for pattern, better in PATTERNS.items() for match in pattern.finditer(flat)]


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_has_a_banned_phrase(page: Path):
    assert banned(without_code(page.read_text(encoding="utf-8"))) == []


def test_no_tutorial_has_a_banned_phrase():
    for notebook in sorted((PROJECT / "docs" / "tutorials").glob("*.ipynb")):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        assert [fault for cell in cells for fault in banned(without_code("".join(cell["source"])))] == [], notebook.name


def test_no_string_that_a_user_may_read_has_a_banned_phrase():
    """A docstring or another text that stands by itself is not shown to one."""
    assert len(sources()) > 300
    places = {text.value: source.place for source in sources() for text in source.texts if not text.by_itself}
    assert [f"{place}: {fault}" for text, place in places.items() for fault in banned(text)] == []


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("One row per recording; the file is in a folder. Training continues.", 0),
        ("The line below says how far to\nbelieve it.", 1),
        ("Two people of one name are told apart, and one row a person goes on.", 4),
        ("Relies on beliefs; flies.", 0),
    ],
)
def test_banned_phrases_are_found_over_line_ends_and_only_as_words(text: str, faults: int):
    assert len(banned(text)) == faults
