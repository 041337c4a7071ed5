"""What learners know of classes and sites that arrived one after another, on planted effects.

    DFE_CACHE=… python -m benchmarks.continual [--people 60] [--seeds 3] [--model default]

People are simulated whose recordings are of four classes, two effects crossed (lips pressed and mouth aside, lips
sucked in and jaw aside), and of three sites that differ in how frequent seven actions are, which says nothing about
the class. Encoded with MODEL. Classes then arrive one after another, and sites with all classes each. The same with
labels that are shuffled over recordings shows chance.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.expressions.dataset import Dataset
from dfe_core.probes.continual import ContinualSettings, probe_continually
from dfe_core.probes.settings import ProbeSettings
from dfe_core.simulate.dataset import simulate_dataset
from dfe_core.store import artefact_path
from dfe_core.tokens.encoding import encode_dataset

SITES = ("AU1", "AU2", "AU5", "AU9", "AU17", "AU20", "AU26")


def effect_text() -> str:
    """The effect file of the world."""

    def label(name: str, unit: str, levels: tuple[str, ...], shifts: list[tuple[str, str, float]]) -> str:
        rows = ", ".join(f'{{ action = "{a}", statistic = "{s}", d = {d} }}' for a, s, d in shifts)
        return f'[[label]]\nname = "{name}"\nunit = "{unit}"\nlevels = {json.dumps(levels)}\nshifts = [{rows}]\n'

    return "\n".join(
        [
            'title = "Two crossed effects of recordings and three sites"',
            "rates = { mouthSideways = 6.0, AD30 = 6.0, AU24 = 6.0, AU28 = 6.0 }",
            label("first", "recording", ("a", "b"), [("AU24", "rate", 3.5), ("mouthSideways", "rate", 3.5)]),
            label("second", "recording", ("c", "d"), [("AU28", "rate", 3.5), ("AD30", "rate", 3.5)]),
            label("site", "subject", ("north", "south", "west"), [(a, "rate", 2.0) for a in SITES]),
        ]
    )


def world(name: str, model: str, people: int, seed: int, folder: Path) -> Path:
    """The dataset of a seed, simulated and encoded; the file of its labels: class, shuffled, site."""
    effect = folder / "effect.toml"
    effect.write_text(effect_text(), encoding="utf-8")
    if not artefact_path("datasets", name).is_dir():
        simulate_dataset(name, subjects=people, minutes_per_subject=4, seed=seed, effect=str(effect))
    encode_dataset(model, name)
    rows = Dataset.open(name).recordings
    kind = rows["first"].astype(str) + rows["second"].astype(str)
    shuffled = np.random.default_rng(seed).permutation(kind)
    labels = folder / f"{name}.csv"
    pd.DataFrame({"recording": rows["recording"], "class": kind, "shuffled": shuffled, "place": rows["site"]}).to_csv(
        labels, index=False
    )
    return labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--model", default="default")
    parser.add_argument("--memory", type=int, default=5)
    parser.add_argument("--features", default="bow")
    args = parser.parse_args()
    tables, differences = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(args.seeds):
            name = f"continual-{args.people}-people-{seed}"
            labels = world(name, args.model, args.people, seed, Path(scratch))
            for what, label, order in (
                ("classes", "class", "class"),
                ("sites", "class", "place"),
                ("shuffled classes", "shuffled", "shuffled"),
            ):
                probe = ProbeSettings(
                    model=args.model,
                    dataset=name,
                    label=label,
                    labels=str(labels),
                    features=(args.features,),
                    unit="recording",
                    seed=seed,
                )
                found = probe_continually(ContinualSettings(probe=probe, order=order, memory=args.memory))
                tables.append(found.scores.assign(arrive=what, seed=seed, chance=found.chance))
                differences.append(found.differences.assign(arrive=what, seed=seed))
    keys = ["arrive", "seed", "metric", "learner"]
    shown = pd.concat(tables).sort_values(keys)[[*keys, "score", "low", "high", "lowest", "highest", "kept", "chance"]]
    print(shown.round(3).to_string(index=False))
    print(pd.concat(differences).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
