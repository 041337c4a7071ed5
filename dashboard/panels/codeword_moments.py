"""The moments of the recordings that show one codeword, as faces: the strongest, or from weak to strong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.table_rows import typed_rows
from dfe_core.tokens.peak_frames import quantile_examples, strongest_moments

from ..data import artefact_cache, film_stills, media
from ..links import routes
from ..theme.formatting import clock
from ..views import browser_views
from . import mixes

MOMENTS = 8
EXAMPLES = ("Strongest", "From weak to strong")


@dataclass(frozen=True, kw_only=True)
class ShownMoment:
    """A moment at which a codeword is at its peak: frame and second of it, its intensity, and who shows it."""

    recording: str
    subject: str
    peak_frame: int
    peak_s: float
    peak: float


def show(choice: artefact_cache.Choice, face: FaceModel, number: int) -> None:
    """Reconstructed faces of the moments at which the codeword is strongest; a click opens the recording there."""
    dataset, index = choice.open_dataset(), choice.open_intervals()
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
    table = (
        strongest_moments(index, number, dataset.recordings, limit=MOMENTS)
        if which == EXAMPLES[0]
        else quantile_examples(index, number, dataset.recordings, bands=MOMENTS, each=1)
    )
    found = typed_rows(table, ShownMoment)
    if not found:
        st.caption(f"No moment of “{choice.dataset}” shows this codeword.")
        return
    stills = film_stills.addresses(dataset, [(moment.recording, moment.peak_s) for moment in found])
    items = [
        {
            "psi": mixes.rounded(_frame_psi(dataset.key, dataset, moment.recording, moment.peak_frame)),
            "title": moment.recording,
            "note": _note(moment),
            "alt": f"{moment.recording} at {clock(moment.peak_s)}, intensity {moment.peak:.2f}",
            **still,
        }
        for moment, still in zip(found, stills, strict=True)
    ]
    picked = browser_views.strip(
        key="moments", data={"face": media.face_address(face), "items": items}, on_pick_change=lambda: None
    ).pick
    below = " Below it the frame of the video." if any(stills) else ""
    st.caption(
        f"The recorded face at each moment, coloured by its movement.{below} Click one to open the recording there."
    )
    if picked is not None and picked < len(found):
        routes.go("recordings", recording=found[picked].recording, t=round(found[picked].peak_s, 3))


@st.cache_data(max_entries=256, show_spinner=False)
def _frame_psi(key: str, _dataset: Dataset, recording: str, frame_number: int) -> np.ndarray:
    return _dataset.frames(recording).at([frame_number]).psi[0]


def _note(moment: ShownMoment) -> str:
    at = clock(moment.peak_s)
    return f"{at} · {moment.subject}" if moment.subject and moment.subject not in moment.recording else at
