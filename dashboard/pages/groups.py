"""Groups compared: codewords, regions and action units in one table, with a volcano plot and faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import MANIFEST, groups_report_name
from dfe_core.facs.store import list_aligned
from dfe_core.groups.comparison import TESTED
from dfe_core.groups.design import MOST_LEVELS
from dfe_core.groups.families import Family
from dfe_core.store import artefact_path, content_key

from ..data import artefact_cache, thumbnails
from ..panels import coverage_report, empty_states, job_progress, page_frame
from ..theme.formatting import text
from ..views import figures, groups_figures

VERSION = 1
"""Counted up when `dfe groups --all` gives something else for the same data."""
FACES = 8


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Groups", "Do people or conditions differ, in what, and by how much?", choice)
    if choice.faceless:
        st.caption(f"Action units alone: `dfe groups aus:NAME {choice.dataset} --by COLUMN` compares them.")
    elif empty_states.ready(choice):
        with page_frame.guarded():
            shown(choice)


def shown(choice: artefact_cache.Choice) -> None:
    """What is compared, then the comparison or the way to it."""
    rows = choice.open_dataset().recordings
    columns = [c for c in ("session", *choice.open_dataset().labels) if 2 <= rows[c].nunique() <= MOST_LEVELS]
    if not columns:
        st.info(
            f"“{choice.dataset}” has no label of 2 to {MOST_LEVELS} groups. Import the recordings with a table of "
            "labels, such as a condition of each subject: on the Data page, or by `dfe import … --labels labels.csv`.",
            icon=":material/info:",
        )
        return
    a, b, c = st.columns(3)
    by = a.selectbox(
        "Compare",
        columns,
        index=int(columns[0] == "session" and len(columns) > 1),
        key="groups_by",
        bind="query-params",
    )
    aus = b.selectbox(
        "Action units",
        [*list_aligned(choice.dataset, choice.root), None],
        key=f"groups-{choice.dataset}",
        format_func=lambda name: name or "By itself",
    )
    numbers = [name for name in choice.open_dataset().labels if name != by]
    covariates = c.multiselect("Adjusted for", numbers, placeholder="Nothing", key="groups-covariates")
    folder = report_folder(choice, by, aus, covariates)
    if (folder / MANIFEST).is_file():
        comparison(choice, folder)
        return
    with st.container(border=True):
        st.markdown(f"Every codeword, region and action unit is compared between the levels of **{text(by)}**.")
        job_progress.offer(
            "Compare the groups",
            f"groups-{folder.name}",
            f"Comparing {by}",
            arguments(choice, by, aus, covariates, folder),
            "The groups are compared.",
            ":material/groups:",
        )


def report_folder(choice: artefact_cache.Choice, by: str, aus: str | None, covariates: list[str]) -> Path:
    """Where the comparison of the data as they are now is kept."""
    dataset = choice.open_dataset()
    made_from = [choice.open_tokens().manifest, dataset.key, dataset.manifest.get("files")]
    key = content_key(["groups", VERSION, choice.model, choice.dataset, *made_from, by, aus, covariates])
    return artefact_path("analyses", groups_report_name(key), choice.root)


def arguments(choice: artefact_cache.Choice, by: str, aus: str | None, covariates: list[str], out: Path) -> list[str]:
    """The command that compares."""
    line = ["groups", choice.model, choice.dataset, f"--by={by}", "--all", "--out", str(out)]
    line += [f"--aus={aus}"] if aus else []
    return [*line, f"--covariates={','.join(covariates)}"] if covariates else line


def comparison(choice: artefact_cache.Choice, folder: Path) -> None:
    """Families, volcano plot, faces of the codewords that differ most, and the table."""
    families, rows = (_table(str(folder / name)) for name in ("families.parquet", "groups.parquet"))
    tested = rows[(rows["status"] == TESTED) & rows["p"].notna()]
    st.markdown(
        f"**{int((tested['q_all'] < groups_figures.ALPHA).sum())} of {len(tested):,} tests** have q below "
        f"{groups_figures.ALPHA:g} over all rows."
    )
    page_frame.table(
        families,
        {"family": "Family", "tests": "Tests", "smallest_p": "Smallest p", "p": "p of the family", "q": "q"},
        {"Smallest p|p of the family|q": "%.4f"},
    )
    figures.show(groups_figures.volcano(tested), "volcano", "Hedges' g against −log10 p of every row, by family")
    faces(choice, tested)
    names: dict[str, Any] = {"family": "Family", "thing": "What", "description": "Description", "measure": "Measure"}
    names |= {"a": "First", "b": "Second", "mean_a": "Mean of first", "mean_b": "Mean of second", "hedges_g": "g"}
    names |= {"g_low": "From", "g_high": "To", "rank_biserial": "Rank-biserial", "p": "p", "q": "q", "q_all": "q, all"}
    formats = {"Mean of first|Mean of second": "%.3g", "g|From|To|Rank-biserial": "%.2f", "p|q|q, all": "%.4f"}
    page_frame.table(tested, names, formats, height=420)
    st.download_button(
        "Tables",
        lambda: coverage_report.zipped(folder),
        f"groups-{choice.model}.zip",
        "application/zip",
        icon=":material/table:",
        on_click="ignore",
    )


def faces(choice: artefact_cache.Choice, tested: pd.DataFrame) -> None:
    """The codewords with the smallest p, each once, with their faces."""
    best = tested[tested["family"] == Family.CODEWORDS].drop_duplicates("thing").head(FACES)
    wanted = best["thing"].astype(int).tolist()
    pictures = thumbnails.addresses(choice.root, choice.open_codebook(), choice.open_face(), wanted)
    st.html(groups_figures.face_rows(best, pictures))


@st.cache_data(max_entries=16, show_spinner=False)
def _table(path: str) -> pd.DataFrame:
    return pd.read_parquet(path)
