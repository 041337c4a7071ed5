"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from dfe_core.faces.model import REGIONS, FaceModel

if not Path("/dev/nvidiactl").exists():
    os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported, by whatever test does it first

PROJECT = Path(__file__).resolve().parent.parent


def _without_waiting(handle: int) -> None:
    """In the place of `os.fsync`: no test cuts the power, and thousands of waits for the disk would be minutes. What is
    asked to be on the disk, and in which order, is in tests/reliability/test_replacement.py."""
    os.fstat(handle)


os.fsync = _without_waiting


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The workers of a parallel run collect from different places of each folder.

    pytest rewrites the asserts of a test file for whoever imports it first, which takes longer than the rest of its
    collection; the others read what was written.
    """
    report = yield
    worker = getattr(collector.config, "workerinput", None)
    if worker and isinstance(collector, pytest.Directory) and report.passed:
        entries = report.result
        first = len(entries) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
        report.result = entries[first:] + entries[:first]
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker of a parallel run, files that drive a browser come one by one between the others, the longest first.

    A browser waits half of its time: where all workers drive one, the machine waits too. What is left for the end is
    short.
    """
    if not hasattr(config, "workerinput"):
        return
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    files = dict(sorted(files.items()))  # they were collected from another place in each worker
    browser = sorted((path for path in files if path.parent.name == "browser"), key=_rank)
    others = sorted((path for path in files if path.parent.name != "browser"), key=_rank)
    step = len(others) // max(len(browser), 1)
    for place, path in enumerate(browser):
        others.insert(place * (step + 1), path)
    items[:] = [item for path in others for item in files[path]]


_LONGEST = (
    *("test_dashboard.py", "test_explorer.py", "test_accessibility.py", "test_linked.py", "test_links.py"),
    *("test_docs_run.py", "test_probe_run.py", "test_study_plan.py", "test_typed_facts.py", "test_cross_fit.py"),
    *("test_coverage_report.py", "test_wheel.py"),
)
"""Files of a browser and of none that take longest; the others come as they were collected."""


def _rank(path: Path) -> int:
    return _LONGEST.index(path.name) if path.name in _LONGEST else len(_LONGEST)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What five thousand collected tests hold lives to the end: no garbage collection needs to look through it."""
    worker = getattr(session.config, "workerinput", None)
    if worker and "numba" in sys.modules:
        _compile_once(worker["testrunuid"])
    gc.collect()
    gc.freeze()


def _compile_once(run: str) -> None:
    """In a parallel run one worker compiles a loop, for eleven seconds in a fresh checkout, and the others, which wait,
    read what it has written."""
    from numba.core.dispatcher import Dispatcher

    compiled, lock = Dispatcher.compile, FileLock(Path(tempfile.gettempdir(), f"dfe-tests-compile-{run}.lock"))

    def compile_once(self: Dispatcher, signature: object) -> object:
        with lock:
            return compiled(self, signature)

    Dispatcher.compile = compile_once


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings and face models; a skip where there is none."""
    path = Path(os.environ.get("DFE_SHARED", PROJECT.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"no shared data at {path}: set DFE_SHARED")
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty artefact cache, set as $DFE_CACHE."""
    root = tmp_path / "cache"
    monkeypatch.setenv("DFE_CACHE", str(root))
    return root


@pytest.fixture(scope="session")
def toy_face() -> FaceModel:
    """A flat symmetric 15 x 15 face with the 52 ARKit coefficients, each a smooth local bump; metres."""
    from dfe_core.faces.arkit import ARKIT_NAMES

    return make_toy_face(ARKIT_NAMES)


def make_toy_face(names: tuple[str, ...], size: int = 15) -> FaceModel:
    """A grid face whose *Left coefficients mirror their *Right ones exactly."""
    axis = np.linspace(-0.07, 0.07, size)
    x, y = np.meshgrid(axis, axis, indexing="xy")
    template = np.stack([x.ravel(), y.ravel(), 0.04 - 8 * (x.ravel() ** 2 + y.ravel() ** 2)], 1).astype(np.float32)
    index = np.arange(size * size).reshape(size, size)
    a, b, c, d = index[:-1, :-1].ravel(), index[:-1, 1:].ravel(), index[1:, 1:].ravel(), index[1:, :-1].ravel()
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    mirror = index[:, ::-1].ravel().astype(np.int32)
    basis = np.stack([_bump(template, name, i) for i, name in enumerate(names)])
    rows = np.digitize(template[:, 1], np.linspace(-0.07, 0.07, 9)[1:-1])
    regions = np.array(
        [REGIONS.index(n) for n in ("jaw", "lower lip", "mouth corner", "upper lip", "cheek", "nose", "eye", "brow")],
        np.uint8,
    )[rows]
    sides = np.where(np.abs(template[:, 0]) < 1e-6, 0, np.where(template[:, 0] > 0, 1, 2)).astype(np.uint8)
    return FaceModel(
        id="toy-1",
        title="Toy face",
        names=tuple(names),
        template=template,
        triangles=triangles,
        basis=basis,
        mirror=mirror,
        regions=regions,
        sides=sides,
        materials=np.zeros(len(template), np.uint8),
        landmarks={"chin": int(index[0, size // 2])},
    )


def _bump(template: np.ndarray, name: str, seed: int) -> np.ndarray:
    stem = name.removesuffix("Left").removesuffix("Right")
    rng = np.random.default_rng(sum(map(ord, stem)))
    centre = np.array([abs(rng.uniform(0.01, 0.05)), rng.uniform(-0.06, 0.06)])
    direction = rng.normal(size=3) * 0.006
    if stem == name:
        centre[0], direction[0] = 0.0, 0.0
    if name.endswith("Right"):
        centre[0], direction[0] = -centre[0], -direction[0]
    distance = np.linalg.norm(template[:, :2] - centre, axis=1)
    return (np.exp(-((distance / 0.02) ** 2))[:, None] * direction).astype(np.float32)
