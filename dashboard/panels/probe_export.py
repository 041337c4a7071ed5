"""The files of a probe: scores, everything as JSON, the recipe that runs it again, the report; the methods text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import streamlit as st

from dfe_core.probes.recipe import recipe_text
from dfe_core.probes.result import ProbeResult
from dfe_core.spreadsheet import plain_table

from ..data import artefact_cache
from ..theme.formatting import text


def show(choice: artefact_cache.Choice, result: ProbeResult) -> None:
    """The result as files, the methods paragraph, and the recipe that runs it again."""
    stem = f"probe-{choice.model}-{result.settings.label}"
    with st.container(horizontal=True):
        st.download_button(
            "Scores, CSV", plain_table(result.rows).to_csv(index=False), f"{stem}.csv", "text/csv", on_click="ignore"
        )
        st.download_button(
            "Everything, JSON",
            json.dumps(result.to_json(), default=plain, indent=1),
            f"{stem}.json",
            "application/json",
            on_click="ignore",
        )
        st.download_button(
            "Recipe, TOML", recipe_text(result.settings), f"{stem}.toml", "text/plain", on_click="ignore"
        )
        st.download_button("Report, HTML", lambda: report_html(result), f"{stem}.html", "text/html", on_click="ignore")
    st.subheader("For the methods section", anchor=False)
    st.markdown(text(result.methods))


def report_html(result: ProbeResult) -> bytes:
    """The report of a probe as one page."""
    import tempfile

    from dfe_core.reports.probe import write_report

    with tempfile.TemporaryDirectory(prefix="dfe-probe-") as folder:
        pages = [p for p in write_report(result, Path(folder)) if p.suffix == ".html"]
        return pages[0].read_bytes()


def plain(value: object) -> object:
    """NumPy values as JSON has them."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)
