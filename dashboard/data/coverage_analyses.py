"""The coverage analysis for the page: opened from the cache, filtered, and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.artefact_names import (
    CONFIG,
    COVERAGE,
    MANIFEST,
    RECORDINGS_FILE,
    aus_name,
    coverage_report_name,
    keyed_name,
    tokens_name,
)
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.exclusions import exclusions_manifest
from dfe_core.facs.aggregates import Aggregates, CoverageInputs, aggregates_of, open_coverage_inputs
from dfe_core.facs.association import Association, associate
from dfe_core.facs.blind_spots import Sight, known_blind_spots
from dfe_core.facs.coverage import analyse_coverage
from dfe_core.facs.coverage_result import Coverage, coverage_key
from dfe_core.facs.settings import LEAST_PHI, CoverageSettings
from dfe_core.facs.store import AlignedAus, list_aligned
from dfe_core.facs.tool_comparison import ToolComparison, compare_tools
from dfe_core.reports.coverage_matrix import ORDERS, heat_matrix
from dfe_core.reports.coverage_text import short_labels
from dfe_core.store import artefact_path, content_key
from dfe_core.tokenizer.codebook import Codebook

from . import artefact_cache

BLIND = {
    Sight.NEVER_MOVES: "never moves: these data cannot show it",
    Sight.SATURATES: "sits at the end of its scale",
    Sight.MOVES_WITH_POSE: "moves with the head",
}

MOST_CODEWORDS = 64
"""Columns of the heat map on a page: more than that cannot be told apart or clicked."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """A finished analysis with what its views filter: inputs and aggregates."""

    coverage: Coverage
    inputs: CoverageInputs
    aggregates: Aggregates


def analysis(choice: artefact_cache.Choice, aus: str) -> Analysis | None:
    """The analysis if it has been made for these inputs as they are now, else None."""
    inputs = _inputs(str(choice.root), choice.model, choice.dataset, aus, _stamp(choice, aus))
    key = coverage_key(inputs.keys, CoverageSettings(), 0)
    folder = artefact_path("analyses", keyed_name(COVERAGE, key), choice.root)
    if not (folder / MANIFEST).is_file():
        return None
    return _analysis(key, str(choice.root), choice.model, choice.dataset, aus, inputs)


def _stamp(choice: artefact_cache.Choice, aus: str) -> tuple[int, ...]:
    """Changes when any input of the analysis is written anew."""
    root = choice.root
    return artefact_cache.stamp(
        root / "models" / choice.model / CONFIG,
        root / "datasets" / choice.dataset / MANIFEST,
        root / "datasets" / choice.dataset / RECORDINGS_FILE,
        root / "tokens" / tokens_name(choice.model, choice.dataset) / MANIFEST,
        root / "analyses" / aus_name(choice.dataset, aus) / MANIFEST,
        exclusions_manifest(root, choice.dataset),
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _inputs(root: str, model: str, dataset: str, aus: str, stamp: tuple[int, ...]) -> CoverageInputs:
    return open_coverage_inputs(model, dataset, aus, Path(root))


@st.cache_resource(max_entries=4, show_spinner=False)
def _analysis(key: str, root: str, model: str, dataset: str, aus: str, _inputs: CoverageInputs) -> Analysis:
    return Analysis(
        analyse_coverage(model, dataset, aus, root=Path(root)), _inputs, aggregates_of(_inputs, root=Path(root))
    )


def tools(choice: artefact_cache.Choice, first: str, second: str) -> ToolComparison:
    """How two tools read the AUs of the dataset. Raises `DataError` where they cannot be compared."""
    dataset = choice.open_dataset()
    opened = [AlignedAus.open(choice.dataset, name, choice.root) for name in (first, second)]
    found = _tools(content_key([dataset.key, *(aus.key for aus in opened)]), dataset, *opened)
    if isinstance(found, DataError):
        raise found
    return found


@st.cache_data(max_entries=8, show_spinner="Comparing two tools…")
def _tools(key: str, _dataset: Dataset, _first: AlignedAus, _second: AlignedAus) -> ToolComparison | DataError:
    try:
        return compare_tools(_dataset, _first, _second)
    except DataError as error:  # kept as well: the whole dataset is read before it is known
        return error


def pairs_of(choice: artefact_cache.Choice, number: int, limit: int) -> tuple[pd.DataFrame, Coverage] | None:
    """The AUs that go with one codeword, by phi, and the coverage that says so: by measured AUs before estimates; None
    where nothing has been analysed."""
    found = [one for aus in list_aligned(choice.dataset, choice.root) if (one := analysis(choice, aus)) is not None]
    if not found:
        return None
    coverage = min((one.coverage for one in found), key=lambda one: one.estimate)
    keep = (coverage.pairs["codeword"] == number) & coverage.associated & (coverage.pairs["phi"] > 0)
    return coverage.pairs[keep].sort_values("phi", ascending=False).head(limit), coverage


def blind_note(choice: artefact_cache.Choice, codebook: Codebook, number: int) -> str:
    """Why a codeword cannot be seen in the chosen data, where that has been looked for; empty where it can."""
    dataset = choice.open_dataset()
    spots = known_blind_spots(dataset, choice.root) if dataset.names == codebook.names else None
    sight = spots.of_codeword(codebook.psi[number]) if spots is not None else None
    return f"In “{choice.dataset}” the coefficient that moves most in it {BLIND[sight]}." if sight else ""


def report_folder(choice: artefact_cache.Choice, aus: str) -> Path:
    """Where the page's report goes."""
    return artefact_path("analyses", coverage_report_name(choice.model, choice.dataset, aus), choice.root)


@dataclass(frozen=True)
class Filter:
    """Which frames and codewords the heat map counts. Empty fields do not restrict."""

    subjects: tuple[str, ...] = ()
    conditions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    codewords: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Axes:
    """What the heat map could show: labels of AUs (rows) and codewords (columns), in order, with or without a cell;
    left_out: in words, how many codewords there are beyond `MOST_CODEWORDS`."""

    labels: tuple[str, ...]
    codewords: tuple[int, ...]
    left_out: str

    def empty(self, table: pd.DataFrame) -> tuple[int, int]:
        """AUs and codewords of them without a cell in a table of `cells`."""
        return len(set(self.labels) - set(table["label"])), len(set(self.codewords) - set(table["codeword"]))


def axes(found: Analysis, chosen: Filter, order: str = ORDERS[0]) -> Axes:
    """Rows and columns under a filter of codewords, in an order (`ORDERS`) of the whole analysis."""
    _, labels, codewords, left_out = _order(found.coverage.key, order, found.coverage)
    kept = [int(k) for k in codewords if chosen.codewords is None or int(k) in set(chosen.codewords)]
    return Axes(labels=tuple(labels), codewords=tuple(kept[:MOST_CODEWORDS]), left_out=left_out.strip())


def cells(found: Analysis, chosen: Filter, order: str = ORDERS[0]) -> pd.DataFrame:
    """One row a cell in which both go together: codeword, label, au, side, phi, lift, auroc, frames, in an order
    (`ORDERS`) of the whole analysis. Recounted when subjects or conditions are chosen; no frame is read."""
    shown = axes(found, chosen, order)
    where = found.aggregates.where(
        list(chosen.subjects) or None, **{name: list(values) for name, values in chosen.conditions if values}
    )
    table = _long(associate(found.aggregates, where), found.aggregates, found.coverage)
    table = table[table["label"].isin(shown.labels) & table["codeword"].isin(shown.codewords)]
    return (
        table.assign(
            row=table["label"].map({name: i for i, name in enumerate(shown.labels)}),
            column=table["codeword"].map({k: i for i, k in enumerate(shown.codewords)}),
        )
        .sort_values(["row", "column"])
        .reset_index(drop=True)
    )


@st.cache_data(max_entries=8, show_spinner=False)
def _order(key: str, order: str, _coverage: Coverage) -> tuple[np.ndarray, list[str], list[str], str]:
    return heat_matrix(_coverage, MOST_CODEWORDS, order)


def _long(found: Association, aggregates: Aggregates, coverage: Coverage) -> pd.DataFrame:
    """Cells in which codeword and AU go together, in these frames and in the whole analysis, which has intervals."""
    strong = (found.q < coverage.settings.fdr) & (np.abs(found.phi) >= LEAST_PHI)
    holds = np.zeros((len(found.q), aggregates.aus), bool)
    column = {pair: i for i, pair in enumerate(aggregates.columns[: aggregates.aus])}
    together = coverage.pairs[coverage.associated]
    at = [column[pair] for pair in zip(together["au"], together["side"], strict=True)]
    holds[together["codeword"].to_numpy(int), at] = True
    rows, columns = np.nonzero(strong[:, : aggregates.aus] & holds)
    pairs = [aggregates.columns[c] for c in columns]
    table = pd.DataFrame(
        {
            "codeword": rows,
            "au": [p[0] for p in pairs],
            "side": [p[1] for p in pairs],
            "phi": found.phi[rows, columns],
            "lift": found.lift[rows, columns],
            "auroc": found.auroc[rows, columns],
            "frames": found.together[rows, columns].astype(np.int64),
        }
    )
    return table.assign(label=short_labels(table)) if len(table) else table.assign(label=[])
