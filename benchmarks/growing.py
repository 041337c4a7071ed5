"""One recording more: ``python -m benchmarks.growing`` (needs the default codebook and data).

A dataset of so many recordings, cut out of the simulated data in turn, is written and encoded by the default codebook;
then one recording is added and encoded, and the same study is encoded anew from nothing, in the same run. The grown
study has to have the same bytes. Seconds of this process on a CPU (``time.process_time``), beside those that pass.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import DatasetWriter, open_writer
from dfe_core.expressions.growing import grow
from dfe_core.expressions.recording import Recording
from dfe_core.integrity import sealed_files
from dfe_core.store import cache_root
from dfe_core.tokens import encoding_parts
from dfe_core.tokens.encoding import encode_dataset

MODEL, DATASET = "default", "simulated"


def cuts(count: int, frames: int) -> list[Recording]:
    """So many recordings of so many frames, each of another place of the simulated data."""
    data = Dataset.open(DATASET)
    names = data.recordings["recording"].tolist()
    whole = [data.recording(name) for name in names]
    found = []
    for i in range(count):
        source = whole[i % len(whole)]
        first = (i // len(whole) * 37) % max(1, len(source.psi) - frames)
        rows = slice(first, first + frames)
        found.append(
            replace(
                source,
                name=f"r{i:06d}",
                psi=source.psi[rows],
                time_s=np.arange(frames) / source.fps,
                frame=np.arange(frames),
                valid=source.valid[rows],
                extras={},
            )
        )
    return found


def timed(results: dict[str, Any], name: str, call: Callable[[], Any]) -> Any:
    """What a call gives; its seconds go into the results."""
    started, worked = time.perf_counter(), time.process_time()
    value = call()
    results[name] = {"cpu_s": time.process_time() - worked, "s": time.perf_counter() - started}
    print(f"{name:40} {results[name]['cpu_s']:8.2f} s of CPU {results[name]['s']:8.2f} s")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=600, help="of each")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    recordings = cuts(args.recordings + 1, args.frames)
    results: dict[str, Any] = {"recordings": args.recordings, "frames": args.frames}
    encoded: list[str] = []
    through = encoding_parts.encode_stream

    def counted(*given: Any) -> Any:
        for found in through(*given):
            encoded.append(found.recording)
            yield found

    encoding_parts.encode_stream = counted
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for kind in ("faces", "models"):
            shutil.copytree(cache_root() / kind, root / kind)
        manifest = {"name": "d", "face": Dataset.open(DATASET).face_id, "simulated": True}

        def write(writer: DatasetWriter, part: list[Recording]) -> None:
            for recording in part:
                writer.add(recording)
            writer.close(manifest)

        def import_all() -> None:
            with open_writer("d", recordings[0].names, root) as writer:
                write(writer, recordings[:-1])

        def import_one() -> None:
            folder = root / "staged"
            folder.mkdir()
            write(DatasetWriter(folder, recordings[0].names, root), recordings[-1:])
            staged = Dataset(folder, excluding=False)
            grow(Dataset.open("d", root).whole(), staged, staged.manifest, root)

        def encode() -> Path:
            return encode_dataset(MODEL, "d", root=root).path

        timed(results, "write all", import_all)
        timed(results, "encode all", encode)
        encoded.clear()
        timed(results, "add one", import_one)
        path = timed(results, "encode after adding one", encode)
        results["encoded after adding one"] = len(encoded)
        grown = sealed_files(path)
        shutil.rmtree(path)
        timed(results, "encode all anew", encode)
        results["same bytes"] = grown == sealed_files(path)
    print(f"recordings encoded after adding one: {results['encoded after adding one']}")
    print(f"the same bytes as encoded anew: {results['same bytes']}")
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
