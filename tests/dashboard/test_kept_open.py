"""What pages look at again on every rerun is opened once, until it is written anew."""

from __future__ import annotations

import asyncio
import os
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest

from dashboard.data import artefact_cache, codeword_facts, coverage_analyses, notes
from dashboard.shell.collection import EVERY_S, collect_regularly
from dashboard.views import probe_results
from dfe_core.store import write_json
from dfe_core.tokens import dynamics
from dfe_core.tokens.annotations import Notebook, Notes
from dfe_core.tokens.intervals import RunIndex
from dfe_core.toml_file import read_toml


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
    return artefact_cache.Choice(root=tmp_path, model="m", dataset="d")


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


def test_notes_are_read_again_when_somebody_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "models" / "m"
    folder.mkdir(parents=True)
    write_json(folder / "config.json", {})
    choice, book, loaded = artefact_cache.Choice(root=tmp_path, model="m", dataset=""), Notebook(folder), []
    assert notes.read(choice) == Notes()
    book.save_frames("smiles", "d", {"r": [1]})
    load = Notebook._load
    monkeypatch.setattr(Notebook, "_load", lambda self: loaded.append(1) or load(self))
    assert [list(notes.read(choice).frames) for _ in range(3)] == [["smiles"]] * 3 and len(loaded) == 1
    book.save_frames("frowns", "d", {"r": [2]})
    assert set(notes.read(choice).frames) == {"smiles", "frowns"}


def test_what_a_codeword_page_says_is_computed_for_the_first_visitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    index, asked = RunIndex(tmp_path / "runs"), []
    monkeypatch.setattr(dynamics, "contexts", lambda index, number, limit: asked.append(number) or pd.DataFrame())
    for number in (3, 3, 4, 3):
        codeword_facts.beginning_around(RunIndex(index.path), number)
    assert asked == [3, 4]


def test_what_a_session_left_in_a_cycle_goes_within_a_minute_where_nobody_clicks():
    class Held:
        def __init__(self):
            self.itself = self

    async def wait(left: weakref.ref) -> bool:
        collecting = asyncio.create_task(collect_regularly(0.01))
        for _ in range(200):
            await asyncio.sleep(0.01)
            if left() is None:
                break
        collecting.cancel()
        return left() is None

    with ThreadPoolExecutor(1) as thread:  # a browser of tests before these leaves a loop running in this one
        gone = thread.submit(asyncio.run, wait(weakref.ref(Held()))).result()
    assert gone and EVERY_S <= 60


def test_no_collection_of_garbage_holds_the_server_after_every_click():
    config = read_toml(Path(artefact_cache.__file__).parents[1] / ".streamlit" / "config.toml", "Streamlit's settings")
    assert config["runner"]["postScriptGC"] is False
