"""What encoding, intervals and exports of up to 10⁸ frames cost on one machine, and a model of it for 10⁹ on several.

    python -m benchmarks.scale --frames 100000 1000000 3000000 --engine processes --workers 2
    python -m benchmarks.scale --frames 100000000 --engine ray --address auto --fast

The recordings are the simulated dataset of the cache over and over (`large_corpus`: cut to two minutes, another gain
for each copy, three decimals, as trackers write them), encoded with the codebook ``default`` of the cache; both are
what `dfe build-default` makes. Every size runs in a process of its own and in a folder that is deleted. Printed are,
for each size and stage, the wall clock, seconds of processor time of the workers and of the process that was started,
the largest memory of a worker (its own, without pages of mapped files) and bytes on the disk.

The model is linear in recordings and frames for each stage: workers share their part, the process that was started does
its own alone, and what is read and written passes through the storage. It is fitted to all sizes but the largest,
which it then predicts (relative error); with all sizes fitted, it predicts 10⁹ frames. Processor time is what is
modelled, for it depends little on what else the machine does; the wall clock that is predicted is that of cores that
do nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.large_corpus import NAME, write_corpus
from benchmarks.memory import PeakMemory
from dfe_core.engines import Engine, EngineOptions, open_engine
from dfe_core.progress import Listener, silent
from dfe_core.store import cache_root

MODEL, RECORDING_FRAMES, DECIMALS = "default", 3600, 3
STAGES = ("encode", "intervals", "export")
_memory: PeakMemory | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--engine", choices=("local", "processes", "ray"), default="local")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--address")
    parser.add_argument("--fast", action="store_true", help="`dfe encode --fast`")
    parser.add_argument("--work", type=Path, help="folder for scratch data (default: the system's)")
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 4, 16, 64], help="that 10⁹ frames are predicted on")
    parser.add_argument("--cores", type=int, default=16, help="of each of these nodes")
    parser.add_argument("--storage", type=float, help="MB/s that all nodes get together (default: as measured here)")
    parser.add_argument("--points", type=Path, help="JSON of measured points: added to, and the model is of all in it")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure is not None:
        print(json.dumps(measure(args.measure, args)))
        return
    points = json.loads(args.points.read_text()) if args.points and args.points.is_file() else []
    for frames in args.frames:
        command = [sys.executable, "-m", "benchmarks.scale", "--measure", str(frames), *_passed_on(args)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        points.append(json.loads(done.stdout.splitlines()[-1]))
        print_point(points[-1])
        if args.points:
            args.points.write_text(json.dumps(points, indent=1) + "\n")
    if len(points) > 2:
        report(sorted(points, key=lambda point: point["frames"]), args)


def _passed_on(args: argparse.Namespace) -> list[str]:
    given = [("--engine", args.engine), ("--workers", args.workers), ("--address", args.address), ("--work", args.work)]
    named = [text for name, value in given if value is not None for text in (name, str(value))]
    return [*named, *(["--fast"] if args.fast else [])]


class Metered:
    """An engine that also says what its workers took: processor time, and the largest memory of one."""

    name = "metered"

    def __init__(self, engine: Engine) -> None:
        self.engine, self.workers = engine, engine.workers
        self.cpu_s, self.peak_mb, self.pids = 0.0, 0.0, set[int]()

    def map(
        self,
        function: Callable[[Any, Any], Any],
        groups: Sequence[Any],
        shared: Any,
        *,
        sizes: Sequence[int] | None = None,
        task: str = "",
        progress: Listener = silent,
        gpus: Callable[[], int] | None = None,
    ) -> Iterator[Any]:
        own = [(function, one) for one in groups]
        for result, pid, cpu_s, peak_mb in self.engine.map(metered, own, shared, gpus=gpus):
            self.cpu_s, self.peak_mb = self.cpu_s + cpu_s, max(self.peak_mb, peak_mb)
            self.pids.add(pid)
            yield result


def metered(group: tuple[Callable[[Any, Any], Any], Any], shared: Any) -> tuple[Any, int, float, float]:
    """In a worker: a result, the process, its processor time for it, and its largest memory so far."""
    global _memory  # noqa: PLW0603 - watches the process to its end
    _memory = _memory or PeakMemory()
    before = time.process_time()
    function, own = group
    result = function(own, shared)
    return result, os.getpid(), time.process_time() - before, _memory.own


def measure(frames: int, args: argparse.Namespace) -> dict[str, Any]:
    """One size, in a cache of its own."""
    options = EngineOptions(engine=args.engine, workers=args.workers, address=args.address)
    with tempfile.TemporaryDirectory(prefix="dfe-scale-", dir=args.work) as folder, open_engine(options) as engine:
        root = Path(folder)
        for kind, name in (("models", MODEL), ("faces", "")):
            shutil.copytree(cache_root() / kind / name, root / kind / name)
        started = time.perf_counter()
        write_corpus(root, frames, RECORDING_FRAMES, DECIMALS)
        wrote_s = time.perf_counter() - started
        return _stages(root, engine, args) | {"write_s": wrote_s, "storage_mb_s": _storage(root)}


def _stages(root: Path, engine: Engine, args: argparse.Namespace) -> dict[str, Any]:
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.tokens.cache import TokenCache
    from dfe_core.tokens.encoding import encode_dataset
    from dfe_core.tokens.intervals import build_runs
    from dfe_core.workspace.token_export import copy_tokens

    tokens = root / "tokens" / f"{MODEL}--{NAME}"
    work: dict[str, Callable[[Metered], object]] = {
        "encode": lambda engine: encode_dataset(MODEL, NAME, fast=args.fast, root=root, engine=engine),
        "intervals": lambda engine: build_runs(TokenCache(tokens), engine=engine),
        "export": lambda engine: copy_tokens(TokenCache(tokens), root / "tokens.parquet", "parquet", engine),
    }
    list(engine.map(_warm, range(engine.workers), root))  # compiling and opening a model are no part of a size
    memory, data, stages = PeakMemory(), Dataset.open(NAME, root), {}
    for stage, run in work.items():
        one = Metered(engine)
        wall, cpu = time.perf_counter(), time.process_time()
        run(one)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if os.getpid() in one.pids:
            cpu -= one.cpu_s
        stages[stage] = {"wall_s": wall, "workers_cpu_s": one.cpu_s, "own_cpu_s": cpu, "worker_mb": one.peak_mb}
    sizes = {"dataset_bytes": data.path / "frames.parquet", "tokens_bytes": tokens / "tokens.parquet"}
    return {
        "frames": data.frame_count,
        "recordings": len(data.recordings),
        "engine": args.engine,
        "workers": engine.workers,
        "search": "fast" if args.fast else "full",
        "stages": stages,
        "own_mb": memory.own,
        **{name: path.stat().st_size for name, path in sizes.items()},
    }


def _warm(_: int, root: Path) -> None:
    import torch

    from dfe_core.expressions.dataset import Dataset
    from dfe_core.faces import open_face
    from dfe_core.tokenizer.storage import load_model
    from dfe_core.tokens.encoding_stream import encode_frames

    model, config = load_model(MODEL, root)
    gram = torch.as_tensor(open_face(config["face"], root).gram * 1e6, dtype=torch.float32)
    psi = next(Dataset.open(NAME, root).iter_frames()).psi[:600]
    for fast in (False, True):
        encode_frames(model, psi, gram, None, fast)


def _storage(root: Path) -> float:
    """MB/s of reading a file of the dataset that is not in memory, as far as the system lets go of it."""
    path = root / "datasets" / NAME / "frames.parquet"
    with path.open("rb", buffering=0) as file:
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        started = time.perf_counter()
        while file.read(1 << 22):
            pass
    return path.stat().st_size / 1e6 / (time.perf_counter() - started)


def print_point(point: dict[str, Any]) -> None:
    frames = point["frames"]
    print(
        f"\n{frames:,} frames in {point['recordings']:,} recordings, {point['engine']}, {point['workers']} workers, "
        f"{point['search']} search; written in {point['write_s']:.0f} s; dataset "
        f"{point['dataset_bytes'] / 1e6:,.0f} MB ({point['dataset_bytes'] / frames:.0f} B a frame), "
        f"tokens {point['tokens_bytes'] / 1e6:,.0f} MB "
        f"({point['tokens_bytes'] / frames:.1f} B); storage {point['storage_mb_s']:,.0f} MB/s; the started process: "
        f"{point['own_mb']:.0f} MB"
    )
    for stage, found in point["stages"].items():
        print(
            f"  {stage:10s} wall {found['wall_s']:8.1f} s   workers {found['workers_cpu_s']:8.1f} CPU s "
            f"({frames / max(found['workers_cpu_s'], 1e-9):10,.0f} frames a CPU s)   started process "
            f"{found['own_cpu_s']:7.1f} CPU s   largest worker {found['worker_mb']:6.0f} MB",
            flush=True,
        )


class Costs:
    """Seconds of workers and of the started process, linear in frames with a fixed part, each for one stage; bytes a
    frame. A recording's own cost is a part of the frames', for all recordings here have about the same length."""

    def __init__(self, points: Sequence[dict[str, Any]]) -> None:
        self.of = {
            (stage, who): _line([(p["frames"], p["stages"][stage][who]) for p in points])
            for stage in STAGES
            for who in ("workers_cpu_s", "own_cpu_s")
        }
        last = points[-1]
        self.bytes = (2 * last["dataset_bytes"] + 4 * last["tokens_bytes"]) / last["frames"]
        self.storage = float(np.median([p["storage_mb_s"] for p in points])) * 1e6

    def seconds(self, stage: str, who: str, frames: float) -> float:
        fixed, each = self.of[stage, who]
        return fixed + each * frames

    def wall(self, frames: float, cores: int, storage: float | None) -> tuple[float, float, float]:
        """Of all stages: what workers take, what the started process takes alone, and reading and writing."""
        shared, alone = (sum(self.seconds(stage, who, frames) for stage in STAGES) for who in _WHO)
        return shared / cores, alone, self.bytes * frames / (storage or self.storage)


_WHO = ("workers_cpu_s", "own_cpu_s")


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """(fixed, each), not negative, of least relative squares."""
    x, y = np.array(points, float).T
    weight = 1 / np.maximum(y, 1e-3)
    from scipy.optimize import nnls

    found, _ = nnls(np.stack([weight, x * weight], 1), np.ones(len(x)) * (y * weight))
    return float(found[0]), float(found[1])


def report(points: Sequence[dict[str, Any]], args: argparse.Namespace) -> None:
    before, largest = Costs(points[:-1]), points[-1]
    print(f"\nmodel of the sizes up to {points[-2]['frames']:,}, and what it says of {largest['frames']:,} frames")
    for stage in STAGES:
        for who in _WHO:
            told, found = before.seconds(stage, who, largest["frames"]), largest["stages"][stage][who]
            print(
                f"  {stage:10s} {who.removesuffix('_cpu_s'):8s} predicted {told:9.1f} CPU s   measured {found:9.1f}"
                f"   relative error {(told - found) / max(found, 1e-9):+7.1%}"
            )
    memory = [max(found["worker_mb"] for found in point["stages"].values()) for point in points]
    print(f"  largest worker: {', '.join(f'{mb:.0f}' for mb in memory)} MB at {_sizes(points)} frames")
    every, billion = Costs(points), 1e9
    print(f"\n10⁹ frames ({every.bytes * billion / 1e12:.2f} TB read and written), nodes of {args.cores} free cores:")
    for nodes in args.nodes:
        shared, alone, moved = every.wall(billion, nodes * args.cores, args.storage and args.storage * 1e6)
        whole = max(shared, moved) + alone
        print(
            f"  {nodes:4d} nodes: {whole / 3600:7.2f} h (workers {shared / 3600:.2f} h, storage {moved / 3600:.2f} h "
            f"at {args.storage or every.storage / 1e6:,.0f} MB/s, whichever is longer; then one process alone "
            f"{alone / 3600:.2f} h)"
        )


def _sizes(points: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{point['frames']:,}" for point in points)


if __name__ == "__main__":
    from benchmarks import scale  # workers import its functions by this name

    scale.main()
