"""Codewords, regions, syllables and AUs in one table of a comparison of groups, with q in each family and over all.

A family is what one question is asked of: codewords, regions of the face, syllables, AUs, and the balance of left and
right of regions and AUs, and which region moves after which.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import AlignedAus
from dfe_core.groups.au_use import au_balance
from dfe_core.groups.comparison import (
    TESTED,
    GroupComparison,
    GroupSettings,
    Use,
    au_use,
    codeword_use,
    compare_use,
    with_confounds,
)
from dfe_core.groups.measures import (
    BALANCE,
    LATENCY,
    PROBABILITY,
    VALUE,
    count_region_use,
    region_balance,
    region_transitions,
)
from dfe_core.groups.syllable_use import syllable_use
from dfe_core.progress import Listener, silent
from dfe_core.syllables.store import SyllableSet
from dfe_core.table_rows import json_rows
from dfe_core.text_enum import StrEnum
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.intervals import RunIndex

_THINGS = ("codeword", "syllable", "region", "transition", "au")
_NO_REGION = ("none", "unknown")


class Family(StrEnum):
    """What is compared."""

    CODEWORDS = "codewords"
    REGIONS = "regions"
    SYLLABLES = "syllables"
    AUS = "AUs"
    REGION_BALANCE = "balance of regions"
    AU_BALANCE = "balance of AUs"
    TRANSITIONS = "transitions between regions"


@dataclass(frozen=True, eq=False, kw_only=True)
class FamilyComparison:
    """Groups compared in several families.

    Attributes
    ----------
    parts
        The comparison of each family that the data have.
    table
        Rows of all parts, the smallest p first: family, thing (codeword, region, or AU with its side), description, the
        columns of `GroupComparison.table`, where q is over the rows of the family, and q_all over those of all.
    families
        One row per family: tests, the smallest p, p of the family (Simes) and its q over the families.
    """

    parts: dict[Family, GroupComparison]
    table: pd.DataFrame
    families: pd.DataFrame

    @property
    def confounds(self) -> pd.DataFrame:
        """What else differs between the groups (`GroupComparison.confounds`)."""
        return next(iter(self.parts.values())).confounds

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``dfe groups --all``: of codewords as without it, with all rows and the families beside."""
        first = next(iter(self.parts.values())).to_json()
        return {**first, "rows": json_rows(self.table), "families": json_rows(self.families)}


def compare_families(
    codebook: Codebook,
    dataset: Dataset,
    index: RunIndex,
    settings: GroupSettings,
    *,
    aus: AlignedAus | None = None,
    syllables: SyllableSet | None = None,
    progress: Listener = silent,
) -> FamilyComparison:
    """Compare codewords, regions and, where given, syllables and AUs between the levels of a label column.

    Measures are those of the settings with onset latency; of balance families, the balance.

    Raises `DataError` for a column that is no grouping, and for measures of which no family has any.
    """
    parts = {}
    for family, use in family_uses(codebook, dataset, index, aus, syllables=syllables, progress=progress):
        asked = replace(settings, measures=family_measures(family, settings))
        parts[family] = compare_use(use, dataset, asked, progress, analysis=f"{codebook.model}, all families")
    if not parts:
        raise DataError(dataset.name, "nothing to compare", "codewords that are used")
    first = next(iter(parts))
    parts[first] = with_confounds(parts[first], dataset, progress)
    return joined_families(parts)


def family_measures(family: Family, settings: GroupSettings) -> tuple[str, ...]:
    """The measures of a family: those of the settings with onset latency, or the balance."""
    if family in (Family.REGION_BALANCE, Family.AU_BALANCE):
        return (BALANCE,)
    if family == Family.TRANSITIONS:
        return (PROBABILITY,)
    without = (BALANCE, PROBABILITY, VALUE, *(("intensity",) if family == Family.SYLLABLES else ()))
    return tuple(name for name in dict.fromkeys((*settings.measures, LATENCY)) if name not in without)


def joined_families(parts: dict[Family, GroupComparison]) -> FamilyComparison:
    """One table of several comparisons, with q over all of them and over the families."""
    table = pd.concat([_named(family, part.table) for family, part in parts.items()], ignore_index=True)
    table["q_all"] = adjusted_over_known(table["p"].to_numpy(float))
    table = table.sort_values(["p", "family", "thing", "measure"], kind="stable", ignore_index=True)
    rows = []
    for family, part in parts.items():
        p = part.table.loc[part.table["status"] == TESTED, "p"].to_numpy(float)
        rows.append(
            {"family": str(family), "tests": len(p), "smallest_p": p.min() if len(p) else np.nan, "p": simes(p)}
        )
    families = pd.DataFrame(rows)
    families["q"] = adjusted_over_known(families["p"].to_numpy(float))
    return FamilyComparison(parts=parts, table=table, families=families)


def simes(p: np.ndarray) -> float:
    """p of the hypothesis that no test of a family has an effect (Simes 1986); NaN without a test."""
    if not len(p):
        return float("nan")
    return float(np.min(np.sort(p) * len(p) / np.arange(1, len(p) + 1)).clip(max=1.0))


def adjusted_over_known(p: np.ndarray) -> np.ndarray:
    """q by Benjamini–Hochberg over those p that are known."""
    q, known = np.full(len(p), np.nan), np.isfinite(p)
    if known.any():
        q[known] = false_discovery_control(p[known], method="bh")
    return q


def _named(family: Family, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a family, with one column that names what is compared."""
    names = next(name for name in _THINGS if name in table)
    thing = table[names].astype(str)
    if "side" in table:
        thing = thing.where(table["side"] == "both", thing + " " + table["side"])
    rest = table.drop(columns=[c for c in (*_THINGS, "side") if c in table])
    return pd.concat([pd.DataFrame({"family": str(family), "thing": thing}), rest], axis=1)


def family_uses(
    codebook: Codebook,
    dataset: Dataset,
    index: RunIndex,
    aus: AlignedAus | None,
    *,
    syllables: SyllableSet | None = None,
    progress: Listener = silent,
) -> Iterator[tuple[Family, Use]]:
    """How the things of each family are used in each recording; families that the data do not have are left out."""
    names = dataset.recordings["recording"].astype(str).tolist()
    yield Family.CODEWORDS, codeword_use(codebook, dataset, index)
    regions = codebook.table["region"].astype(str) if "region" in codebook.table else pd.Series(dtype=str)
    known = sorted(set(regions) - set(_NO_REGION))
    if known:
        region_of = regions.map({name: i for i, name in enumerate(known)}).fillna(-1).to_numpy(int)
        things = pd.DataFrame({"region": known, "description": known})
        use = Use(source=codebook.model, sums=count_region_use(index, region_of, names), things=things)
        yield Family.REGIONS, use
        side = codebook.table["side"].astype(str).to_numpy()
        yield Family.REGION_BALANCE, replace(use, sums=region_balance(index, region_of, side, names))
        yield Family.TRANSITIONS, _transitions(codebook, index, region_of, names, known)
    if syllables is not None:
        yield Family.SYLLABLES, syllable_use(syllables, dataset)
    if aus is not None:
        use = au_use(aus, dataset, progress)
        yield Family.AUS, use
        balance, sided = au_balance(use.sums, aus.aus)
        if sided:
            things = pd.DataFrame({"au": sided, "description": [f"{au}, left against right" for au in sided]})
            yield Family.AU_BALANCE, replace(use, sums=balance, things=things)


def _transitions(
    codebook: Codebook, index: RunIndex, region_of: np.ndarray, recordings: list[str], regions: list[str]
) -> Use:
    """Which region moves after which. A region does not follow itself."""
    pairs = [f"{first} → {second}" for first in regions for second in regions]
    own = frozenset(i * len(regions) + i for i in range(len(regions)))
    words = [f"{second} after {first}" for first in regions for second in regions]
    things = pd.DataFrame({"transition": pairs, "description": words})
    sums = region_transitions(index, region_of, recordings)
    return Use(source=codebook.model, sums=sums, things=things, none=own)
