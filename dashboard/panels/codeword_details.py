"""One codeword's page below its face: where it moves, when it is used, in whom, and in what company."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.ontology import title
from dfe_core.store import cache_root
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.dynamics import contexts, cooccurring, distribution_over, dynamics, intensity_distribution
from dfe_core.tokens.intervals import RunIndex
from dfe_core.tokens.peak_frames import quantile_examples, strongest_moments
from dfe_core.tokens.search import neighbours
from dfe_core.tokens.usage import token_counts_by_stage

from ..data import artefact_cache, coverage_analyses, film_stills, media, thumbnails
from ..links import routes
from ..theme.formatting import clock, count, mm, percent
from ..views import bars, browser_views
from ..views.cards import card
from . import page_frame

MOMENTS = 8
RARE_STAGE = 0.005
"""Stages after the last one with this share of a codeword's uses are shown as one."""
ALIKE = 0.1
"""Least cosine from which two codewords are shown as alike: on learned faces most are orthogonal."""
EXAMPLES = ("Strongest", "From weak to strong")


def key_facts(row: pd.Series) -> None:
    """The figures a reader wants first."""
    page_frame.facts(
        [
            ("Largest movement", mm(row["peak_mm"]), f"mean {mm(row['mean_mm'])}"),
            ("Symmetry", _symmetry(row), _side(row)),
            ("In the data", percent(row["share_of_frames"]), f"of frames, typically {mm(row['typical_mm'])}"),
            ("Main stage", str(int(row["main_stage"]) + 1) if row["uses"] else "–", f"{count(row['uses'])} uses"),
        ]
    )


def where_it_moves(row: pd.Series) -> None:
    """Regions and sides."""
    st.subheader("Where it moves", anchor=False)
    bars.sides(row, f"Mean movement per region of codeword {row['codeword']}")
    st.caption("Mean movement of each region, mm")


def how_it_is_used(choice: artefact_cache.Choice, number: int) -> None:
    """Stages, intensity and timing."""
    tokens = choice.open_tokens()
    by_stage = token_counts_by_stage(tokens)[number]
    index = choice.open_intervals()
    st.subheader("How it is used", anchor=False)
    if not index.summary["runs"][number]:
        st.caption(f"“{choice.dataset}” never shows this codeword: it moves the face by 1 mm for 0.1 s nowhere.")
        return
    timing(index, number)
    left, right = st.columns(2)
    with left:
        st.caption("Stage")
        bars.rows(stage_bars(by_stage), f"Uses of codeword {number} per stage")
    with right:
        st.caption("Intensity while present")
        bars.histogram(intensity_distribution(index, number, bins=20), f"Intensity of codeword {number}")


def stage_bars(by_stage: np.ndarray) -> list[bars.Bar]:
    """A bar for each stage; those after the last with `RARE_STAGE` of the uses share one."""
    total = max(int(by_stage.sum()), 1)
    shown = int(np.flatnonzero(by_stage >= RARE_STAGE * total)[-1]) + 1 if by_stage.any() else 0
    rows = [(str(i + 1), f"Stage {i + 1}", int(n)) for i, n in enumerate(by_stage[:shown])]
    if len(by_stage) > shown:
        rows.append((f"{shown + 1}+", f"Stages {shown + 1} to {len(by_stage)}", int(by_stage[shown:].sum())))
    return [
        bars.Bar(label=label, value=n / total, text=percent(n / total), note=f"{name}: {count(n)} uses")
        for label, name, n in rows
    ]


def timing(index: RunIndex, number: int) -> None:
    """How often it appears and how long it lasts."""
    found = dynamics(index, number)
    middle, low, high = found.duration_s
    page_frame.facts(
        [
            ("Appears", f"{found.runs_per_minute:.1f} ×", "a minute"),
            ("Lasts", f"{middle:.2f} s", f"half of them {low:.2f}–{high:.2f} s"),
            ("Onset", f"{found.onset_s[0]:.2f} s", "start to peak"),
        ]
    )


def moments(choice: artefact_cache.Choice, face: FaceModel, number: int) -> None:
    """Reconstructed faces of the moments at which the codeword is strongest; a click opens the recording there."""
    dataset, index = (
        choice.open_dataset(),
        choice.open_intervals(),
    )
    heading, switch = st.columns([1, 1], vertical_alignment="center")
    heading.subheader("Moments", anchor=False)
    with switch, st.container(horizontal=True, horizontal_alignment="right"):
        which = st.segmented_control(
            "Moments",
            EXAMPLES,
            default=EXAMPLES[0],
            key="moments_of",
            required=True,
            bind="query-params",
            label_visibility="collapsed",
        )
    found = (
        strongest_moments(index, number, dataset.recordings, limit=MOMENTS)
        if which == EXAMPLES[0]
        else quantile_examples(index, number, dataset.recordings, bands=MOMENTS, each=1)
    )
    if not len(found):
        st.caption(f"No moment of “{choice.dataset}” shows this codeword.")
        return
    psi = frames_at(dataset, found)
    stills = film_stills.addresses(dataset, [(row.recording, float(row.peak_s)) for row in found.itertuples()])
    items = [
        {
            "psi": [round(float(v), 4) for v in psi[i]],
            "title": f"{row.recording}",
            "note": _note(row),
            "alt": f"{row.recording} at {clock(row.peak_s)}, intensity {row.peak:.2f}",
            **stills[i],
        }
        for i, row in enumerate(found.itertuples())
    ]
    picked = browser_views.strip(
        key="moments", data={"face": media.face_address(face), "items": items}, on_pick_change=lambda: None
    ).pick
    below = " Below it the frame of the video." if any(stills) else ""
    st.caption(
        f"The recorded face at each moment, coloured by its movement.{below} Click one to open the recording there."
    )
    if picked is not None and picked < len(found):
        row = found.iloc[picked]
        routes.go("recordings", recording=row["recording"], t=round(float(row["peak_s"]), 3))


@st.cache_data(max_entries=256, show_spinner=False)
def _frame_psi(key: str, _dataset: Dataset, recording: str, frame_number: int) -> np.ndarray:
    return _dataset.frames(recording).at([frame_number]).psi[0]


def frames_at(dataset: Dataset, found: pd.DataFrame) -> list[np.ndarray]:
    """ψ of the peak frame of each moment."""
    return [_frame_psi(dataset.key, dataset, row.recording, int(row.peak_frame)) for row in found.itertuples()]


def company(
    choice: artefact_cache.Choice,
    codebook: Codebook,
    table: pd.DataFrame,
    face: FaceModel,
    number: int,
    on_pick: Callable[[int], None],
) -> None:
    """Codewords it occurs with, by lift; a click opens one."""
    index = choice.open_intervals()
    found = cooccurring(index, number, limit=8)
    st.subheader("What it occurs with", anchor=False)
    if not len(found):
        st.caption("No other codeword shares enough frames with it to say.")
        return
    likely(found, table, face, codebook, "company", on_pick)
    st.caption("In the same frame, by how much more often than if they were independent.")


def contexts_of(
    choice: artefact_cache.Choice,
    table: pd.DataFrame,
    face: FaceModel,
    codebook: Codebook,
    number: int,
    on_pick: Callable[[int], None],
) -> None:
    """What tends to begin within a second before and after it."""
    found = contexts(choice.open_intervals(), number, limit=5)
    st.subheader("What comes before and after", anchor=False)
    if not len(found):
        st.caption("Nothing begins around it more often than chance would have it.")
        return
    before, after = st.columns(2, gap="medium")
    for column, direction in ((before, "before"), (after, "after")):
        with column:
            st.caption(f"Begins within a second {direction}")
            likely(found[found["direction"] == direction], table, face, codebook, f"context-{direction}", on_pick)


def alike(
    table: pd.DataFrame, face: FaceModel, codebook: Codebook, number: int, on_pick: Callable[[int], None]
) -> None:
    """Codewords whose deformation is most like this one's."""
    found = neighbours(codebook, face, number, limit=6)
    found = found[found["cosine"] >= ALIKE]
    st.subheader("Most like it", anchor=False)
    if not len(found):
        st.caption(f"No other codeword moves the face in a similar way (cosine of {ALIKE:g} or more).")
        return
    items = [
        {
            "codeword": int(row.codeword),
            "title": f"{row.codeword} · cosine {row.cosine:.2f}",
            "note": card(table.iloc[row.codeword], None)["note"],
            "alt": f"{card(table.iloc[row.codeword], None)['alt']} Cosine {row.cosine:.2f} with {number}.",
        }
        for row in found.itertuples()
    ]
    _strip("alike", items, found["codeword"].tolist(), face, codebook, on_pick)


def likely(
    found: pd.DataFrame,
    table: pd.DataFrame,
    face: FaceModel,
    codebook: Codebook,
    key: str,
    on_pick: Callable[[int], None],
) -> None:
    """Codewords with their lift, as a strip of faces; a click opens one."""
    if not len(found):
        st.caption("Nothing more often than chance would have it.")
        return
    items = []
    for row in found.itertuples():
        words = card(table.iloc[row.codeword], None)
        items.append(
            {
                "codeword": int(row.codeword),
                "title": f"{row.codeword} · {row.lift:.1f} × chance",
                "note": words["note"],
                "alt": f"{words['alt']} {row.lift:.1f} times as often as chance.",
            }
        )
    _strip(key, items, found["codeword"].tolist(), face, codebook, on_pick)


def _strip(
    key: str, items: list[dict], numbers: list[int], face: FaceModel, codebook: Codebook, on_pick: Callable[[int], None]
) -> None:
    pictures = thumbnails.addresses(cache_root(), codebook, face, numbers)
    items = [{**item, "src": pictures.get(item["codeword"])} for item in items]

    def picked() -> None:
        if (at := st.session_state[key].pick) is not None and at < len(numbers):
            on_pick(int(numbers[at]))

    browser_views.strip(
        key=key,
        on_pick_change=picked,
        data={"face": media.face_address(face), "codebook": media.codebook_address(codebook), "items": items},
    )


def action_units(choice: artefact_cache.Choice, number: int) -> None:
    """The AUs it goes with in the data, from the coverage analysis where one has been made."""
    st.subheader("Action units it goes with", anchor=False)
    found = coverage_analyses.pairs_of(choice, number, limit=5)
    if found is None:
        st.caption("No coverage analysis of this data yet.")
        routes.link("coverage", "Analyse coverage")
        return
    table, aus = found
    if not len(table):
        st.caption("It goes with no action unit above chance.")
        return
    page_frame.table(
        pd.DataFrame(
            {
                "Action unit": [title(a, s) for a, s in zip(table["au"], table["side"], strict=True)],
                "Lift": table["lift"],
                "From": table["lift_low"],
                "To": table["lift_high"],
                "φ": table["phi"],
                "AUROC": table["auroc"],
            }
        ),
        column_config={c: st.column_config.NumberColumn(format="%.2f") for c in ("Lift", "From", "To", "φ", "AUROC")},
    )
    st.caption(f"Held against “{aus}”, intervals over subjects; strongest first.")


def whose(choice: artefact_cache.Choice, number: int) -> None:
    """Share of frames over subjects or a label, with intervals over subjects."""
    dataset, index = (
        choice.open_dataset(),
        choice.open_intervals(),
    )
    few = [name for name in dataset.labels if dataset.recordings[name].nunique() <= 12]
    st.subheader("In whom, and when", anchor=False)
    by = st.segmented_control(
        "By",
        [*few, "subject"],
        default=(few or ["subject"])[0],
        key="share_by",
        required=True,
        format_func=str.capitalize,
        label_visibility="collapsed",
    )
    found = distribution_over(index, number, dataset.recordings, by, resamples=500)
    bars.rows(
        [
            bars.Bar(
                label=str(r.value), value=r.share, text=percent(r.share), low=r.low, high=r.high, note=_share_note(r)
            )
            for r in found.itertuples()
        ],
        f"Share of frames with codeword {number} by {by}",
    )
    st.caption("Share of frames, mean over subjects; intervals by bootstrap over subjects.")


def _share_note(row) -> str:
    spread = f" ({percent(row.low)} to {percent(row.high)})" if np.isfinite(row.low) else ""
    return f"{row.value}: {percent(row.share)}{spread} of {count(row.frames)} frames, {row.subjects} subjects"


def _side(row: pd.Series) -> str:
    if row["side"] in ("left", "right"):  # against its mirror image: the whole goes to one side
        return f"{'towards' if row['symmetry'] < 0 else 'more on'} the face's {row['side']}"
    return {"symmetric": "both halves alike", "opposed": "halves move against each other"}.get(
        row["side"], "moves nothing"
    )


def _symmetry(row: pd.Series) -> str:
    value = row["symmetry"]
    return "–" if not np.isfinite(value) else f"{value:.2f}"


def _note(row) -> str:
    label = getattr(row, "subject", "")
    return f"{clock(row.peak_s)} · {label}" if label and label not in row.recording else clock(row.peak_s)
