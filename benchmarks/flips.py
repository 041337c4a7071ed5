"""One flipped bit in every file of a cache: ``python -m benchmarks.flips [--flips 25] [--largest MB]`` (`$DFE_CACHE`).

Copies the smallest artefact of each kind into a folder of its own, flips bits of each of its files, one at a time, and
counts how many of the flips ``dfe doctor`` notices. Files that it does not notice at all are named. Nothing in the
cache is changed.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dfe_core.artefact import Artefact
from dfe_core.store import cache_root
from dfe_core.workspace.catalogue import artefact_faults, catalogue, find_artefact


def kind_of(artefact: Artefact) -> str:
    """datasets, models, …, and of analyses what kind of analysis."""
    return f"{artefact.kind}/{re.split('-', artefact.name)[0]}" if artefact.kind == "analyses" else artefact.kind


def size_of(artefact: Artefact) -> int:
    paths = artefact.path.rglob("*") if artefact.path.is_dir() else [artefact.path]
    return sum(path.stat().st_size for path in paths if path.is_file())


def one_of_each(root: Path, largest: float) -> Iterator[tuple[str, Artefact]]:
    """The smallest whole artefact of each kind that is no larger than `largest` MB."""
    kinds: dict[str, list[Artefact]] = defaultdict(list)
    for artefact in catalogue(root):
        if not artefact.unfinished and size_of(artefact) <= 1e6 * largest:
            kinds[kind_of(artefact)].append(artefact)
    for kind, found in sorted(kinds.items()):
        whole = next((a for a in sorted(found, key=size_of) if not artefact_faults(a)), None)
        if whole is not None:
            yield kind, whole


def flips_noticed(label: str, root: Path, flips: int) -> dict[str, int]:
    """Of `flips` bits of each file of an artefact, how many are noticed."""
    artefact, rng, found = find_artefact(label, root), np.random.default_rng(0), {}
    files = sorted(p for p in artefact.path.rglob("*") if p.is_file()) if artefact.path.is_dir() else [artefact.path]
    for file in (f for f in files if f.suffix != ".lock" and f.stat().st_size):
        kept, noticed = file.read_bytes(), 0
        for _ in range(flips):
            content = bytearray(kept)
            content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
            file.write_bytes(content)
            noticed += bool(artefact_faults(find_artefact(label, root)))
        file.write_bytes(kept)
        found[file.name] = noticed
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=25, help="of each file")
    parser.add_argument("--largest", type=float, default=30, help="MB of an artefact")
    args = parser.parse_args()
    report = {}
    for kind, artefact in one_of_each(cache_root(), args.largest):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / artefact.kind / artefact.path.name
            copy.parent.mkdir()
            (shutil.copytree if artefact.path.is_dir() else shutil.copy2)(artefact.path, copy)
            found = flips_noticed(artefact.label, Path(folder), args.flips)
        report[kind] = {
            "noticed": sum(found.values()),
            "of": args.flips * len(found),
            "not all": {name: n for name, n in found.items() if n < args.flips},
        }
        print(json.dumps({kind: report[kind]}), flush=True)


if __name__ == "__main__":
    main()
