"""The figures of every AU: how well codewords predict it within held-out subjects, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.association import Association, interval, subject_weights
from dfe_core.facs.blind_spots import BlindSpots
from dfe_core.facs.exposure import CodebookExposure
from dfe_core.facs.held_out import READOUTS, Choice, Scores, mean_over_subjects
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.signals import Measurement
from dfe_core.facs.status import (
    COVERED,
    NOT_COVERED,
    NOT_ENOUGH,
    NOT_MEASURED,
    OF_MEASUREMENT,
    Reason,
    Status,
)
from dfe_core.facs.store import AlignedAus
from dfe_core.ontology import ACTION_UNITS


def au_figures(
    aggregates: Aggregates,
    found: Association,
    choice: Choice,
    held_out: Mapping[str, Any],
    *,
    settings: CoverageSettings,
    blind: np.ndarray,
    estimate: bool,
) -> pd.DataFrame:
    """One row a column (AUs, then the truth's), without template_cosine. held_out: columns of `held_out_figures`;
    blind: (C,) bool of `blind_columns`."""
    columns = len(aggregates.columns)
    table = pd.DataFrame(
        {
            "au": [a for a, _ in aggregates.columns],
            "side": [s for _, s in aggregates.columns],
            "signal": [*aggregates.signals.rules, *["truth"] * (columns - aggregates.aus)],
            "frames": found.frames.astype(np.int64),
            "present": found.present.astype(np.int64),
            "events": found.events.astype(np.int64),
            "subjects": found.subjects,
            "prevalence": np.divide(found.present, found.frames, out=np.full(columns, np.nan), where=found.frames > 0),
            **held_out,
        }
    )
    chosen, seen = choice.codewords[-1], table["held_out_subjects"].to_numpy() > 0
    best = pd.Series(np.where(chosen[:, 0] >= 0, chosen[:, 0], -1), dtype="Int64")
    together = np.where(found.lift > 1, found.q, np.nan), np.where(found.lift > 1, found.p, np.nan)
    q, p = together
    table = table.assign(
        best_codeword=best.where(best >= 0),
        q=_least(q, chosen[:, :1], seen),
        p=_least(p, chosen[:, :1], seen),
        sparse_codewords=pd.Series([[int(k) for k in row if k >= 0] for row in chosen], dtype=object),
    )
    statuses = [
        _unless_blind(_status(row, settings, least, states), unseen, estimate)
        for row, least, states, unseen in zip(
            (row for _, row in table.iterrows()),
            _least(np.where(np.isfinite(q), q, p), chosen, seen),
            _states(aggregates),
            blind,
            strict=True,
        )
    ]
    known = [s.status in (COVERED, NOT_COVERED) for s in statuses]
    return table.assign(
        covered=pd.Series([s.status == COVERED for s in statuses], dtype="boolean").where(pd.Series(known)),
        **{name: [getattr(s, name) for s in statuses] for name in Status.__dataclass_fields__},
    )


def figures_by_subject(aggregates: Aggregates, scores: Scores, exposure: CodebookExposure) -> pd.DataFrame:
    """One row per AU, side and subject: fold, frames with and without it, unseen, and AUROCs within the subject."""
    subject, column = np.nonzero(np.isfinite(scores.auroc[0][:, : aggregates.aus]))
    names, unseen = np.array(aggregates.subjects), np.array(exposure.unseen(aggregates.subjects), bool)
    return pd.DataFrame(
        {
            "au": [aggregates.columns[c][0] for c in column],
            "side": [aggregates.columns[c][1] for c in column],
            "subject": names[subject],
            "fold": [aggregates.folds[n] for n in names[subject]],
            "positives": scores.positives[subject, column],
            "negatives": scores.negatives[subject, column],
            "unseen": unseen[subject],
            **{f"{name}auroc": scores.auroc[i][subject, column] for i, name in enumerate(("", "sparse_", "all_"))},
        }
    )


def held_out_figures(
    aggregates: Aggregates,
    scores: Scores,
    exposure: CodebookExposure,
    enough: np.ndarray,
    settings: CoverageSettings,
    seed: int,
) -> dict[str, np.ndarray]:
    """AUROCs with their intervals of every column, over the subjects that the codebook has not seen where enough of
    them show it, else over all."""
    unseen = np.array(exposure.unseen(aggregates.subjects), bool)
    weights = subject_weights(len(aggregates.subjects), settings.resamples, seed)
    usable = np.isfinite(scores.auroc[0]) & enough
    only_unseen = (usable & unseen[:, None]).sum(0) >= settings.min_subjects
    usable = usable & (unseen[:, None] | ~only_unseen)
    count = usable.sum(0)
    result = {"held_out_subjects": count, "unseen": only_unseen}
    for readout, name in zip(READOUTS, ("", "sparse_", "all_"), strict=True):
        values = np.where(usable, scores.auroc[READOUTS.index(readout)], np.nan)
        mean = mean_over_subjects(values, np.ones((1, len(values))))[0]
        low, high = interval(mean_over_subjects(values, weights))
        told = {f"{name}auroc": mean, f"{name}low": low, f"{name}high": high}
        result |= {n: np.where(count >= settings.min_subjects, v, np.nan) for n, v in told.items()}
    return result


def truth_figures(aggregates: Aggregates, columns: pd.DataFrame, codewords: pd.DataFrame) -> pd.DataFrame:
    """Planted actions: found when covered; one that FACS has no code for also needs a codeword listed as new."""
    new = set(codewords.loc[codewords["new"], "codeword"])
    table = columns.rename(columns={"au": "action"}).reset_index(drop=True)
    listed = [any(k in new for k in chosen) for chosen in table["sparse_codewords"]]
    in_facs = aggregates.in_facs[aggregates.aus :]
    found = table["covered"] & pd.array(in_facs | np.array(listed, bool), "boolean")
    return table.assign(in_facs=in_facs, listed_as_new=np.array(listed, bool), found=found)


def not_measured_table(aus: AlignedAus, per_au: pd.DataFrame) -> pd.DataFrame:
    """au, title, reason, count, total: AUs without a figure because the tool cannot emit them, these data hold nothing
    of them, or (reason, count of total) they were not measured."""
    known = per_au.groupby("au")["status"].agg(lambda s: bool((s != NOT_MEASURED).any()))
    rows = {row["au"]: row for row in per_au.to_dict("records") if row["status"] == NOT_MEASURED}

    def why(code: str) -> dict[str, Any]:
        if code in rows and code in aus.emits:
            return {name: rows[code][name] for name in ("reason", "count", "total")}
        return {"reason": Reason.NOT_IN_DATA if code in aus.emits else Reason.NOT_EMITTED, "count": 0, "total": 0}

    found = [
        {"au": code, "title": unit.title, **why(code)}
        for code, unit in ACTION_UNITS.items()
        if not known.get(code, False)
    ]
    return pd.DataFrame(found, columns=["au", "title", "reason", "count", "total"])


def blind_columns(aggregates: Aggregates, spots: BlindSpots) -> np.ndarray:
    """(C,) bool: AUs that no extractor of the dataset can show."""
    blind = set(spots.aus())
    return np.array([i < aggregates.aus and au in blind for i, (au, _) in enumerate(aggregates.columns)])


def _unless_blind(status: Status, blind: bool, estimate: bool) -> Status:
    """An AU that the extractor cannot show was not measured where AUs are derived from its coefficients; another tool
    may have measured it, and tokens then miss it for that reason."""
    if not blind or status.status == COVERED:
        return status
    return Status(status=NOT_MEASURED if estimate else status.status, reason=Reason.BLIND)


def _states(aggregates: Aggregates) -> list[dict[Measurement, int]]:
    """How many recordings are in each state, for every column; empty for columns of the truth."""
    state = aggregates.signals.state
    counts = [{m: int((state[:, i] == m).sum()) for m in Measurement} for i in range(aggregates.aus)]
    return counts + [{}] * (len(aggregates.columns) - aggregates.aus)


def _least(values: np.ndarray, chosen: np.ndarray, enough: np.ndarray) -> np.ndarray:
    """(C,) smallest value over the chosen codewords of each column; NaN where there are none."""
    picked = np.where(chosen >= 0, values[np.maximum(chosen, 0), np.arange(len(chosen))[:, None]], np.inf)
    least = np.nanmin(np.where(np.isnan(picked), np.inf, picked), 1)
    return np.where(enough & np.isfinite(least), least, np.nan)


def _status(row: pd.Series, settings: CoverageSettings, q: float, states: dict[Measurement, int]) -> Status:
    """What became of one column; `q`: smallest of the chosen codewords'."""
    if states and not states[Measurement.VARIES]:
        worst = max(OF_MEASUREMENT, key=lambda m: states[m])
        return Status(
            status=NOT_MEASURED, reason=OF_MEASUREMENT[worst], count=states[worst], total=sum(states.values())
        )
    for name, least, reason in (
        ("events", settings.min_events, Reason.FEW_EVENTS),
        ("present", settings.min_frames, Reason.FEW_FRAMES),
        ("held_out_subjects", settings.min_subjects, Reason.FEW_SUBJECTS),
    ):
        if row[name] < least:
            return Status(status=NOT_ENOUGH, reason=reason, count=int(row[name]))
    if row["frames"] - row["present"] < settings.min_frames:
        return Status(status=NOT_ENOUGH, reason=Reason.FEW_FRAMES_WITHOUT, count=int(row["frames"] - row["present"]))
    if not row["sparse_codewords"]:
        return Status(status=NOT_COVERED, reason=Reason.NO_CODEWORD)
    if not row["sparse_auroc"] >= settings.covered_auroc:
        return Status(
            status=NOT_COVERED, reason=Reason.LOW_AUROC, value=float(row["sparse_auroc"]), least=settings.covered_auroc
        )
    return Status(status=COVERED) if q < settings.fdr else Status(status=NOT_COVERED, reason=Reason.NO_ASSOCIATION)
