"""Intervals by region against planted truth: ``python -m benchmarks.intervals``.

People whose brows, eyes, mouth and head do known things at times of their own (`benchmarks.planted_tracks`): macro-F1
by frame over the labels and rest, F1 of intervals that overlap their truth by half, mean overlap, and Cohen's kappa, of
both annotators in one run on the same frames. Labels of TICC, which are states, are matched to the truth one to one; it
gets the true number of states. Settings were chosen on seeds 0 to 2 and 10 to 13 (of TICC on 0); figures are of 3, 4.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace

import pandas as pd

import dfe_core as dfe
from benchmarks.planted_tracks import REGIONS, SHOWN, TURNS, World, planted_tracks
from dfe_core.faces import open_face
from dfe_core.intervals.agreement import matched_labels, tier_agreement
from dfe_core.intervals.annotate import IntervalInputs, IntervalSettings, find_intervals
from dfe_core.intervals.ticc import TiccSettings

STATES = {**{name: len(shown) + 1 for name, shown in SHOWN.items()}, "head": len(TURNS) + 1}


def annotated(inputs: IntervalInputs, annotator: str, base: IntervalSettings) -> tuple[pd.DataFrame, float]:
    """The table of one annotator, and CPU seconds. TICC is fitted region by region with the true number of states."""
    started = time.process_time()
    if annotator == "displacement":
        table = find_intervals(inputs, replace(base, annotator=annotator))
    else:
        table = pd.concat(
            find_intervals(
                inputs,
                replace(base, annotator=annotator, regions=(name,), ticc=replace(base.ticc, states=STATES[name])),
            )
            for name in REGIONS
        )
    return table, time.process_time() - started


def scored(found: pd.DataFrame, truth: pd.DataFrame, durations: dict[str, float], *, match: bool) -> dict[str, object]:
    rows = {}
    for region in REGIONS:
        ours, theirs = (one[one["tier"] == region] for one in (found, truth))
        labels = matched_labels(ours, theirs, durations) if match else None
        result = tier_agreement(region, ours, theirs, durations, labels=labels)
        rows[region] = {
            "macro_f1": round(result.macro_f1, 3),
            "interval_f1": round(result.event_f1, 3),
            "iou": round(result.iou, 3),
            "kappa": round(result.kappa, 3),
            "kappa_ci95": [round(result.kappa_low, 3), round(result.kappa_high, 3)],
            "f1": {name or "rest": round(value, 3) for name, value in result.f1.items()},
        }
    return rows


def run(model: str, world: World, *, subjects: int, seconds: float, seed: int, ticc: TiccSettings) -> dict[str, object]:
    codebook = dfe.open_codebook(model)
    face = open_face(codebook.face_id)
    data, truth = planted_tracks("planted-tracks", face, subjects=subjects, seconds=seconds, world=world, seed=seed)
    inputs = IntervalInputs(codebook=codebook, face=face, dataset=data)
    durations = dict(zip(data.recordings["recording"], data.recordings["duration_s"].astype(float), strict=True))
    base = IntervalSettings(ticc=ticc)
    out: dict[str, object] = {
        "world": vars(world),
        "seed": seed,
        "people": subjects,
        "minutes": subjects * seconds / 60,
    }
    for name, annotator, settings in (
        ("displacement", "displacement", base),
        ("displacement, spill kept", "displacement", replace(base, spill=True)),
        ("ticc", "ticc", base),
    ):
        found, seconds_used = annotated(inputs, annotator, settings)
        out[name] = {"cpu_s": round(seconds_used, 1), **scored(found, truth, durations, match=annotator == "ticc")}
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="default")
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4])
    parser.add_argument("--captures", nargs="+", default=["livelink", "landmarks"])
    parser.add_argument("--window", type=int, default=3)
    parser.add_argument("--change", type=float, default=100.0)
    parser.add_argument("--sparsity", type=float, default=0.11)
    args = parser.parse_args()
    ticc = TiccSettings(window=args.window, change=args.change, sparsity=args.sparsity)
    for capture in args.captures:
        for seed in args.seeds:
            world = World(capture=capture, fps=15.0 if capture == "landmarks" else 30.0)
            result = run(args.model, world, subjects=args.subjects, seconds=args.seconds, seed=seed, ticc=ticc)
            print(json.dumps(result, indent=1), flush=True)


if __name__ == "__main__":
    main()
