"""What a probe of many frames costs: ``python -m benchmarks.probe_scale --frames 100000 1000000 10000000``.

Needs the codebook ``default`` and its tokens on ``simulated`` in the cache. The tokens of the simulated recordings are
written over and over as recordings of two minutes, one of a person, cut at another place and with 30 stretches of a
second without tokens in each copy; of every second person one codeword is also lost in half of its frames, which is the
label. Frames themselves are not written: a probe of codewords reads tokens. Every size runs in a process of its own and
in a folder that is deleted. Printed are processor seconds and the largest memory of counting (`presence_counts`, tokens
to counts of every window), and of the folds with their choice of a penalty, the intervals and the permutations.

``--window`` adds one recording of so many seconds, and with it every recording is described by windows of that length:
of five seconds 10⁸ frames have some 333,000.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.memory import PeakMemory, now
from dfe_core.store import cache_root

MODEL, SOURCE, NAME = "default", "simulated", "many"
REST_STRETCHES, RECORDING_S = 30, 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--frames", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--window", type=float, default=0.0, help="seconds")
    parser.add_argument("--permutations", type=int, default=199)
    parser.add_argument("--work", type=Path, help="folder for scratch data (default: the system's)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure is not None:
        print(json.dumps(measure(args.measure, args)))
        return
    points = []
    passed = [f"--window={args.window}", f"--permutations={args.permutations}"]
    passed += [f"--work={args.work}"] if args.work else []
    for frames in args.frames:
        command = [sys.executable, "-m", "benchmarks.probe_scale", "--measure", str(frames), *passed]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        points.append(json.loads(done.stdout.splitlines()[-1]))
        print(json.dumps(points[-1]), flush=True)
        if args.json:
            args.json.write_text(json.dumps(points, indent=1) + "\n", encoding="utf-8")


def write(root: Path, frames: int, window_s: float) -> None:
    """The dataset without frames, and its tokens."""
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.expressions.dataset_writer import open_writer
    from dfe_core.tokens.cache import TokenCache, TokenWriter
    from dfe_core.tokens.intervals import iter_recordings

    data, held = Dataset.open(SOURCE), TokenCache.open(MODEL, SOURCE)
    pool = list(iter_recordings(held))
    rng = np.random.default_rng(0)
    used = np.bincount(np.concatenate([one.tokens.ravel() for one in pool]), minlength=held.codewords)
    told = int(np.argsort(-used[1:])[20] + 1)
    fps = float(data.recordings["fps"].iloc[0])
    count = int(RECORDING_S * fps)
    number = max(10, -(-frames // count))
    lengths = [count] * number + ([int(window_s * fps)] if window_s else [])
    rows = pd.DataFrame(
        {
            "recording": [f"r{i:06d}" for i in range(len(lengths))],
            "subject": [f"p{i:06d}" for i in range(len(lengths))],
            "session": "",
            "fps": fps,
            "frames": lengths,
            "duration_s": np.array(lengths) / fps,
            "valid_frames": lengths,
            "extractor": "simulated",
            "first_row": np.cumsum(lengths) - lengths,
            "label": np.where(np.arange(len(lengths)) % 2, "yes", "no"),
        }
    )
    with open_writer(NAME, data.names, root) as writer:
        writer.copy([(str(row.recording), int(row.frames), str(row.recording)) for row in rows.itertuples()], [])
        notes = ["Tokens of the simulated data over and over, for a benchmark; without frames."]
        manifest = {"name": NAME, "face": data.face_id, "simulated": True, "sources": [], "dropped": [], "notes": notes}
        writer.close(manifest, rows=rows)
    folder = root / "tokens" / f"{MODEL}--{NAME}"
    folder.mkdir(parents=True)
    sink = TokenWriter(folder, stages=held.stages, codewords=held.codewords, levels=held.levels.tolist())
    codes = {float(v): i for i, v in enumerate(held.levels)}
    levels = [np.vectorize(lambda v: codes.get(float(v), 0), otypes=[np.uint8])(one.intensities) for one in pool]
    for i, length in enumerate(lengths):
        which = i % len(pool)
        one, level = pool[which], levels[which]
        at = (np.arange(length) + int(rng.integers(len(one.tokens)))) % len(one.tokens)
        tokens = one.tokens[at].copy()
        for start in rng.integers(0, length, REST_STRETCHES):
            tokens[start : start + round(fps)] = 0
        if i % 2:
            tokens[(tokens == told) & (rng.random(tokens.shape) < 0.5)] = 0
        time_s = np.arange(length) / fps
        error = one.error_mm[at]
        sink.add(f"r{i:06d}", frame=np.arange(length), time_s=time_s, tokens=tokens, levels=level[at], error_mm=error)
    keys = {
        "model_key": held.manifest["model_key"],
        "dataset_key": Dataset.open(NAME, root).stored_key,
        "model": MODEL,
        "dataset": NAME,
        "simulated": True,
        "recordings": len(lengths),
        "search": held.manifest.get("search", "full"),
        "key": held.manifest.get("key", ""),
    }
    sink.close(keys)


def measure(frames: int, args: argparse.Namespace) -> dict[str, Any]:
    """One size, in a cache of its own."""
    from unittest.mock import patch

    from dfe_core.probes import run
    from dfe_core.probes.features import material
    from dfe_core.probes.settings import ProbeSettings

    with tempfile.TemporaryDirectory(prefix="dfe-probe-", dir=args.work) as folder:
        root = Path(folder)
        for kind, name in (("models", MODEL), ("faces", "")):
            shutil.copytree(cache_root() / kind / name, root / kind / name)
        written = time.process_time()
        write(root, frames, args.window)
        written = time.process_time() - written
        settings = ProbeSettings(
            model=MODEL, dataset=NAME, label="label", features=("bow",), permutations=args.permutations
        )
        memory, marks = PeakMemory(), {"before_mb": now()[0]}

        def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
            def timed(*given: Any, **named: Any) -> Any:
                began = time.process_time()
                value = call(*given, **named)
                marks[f"{name}_s"] = round(marks.get(f"{name}_s", 0.0) + time.process_time() - began, 2)
                marks[f"{name}_mb"] = round(memory.own)
                return value

            return timed

        steps = {"folds": "repeated_folds", "permuting": "permute_labels", "fitting": "score_rows"}
        began = time.process_time()
        with contextlib.ExitStack() as stack:
            stack.enter_context(patch.object(run, "find_duplicates", lambda *_: ()))
            stack.enter_context(patch.object(run, "confound_checks", lambda *_, **__: ()))  # both read frames
            stack.enter_context(
                patch.object(material, "_count_presence", counted("counting", material._count_presence))
            )
            for name, function in steps.items():
                stack.enter_context(patch.object(run, function, counted(name, getattr(run, function))))
            found = run.run_probe(settings, root)
        whole = time.process_time() - began
        tokens = (root / "tokens" / f"{MODEL}--{NAME}" / "tokens.parquet").stat().st_size
    row = found.summary["rows"][0]
    return {
        "frames": frames,
        "units": found.summary["n"],
        "windows": round(found.summary["windows"]["per_unit"] * found.summary["n"]),
        "tokens_mb": round(tokens / 1e6, 1),
        "writing_s": round(written, 1),
        **marks,
        "whole_s": round(whole, 1),
        "largest_mb": round(memory.own),
        "score": round(row["score"], 3),
        "interval": [round(float(one), 3) for one in row["ci95"]],
        "p": row["p_vs_chance"],
    }


if __name__ == "__main__":
    main()
