"""What the analysis of conversations recovers, and how often it finds what is not there: ``python -m
benchmarks.conversations``.

Simulated tracks (`dfe_core.conversations.simulation`): 12 conversations of 2 minutes, 10 steps a second, 4 codewords of
6 onsets a minute in each face. Null worlds have no answers: independent faces, faces with a fifth of the time lost, and
faces that follow the same task (onsets gather at the same times in all conversations).

``--strangers MODEL DATASET``: recordings of people who were not recorded together are paired at random into 12
conversations: real faces, and nothing to find.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from dfe_core.conversations.analysis import analyse_faces
from dfe_core.conversations.members import find_conversations
from dfe_core.conversations.result import ANSWERS, CORRELATION, FORWARD, TESTED, PairTables
from dfe_core.conversations.run import common_parts
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.conversations.simulation import PlantedAnswers, plant_answers
from dfe_core.conversations.tracks import FaceTrack, Things, common_step, things_of, track_of_tokens
from dfe_core.tokens.intervals import iter_recordings
from dfe_core.tokens.presence import codeword_sizes
from dfe_core.workspace.study import Study

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


def false_rates(seeds: range, conversations: int, every: bool) -> None:
    """Of the first codeword of each null world (every: of all), how often p ≤ 0.05; and how often any q is."""
    print(
        "| no answers | measure | p_shift | p_shuffled | p_lead | any q_shift | any q_shuffled |\n" + "|---" * 7 + "|"
    )
    for name, asked in NULLS.items():
        tables = [world(seed, conversations, answered=0, **asked).table for seed in seeds]
        for measure, direction in ((CORRELATION, "both"), (ANSWERS, FORWARD)):
            rows = pd.concat([t[(t["measure"] == measure) & (t["direction"] == direction)] for t in tables])
            rows = rows if every else rows[rows["thing"] == "1"]
            cells = [share(int((rows[p] <= 0.05).sum()), len(rows)) if rows[p].notna().any() else "–" for p in TESTS]
            any_q = [
                share(sum(bool((t.loc[t["measure"] == measure, q] <= 0.05).any()) for t in tables), len(seeds))
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


def strangers(model: str, dataset: str, seeds: int, conversations: int) -> None:
    """Of random pairs of different people of a dataset, how often p ≤ 0.05 over all codewords and regions."""
    study = Study(model, dataset)
    things, sizes = things_of(study.codebook.table), codeword_sizes(study.token_cache)
    step_s = common_step((1 / study.dataset.recordings["fps"]).tolist())
    tracks = {
        part.recording: track_of_tokens(part, sizes, things, 0.0, step_s)
        for part in iter_recordings(study.token_cache)
        if len(part.frame) > 1
    }
    rows = study.dataset.recordings
    rows = rows[rows["recording"].astype(str).isin(tracks)]
    tables = [_of_strangers(rows, tracks, things, step_s, conversations, seed) for seed in range(seeds)]
    print(
        "\n| strangers | measure | tests | p_shift | p_shuffled | any q_shift | any q_shuffled |\n" + "|---" * 7 + "|"
    )
    for measure in (CORRELATION, ANSWERS):
        own = [table[(table["measure"] == measure) & (table["status"] == TESTED)] for table in tables]
        both = pd.concat(own)
        cells = [f"{(both[p] <= 0.05).mean():.3f}" for p in TESTS[:2]]
        cells += [share(sum(bool((one[q] <= 0.05).any()) for one in own), seeds) for q in ("q_shift", "q_shuffled")]
        print(f"| {dataset}, {seeds} pairings | {measure} | {len(both)} | " + " | ".join(cells) + " |", flush=True)


def _of_strangers(
    rows: pd.DataFrame, tracks: dict[str, FaceTrack], things: Things, step_s: float, conversations: int, seed: int
) -> pd.DataFrame:
    """The table of pairs of one recording each of 2 · `conversations` people."""
    people = rows.sample(frac=1, random_state=seed).drop_duplicates("subject").head(2 * conversations)
    labelled = people.assign(pair=np.arange(len(people)) // 2)
    settings = ConversationSettings(by="pair", surrogates=199, resamples=100, seed=seed, min_conversations=4)
    faces, _ = common_parts(find_conversations(labelled, settings), tracks, step_s, settings)
    return analyse_faces(faces, things.table, step_s, settings).table


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
    parser.add_argument(
        "--strangers", nargs=2, metavar=("MODEL", "DATASET"), help="pair the people of a dataset instead"
    )
    parser.add_argument("--first-seed", type=int, default=0, help="of the null worlds (default: 0)")
    parser.add_argument("--all-codewords", action="store_true", help="count all codewords of a null world")
    args = parser.parse_args()
    if args.strangers:
        strangers(*args.strangers, args.seeds, args.conversations)
        return
    false_rates(range(args.first_seed, args.first_seed + args.seeds), args.conversations, args.all_codewords)
    recovery(args.planted)


if __name__ == "__main__":
    main()
