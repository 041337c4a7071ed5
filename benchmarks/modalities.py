"""What is recovered of planted offsets and of labels that modalities carry: ``python -m benchmarks.modalities``.

Offsets: a jaw at 30 frames a second and the envelope of a sound that goes with it, half of its variance noise. Labels:
60 people of two recordings, six features a modality; a label moves the first feature by so many standard deviations.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from dfe_core.signals.fusion import modality_table
from dfe_core.signals.offset import measure_offset
from dfe_core.signals.simulation import plant_course, plant_modalities

OFFSETS, NOISES = (-1.5, -0.2, 0.0, 0.7), (0.5, 1.0, 3.0)
WORLDS = {
    "face only": {"face": 1.2, "signals": 0.0, "noise": 0.0},
    "signals only": {"face": 0.0, "signals": 1.2, "noise": 0.0},
    "both": {"face": 1.2, "signals": 1.2, "noise": 0.0},
    "neither": {"face": 0.0, "signals": 0.0, "noise": 0.0},
}


def offsets(seeds: int) -> None:
    """Error of the offset, how often its interval holds it, and drift, by noise."""
    print(
        "| noise | mean error | largest error | interval holds it | p ≤ 0.05 | drift of 40 ms/min found, mean (s.d.) |"
    )
    print("|---" * 6 + "|")
    for noise in NOISES:
        found = []
        for seed in range(seeds):
            for planted in OFFSETS:
                one = measure_offset(*plant_course(offset_s=planted, minutes=3, noise=noise, seed=seed))
                found.append((one.offset_s - planted, one.low <= planted <= one.high, one.p <= 0.05))
        error, held, low = (np.array(column) for column in zip(*found, strict=True))
        drift = [
            measure_offset(
                *plant_course(offset_s=0.3, minutes=6, drift_ms_per_min=40, noise=noise, seed=seed)
            ).drift_ms_per_min
            for seed in range(seeds)
        ]
        print(
            f"| {noise:g} | {1000 * np.abs(error).mean():.0f} ms | {1000 * np.abs(error).max():.0f} ms "
            f"| {held.mean():.2f} "
            f"| {low.mean():.2f} | {np.mean(drift):.0f} ({np.std(drift):.0f}) |",
            flush=True,
        )
    strangers = []
    for seed in range(5 * seeds):
        face, _ = plant_course(offset_s=0, minutes=3, seed=1000 + seed)
        _, other = plant_course(offset_s=0, minutes=3, seed=5000 + seed)
        strangers.append(measure_offset(face, other).p <= 0.05)
    print(f"\nA sound of another recording: p ≤ 0.05 in {np.mean(strangers):.3f} of {len(strangers)}.")


def modalities(seeds: int) -> None:
    """Mean AUROC by what carries the label and what is used."""
    tables = []
    for world, carried in WORLDS.items():
        for seed in range(seeds):
            table = modality_table(*plant_modalities(carried, subjects=60, seed=seed), resamples=100, seed=seed)
            tables.append(table.assign(world=world, beyond=table["low"] > 0.5))
    rows = pd.concat(tables)
    rows["row"] = rows["used"] + rows["fusion"].map(lambda how: f", {how}" if how else "")
    mean = rows.groupby(["row", "world"], sort=False)["auroc"].mean().unstack()[list(WORLDS)]
    print("\n| used | " + " | ".join(WORLDS) + " |\n" + "|---" * (1 + len(WORLDS)) + "|")
    for name, row in mean.iterrows():
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in row) + " |")
    false = rows[rows["world"] == "neither"]["beyond"].mean()
    print(f"\nNobody carries the label: interval above 0.5 in {false:.3f} of rows.")


def main() -> None:
    """Print the tables of docs/signals.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="worlds of each kind (default: 20)")
    args = parser.parse_args()
    offsets(args.seeds)
    modalities(args.seeds)


if __name__ == "__main__":
    main()
