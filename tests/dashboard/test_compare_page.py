"""*Compare*: the verdict says what each codebook costs, and why two may hold the same codewords."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dashboard.pages import compare
from tests.dashboard.test_pages import opened, said


def found(preferred: str) -> Any:
    return SimpleNamespace(
        a=SimpleNamespace(model="large", entropy_bits=43.4),
        b=SimpleNamespace(model="small", entropy_bits=21.0),
        preferred=preferred,
    )


def chosen(model: str, **config: Any) -> Any:
    codebook = SimpleNamespace(config=config, size=64, stages=24)
    return SimpleNamespace(model=model, open_codebook=lambda: codebook)


def test_the_verdict_says_whether_the_preferred_codebook_takes_more_bits():
    assert compare.at_bits(found("large")) == ", at more bits a frame"
    assert compare.at_bits(found("small")) == ", at fewer bits a frame"
    words = compare.size_words(found("large").a, chosen("large"))
    assert words == "“large”: 64 codewords, 24 stages, 43.4 coded bits a frame"


def test_codebooks_of_one_beginning_are_said_to_be_so_and_no_others():
    same = {"dataset": {"key": "k"}, "split": {"by": "subject"}, "seed": 0, "started_from": "data"}
    assert "same training recordings with seed 0" in compare.common_start(chosen("a", **same), chosen("b", **same))
    assert compare.common_start(chosen("a", **same), chosen("b", **same | {"seed": 1})) == ""
    begun = compare.common_start(chosen("a", **same), chosen("b", **same | {"started_from": "a"}))
    assert begun.startswith("“b” was started from “a”")
    assert compare.common_start(chosen("a"), chosen("b")) == ""


def test_where_there_is_one_codebook_the_page_says_how_the_second_will_differ(filled: Path):
    assert "a smaller one" in said(opened("compare"))
