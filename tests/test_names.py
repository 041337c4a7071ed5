"""One name, one thing: no public function or class of the library is defined in two places."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from tests.sources import sources

LIBRARY = Path(__file__).resolve().parent.parent / "dfe_core"
PROTOCOLS = {
    "expressions/readers": {"read", "sniff", "extractor_of", "folder_files"},
    "facs/readers": {"read", "sniff"},
    "events/readers": {"read", "sniff"},
}
"""What modules of these folders define because they are readers."""


def definitions() -> dict[str, list[str]]:
    """Public name → the modules that define a function or class of that name at their top level."""
    found: dict[str, list[str]] = defaultdict(list)
    for source in sources("dfe_core"):
        place = source.path.relative_to(LIBRARY)
        of_protocol = PROTOCOLS.get(place.parent.as_posix(), set())
        for name in source.defined:
            if not name.startswith("_") and name not in of_protocol:
                found[name].append(str(place))
    return found


def test_no_public_name_is_defined_twice():
    twice = {name: places for name, places in definitions().items() if len(places) > 1}
    assert not twice, "rename one of them, or import it"


def test_no_word_of_the_glossary_is_explained_twice():
    page = (LIBRARY.parent / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = (row for row in page.splitlines() if row.startswith("| ") and "| meaning |" not in row)
    cells = [row.split("|")[1].strip() for row in rows]
    words = [word.strip() for cell in cells for word in cell.split(",")]
    assert len(words) > 60
    assert sorted({word for word in words if words.count(word) > 1}) == []
