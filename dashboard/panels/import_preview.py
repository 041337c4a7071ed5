"""The face moving as a chosen file says, before anything is imported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from dfe_core.artefact_names import NO_FACE
from dfe_core.errors import DataError
from dfe_core.expressions.inspection import Believed
from dfe_core.expressions.preview import Preview, preview
from dfe_core.expressions.timing import NoFrameRate
from dfe_core.faces.library import anny_is_cached

from ..data import artefact_cache
from ..theme.formatting import count, span, text
from ..views import reels
from . import error_text, page_frame
from .import_options import Options

_OWN_FACES = ("flame", "flame-frames", "bfm", "dfe-dataset")
"""Formats that bring a face, or a space of coefficients, of their own."""
_SMALL_BYTES = 24 << 20
"""Larger files are looked at when asked, not by themselves."""


def look(choice: artefact_cache.Choice, one: Believed | None, options: Options) -> None:
    """The face, its figures and what will be done to the recording."""
    if one is None:
        return
    face = options.face_for(one)
    if face == NO_FACE and not one.fault:
        st.caption("Action units alone: there is no face to look at. Probes and group tables work on them.")
        return
    with st.container(border=True):
        if one.fault:
            st.markdown(f"**{text(one.path.name)}** cannot be read: {text(one.fault)}.")
            return
        looked = st.session_state.setdefault("import-looked", set())
        if (str(one.path), face) not in looked and (waits := why_wait(choice, one, face)):
            st.button(
                f"Look at {text(one.path.name)}",
                icon=":material/visibility:",
                on_click=looked.add,
                args=((str(one.path), face),),
            )
            st.caption(waits)
            return
        try:
            with page_frame.waiting(f"Reading {text(one.path.name)}"):
                held = _previewed(
                    str(choice.root),
                    str(one.path),
                    _stamp(one.path),
                    face,
                    options.fps,
                    options.fits(one),
                    options.time,
                )
        except DataError as error:
            hint = " Give the frames a second above." if isinstance(error, NoFrameRate) else ""
            said = error_text.sentence(error).replace(f"{text(one.path.parent)}/", "")
            st.warning(said + hint, icon=":material/edit_off:")
            return
        shown(one, held)


def why_wait(choice: artefact_cache.Choice, one: Believed, face: str) -> str:
    """Why looking at a file would take long, empty where it does not."""
    if one.bytes > _SMALL_BYTES:
        return f"{one.bytes / 1e6:,.0f} MB: reading it takes some seconds."
    if face == "anny" and one.format not in _OWN_FACES and not anny_is_cached(choice.root):
        return "The default face is built first, once: some seconds."
    return ""


def shown(one: Believed, held: Preview) -> None:
    """The moving face, with what was found out about the recording beside it."""
    picture, words = st.columns([3, 2])
    with picture:
        if held.face.has_mesh:
            reels.show(
                [(held.face, np.where(held.valid[:, None], held.psi, 0), held.name)],
                held.time_s,
                None,
                "import-preview",
                f"{held.name} on {held.face.title}",
                height=330,
            )
        else:
            st.info(
                "Coefficients without a face model of their own: they train and tokenise, and draw nothing.",
                icon=":material/view_in_ar_off:",
            )
    with words:
        lost = int((~held.valid).sum())
        page_frame.facts(
            [
                ("Frames", count(held.frames), f"{held.fps:g} a second"),
                ("Duration", span(held.seconds), ""),
                ("Not valid", count(lost), "of those shown" if lost else ""),
            ]
        )
        if held.recordings > 1:
            st.caption(f"The first of {held.recordings} recordings in this file.")
        st.markdown("\n".join(f"- {text(note)}" for note in held.notes) or "Nothing had to be changed.")
        st.caption(text(f"Read as {one.title}: {one.why}. On {held.face.title or held.face.id}."))


def _stamp(path: Path) -> float:
    return path.stat().st_mtime


@st.cache_resource(max_entries=8, show_spinner=False)
def _previewed(
    root: str, path: str, stamp: float, face: str, fps: float | None, fit: bool, time: str | None
) -> Preview:
    return preview(Path(path), face, fps, fit, Path(root), time=time)
