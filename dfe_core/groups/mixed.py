"""Linear mixed models of recordings within subjects, where sessions repeat: a check of the tests over pooled subjects.

Restricted maximum likelihood by statsmodels (`MixedLM`): value ~ level + covariates + (1 | subject) where levels
differ between subjects, (1 + level | subject) where they differ within. p and interval are of t with as many degrees of
freedom as there are subjects less fixed effects: few subjects are not many, however many recordings they have.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from dfe_core.errors import DataError
from dfe_core.groups.design import Design

COLUMNS = ("mixed_difference", "mixed_low", "mixed_high", "mixed_p")
"""What a mixed model adds to a row: difference (b − a) with its 95 % interval, and p."""
_LEAST_SUBJECTS = 4


@dataclass(frozen=True, eq=False, kw_only=True)
class Repeated:
    """Values of every recording. design: its units are recordings. values: (N, F). covariates: (N, C). within: whether
    levels differ within subjects."""

    design: Design
    values: np.ndarray
    covariates: np.ndarray
    within: bool


def require_repeats(design: Design, by: str) -> None:
    """Raise `DataError` where no subject has two recordings of one level: there is nothing to model."""
    if pd.DataFrame({"subject": design.subject, "level": design.level}).duplicated().any():
        return
    raise DataError(
        by,
        "one recording of every subject at each level",
        "subjects with several, or no mixed model: the permutation tests are over subjects already",
    )


def mixed_effects(data: Repeated, a: int, b: int, columns: np.ndarray) -> np.ndarray:
    """(F, 4) of `COLUMNS` for the chosen columns of the values; NaN where the model cannot be fitted.

    a, b: levels. columns: (F,) bool, those to fit.
    """
    found = np.full((len(columns), len(COLUMNS)), np.nan)
    chosen = np.isin(data.design.level, (a, b))
    level = (data.design.level[chosen] == b).astype(float)
    for column in np.flatnonzero(columns):
        values, subject = data.values[chosen, column], data.design.subject[chosen]
        known = np.isfinite(values)
        fixed = np.column_stack([np.ones(known.sum()), level[known], data.covariates[chosen][known]])
        found[column] = _fit(values[known], fixed, subject[known], data.within)
    return found


def _fit(values: np.ndarray, fixed: np.ndarray, subject: np.ndarray, slope: bool) -> tuple[float, float, float, float]:
    from statsmodels.regression.mixed_linear_model import MixedLM

    nothing = (np.nan,) * 4
    scale, free = values.std() if len(values) else 0.0, len(np.unique(subject)) - fixed.shape[1]
    if free < _LEAST_SUBJECTS - 2 or not scale > 0 or np.linalg.matrix_rank(fixed) < fixed.shape[1]:
        return nothing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a variance of 0 between subjects is a result, and no fault
        try:
            model = MixedLM(values / scale, fixed, groups=subject, exog_re=fixed[:, :2] if slope else None)
            result = model.fit(reml=True)
            estimate, error = float(result.params[1]) * scale, float(result.bse[1]) * scale
        except (np.linalg.LinAlgError, ValueError):
            return nothing
    if not (np.isfinite(error) and error > 0):
        return nothing
    reach = float(stats.t.ppf(0.975, free)) * error
    return estimate, estimate - reach, estimate + reach, float(2 * stats.t.sf(abs(estimate) / error, free))
