"""Compare groups codeword by codeword: effect sizes with intervals, permutation p and false discovery rates."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from dfe_core.artefact_names import AUS_ALONE
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.sealed_test import facts_under_seal
from dfe_core.facs.store import AlignedAus
from dfe_core.groups import effects, mixed, permutation
from dfe_core.groups.au_use import count_au_use
from dfe_core.groups.confounds import ChannelUse, Sums, recordings_with_channels
from dfe_core.groups.design import Design, covariate_matrix, make_design, rows_of_pair
from dfe_core.groups.measures import MEASURES, OTHER_MEASURES, VALUE, count_use
from dfe_core.ontology import title
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import content_key
from dfe_core.table_rows import json_rows
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokens.intervals import RunIndex

TESTED, TOO_FEW, TOO_RARE, CONSTANT = "tested", "too few units", "too rare", "no variation"
"""Statuses of a row. What is not tested has no p and does not count among the tests that q corrects for."""

_MANY = 1_000_000


@dataclass(frozen=True, kw_only=True)
class GroupSettings:
    """Every choice that changes a number.

    Attributes
    ----------
    by
        The label column.
    unit
        ``subject``, or ``recording``, which takes recordings of one subject as independent; or a label column (or
        ``session``) whose values are pooled as subjects are: dyads, families, classes.
    measures
        Of rate, share, intensity, duration, latency, balance, probability (the last two of their families alone).
    permutations
        Number of labellings at most; all of them where there are fewer.
    resamples
        Of the bootstrap.
    min_units
        Units that each group needs with a value.
    min_present
        Units that need to show the codeword at all.
    seed
        Of permutations and bootstrap.
    covariates
        Label columns of numbers (age) or groups (sex), or measures of `dfe_core.channels` (head_movement), that
        the difference and p are adjusted for; only between subjects.
    mixed
        Fit a mixed model of recordings within subjects to every tested row, too (`mixed`).
    """

    by: str
    unit: str = "subject"
    measures: tuple[str, ...] = tuple(MEASURES)
    permutations: int = 10_000
    resamples: int = 2000
    min_units: int = 3
    min_present: int = 3
    seed: int = 0
    covariates: tuple[str, ...] = ()
    mixed: bool = False

    def __post_init__(self) -> None:
        known = (*MEASURES, *OTHER_MEASURES)
        unknown = [name for name in self.measures if name not in known]
        if unknown or not self.measures:
            raise DataError("measures", ", ".join(unknown) or "none", "some of " + ", ".join(known))
        for name, least in (("permutations", 99), ("resamples", 100), ("min_units", 2), ("min_present", 1)):
            if not least <= getattr(self, name) <= _MANY:
                raise DataError(name, str(getattr(self, name)), f"{least} to {_MANY}")


@dataclass(frozen=True, eq=False, kw_only=True)
class ComparedValues:
    """What was compared. design: the units. features: thing (row of `things`) and measure of each column. things: what
    names each. values: (U, F), NaN where a feature is not defined. covariates: (U, C), NaN where one is missing."""

    design: Design
    features: pd.DataFrame
    things: pd.DataFrame
    values: np.ndarray
    covariates: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupComparison:
    """The result of a comparison.

    Attributes
    ----------
    model, dataset
        Names.
    simulated
        Whether the dataset is simulated.
    settings
        Every choice.
    levels
        Of the label.
    units
        By level, how many enter.
    within
        Whether subjects are compared with themselves.
    subjects
        Number of those that enter.
    unlabelled
        Recordings without a label, which are left out.
    incomplete
        By pair of levels, subjects left out of it because they have only one of the two.
    table
        One row per codeword (of AUs: au and side), measure and pair of levels (a, b), the smallest p first: n_a, n_b,
        mean_a, mean_b, difference (b − a), hedges_g with g_low and g_high, rank_biserial with r_low and r_high (95 %
        bootstrap over units), p, q (Benjamini–Hochberg over every tested row of this table), status.
    omnibus
        With three or more levels, one row per codeword and measure: eta_squared, p, q; empty with two.
    compared
        The values of the units from which all this follows.
    confounds
        What else differs (`dfe_core.channels`): one row per measure and pair of levels with the columns of the table, q
        over these rows, and the unit of the measure. Empty where it was not looked at.
    sealed
        Where labels of the dataset are or were sealed for a test: study, state, withheld, standing, looks
        (`dfe_core.expressions.sealed_test.facts_under_seal`); else None.
    """

    model: str
    dataset: str
    simulated: bool
    settings: GroupSettings
    levels: tuple[str, ...]
    units: dict[str, int]
    within: bool
    subjects: int
    unlabelled: int
    incomplete: dict[tuple[str, str], int]
    table: pd.DataFrame
    omnibus: pd.DataFrame
    compared: ComparedValues
    confounds: pd.DataFrame = field(default_factory=pd.DataFrame)
    sealed: dict[str, Any] | None = None

    def __repr__(self) -> str:
        units = ", ".join(f"{level}: {count}" for level, count in self.units.items())
        significant = int((self.table["q"] < 0.05).sum())
        return (
            f"GroupComparison({self.model!r} on {self.dataset!r} by {self.settings.by!r}, {units}; "
            f"{significant} of {int((self.table['status'] == TESTED).sum())} tests with q < 0.05)"
        )

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``dfe groups``; null where there is no number."""
        settings = asdict(self.settings)
        return {
            "model": self.model,
            "dataset": self.dataset,
            "simulated": self.simulated,
            "by": settings.pop("by"),
            "unit": settings.pop("unit"),
            "design": "within subjects" if self.within else "between subjects",
            "subjects": self.subjects,
            "levels": [{"level": level, "units": self.units[level]} for level in self.levels],
            "unlabelled": self.unlabelled,
            "incomplete": [{"a": a, "b": b, "subjects": n} for (a, b), n in self.incomplete.items()],
            "tests": int((self.table["status"] == TESTED).sum()),
            **settings,
            "sealed": self.sealed,
            "rows": json_rows(self.table),
            "omnibus": json_rows(self.omnibus),
            "confounds": json_rows(self.confounds),
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class Use:
    """What is compared: the name of its source, the sums of each recording, one row for each of the K things that are
    counted (what names it in the result), and which of them are no things (codeword 0)."""

    source: str
    sums: Sums
    things: pd.DataFrame
    none: frozenset[int] = frozenset()


def compare_groups(
    codebook: Codebook, dataset: Dataset, index: RunIndex, settings: GroupSettings, progress: Listener = silent
) -> GroupComparison:
    """Compare the use of every codeword between the levels of a label column.

    Parameters
    ----------
    index: the intervals of the codebook on the dataset.

    Returns
    -------
    A `GroupComparison`. Where any subject has recordings at several levels (and units are subjects), subjects are
    compared with themselves: pairs, not independent groups.

    Raises `DataError` for a column that is no grouping (`design.make_design`).
    """
    return with_confounds(
        compare_use(codeword_use(codebook, dataset, index), dataset, settings, progress), dataset, progress
    )


def codeword_use(codebook: Codebook, dataset: Dataset, index: RunIndex) -> Use:
    """How every codeword is used in each recording."""
    words = codebook.table["description"] if "description" in codebook.table else pd.Series("", range(codebook.size))
    things = pd.DataFrame({"codeword": range(codebook.size), "description": words.reindex(range(codebook.size))})
    sums = count_use(index, dataset.recordings["recording"].astype(str).tolist())
    return Use(source=codebook.model, sums=sums, things=things, none=frozenset({REST}))


def compare_au_groups(
    aus: AlignedAus, dataset: Dataset, settings: GroupSettings, progress: Listener = silent
) -> GroupComparison:
    """Compare the use of every AU between the levels of a label column, as `compare_groups` does of codewords; the
    tables then name ``au`` and ``side`` in the place of ``codeword``, and the model is ``aus:NAME``."""
    return with_confounds(compare_use(au_use(aus, dataset, progress), dataset, settings, progress), dataset, progress)


def au_use(aus: AlignedAus, dataset: Dataset, progress: Listener = silent) -> Use:
    """How every AU is used in each recording."""
    sums = count_au_use(aus, dataset, dataset.recordings["recording"].astype(str).tolist(), progress)
    things = pd.DataFrame(
        {
            "au": [au for au, _ in aus.aus],
            "side": [side for _, side in aus.aus],
            "description": [title(au, side) for au, side in aus.aus],
        }
    )
    return Use(source=f"{AUS_ALONE}{aus.name}", sums=sums, things=things)


def with_confounds(result: GroupComparison, dataset: Dataset, progress: Listener = silent) -> GroupComparison:
    """The comparison with that of head movement, gaze, blinks, speech and tracking between the same groups beside it.
    Measures that no unit has are left out."""
    use = Use(source=result.model, sums=ChannelUse.of(dataset, progress), things=ChannelUse.things())
    settings = replace(result.settings, measures=(VALUE,), covariates=(), mixed=False)
    table = _compared(use, dataset, settings, silent).table.drop(columns="measure").rename(columns={"name": "measure"})
    return replace(result, confounds=table[table["n_a"] + table["n_b"] > 0].reset_index(drop=True))


def compare_use(
    use: Use, dataset: Dataset, settings: GroupSettings, progress: Listener = silent, analysis: str = ""
) -> GroupComparison:
    """Compare the use of things of one kind between the levels of a label column.

    An analysis of labels that were sealed is counted: of the source of `use`, or as part of the `analysis` named.
    """
    result = _compared(use, dataset, settings, progress)
    recordings = dataset.recordings
    people = recordings.loc[recordings[settings.by].notna(), "subject"].astype(str)
    asked = {name: value for name, value in asdict(settings).items() if name != "measures"}
    key = content_key([analysis or use.source, asked])
    return replace(result, sealed=facts_under_seal(dataset, people, "groups", settings.by, key))


def _compared(use: Use, dataset: Dataset, settings: GroupSettings, progress: Listener) -> GroupComparison:
    design = make_design(dataset.recordings, settings.by, settings.unit)
    sums = use.sums.pooled(design.member, len(design.level))
    measures = {name: values for name, values in sums.measures().items() if name in settings.measures}
    values = np.concatenate([measures[name] for name in settings.measures], axis=1)
    values[(sums.frames == 0).all(1)] = np.nan
    covariates = covariate_matrix(recordings_with_channels(dataset, settings.covariates), settings.covariates, design)
    values[np.isnan(covariates).any(1)] = np.nan
    covariates = np.nan_to_num(covariates)
    features = _features(use, settings, (sums.present > 0).sum(0))
    pairs = list(combinations(range(len(design.levels)), 2))
    repeated = _repeated(use, dataset, design, settings) if settings.mixed else None
    tables, incomplete = [], {}
    for done, (a, b) in enumerate(pairs):
        progress(
            Progress(task="groups", done=done, total=len(pairs), detail=f"{design.levels[a]} and {design.levels[b]}")
        )
        x, y, left_out = _groups(values, design, a, b)
        pair = _pair(x, y, features, design, settings)
        if settings.covariates:
            pair = _adjusted(pair, x, y, np.concatenate([covariates[design.level == one] for one in (a, b)]), settings)
        if repeated is not None:
            fitted = mixed.mixed_effects(repeated, a, b, (pair["status"] == TESTED).to_numpy())
            pair[list(mixed.COLUMNS)] = fitted
        tables.append(pair.assign(a=design.levels[a], b=design.levels[b]))
        if design.within:
            incomplete[design.levels[a], design.levels[b]] = left_out
    progress(Progress(task="groups", done=len(pairs), total=len(pairs)))
    return GroupComparison(
        model=use.source,
        dataset=dataset.name,
        simulated=dataset.simulated,
        settings=settings,
        levels=design.levels,
        within=design.within,
        subjects=design.subjects,
        unlabelled=design.unlabelled,
        units={level: int((design.level == i).sum()) for i, level in enumerate(design.levels)},
        incomplete=incomplete,
        table=_described(
            _corrected(pd.concat(tables), use.none),
            use.things,
            (*_COLUMNS, *(_ADJUSTED if settings.covariates else ()), *(_MIXED if settings.mixed else ())),
        ),
        omnibus=_described(_corrected(_omnibus(values, features, design, settings), use.none), use.things, _OMNIBUS),
        compared=ComparedValues(
            design=design,
            features=features[["thing", "measure"]],
            things=use.things,
            values=values,
            covariates=covariates,
        ),
    )


_COLUMNS = tuple(
    """
    measure a b n_a n_b mean_a mean_b difference hedges_g g_low g_high rank_biserial r_low
    r_high p q status
    """.split()
)
"""Columns of the results, after those that name what is compared."""
_ADJUSTED = ("adjusted_difference", "p_unadjusted")
"""Further columns where there are covariates: p is then adjusted for them, the effect sizes are not."""
_MIXED = (*mixed.COLUMNS, "mixed_q")
"""Further columns where mixed models are asked for."""
_OMNIBUS = ("measure", "eta_squared", "p", "q", "status")


def _repeated(use: Use, dataset: Dataset, design: Design, settings: GroupSettings) -> mixed.Repeated:
    """The values of every recording. Raises `DataError` where no subject has several of a level."""
    single = make_design(dataset.recordings, settings.by, "recording")
    mixed.require_repeats(single, settings.by)
    sums = use.sums.pooled(single.member, len(single.level))
    measures = sums.measures()
    values = np.concatenate([measures[name] for name in settings.measures], axis=1)
    covariates = covariate_matrix(recordings_with_channels(dataset, settings.covariates), settings.covariates, single)
    values[(sums.frames == 0).all(1) | np.isnan(covariates).any(1)] = np.nan
    return mixed.Repeated(design=single, values=values, covariates=np.nan_to_num(covariates), within=design.within)


def _features(use: Use, settings: GroupSettings, present: np.ndarray) -> pd.DataFrame:
    """thing, measure and whether enough units show the thing, in the order of the columns of the values."""
    return pd.DataFrame(
        [
            (k, name, k not in use.none and present[k] >= settings.min_present)
            for name in settings.measures
            for k in range(len(use.things))
        ],
        columns=["thing", "measure", "used"],
    )


def _groups(values: np.ndarray, design: Design, a: int, b: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Rows of both levels; within subjects row by row of the same subject, and how many subjects lack one."""
    rows_a, rows_b = rows_of_pair(design, a, b)
    x, y = values[rows_a], values[rows_b]
    if not design.within:
        return x, y, 0
    left_out = int(np.isin(design.level, (a, b)).sum()) - 2 * len(rows_a)
    whole = np.isfinite(x) & np.isfinite(y)
    return np.where(whole, x, np.nan), np.where(whole, y, np.nan), left_out


def _pair(
    x: np.ndarray, y: np.ndarray, features: pd.DataFrame, design: Design, settings: GroupSettings
) -> pd.DataFrame:
    """Effects and p of every feature between (n, F) and (m, F)."""
    n_a, n_b = np.isfinite(x).sum(0), np.isfinite(y).sum(0)
    mean_a, mean_b = _means(x), _means(y)
    status = _status(np.concatenate([x, y]), np.minimum(n_a, n_b), features, settings.min_units)
    table = pd.DataFrame(
        {
            **features[["thing", "measure"]],
            "n_a": n_a,
            "n_b": n_b,
            "mean_a": mean_a,
            "mean_b": mean_b,
            "difference": mean_b - mean_a,
            "status": status,
        }
    )
    test = status == TESTED
    names = ("hedges_g", "g_low", "g_high", "rank_biserial", "r_low", "r_high", "p")
    table[list(names)] = np.nan
    if test.any():
        table.loc[test, list(names)] = np.stack(_effects(x[:, test], y[:, test], design.within, settings), 1)
    return table


def _adjusted(
    table: pd.DataFrame, x: np.ndarray, y: np.ndarray, covariates: np.ndarray, settings: GroupSettings
) -> pd.DataFrame:
    """The table of a pair with difference and p adjusted for covariates, and the p without them beside."""
    test = (table["status"] == TESTED).to_numpy()
    table = table.assign(p_unadjusted=table["p"], adjusted_difference=np.nan)
    if test.any():
        found = permutation.adjusted(
            x[:, test], y[:, test], covariates, permutations=settings.permutations, seed=settings.seed
        )
        table.loc[test, ["adjusted_difference", "p"]] = np.stack(found, 1)
    return table


def _effects(x: np.ndarray, y: np.ndarray, pairs: bool, settings: GroupSettings) -> list[np.ndarray]:
    g, r, test = (
        (effects.paired_g, effects.paired_rank_biserial, permutation.paired)
        if pairs
        else (effects.hedges_g, effects.rank_biserial, permutation.two_groups)
    )
    (g_low, g_high), (r_low, r_high) = effects.bootstrap_intervals(
        x, y, paired=pairs, resamples=settings.resamples, seed=settings.seed
    )
    p = test(x, y, permutations=settings.permutations, seed=settings.seed)
    return [g(x, y), g_low, g_high, r(x, y), r_low, r_high, p]


def _omnibus(values: np.ndarray, features: pd.DataFrame, design: Design, settings: GroupSettings) -> pd.DataFrame:
    """Any difference between three or more levels; within subjects over those that have every level."""
    table = features[["thing", "measure"]].copy()
    if len(design.levels) < 3:
        return table.iloc[:0].assign(eta_squared=np.nan, p=np.nan, status="")
    whole = np.ones(len(design.level), bool)
    if design.within:
        whole = np.bincount(design.subject)[design.subject] == len(design.levels)
        lacking = pd.DataFrame(np.isfinite(values)).groupby(design.subject).transform("all").to_numpy()
        values = np.where(lacking, values, np.nan)
    values, level = values[whole], design.level[whole]
    least = np.min([np.isfinite(values[level == i]).sum(0) for i in range(len(design.levels))], axis=0)
    table["status"] = _status(values, least, features, settings.min_units)
    table[["eta_squared", "p"]] = np.nan
    test = (table["status"] == TESTED).to_numpy()
    if test.any():
        found = permutation.several_groups(
            values[:, test],
            level,
            design.subject[whole] if design.within else None,
            permutations=settings.permutations,
            seed=settings.seed,
        )
        table.loc[test, ["eta_squared", "p"]] = np.stack(found, 1)
    return table


def _status(values: np.ndarray, least: np.ndarray, features: pd.DataFrame, min_units: int) -> np.ndarray:
    known = np.isfinite(values)
    span = np.where(known, values, -np.inf).max(0) - np.where(known, values, np.inf).min(0)
    used = features["used"].to_numpy()
    return np.select([~used, least < min_units, ~(span > 1e-12)], [TOO_RARE, TOO_FEW, CONSTANT], TESTED)


def _means(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    return np.where(known.any(0), np.nansum(values, 0) / np.maximum(known.sum(0), 1), np.nan)


def _corrected(table: pd.DataFrame, none: frozenset[int]) -> pd.DataFrame:
    """With q, the smallest p first, without what is no thing."""
    table = table[~table["thing"].isin(none)].assign(q=np.nan)
    table = table.assign(mixed_q=np.nan) if "mixed_p" in table else table
    for p, q in (("p", "q"), ("mixed_p", "mixed_q")):
        if p in table and (known := table[p].notna().to_numpy()).any():
            table.loc[known, q] = false_discovery_control(table[p].to_numpy(float)[known], method="bh")
    return table.sort_values(["p", "thing", "measure"], kind="stable", ignore_index=True)


def _described(table: pd.DataFrame, things: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    names = things.iloc[table["thing"].to_numpy()].set_axis(table.index)
    return pd.concat([names, table[list(columns)]], axis=1)
