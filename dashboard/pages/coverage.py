"""What the codebook sees of action units, what it sees beyond them, and what it misses."""

from __future__ import annotations

import streamlit as st

from dfe_core.facs.coverage_notes import caveat, caveats
from dfe_core.facs.store import AlignedAus, measured_first
from dfe_core.reports.coverage_text import headlines, summary, tool_name

from ..data import artefact_cache, coverage_analyses
from ..panels import (
    au_coverage,
    beyond_facs,
    coverage_matrix,
    coverage_report,
    empty_states,
    job_progress,
    page_frame,
    region_symmetry_diversity,
)
from ..theme.formatting import text
from ..views.example_pictures import Picture

TABS = ("Codeword × AU", "Action units", "Beyond FACS", "Regions", "Symmetry", "Diversity", "Report")


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Coverage", "What the codebook sees that action units do not, and the reverse.", choice)
    if empty_states.ready(choice):
        shown(choice)


@st.fragment
def shown(choice: artefact_cache.Choice) -> None:
    """Choice of AUs, then the analysis."""
    with page_frame.guarded():
        aus = choose_aus(choice)
        if aus is None:
            return
        found = coverage_analyses.analysis(choice, aus)
        if found is None:
            offer_analysis(choice, aus)
            return
        head(found)
        tab = page_frame.parts("Part", TABS, key="part_of", label_visibility="collapsed")
        PARTS[tab](choice, aus, found)


def choose_aus(choice: artefact_cache.Choice) -> str | None:
    """Which AUs the codewords are held against; with none, a way to derive them."""
    names = measured_first(choice.dataset, choice.root)
    if not names:
        with empty_states.example(
            Picture.UNITS,
            f"“{choice.dataset}” has no action units yet",
            f"Bring detections in with `dfe aus import FILES --dataset {choice.dataset} --name TOOL` (OpenFace, "
            "py-feat, LibreFace, manual coding), or derive an estimate from the coefficients now.",
        ):
            job_progress.offer(
                "Derive an estimate",
                f"aus-{choice.dataset}",
                f"Deriving AUs of {choice.dataset}",
                ["aus", "derive", "--dataset", choice.dataset, "--name", "derived"],
                "AUs have been derived.",
                ":material/functions:",
            )
        return None
    box, note = st.columns([1, 2.6], vertical_alignment="bottom", gap="medium")
    sets = {name: AlignedAus.open(choice.dataset, name, choice.root) for name in names}
    names = sorted(names, key=lambda name: sets[name].estimate)  # what was measured comes before estimates
    name = box.selectbox("Action units", names, key="aus", bind="query-params")
    opened = sets[name]
    with note:
        kind = "an estimate derived from coefficients" if opened.estimate else "detected or coded"
        st.caption(
            f"By **{text(f'{opened.tool} {opened.version}')}**, {kind}. {caveats(opened.tool, opened.estimate)[-1]}",
            help=caveat(opened.tool, opened.estimate),
        )
    return name


def offer_analysis(choice: artefact_cache.Choice, aus: str) -> None:
    """The analysis has not been made for these inputs: offer it, with the report in the same go."""
    with empty_states.example(
        Picture.MATRIX,
        "Not analysed yet",
        "The analysis reads every frame once, tests every codeword against every AU on held-out subjects, "
        "and writes the report. It takes about a minute and is kept.",
    ):
        coverage_report.start(choice, aus, "Analyse coverage", "primary")


def head(found: coverage_analyses.Analysis) -> None:
    """Headline figures and the result in words."""
    coverage = found.coverage
    page_frame.headlines(headlines(coverage))
    st.markdown(summary(coverage))
    st.caption(
        f"n = {coverage.subjects} subjects, {coverage.frames:,} frames; AUs by {tool_name(coverage)}, "
        f"{coverage.presence_rule}."
    )


PARTS = dict(
    zip(
        TABS,
        (
            coverage_matrix.show,
            au_coverage.show,
            beyond_facs.show,
            region_symmetry_diversity.by_region,
            region_symmetry_diversity.sides,
            region_symmetry_diversity.variety,
            coverage_report.show,
        ),
        strict=True,
    )
)
