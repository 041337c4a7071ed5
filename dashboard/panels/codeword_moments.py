"""The moments of the recordings that show one codeword, as faces: the strongest, or from weak to strong."""

from __future__ import annotations

import streamlit as st

from dfe_core.faces.model import FaceModel

from ..data import artefact_cache, codeword_facts, film_stills
from . import moment_strip, page_frame
from .moment_strip import MomentPicture

EXAMPLES = ("Strongest", "From weak to strong")


def show(choice: artefact_cache.Choice, face: FaceModel, number: int) -> None:
    """Reconstructed faces of the moments at which the codeword is strongest; a click opens the recording there."""
    dataset, index = choice.open_dataset(), choice.open_intervals()
    heading, switch = st.columns([1, 1], vertical_alignment="center")
    heading.subheader("Moments", anchor=False)
    with switch, st.container(horizontal=True, horizontal_alignment="right"):
        which = page_frame.parts("Moments", EXAMPLES, key="moments_of", label_visibility="collapsed")
    found, psi = codeword_facts.moments_of(index, dataset, number, which == EXAMPLES[0])
    if not found:
        st.caption(f"No moment of “{choice.dataset}” shows this codeword.")
        return
    stills = film_stills.addresses(dataset, [(moment.recording, moment.peak_s) for moment in found])
    pictures = [
        MomentPicture(
            recording=moment.recording,
            peak_s=moment.peak_s,
            psi=values,
            note=moment.subject if moment.subject and moment.subject not in moment.recording else "",
            words=f"intensity {moment.peak:.2f}",
            still=still,
        )
        for moment, values, still in zip(found, psi, stills, strict=True)
    ]
    moment_strip.show("moments", face, pictures, dataset)
    page_frame.colour_scale()
    below = " Below it the frame of the video." if any(stills) else ""
    st.caption(
        f"The recorded face at each moment, coloured by its movement.{below} Point at one to see it move; click it to "
        "open the recording there."
    )
