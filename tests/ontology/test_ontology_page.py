"""The page of action units is what the ontology gives now, and its pictures are there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.ontology import ACTION_UNITS, DISPLAYS, SOURCES

PROJECT = Path(__file__).resolve().parents[2]
MOST_BYTES = 1_200_000


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("ontology_page", PROJECT / "tools" / "ontology_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(tool) -> list[list[str]]:
    lines = [line for line in tool.PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_committed_page_is_what_the_ontology_gives(tool):
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page(), "run python tools/ontology_page.py"


def test_every_picture_of_the_page_is_there_and_no_other(tool):
    named = set(re.findall(r'src="action-units/([\w-]+)\.webp"', tool.PAGE.read_text(encoding="utf-8")))
    there = {path.stem for path in tool.PICTURES.glob("*.webp")}
    assert named == there == set(tool.pictures())
    assert {code for code, unit in ACTION_UNITS.items() if unit.recipe} <= there
    files = list(tool.PICTURES.iterdir())
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    assert all(path.read_bytes()[8:12] == b"WEBP" for path in files)


def test_every_picture_shows_something(tool):
    for name, psi in tool.pictures().items():
        assert psi and set(psi) <= set(ARKIT_NAMES) and 0 < max(psi.values()) <= 1, name


def test_the_tables_can_be_read_back_from_the_page(tool, rows):
    actions = [row for row in rows if re.match(r"\*\*A[UD]\d+\*\* ", row[1])]
    printed = {row[1].split()[0].strip("*"): row for row in actions}
    assert list(printed) == [u.code for r in tool.AU_REGIONS for u in ACTION_UNITS.values() if u.region == r]
    for code, (_, name, muscle, recipe, source) in printed.items():
        unit = ACTION_UNITS[code]
        pairs = re.findall(r"(?:([\d.]+) × )?`([\w*]+)`", recipe.split("<br>")[0])
        assert {name: float(weight or 1) for weight, name in pairs} == dict(unit.recipe), code
        assert (name.partition(" ")[2], muscle) == (unit.title, unit.muscle or "—")
        assert source.split(",")[0] == SOURCES[unit.sources[0]].short and unit.section in source
    kinds = list(dict.fromkeys(d.kind for d in DISPLAYS))
    displays = [row for row in rows if len(row) == 5 and re.fullmatch(r"\*\*[^*]+\*\*", row[1])]
    assert [row[1].strip("*") for row in displays] == [d.name for kind in kinds for d in tool.displays_of(kind)]
    assert len(displays) == len(DISPLAYS)
    assert all(row[3].split(", after")[0] in {s.short for s in SOURCES.values()} for row in displays)


def test_the_page_of_the_simulation_counts_its_displays():
    sizes = [len(d.actions) for d in DISPLAYS if d.kind == "simulated"]
    text = (PROJECT / "docs" / "simulation.md").read_text(encoding="utf-8")
    assert f"{len(sizes)} kinds" in text and f"of {min(sizes)} to {max(sizes)} actions each" in text
