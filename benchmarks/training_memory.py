"""Whether training's memory and pace hold as the corpus grows: ``python -m benchmarks.training_memory --work SCRATCH``.

Corpora are of `large_corpus`. Every size is trained in a
process of its own. `anonymous_mb` is the most memory that the process itself held above its imports; pages of the
frames, which are mapped from a file, come on top (`mapped_mb`) and are the system's to take back. `steps_per_s` shows
whether reading frames holds training up: the baseline is the smallest corpus.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.large_corpus import write_corpus
from benchmarks.memory import PeakMemory, now
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Progress
from dfe_core.store import cache_root

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)


def make(root: Path, frames: int) -> None:
    """A dataset of so many frames, or a little more, of eight recordings or more."""
    shutil.copytree(cache_root() / "faces", root / "faces", dirs_exist_ok=True)
    write_corpus(root, frames, min(3600, frames // 8))


def measure(root: Path, steps: int) -> dict[str, float]:
    """Train on a corpus; MB and steps a second."""
    from dfe_core.tokenizer.config import load_config
    from dfe_core.training.fit import train_model

    marks: list[float] = []
    own, mapped = now()

    def heard(report: Progress) -> None:
        if report.task == "training":
            marks.append(time.perf_counter())

    peak, started = PeakMemory(), time.perf_counter()
    train_model("large", "trained", config=load_config(None, {"train.steps": steps}), root=root, progress=heard)
    return {
        "frames": Dataset.open("large", root).frame_count,
        "anonymous_mb": round(peak.own - own),
        "mapped_mb": round(peak.mapped - mapped),
        "preparing_s": round(marks[0] - started, 1),
        "steps_per_s": round((len(marks) - 1) / (marks[-1] - marks[0]), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the corpora, 5 GB for the largest")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.steps)))
        return
    for size in arguments.sizes:
        root = (arguments.work / str(size)).resolve()
        make(root, size)
        load = round(os.getloadavg()[0], 1)
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "benchmarks.training_memory",
                "--work",
                str(arguments.work),
                "--steps",
                str(arguments.steps),
                "--measure",
                str(root),
            ],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        print(json.dumps(json.loads(done.stdout.splitlines()[-1]) | {"load": load}), flush=True)
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
