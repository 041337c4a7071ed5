"""Two tools' action units of the same recordings: gain, delay, offset, and the side that each favours."""

from __future__ import annotations

import streamlit as st

from dfe_core.errors import DataError
from dfe_core.ontology import title

from ..data import artefact_cache, coverage_analyses
from ..theme.formatting import text
from . import page_frame

TOOL_NAMES = {
    "au": "AU",
    "frames": "Frames",
    "correlation": "Correlation",
    "gain": "Gain",
    "offset": "Offset",
    "delay_s": "Delay (s)",
    "bias_first": "Side bias, first",
    "bias_second": "Side bias, second",
}
TOOL_HELP = {
    "frames": "Frames in which both tools measured the AU.",
    "correlation": "Within recordings, at the delay.",
    "gain": "Standard deviation of the second tool over that of the first.",
    "offset": "Second less first, mean intensity, 0 to 5.",
    "delay_s": "By which the second tool comes later.",
    "bias_first": "(left − right) / (left + right) of the first tool's mean intensities.",
    "bias_second": "(left − right) / (left + right) of the second tool's mean intensities.",
}


def show(choice: artefact_cache.Choice, aus: str, others: list[str]) -> None:
    """Gain, delay, offset and side bias of another tool's AUs on the same frames."""
    other = st.selectbox("Other action units", others, index=None, placeholder="Choose a tool", key="other-aus")
    if other is None:  # not before it is asked for: the whole dataset is read
        return
    try:
        found = coverage_analyses.tools(choice, aus, other)
    except DataError as error:
        st.caption(text(f"{error}."))
        return
    table = found.table.assign(au=[title(a, s) for a, s in zip(found.table["au"], found.table["side"], strict=True)])
    page_frame.table(
        table.drop(columns="side").rename(columns=TOOL_NAMES),
        column_config={
            TOOL_NAMES[name]: st.column_config.NumberColumn(help=text, format="%d" if name == "frames" else "%.2f")
            for name, text in TOOL_HELP.items()
        },
    )
    left_out = f" {found.other_rate} recordings of another frame rate are left out." if found.other_rate else ""
    st.caption(
        f"First: {aus} ({found.tools[0]}); second: {other} ({found.tools[1]}). {found.recordings} recordings at "
        f"{found.fps:g} frames a second.{left_out}"
    )
