"""Codewords against AUs as a matrix, in FACS order or by similarity, for the report's heat map and the dashboard's."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.facs.coverage_result import Coverage
from dfe_core.ontology import facs_order
from dfe_core.reports.coverage_text import short_labels

MOST_CODEWORDS = 96
"""Codewords on a printed heat map: more than that are lines too thin to read; the tables have all."""


ORDERS = ("facs", "similarity")
"""How rows and columns may be ordered, the default first."""


def heat_matrix(
    coverage: Coverage, most: int = MOST_CODEWORDS, order: str = "facs"
) -> tuple[np.ndarray, list[str], list[str], str]:
    """phi as (AUs, codewords), NaN where they do not go together (`Coverage.associated`); AU labels, codeword labels,
    and which codewords were left out, in words.

    order: ``facs``, AUs down the face as FACS lists them and codewords by the AU that they go with most, or
    ``similarity``, both clustered.
    """
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
    shown = np.where(holds[kept].to_numpy() > 0, values, np.nan)
    if order == "similarity":
        down, across = _clustered(values), _clustered(values.T)
    else:
        down = sorted(range(len(phi)), key=lambda i: facs_order(*_action(str(phi.index[i]))))
        across = _by_first(shown[down])
    return shown[np.ix_(down, across)], [phi.index[i] for i in down], [str(kept[i]) for i in across], left_out


def _action(label: str) -> tuple[str, str]:
    """``AU12 left`` as AU and side."""
    au, _, side = label.partition(" ")
    return au, side or "both"


def _by_first(shown: np.ndarray) -> list[int]:
    """Columns by the row in which they are highest, the highest first; those without a cell last."""
    filled = np.nan_to_num(shown, nan=-np.inf)
    best = np.where(np.isfinite(filled).any(0), filled.argmax(0), len(shown))
    return sorted(range(shown.shape[1]), key=lambda k: (best[k], -filled[:, k].max(initial=-np.inf)))


def _clustered(values: np.ndarray) -> list[int]:
    """Row order of average linkage with leaves in optimal order."""
    if len(values) < 3:
        return list(range(len(values)))
    from scipy.cluster.hierarchy import leaves_list, linkage

    return leaves_list(linkage(values, "average", optimal_ordering=len(values) <= 200)).tolist()
