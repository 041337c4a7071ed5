"""Every broken file is refused in one clear line, in little memory, without hanging and with nothing left behind."""

from __future__ import annotations

import math
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from dfe_core.audit import AUDIT_FILE
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.readers.registry import readers
from dfe_core.faces import save_face
from tests.hostile.broken_files import PARTS, Case, cases, cases_of
from tests.hostile.good_files import BUILDERS, FRAMES
from train.benchmark.memory import peak_during

MOST_SECONDS = 60.0
MOST_BYTES = 512 << 20


@pytest.fixture(scope="module")
def with_a_face(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    """A cache that holds the toy face alone."""
    root = tmp_path_factory.mktemp("face")
    save_face(toy_face, root)
    return root


@contextmanager
def ended() -> Iterator[None]:
    """Stop what does not end, so that one file fails and not the run."""

    def stop(*_):
        raise TimeoutError(f"more than {MOST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(math.ceil(MOST_SECONDS))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def left_behind(root: Path) -> list[str]:
    """What an import that failed left in the cache; the face it was given, locks and the log do not count."""
    others = ("toy-1.npz", "faces", "datasets", ".locks", AUDIT_FILE)
    return [str(p.relative_to(root)) for p in root.rglob("*") if p.name not in others and not p.name.endswith(".lock")]


def test_the_corpus_is_large_and_its_names_are_different():
    corpus = cases()
    assert len(corpus) >= 300
    assert len({case.name for case in corpus}) == len(corpus)


@pytest.mark.parametrize("build", BUILDERS, ids=lambda b: b.__name__)
def test_the_intact_file_of_each_format_imports(build, tmp_path: Path, with_a_face: Path):
    root = Path(shutil.copytree(with_a_face, tmp_path / "cache"))
    good = build()
    path = tmp_path / good.filename
    path.write_bytes(good.content)
    with ended():
        report = import_dataset([path], "x", ImportOptions(face=good.face, fps=good.fps), root=root)
    dataset = Dataset.open("x", root)
    assert report.skipped == () and dataset.frame_count == FRAMES
    assert dataset.manifest["sources"][0]["reader"] == good.format


@pytest.mark.parametrize("part", PARTS)
def test_a_broken_file_gets_one_clear_line_and_leaves_nothing(part: str, tmp_path: Path, with_a_face: Path):
    wrong = {}
    with peak_during() as peak:
        for number, case in enumerate(cases_of(part)):
            folder = tmp_path / str(number)
            root = Path(shutil.copytree(with_a_face, folder / "cache", copy_function=os.link))
            wrong[case.name] = wrong_with(case, folder, root)
    assert {name: found for name, found in wrong.items() if found} == {}
    assert peak.grown < MOST_BYTES


def wrong_with(case: Case, folder: Path, root: Path) -> list[str]:
    """What is not as it should be when this file is imported into a cache that holds a face alone."""
    path = folder / case.filename
    path.write_bytes(case.content)
    try:
        with ended():
            fault = _import(path, case, root)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told beside those of the other files
        return [repr(error)]
    if fault is None:
        dataset = Dataset.open("x", root)
        return [
            *([f"accepted: {dataset.manifest['sources']}"] if case.refused else []),
            *([] if np.isfinite(dataset.psi()).all() else ["values that are not finite"]),
        ]
    return [
        *([] if case.filename in fault or case.face == "learn" else [f"names no file: {fault}"]),
        *([] if "\n" not in fault and len(fault) < 800 else [f"more than one line: {fault}"]),
        *([] if "; expected " in fault else [f"says nothing of what was expected: {fault}"]),
        *(f"a fault that no reader foresaw: {fault}" for r in readers() if f"not readable as {r.TITLE}" in fault),
        *(f"left behind: {name}" for name in left_behind(root)),
    ]


def _import(path: Path, case: Case, root: Path) -> str | None:
    try:
        import_dataset([path], "x", ImportOptions(face=case.face, fps=case.fps), root=root)
    except DataError as error:
        return str(error)
    return None
