"""Every Python block of README and docs is run, page by page, and prints what the page says it prints."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dfe_core as dfe
from dfe_core.faces import save_face
from dfe_core.faces.library import anny_id
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
PAGES = [
    page
    for page in (PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")))
    if docs_blocks.blocks(page.read_text(encoding="utf-8"))
]


@pytest.fixture(scope="module")
def documented_cache(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    """What the pages speak of: the face anny (a small one in its place), simulated, default, study1."""
    root = tmp_path_factory.mktemp("docs") / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DFE_CACHE", str(root))
        save_face(replace(toy_face, id=anny_id()), root)
        data = dfe.simulate("simulated", subjects=6, minutes_per_subject=0.5)
        dfe.encode(dfe.train(data, name="default", settings=SMALL), data)
        data_folder = write_dataset(root, dfe.open_face(), {"session_01": np.zeros((30, 52))}, name="study1")
        assert data_folder.face_id == anny_id()
        dfe.Study("default", "simulated").coverage()  # derives the AUs
    return root


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_runs_and_prints_what_the_page_shows(
    page: Path, documented_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DFE_CACHE", str(documented_cache))
    monkeypatch.chdir(tmp_path)
    printed = docs_blocks.run(page)
    assert docs_blocks.differences(page, printed) == []


def test_pages_with_python_are_not_missed():
    assert {"README.md", "notebook.md", "coverage.md", "probes.md"} <= {page.name for page in PAGES}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert text.count("```python") == len(docs_blocks.blocks(text)), page.name


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
