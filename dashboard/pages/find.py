"""Search by example: a moment of a recording or a face set by sliders, and what is most like it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.table_rows import typed_rows
from dfe_core.tokens.search import nearest_codewords

from ..data import artefact_cache, examples, media, thumbnails
from ..data.dictionary import dictionary
from ..links import query_parameters, routes
from ..panels import empty_states, mixes, page_frame
from ..selection import codeword_filter, codeword_selection
from ..theme.formatting import clock, mm, text
from ..views import browser_views, cards
from ..views.example_pictures import Picture

SOURCES = ("Sliders", "A moment")
NEAREST = 8
BEGINNINGS = 3
"""Codewords whose faces are offered where nothing is searched for."""


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Find", "Give a face as an example: which codewords and which moments are most like it?", choice)
    if not empty_states.ready(choice):
        return
    face = choice.open_face()
    if not face.has_mesh:
        st.info(
            "The face of this codebook has no mesh here, so faces cannot be compared.", icon=":material/view_in_ar:"
        )
        return
    shown(choice, face)


@st.fragment
def shown(choice: artefact_cache.Choice, face: FaceModel) -> None:
    """The example beside its face, and below what is like it."""
    with page_frame.guarded():
        source = page_frame.parts(
            "Example",
            SOURCES,
            key="example_by",
            default=SOURCES[1] if query_parameters.read("example") else SOURCES[0],
            label_visibility="collapsed",
        )
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            psi, title = sliders(choice) if source == SOURCES[0] else moment(choice)
        with right:
            browser_views.morph(
                key="example",
                data={
                    "face": media.face_address(face),
                    "psi": mixes.rounded(psi),
                    "title": title,
                    "height": 340,
                    "alt": f"The face searched for: {title}",
                },
            )
        if not np.abs(psi).max() > 0.01:
            at_rest(choice)
            return
        like_codewords(choice, face, psi)
        like_moments(choice, face, psi)


def at_rest(choice: artefact_cache.Choice) -> None:
    """Nothing is searched for yet: faces to begin with, of the codewords used most."""
    codebook, table = choice.open_codebook(), dictionary(choice).table
    most = codeword_filter.matching(table, codeword_filter.Filter(used_only=True))[:BEGINNINGS]
    with empty_states.example(
        Picture.SEARCH,
        "This face is at rest",
        "Move a slider, choose another moment, or begin with the face of a codeword: the codewords and the recorded "
        "moments most like it are listed here.",
    ):
        limits = examples.ranges(codebook.names, codebook.psi)
        with st.container(horizontal=True):
            for number in most:
                st.button(
                    text(cards.title_of(table.iloc[number])),
                    key=f"begin-{number}",
                    icon=":material/face:",
                    on_click=begin_with,
                    args=(examples.within(codebook.names, codebook.psi[number], limits),),
                )


def begin_with(shape: dict[str, float]) -> None:
    """Set the sliders: the link carries the face."""
    page_frame.turn_to("example_by", SOURCES[0])
    if part := examples.most_moved(shape):
        page_frame.turn_to("slider_part", part)
    query_parameters.write(shape=examples.written(shape), example=None)


def sliders(choice: artefact_cache.Choice) -> tuple[np.ndarray, str]:
    """A face set by its coefficients, one part of the face at a time."""
    codebook = choice.open_codebook()
    limits = examples.ranges(codebook.names, codebook.psi)
    shape = examples.shape_of(query_parameters.read("shape"), limits)
    query_parameters.unusable("face", examples.unread(query_parameters.read("shape"), limits))
    groups = examples.grouped(codebook.names)
    first = examples.most_moved(shape)
    part = first = first if first in groups else "Mouth" if "Mouth" in groups else next(iter(groups))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(groups) > 1:
            part = page_frame.parts("Part of the face", list(groups), key="slider_part", default=first, wrap=True)
        st.button(
            "Rest",
            icon=":material/close:",
            disabled=not shape,
            key="rest",
            on_click=lambda: query_parameters.write(shape=None),
            help="Set every slider to 0",
        )
    st.caption(unit_of(limits))
    with st.container(height=340, border=False):
        for row in examples.in_rows(groups[part]):
            for cell, name in zip(st.columns(2, gap="medium"), row, strict=False):
                with cell:
                    slider(name, shape, limits)
    return examples.psi_of(shape, codebook.names), "Your face"


def slider(name: str, shape: dict[str, float], limits: dict[str, tuple[float, float]]) -> None:
    """The slider of one coefficient."""
    key = f"set-{name}"
    if st.session_state.get(key) != shape.get(name, 0.0):  # the link leads; a moved slider has written it
        st.session_state[key] = shape.get(name, 0.0)
    low, high = limits[name]
    st.slider(spoken(name), low, high, step=0.05, format="%.2f", key=key, on_change=set_to, args=(limits, name, key))


def set_to(limits: dict[str, tuple[float, float]], name: str, key: str) -> None:
    """A slider was moved: the link carries the face."""
    shape = examples.shape_of(query_parameters.read("shape"), limits)
    query_parameters.write(shape=examples.written(shape | {name: round(float(st.session_state[key]), 2)}))


def unit_of(limits: dict[str, tuple[float, float]]) -> str:
    """What the numbers of the sliders are."""
    if all(limit == (0.0, 1.0) for limit in limits.values()):
        return "Coefficients: 0 at rest, 1 the full movement"
    return "Components of the face model: 0 at rest; they end where the codeword that moves each most does"


def spoken(name: str) -> str:
    """``mouthSmileLeft`` as ``Mouth smile left``, ``pc_004`` as ``Component 5``."""
    if found := re.fullmatch(r"pc_(\d+)", name):
        return f"Component {int(found[1]) + 1}"
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in name).replace("_", " ")
    return words[:1].upper() + words[1:]


def moment(choice: artefact_cache.Choice) -> tuple[np.ndarray, str]:
    """The face of a recording at a second."""
    recordings = choice.open_dataset().recordings.set_index("recording")
    names = recordings.index.tolist()
    named = examples.moment_of(query_parameters.read("example"), names)
    if named is None and query_parameters.read("example"):
        empty_states.page_missing(f"“{choice.dataset}” has no moment “{query_parameters.read('example')}”.")
    name, time_s = named or (names[0], 0.0)
    picked = st.selectbox("Recording", names, index=names.index(name), key=f"example-of-{name}")
    end = float(recordings.loc[picked, "duration_s"])
    key = f"example-at-{picked}-{time_s:.3f}"
    at = st.slider("Time", 0.0, max(end, 0.1), min(time_s, end), 0.1, format="%.1f s", key=key)
    if picked != name or abs(at - min(time_s, end)) > 0.04:
        query_parameters.write(example=f"{picked}@{0 if picked != name else at:.3f}")
        query_parameters.rerun_fragment()
    psi, exact = examples.frame_at(choice, picked, at)
    routes.link("recordings", f"Open {picked} at {clock(exact)}", recording=picked, t=round(exact, 3))
    return psi, f"{picked}, {clock(exact)}"


@dataclass(frozen=True, kw_only=True)
class NearCodeword:
    """A codeword, its cosine with the face asked for, and how far it is from it in mm."""

    codeword: int
    cosine: float
    distance_mm: float


def like_codewords(choice: artefact_cache.Choice, face: FaceModel, psi: np.ndarray) -> None:
    """Single codewords nearest to the face."""
    codebook, table = choice.open_codebook(), dictionary(choice).table
    found = nearest_codewords(codebook, face, psi, limit=NEAREST)
    found = found[found["cosine"] > 0.05]
    st.subheader("Nearest codewords, at intensity 1", anchor=False, help="With each, its distance from the face.")
    if not len(found):
        st.caption("No codeword moves anything like it.")
        return
    pictures = thumbnails.addresses(choice.root, codebook, face)
    items = [
        {
            "codeword": row.codeword,
            "src": pictures.get(row.codeword),
            "title": f"{row.codeword} · {mm(row.distance_mm)}",
            "note": f"{cards.name_of(table.iloc[row.codeword])}, cosine {row.cosine:.2f}",
            "alt": f"Codeword {row.codeword}: {cards.sentence_of(table.iloc[row.codeword])} Cosine {row.cosine:.2f}, "
            f"{row.distance_mm:.2f} mm away.",
        }
        for row in typed_rows(found, NearCodeword)
    ]
    picked = browser_views.strip(
        key="like-codewords",
        on_pick_change=lambda: None,
        data={"face": media.face_address(face), "codebook": media.codebook_address(codebook), "items": items},
    ).pick
    with st.container(horizontal=True):
        st.button(
            "Select these codewords",
            icon=":material/checklist:",
            on_click=codeword_selection.write,
            args=(choice, [int(k) for k in found["codeword"]]),
        )
    if picked is not None and picked < len(found):
        routes.go("codebook", codeword=int(found["codeword"].iloc[picked]))


def like_moments(choice: artefact_cache.Choice, face: FaceModel, psi: np.ndarray) -> None:
    """Moments of the recordings nearest to the face."""
    found = mixes.nearest_moments(choice, psi)
    st.subheader("Nearest moments in the recordings", anchor=False)
    if not found:
        st.caption(f"“{choice.dataset}” has no frames.")
        return
    items = [
        {
            "psi": mixes.rounded(examples.frame_at(choice, row.recording, row.time_s)[0]),
            "title": f"{row.recording} {clock(row.time_s)}",
            "note": f"{mm(row.distance_mm)} away",
            "alt": f"{row.recording} at {clock(row.time_s)}, {row.distance_mm:.2f} mm away",
        }
        for row in found
    ]
    picked = browser_views.strip(
        key="like-moments", data={"face": media.face_address(face), "items": items}, on_pick_change=lambda: None
    ).pick
    st.caption(
        "Root mean square distance over the vertices; moments of one recording are at least a second apart. "
        "Click one to open it."
    )
    if picked is not None and picked < len(found):
        routes.go("recordings", recording=found[picked].recording, t=round(found[picked].time_s, 3))
