"""Codewords against AUs as a matrix in clustered order, for the report's heat map and the dashboard's."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.facs.coverage_result import Coverage
from dfe_core.reports.coverage_text import short_labels

MOST_CODEWORDS = 96
"""Codewords on a printed heat map: more than that are lines too thin to read; the tables have all."""


def heat_matrix(coverage: Coverage, most: int = MOST_CODEWORDS) -> tuple[np.ndarray, list[str], list[str], str]:
    """phi as (AUs, codewords) in clustered order, NaN where they do not go together (`Coverage.associated`); AU labels,
    codeword labels, and which codewords were left out, in words."""
    pairs = coverage.pairs
    table = pairs.assign(label=short_labels(pairs), holds=coverage.associated.astype(float)).pivot_table(
        index="label", columns="codeword", values=["phi", "holds"], sort=False, observed=True
    )
    if not len(table):
        return np.zeros((0, 0)), [], [], ""
    phi, holds = pd.DataFrame(table["phi"]), pd.DataFrame(table["holds"])  # of two levels of columns: tables
    holds = holds.reindex(columns=phi.columns)
    strongest = phi.abs().max().sort_values(ascending=False, kind="stable").index
    kept = sorted(strongest[:most])
    left_out = f" {len(strongest) - most} codewords of smaller phi are left out." if len(strongest) > most else ""
    values = phi[kept].fillna(0).to_numpy()
    order, across = _clustered(values), _clustered(values.T)
    shown = np.where(holds[kept].to_numpy() > 0, values, np.nan)[np.ix_(order, across)]
    return shown, [phi.index[i] for i in order], [str(kept[i]) for i in across], left_out


def _clustered(values: np.ndarray) -> list[int]:
    """Row order of average linkage with leaves in optimal order."""
    if len(values) < 3:
        return list(range(len(values)))
    from scipy.cluster.hierarchy import leaves_list, linkage

    return leaves_list(linkage(values, "average", optimal_ordering=len(values) <= 200)).tolist()
