"""What base R needs to compute a comparison of groups again: values of the units, the random draws, and a script."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from dfe_core.groups.comparison import TESTED, ComparedValues, GroupComparison, GroupSettings
from dfe_core.groups.design import Design, rows_of_pair
from dfe_core.groups.effects import resample_weights
from dfe_core.groups.families import adjusted_over_known
from dfe_core.groups.permutation import group_splits, pair_signs, row_orders
from dfe_core.spreadsheet import plain_table
from dfe_core.store import atomic_file

FOLDER, SCRIPT = "r", "reproduce_groups.R"
_LEAST_ROWS = 4
"""Units of which a comparison with covariates is computed at least."""


def write_groups_for_r(parts: Mapping[str, GroupComparison], folder: Path) -> list[Path]:
    """Write ``r/``: the script, and the tables and draws that it reads.

    Parameters
    ----------
    parts: by family (empty for a comparison of one kind of thing); their designs are the same. Units
        are numbered, not named.

    Returns
    -------
    The paths written. ``Rscript r/reproduce_groups.R r`` computes every tested row of the table again and compares it.
    """
    out = folder / FOLDER
    out.mkdir(parents=True, exist_ok=True)
    first = next(iter(parts.values()))
    design = first.compared.design
    tables = dict(_tables(parts, design))
    files = [_write(out / f"{name}.csv", _csv(table)) for name, table in tables.items()]
    files += [_write(out / name, _rows(draws), packed=True) for name, draws in _draws(first.settings, parts, design)]
    script = resources.files("dfe_core.reports.templates").joinpath(SCRIPT).read_bytes()
    return [*files, _write(out / SCRIPT, script)]


def _tables(parts: Mapping[str, GroupComparison], design: Design) -> Iterator[tuple[str, pd.DataFrame]]:
    units = pd.DataFrame({"unit": range(len(design.level)), "subject": design.subject, "level": design.level})
    yield "units", units
    names: list[pd.DataFrame] = []
    values, expected = [], []
    for family, part in parts.items():
        compared, before = part.compared, sum(len(one) for one in names)
        columns = [f"f{before + i:05d}" for i in range(len(compared.features))]
        names.append(_features(family, compared, columns))
        values.append(pd.DataFrame(compared.values, columns=columns))
        expected.append(_expected(part, columns))
    yield "features", plain_table(pd.concat(names, ignore_index=True))
    yield "values", pd.concat(values, axis=1)
    table = pd.concat(expected, ignore_index=True)
    yield "expected", table.assign(q_all=adjusted_over_known(table["p"].to_numpy(float)))
    first = next(iter(parts.values()))
    if first.settings.covariates:
        yield "covariates", pd.DataFrame(first.compared.covariates).add_prefix("c")
    yield "settings", pd.DataFrame(_settings(first.settings, design))


def _features(family: str, compared: ComparedValues, columns: list[str]) -> pd.DataFrame:
    things = compared.things.iloc[compared.features["thing"].to_numpy()].reset_index(drop=True)
    names = things.drop(columns="description").astype(str).agg(" ".join, axis=1)
    found = {"column": columns, "family": str(family) or "one", "thing": names, "description": things["description"]}
    return pd.DataFrame(found).assign(measure=compared.features["measure"].to_numpy())


def _expected(part: GroupComparison, columns: list[str]) -> pd.DataFrame:
    """The table with numbers in the place of names: feature, levels a and b, and every statistic."""
    compared = part.compared
    keys = [c for c in compared.things.columns if c != "description"]
    things = compared.things.iloc[compared.features["thing"].to_numpy()][keys].reset_index(drop=True)
    lookup = things.assign(measure=compared.features["measure"].to_numpy(), feature=columns)
    level = {name: i for i, name in enumerate(compared.design.levels)}
    table = part.table.merge(lookup, on=[*keys, "measure"], how="left", validate="many_to_one")
    table = table.assign(a=table["a"].map(level), b=table["b"].map(level))
    return table[["feature", *(c for c in part.table.columns if c not in (*keys, "description", "measure"))]]


def _settings(settings: GroupSettings, design: Design) -> Iterator[dict[str, int]]:
    for a, b in combinations(range(len(design.levels)), 2):
        _, exact = _labellings(settings, design, a, b)
        yield {"a": a, "b": b, "within": int(design.within), "exact": int(exact)}


def _labellings(settings: GroupSettings, design: Design, a: int, b: int) -> tuple[np.ndarray, bool]:
    rows_a, rows_b = rows_of_pair(design, a, b)
    if design.within:
        return pair_signs(len(rows_a), settings.permutations, settings.seed)
    return group_splits(len(rows_a), len(rows_b), settings.permutations, settings.seed)


def _draws(
    settings: GroupSettings, parts: Mapping[str, GroupComparison], design: Design
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and rows of every file of draws."""
    sizes = set()
    for a, b in combinations(range(len(design.levels)), 2):
        rows_a, rows_b = rows_of_pair(design, a, b)
        yield f"labellings-{a}-{b}.txt.gz", _labellings(settings, design, a, b)[0]
        second = None if design.within else len(rows_b)
        drawn = resample_weights(len(rows_a), second, settings.resamples, settings.seed)
        yield (
            f"resamples-{a}-{b}.txt.gz",
            np.concatenate([w if v is None else np.concatenate([w, v], 1) for w, v in drawn]),
        )
        for part in parts.values() if settings.covariates else ():
            tested = (part.table["status"] == TESTED).any()
            values = part.compared.values[np.r_[rows_a, rows_b]]
            sizes |= {int(n) for n in np.isfinite(values).sum(0)} if tested else set()
    for size in sorted(n for n in sizes if n >= _LEAST_ROWS):
        yield f"orders-{size}.txt.gz", row_orders(size, settings.permutations, settings.seed)


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, float_format="%.17g", na_rep="NA", lineterminator="\n").encode("utf-8")


def _rows(draws: np.ndarray) -> bytes:
    return "".join(" ".join(map(str, row)) + "\n" for row in draws.astype(int).tolist()).encode("ascii")


def _write(path: Path, content: bytes, packed: bool = False) -> Path:
    with atomic_file(path) as temporary:
        temporary.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    return path
