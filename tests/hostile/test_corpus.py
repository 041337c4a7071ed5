"""Every broken file is refused in one clear line, in little memory, without hanging and with nothing left behind."""

from __future__ import annotations

import math
import signal
from pathlib import Path

import numpy as np
import pytest

from dfe_core.audit import AUDIT_FILE
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.readers.registry import readers
from dfe_core.faces import save_face
from tests.hostile.broken_files import Case, cases
from tests.hostile.good_files import BUILDERS, FRAMES
from train.benchmark.memory import peak_during

MOST_SECONDS = 60.0
MOST_BYTES = 512 << 20
CORPUS = cases()


@pytest.fixture
def root(tmp_path: Path, toy_face) -> Path:
    """A cache that holds the toy face alone."""
    save_face(toy_face, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def never_hangs():
    """Stop what does not end, so that one file fails and not the run."""

    def stop(*_):
        raise TimeoutError(f"more than {MOST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(math.ceil(MOST_SECONDS))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def left_behind(root: Path) -> list[str]:
    """What an import that failed left in the cache; the face it was given, locks and the log do not count."""
    others = ("toy-1.npz", "faces", "datasets", ".locks", AUDIT_FILE)
    return [str(p.relative_to(root)) for p in root.rglob("*") if p.name not in others and not p.name.endswith(".lock")]


def test_the_corpus_is_large_and_its_names_are_different():
    assert len(CORPUS) >= 300
    assert len({case.name for case in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("build", BUILDERS, ids=lambda b: b.__name__)
def test_the_intact_file_of_each_format_imports(build, tmp_path: Path, root: Path):
    good = build()
    path = tmp_path / good.filename
    path.write_bytes(good.content)
    report = import_dataset([path], "x", ImportOptions(face=good.face, fps=good.fps), root=root)
    dataset = Dataset.open("x", root)
    assert report.skipped == () and dataset.frame_count == FRAMES
    assert dataset.manifest["sources"][0]["reader"] == good.format


@pytest.mark.parametrize("case", CORPUS, ids=lambda c: c.name)
def test_a_broken_file_gets_one_clear_line_and_leaves_nothing(case: Case, tmp_path: Path, root: Path):
    path = tmp_path / case.filename
    path.write_bytes(case.content)
    with peak_during() as peak:
        fault = _import(path, case, root)
    assert peak.grown < MOST_BYTES
    if fault is None:
        assert not case.refused, "accepted: " + str(Dataset.open("x", root).manifest["sources"])
        assert np.isfinite(Dataset.open("x", root).psi()).all()
        return
    assert (case.filename in fault or case.face == "learn") and "\n" not in fault and len(fault) < 800
    assert "; expected " in fault
    assert not any(f"not readable as {reader.TITLE}" in fault for reader in readers()), "a fault that no reader foresaw"
    assert left_behind(root) == []


def _import(path: Path, case: Case, root: Path) -> str | None:
    try:
        import_dataset([path], "x", ImportOptions(face=case.face, fps=case.fps), root=root)
    except DataError as error:
        return str(error)
    return None
