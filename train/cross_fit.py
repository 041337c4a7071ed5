"""Cross-fitted coverage: K codebooks, each trained without a part of the people, and figures of just these people.

Held out then means that neither the codebook nor the choice of codewords saw the person. Every codebook and the dataset
that it was trained on are kept under names of their own, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dfe_core.artefact_names import CONFIG, MANIFEST
from dfe_core.errors import DataError
from dfe_core.progress import Listener, silent
from dfe_core.store import artefact_path

if TYPE_CHECKING:
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.facs.coverage_result import Coverage
    from dfe_core.tokenizer.config import Config

READOUTS = ("auroc", "sparse_auroc", "all_auroc")
_RESAMPLES = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossFit:
    """per_au: au, side, subjects, then value, low and high of each of `READOUTS`; by_subject: the rows behind it, with
    cross_fold. models: the codebook of every fold."""

    per_au: pd.DataFrame
    by_subject: pd.DataFrame
    models: tuple[str, ...]


def cross_fit(
    model: str,
    dataset: str,
    aus: str,
    folds: int,
    *,
    seed: int = 0,
    root: Path | None = None,
    progress: Listener = silent,
) -> CrossFit:
    """Train `folds` codebooks like `model` (same configuration), each without a part of the subjects, and pool the
    AUROCs within the subjects that each had not seen. Raises `DataError` for fewer than 2 folds or too few subjects."""
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.facs.coverage import analyse_coverage
    from dfe_core.facs.moments import subject_folds
    from dfe_core.tokens.encoding import encode_dataset

    data = Dataset.open(dataset, root)
    subjects = sorted(data.recordings["subject"].astype(str).unique())
    if not 2 <= folds <= len(subjects) // 2:
        raise DataError(
            "--cross-fit", f"{folds} folds of {len(subjects)} subjects", "2 or more, and at least two subjects a fold"
        )
    fold_of = subject_folds(subjects, folds, seed)
    models, rows = [], []
    for fold in range(folds):
        name = f"{model}-without-{fold + 1}-of-{folds}"
        held = {s for s, f in fold_of.items() if f == fold}
        _train_without(name, model, data, held, root, progress)
        encode_dataset(name, dataset, root=root, progress=progress)
        found = analyse_coverage(name, dataset, aus, root=root, seed=seed, progress=progress)
        rows.append(_of_people(found, held).assign(cross_fold=fold))
        models.append(name)
    table = pd.concat(rows, ignore_index=True)
    return CrossFit(per_au=pooled(table, seed), by_subject=table, models=tuple(models))


def _of_people(found: Coverage, people: set[str]) -> pd.DataFrame:
    return found.by_subject[found.by_subject["subject"].isin(people)]


def _train_without(name: str, model: str, data: Dataset, held: set[str], root: Path | None, progress: Listener) -> None:
    from dfe_core.training.fit import train_model

    if (artefact_path("models", name, root) / CONFIG).is_file():
        return
    if not (artefact_path("datasets", name, root) / MANIFEST).is_file():
        write_without(name, data, held, root)
    train_model(name, name, config=config_of(model, root), resume=True, root=root, progress=progress)


def config_of(model: str, root: Path | None) -> Config:
    """The configuration that a model was trained with."""
    from dfe_core.tokenizer.codebook import Codebook
    from dfe_core.tokenizer.config import Config, build

    told = Codebook.open(model, root).config
    return build(Config, {key: told[key] for key in ("tokenizer", "train", "seed") if key in told}, model)


def write_without(name: str, data: Dataset, held: set[str], root: Path | None) -> None:
    """Write the dataset `name`: `data` without the recordings of the subjects `held`."""
    from dfe_core.expressions.dataset_writer import open_writer

    with open_writer(name, data.names, root) as writer:
        for row in data.recordings.to_dict("records"):
            if str(row["subject"]) in held:
                continue
            writer.add(data.recording(row["recording"]), {label: row[label] for label in data.labels})
        writer.close(
            {
                **{key: data.manifest[key] for key in ("face", "simulated") if key in data.manifest},
                "name": name,
                "sources": [],
                "dropped": [],
                "notes": [f"Part of {data.name} ({data.key}): without the subjects {', '.join(sorted(held))}."],
            }
        )


def pooled(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """One row an AU and side: subjects, and of each of `READOUTS` the mean over subjects with its 95 % interval by
    bootstrap over subjects. table: au, side, subject and the readouts."""
    rows = []
    for (au, side), part in table.groupby(["au", "side"], sort=False):
        rng = np.random.default_rng([seed, 29])
        draws = rng.integers(0, len(part), (_RESAMPLES, len(part)))
        row = {"au": au, "side": side, "subjects": len(part)}
        for readout in READOUTS:
            values = part[readout].to_numpy(float)
            low, high = np.quantile(values[draws].mean(1), [0.025, 0.975])
            row |= {readout: values.mean(), f"{readout}_low": low, f"{readout}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)
