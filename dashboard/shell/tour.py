"""What belongs to no single page: keys, their list, and the guided tour of a first visit."""

from __future__ import annotations

from typing import Any

import streamlit as st

from .. import web
from ..data import artefact_cache, last_choice
from ..links import routes

_component = st.components.v2.component(
    "dfe_shell",
    html='<div class="dfe-shell"></div>',
    css=web.text("shell.css"),
    js=web.text("shell.js"),
)

_REEL = "[class*='st-key-words-reel']"
STEPS = (
    (
        "overview",
        "",
        "A dictionary of the face",
        "New here? In two minutes this tour shows what a codebook is and how to read it, on simulated data that no "
        "real person gave. Skip it at any time; “Tour” in the sidebar brings it back.",
    ),
    (
        "codebook",
        ".st-key-gallery",
        "Every card is one codeword",
        "The codebook learned these movements by itself. The heat map shows which skin moves; the line below says how. "
        "Search them in words (“lip corner up”), by action unit (“AU12”), or filter by region and side.",
    ),
    (
        "codebook",
        ".st-key-quick-look",
        "One codeword, as a face",
        "Drag to turn it, press play to see it come and go, move the slider past 100 % to exaggerate. Below: how often "
        "it appears, how long it lasts, by whom it is used, and the moments where it is strongest.",
    ),
    (
        "recordings",
        "[class*='st-key-player-']",
        "A frame is a few codewords, added up",
        "Left: the recorded face; right: its reconstruction from tokens, with the error in mm. Drag along the "
        "timeline, or use fewer stages and see the details disappear.",
    ),
    (
        "map",
        "[class*='st-key-map-']",
        "Similar codewords are neighbours",
        "Codewords with similar movement are close together. Click one or draw around several: the gallery, the "
        "coverage table and the timeline show the same selection. The line below the map gives its quality.",
    ),
    (
        "find",
        "[class*='st-key-slider_part']",
        "Find a face",
        "Set sliders, write words, or take a frame as it is: the codewords that move the face most like that, and the "
        "moments in which somebody did.",
    ),
    (
        "motion",
        _REEL,
        "Make a face move",
        "Write what the face should do; rules that you can see and edit turn it into a movement. Play it on another "
        "person, or export it as a film, glTF or coefficients.",
    ),
    (
        "coverage",
        ".st-key-part_of",
        "Against action units",
        "What the codebook sees that action units do not, and what it misses, within held-out people, with "
        "intervals. A report can be written.",
    ),
    (
        "probes",
        ".st-key-probe_part",
        "Does it predict what matters?",
        "A label is predicted from codewords, from action units and from coefficients, on people whom the model has "
        "not seen. On the simulated data tokens are ahead of a detector of action units: that was planted, and the "
        "page shows by which faces.",
    ),
    (
        "compare",
        ".st-key-compare_part",
        "Two codebooks side by side",
        "Which movements both have, which only one has, and which holds the recordings better.",
    ),
    (
        "data",
        ".st-key-data_part",
        "Your turn",
        "Bring your own recordings in here, train a codebook on them, and everything you saw works on yours.",
    ),
)
"""Page, what the ring goes around, title, text. Some fifteen seconds of reading each."""


def show(choice: artefact_cache.Choice, page: str) -> None:
    """Mount keys and tour; the tour invites by itself on a first visit to the overview.

    The browser keeps the choice, too: in the link, and for the next visit without one.
    """
    data = {
        "page": page,
        "steps": steps(choice),
        "invite": page in ("", "overview") and choice.encoded,
        "choice": {"model": choice.model, "dataset": choice.dataset, "content": last_choice.content_of(choice)},
    }
    told = _component(key="shell", data=data, on_go_change=choose)
    if told.go:
        wanted = {name: value for name, value in told.go.items() if name not in ("model", "dataset")}
        routes.go(wanted.pop("page"), **wanted)


def choose() -> None:
    """Model and dataset of a step are widgets of the sidebar: they are set before these are drawn."""
    for name in ("model", "dataset"):
        if value := (st.session_state["shell"].go or {}).get(name):
            st.session_state[name] = value


def steps(choice: artefact_cache.Choice) -> list[dict[str, Any]]:
    """The tour's steps for the browser. It shows the simulated data where the cache holds them."""
    common: dict[str, Any] = {}
    if artefact_cache.is_encoded(choice.root, artefact_cache.DEFAULT_MODEL, artefact_cache.DEFAULT_DATASET):
        common = {"model": artefact_cache.DEFAULT_MODEL, "dataset": artefact_cache.DEFAULT_DATASET}
    extra: dict[str, dict[str, Any]] = {".st-key-quick-look": {"codeword": 3}, _REEL: {"motion_part": "From words"}}
    return [
        {"page": page, "target": target, "title": title, "text": text, "parameters": common | extra.get(target, {})}
        for page, target, title, text in STEPS
    ]
