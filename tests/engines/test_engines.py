"""Engines: the same results in the same order, the same errors, and a killed worker that costs its own part alone."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dfe_core.engines import LOCAL, EngineOptions, consecutive_groups, open_engine
from dfe_core.engines import processes as engine_processes
from dfe_core.engines.processes import ProcessEngine
from dfe_core.engines.ray_engine import RayEngine
from dfe_core.engines.task import work as task_work
from dfe_core.errors import DataError
from tests.engines import work_of_tests as work

WINDOWS = sys.platform == "win32"


@pytest.fixture(scope="module")
def processes():
    engine = ProcessEngine(2)
    yield engine
    engine.close()


def test_groups_are_neighbours_and_hold_no_more_than_asked():
    cuts = list(consecutive_groups([3, 3, 3, 9, 1, 0, 5], 6))
    assert [[*range(7)][cut] for cut in cuts] == [[0, 1], [2], [3], [4, 5, 6]]
    assert list(consecutive_groups([], 6)) == []


def test_the_script_that_started_the_processes_is_not_run_again(tmp_path, monkeypatch):
    """As under a script without ``if __name__ == "__main__"``, and under Streamlit, whose main module is a page."""
    script = tmp_path / "script.py"
    script.write_text("raise RuntimeError('run again')\n")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(script), raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)
    engine = ProcessEngine(1)
    try:
        assert len(list(engine.map(work.squares, [(1, 2)], 2))) == 1
    finally:
        engine.close()


def test_results_come_in_order_and_progress_adds_up(processes):
    groups = [(i, i + 1) for i in range(9)]
    for engine in (LOCAL, processes):
        told = []
        found = list(engine.map(work.squares, groups, 3, sizes=[2] * 9, task="squares", progress=told.append))
        assert np.array_equal(found, np.array(groups, float) ** 3)
        assert (told[-1].done, told[-1].total, told[-1].task) == (18, 18, "squares")
        assert [one.done for one in told] == sorted(one.done for one in told)


def test_what_a_function_changes_stays_in_its_process(processes):
    held = np.zeros(2)
    assert [one[0] for one in processes.map(work.change, [1, 2], held)] == [1, 2]
    assert held[0] == 0


def test_errors_come_back_as_they_were_raised(processes):
    with pytest.raises(DataError) as found:
        list(processes.map(work.refuse, [1, 2], "study"))
    assert (found.value.where, found.value.found, found.value.expected) == (
        "study/take2.csv",
        "no column",
        "one of them",
    )
    with pytest.raises(IndexError) as bug:
        list(processes.map(work.refuse, [4], "study"))
    assert "work_of_tests.py" in str(bug.value.__cause__) and "return [][group]" in str(bug.value.__cause__)
    with pytest.raises(RuntimeError, match="TwoPartError: one"):
        list(processes.map(work.refuse, [3], "study"))
    assert list(processes.map(work.refuse, [1], "study")) == [1]


def test_results_before_an_error_are_given_first(processes):
    results = processes.map(work.refuse, [0, 1, 2, 1], "study")
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(DataError, match="take2"):
        next(results)


@pytest.mark.skipif(WINDOWS, reason="has no kill -9")
def test_a_killed_process_repeats_its_group_alone(processes, tmp_path: Path):
    assert list(processes.map(work.die_once, range(8), str(tmp_path))) == [i * 10 for i in range(8)]
    begun = {path.stem: len(path.read_text().split()) for path in tmp_path.glob("*.begun")}
    assert begun == {str(i): 1 + (i == 3) for i in range(8)}


@pytest.mark.skipif(WINDOWS, reason="has no kill -9")
def test_a_group_that_no_process_survives_is_named(processes):
    with pytest.raises(DataError, match="7: the process that worked on it ended 4 times without a result"):
        list(processes.map(work.always_die, [7], None))


def test_paths_mean_the_same_in_every_process(processes, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (pid, folder, variables), *_ = processes.map(work.here, [0], None)
    assert pid != os.getpid() and Path(folder).resolve() == tmp_path.resolve()
    assert variables["OMP_NUM_THREADS"] == "1" and variables["DFE_WORKER"] in ("0", "1")


def test_one_process_a_gpu_where_no_number_of_workers_is_asked_for(monkeypatch):
    """Two GPUs and six cores, with threads in place of processes."""
    used: list[int] = []

    class Pool(ThreadPoolExecutor):
        number = 0

        def submit(self, *given):
            used.append(self.number)
            return super().submit(*given)

    def started(self: ProcessEngine, number: int) -> Pool:
        pool = Pool(1)
        pool.number = number
        return pool

    def workers(engine: ProcessEngine, gpus: int | None) -> set[int]:
        used.clear()
        assert (
            len(
                list(
                    engine.map(work.squares, [(i,) for i in range(30)], 2, gpus=None if gpus is None else lambda: gpus)
                )
            )
            == 30
        )
        return {*used}

    monkeypatch.setattr(ProcessEngine, "_new_pool", started)
    monkeypatch.setattr(engine_processes, "cores", lambda: 6)
    by_default, asked = ProcessEngine(), ProcessEngine(3)
    assert [workers(by_default, gpus) for gpus in (2, None, 2)] == [{0, 1}, {*range(6)}, {0, 1}]
    assert workers(asked, 2) == {0, 1, 2} and workers(by_default, 0) == {*range(6)}


@pytest.mark.parametrize(
    ("device", "gpus", "workers", "share"),
    [
        ("auto", 4.0, None, 1.0),
        ("auto", 0.0, None, 0.0),
        ("cpu", 4.0, None, 0.0),
        ("cuda", 4.0, 2, 1.0),
        ("auto", 1.0, 3, 0.3333),
    ],
)
def test_a_ray_task_that_computes_on_a_gpu_takes_it(monkeypatch, device, gpus, workers, share):
    """Ray is a stand-in that calls at once."""
    options: list[dict] = []
    remote = SimpleNamespace(options=lambda **given: options.append(given) or SimpleNamespace(remote=task_work))
    ray = SimpleNamespace(
        put=lambda call: call,
        remote=lambda function: remote,
        wait=lambda running, num_returns: (running[:1], running[1:]),
        get=lambda found: found,
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setenv("DFE_DEVICE", device)
    engine = RayEngine(workers, 16, gpus)
    for given in (lambda: 0, None):  # what this machine has does not count
        assert len(list(engine.map(work.squares, [(1,), (2,)], 2, gpus=given))) == 2
    assert [given["num_gpus"] for given in options] == [share, 0.0]
    monkeypatch.setenv("DFE_DEVICE", "cuda:1")
    if gpus:
        with pytest.raises(DataError, match="gives every task its GPU"):
            list(engine.map(work.squares, [(1,)], 2, gpus=lambda: 0))


def test_a_function_that_workers_cannot_import_is_refused(processes):
    with pytest.raises(ValueError, match="no function of a module"):
        list(processes.map(lambda group, shared: group, [1], None))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (EngineOptions(engine="spark"), "no such engine"),
        (EngineOptions(address="10.0.0.1:6379"), "expected --engine ray"),
        (EngineOptions(workers=4), "which is one process"),
        (EngineOptions(engine="processes", workers=0), "no worker"),
        (EngineOptions(engine="ray", address="127.0.0.1:1"), "no cluster reached"),
    ],
)
def test_options_that_do_not_go_together(options: EngineOptions, message: str):
    if options.engine == "ray":
        pytest.importorskip("ray", reason="Ray is not installed (dfe[cluster])")
    with pytest.raises(DataError, match=message), open_engine(options):
        pass
