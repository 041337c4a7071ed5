"""Every Python block of README and docs is run, page by page, and prints what the page says it prints."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.faces import save_face
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.faces.library import anny_id
from tests.less_data import use_less_data
from tests.small_world import write_dataset

PROJECT = Path(__file__).resolve().parents[2]
SMALL = {"tokenizer.codewords": 24, "tokenizer.stages": 3, "train.steps": 40, "train.batch": 64}


def load_runner():
    spec = importlib.util.spec_from_file_location("docs_blocks", PROJECT / "tools" / "docs_blocks.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_blocks"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


docs_blocks = load_runner()
TEXTS = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
PAGES = [page for page in TEXTS if docs_blocks.blocks(page.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def documented_cache(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    """What the pages speak of: the face anny (a small one in its place), simulated, default, study1."""
    root = tmp_path_factory.mktemp("docs") / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DFE_CACHE", str(root))
        save_face(replace(toy_face, id=anny_id()), root)
        use_less_data(patch)
        data = dfe.simulate("simulated", subjects=6, minutes_per_subject=0.5)
        dfe.encode(dfe.train(data, name="default", settings=SMALL), data)
        data_folder = write_dataset(root, dfe.open_face(), {"session_01": np.zeros((30, 52))}, name="study1")
        assert data_folder.face_id == anny_id()
        dfe.Study("default", "simulated").coverage()  # derives the AUs
    return root


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """The user's own files that pages speak of: recordings/*.csv and labels.csv."""
    names = ["session_01", "session_02"]
    (tmp_path / "recordings").mkdir()
    for k, name in enumerate(names):
        table = pd.DataFrame(np.random.default_rng(k).uniform(0, 1, (60, 52)), columns=list(ARKIT_NAMES))
        table.insert(0, "time", np.arange(60) / 30)
        table.to_csv(tmp_path / "recordings" / f"{name}.csv", index=False)
    pd.DataFrame({"recording": names, "condition": ["calm", "stress"]}).to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_runs_and_prints_what_the_page_shows(
    page: Path, documented_cache: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DFE_CACHE", str(documented_cache))
    monkeypatch.chdir(recordings)
    use_less_data(monkeypatch)
    printed = docs_blocks.run(page)
    assert docs_blocks.differences(page, printed) == []


def test_pages_with_python_are_not_missed():
    assert {"README.md", "notebook.md", "coverage.md", "probes.md"} <= {page.name for page in PAGES}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert text.count("```python") == len(docs_blocks.blocks(text)), page.name


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_no_python_hides_in_a_block_without_a_language(page: Path):
    fenced = re.findall(r"^```([^\n]*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for block in (block for language, block in fenced if not language):
        assert not re.search(r"^(?:import|from) \w|^\w+ = \w+\.\w+\(", block, re.MULTILINE), block


def test_a_block_that_fails_or_prints_otherwise_is_seen(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 3\nprint('rows', x)\n```\n\n```text\nrows 4\n```\n\n```python\nprint(x)\n```\n")
    assert docs_blocks.differences(page, docs_blocks.run(page)) == []  # numbers may move
    page.write_text(page.read_text().replace("rows 4", "lines 4"))
    assert "rows 3" in docs_blocks.differences(page, docs_blocks.run(page))[0]
    assert "```text\nrows 3\n```\n\n```python" in docs_blocks.rewritten(page.read_text(), docs_blocks.run(page))
    page.write_text("text\n\n```python\n1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as caught:
        docs_blocks.run(page)
    assert caught.traceback[-1].lineno + 1 == 4
