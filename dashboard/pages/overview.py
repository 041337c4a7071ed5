"""What this codebook is, what it stands on, how good it is, and what to do next."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import tokens_name
from dfe_core.tokenizer.codebook import Codebook

from ..data import artefact_cache, media, thumbnails
from ..data.dictionary import dictionary
from ..links import routes
from ..panels import empty_states, job_progress, page_frame
from ..selection import codeword_filter
from ..theme.formatting import count, mm, percent, plural, span, text
from ..views import browser_views, cards, figures

LABELS = 6
"""Labels of a dataset that are named; of more than one beyond them, the number stands."""
GOALS = {"explained_variance": 0.95, "utilisation": 0.90}
NEXT = [
    ("codebook", "Look at the codewords", "Every codeword is a face you can turn, play and compare with neutral."),
    ("recordings", "Watch a recording", "See the face that tokens rebuild beside the one that was recorded."),
    ("coverage", "Hold it against FACS", "What the codebook sees that action units do not, and the reverse."),
    ("data", "Bring your own data", "Live Link Face, tables of ARKit coefficients, EMOCA, DECA, SMIRK."),
]


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Overview", "Which codebook, on which data, how good, and what to do next.", choice)
    if not empty_states.ready(choice, needs_tokens=False):
        return
    codebook, table = choice.open_codebook(), dictionary(choice).table
    about(choice, codebook, table)
    glimpse(choice, codebook, table)
    health(choice, codebook)
    next_steps()
    if choice.dataset and not choice.encoded:
        empty_states.not_encoded(choice)


def about(choice: artefact_cache.Choice, codebook: Codebook, table: pd.DataFrame) -> None:
    """Codebook and data in a few figures."""
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.subheader(f"Codebook “{codebook.model}”", anchor=False)
        sides = table["side"].value_counts()
        page_frame.facts(
            [
                ("Codewords", str(codebook.size), f"{int((table['uses'] > 0).sum())} in use"),
                ("Tokens", str(codebook.stages), "a frame at most"),
                ("Two-sided", str(int(sides.get("symmetric", 0))), "codewords"),
                ("One-sided", str(int(sides.get("left", 0) + sides.get("right", 0))), "codewords"),
            ]
        )
        st.caption(f"Learned on “{trained_on(codebook)}”, on the face {codebook.face_id}.")
    with right, st.container(border=True, height="stretch"):
        data(choice)


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
        st.caption(
            "These performances are simulated: no real person was recorded. What was planted is known, so a "
            "codebook can be checked against it."
        )
    else:
        st.caption(f"Recordings of real people.{labels_line(dataset.labels)}")


def labels_line(labels: tuple[str, ...]) -> str:
    """The first labels by name, and how many more there are: questionnaires have dozens."""
    shown = labels if len(labels) <= LABELS + 1 else labels[:LABELS]
    more = f" and {len(labels) - len(shown)} more" if len(labels) > len(shown) else ""
    return f" Labels: {text(', '.join(shown))}{more}." if labels else ""


def health(choice: artefact_cache.Choice, codebook: Codebook) -> None:
    """The metrics on held-out subjects."""
    found = artefact_cache.metrics(choice.root, choice.model)
    st.subheader("Health at a glance", anchor=False)
    if found is None:
        st.caption(
            f"Not measured yet: `dfe evaluate {choice.model} {choice.dataset or 'DATASET'}` measures it on "
            "subjects that training never saw."
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
        return
    held_out = "held-out " if found.get("split") == "test" else ""
    st.caption(
        f"Measured on {plural(found['subjects'], held_out + 'subject')}, {count(found['frames'])} frames of "
        f"“{found['dataset']}”."
    )
    metrics(found)
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


def metrics(found: dict) -> None:
    """Five figures in a row, with the goal where there is one."""
    cells = st.columns(5)
    for cell, (label, value, note, explain) in zip(
        cells,
        [
            (
                "Explained variance",
                percent(found["explained_variance"], 1),
                goal(found, "explained_variance"),
                "Share of the vertices' displacement that the tokens rebuild.",
            ),
            (
                "Error",
                mm(found["rmse_mm"]),
                f"95 % under {mm(found['p95_mm'])}",
                "Root mean square distance between true and rebuilt vertices.",
            ),
            (
                "Codewords in use",
                percent(found["utilisation"]),
                goal(found, "utilisation"),
                "Share of codewords used by at least one frame in 10,000.",
            ),
            (
                "Locality",
                percent(found["locality"]),
                "in two regions",
                "Share of a codeword's movement that is in its two strongest regions.",
            ),
            (
                "Bits a frame",
                f"{found['entropy_bits_per_frame']:.1f}",
                f"{found['bits_per_frame']:.0f} uncoded",
                "Mean bits of a frame's tokens, coded as training frames ask for, and uncoded.",
            ),
        ],
        strict=True,
    ):
        cell.metric(label, value, note, delta_color="off", delta_arrow="off", help=explain, border=True)


def goal(found: dict, name: str) -> str:
    """Whether a figure reaches its goal, in words."""
    wanted = GOALS[name]
    return f"goal {percent(wanted)} {'met' if found[name] >= wanted else 'not met'}"


def glimpse(choice: artefact_cache.Choice, codebook: Codebook, table: pd.DataFrame) -> None:
    """The codewords used most, as an invitation."""
    st.subheader("Used most", anchor=False)
    face = choice.open_face()
    if not face.has_mesh:
        return
    order = codeword_filter.matching(table, codeword_filter.Filter(used_only=True))[:8]
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
    if picked is not None:
        routes.go("codebook", codeword=picked)


def next_steps() -> None:
    """Where to go from here."""
    st.subheader("What to do next", anchor=False)
    for cell, (name, title, words) in zip(st.columns(len(NEXT), gap="medium"), NEXT, strict=True):
        with cell, st.container(border=True, height="stretch"):
            routes.link(name, f"**{title}**")
            st.caption(words)
