"""Moments by description: the alignment of a dataset with words, made at a button, then asked in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import tokens_name
from dfe_core.facs.store import list_aligned
from dfe_core.probes.text_retrieval import MomentIndex, list_moments
from dfe_core.table_rows import typed_rows

from ..data import artefact_cache, examples, media
from ..links import routes
from ..theme.formatting import clock, count
from ..views import browser_views
from ..views.example_pictures import Picture
from . import empty_states, job_progress, mixes, page_frame

EXAMPLES = (
    "smile",
    "brows lowered and drawn together",
    "jaw dropped, eyes wide",
    "a wink with the left eye",
    "disgust",
)
LIMIT = 12


def show(choice: artefact_cache.Choice) -> None:
    """The question and its moments; a button that aligns, where that has not been done."""
    made = list_moments(choice.model, choice.dataset, choice.root)
    if not made:
        with empty_states.example(
            Picture.SEARCH,
            "Moments are not aligned with words yet",
            "A network learns from part of the people how moments and descriptions belong together, and "
            "is tested on others. It is made once, in minutes; then any description is answered at once.",
        ):
            align(choice)
        return
    at = (
        0
        if len(made) == 1
        else st.selectbox(
            "Aligned with", range(len(made)), key=f"aligned-{len(made)}", format_func=lambda i: title_of(made[i])
        )
    )
    index = opened(str(made[at].path), made[at].path.stat().st_mtime_ns)
    ask(choice, index)
    judged(index)
    with st.expander("Align differently", icon=":material/tune:"):
        align(choice)


def align(choice: artefact_cache.Choice) -> None:
    """The choices of an alignment, the button, and the job's progress."""
    a, b = st.columns(2)
    names = list(dict.fromkeys(["derived", *list_aligned(choice.dataset, choice.root)]))
    aus = a.selectbox("Descriptions made of the action units", names, key="align-aus")
    window = b.number_input("Seconds of a moment", 0.2, 60.0, 2.0, 0.1, key="align-window", format="%.1f")
    job_progress.offer(
        "Align with words",
        key_of(choice),
        f"Aligning {choice.dataset} with words",
        ["align-text", choice.model, choice.dataset, "--aus", aus, "--window", f"{window:g}"],
        "Moments can be found by description now.",
        ":material/translate:",
    )


def key_of(choice: artefact_cache.Choice) -> str:
    """One alignment at a time for a model and dataset."""
    return f"align-{tokens_name(choice.model, choice.dataset)}"


@st.cache_resource(max_entries=4, show_spinner=False)
def opened(path: str, stamp: int) -> MomentIndex:
    """An index, its vectors read once for all sessions."""
    return MomentIndex(Path(path))


def title_of(index: MomentIndex) -> str:
    """One line that tells alignments apart."""
    chosen = index.manifest["settings"]
    learnt = f"classes of {chosen['label']}" if chosen["label"] else f"captions of the AUs {chosen['aus']}"
    words = index.manifest.get("text_short") or index.manifest["text_name"]
    return f"{learnt}, {chosen['window_s']:g} s, {words}, seed {chosen['seed']}"


def ask(choice: artefact_cache.Choice, index: MomentIndex) -> None:
    """The sentence, and the moments most like it."""
    text = st.text_input(
        "Describe a face", key="ask", bind="query-params", placeholder="For example: lip corners pulled up on the left"
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for example in EXAMPLES:
            st.button(
                example,
                key=f"ask-{example}",
                on_click=put,
                args=(example,),
                type="tertiary",
                icon=":material/arrow_forward:",
            )
    if text.strip():
        found(choice, index, text)


def put(example: str) -> None:
    """Ask an example."""
    st.session_state["ask"] = example


@dataclass(frozen=True, kw_only=True)
class DescribedMoment:
    """A moment that a description finds: peak_s, its second in the recording; similarity, cosine with the description;
    part of the split, ``test`` where it was held out."""

    recording: str
    peak_s: float
    similarity: float
    part: str


def found(choice: artefact_cache.Choice, index: MomentIndex, text: str) -> None:
    """The moments as faces; a click opens the recording there."""
    moments = typed_rows(index.query(text, LIMIT), DescribedMoment)
    face = choice.open_face()
    if face.has_mesh:
        items = [item(choice, moment) for moment in moments]
        picked = browser_views.strip(
            key="described", data={"face": media.face_address(face), "items": items}, on_pick_change=lambda: None
        ).pick
        if picked is not None and picked < len(moments):
            routes.go("recordings", recording=moments[picked].recording, t=round(moments[picked].peak_s, 3))
        st.caption(
            "Best first. Each face is the moment that decided its window; click one to open the recording "
            "there. Held out: that moment was not used for training."
        )
    else:
        for moment in moments:
            routes.link(
                "recordings",
                f"{moment.recording} {clock(moment.peak_s)} · cosine {moment.similarity:.2f}",
                recording=moment.recording,
                t=round(moment.peak_s, 3),
            )


def item(choice: artefact_cache.Choice, moment: DescribedMoment) -> dict[str, object]:
    """One moment for the strip."""
    psi, exact = examples.frame_at(choice, moment.recording, moment.peak_s)
    fit = f"cosine {moment.similarity:.2f}" + (", held out" if moment.part == "test" else "")
    return {
        "psi": mixes.rounded(psi),
        "title": moment.recording,
        "note": f"{clock(exact)} · {fit}",
        "alt": f"{moment.recording} at {clock(exact)}, {fit}",
    }


def judged(index: MomentIndex) -> None:
    """How well moments of held-out people are found, the text encoder, and what limits both."""
    told = index.manifest
    st.markdown(sentence(told))
    for note in told["notes"]:
        st.caption(f":material/info: {note}")
    if told["retrieval"]:
        with st.expander("How well each action is found", icon=":material/fact_check:"):
            page_frame.table(table(told), formats={"AUROC": "%.2f", "First 10 right|By chance": "percent"})


def sentence(told: dict) -> str:
    """The figures of the held-out part, with what read the words."""
    by = {
        "subject": f"{told['held_out_subjects']} people who were not used for training",
        "recording": "recordings that were not used for training",
    }.get(told["split_by"], "stretches that were not used for training")
    text = f"Tested on {count(told['held_out_windows'])} moments of {by}: "
    classified = told["classified"]
    if classified and classified["uar"] is not None:
        text += f"the nearest prompt is right with UAR {classified['uar']:.2f} (chance {classified['chance']:.2f}). "
    elif told["retrieval_auroc"] is not None:
        text += (
            f"those that show an action are distinguished from others by its words with a mean AUROC of "
            f"**{told['retrieval_auroc']:.2f}** (chance 0.50, over {len(told['retrieval'])} actions). "
        )
    else:
        text += "too few show any action to say how well they are found. "
    return text + f"Words are read by: {told['text_name']}."


def table(told: dict) -> pd.DataFrame:
    """One row an AU and side."""
    rows = pd.DataFrame(told["retrieval"])
    return pd.DataFrame(
        {
            "AU": rows["au"],
            "Side": rows["side"],
            "Asked for by": rows["text"],
            "Moments": rows["windows"],
            "AUROC": rows["auroc"],
            "First 10 right": rows["precision_at_10"],
            "By chance": rows["windows"] / told["held_out_windows"],
        }
    )
