"""The site: every page in the navigation, every module that a page names, every public name in the reference."""

from __future__ import annotations

import re
from pathlib import Path

import dfe_core as dfe

PROJECT = Path(__file__).resolve().parents[2]
DOCS = PROJECT / "docs"


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page():
    text = (PROJECT / "mkdocs.yml").read_text(encoding="utf-8")
    entries = re.findall(r"^\s+- .*: (\S+\.(?:md|ipynb))$", text[text.index("\nnav:") :], re.MULTILINE)
    pages = [p.relative_to(DOCS).as_posix() for end in ("md", "ipynb") for p in DOCS.rglob(f"*.{end}")]
    assert sorted(entries) == sorted(pages)


def test_every_module_that_the_architecture_page_names_exists():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w./]+(?:\.py|/))`", text)
    assert len(named) > 40
    assert [path for path in named if not (PROJECT / path).exists()] == []
    packages = {p.parent.relative_to(PROJECT).as_posix() + "/" for p in PROJECT.glob("dfe_core/*/__init__.py")}
    assert packages <= set(named)


def test_twenty_questions_are_answered_by_a_module():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+)\. .*\? \| (.*) \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 21))
    assert all(re.search(r"`(?:dfe_core|train|dashboard)/", answer) for _, answer in rows)


def test_every_public_name_is_in_the_python_reference():
    headings = re.findall(r"heading: dfe\.(\w+),", (DOCS / "api.md").read_text(encoding="utf-8"))
    assert sorted(headings) == sorted(set(dfe.__all__) - {"__version__"})
