"""The `dfe` command as a user runs it: a process of its own, and a small cache for it to work on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.built_once import built_once
from tests.cli.preloaded import Forks

PROJECT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300.0
Dfe = Callable[..., subprocess.CompletedProcess]


_forks: list[Forks] = []


def _run(root: Path, *arguments: str, folder: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """Run ``python -m train ARGUMENTS`` on the cache `root`."""
    environment = {**os.environ, "DFE_CACHE": str(root), "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}
    if not _forks:
        _forks.append(Forks())
    if _forks[0].serves(environment):
        return _forks[0].run(["train", *arguments], folder, environment, TIMEOUT_S)
    return subprocess.run(
        [sys.executable, "-m", "train", *arguments],
        cwd=folder,
        env=environment,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=TIMEOUT_S,
    )


@pytest.fixture(scope="session", autouse=True)
def _end_of_forks() -> Iterator[None]:
    yield
    while _forks:
        _forks.pop().close()


@pytest.fixture(scope="session")
def run_dfe() -> Dfe:
    """``run_dfe(root, *arguments, folder=…)``: run `dfe` on the cache `root`."""
    return _run


@pytest.fixture
def dfe(cache: Path) -> Dfe:
    """Run `dfe` on an empty cache."""
    return lambda *arguments, **options: _run(cache, *arguments, **options)


@pytest.fixture(scope="session")
def toy_root(tmp_path_factory: pytest.TempPathFactory, toy_face) -> Path:
    """A cache with the toy face, six simulated subjects on it (``toy``) and a quickly trained model ``tiny``."""
    from dfe_core.faces import save_face
    from dfe_core.simulate.dataset import simulate_dataset

    def make(root: Path) -> None:
        save_face(toy_face, root)
        simulate_dataset("toy", toy_face, subjects=6, minutes_per_subject=0.4, effect="stress", root=root)
        settings = ("tokenizer.codewords=24", "tokenizer.stages=3", "train.steps=40", "train.batch=256")
        result = _run(root, "train", "toy", "--name", "tiny", *(f"--set={setting}" for setting in settings))
        assert result.returncode == 0, result.stderr

    return built_once(tmp_path_factory, "toy", make)


@pytest.fixture
def toy(toy_root: Path, tmp_path: Path) -> Path:
    """A copy of `toy_root` that a test may change."""
    return Path(shutil.copytree(toy_root, tmp_path / "toy"))
