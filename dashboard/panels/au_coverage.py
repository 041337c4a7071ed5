"""How well codewords predict each action unit, and in how many recordings a tool measured it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dfe_core.facs.blind_spots import lines as blind_lines
from dfe_core.facs.coverage_result import Coverage
from dfe_core.facs.store import list_aligned
from dfe_core.ontology import title
from dfe_core.reports.coverage_text import exposure_text, status_words, unmeasured

from ..data import artefact_cache, coverage_analyses
from ..views import coverage_figures, figures
from . import page_frame, tool_comparison

ORDER_NAMES = {"facs": "FACS", "auroc": "AUROC"}
AU_COLUMNS = {
    "Best": st.column_config.NumberColumn(format="%d", help="The codeword that rises most with the AU within people."),
    "Alone": st.column_config.NumberColumn(
        format="%.2f",
        help="AUROC of the best codeword's intensity within each held-out person, averaged; 0.5 is chance.",
    ),
    "Set": st.column_config.NumberColumn(
        format="%.2f",
        help="The same for at most three codewords with positive "
        "weights, chosen on other people. An AU is covered from 0.8 on.",
    ),
    "All": st.column_config.NumberColumn(
        format="%.2f",
        help="The same for all codewords together (ridge regression "
        "fitted on other people): what the tokens hold about the AU at most.",
    ),
    "People": st.column_config.NumberColumn(
        format="%d", help="Held-out people with enough frames with and without the AU."
    ),
    "Judged by": st.column_config.TextColumn(
        help="What says that the AU is present: its intensity one step above the "
        "person's own baseline where the tool gives intensities, else the tool's "
        "decision, or a coding."
    ),
    "Status": st.column_config.TextColumn(
        width=390,
        help="Covered, not covered, not measured (the tool does not see it here) or not enough data. An AU that is not "
        "covered may still go with a codeword (φ or lift above chance), and so confirm its name.",
    ),
}
SIGNAL_NAMES = {
    "recordings": "Recordings",
    "varies": "Varies",
    "rests": "At rest",
    "constant": "Constant",
    "saturated": "At top",
    "contradictory": "Contradictory",
    "missing": "No value",
    "baseline": "Baseline",
    "pose_share": "Head",
}
SIGNAL_HELP = {
    "recordings": "Recordings with AUs.",
    "varies": "Recordings in which the AU was measured and moves.",
    "rests": "0 in every frame: counted as absent.",
    "constant": "The same value above 0 throughout: not measured.",
    "saturated": "At the top of its scale in most frames: not measured.",
    "contradictory": "The tool's intensity and its decision say opposite things: not measured.",
    "missing": "No value in most frames: not measured.",
    "baseline": "Median over people of the intensity that a tenth of a person's frames are below.",
    "pose_share": "Share of the AU's variance within recordings that head rotation explains, above chance.",
}


def show(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """How well codewords predict each AU."""
    coverage = found.coverage
    order = page_frame.parts("Order", list(ORDER_NAMES), "unit_order", format_func=ORDER_NAMES.__getitem__)
    figures.show(
        coverage_figures.coverage_bars(coverage.per_au, coverage.settings.covered_auroc, order),
        "au-bars",
        "Held-out AUROC of one codeword and of at most three for every action unit",
    )
    per_au = coverage_figures.in_order(coverage.per_au, order)
    st.caption(
        "The codeword that predicts each AU best, alone and in a set of at most three. " + exposure_text(coverage)
    )
    page_frame.table(
        pd.DataFrame(
            {
                "AU": [title(a, s) for a, s in zip(per_au["au"], per_au["side"], strict=True)],
                "Status": status_words(coverage, per_au),
                "Alone": per_au["auroc"],
                "Set": per_au["sparse_auroc"],
                "All": per_au["all_auroc"],
                "People": per_au["held_out_subjects"],
                "Best": per_au["best_codeword"],
                "Judged by": per_au["signal"],
            }
        ),
        height=min(560, 38 + 35 * len(per_au)),
        column_config=AU_COLUMNS,
    )
    if text := unmeasured(coverage):
        st.caption(text)
    with st.expander("What the tools do not see"):
        measured(coverage)
    if others := [name for name in list_aligned(choice.dataset, choice.root) if name != aus]:
        with st.expander("Held against another tool"):
            tool_comparison.show(choice, aus, others)


def measured(coverage: Coverage) -> None:
    """In how many recordings each AU was measured, and the coefficients that cannot show anything."""
    signals = coverage.signals
    page_frame.table(
        signals.assign(au=[title(a, s) for a, s in zip(signals["au"], signals["side"], strict=True)]).rename(
            columns={"au": "AU", "signal": "Judged by", **SIGNAL_NAMES}
        )[["AU", "Judged by", *SIGNAL_NAMES.values()]],
        column_config={
            SIGNAL_NAMES[name]: st.column_config.NumberColumn(
                help=text, format="%.2f" if name in ("baseline", "pose_share") else "%d"
            )
            for name, text in SIGNAL_HELP.items()
        },
    )
    for line in blind_lines(coverage.blind_spots):
        st.caption(line)
