"""Coverage against FACS on real people, and its floor in simulated worlds without movement beyond FACS.

`tables` is called by ``python -m benchmarks.real_faces``; the worlds alone::

    python -m benchmarks.real_faces.coverage --out DIR [--seeds 10]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.artefact_names import MANIFEST

NULL, ACTIONS = "no-beyond-facs", "stress"
"""Effects of the two worlds: the same people and events, without and with the actions that FACS has no code for."""
SUBJECTS = 12
_AUS = "openface"
_SOURCES = ("derived", "truth")


def tables(work: Path, react: Path, model: str = "nao", dataset: str = "nao") -> dict[str, pd.DataFrame]:
    """The tables of coverage on REACT-Nao.

    Parameters
    ----------
    work: the cache root, which holds `model`, `dataset` and the tokens of both.
    react: folder of the prepared files (`react.prepare`), from which AUs are imported where `work` holds none.

    Returns per-au (signal; AUROC within held-out people of the best codeword, at most three and all, with intervals),
    signals (recordings by what was measured in them), beyond-facs (steps to the interval) and summary.
    """
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.facs.coverage import analyse_coverage
    from dfe_core.facs.importing import import_aus
    from dfe_core.facs.store import list_aligned

    if _AUS not in list_aligned(dataset, work):
        folder = react / "csv" if (react / "csv").is_dir() else react
        import_aus([folder], Dataset.open(dataset, work), _AUS, root=work)
    result = analyse_coverage(model, dataset, _AUS, root=work)
    estimate, lower, upper = result.share("beyond FACS")
    summary = pd.DataFrame(
        [
            {
                "model": model,
                "dataset": dataset,
                "subjects": result.subjects,
                "frames": result.frames,
                "covered": int((result.per_au["status"] == "covered").sum()),
                "aus": len(result.per_au),
                "beyond_facs": estimate,
                "beyond_lower": lower,
                "beyond_upper": upper,
                "new_codewords": len(result.new_codewords),
                "notes": len(result.notes),
            }
        ]
    )
    columns = [
        "au",
        "signal",
        "prevalence",
        "held_out_subjects",
        "unseen",
        "auroc",
        "low",
        "high",
        "sparse_codewords",
        "sparse_auroc",
        "sparse_low",
        "sparse_high",
        "all_auroc",
        "all_low",
        "all_high",
        "status",
    ]
    return {
        "per-au": result.per_au[columns],
        "signals": result.signals,
        "beyond-facs": result.beyond,
        "summary": summary,
    }


def world(root: Path, model: str, effect: str, seed: int, subjects: int = SUBJECTS) -> pd.DataFrame:
    """One simulated world: a row for derived and one for perfect AUs with the interval of movement beyond FACS and the
    number of new codewords. `root`: a cache with `model`; the world is kept there."""
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.facs.coverage import analyse_coverage
    from dfe_core.facs.derive import derive_aus, truth_aus
    from dfe_core.facs.store import list_aligned
    from dfe_core.simulate.dataset import simulate_dataset
    from dfe_core.tokens.encoding import encode_dataset

    name = f"floor-{effect}-{seed}"
    if not (root / "datasets" / name / MANIFEST).is_file():
        simulate_dataset(name, subjects=subjects, seed=seed, effect=effect, root=root)
    encode_dataset(model, name, root=root)
    data = Dataset.open(name, root)
    for source, make in (("derived", derive_aus), ("truth", truth_aus)):
        if source not in list_aligned(name, root):
            make(data, source, root=root)
    rows = []
    for source in _SOURCES:
        result = analyse_coverage(model, name, source, root=root)
        estimate, lower, upper = result.share("beyond FACS")
        rows.append(
            {
                "effect": effect,
                "seed": seed,
                "aus": source,
                "estimate": estimate,
                "lower": lower,
                "upper": upper,
                "new_codewords": len(result.new_codewords),
                "strictest_high": float(result.beyond["high"].iloc[-1]),
            }
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def true_share(root: Path, seed: int) -> float:
    """Displacement of the actions that FACS has no code for, as a share of displacement variance: the difference of the
    two worlds of one seed, frame by frame."""
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.faces import open_face
    from dfe_core.facs.surface import factor

    found, none = (Dataset.open(f"floor-{effect}-{seed}", root) for effect in (ACTIONS, NULL))
    onto_mesh = factor(open_face(found.face_id, root).gram)
    moved, rest = (data.psi() @ onto_mesh for data in (found, none))
    return float(np.square(moved - rest).sum() / np.square(moved - moved.mean(0)).sum())


def floor(root: Path, model: str = "default", seeds: int = 10) -> pd.DataFrame:
    """Worlds without (every seed) and with (the first two) movement beyond FACS, with the true share beside them."""
    parts = [world(root, model, NULL, seed).assign(truth=0.0) for seed in range(seeds)]
    for seed in range(min(2, seeds)):
        part = world(root, model, ACTIONS, seed)
        parts.append(part.assign(truth=true_share(root, seed)))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(inside=(table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"]))


def main() -> None:
    """Write floor.csv into ``--out`` and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--model", default="default")
    args = parser.parse_args()
    from dfe_core.store import cache_root

    args.out.mkdir(parents=True, exist_ok=True)
    table = floor(cache_root(), args.model, args.seeds)
    table.to_csv(args.out / "floor.csv", index=False)
    print(table.round(4).to_string(index=False))


if __name__ == "__main__":
    main()
