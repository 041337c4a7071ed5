"""Does `dfe groups --all` keep its error rates, and how many people does an effect need?

    python -m benchmarks.groups MODEL DATASET [--aus NAME] [--seeds 200] [--draws 40]

Null: subjects are put into two groups at random, once for each seed; reported are the share of p below 0.05 and of the
comparisons with any q below 0.05, by family and over all rows. Power: subjects are drawn with replacement from
those of the dataset into two groups, every codeword's rate is raised in one of them by d standard deviations, and the
share of p below 0.05 is set beside the power of a t test on as many normal values (noncentral t).
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


def power_curve(study: Study, draws: int, permutations: int) -> pd.DataFrame:
    """By effect and number of people: realised and predicted power of the permutation test of a codeword's rate."""
    rate = subject_rates(study)
    rows = []
    for d in EFFECTS:
        for n in SIZES:
            hits = [_hits(rate, d, n, seed, permutations) for seed in range(draws)]
            each = np.mean(hits, axis=1)
            error = 1.96 * each.std(ddof=1) / np.sqrt(draws)
            rows.append((d, n, each.mean(), error, predicted_power(d, n)))
    return pd.DataFrame(rows, columns=["d", "people", "realised", "± (95 %)", "predicted"])


def subject_rates(study: Study) -> pd.DataFrame:
    """(S, K) intervals per minute of the codewords that half of the people show."""
    from dfe_core.groups.measures import count_use

    rows = study.dataset.recordings
    member, people = pd.factorize(rows["subject"].astype(str))
    sums = count_use(study.intervals_index, rows["recording"].astype(str).tolist()).pooled(member, len(people))
    rate = pd.DataFrame(sums.measures()["rate"], index=people).iloc[:, 1:]
    return rate.loc[:, (rate > 0).mean() >= 0.5]


def predicted_power(d: float, n: int) -> float:
    """Of a two-sided t test of n people in two equal groups at `ALPHA`."""
    df, shift = n - 2, d * np.sqrt(n) / 2
    limit = stats.t.ppf(1 - ALPHA / 2, df)
    return float(stats.nct.sf(limit, df, shift) + stats.nct.cdf(-limit, df, shift))


def _hits(rate: pd.DataFrame, d: float, n: int, seed: int, permutations: int) -> np.ndarray:
    """Whether each codeword's planted difference has p below `ALPHA`."""
    rng = np.random.default_rng([seed, n, round(100 * d)])
    drawn = rate.to_numpy()[rng.integers(len(rate), size=n)]
    a, b = drawn[: n // 2], drawn[n // 2 :] + d * rate.to_numpy().std(axis=0)
    return permutation.two_groups(a, b, permutations=permutations, seed=seed) < ALPHA


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--aus")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--permutations", type=int, default=999)
    args = parser.parse_args()
    study = Study(args.model, args.dataset)
    aus = AlignedAus.open(args.dataset, args.aus, study.root) if args.aus else None
    people = study.dataset.recordings["subject"].nunique()
    print(f"{args.model} on {args.dataset}: {people} people, {args.permutations} permutations\n")
    print(f"null, {args.seeds} random groupings")
    print(null_rates(study, aus, args.seeds, args.permutations).round(4).to_string(index=False))
    print(f"\npower, {args.draws} draws of people for each row")
    print(power_curve(study, args.draws, args.permutations).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
