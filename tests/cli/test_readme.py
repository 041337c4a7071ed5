"""What README and docs promise: commands that parse, links that lead somewhere. `test_docs_run` runs their Python."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from train.cli import COMMANDS, build_parser

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]


def commands() -> list[tuple[str, str]]:
    return [
        (page.name, line)
        for page in PAGES
        for kind, block in re.findall(
            r"^```(.*?)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        for line in block.splitlines()
        if not kind and line.startswith("dfe ")
    ]


def test_the_documents_show_every_command_that_a_researcher_needs():
    shown = {line.split()[1] for _, line in commands()}
    assert shown >= set(COMMANDS)


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_in_the_documents_is_accepted(page: str, line: str):
    arguments = shlex.split(line, comments=True)[1:]
    assert build_parser(arguments).parse_args(arguments).command == arguments[0]


def test_every_format_that_can_be_read_is_documented():
    from dfe_core.expressions.readers.registry import readers

    page = (PROJECT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert [r.FORMAT for r in readers() if f"`{r.FORMAT}`" not in page] == []


def test_every_page_is_on_the_index():
    index = (PROJECT / "docs" / "index.md").read_text(encoding="utf-8")
    assert [p.name for p in PAGES[1:] if p.name != "index.md" and f"({p.name})" not in index] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path):
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not broken


@pytest.mark.parametrize("target", ["run", "test"])
def test_the_two_commands_of_the_readme_exist(target: str):
    assert f"\nmake {target}\n" in (PROJECT / "README.md").read_text()
    assert re.search(rf"^{target}:", (PROJECT / "Makefile").read_text(), re.MULTILINE)


def test_the_readme_is_short_and_its_picture_small():
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 600
    picture = PROJECT / "docs" / "images" / "click.webp"
    assert f"({picture.relative_to(PROJECT).as_posix()})" in text
    assert picture.stat().st_size < 1_500_000
    from PIL import Image

    assert Image.open(picture).n_frames > 20  # it moves


def test_no_document_names_a_path_of_one_machine():
    for page in [*PAGES, PROJECT / "NOTICE", PROJECT / "Makefile"]:
        assert not re.search(r"/(?:root|work|tmp|home)/", page.read_text(encoding="utf-8")), page
