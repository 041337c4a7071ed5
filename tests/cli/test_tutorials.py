"""The tutorials: every code cell runs as plain Python; the committed notebooks hold the outputs of one clean run."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dfe_core.faces import save_face
from dfe_core.faces.library import anny_id
from tests.less_data import use_less_data

PROJECT = Path(__file__).resolve().parents[2]
LARGEST = 300_000


def load_runner():
    spec = importlib.util.spec_from_file_location("run_tutorials", PROJECT / "tools" / "run_tutorials.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


runner = load_runner()
NOTEBOOKS = runner.tutorials()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Callable[[Path], str]:
    """Runs a tutorial once, after the first, whose codebook the others use; a small face takes the default's place."""
    folder = tmp_path_factory.mktemp("tutorials")
    printed: dict[Path, str] = {}

    def once(notebook: Path) -> str:
        for needed in (NOTEBOOKS[0], notebook):
            if needed not in printed:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv("DFE_CACHE", str(folder / "cache"))
                    patch.chdir(folder)
                    use_less_data(patch)
                    printed[needed] = runner.run_plain(needed)
        return printed[notebook]

    save_face(replace(toy_face, id=anny_id()), folder / "cache")
    return once


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_code_cell_runs(notebook: Path, run: Callable[[Path], str]):
    assert run(notebook)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_those_of_one_clean_run(notebook: Path):
    cells = runner.code_cells(notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert len(outputs) >= len(cells) / 2
    assert {output["output_type"] for output in outputs} <= {"stream", "execute_result", "display_data"}
    text = notebook.read_text(encoding="utf-8")
    assert len(text) < LARGEST
    assert not re.search(r"/(?:root|work|tmp|home)/", text)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_link_leads_to_a_file(notebook: Path):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    text = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text)
    assert links
    assert [link for link in links if "://" not in link and not (notebook.parent / link).exists()] == []


def test_an_error_in_a_cell_is_raised_with_its_place(tmp_path: Path):
    cells = [{"cell_type": "code", "source": ["x = 1\n", source]} for source in ("print(x)", "x / 0")]
    page = tmp_path / "page.ipynb"
    page.write_text(json.dumps({"cells": cells}))
    with pytest.raises(ZeroDivisionError) as caught:
        runner.run_plain(page)
    assert str(caught.traceback[-1].path).startswith("page.ipynb, code cell 2")
