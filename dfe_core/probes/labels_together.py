"""Several labels predicted together: one result for each, and p-values corrected over all rows of all labels.

People keep their order: where labels have the same units, the same permutations move all of them, so that correlated
labels (five traits of one questionnaire) stay correlated under the null (Westfall & Young 1993, chapter 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from dfe_core.errors import DataError
from dfe_core.p_values import at_floor
from dfe_core.probes.methods_text import family_paragraph, family_sentence
from dfe_core.probes.paired_tests import holm
from dfe_core.probes.result import ProbeResult
from dfe_core.probes.run import run_probe
from dfe_core.probes.settings import ProbeSettings
from dfe_core.progress import Listener, Progress, silent
from dfe_core.table_rows import json_rows

COLUMNS = ("label", "scale", "n", "features", "model", "metric", "score", "low", "high", "chance")
P_COLUMNS = ("p", "p_holm", "q", "p_joint", "p_at_floor")


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelFamily:
    """Probes of several labels.

    Attributes
    ----------
    results: one for each label that could be predicted, in the order asked for.
    refused: the others, with what was wrong.
    """

    results: tuple[ProbeResult, ...]
    refused: dict[str, DataError]

    @property
    def table(self) -> pd.DataFrame:
        """`family_table` of the results."""
        return family_table(self.results)

    @property
    def methods(self) -> str:
        """How p-values were corrected over labels, where there are several, and the methods paragraph of each."""
        if len(self.results) < 2:
            return "\n\n".join(result.methods for result in self.results)
        table = self.table
        tested = table[table["p"].notna()]
        sets = {result.summary["permutation_key"] for result in self.results if len(result.nulls)}
        first = family_paragraph(self.results[0].settings, tested["label"].nunique(), len(tested), len(sets))
        return "\n\n".join([first, *(result.methods for result in self.results)])

    @property
    def headline(self) -> str:
        """Which labels are predicted above chance, corrected over all."""
        return family_sentence(json_rows(self.table), {label: str(error) for label, error in self.refused.items()})

    def to_json(self) -> dict[str, Any]:
        """The table, the results by label, and the labels that were refused."""
        return {
            "labels": [result.settings.label for result in self.results],
            "summary": self.headline,
            "methods": self.methods,
            "table": json_rows(self.table),
            "refused": {label: str(error) for label, error in self.refused.items()},
            "results": {result.settings.label: result.to_json() for result in self.results},
        }


def predict_labels(
    settings: ProbeSettings, labels: Sequence[str], root: Path | None = None, progress: Listener = silent
) -> LabelFamily:
    """A probe of every label with the same settings, tested with permutations enough for the rows of all.

    Raises `DataError` for labels named twice, and the first refusal where no label can be predicted.
    """
    if len(set(labels)) != len(labels):
        raise DataError("--label", ", ".join(labels), "each label once")
    results, refused = [], {}
    for number, label in enumerate(labels):
        try:
            one = replace(settings, label=label, together=tuple(labels))
            results.append(run_probe(one, root, _numbered(progress, number, len(labels), label)))
        except DataError as error:
            refused[label] = error
    if not results:
        raise next(iter(refused.values()))
    return LabelFamily(results=tuple(results), refused=refused)


def kept_together(results: Sequence[ProbeResult], one: ProbeResult) -> list[ProbeResult]:
    """Of `results`, the newest first, those of the labels that were predicted together with `one`, in their order."""
    found: dict[str, ProbeResult] = {}
    wanted = replace(one.settings, label="")
    for result in results:
        if replace(result.settings, label="") == wanted:
            found.setdefault(result.settings.label, result)
    return [found[label] for label in one.settings.together if label in found]


def family_table(results: Sequence[ProbeResult]) -> pd.DataFrame:
    """One row a label, feature row and model: `COLUMNS`, then `P_COLUMNS`.

    p: against chance, of the row alone. p_holm, q: corrected over all rows by Holm and by Benjamini and Hochberg.
    p_joint: max-T over the rows that were tested with the same permutations, times the number of such sets. p_at_floor:
    no permutation reached the score, so that p, and what is adjusted from it, is a bound (`dfe_core.p_values`).
    """
    rows = [row for result in results for row in _rows(result)]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "p", "permutations"])
    floor = at_floor(table["p"].astype(float), table.pop("permutations"))
    known = table["p"].notna().to_numpy()
    table["p_holm"] = pd.Series(holm([None if np.isnan(p) else p for p in table["p"].astype(float)]), dtype=float)
    table["q"] = np.nan
    if known.any():
        table.loc[known, "q"] = stats.false_discovery_control(table.loc[known, "p"].astype(float), method="bh")
    table["p_joint"] = _joint(results, table)
    table["p_at_floor"] = floor
    return table


def _rows(result: ProbeResult) -> list[dict[str, Any]]:
    facts = result.summary
    return [
        {
            "label": facts["label"],
            "scale": facts["scale"],
            "n": facts["n"],
            **{name: row[name] for name in ("features", "model", "metric", "score")},
            "low": row["ci95"][0],
            "high": row["ci95"][1],
            "chance": facts["chance"],
            "p": row["p_vs_chance"],
            "permutations": row.get("permutations", 0),
        }
        for row in facts["rows"]
    ]


def _joint(results: Sequence[ProbeResult], table: pd.DataFrame) -> np.ndarray:
    """(rows,) single-step max-T: rows of one set are standardised by their own null, and each is held against the
    largest of the set in every permutation; Bonferroni over sets. NaN where there is no null."""
    sets: dict[tuple[str, int], list[tuple[int, np.ndarray]]] = {}
    place = {key: row for row, key in enumerate(zip(table["label"], table["features"], table["model"], strict=True))}
    for result in results:
        for (features, model), part in result.nulls.groupby(["features", "model"], sort=False):
            values = part.sort_values("permutation")["score"].to_numpy(float)
            key = (str(result.summary["permutation_key"]), len(values))
            sets.setdefault(key, []).append((place[result.settings.label, features, model], values))
    joint = np.full(len(table), np.nan)
    for members in sets.values():
        scores = np.stack([values for _, values in members])
        null: np.ndarray = scores[:, 1:]
        standard = (scores - null.mean(1, keepdims=True)) / np.maximum(null.std(1, keepdims=True), 1e-12)
        highest = standard[:, 1:].max(0)
        above = (highest >= standard[:, :1] - 1e-12).sum(1)
        joint[[row for row, _ in members]] = np.minimum(1.0, len(sets) * (1 + above) / (1 + len(highest)))
    return joint


def _numbered(progress: Listener, number: int, count: int, label: str) -> Listener:
    def tell(report: Progress) -> None:
        detail = f"{label} ({number + 1} of {count})" + (f": {report.detail}" if report.detail else "")
        progress(replace(report, done=number * report.total + report.done, total=count * report.total, detail=detail))

    return tell
