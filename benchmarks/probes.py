"""Probes: how long 1,000 recordings take, and how often a probe finds what is not there.

    python -m benchmarks.probes speed [--recordings 1000] [--frames 10000]
    python -m benchmarks.probes chance [--seeds 200] [--model default]

speed: five rows, nested five-fold, on random tokens and coefficients written to a temporary cache; seconds and the
largest memory of the process. chance: simulated people without any effect, a new set for every seed; the share of
seeds whose p is at most 0.05, by row.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dfe_core.expressions.arkit import ARKIT_NAMES
from dfe_core.expressions.dataset import Dataset, open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.facs.derive import derive_aus
from dfe_core.probes.run import run_probe
from dfe_core.probes.settings import ProbeSettings
from dfe_core.store import cache_root, content_key, write_json

ROWS = ("bow", "bow-onsets", "au", "psi", "psi-kmeans")
_CODEWORDS, _STAGES, _FPS, _LEVELS = 256, 8, 30.0, (0.5, 1.0, 1.5, 2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "chance"))
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--subjects", type=int, default=24)
    parser.add_argument("--model", default="default")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dfe-probes-") as folder:
        found = speed(Path(folder), args.recordings, args.frames) if args.what == "speed" \
            else chance(Path(folder), args.model, args.seeds, args.subjects)
    print(json.dumps(found, indent=1))


def speed(root: Path, recordings: int, frames: int) -> dict:
    """Seconds of each step and the largest memory, GB."""
    write_world(root, recordings, frames)
    began = time.perf_counter()
    derive_aus(Dataset.open("d", root), root=root)
    derived = time.perf_counter() - began
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    steps: dict[str, float] = {}
    result = run_probe(ProbeSettings("m", "d", "condition", features=ROWS), root,
                       progress=lambda p: steps.setdefault(f"{p.task} {p.detail if p.total and p.total < 9 else ''}",
                                                           round(time.perf_counter() - began, 1)))
    seconds = time.perf_counter() - began
    again = time.perf_counter()
    run_probe(ProbeSettings("m", "d", "condition", features=ROWS, seed=1, permutations=19), root)
    return {"recordings": recordings, "frames": recordings * frames, "rows": len(ROWS), "seconds": round(seconds, 1),
            "seconds_again_other_seed": round(time.perf_counter() - again, 1), "derive_aus_seconds": round(derived, 1),
            "started_at": steps, "memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
            "memory_before_gb": round(base / 1e6, 2), "scores": {r["features"]: r["score"] for r in
                                                                 result.to_json()["rows"]}}


def write_world(root: Path, recordings: int, frames: int) -> None:
    """A model, a dataset and its tokens, at random; every fifth subject-condition differs a little."""
    rng = np.random.default_rng(0)
    psi = rng.random((_CODEWORDS, 52), np.float32) * (rng.random((_CODEWORDS, 52)) < 0.05)
    psi[0] = 0
    folder = root / "models" / "m"
    folder.mkdir(parents=True)
    pd.DataFrame({"codeword": np.arange(_CODEWORDS), "region": "brow", "psi": list(psi.astype(np.float32))}) \
        .to_parquet(folder / "codewords.parquet")
    write_json(folder / "config.json", {"key": content_key(0), "levels": list(_LEVELS), "face": "none",
                                        "coefficients": list(ARKIT_NAMES), "tokenizer": {"stages": _STAGES}})
    folder = root / "tokens" / "m--d"
    folder.mkdir(parents=True)
    weight = rng.dirichlet(np.full(_CODEWORDS, 0.5), 2)
    counts, sink, held = [], None, frames // 5
    with open_writer("d", ARKIT_NAMES, root) as writer:
        for i in range(recordings):
            label, name = i % 2, f"r{i:05d}"
            p = 0.9 * weight[0] + 0.1 * weight[label]
            tokens = np.repeat(rng.choice(_CODEWORDS, (held, _STAGES), p=p), 5, 0).astype(np.uint16)
            levels = np.repeat(rng.integers(0, len(_LEVELS), (held, _STAGES)), 5, 0).astype(np.uint8)
            rows = len(tokens)
            values = np.repeat(rng.random((held, 52), np.float32), 5, 0) ** 3
            writer.add(Recording(name, ARKIT_NAMES, values, np.arange(rows) / _FPS, np.arange(rows),
                                 np.ones(rows, bool), _FPS, "arkit", "x", f"s{i // 4}"), {"condition": "ab"[label]})
            table = _token_table(name, tokens, levels)
            sink = sink or pq.ParquetWriter(folder / "tokens.parquet", table.schema, compression="zstd")
            sink.write_table(table)
            counts.append(_counts(name, tokens, np.asarray(_LEVELS)[levels]))
        writer.close({"name": "d", "face": "none", "simulated": True})
    sink.close()
    pd.concat(counts).to_parquet(folder / "counts.parquet", index=False)
    write_json(folder / "manifest.json", {"stages": _STAGES, "codewords": _CODEWORDS, "levels": list(_LEVELS),
                                          "frames": recordings * held * 5})


def _token_table(name: str, tokens: np.ndarray, levels: np.ndarray) -> pa.Table:
    rows = len(tokens)
    return pa.table({"recording": pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [name]),
                     "frame": np.arange(rows), "time_s": np.arange(rows) / _FPS,
                     "tokens": pa.FixedSizeListArray.from_arrays(tokens.ravel(), _STAGES),
                     "levels": pa.FixedSizeListArray.from_arrays(levels.ravel(), _STAGES),
                     "error_mm": np.zeros(rows, np.float32)})


def _counts(name: str, tokens: np.ndarray, intensity: np.ndarray) -> pd.DataFrame:
    cell = (tokens.astype(np.int64) + np.arange(_STAGES) * _CODEWORDS).ravel()
    uses = np.bincount(cell, minlength=_STAGES * _CODEWORDS)
    total = np.bincount(cell, intensity.ravel(), _STAGES * _CODEWORDS)
    used = np.flatnonzero((uses > 0) & (np.arange(len(uses)) % _CODEWORDS != 0))
    return pd.DataFrame({"recording": name, "stage": used // _CODEWORDS, "codeword": used % _CODEWORDS,
                         "uses": uses[used], "intensity": total[used]})


def chance(root: Path, model: str, seeds: int, subjects: int) -> dict:
    """Share of seeds with p at most 0.05, by label and row: simulated people without effect, encoded by `model`."""
    from dfe_core.simulate.dataset import simulate_dataset
    from dfe_core.tokens.encoding import encode_dataset
    source = cache_root()
    shutil.copytree(source / "models" / model, root / "models" / model)
    shutil.copytree(source / "faces", root / "faces")
    rows = []
    for seed in range(seeds):
        simulate_dataset("d", subjects=subjects, minutes_per_subject=0.5, seed=seed, effect="none", root=root)
        encode_dataset(model, "d", root=root)
        derive_aus(Dataset.open("d", root), root=root)
        for label in ("condition", "group", "arousal"):
            found = run_probe(ProbeSettings(model, "d", label, features=("bow", "au"), permutations=99,
                                            resamples=500, swaps=999, seed=seed), root).to_json()
            rows += [{"seed": seed, "label": label, "features": r["features"], "p": r["p_vs_chance"],
                      "above": r["ci95"][0] > found["chance"]} for r in found["rows"]]
            rows += [{"seed": seed, "label": label, "features": f"{p['a']} against {p['b']}", "p": p["p"]}
                     for p in found["paired"]]
        shutil.rmtree(root / "analyses")
        print(f"seed {seed + 1} of {seeds}: {np.mean([r['p'] <= 0.05 for r in rows]):.3f}", file=sys.stderr, flush=True)
    table = pd.DataFrame(rows)
    share = table.assign(found=table["p"] <= 0.05).groupby(["label", "features"])["found"].mean().round(3)
    return {"seeds": seeds, "subjects": subjects, "share_significant": {f"{a}: {b}": v for (a, b), v in share.items()},
            "over_rows": round(float((table["p"] <= 0.05).mean()), 4)}


if __name__ == "__main__":
    main()
