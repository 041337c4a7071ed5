"""Probes: how long 1,000 recordings take, how often a probe finds what is not there, and whether its intervals hold.

    python -m benchmarks.probes speed [--recordings 1000] [--frames 10000]
    python -m benchmarks.probes chance [--seeds 200] [--model default]
    python -m benchmarks.probes intervals [--seeds 200] [--people 24,60] [--repeats N]
    python -m benchmarks.probes traps [--model default] [--source simulated]

speed: five rows, nested five-fold, on random tokens and coefficients written to a temporary cache; seconds and the
largest memory of the process. chance: simulated people without any effect, a new set for every seed; the share of
seeds whose p is at most 0.05, by row. intervals: 60 columns of which 5 (or none) hold an effect, 24 and 60 people
twice; the share of 95 % intervals that hold the mean score over seeds, and their mean width. traps: labels that only
say how somebody was recorded (`benchmarks.probe_worlds`): scores with lengths as recorded and matched, and whether the
headline names what tells the label.
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

from dfe_core.artefact_names import CODEWORDS_FILE, CONFIG
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.dataset_writer import open_writer
from dfe_core.expressions.recording import Recording
from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.facs.derive import derive_aus
from dfe_core.probes.features.catalogue import Feature
from dfe_core.probes.features.transforms import Blocks, Measured
from dfe_core.probes.intervals import drawn_scores
from dfe_core.probes.limits import Finding
from dfe_core.probes.run import run_probe
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.validation import nested, repeated_folds
from dfe_core.store import cache_root, content_key, write_json
from dfe_core.tokens.cache import TokenWriter

TRAP_ROWS = ("bow", "bow-intensity", "bow-onsets", "bow-pairs", "psi", "au")
ROWS = ("bow", "bow-onsets", "au", "psi", "psi-kmeans")
_CODEWORDS, _STAGES, _FPS, _LEVELS = 256, 8, 30.0, (0.5, 1.0, 1.5, 2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "chance", "intervals", "traps"))
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--subjects", type=int, default=24)
    parser.add_argument("--model", default="default")
    parser.add_argument("--source", default="simulated")
    parser.add_argument("--task", choices=("classify", "regress"), help="of intervals: these designs alone")
    parser.add_argument("--people", default="24,60", help="of intervals: how many, after commas")
    parser.add_argument("--repeats", type=int, help="of the cross-validation in intervals (default: as dfe probe)")
    args = parser.parse_args()
    if args.what == "intervals":
        people = [int(text) for text in args.people.split(",")]
        print(
            json.dumps(
                [
                    intervals(count, *design, args.seeds, args.repeats)
                    for count in people
                    for design in DESIGNS
                    if args.task in (None, design[0])
                ],
                indent=1,
            )
        )
        return
    with tempfile.TemporaryDirectory(prefix="dfe-probes-") as folder:
        if args.what == "traps":
            found = traps(Path(folder), args.model, args.source)
        else:
            found = (
                speed(Path(folder), args.recordings, args.frames)
                if args.what == "speed"
                else chance(Path(folder), args.model, args.seeds, args.subjects)
            )
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
    result = run_probe(
        ProbeSettings(model="m", dataset="d", label="condition", features=ROWS),
        root,
        progress=lambda p: steps.setdefault(
            f"{p.task} {p.detail if p.total and p.total < 9 else ''}", round(time.perf_counter() - began, 1)
        ),
    )
    seconds = time.perf_counter() - began
    again = time.perf_counter()
    run_probe(
        ProbeSettings(model="m", dataset="d", label="condition", features=ROWS, seed=1, permutations=19, repeats=1),
        root,
    )
    return {
        "recordings": recordings,
        "frames": recordings * frames,
        "rows": len(ROWS),
        "seconds": round(seconds, 1),
        "seconds_again_other_seed": round(time.perf_counter() - again, 1),
        "derive_aus_seconds": round(derived, 1),
        "started_at": steps,
        "memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "memory_before_gb": round(base / 1e6, 2),
        "scores": {r["features"]: r["score"] for r in result.to_json()["rows"]},
    }


def write_world(root: Path, recordings: int, frames: int) -> None:
    """A model, a dataset and its tokens, at random; every fifth subject-condition differs a little."""
    rng = np.random.default_rng(0)
    psi = rng.random((_CODEWORDS, 52), np.float32) * (rng.random((_CODEWORDS, 52)) < 0.05)
    psi[0] = 0
    folder = root / "models" / "m"
    folder.mkdir(parents=True)
    pd.DataFrame({"codeword": np.arange(_CODEWORDS), "region": "brow", "psi": list(psi.astype(np.float32))}).to_parquet(
        folder / CODEWORDS_FILE
    )
    write_json(
        folder / CONFIG,
        {
            "key": content_key(0),
            "levels": list(_LEVELS),
            "face": "none",
            "coefficients": list(ARKIT_NAMES),
            "tokenizer": {"stages": _STAGES},
        },
    )
    folder = root / "tokens" / "m--d"
    folder.mkdir(parents=True)
    weight = rng.dirichlet(np.full(_CODEWORDS, 0.5), 2)
    held = frames // 5
    sink = TokenWriter(folder, stages=_STAGES, codewords=_CODEWORDS, levels=_LEVELS)
    with open_writer("d", ARKIT_NAMES, root) as writer:
        for i in range(recordings):
            label, name = i % 2, f"r{i:05d}"
            p = 0.9 * weight[0] + 0.1 * weight[label]
            tokens = np.repeat(rng.choice(_CODEWORDS, (held, _STAGES), p=p), 5, 0).astype(np.uint16)
            levels = np.repeat(rng.integers(0, len(_LEVELS), (held, _STAGES)), 5, 0).astype(np.uint8)
            rows = len(tokens)
            values = np.repeat(rng.random((held, 52), np.float32), 5, 0) ** 3
            writer.add(
                Recording(
                    name=name,
                    names=ARKIT_NAMES,
                    psi=values,
                    time_s=np.arange(rows) / _FPS,
                    frame=np.arange(rows),
                    valid=np.ones(rows, bool),
                    fps=_FPS,
                    space="arkit",
                    extractor="x",
                    subject=f"s{i // 4}",
                ),
                {"condition": "ab"[label]},
            )
            frame = np.arange(rows)
            sink.add(name, frame=frame, time_s=frame / _FPS, tokens=tokens, levels=levels, error_mm=np.zeros(rows))
        writer.close({"name": "d", "face": "none", "simulated": True})
    sink.close()


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
            found = run_probe(
                ProbeSettings(
                    model=model,
                    dataset="d",
                    label=label,
                    features=("bow", "au"),
                    permutations=99,
                    resamples=500,
                    swaps=999,
                    seed=seed,
                ),
                root,
            ).to_json()
            rows += [
                {
                    "seed": seed,
                    "label": label,
                    "features": r["features"],
                    "p": r["p_vs_chance"],
                    "above": r["ci95"][0] > found["chance"],
                }
                for r in found["rows"]
            ]
            rows += [
                {"seed": seed, "label": label, "features": f"{p['a']} against {p['b']}", "p": p["p"]}
                for p in found["paired"]
            ]
        shutil.rmtree(root / "analyses")
        print(f"seed {seed + 1} of {seeds}: {np.mean([r['p'] <= 0.05 for r in rows]):.3f}", file=sys.stderr, flush=True)
    table = pd.DataFrame(rows)
    share = table.assign(found=table["p"] <= 0.05).groupby(["label", "features"])["found"].mean().round(3)
    return {
        "seeds": seeds,
        "subjects": subjects,
        "share_significant": {f"{a}: {b}": v for (a, b), v in share.items()},
        "over_rows": round(float((table["p"] <= 0.05).mean()), 4),
    }


DESIGNS = (
    ("classify", 1.0, "recording"),
    ("classify", 0.0, "recording"),
    ("classify", 1.0, "subject"),
    ("regress", 0.6, "recording"),
    ("regress", 0.0, "recording"),
)
"""Task, effect (difference of class means in standard deviations, or slope) and what the label varies between."""


def intervals(people: int, task: str, effect: float, level: str, seeds: int, repeats: int | None = None) -> dict:
    """Coverage and mean width of the intervals of one design, by metric."""
    rows = [_interval_row(people, task, effect, level, seed, repeats) for seed in range(seeds)]
    found = {}
    for name in ("macro-F1", "AUROC") if task == "classify" else ("CCC",):
        low, high = (np.array([row[name]["ci95"][i] for row in rows]) for i in (0, 1))
        expected = float(np.mean([row[name]["score"] for row in rows]))
        found[name] = {
            "expected": round(expected, 3),
            "coverage": round(float(np.mean((low <= expected) & (expected <= high))), 3),
            "width": round(float(np.mean(high - low)), 3),
        }
    print(people, task, effect, level, found, file=sys.stderr, flush=True)
    return {
        "people": people,
        "task": task,
        "effect": effect,
        "level": level,
        "seeds": seeds,
        "repeats": repeats,
        "metrics": found,
    }


def _interval_row(
    people: int, task: str, effect: float, level: str, seed: int, repeats: int | None, columns: int = 60
) -> dict:
    """Scores with intervals of one drawn sample, by the procedure of `dfe probe` as it is by default."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(people), 2)
    values = (rng.normal(size=(people, columns)).repeat(2, 0) + rng.normal(size=(2 * people, columns))) / np.sqrt(2)
    if task == "regress":
        y = rng.normal(size=2 * people)
    else:
        y = np.tile([0, 1], people) if level == "recording" else rng.permutation(np.arange(people) % 2).repeat(2)
    values[:, :5] += effect * y[:, None]
    names = np.array([f"r{i}" for i in range(len(y))], object)
    target = Target(
        task=task,
        unit="recording",
        units=names,
        groups=groups.astype(str),
        y=y,
        classes=("a", "b") if task == "classify" else (),
        member=np.arange(len(y)),
        table=pd.DataFrame({"unit": names}),
    )
    feature = Feature(
        name="x",
        raw=values,
        columns=pd.DataFrame({"name": "x", "codeword": -1}, index=range(columns)),
        transform=Blocks(((0, columns, Measured()),)),
        member=np.arange(len(y)),
    )
    settings = ProbeSettings(
        model="m", dataset="d", label="y", features=("x",), resamples=200, seed=seed, repeats=repeats
    )
    found = tuple(nested(feature, target, folds, "linear", settings) for folds in repeated_folds(target, settings))
    return drawn_scores(found, target, "linear", settings).with_intervals


def traps(root: Path, model: str, source: str) -> dict:
    """Scores and headline of every misleading world made from a dataset of the cache."""
    from benchmarks.probe_worlds import LABEL, WORLDS, write_world
    from dfe_core.tokens.encoding import encode_dataset

    cache = cache_root()
    shutil.copytree(cache / "models" / model, root / "models" / model)
    shutil.copytree(cache / "faces", root / "faces")
    data, found = Dataset.open(source, cache), {}
    for kind in WORLDS:
        world = write_world(kind, data, kind, root)
        encode_dataset(model, kind, root=root)
        derive_aus(world, root=root)
        for lengths in ("as-recorded", "matched"):
            result = run_probe(
                ProbeSettings(
                    model=model, dataset=kind, label=LABEL, features=TRAP_ROWS, unit="recording", lengths=lengths
                ),
                root,
            ).to_json()
            telling = [c["column"] for c in result["confound_checks"] if c["state"] == Finding.PREDICTIVE]
            found[f"{kind}, {lengths}"] = {
                "scores": {r["features"]: round(r["score"], 2) for r in result["rows"]},
                "p_holm": {r["features"]: round(r["p_holm"], 3) for r in result["rows"]},
                "told by": telling,
                "duplicates": len(result["duplicates"]),
            }
            print(kind, lengths, found[f"{kind}, {lengths}"], file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    main()
