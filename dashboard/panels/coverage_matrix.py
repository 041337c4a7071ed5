"""Codewords against action units, cell by cell: a heat map, and both faces and the moments of the cell that is open."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dfe_core.facs.agreement import KINDS, agreement_moments
from dfe_core.facs.settings import LEAST_PHI
from dfe_core.facs.signals import AuSignals
from dfe_core.facs.store import AlignedAus
from dfe_core.motion.actions import action_directions
from dfe_core.ontology import title
from dfe_core.p_values import p_text
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.statistics import STATISTICS

from ..data import artefact_cache, coverage_analyses, media
from ..data.dictionary import dictionary
from ..links import query_parameters, routes
from ..links.numbers import whole
from ..selection import codeword_filter, codeword_selection
from ..theme.formatting import clock, plural
from ..views import browser_views, coverage_figures, figures
from . import page_frame

ORDER_NAMES = {"facs": "FACS", "similarity": "Similarity"}
SAID = {"both": "Both say so", "codeword only": "Codeword without the AU", "AU only": "AU without the codeword"}


def show(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """The clickable heat map and the cell that is open."""
    chosen, order = filters(choice, found)
    selected = selected_cell(found)
    drawn = coverage_figures.cell_map(found.coverage.key, chosen, selected, order, False, found)
    if drawn is None:
        st.info("No codeword goes with an AU above chance under these filters.", icon=":material/filter_alt_off:")
        return
    figure, empty = drawn
    if without_cell(empty, coverage_analyses.axes(found, chosen, order).left_out):
        figure, _ = coverage_figures.cell_map(found.coverage.key, chosen, selected, order, True, found) or drawn
    if selected is None:
        heat_map(figure)
        return
    chart, detail = st.columns([1.5, 1], gap="medium")
    with chart:
        heat_map(figure)
    with detail:
        cell(choice, aus, found, *selected)


def without_cell(empty: tuple[int, int], left_out: str) -> bool:
    """How many AUs and codewords have no square, and which codewords are left out; whether they are shown as well."""
    if any(empty):
        with st.container(horizontal=True, vertical_alignment="center"):
            every = st.toggle(
                "Show all",
                key="cell_every",
                bind="query-params",
                help="Rows and columns without a square as well: AUs that go with no codeword, and codewords that go "
                "with no AU.",
            )
            st.caption(f"{no_association(*empty, every)} {left_out}".strip())
        return every
    if left_out:
        st.caption(left_out)
    return False


def no_association(aus: int, codewords: int, shown: bool) -> str:
    """``1 AU and 11 codewords with no association are not shown.``; of what there is none, nothing."""
    counted = [plural(n, noun) for n, noun in ((aus, "AU"), (codewords, "codeword")) if n]
    verb = "is" if aus + codewords == 1 else "are"
    return f"{' and '.join(counted)} with no association {verb} {'blank' if shown else 'not shown'}."


def heat_map(figure: go.Figure) -> None:
    """Codewords against action units; a click opens a cell."""
    st.plotly_chart(
        figure,
        key="cells",
        on_select=picked_cell,
        selection_mode="points",
        config=figures.CONFIG,
        alt="Codewords against action units, coloured by phi",
    )
    st.caption(
        "Click a square to see both faces and the moments where they agree and disagree.",
        help="Squares are codewords and action units that go together: q < 0.05 over all pairs, an interval of the "
        f"lift over people that leaves out 1, φ of {LEAST_PHI:g} or more in size. Their colour is φ. "
        + STATISTICS["phi"].help,
    )


def filters(choice: artefact_cache.Choice, found: coverage_analyses.Analysis) -> tuple[coverage_analyses.Filter, str]:
    """Subjects, conditions, region and stage; and the order of rows and columns."""
    aggregates, table = found.aggregates, dictionary(choice).table
    conditions = aggregates.conditions[:2]
    slots = st.columns(4 + len(conditions))
    subjects = slots[0].multiselect("Subjects", aggregates.subjects, placeholder="All", key="who", bind="query-params")
    levels = []
    for slot, name in zip(slots[1:], conditions, strict=False):
        values = sorted(map(str, aggregates.groups[name].dropna().unique()))
        picked = slot.multiselect(
            name.capitalize(), values, placeholder="All", key=f"level_{name}", bind="query-params"
        )
        levels.append((name, tuple(picked)))
    present = codeword_filter.regions_of(table)
    query_parameters.spell("cell_region", present, str.capitalize)
    regions = slots[-3].multiselect(
        "Region",
        present,
        placeholder="All",
        format_func=str.capitalize,
        key="cell_region",
        bind="query-params",
    )
    stage = slots[-2].selectbox(
        "Stage", ["All", *map(str, range(1, int(table["main_stage"].max()) + 2))], key="cell_stage", bind="query-params"
    )
    query_parameters.spell("cell_order", list(ORDER_NAMES), ORDER_NAMES.__getitem__)
    order = slots[-1].selectbox(
        "Order", list(ORDER_NAMES), format_func=ORDER_NAMES.__getitem__, key="cell_order", bind="query-params"
    )
    keep = table["codeword"] >= 0
    marked = codeword_selection.bar(choice, "coverage")
    if marked and st.toggle("Selected codewords only", value=True, key="cell_only", bind="query-params"):
        keep &= table["codeword"].isin(marked)
    if regions:
        keep &= table["region"].isin(regions)
    if stage != "All":
        keep &= table["main_stage"] == int(stage) - 1
    codewords = None if keep.all() else tuple(table.loc[keep, "codeword"].astype(int))
    return coverage_analyses.Filter(tuple(subjects), tuple(levels), codewords), order


def picked_cell() -> None:
    """Name the clicked cell in the link."""
    points = st.session_state["cells"].selection.points
    if points:
        query_parameters.write(codeword=int(points[0]["x"]), au=points[0]["y"])


def selected_cell(found: coverage_analyses.Analysis) -> tuple[int, str] | None:
    """The cell that the link names."""
    number, label = whole(query_parameters.read("codeword")), query_parameters.read("au")
    if label is None:
        return None
    if number is None or number >= len(found.coverage.codewords):
        query_parameters.unusable("cell", [f"{query_parameters.read('codeword')}, {label}"])
        return None
    return number, label


def cell(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis, number: int, label: str) -> None:
    """Both faces side by side, the figures of the pair, and moments of agreement and of disagreement."""
    au, _, side = label.partition(" ")
    side = side or "both"
    codebook, face, row = found.inputs.codebook, found.inputs.face, dictionary(choice).table.iloc[number]
    st.subheader(f"Codeword {number} and {title(au, side)}", anchor=False)
    template = action_directions(face.names).get(label)
    if face.has_mesh:
        psi = codebook.psi[number]
        other = {"psi": [round(float(v), 4) for v in template], "title": label} if template is not None else None
        browser_views.morph(
            key="cell",
            data={
                "face": media.face_address(face),
                "psi": [round(float(v), 4) for v in psi],
                "other": other,
                "height": 300,
                "title": f"Codeword {number}",
                "codeword": number,
                "alt": f"{label} beside codeword {number}: {row['description']}",
            },
        )
    pair = found.coverage.pairs.query("codeword == @number and au == @au and side == @side")
    if len(pair):
        values = pair.iloc[0]
        page_frame.facts(
            [
                page_frame.fact("phi", f"{values['phi']:.2f}", f"{values['phi_low']:.2f} to {values['phi_high']:.2f}"),
                page_frame.fact(
                    "lift", f"{values['lift']:.1f}", f"{values['lift_low']:.1f} to {values['lift_high']:.1f}"
                ),
                page_frame.fact(
                    "auroc", f"{values['auroc']:.2f}", f"{values['auroc_low']:.2f} to {values['auroc_high']:.2f}"
                ),
                page_frame.fact("q", p_text(values["q"], values["p"] <= values["p_least"], 1), "over all pairs"),
            ]
        )
    agreement(choice, aus, found, number, au, side)
    with st.container(horizontal=True):
        routes.link("codebook", f"Open codeword {number}", codeword=number)
        st.button(
            "Select it",
            icon=":material/add:",
            key="select-cell",
            on_click=codeword_selection.toggle,
            args=(choice, number),
        )


def agreement(
    choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis, number: int, au: str, side: str
) -> None:
    """Moments by what was there; a click opens the recording."""
    table = _agreement(
        found.coverage.key, number, au, side, found.inputs.tokens, found.inputs.aus, found.aggregates.signals
    )
    for kind in KINDS:
        part = table[table["kind"] == kind].head(4)
        if not len(part):
            continue
        st.caption(SAID[kind])
        with st.container(horizontal=True, gap="small"):
            for i, (recording, peak_s) in enumerate(zip(part["recording"], part["peak_s"], strict=True)):
                if st.button(
                    f"{recording} {clock(peak_s)}",
                    key=f"{kind}-{i}",
                    type="tertiary",
                    icon=":material/play_circle:",
                ):
                    routes.go("recordings", recording=recording, t=round(float(peak_s), 3))


@st.cache_data(max_entries=64, show_spinner="Looking for moments")
def _agreement(
    key: str, number: int, au: str, side: str, _tokens: TokenCache, _aus: AlignedAus, _signals: AuSignals
) -> pd.DataFrame:
    return agreement_moments(_tokens, _aus, number, au, side, count=4, signals=_signals)
