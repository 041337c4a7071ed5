"""The same bytes from every engine; Ray is a cluster of two nodes on the loopback address, with a worker on each."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from dfe_core.engines import LOCAL, Engine, EngineOptions, open_engine
from dfe_core.errors import DataError
from tests.engines import everything
from tests.engines import work_of_tests as work


@pytest.fixture(scope="module")
def engine():
    """An engine on the cluster, reached by its address as from any machine."""
    if sys.platform == "win32":
        pytest.skip("Ray's clusters of several nodes are for Linux and macOS")
    pytest.importorskip("ray", reason="Ray is not installed (dfe[cluster])")
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    small = {"num_cpus": 1, "object_store_memory": 80 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    try:
        cluster.add_node(**small)
        with open_engine(EngineOptions(engine="ray", address=cluster.address)) as engine:
            yield engine
    finally:
        cluster.shutdown()


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    return everything.prepare(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def expected(study: Path, tmp_path_factory) -> dict[str, bytes]:
    """What one process leaves."""
    return _results(study, tmp_path_factory.mktemp("local"), LOCAL)


def _results(study: Path, folder: Path, engine: Engine) -> dict[str, bytes]:
    return everything.results(Path(shutil.copytree(study, folder / "study")), engine)


def _differing(one: dict[str, bytes], other: dict[str, bytes]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def test_processes_leave_the_bytes_of_one_process(study: Path, expected: dict[str, bytes], tmp_path: Path):
    with open_engine(EngineOptions(engine="processes", workers=1)) as engine:
        assert _differing(_results(study, tmp_path, engine), expected) == set()
    assert {
        "out/tokens.csv",
        "cache/tokens/tiny--planted/tokens.parquet",
        "out/wide.parquet",
        "cache/datasets/mine/frames.parquet",
    } <= expected.keys()
    assert b"skipped 2" in expected["report"]


def test_a_cluster_leaves_the_bytes_of_one_process(
    engine: Engine, study: Path, expected: dict[str, bytes], tmp_path: Path
):
    assert _differing(_results(study, tmp_path, engine), expected) == set()


def test_encoding_whose_worker_is_killed_leaves_the_same_bytes(
    engine: Engine, study: Path, expected: dict[str, bytes], tmp_path: Path
):
    folder = Path(shutil.copytree(study, tmp_path / "study"))
    found = everything.encoded(folder, work.Killing(engine, tmp_path))
    assert found and found == {name: expected[name] for name in found}
    begun = {path.stem: len(path.read_text().split()) for path in tmp_path.glob("*.begun")}
    assert begun == {name: 1 + (name == "1") for name in begun} and len(begun) > 2


def test_two_nodes_give_results_in_order(engine: Engine):
    import ray

    assert (engine.name, engine.workers) == ("ray", 2)
    assert len({node["NodeID"] for node in ray.nodes() if node["Alive"]}) == 2
    told = []
    groups = [(i, i + 1) for i in range(9)]
    found = list(engine.map(work.squares, groups, 3, sizes=[2] * 9, task="squares", progress=told.append))
    assert np.array_equal(found, np.array(groups, float) ** 3)
    assert found[0].flags.writeable
    assert (told[-1].done, told[-1].total) == (18, 18)


def test_workers_run_this_code_with_one_thread(engine: Engine):
    seen = list(engine.map(work.here, range(4), None))
    assert os.getpid() not in {pid for pid, _, _ in seen}
    assert all(variables["OMP_NUM_THREADS"] == "1" for _, _, variables in seen)
    assert {folder for _, folder, _ in seen} == {os.getcwd()}


def test_errors_come_back_as_they_were_raised(engine: Engine):
    with pytest.raises(DataError) as found:
        list(engine.map(work.refuse, [1, 2], "study"))
    assert (found.value.where, found.value.found) == ("study/take2.csv", "no column")
    with pytest.raises(IndexError) as bug:
        list(engine.map(work.refuse, [4], "study"))
    assert "return [][group]" in str(bug.value.__cause__)


def test_a_worker_that_is_killed_repeats_its_group_alone(engine: Engine, tmp_path: Path):
    assert list(engine.map(work.die_once, range(8), str(tmp_path))) == [i * 10 for i in range(8)]
    begun = {path.stem: len(path.read_text().split()) for path in tmp_path.glob("*.begun")}
    assert begun == {str(i): 1 + (i == 3) for i in range(8)}
