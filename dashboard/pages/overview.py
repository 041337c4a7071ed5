"""What this codebook is, what it stands on, how good it is, and what to do next."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import FRAMES_FILE, tokens_name
from dfe_core.remote import in_bucket
from dfe_core.store import content_key
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.fidelity import DataFidelity, measure_fidelity
from dfe_core.tokens.statistics import STATISTICS, in_use

from ..data import artefact_cache, media, thumbnails
from ..data.dictionary import dictionary
from ..links import routes
from ..panels import empty_states, job_progress, page_frame
from ..selection import codeword_filter
from ..theme.formatting import count, mm, percent, plural, span, text
from ..views import browser_views, cards, figures

LABELS = 6
"""Labels of a dataset that are named; of more than one beyond them, the number stands."""
GOAL = 0.95
"""Explained variance that a codebook should reach."""
NEXT = [
    ("codebook", "Look at the codewords", "Every codeword is a face you can turn, play and compare with neutral."),
    ("recordings", "Watch a recording", "See the face that tokens rebuild beside the one that was recorded."),
    ("coverage", "Compare with FACS", "What the codebook sees that action units do not, and the reverse."),
    ("data", "Bring your own data", "Live Link Face, tables of ARKit coefficients, EMOCA, DECA, SMIRK."),
]
UNASKED_BYTES = 16_000_000
"""So much is read from a bucket without being asked for."""
WITHOUT_TOKENS = ("codebook", "data")
"""The pages of `NEXT` that show something before the dataset is encoded."""


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Overview", "Which codebook, on which data, how good, and what to do next.", choice)
    if not empty_states.ready(choice, needs_tokens=False):
        return
    codebook, table = choice.open_codebook(), dictionary(choice).table
    if choice.dataset and not choice.encoded:
        empty_states.not_encoded(choice)
    about(choice, codebook, table)
    glimpse(choice, codebook, table)
    health(choice, codebook, table)
    next_steps(choice.encoded)


def about(choice: artefact_cache.Choice, codebook: Codebook, table: pd.DataFrame) -> None:
    """Codebook and data in a few figures."""
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.subheader(f"Codebook “{codebook.model}”", anchor=False)
        sides = table["side"].value_counts()
        page_frame.facts(
            [
                ("Codewords", str(codebook.size), in_use_words(choice, table), STATISTICS["in_use"].help),
                ("Tokens", str(codebook.stages), "a frame at most"),
                ("Two-sided", str(int(sides.get("symmetric", 0))), "codewords"),
                ("One-sided", str(int(sides.get("left", 0) + sides.get("right", 0))), "codewords"),
            ]
        )
        st.caption(f"Learned on “{trained_on(codebook)}”, on the face {codebook.face_id}.")
    with right, st.container(border=True, height="stretch"):
        data(choice)


def in_use_words(choice: artefact_cache.Choice, table: pd.DataFrame) -> str:
    """How many codewords the chosen data show."""
    used, moving = in_use(table)
    return f"{used} of {moving} in use" if choice.encoded else "not counted yet"


def trained_on(codebook: Codebook) -> str:
    """The name of the dataset a model was trained on, as its config has it."""
    found = codebook.config.get("dataset")
    return found.get("name", "") if isinstance(found, dict) else str(found or "")


def data(choice: artefact_cache.Choice) -> None:
    """The dataset in a few figures, and what kind of data it is in plain words."""
    if not choice.dataset:
        st.subheader("No dataset yet", anchor=False)
        st.caption("Bring recordings in with `dfe import FILES --name NAME`.")
        return
    dataset = choice.open_dataset()
    recordings = dataset.recordings
    st.subheader(f"Data “{dataset.name}”", anchor=False)
    page_frame.facts(
        [
            ("Recordings", count(len(recordings)), ""),
            ("Subjects", count(recordings["subject"].nunique()), ""),
            ("Duration", span(float(recordings["duration_s"].sum())), ""),
            ("Frames", count(dataset.frame_count), ""),
        ]
    )
    if dataset.simulated:
        planted = " What was planted is known, so a codebook can be checked against it."
        st.caption(f"Simulated: no real face was recorded.{planted if dataset.truth is not None else ''}")
    else:
        st.caption(f"Recordings.{labels_line(dataset.labels)}")


def labels_line(labels: tuple[str, ...]) -> str:
    """The first labels by name, and how many more there are: questionnaires have dozens."""
    shown = labels if len(labels) <= LABELS + 1 else labels[:LABELS]
    more = f" and {len(labels) - len(shown)} more" if len(labels) > len(shown) else ""
    return f" Labels: {text(', '.join(shown))}{more}." if labels else ""


def health(choice: artefact_cache.Choice, codebook: Codebook, table: pd.DataFrame) -> None:
    """How well the codebook holds the chosen data; below, what was measured on its own held-out subjects."""
    st.subheader("Health at a glance", anchor=False)
    measured = artefact_cache.metrics(choice.root, choice.model)
    if choice.encoded:
        on_chosen_data(choice, table)
    if measured is None:
        offer_evaluation(choice)
        return
    if choice.encoded and measured["dataset"] == choice.dataset:
        held_out(codebook, measured)
    else:
        with st.expander(f"What it reached on its own data, “{text(measured['dataset'])}”"):
            held_out(codebook, measured)


def on_chosen_data(choice: artefact_cache.Choice, table: pd.DataFrame) -> None:
    """Fidelity and use over every frame of the chosen data; of many frames in a bucket, when it is asked for."""
    size = bytes_in_bucket(choice)
    asked = f"Measure every frame of “{text(choice.dataset)}”: reads {size / 1e6:,.0f} MB from its bucket"
    if size > UNASKED_BYTES and not st.toggle(asked, key=f"measure-{choice.dataset}"):
        return
    found, (used, moving) = fidelity_of(choice), in_use(table)
    unit = mm if choice.open_face().has_mesh else "{:.3f}".format
    seen = " Some of them trained it." if trained_on(choice.open_codebook()) == choice.dataset else ""
    st.caption(
        f"In all {count(found.frames)} frames of “{text(choice.dataset)}”, {plural(found.subjects, 'subject')}.{seen}"
    )
    cells = st.columns(4)
    for cell, name, value, note in (
        (cells[0], "explained_variance", percent(found.explained_variance, 1), goal(found.explained_variance)),
        (cells[1], "rmse_mm", unit(found.rmse_mm), f"95 % of frames under {unit(found.p95_mm)}"),
        (cells[2], "in_use", f"{used} of {moving}", f"from {choice.from_mm:g} mm"),
        (cells[3], "tokens_per_frame", f"{found.tokens_per_frame:.1f}", f"{choice.open_codebook().stages} at most"),
    ):
        figure(cell, name, value, note)


def bytes_in_bucket(choice: artefact_cache.Choice) -> int:
    """The size of the frames that lie in a bucket, 0 for those of this machine."""
    there = in_bucket(choice.open_dataset().path / FRAMES_FILE)
    return 0 if there is None else int(there["bytes"])


@st.cache_resource(max_entries=16, show_spinner="Measuring")
def _fidelity(key: tuple[str, str], _choice: artefact_cache.Choice) -> DataFidelity:
    return measure_fidelity(_choice.open_tokens(), _choice.open_dataset(), _choice.open_face())


def fidelity_of(choice: artefact_cache.Choice) -> DataFidelity:
    """The fidelity of the chosen tokens on the chosen data."""
    return _fidelity((choice.open_dataset().key, content_key(choice.open_tokens().manifest)), choice)


def figure(cell: Any, name: str, value: str, note: str) -> None:
    """One figure with its definition."""
    known = STATISTICS[name]
    cell.metric(known.label, value, note or None, delta_color="off", delta_arrow="off", help=known.help, border=True)


def offer_evaluation(choice: artefact_cache.Choice) -> None:
    """The button that measures the codebook on subjects that training never saw, with baselines."""
    st.caption(
        f"Not measured on held-out subjects yet: `dfe evaluate {choice.model} {choice.dataset or 'DATASET'}` does, "
        "with baselines."
    )
    if choice.encoded:
        job_progress.offer(
            "Measure it now",
            f"evaluate-{tokens_name(choice.model, choice.dataset)}",
            f"Measuring {choice.model}",
            ["evaluate", choice.model, choice.dataset],
            "Measured.",
            ":material/speed:",
            kind="secondary",
        )


def held_out(codebook: Codebook, found: dict) -> None:
    """What `dfe evaluate` measured on held-out subjects, against baselines."""
    kind = "held-out " if found.get("split") == "test" else ""
    st.caption(
        f"By `dfe evaluate` on {plural(found['subjects'], kind + 'subject')}, {count(found['frames'])} frames of "
        f"“{text(found['dataset'])}”."
    )
    cells = st.columns(4)
    coded = f"{found['bits_per_frame']:.0f} at a fixed length"
    figure(cells[0], "explained_variance", percent(found["explained_variance"], 1), goal(found["explained_variance"]))
    figure(cells[1], "rmse_mm", mm(found["rmse_mm"]), f"95 % of vertices under {mm(found['p95_mm'])}")
    figure(cells[2], "locality", percent(found["locality"]), "in two regions")
    figure(cells[3], "entropy_bits_per_frame", f"{found['entropy_bits_per_frame']:.1f}", coded)
    left, right = st.columns([1.3, 1], gap="medium")
    with left:
        st.caption("Reconstruction error as stages add up, against baselines at the same bits a frame")
        figures.show(
            figures.error_by_stage(found["rmse_mm_by_stage"], found.get("baselines", {})),
            "health-error",
            "Reconstruction error by number of stages, with baselines",
        )
    with right:
        st.caption("Perplexity: how many codewords each stage uses evenly")
        figures.show(
            figures.perplexity(found["perplexity"], codebook.size), "health-perplexity", "Perplexity per stage"
        )


def goal(explained_variance: float) -> str:
    """Whether a figure reaches its goal, in words."""
    return f"goal {percent(GOAL)} {'met' if explained_variance >= GOAL else 'not met'}"


def glimpse(choice: artefact_cache.Choice, codebook: Codebook, table: pd.DataFrame) -> None:
    """The codewords used most, as an invitation."""
    face = choice.open_face()
    order = codeword_filter.matching(table, codeword_filter.Filter(used_only=True))[:8]
    if not face.has_mesh or not len(order):
        return
    st.subheader("Used most", anchor=False)
    pictures = thumbnails.addresses(choice.root, codebook, face)
    items = [cards.card(table.iloc[k], pictures.get(k)) for k in order]
    data = {
        "items": items,
        "selected": None,
        "row": True,
        "model": codebook.model,
        "label": "Codewords used most",
        "face": media.face_address(face),
        "codebook": media.codebook_address(codebook),
    }
    picked = browser_views.gallery(key="glimpse", data=data, on_pick_change=lambda: None).pick
    page_frame.colour_scale("how far each vertex moves at intensity 1")
    if picked is not None:
        routes.go("codebook", codeword=picked)


def next_steps(encoded: bool) -> None:
    """Where to go from here; of data that are not encoded only what can be seen without tokens."""
    st.subheader("What to do next", anchor=False)
    steps = [step for step in NEXT if encoded or step[0] in WITHOUT_TOKENS]
    for cell, (name, title, words) in zip(st.columns(len(steps), gap="medium"), steps, strict=True):
        with cell, st.container(border=True, height="stretch"):
            routes.link(name, title)
            st.caption(words)
