"""What each modality of a dataset adds to the prediction of a label: features by recording, labels, people held out.

Letters: R recordings, n units, d features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.sealed_test import facts_under_seal
from dfe_core.facs.store import AlignedAus
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target, labelled_spans, make_target
from dfe_core.signals.fusion import modality_table
from dfe_core.store import content_key

CHANCE = 0.5
UNITS = ("recording", "subject")


@dataclass(frozen=True, kw_only=True)
class ModalitySettings:
    """label: a column of two classes. unit: of `UNITS`; None decides from the label. folds: by subject. drop_missing:
    leave out what has no label or is missing in a modality. resamples: of the bootstrap over subjects. seed."""

    label: str
    unit: str | None = None
    folds: int = 5
    drop_missing: bool = False
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class ModalityComparison:
    """The scores of modalities alone and together.

    Attributes
    ----------
    table: as `modality_table` gives it; the score is for the second of `classes`.
    unit, units: what one prediction is of, and how many. features: d by modality.
    missing: modality to recordings that it lacks and that were left out. dropped: recordings without a label.
    sealed: what `facts_under_seal` says, None where no label is or was sealed.
    """

    dataset: str
    settings: ModalitySettings
    table: pd.DataFrame
    unit: str
    units: int
    subjects: int
    classes: tuple[str, ...]
    features: dict[str, int]
    missing: dict[str, tuple[str, ...]]
    dropped: int
    sealed: dict[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "dataset": self.dataset,
            "label": self.settings.label,
            "classes": list(self.classes),
            "unit": self.unit,
            "n": self.units,
            "subjects": self.subjects,
            "folds": self.settings.folds,
            "resamples": self.settings.resamples,
            "seed": self.settings.seed,
            "metric": "auroc",
            "chance": CHANCE,
            "features": self.features,
            "missing": {name: list(gone) for name, gone in self.missing.items()},
            "dropped": self.dropped,
            "sealed": self.sealed,
            "table": self.table.to_dict("records"),
        }


def au_means(dataset: Dataset, name: str) -> pd.DataFrame:
    """(R, d) mean level of each AU and side, 0 … 5, by recording; NaN where it was not measured.

    Raises `DataError` where the dataset has no AUs of this name, or those of an earlier version of it.
    """
    aligned = AlignedAus.open(dataset.name, name, dataset.root)
    if not aligned.matches(dataset):
        raise DataError(f"AUs {name}", f"of an earlier version of {dataset.name}", "import or derive them again")
    found = {one: pd.DataFrame(aus.level).mean().to_numpy() for one, aus in aligned.iter_recordings()}
    columns = [f"{au} {side}" for au, side in aligned.aus]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns)


def compare_modalities(
    dataset: Dataset, modalities: Mapping[str, pd.DataFrame], settings: ModalitySettings
) -> ModalityComparison:
    """Each modality alone, all together early and late, all but one, on people held out.

    Parameters
    ----------
    dataset: whose label is predicted; recordings whose labels are sealed are left out, and an analysis of labels that
        were opened is counted.
    modalities: name to features, indexed by recording; a unit of several recordings has the mean of theirs.

    Raises
    ------
    DataError
        For a label that is not of two classes, recordings that a modality lacks (without ``drop_missing``), a feature
        that is a label of the dataset, and what `make_target` and `modality_table` refuse.
    """
    _require_no_label(dataset, modalities)
    names = [str(one) for one in dataset.recordings["recording"] if one not in dataset.sealed]
    asked = ProbeSettings(
        model="",
        dataset=dataset.name,
        label=settings.label,
        unit=settings.unit,
        folds=settings.folds,
        drop_missing=settings.drop_missing,
    )
    _require_two_classes(dataset, _whole(names), asked)
    missing = _missing(names, modalities)
    if missing and not settings.drop_missing:
        name, gone = next(iter(missing.items()))
        shown = ", ".join(gone[:3]) + (", …" if len(gone) > 3 else "")
        found = f"nothing of {len(gone)} of {len(names)} recordings ({shown})"
        raise DataError(f"modality {name}", found, "values of each, or --drop-missing to leave these out")
    lacking = {one for gone in missing.values() for one in gone}
    kept = [one for one in names if one not in lacking]
    if not kept:
        raise DataError("modalities", "no recording that all of them have", "tables of the same recordings")
    target = make_target(dataset, _whole(kept), asked)
    people = target.table["subject"].astype(str)
    key = content_key([settings.label, str(settings), {name: _digest(table) for name, table in modalities.items()}])
    table = modality_table(
        {name: _by_unit(one.reindex(kept), target) for name, one in modalities.items()},
        np.asarray(target.y),
        people.to_numpy(),
        folds=settings.folds,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    return ModalityComparison(
        dataset=dataset.name,
        settings=settings,
        table=table,
        unit=target.unit,
        units=target.n,
        subjects=target.subjects,
        classes=target.classes,
        features={name: one.shape[1] for name, one in modalities.items()},
        missing=missing,
        dropped=target.dropped,
        sealed=facts_under_seal(dataset, people, "modalities", settings.label, key),
    )


def _whole(names: list[str]) -> pd.DataFrame:
    """Spans of whole recordings, as `make_target` takes them."""
    return pd.DataFrame({"recording": names, "segment": 0, "span": np.arange(len(names))})


def _require_no_label(dataset: Dataset, modalities: Mapping[str, pd.DataFrame]) -> None:
    for name, table in modalities.items():
        both = [column for column in map(str, table.columns) if column in dataset.labels]
        if both:
            raise DataError(f"modality {name}", f"column {both[0]}, a label of {dataset.name}", "features alone")


def _require_two_classes(dataset: Dataset, spans: pd.DataFrame, asked: ProbeSettings) -> None:
    rows = labelled_spans(dataset, spans, asked)
    if asked.label not in rows:
        return  # refused by `make_target`, which lists those that there are
    labels = rows[asked.label]
    count = labels[labels.notna() & (labels.astype(str).str.strip() != "")].nunique()
    if count > 2:
        found = f"{count} values" + (" of a scale" if pd.api.types.is_numeric_dtype(labels) else "")
        expected = "two classes (`dfe probe --table NAME=FILE` takes scales and more classes)"
        raise DataError(f"{dataset.name}: label {asked.label}", found, expected)


def _missing(names: list[str], modalities: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    """Modality to the recordings of which it has no value."""
    found = {}
    for name, table in modalities.items():
        known = set(map(str, table.index[table.notna().any(axis=1)]))
        if gone := tuple(one for one in names if one not in known):
            found[name] = gone
    return found


def _by_unit(table: pd.DataFrame, target: Target) -> np.ndarray:
    """(n, d) means over the recordings of each unit, of the values that are known."""
    member = target.member
    return table[member >= 0].groupby(member[member >= 0]).mean().reindex(range(target.n)).to_numpy(float)


def _digest(table: pd.DataFrame) -> str:
    return content_key([list(map(str, table.index)), list(map(str, table.columns)), table.to_numpy(float).tolist()])
