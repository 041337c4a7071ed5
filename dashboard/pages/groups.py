"""Groups compared: codewords, regions and action units in one table, with a volcano plot and faces."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import MANIFEST, groups_report_name
from dfe_core.channels.measures import COMPARED, known_measures
from dfe_core.errors import DataError
from dfe_core.expressions.sealed_text import sealed_sentence
from dfe_core.facs.store import measured_first
from dfe_core.groups.comparison import TESTED
from dfe_core.groups.confounds import confound_sentences, differing, measure_words
from dfe_core.groups.design import MOST_LEVELS, make_design
from dfe_core.groups.families import Family
from dfe_core.p_values import at_floor, bounds
from dfe_core.reports.supplement_figures import volcano_figure
from dfe_core.store import artefact_path, content_key, read_json

from ..data import artefact_cache, syllable_sets, thumbnails
from ..panels import (
    coverage_report,
    empty_states,
    event_curves,
    group_moments,
    group_power,
    job_progress,
    page_frame,
    study_exports,
)
from ..theme.formatting import text
from ..views import figures, groups_figures
from ..views.example_pictures import Picture

VERSION = 3
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
            event_curves.show(choice)


def shown(choice: artefact_cache.Choice) -> None:
    """What is compared, then the comparison or the way to it."""
    rows = choice.open_dataset().recordings
    columns = [c for c in ("session", *choice.open_dataset().labels) if 2 <= rows[c].nunique() <= MOST_LEVELS]
    if not columns:
        empty_states.no_labels(
            Picture.VOLCANO,
            f"“{choice.dataset}” has no label of 2 to {MOST_LEVELS} groups",
            "Groups are compared by a label of recordings or subjects, such as a condition. Write labels on the page "
            "Data, or bring in a table with one row per recording or subject.",
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
        [*measured_first(choice.dataset, choice.root), None],
        key=f"groups-{choice.dataset}",
        format_func=lambda name: name or "By itself",
    )
    numbers = [name for name in choice.open_dataset().labels if name != by]
    measured = [name for name in measures_of(choice) if name not in rows.columns]
    covariates = c.multiselect(
        "Adjusted for",
        [*numbers, *measured],
        format_func=lambda name: measure_words(name) if name in measured else name,
        placeholder="Nothing",
        key="groups-covariates",
    )
    mixed = repeats(rows, by) and st.toggle(
        "Mixed models of recordings within subjects",
        key="groups-mixed",
        help="Subjects have several recordings of a level: a linear mixed model of them stands beside each test. "
        "It takes about a minute.",
    )
    sets = syllable_sets.sets_of(choice)
    with_syllables = bool(sets) and st.toggle(
        "Syllables as well",
        key="groups_syllables",
        bind="query-params",
        help=f"Rate, share of time, duration and latency of each syllable, as a family of its own: "
        f"{syllable_sets.title_of(sets[0])}, those found last.",
    )
    asked = Asked(
        by=by,
        aus=aus,
        covariates=tuple(covariates),
        mixed=bool(mixed),
        syllables=syllable_sets.key_of(sets[0]) if with_syllables else "",
    )
    folder = report_folder(choice, asked)
    if (folder / MANIFEST).is_file():
        comparison(choice, by, folder)
        group_power.show(choice)
        return
    with empty_states.example(
        Picture.VOLCANO,
        "Not compared yet",
        f"Every codeword, region and action unit is compared between the levels of **{text(by)}**.",
    ):
        job_progress.offer(
            "Compare the groups",
            job_key(folder),
            f"Comparing {by}",
            arguments(choice, asked, folder),
            "The groups are compared.",
            ":material/groups:",
        )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is compared. by: the label. aus: action units; None for those that are there. mixed: with mixed models.
    syllables: the key of their set; empty for none."""

    by: str
    aus: str | None = None
    covariates: tuple[str, ...] = ()
    mixed: bool = False
    syllables: str = ""

    def settings(self) -> dict[str, Any]:
        """What makes one comparison another; without syllables as it was before there were any."""
        return {name: value for name, value in asdict(self).items() if name != "syllables" or value}


def repeats(rows: pd.DataFrame, by: str) -> bool:
    """Whether subjects have several recordings of a level."""
    return bool(rows[rows[by].notna()].duplicated(["subject", by]).any())


def report_folder(choice: artefact_cache.Choice, asked: Asked) -> Path:
    """Where the comparison of the data as they are now is kept."""
    dataset = choice.open_dataset()
    made_from = [choice.open_tokens().manifest, dataset.key, dataset.manifest.get("files"), sorted(dataset.sealed)]
    key = content_key(["groups", VERSION, choice.model, choice.dataset, *made_from, asked.settings()])
    return artefact_path("analyses", groups_report_name(key), choice.root)


def job_key(folder: Path) -> str:
    """Of the job that compares into this folder."""
    return f"groups-{folder.name}"


def arguments(choice: artefact_cache.Choice, asked: Asked, out: Path) -> list[str]:
    """The command that compares."""
    line = ["groups", choice.model, choice.dataset, f"--by={asked.by}", "--all", "--out", str(out)]
    line += [f"--aus={asked.aus}"] if asked.aus else []
    line += ["--mixed"] if asked.mixed else []
    line += ["--syllables"] if asked.syllables else []
    return [*line, f"--covariates={','.join(asked.covariates)}"] if asked.covariates else line


def comparison(choice: artefact_cache.Choice, by: str, folder: Path) -> None:
    """Families, volcano plot, faces of the codewords that differ most, moments of both groups, and the table."""
    families, rows = (_table(str(folder / name)) for name in ("families.parquet", "groups.parquet"))
    tested = rows[(rows["status"] == TESTED) & rows["p"].notna()].reset_index(drop=True)
    permutations = _permutations(str(folder))
    tested = tested.assign(floor=at_floor(tested["p"], permutations))
    st.markdown(
        f"**{int((tested['q_all'] < groups_figures.ALPHA).sum())} of {len(tested):,} tests** have q below "
        f"{groups_figures.ALPHA:g} over all rows (`q_all` in the tables)."
    )
    if said := sealed_sentence(read_json(folder / "groups.json").get("sealed")):
        st.caption(f":material/lock: {text(said)}")
    confounds(folder, within(choice, by))
    page_frame.table(
        families,
        {"family": "Family", "tests": "Tests", "smallest_p": "Smallest p", "p": "p of the family", "q": "q"},
        p_values={
            "Smallest p": bounds(families["smallest_p"], at_floor(families["smallest_p"], permutations)),
            **dict.fromkeys(("p of the family", "q"), frozenset()),
        },
    )
    st.plotly_chart(
        groups_figures.volcano(tested),
        key="volcano",
        on_select=partial(picked_point, tested),
        selection_mode="points",
        config=figures.CONFIG,
        alt="Hedges' g against −log10 p of every row, by family",
    )
    st.caption("Click a point, or a row of the table below, to see the moments of both groups.")
    faces(choice, tested)
    group_moments.show(choice, by, tested)
    transitions(tested)
    names: dict[str, Any] = {"family": "Family", "thing": "What", "description": "Description", "measure": "Measure"}
    names |= {"a": "First", "b": "Second", "mean_a": "Mean of first", "mean_b": "Mean of second", "hedges_g": "g"}
    names |= {"g_low": "From", "g_high": "To", "rank_biserial": "Rank-biserial", "p": "p", "q": "q", "q_all": "q_all"}
    formats = {"Mean of first|Mean of second": "%.3g", "g|From|To|Rank-biserial": "%.2f"}
    low = {names[name]: bounds(tested[name], tested["floor"]) for name in ("p", "q", "q_all")}
    if "mixed_p" in tested:
        names |= {"mixed_difference": "Mixed: difference", "mixed_p": "Mixed: p", "mixed_q": "Mixed: q"}
        formats |= {"Mixed: difference": "%.3g", "Mixed: p|Mixed: q": "%.4f"}
    page_frame.table(
        tested,
        names,
        formats,
        low,
        height=420,
        column_config={"Description": st.column_config.TextColumn(width="medium")},
        key="groups-table",
        on_select=partial(picked_row, tested),
        selection_mode="single-row",
    )
    st.download_button(
        "Tables",
        lambda: coverage_report.zipped(folder),
        f"groups-{choice.model}.zip",
        "application/zip",
        icon=":material/table:",
        on_click="ignore",
    )
    figure = volcano_figure(by, 1, rows, "")
    study_exports.of_table(rows, figure, f"groups-{choice.model}-{by}", "export-groups")


def measures_of(choice: artefact_cache.Choice) -> list[str]:
    """Measures of head, gaze, blinks, speech and tracking that the dataset may have."""
    known = known_measures(choice.open_dataset())
    return [name for name in COMPARED if name in known]


def within(choice: artefact_cache.Choice, by: str) -> bool:
    """Whether subjects are compared with themselves."""
    return make_design(choice.open_dataset().recordings, by).within


def confounds(folder: Path, paired: bool) -> None:
    """What else differs between the groups: a line, and its table when asked."""
    path = folder / "confounds.parquet"
    if not path.is_file():
        return
    rows = _table(str(path))
    (st.warning if len(differing(rows)) else st.caption)(text(confound_sentences(rows, paired)))
    with st.expander("Head movement, gaze, blinks, speech and tracking of the groups"):
        page_frame.table(
            rows.assign(measure=[measure_words(name) for name in rows["measure"]]),
            {
                "measure": "Measure",
                "description": "What it is",
                "unit": "Unit",
                "a": "First",
                "b": "Second",
                "mean_a": "Mean of first",
                "mean_b": "Mean of second",
                "hedges_g": "g",
                "g_low": "From",
                "g_high": "To",
                "p": "p",
                "q": "q",
            },
            {"Mean of first|Mean of second": "%.3g", "g|From|To": "%.2f"},
            {name: bounds(rows[name], at_floor(rows["p"], _permutations(str(folder)))) for name in ("p", "q")},
        )


def picked_point(tested: pd.DataFrame) -> None:
    """A point of the volcano plot was clicked."""
    points = st.session_state["volcano"].selection.points
    if points:
        group_moments.pick(tested, int(points[0]["customdata"][-1]))


def picked_row(tested: pd.DataFrame) -> None:
    """A row of the table was clicked."""
    chosen = st.session_state["groups-table"].selection.rows
    if chosen:
        group_moments.pick(tested, chosen[0])


def transitions(tested: pd.DataFrame) -> None:
    """Which region moves after which, in one group against the other; of several pairs of levels the first."""
    rows = tested[tested["family"] == Family.TRANSITIONS]
    if rows.empty:
        return
    rows = rows[(rows["a"] == rows["a"].iloc[0]) & (rows["b"] == rows["b"].iloc[0])]
    st.subheader("Which region moves next", anchor=False)
    alt = "Hedges' g of the transitions from each region to the next"
    figures.show(groups_figures.transition_map(rows), "transitions", alt)
    st.caption(
        "Of the times that a region begins to move, how often each other one follows within a second: "
        f"{text(rows['b'].iloc[0])} against {text(rows['a'].iloc[0])}, Hedges' g. A dot: q below "
        f"{groups_figures.ALPHA:g} within the family. Grey: not tested."
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


@st.cache_data(max_entries=16, show_spinner=False)
def _permutations(folder: str) -> int:
    """How many permutations the tests of a folder drew at most."""
    try:
        return int(read_json(Path(folder) / MANIFEST)["settings"]["permutations"])
    except (DataError, KeyError, TypeError):  # of an older version: no value is known to be a bound
        return 0
