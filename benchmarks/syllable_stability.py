"""Where syllables of real recordings lose their stability: ``python -m benchmarks.syllable_stability nao nao``.

``--what kinds``: agreement (AMI) of the sorting of displays into kinds, before anything is fitted: over starts of
k-means, over halves of the displays of the same people, and over halves of the people, for several numbers of kinds.
``--what steps``: agreement of two fits from random starts, and of fits to halves of the people, after each step of
expectation maximisation, on people who were not fitted, with what they take in bits.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score, cohen_kappa_score

from benchmarks.syllables import inputs_of
from dfe_core.syllables.beginning import find_rises, first_states
from dfe_core.syllables.fitting import _Fit, hold_out
from dfe_core.syllables.model import SyllableModel
from dfe_core.syllables.store import SyllableInputs
from dfe_core.syllables.symbols import TokenStretch, cut_stretches

KINDS = (2, 3, 4, 5, 6, 8, 12)
SPLITS = 4
CUT_S = 40.0


def step_of(stretches: Sequence[TokenStretch]) -> float:
    return float(np.median(np.concatenate([np.diff(one.time_s) for one in stretches])))


def nearest(means: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return ((means**2).sum(1) - 2 * vectors @ means.T).argmin(1)


def of_kinds(given: SyllableInputs, frames: int, duration: float) -> None:
    stretches = given.drawn(frames, 0)
    step, people = step_of(stretches), given.subjects()
    parts = cut_stretches(stretches, max(int(CUT_S / step), 50))
    rises = find_rises(parts, max(duration / step, 3.0), given.shapes)
    vectors = np.stack([rise.vector for rise in rises])
    owner = np.array([str(people[parts[rise.stretch].recording]) for rise in rises])
    print(f"{sum(map(len, stretches))} frames, {len(rises)} displays", flush=True)
    for kinds in KINDS:
        starts = [KMeans(kinds, n_init=20, random_state=seed).fit_predict(vectors) for seed in range(3)]
        least = min(adjusted_mutual_info_score(a, b) for i, a in enumerate(starts) for b in starts[:i])
        rng = np.random.default_rng(1)
        within = _of_halves(vectors, rng.random(len(vectors)) < 0.5, kinds)
        apart = [_of_halves(vectors, _half(owner, seed), kinds) for seed in range(SPLITS)]
        print(f"{kinds} kinds: starts {least:.2f}, same people {within:.2f}, people {np.mean(apart):.2f}", flush=True)


def _half(owner: np.ndarray, seed: int) -> np.ndarray:
    names = np.random.default_rng(seed).permutation(np.unique(owner))
    return np.isin(owner, names[: len(names) // 2])


def _of_halves(vectors: np.ndarray, first: np.ndarray, kinds: int) -> float:
    means = [KMeans(kinds, n_init=5, random_state=0).fit(vectors[side]).cluster_centers_ for side in (first, ~first)]
    return float(adjusted_mutual_info_score(*(nearest(one, vectors) for one in means)))


def of_steps(given: SyllableInputs, frames: int, duration: float, kinds: int, steps: int) -> None:
    fitted_on, held_out = hold_out(given.drawn(frames, 0), given.subjects(), 0)
    people = given.subjects()
    first = _half(np.array([str(people[one.recording]) for one in fitted_on]), 0)
    halves = [[one for one, own in zip(fitted_on, first, strict=True) if bool(own) is side] for side in (True, False)]
    begun = [_begun(part, given, duration, kinds, seed) for part, seed in ((fitted_on, 0), (fitted_on, 1))]
    begun += [_begun(part, given, duration, kinds, 0) for part in halves]
    for done in range(steps + 1):
        models = [
            SyllableModel(chain=chain, tables=tables, step_s=step_of(fitted_on), duration_s=duration)
            for _, (tables, chain) in begun
        ]
        found = [np.concatenate([_syllables(model, one) for one in held_out]) for model in models]
        bits, count = models[0].bits(held_out)
        words = ", ".join(
            f"{name}: {adjusted_mutual_info_score(a, b):.2f}, kappa of rest {cohen_kappa_score(a > 0, b > 0):.2f}"
            for name, (a, b) in {"starts": found[:2], "people": found[2:]}.items()
        )
        print(f"step {done}: {words}; {bits / count:.3f} bits", flush=True)
        begun = [(fit, fit.step(*state)) for fit, state in begun]


def _begun(stretches: Sequence[TokenStretch], given: SyllableInputs, duration: float, kinds: int, seed: int) -> tuple:
    frames = max(duration / step_of(stretches), 3.0)
    parts = cut_stretches(stretches, max(int(CUT_S / step_of(stretches)), 50))
    rises = find_rises(parts, frames, given.shapes)
    vectors = np.stack([rise.vector for rise in rises])
    sorted_ = KMeans(kinds, n_init=20, random_state=seed).fit_predict(vectors)
    fit = _Fit(parts, kinds, frames)
    return fit, fit.begin(first_states(parts, rises, sorted_))


def _syllables(model: SyllableModel, stretch: TokenStretch) -> np.ndarray:
    phase, _ = model.path(stretch.levels)
    return np.where(phase == 0, 0, 1 + (phase - 1) // 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--what", choices=("kinds", "steps"), default="kinds")
    parser.add_argument("--frames", type=int, default=160_000)
    parser.add_argument("--duration", type=float, default=1.0)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--steps", type=int, default=12)
    args = parser.parse_args()
    given = inputs_of(args.model, args.dataset)
    if args.what == "kinds":
        of_kinds(given, args.frames, args.duration)
    else:
        of_steps(given, args.frames, args.duration, args.count, args.steps)


if __name__ == "__main__":
    main()
