"""The search for copies of one person under two names, by moments beside every pair.

    python -m benchmarks.duplicates --dataset simulated --many 28000

Recordings of a dataset of the cache (``--dataset``, default ``simulated``) are cut into pieces of ``--seconds``, each a
recording of a subject of its own; every tenth piece is copied, with 10 to 50 % of it trimmed off its ends, a constant
added to every coefficient, every second frame left out or noise of a tenth of each coefficient's spread added. Printed
are, for both ways, seconds of processor time, how many of the copies are found, and how many other pairs are. With
``--many N`` also the time and the largest memory of N recordings of two minutes at 10 frames a second, of independent
smooth noise, by moments alone; two of them are copies.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from benchmarks.memory import PeakMemory
from dfe_core.expressions import duplicates
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording

EVERY = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--dataset", default="simulated")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--most", type=int, default=800, help="pieces")
    parser.add_argument("--many", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dfe-duplicates-") as folder:
        data = Dataset.open(args.dataset)
        planted = written(Path(folder), data.names, pieces(data, args.seconds, args.most))
        compare(Dataset.open("pieces", Path(folder)), planted, data.simulated)
    if args.many:
        many(args.many)


def pieces(data: Dataset, seconds: float, most: int) -> list[tuple[str, np.ndarray, float]]:
    """(name, ψ, frames a second); copies are named after what they are of."""
    rng = np.random.default_rng(0)
    rates = data.recordings.set_index("recording")["fps"]
    found: list[tuple[str, np.ndarray, float]] = []
    for part in data.iter_frames():
        fps = float(rates[part.recording])
        psi, count = part.psi[part.valid], int(seconds * fps)
        found += [(f"p{len(found) + i:05d}", psi[at : at + count], fps) for i, at in enumerate(
            range(0, len(psi) - count + 1, count)
        )]  # fmt: skip
    found = [found[i] for i in sorted(rng.permutation(len(found))[:most])]
    return found + [
        (f"copy-{name}", *_changed(psi, fps, i % 3, rng)) for i, (name, psi, fps) in enumerate(found[::EVERY])
    ]


def _changed(psi: np.ndarray, fps: float, way: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    kept = round(len(psi) * rng.uniform(0.5, 0.9))
    start = int(rng.integers(len(psi) - kept + 1))
    psi = psi[start : start + kept]
    if way == 0:
        return psi + rng.normal(0, 0.1, psi.shape[1]), fps
    if way == 1:
        return psi[::2], fps / 2
    return psi + rng.normal(size=psi.shape) * psi.std(0) / 10, fps


def written(root: Path, names: tuple[str, ...], parts: Iterable[tuple[str, np.ndarray, float]]) -> set[str]:
    """Write the dataset ``pieces``; names of what has a copy."""
    copied = set()
    with open_writer("pieces", names, root) as writer:
        for name, psi, fps in parts:
            if name.startswith("copy-"):
                copied.add(name.removeprefix("copy-"))
            rows = np.arange(len(psi))
            writer.add(
                Recording(
                    name=name,
                    names=names,
                    psi=psi.astype(np.float32),
                    time_s=rows / fps,
                    frame=rows,
                    valid=np.ones(len(psi), bool),
                    fps=fps,
                    space="arkit",
                    extractor="",
                    subject=name,
                ),
                {},
            )
        writer.close({"name": "pieces", "face": "f", "simulated": False})
    return copied


def compare(data: Dataset, planted: set[str], simulated: bool) -> None:
    """Both ways on one dataset."""
    print(f"{len(data.recordings)} recordings{' (simulated)' if simulated else ''}, {len(planted)} of them with a copy")
    for way, limit in (("every pair", 10**9), ("by moments", 0)):
        duplicates.ALL_PAIRS = limit
        began = time.process_time()
        found = {(one.first, one.second) for one in duplicates.find_duplicates(data)}
        right = {(name, f"copy-{name}") for name in planted}
        print(
            f"  {way:11s} {time.process_time() - began:7.1f} CPU s   "
            f"copies found {len(found & right)} of {len(right)}   other pairs {len(found - right)}",
            flush=True,
        )


def many(count: int) -> None:
    """Time and memory of many recordings."""
    names = tuple(f"c{i}" for i in range(10))

    def parts() -> Iterable[tuple[str, np.ndarray, float]]:
        for i in range(count):
            rng = np.random.default_rng(min(i, count - 2))  # the last is a copy of the one before
            smooth = gaussian_filter1d(rng.normal(size=(1200, len(names))), 2, axis=0)
            yield f"r{i:06d}", np.maximum(smooth, 0), 10.0

    with tempfile.TemporaryDirectory(prefix="dfe-duplicates-") as folder:
        written(Path(folder), names, parts())
        duplicates.ALL_PAIRS, memory, began = 0, PeakMemory(), time.process_time()
        found = duplicates.find_duplicates(Dataset.open("pieces", Path(folder)))
        took = time.process_time() - began
        print(f"{count} recordings of two minutes: {took:.0f} CPU s, {memory.own:.0f} MB, {len(found)} pair found")


if __name__ == "__main__":
    main()
