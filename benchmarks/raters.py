"""Do the intervals of rating studies hold what they promise? Simulated raters whose skill is known.

    python -m benchmarks.raters [--studies 300] [--seed 0]

Each rater sees an item with a probability that depends on rater and item, and guesses else; a tenth of the answers is
missing. Accuracy is that of the population of raters on these items; alpha that of 400 raters on them. Prints the share
of studies whose 95 % interval holds it, and of guessing studies whose interval excludes chance.
"""

from __future__ import annotations

import argparse

import numpy as np

from dfe_core.ratings.agreement import MISSING, accuracy_interval, alpha_interval, krippendorff_alpha

ITEMS, OPTIONS = 24, 3


def answers(rng: np.random.Generator, raters: int, ease: np.ndarray, spread: float = 1.0) -> np.ndarray:
    """(R, U) chosen options; the right one of item u is u mod OPTIONS."""
    skill = rng.normal(0, spread, raters)
    sees = rng.random((raters, len(ease))) < 1 / (1 + np.exp(-(skill[:, None] + ease)))
    right = np.arange(len(ease)) % OPTIONS
    values = np.where(sees, right, rng.integers(0, OPTIONS, sees.shape))
    return np.where(rng.random(sees.shape) < 0.1, MISSING, values)


def hits(values: np.ndarray) -> np.ndarray:
    """1 right, 0 wrong, NaN missing."""
    right = np.arange(values.shape[1]) % OPTIONS
    return np.where(values == MISSING, np.nan, values == right)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    print("raters  accuracy held  alpha held  guessing: accuracy excludes chance  alpha above 0")
    for raters in (5, 10, 20):
        held = np.zeros(4)
        for _ in range(args.studies):
            ease = rng.normal(0.5, 1, ITEMS)
            crowd, values = answers(rng, 400, ease), answers(rng, raters, ease)
            share, alpha = accuracy_interval(hits(values), resamples=400), alpha_interval(values, resamples=200)
            held[0] += share.low <= np.nanmean(hits(crowd)) <= share.high
            held[1] += alpha.low <= krippendorff_alpha(crowd) <= alpha.high
            values = answers(rng, raters, np.full(ITEMS, -50.0))
            share, alpha = accuracy_interval(hits(values), resamples=400), alpha_interval(values, resamples=200)
            held[2] += not share.low <= 1 / OPTIONS <= share.high
            held[3] += alpha.low > 0
        print(f"{raters:6}  " + "  ".join(f"{value / args.studies:.3f}" for value in held))


if __name__ == "__main__":
    main()
