"""Movement by region and condition, symmetry of the displays, and how many displays there are."""

from __future__ import annotations

import streamlit as st

from dfe_core.facs.coverage_result import Coverage
from dfe_core.reports.coverage_charts import chart_rarefaction

from ..data import artefact_cache, coverage_analyses
from ..theme.formatting import text
from ..views import coverage_figures, figures
from . import page_frame


def by_region(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """Deformation per region and condition."""
    table = found.coverage.deformation
    names = list(dict.fromkeys(table["condition"]))
    name = st.segmented_control(
        "Condition",
        names,
        default=names[-1],
        required=True,
        key="condition",
        format_func=lambda n: "All frames" if n == "all" else text(n.capitalize()),
    )
    figures.show(coverage_figures.by_condition(table, name), "by-condition", f"Displacement per region by {name}")
    st.caption(f"Mean over frames of each region's root mean square displacement; {interval_words(found.coverage)}.")


def interval_words(coverage: Coverage) -> str:
    """What the intervals are of, and that there are none where nothing can be said of other people."""
    return "intervals over subjects" if coverage.subjects > 1 else "no intervals: there is one subject"


def sides(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """Symmetric and one-sided displays."""
    coverage = found.coverage
    left, right = st.columns([1, 1.2], gap="medium")
    with left:
        table = coverage.symmetry.assign(**{c: 100 * coverage.symmetry[c] for c in ("share", "low", "high")})
        page_frame.table(
            table.rename(columns={"of": "Of", "what": "What", "share": "Share %", "low": "From", "high": "To"}),
            formats={"Share %|From|To": "%.1f"},
        )
    with right:
        st.caption("Balance of each subject's movement")
        figures.show(
            coverage_figures.balance(coverage.symmetry_by_subject), "balance", "Left-right balance per subject"
        )


def variety(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """How many displays there are."""
    left, right = st.columns([1.3, 1], gap="medium")
    with left:
        st.caption("Displays found against frames seen")
        chart = coverage_figures.in_page(chart_rarefaction(found.coverage.rarefaction))
        figures.show(chart, "rarefaction", "Rarefaction curves")
    with right:
        page_frame.table(
            found.coverage.diversity,
            {"of": "Of", "measure": "Measure", "value": "Value", "low": "From", "high": "To"},
            {"Value|From|To": "%.1f"},
        )
        st.caption("A display is a moment's one or two strongest codewords, or AUs, held for a tenth of a second.")
