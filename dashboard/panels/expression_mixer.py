"""Codewords put together into one face: which, how much of each, what the encoder makes of it, and what is like it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.motion.mixer import RoundTrip, mix, random_mix
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.search import nearest_codewords

from ..data import artefact_cache, media
from ..data.dictionary import dictionary
from ..links import query_parameters, routes
from ..theme.formatting import clock, mm, percent, text
from ..views import browser_views, cards
from ..views.example_pictures import Picture
from . import empty_states, exports, mixes, page_frame


def show(choice: artefact_cache.Choice) -> None:
    """Codewords with intensities, their sum, and what the encoder makes of it."""
    codebook, table = choice.open_codebook(), dictionary(choice).table
    face = choice.open_face()
    mixed = mixes.read(codebook.size)
    query_parameters.unusable("mix", mixes.unread(query_parameters.read("mix"), codebook.size))
    left, right = st.columns([1, 1.5], gap="medium")
    with left:
        mixed = sliders(choice, table, mixed)
    psi = mix(codebook, list(mixed), list(mixed.values())) if mixed else np.zeros(codebook.psi.shape[1], np.float32)
    with right:
        trip = st.session_state.get("round-trip")
        trip = trip if trip and trip[0] == (codebook.key, tuple(mixed.items())) else None
        other = {"psi": mixes.rounded(trip[1].decoded), "title": "As the tokens rebuild it"} if trip else None
        browser_views.morph(
            key="mix",
            data={
                "face": media.face_address(face),
                "psi": mixes.rounded(psi),
                "title": "Your mix",
                "other": other,
                "height": 400,
                "alt": f"A face mixed from {len(mixed)} codewords",
            },
        )
        if mixed:
            actions(choice, codebook, face, mixed, psi, trip)


def sliders(choice: artefact_cache.Choice, table: pd.DataFrame, mixed: dict[int, float]) -> dict[int, float]:
    """Which codewords, and how much of each."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if choice.encoded and st.button(
            "Random face", icon=":material/casino:", help="Codewords that this data shows together"
        ):
            index = choice.open_intervals()
            mixes.write({k: round(min(max(g, 0.05), 2.0), 2) for k, g in random_mix(index, 3)})
            query_parameters.rerun_fragment()
        if mixed and st.button("Clear", icon=":material/close:"):
            mixes.write({})
            query_parameters.rerun_fragment()
        mixes.saved(choice)
    names = {int(r["codeword"]): cards.title_of(r) for _, r in table.iterrows() if r["side"] != "rest"}
    picked = st.multiselect(
        "Codewords",
        list(names),
        default=list(mixed),
        format_func=lambda number: names[number],
        placeholder="Add a codeword",
        key=f"mix-of-{'-'.join(map(str, mixed))}",
    )
    if not picked:
        empty_states.plain_example(
            Picture.PAIR,
            "Nothing is mixed yet",
            "Add codewords and set how much of each: their movements add up. A random face is made of codewords "
            "that this data shows together.",
            narrow=True,
        )
    wanted = {k: mixed.get(k, 0.8) for k in picked}
    for number in picked:
        wanted[number] = st.slider(
            text(names[number]), 0.0, 2.0, wanted[number], 0.05, format="× %.2f", key=f"mix-{number}-{len(picked)}"
        )
    if wanted != mixed:
        mixes.write(wanted)
    return wanted


def actions(
    choice: artefact_cache.Choice,
    codebook: Codebook,
    face: FaceModel,
    mixed: dict[int, float],
    psi: np.ndarray,
    trip: tuple[object, RoundTrip] | None,
) -> None:
    """Round trip, nearest example, saving and taking away."""
    with st.container(horizontal=True):
        if st.button("Encode it", icon=":material/sync:", help="Do these tokens survive the encoder?"):
            result = mixes.encoded(choice, codebook, face, mixed)
            st.session_state["round-trip"] = ((codebook.key, tuple(mixed.items())), result)
            query_parameters.rerun_fragment()
        if choice.dataset and st.button("Nearest in the recordings", icon=":material/person_search:"):
            st.session_state["nearest-of"] = tuple(mixed.items())
    if trip:
        result = trip[1]
        page_frame.facts(
            [
                ("Codewords that come back", percent(result.survived), "of those asked for"),
                ("Alike", percent(result.alike), "or a codeword of the same face"),
                ("Error", mm(result.error_mm), "between the two faces"),
            ]
        )
    if st.session_state.get("nearest-of") == tuple(mixed.items()):
        nearest(choice, psi)
    alike = nearest_codewords(codebook, face, psi, limit=3)
    st.caption(
        "Nearest single codewords: "
        + ", ".join(
            f"{number} (cosine {cosine:.2f})" for number, cosine in zip(alike["codeword"], alike["cosine"], strict=True)
        )
    )
    mixes.save(choice, mixed)
    with st.expander("Export files", icon=":material/download:"):
        exports.of_face(face, psi, "mix-" + "-".join(map(str, mixed)), "mix")


def nearest(choice: artefact_cache.Choice, psi: np.ndarray) -> None:
    """The moments of the recordings that look most like the mix."""
    found = mixes.nearest_moments(choice, psi)
    with st.container(horizontal=True, gap="small"):
        for i, row in enumerate(found[:5]):
            if st.button(
                f"{row.recording} {clock(row.time_s)} · {mm(row.distance_mm)}",
                key=f"near-{i}",
                type="tertiary",
                icon=":material/play_circle:",
            ):
                routes.go("recordings", recording=row.recording, t=round(row.time_s, 3))
