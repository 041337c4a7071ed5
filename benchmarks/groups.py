"""Does `dfe groups --all` keep its error rates, and how many people does an effect need?

    python -m benchmarks.groups MODEL DATASET [--aus NAME] [--seeds 200] [--splits 20] [--draws 100]

Null: subjects are put into two groups at random, once for each seed; reported are the share of p below 0.05 and of the
comparisons with any q below 0.05, by family and over all rows. Power: subjects are split into two halves at random,
`--splits` times. From one half the power is predicted as `dfe power` does. From the recordings of the other half
subjects are drawn with replacement into two groups, intervals of every codeword are added to one of them (d standard
deviations of these people), and the share of p below 0.05 is what is realised. Beside both, the power of a t test on as
many normal values (noncentral t).
"""

from __future__ import annotations

import argparse
from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy import stats

from dfe_core.facs.store import AlignedAus
from dfe_core.groups import permutation
from dfe_core.groups.comparison import GroupSettings, compare_use
from dfe_core.groups.families import family_measures, family_uses, joined_families
from dfe_core.groups.power import PowerSettings, Rates, codeword_rates, predict_power
from dfe_core.workspace.study import Study

ALPHA = 0.05
EFFECTS, SIZES = (0.0, 0.5, 0.8, 1.2), (20, 40, 80)
_BY = "group at random"


def null_rates(study: Study, aus: AlignedAus | None, seeds: int, permutations: int) -> pd.DataFrame:
    """By family and over all rows: share of p below `ALPHA`, and of seeds with any q below it."""
    uses = list(family_uses(study.codebook, study.dataset, study.intervals_index, aus))
    rows = study.dataset.recordings
    people = rows["subject"].unique()
    found = []
    for seed in range(seeds):
        groups = np.random.default_rng([seed, 7]).permutation(np.arange(len(people)) % 2)
        labelled = rows.assign(
            **{_BY: rows["subject"].map(dict(zip(people, np.array(["a", "b"])[groups], strict=True)))}
        )
        data = SimpleNamespace(recordings=labelled, name=study.dataset.name, simulated=study.dataset.simulated)
        asked = GroupSettings(by=_BY, permutations=permutations, resamples=100, seed=seed)
        parts = {}
        for family, use in uses:
            measures = family_measures(family, asked)
            settings = GroupSettings(by=_BY, measures=measures, permutations=permutations, resamples=100, seed=seed)
            parts[family] = compare_use(use, data, settings)
        table = joined_families(parts).table.dropna(subset="p")
        for family, part in [*table.groupby("family"), ("all rows", table.assign(q=table["q_all"]))]:
            found.append((family, len(part), (part["p"] < ALPHA).mean(), (part["q"] < ALPHA).any()))
    table = pd.DataFrame(found, columns=["family", "tests", "p below 0.05", "any q below 0.05"])
    return table.groupby("family", sort=False).mean().reset_index()


def power_curve(study: Study, draws: int, splits: int) -> pd.DataFrame:
    """By effect and number of people: power predicted from half of the people and realised in the other half, means
    over codewords and over splits."""
    rates = codeword_rates(study.dataset, study.intervals_index)
    rows = []
    for d in EFFECTS:
        for n in SIZES:
            pairs = np.array([_halves(rates, d, n, split, draws) for split in range(splits)])
            apart = pairs[:, 0] - pairs[:, 1]
            rows.append((d, n, *pairs.mean(0), apart.std(ddof=1) / np.sqrt(splits), formula(d, n)))
    table = pd.DataFrame(rows, columns=["d", "people", "predicted", "realised", "± (difference)", "t test"])
    return table.assign(apart=100 * (table["predicted"] - table["realised"]))


def _halves(rates: Rates, d: float, n: int, split: int, draws: int) -> tuple[float, float]:
    """Mean power over codewords: predicted from one half, realised in the other."""
    order = np.random.default_rng([split, 3]).permutation(len(rates.people))
    pilot, rest = rates.of(order[: len(order) // 2]), rates.of(order[len(order) // 2 :])
    asked = PowerSettings(effect=d, people=(n,), draws=draws, seed=split)
    predicted = predict_power(pilot, asked)["power"].mean()
    shift = d * rest.rate.std(0, ddof=1)
    realised = [_realised(rest, shift, n, seed, asked.permutations) for seed in range(draws)]
    return float(predicted), float(np.mean(realised))


def _realised(rates: Rates, shift: np.ndarray, n: int, seed: int, permutations: int) -> np.ndarray:
    """Whether each codeword's planted difference has p below `ALPHA`: counts of real recordings, and added ones."""
    rng = np.random.default_rng([seed, n])
    chosen = rng.integers(len(rates.people), size=n)
    added = rng.poisson(np.outer(rates.minutes[chosen], shift)) / rates.minutes[chosen][:, None]
    drawn, half = rates.rate[chosen], n // 2
    p = permutation.two_groups(drawn[:half], (drawn + added)[half:], permutations=permutations, seed=seed)
    return np.nan_to_num(p, nan=1.0) < ALPHA


def formula(d: float, n: int) -> float:
    """Of a two-sided t test of n people in two equal groups at `ALPHA`."""
    df, shift = n - 2, d * np.sqrt(n) / 2
    limit = stats.t.ppf(1 - ALPHA / 2, df)
    return float(stats.nct.sf(limit, df, shift) + stats.nct.cdf(-limit, df, shift))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--aus")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--permutations", type=int, default=999)
    args = parser.parse_args()
    study = Study(args.model, args.dataset)
    aus = AlignedAus.open(args.dataset, args.aus, study.root) if args.aus else None
    people = study.dataset.recordings["subject"].nunique()
    print(f"{args.model} on {args.dataset}: {people} people, {args.permutations} permutations\n")
    if args.seeds:
        print(f"null, {args.seeds} random groupings")
        print(null_rates(study, aus, args.seeds, args.permutations).round(4).to_string(index=False))
    print(f"\npower, {args.splits} splits into halves, {args.draws} draws of people each")
    print(power_curve(study, args.draws, args.splits).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
