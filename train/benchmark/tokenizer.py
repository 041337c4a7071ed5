"""The tokenizer table: rows are methods, columns are figures, over seeds; CSV, JSON and a plot.

Every finished row is kept in ``rows.jsonl`` of the output folder, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import dataclasses
import json
import math
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core import __version__
from dfe_core.artefact_names import MANIFEST
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces import open_face
from dfe_core.progress import Listener, Progress
from dfe_core.store import atomic_file, cache_root, content_key, write_json
from dfe_core.tokenizer.config import Config

from ..tables import table
from .figures import figures, matched_cosine
from .memory import give_back, peak_during
from .methods import rows
from .sample import draw_sample

LEAST_RECORDINGS = 4
SEEDS = 3


def benchmark_tokenizer(
    out: Path,
    *,
    quick: bool,
    root: Path | None,
    progress: Listener,
    datasets: tuple[str, ...] = (),
    seeds: int | None = None,
    only: str = "*",
) -> str:
    """Every row on every dataset named, or on every one in the cache with four recordings or more.

    `quick`: the simulated dataset alone, one seed, without the curves over bits. only: a pattern that the names of rows
    must match; those measured before stay in the tables. Raises `DataError` for no dataset and for no such row.
    """
    names = datasets or (("simulated",) if quick else _datasets(root))
    if not names:
        raise DataError(str(root or cache_root()), "no dataset of four recordings or more", "one: `dfe simulate`")
    methods = {name: method for name, method in rows(quick).items() if fnmatch(name, only)}
    if not methods:
        raise DataError("--only", f"no row matches {only!r}", f"one of: {'; '.join(rows(quick))}")
    count = seeds or (1 if quick else SEEDS)
    out.mkdir(parents=True, exist_ok=True)
    kept = _Kept(out / "rows.jsonl")
    total, done = len(names) * count * len(methods), 0
    for name in names:
        data = Dataset.open(name, root)
        face = open_face(data.face_id, root)
        for seed in range(count):
            sample = None
            for row, method in methods.items():
                progress(Progress(task="benchmark", done=done, total=total, detail=f"{row} on {name}, seed {seed}"))
                key = content_key([__version__, dataclasses.asdict(Config()), data.key, row, seed])
                if key not in kept.rows:
                    sample = sample or draw_sample(data, face, root, seed)
                    give_back()
                    with peak_during() as peak:
                        outcome = method(sample)
                    found = None if outcome is None else figures(sample, face, outcome) | {"peak_mb": peak.grown / 1e6}
                    atoms = None if outcome is None or outcome.dictionary is None else outcome.dictionary
                    kept.add(
                        key,
                        {
                            "dataset": name,
                            "row": row,
                            "seed": seed,
                            "figures": found,
                            "atoms": None if atoms is None or len(atoms) > 2000 else np.round(atoms, 5).tolist(),
                        },
                    )
                done += 1
    progress(Progress(task="benchmark", done=total, total=total))
    _add_stability(list(kept.rows.values()), root)
    return _write(out, list(kept.rows.values()), quick, count)


class _Kept:
    """Rows that a file holds; a line cut short by a kill is measured again."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            try:
                row = json.loads(line)
                self.rows[row.pop("key")] = row
            except (json.JSONDecodeError, KeyError):
                continue

    def add(self, key: str, row: dict[str, Any]) -> None:
        """Keep a row at once."""
        self.rows[key] = row
        with open(self.path, "a", encoding="utf-8") as sink:
            sink.write(json.dumps({"key": key, **row}) + "\n")


def _add_stability(kept: list[dict[str, Any]], root: Path | None) -> None:
    """How like each dictionary is to that of the row's first seed, as the figure ``stability``."""
    first: dict[tuple[str, str], np.ndarray] = {}
    for row in sorted((r for r in kept if r["atoms"] is not None), key=lambda r: r["seed"]):
        name, atoms = (row["dataset"], row["row"]), np.array(row["atoms"])
        if name in first:
            gram = open_face(Dataset.open(row["dataset"], root).face_id, root).gram
            row["figures"]["stability"] = matched_cosine(first[name], atoms, gram)
        first.setdefault(name, atoms)


def _datasets(root: Path | None) -> tuple[str, ...]:
    folder = (root or cache_root()) / "datasets"
    names = sorted(p.name for p in folder.iterdir() if (p / MANIFEST).is_file()) if folder.is_dir() else []
    return tuple(n for n in names if len(Dataset.open(n, root).recordings) >= LEAST_RECORDINGS)


def _write(out: Path, kept: list[dict[str, Any]], quick: bool, seeds: int) -> str:
    """tokenizer.csv (a line a row and seed), tokenizer.json (mean and range over seeds), and the plots."""
    found = pd.DataFrame(
        [
            {"dataset": r["dataset"], "row": r["row"], "seed": r["seed"], **r["figures"]}
            for r in kept
            if r["figures"] is not None
        ]
    )
    grouped = found.groupby(["dataset", "row"], sort=False)
    mean = grouped.mean(numeric_only=True).drop(columns="seed").reset_index()
    spread = [
        {
            "dataset": name[0],
            "row": name[1],
            "low": _plain(group.min(numeric_only=True)),
            "high": _plain(group.max(numeric_only=True)),
        }
        for name, group in grouped
    ]
    with atomic_file(out / "tokenizer.csv") as temporary:
        found.to_csv(temporary, index=False)
    write_json(
        out / "tokenizer.json",
        {
            "version": __version__,
            "quick": quick,
            "seeds": list(range(seeds)),
            "command": "dfe benchmark tokenizer" + (" --quick" if quick else ""),
            "rows": [
                {**_plain(row), **{k: v for k, v in more.items() if k in ("low", "high")}}
                for (_, row), more in zip(mean.iterrows(), spread, strict=True)
            ],
            "left_out": sorted({r["row"] for r in kept if r["figures"] is None}),
        },
    )
    for name, group in mean.groupby("dataset", sort=False):
        with atomic_file(out / f"tokenizer-{name}.svg") as temporary:
            _plot(group, temporary)
    head = tuple(
        """
        dataset row bits_per_frame rmse_mm explained_variance retrieval_top1 utilisation locality cosine_max
        found_by_one found_by_three changes_per_s_still stability seconds
        """.split()
    )
    shown = [c for c in head if c in mean]
    return table(
        [c.replace("_", " ") for c in shown],
        [
            tuple(None if isinstance(v, float) and math.isnan(v) else v for v in row)
            for row in mean[shown].itertuples(index=False)
        ],
    )


def _plain(row: pd.Series) -> dict[str, Any]:
    return {str(k): v for k, v in row.items() if k != "seed" and not (isinstance(v, float) and math.isnan(v))}


def _plot(rows_of_one: pd.DataFrame, path: Path) -> None:
    """Left: error against bits. Right: error against the true actions that one atom tells; down and right is better."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained", sharey=True)
    curve = rows_of_one.dropna(subset=["bits_per_frame"])
    for stem in (
        "ours",
        "residual k-means, whitened ψ",
        "residual k-means, mesh frame",
        "vector-quantize-pytorch, residual VQ",
        "PCA, quantised",
    ):
        part = curve[curve["row"].str.fullmatch(rf"{stem}(, (bits of )?N = \d+)?")].sort_values("bits_per_frame")
        if len(part):
            axes[0].plot(part["bits_per_frame"], part["rmse_mm"], "o-", label=stem)
    axes[0].set(xlabel="bits per frame", ylabel="rmse, mm", yscale="log")
    if len(axes[0].lines):
        axes[0].legend(fontsize=7)
    across = next((c for c in ("found_by_one", "locality") if c in rows_of_one), None)
    for row in rows_of_one.dropna(subset=[across]).to_dict("records") if across else ():
        axes[1].plot(row[across], row["rmse_mm"], "o", label=row["row"])
    if across:
        axes[1].set(xlabel=across.replace("_", " "))
        axes[1].legend(fontsize=5, ncols=2)
    figure.savefig(path, format="svg")
    pyplot.close(figure)
