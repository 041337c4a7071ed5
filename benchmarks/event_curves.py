"""How often cluster tests of event-locked curves find something where there is nothing: ``python -m
benchmarks.event_curves``.

Studies without an effect: a codeword of which each step has `p` (``0.03``), smooth noise or, as a slow channel, a
random walk; n people, 4 codewords or channels, 35 steps of which 10 are before the onset.
"""

from __future__ import annotations

import numpy as np

from dfe_core.groups.cluster_test import ClusterSettings, difference_clusters, group_clusters, shift_clusters

STUDIES, CURVES, STEPS, BEFORE = 200, 4, 35, 10
KINDS = ("smooth noise", "random walk", "0.3", "0.1", "0.03")
PEOPLE = (12, 24, 68)


def study(kind: str, people: int, seed: int) -> np.ndarray:
    """(n, K, B) of one study without an effect."""
    rng = np.random.default_rng(seed)
    if kind == "smooth noise":
        noise = rng.normal(size=(people, CURVES, STEPS + 4))
        return np.stack([noise[..., i : i + STEPS] for i in range(5)]).mean(0)
    if kind == "random walk":
        return rng.normal(size=(people, CURVES, STEPS)).cumsum(2)
    return (rng.random((people, CURVES, STEPS)) < float(kind)).astype(float)


def rates(kind: str, people: int) -> tuple[float, float, float]:
    """Share of studies with any p_all ≤ 0.05: shifts, signs against the baseline, two groups."""
    settings, found = ClusterSettings(permutations=199), np.zeros(3)
    for seed in range(STUDIES):
        values = study(kind, people, seed)
        difference = values[..., BEFORE:] - values[..., :BEFORE].mean(2, keepdims=True)
        tests = (
            shift_clusters(values, BEFORE, settings),
            difference_clusters(difference, settings),
            group_clusters(values[: people // 2], values[people // 2 :], settings),
        )
        found += [any(one.p_all <= 0.05 for one in clusters) for clusters in tests]
    shifts, signs, groups = found / STUDIES
    return float(shifts), float(signs), float(groups)


def main() -> None:
    """Print the table of docs/events.md."""
    print("| curves | people | shifts (baseline) | signs (baseline, not used) | two groups |\n|---|---|---|---|---|")
    for kind in KINDS:
        for people in PEOPLE:
            shifts, signs, groups = rates(kind, people)
            print(f"| {kind} | {people} | {shifts:.3f} | {signs:.3f} | {groups:.3f} |", flush=True)


if __name__ == "__main__":
    main()
