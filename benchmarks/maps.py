"""How long a map of frames takes, by method, from the start of a process: ``python -m benchmarks.maps MODEL DATASET``.

Each method runs in a process of its own with one thread, on the same frames, in an empty folder of analyses. ``plain``
is umap-learn as its README has it, ``UMAP(random_state=0).fit_transform``, on the same vectors, without the density of
all frames.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dfe_core.store import cache_root

METHODS = ("umap", "pca", "umap-learn", "plain")
LINKED = ("datasets", "models", "tokens", "faces")


def measure(method: str, model: str, dataset: str, by: str, sample: int) -> dict[str, object]:
    """Make one map in this process, which began with it, and say what it took."""
    from dfe_core.embedding.maps import MapSettings, build_map

    settings = MapSettings(
        model=model, dataset=dataset, of="frames", by=by, method="pca" if method == "plain" else method, sample=sample
    )
    if method == "plain":
        quality = _plain(settings)
    else:
        quality = build_map(settings).quality
    return {
        "method": method,
        "cpu_s": round(time.process_time(), 1),
        "trustworthiness": round(float(quality["trustworthiness"]), 3),
        "neighbours_preserved": round(float(quality["neighbour_preservation"]), 3),
        "numba": "numba" in sys.modules,
    }


def _plain(settings: object) -> dict[str, float]:
    from umap import UMAP

    from dfe_core.embedding.maps import _features
    from dfe_core.embedding.quality import map_quality
    from dfe_core.progress import silent

    _, features = _features(settings, None, None, silent)
    places = UMAP(metric=features.metric, random_state=0).fit_transform(features.vectors)
    return map_quality(features.vectors, places, features.metric).as_json()


def child(method: str, args: argparse.Namespace) -> dict[str, object]:
    """The same in a new process, with its wall time."""
    with tempfile.TemporaryDirectory() as folder:
        for name in LINKED:
            (Path(folder) / name).symlink_to(cache_root() / name)
        environment = {**os.environ, "DFE_CACHE": folder, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "benchmarks.maps", args.model, args.dataset, "--one", method, "--by", args.by]
        started = time.perf_counter()
        done = subprocess.run(
            [*command, "--sample", str(args.sample)], env=environment, capture_output=True, text=True, check=True
        )
        wall = time.perf_counter() - started
    return {**json.loads(done.stdout.splitlines()[-1]), "wall_s": round(wall, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--by", default="psi", choices=("psi", "tokens"))
    parser.add_argument("--sample", type=int, default=20_000)
    parser.add_argument("--one", choices=METHODS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one, args.model, args.dataset, args.by, args.sample)))
        return
    for method in args.methods:
        print(json.dumps(child(method, args)), flush=True)


if __name__ == "__main__":
    main()
