"""A Ray cluster: one task a group. Ray begins a task again whose worker or node dies.

Tasks, not Ray Data: a group is a few names, what comes back is what the function of one machine gives, in order, and
few results wait at a time. Ray Data would carry the frames themselves through its object store, a second time.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dfe_core.devices import asked_device
from dfe_core.engines.engine import Counted, Engine, G, R, S, cores
from dfe_core.engines.processes import ONE_THREAD, lost
from dfe_core.engines.task import ATTEMPTS, pack, unpack, work
from dfe_core.errors import DataError
from dfe_core.progress import Listener, silent

_WAITING = 2
"""Results a worker that may wait for one before them."""
_OURS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Nothing is sent to the makers of Ray."""
_PATIENCE_S = 10.0
_PARTS = 10_000
"""Of a GPU, that Ray counts in."""
_STORE_BYTES = 1 << 29
"""Of the object store of a cluster that is started here: results that wait, and no frames."""


class RayEngine:
    """The workers of a cluster that this process is connected to."""

    name = "ray"

    def __init__(self, workers: int | None, cores: int, gpus: float = 0) -> None:
        """workers: how many groups at once; None: as many as the cluster has cores, or GPUs for what computes there."""
        self.workers, self._asked, self._gpus = workers or cores, workers, gpus

    def map(
        self,
        function: Callable[[G, S], R],
        groups: Sequence[G],
        shared: S,
        *,
        sizes: Sequence[int] | None = None,
        task: str = "",
        progress: Listener = silent,
        gpus: Callable[[], int] | None = None,
    ) -> Iterator[R]:
        import ray

        counted, call = Counted(sizes, len(groups), task, progress), ray.put(pack(function, shared))
        share = self._share() if gpus is not None else 0.0
        options = {"num_cpus": 1, "num_gpus": share, "max_retries": ATTEMPTS - 1, "retry_exceptions": False}
        remote = ray.remote(work).options(**options)
        ahead = (1 + _WAITING) * (max(1, int(self._gpus / share)) if share else self.workers)
        running: dict[Any, int] = {}
        found: dict[int, Any] = {}
        begun, given = 0, 0
        try:
            while given < len(groups):
                while begun < min(len(groups), given + ahead):
                    running[remote.remote(call, groups[begun])] = begun
                    begun += 1
                done, _ = ray.wait(list(running), num_returns=1)
                for reference in done:
                    i = running.pop(reference)
                    found[i] = reference
                    counted.finished(i)
                while given in found:
                    yield unpack(self._result(found.pop(given), groups[given]))
                    given += 1
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _share(self) -> float:
        """Of a GPU, what a task holds that computes on one: all of it, or less where more workers were asked for; 0
        where the cluster has none, or another device was asked for."""
        asked = asked_device()
        if asked == "cpu" or not self._gpus:
            return 0.0
        if asked not in ("auto", "cuda", "cuda:0"):
            raise DataError(f"--device {asked}", "with --engine ray, which gives every task its GPU", "auto or cuda")
        return min(1.0, max(1, int(self._gpus / (self._asked or 1) * _PARTS)) / _PARTS)

    @staticmethod
    def _result(reference: Any, group: Any) -> bytes:
        import ray

        try:
            return ray.get(reference)
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError):
            raise lost(group) from None


@contextmanager
def open_ray(workers: int | None = None, address: str | None = None) -> Iterator[Engine]:
    """A `RayEngine` on a cluster: the one at `address`, the one that this process is connected to already, or one that
    is started here, on the loopback address alone, and ended with the block.

    workers: how many groups at once; None: the cores of the cluster, or its GPUs. Raises `DataError` where Ray is not
    installed or the cluster is not reached.
    """
    os.environ.update(_OURS)
    ray = _imported()
    begun = not ray.is_initialized()
    if begun:
        _connect(ray, workers, address)
    try:
        found = ray.cluster_resources()
        cluster = int(found.get("CPU", 0))
        if not cluster:
            raise DataError("--engine ray", "a cluster without a core to work on", "nodes with cores (`ray status`)")
        yield RayEngine(workers, cluster, found.get("GPU", 0))
    finally:
        if begun:
            ray.shutdown()


def _imported() -> Any:
    try:
        import ray
    except ImportError:
        raise DataError("--engine ray", "Ray is not installed", "`pip install 'dfe[cluster]'` on every node") from None
    return ray


def _connect(ray: Any, workers: int | None, address: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    if address is None:
        ray.init(
            address="local",
            num_cpus=workers or cores(),
            include_dashboard=False,
            object_store_memory=_STORE_BYTES,
            _node_ip_address="127.0.0.1",
            runtime_env={"env_vars": _variables()},
            **quiet,
        )
        return
    _reach(address)
    package = str(Path(__file__).resolve().parent.parent)
    try:
        # the code of this process goes to every node, so that all do the same whatever is installed there
        ray.init(address=address, runtime_env={"py_modules": [package], "env_vars": _variables()}, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise DataError(
            f"--address {address}", f"no cluster reached ({error})"[:300], "HOST:PORT of `ray start --head`, or auto"
        ) from None


def _reach(address: str) -> None:
    """Raise `DataError` where nothing answers at HOST:PORT, which Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), _PATIENCE_S).close()
    except OSError as error:
        raise DataError(
            f"--address {address}", f"no cluster reached ({error})", "HOST:PORT of `ray start --head`, or auto"
        ) from None


def _variables() -> dict[str, str]:
    """The environment of workers: one thread each, and the cache and the device of this process."""
    ours = {name: os.environ[name] for name in ("DFE_CACHE", "DFE_DEVICE") if name in os.environ}
    return dict.fromkeys(ONE_THREAD, "1") | ours
