"""What pages look at again on every rerun is opened once, until it is written anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import pytest

from dashboard.data import artefact_cache, coverage_analyses
from dashboard.views import probe_results
from dfe_core.store import write_json


@pytest.fixture
def choice(tmp_path: Path) -> artefact_cache.Choice:
    for place in (
        "models/m/config.json",
        "datasets/d/manifest.json",
        "tokens/m--d/manifest.json",
        "analyses/probe-1/manifest.json",
    ):
        (tmp_path / place).parent.mkdir(parents=True)
        write_json(tmp_path / place, {})
    return artefact_cache.Choice(tmp_path, "m", "d")


def written_anew(path: Path) -> None:
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


def test_the_inputs_of_a_coverage_analysis_are_opened_once(
    choice: artefact_cache.Choice, monkeypatch: pytest.MonkeyPatch
):
    opened = []

    class Inputs:
        keys: ClassVar[dict[str, str]] = {}

    monkeypatch.setattr(coverage_analyses, "open_coverage_inputs", lambda *names: opened.append(names) or Inputs())
    for _ in range(3):
        assert coverage_analyses.analysis(choice, "derived") is None  # not made yet
    assert len(opened) == 1
    written_anew(choice.root / "tokens" / "m--d" / "manifest.json")
    coverage_analyses.analysis(choice, "derived")
    coverage_analyses.analysis(choice, "openface")
    assert [names[2] for names in opened] == ["derived", "derived", "openface"]


def test_kept_results_of_probes_are_read_once(choice: artefact_cache.Choice, monkeypatch: pytest.MonkeyPatch):
    read = []
    monkeypatch.setattr("dfe_core.probes.result.list_results", lambda root: read.append(root) or [])
    for _ in range(3):
        artefact_cache.probe_results(choice.root)
    assert len(read) == 1
    (choice.root / "analyses" / "probe-2").mkdir()
    write_json(choice.root / "analyses" / "probe-2" / "manifest.json", {})
    artefact_cache.probe_results(choice.root)
    written_anew(choice.root / "analyses" / "probe-2" / "manifest.json")
    artefact_cache.probe_results(choice.root)
    assert len(read) == 3


@pytest.mark.parametrize(
    ("group", "says"),
    [
        ("time", "bootstrap over blocks of time"),
        ("subject", "bootstrap over subjects"),
        ("site", "bootstrap over values of site"),
    ],
)
def test_a_caption_says_what_intervals_are_over(group: str, says: str):
    assert says in probe_results.how_judged(group)
