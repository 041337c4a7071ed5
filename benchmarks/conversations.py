"""What the analysis of conversations recovers, and how often it finds what is not there: ``python -m
benchmarks.conversations``.

Simulated tracks (`dfe_core.conversations.simulation`): 12 conversations of 2 minutes, 10 steps a second, 4 codewords of
6 onsets a minute in each face. Null worlds have no answers: independent faces, faces with a fifth of the time lost, and
faces that follow the same task (onsets gather at the same times in all conversations).
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from dfe_core.conversations.analysis import ANSWERS, CORRELATION, FORWARD, PairTables, analyse_faces
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.conversations.simulation import PlantedAnswers, plant_answers

STEP_S, MINUTES, THINGS = 0.1, 2.0, 4
NULLS = {"independent": {}, "a fifth lost": {"lost": 0.2}, "common task": {"common_s": 10.0}}
LAGS, STRENGTHS = (0.2, 0.5, 1.0, 2.0), (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
TESTS = ("p_shift", "p_shuffled", "p_lead")


def world(seed: int, conversations: int = 12, **asked: float) -> PairTables:
    """The tables of one simulated study."""
    planted = PlantedAnswers(
        seed=seed, conversations=conversations, minutes=MINUTES, things=THINGS, step_s=STEP_S, **asked
    )
    faces, things = plant_answers(planted)
    settings = ConversationSettings(surrogates=199, resamples=200, seed=seed)
    return analyse_faces(faces, things, STEP_S, settings)


def share(hits: int, tried: int) -> str:
    """A share with its exact 95 % interval."""
    low, high = binomtest(hits, tried).proportion_ci()
    return f"{hits / tried:.3f} ({low:.3f} to {high:.3f})"


def false_rates(seeds: int, conversations: int) -> None:
    """Of the first codeword of each null world, how often p ≤ 0.05; and how often any q of a kind is."""
    print(
        "| no answers | measure | p_shift | p_shuffled | p_lead | any q_shift | any q_shuffled |\n" + "|---" * 7 + "|"
    )
    for name, asked in NULLS.items():
        tables = [world(seed, conversations, answered=0, **asked).table for seed in range(seeds)]
        for measure, direction in ((CORRELATION, "both"), (ANSWERS, FORWARD)):
            rows = pd.concat([t[(t["measure"] == measure) & (t["direction"] == direction)] for t in tables])
            rows = rows[rows["thing"] == "1"]
            cells = [share(int((rows[p] <= 0.05).sum()), len(rows)) if rows[p].notna().any() else "–" for p in TESTS]
            any_q = [
                share(sum(bool((t.loc[t["measure"] == measure, q] <= 0.05).any()) for t in tables), seeds)
                if tables[0][q].notna().any()
                else "–"
                for q in ("q_shift", "q_shuffled")
            ]
            print(f"| {name} | {measure} | " + " | ".join([*cells, *any_q]) + " |", flush=True)


def recovery(seeds: int) -> None:
    """Lag, strength, and how often they are found, of the codeword that is answered."""
    print("\n| lag planted | lag found, mean (s.d.) | largest error | leads right |\n|---|---|---|---|")
    for lag in LAGS:
        rows = [_row(world(seed, lag_s=lag), CORRELATION) for seed in range(seeds)]
        found, lead = np.array([r["lag_s"] for r in rows]), np.array([r["lead"] for r in rows])
        error = np.abs(found - lag).max()
        print(f"| {lag:g} s | {found.mean():.3f} ({found.std():.3f}) s | {error:.3f} s | {(lead > 0).mean():.2f} |")
    print(
        "\n| strength planted | strength found, mean (s.d.) | interval holds it | r | p_shift ≤ 0.05 | "
        "p_shuffled ≤ 0.05 |\n|---|---|---|---|---|---|"
    )
    for strength in STRENGTHS:
        tables = [world(seed, strength=strength) for seed in range(seeds)]
        rows = pd.DataFrame([_row(t, ANSWERS) for t in tables])
        r = np.mean([_row(t, CORRELATION)["value"] for t in tables])
        held = ((rows["strength_low"] <= strength) & (strength <= rows["strength_high"])).mean()
        found = [f"{(rows[p] <= 0.05).mean():.2f}" for p in TESTS[:2]]
        mean = f"{rows['strength'].mean():.3f} ({rows['strength'].std():.3f})"
        print(f"| {strength:g} | {mean} | {held:.2f} | {r:.2f} | {found[0]} | {found[1]} |", flush=True)


def _row(tables: PairTables, measure: str) -> pd.Series:
    table = tables.table
    direction = FORWARD if measure == ANSWERS else "both"
    own = (table["measure"] == measure) & (table["thing"] == "1") & (table["direction"] == direction)
    return table[own].iloc[0]


def main() -> None:
    """Print the tables of docs/conversations.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="null worlds of each kind (default: 200)")
    parser.add_argument("--planted", type=int, default=20, help="planted worlds of each lag and strength (default: 20)")
    parser.add_argument("--conversations", type=int, default=12, help="of a null world (default: 12)")
    args = parser.parse_args()
    false_rates(args.seeds, args.conversations)
    recovery(args.planted)


if __name__ == "__main__":
    main()
