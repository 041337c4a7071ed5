"""What was found in conversations: lag curves, who leads, strength of each pair, who speaks, and the tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.conversations.result import CORRELATION, TESTED
from dfe_core.p_values import at_floor, bounds, p_words
from dfe_core.store import read_json

from ..data import artefact_cache
from ..data.dictionary import dictionary
from ..theme.formatting import plural, text
from ..views import cards, conversation_figures, figures
from . import coverage_report, page_frame

PICKED = "conversations_thing"
ALPHA = 0.05
_LEADS = 12
_TABLES = ("answers", "curves", "pairs", "windows", "turns", "overlap", "conversations")


@dataclass(frozen=True, eq=False, kw_only=True)
class Report:
    """A report on disk. tables: by name, empty where there are none. about: conversations.json."""

    folder: Path
    about: dict[str, Any]
    tables: dict[str, pd.DataFrame]

    @property
    def roles(self) -> tuple[str, str]:
        """What the first and the second are called."""
        first, second = self.about["roles"]
        return str(first), str(second)

    def of(self, table: str, kind: str, thing: str) -> pd.DataFrame:
        """Rows of one thing."""
        rows = self.tables[table]
        return rows[(rows["kind"] == kind) & (rows["thing"] == thing)] if len(rows) else rows


def read_report(folder: Path) -> Report:
    """What `dfe conversations --out` wrote."""
    about, tables = _read(str(folder))
    return Report(folder=folder, about=about, tables=tables)


@st.cache_data(max_entries=8, show_spinner=False)
def _read(folder: str) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    place = Path(folder)
    tables = {name: place / "tables" / f"{name}.parquet" for name in _TABLES}
    read = {name: pd.read_parquet(path) if path.is_file() else pd.DataFrame() for name, path in tables.items()}
    return read_json(place / "conversations.json"), read


def tested_things(choice: artefact_cache.Choice, report: Report) -> pd.DataFrame:
    """Rows of correlation that were tested, the smallest p first, with a label."""
    rows = report.tables["answers"]
    own = rows[(rows["status"] == TESTED) & (rows["measure"] == CORRELATION)]
    worse = own[["p_shift", "p_shuffled"]].max(axis=1)
    own = own.assign(worse=worse, size=-own["value"].abs() * np.sqrt(own["conversations"]))
    own = own.sort_values(["worse", "size"], kind="stable", ignore_index=True)
    return own.assign(label=[label(choice, kind, thing) for kind, thing in zip(own["kind"], own["thing"], strict=True)])


def label(choice: artefact_cache.Choice, kind: str, thing: str) -> str:
    """``20 · AU12`` of a codeword, ``Region brow``, ``Syllable 3``."""
    if kind != "codeword":
        return f"{kind.capitalize()} {thing}"
    return f"{thing} · {cards.name_of(dictionary(choice).table.iloc[int(thing)])}"


def show(choice: artefact_cache.Choice, report: Report, things: pd.DataFrame) -> pd.Series:
    """Headline, curve of the chosen thing with its pairs, leads, turns, table; returns the chosen row."""
    headline(report)
    labels = things["label"].tolist()
    st.subheader("Who answers whom, and how late", anchor=False)
    picked = st.selectbox(
        "Shown",
        labels,
        key=PICKED,
        bind="query-params",
        help="Codewords, regions and syllables that both faces show, the smallest p first. A click on a row of the "
        "table below chooses it, too.",
    )
    row = things.iloc[labels.index(picked)]
    left, right = st.columns(2, gap="medium")
    with left:
        curve(report, row)
    with right:
        pairs(report, row)
    table(choice, report)
    left, right = st.columns(2, gap="medium")
    with left:
        leads(report, things)
    with right:
        speech(report)
    return row


def headline(report: Report) -> None:
    """What was compared, in figures."""
    rows, held = report.tables["answers"], report.tables["conversations"]
    tested = rows[rows["status"] == TESTED]
    shuffled = tested["p_shuffled"].notna().any()
    low = tested["q_shift"] <= ALPHA
    low = low & (tested["q_shuffled"] <= ALPHA) if shuffled else low
    found = tested[low].drop_duplicates(["kind", "thing"])
    page_frame.facts(
        [
            ("Beyond chance", f"{len(found)}", "of codewords and regions", _BEYOND if shuffled else _SHIFTS_ALONE),
            ("Conversations", str(len(held)), f"{int(held['faces'].sum())} faces"),
            (
                "Time together",
                f"{held['seconds'].sum() / 60:.1f} min",
                f"{held['known'].mean():.0%} of it all faces seen",
            ),
            ("Surrogates", str(report.about["surrogates"]), "of either family" if shuffled else "circular shifts"),
        ]
    )
    if not shuffled:
        st.caption("Too few conversations to shuffle pairs: what both do because of a common task is not taken out.")
    if report.about["left_out"]:
        st.caption(f"Too short and left out: {text(', '.join(report.about['left_out']))}.")


_BEYOND = (
    "Codewords, regions or syllables with q ≤ 0.05 against circular shifts within pairs and against shuffled pairs, "
    "in correlation or in answered onsets"
)
_SHIFTS_ALONE = (
    "Codewords, regions or syllables with q ≤ 0.05 against circular shifts; too few conversations to shuffle"
)


def curve(report: Report, row: pd.Series) -> None:
    """Lag curve of one thing."""
    first, second = report.roles
    own = report.of("curves", row["kind"], row["thing"])
    figure = conversation_figures.lag_curve(own, float(row["lag_s"]), first, second)
    figures.show(figure, f"lags-{row['kind']}-{row['thing']}", f"Correlation of both faces by lag: {row['label']}")
    st.caption(
        f"Largest at {row['lag_s']:+.2f} s ({row['lag_low']:.2f} to {row['lag_high']:.2f}): r {row['value']:.2f}, "
        f"chance {row['base']:.2f}.",
        help="Intensities of both faces, centred on their moving mean, correlated at every lag; mean over "
        "conversations with 95 % bootstrap interval. Grey: the middle 95 % of shifted pairs at each lag. Chance: the "
        "mean of the largest correlations over lags of shifted pairs.",
    )


def pairs(report: Report, row: pd.Series) -> None:
    """Strength and lag of every pair, and how many of them chance gives."""
    own = report.of("pairs", row["kind"], row["thing"])
    figures.show(
        conversation_figures.pair_strengths(own),
        f"pairs-{row['kind']}-{row['thing']}",
        f"Largest correlation and its lag of every pair: {row['label']}",
    )
    low = int((own["p_shift"] <= ALPHA).sum())
    st.caption(
        f"{low} of {plural(len(own), 'pair')} at p ≤ {ALPHA:g}; by chance {ALPHA * len(own):.1f} would be.",
        help="The largest correlation of each pair over all lags, and p by circular shifts of that pair alone. A "
        "largest value of many lags is too large by itself: compare it with p, not with 0.",
    )


def leads(report: Report, things: pd.DataFrame) -> None:
    """Who leads, of what goes together most."""
    st.subheader("Who leads", anchor=False)
    first, second = report.roles
    rows = things.head(_LEADS).assign(sure=lambda rows: rows["q_lead"] <= ALPHA)
    alt = "Lead of the first over the second of each pair, with 95 % intervals"
    figures.show(conversation_figures.leads(rows, first, second), "leads", alt)
    st.caption(
        f"{int(rows['sure'].sum())} of {len(rows)} with q ≤ {ALPHA:g} (blue).",
        help="Mean correlation (Fisher's z) at positive less that at negative lags, with 95 % bootstrap intervals over "
        "conversations; p by exchange of first and second within conversations.",
    )


def speech(report: Report) -> None:
    """Turns of every pair."""
    rows = report.tables["turns"]
    st.subheader("Who speaks", anchor=False)
    if rows.empty:
        st.caption("Speech is not measured: there is neither a voice of each face nor a jaw.")
        return
    first, second = report.roles
    alt = "Share of the time in which the first, the second, both and neither of each pair speak"
    figures.show(conversation_figures.turns(rows, first, second), "turns", alt)
    source = "the sound of each face’s own video" if (rows["source"] == "voice").all() else "the movement of the jaw"
    said = f"By {source}. {rows['changes'].sum()} changes of turn, median gap {rows['gap_s'].median():+.2f} s."
    overlap = report.tables["overlap"]
    if len(overlap):
        one = overlap.iloc[0]
        said += f" Both speak {one['value']:.0%} of the time, by chance {one['base']:.0%} ({_p_of(one, report)})."
    st.caption(
        said,
        help="Gap: from the end of one's turn to the start of the other's; negative where they overlap (Heldner & "
        "Edlund 2010). Speech of the jaw is an estimate; laughter has the same rhythm.",
    )


def _p_of(row: pd.Series, report: Report) -> str:
    floor = bool(at_floor(row["p_shift"], int(report.about["surrogates"])))
    return p_words("p", row["p_shift"], floor)


def table(choice: artefact_cache.Choice, report: Report) -> None:
    """Every row that was tested; a click shows its curve."""
    rows = report.tables["answers"]
    tested = rows[rows["status"] == TESTED].reset_index(drop=True)
    first, second = report.roles
    words = {
        "both": "both",
        "second after first": f"{second} after {first}",
        "first after second": f"{first} after {second}",
    }
    labels = [label(choice, kind, thing) for kind, thing in zip(tested["kind"], tested["thing"], strict=True)]
    tested = tested.assign(label=labels, direction=tested["direction"].map(words))
    names = {"label": "What", "measure": "Measure", "direction": "Direction", "value": "Value", "low": "From"}
    names |= {"high": "To", "base": "Chance", "strength": "Strength", "lag_s": "Lag, s", "lead": "Lead"}
    names |= {"p_shift": "p shifts", "q_shift": "q shifts", "p_shuffled": "p shuffled", "q_shuffled": "q shuffled"}
    surrogates = int(report.about["surrogates"])
    low = {
        names[name]: bounds(tested[name], at_floor(tested[name.replace("q", "p", 1)], surrogates))
        for name in ("p_shift", "q_shift", "p_shuffled", "q_shuffled")
    }
    page_frame.table(
        tested,
        names,
        {"Value|From|To|Chance|Strength|Lag, s": "%.2f", "Lead": "%+.3f"},
        low,
        height=300,
        column_config={"What": st.column_config.TextColumn(width="medium")},
        key="conversations-table",
        on_select=partial(_picked, tested),
        selection_mode="single-row",
    )


def _picked(tested: pd.DataFrame) -> None:
    """A row of the table was clicked."""
    chosen = st.session_state["conversations-table"].selection.rows
    if chosen and chosen[0] < len(tested):
        st.session_state[PICKED] = tested["label"].iloc[chosen[0]]


def downloads(choice: artefact_cache.Choice, report: Report) -> None:
    """The report's page, its tables and its JSON."""
    name = f"conversations-{choice.model}-{choice.dataset}"
    with st.container(horizontal=True):
        for file, words, kind in (
            ("report.html", "Report", "text/html"),
            ("conversations.json", "JSON", "application/json"),
            ("lags.svg", "Figure, SVG", "image/svg+xml"),
        ):
            path = report.folder / file
            if path.is_file():
                st.download_button(
                    words,
                    path.read_bytes(),
                    f"{name}-{file}",
                    kind,
                    icon=":material/download:",
                    on_click="ignore",
                )
        st.download_button(
            "Tables, CSV and Parquet",
            lambda: coverage_report.zipped(report.folder / "tables"),
            f"{name}-tables.zip",
            "application/zip",
            icon=":material/table:",
            on_click="ignore",
        )
