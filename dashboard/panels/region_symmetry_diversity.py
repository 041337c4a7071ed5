"""Movement by region and condition, symmetry of the displays, and how many displays there are."""

from __future__ import annotations

import streamlit as st

from dfe_core.facs.coverage_result import Coverage
from dfe_core.reports.coverage_charts import chart_rarefaction

from ..data import artefact_cache, coverage_analyses
from ..theme.formatting import text
from ..views import coverage_figures, figures
from . import page_frame

FEW = 6
"""Conditions up to which each has a button."""
SYMMETRY_COLUMNS = {
    "Of": st.column_config.TextColumn(help="Frames, the tokens in them, or the codewords of the codebook."),
    "What": st.column_config.TextColumn(
        help="Left or right: that half has twice the squared displacement of the other or more, or the movement goes "
        "to that side. Still: no movement above the noise."
    ),
    "Share %": st.column_config.NumberColumn(
        format="%.1f", help="Share of all frames, of all tokens, or of the codewords used often enough to judge."
    ),
    "From": st.column_config.NumberColumn(format="%.1f", help="95 % interval over people."),
    "To": st.column_config.NumberColumn(format="%.1f", help="95 % interval over people."),
    "n": st.column_config.NumberColumn(help="People, or codewords."),
}
DIVERSITY_COLUMNS = {
    "Of": st.column_config.TextColumn(help="Displays of codewords, or of AUs. A tool with fewer AUs can show fewer."),
    "Measure": st.column_config.TextColumn(
        help="Distinct displays in all frames, and in a full minute (mean over minutes); the entropy of how often each "
        "is shown, bits; and effective displays, 2 to the power of the entropy: as many equally frequent ones have it."
    ),
    "Value": st.column_config.NumberColumn(format="%.4g", help="Over all people."),
    "From": st.column_config.NumberColumn(
        format="%.3g",
        help="95 % interval over people: of displays in a minute by bootstrap, of the entropy by jackknife.",
    ),
    "To": st.column_config.NumberColumn(format="%.3g", help="The upper end of the same interval."),
}


def by_region(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """Deformation per region and condition."""
    table = found.coverage.deformation
    names = list(dict.fromkeys(table["condition"]))
    name = condition(names)
    figures.show(coverage_figures.by_condition(table, name), "by-condition", f"Displacement per region by {name}")
    st.caption(f"Mean over frames of each region's root mean square displacement; {interval_words(found.coverage)}.")


def condition(names: list[str]) -> str:
    """Which condition is shown: the first of the labels to begin with, all frames where there is none."""
    first = min(1, len(names) - 1)

    def title(name: str) -> str:
        return "All frames" if name == "all" else text(name[:1].upper() + name[1:])

    if len(names) > FEW:
        return st.selectbox("Condition", names, index=first, key="condition", format_func=title, width=300)
    chosen = st.segmented_control(
        "Condition", names, default=names[first], required=True, key="condition", format_func=title
    )
    return chosen or names[first]


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
            column_config=SYMMETRY_COLUMNS,
        )
    with right:
        st.caption(
            "Balance of each subject's movement",
            help="Difference of the squared displacement of the face's own left and right half over their sum, mean "
            "over frames that move: 1 is all left, −1 all right.",
        )
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
            column_config=DIVERSITY_COLUMNS,
        )
        st.caption("A display is a moment's one or two strongest codewords, or AUs, held for a tenth of a second.")
