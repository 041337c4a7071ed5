"""Clips of a codeword over people, playing beside each other, and as one file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Progress
from dfe_core.render.clip_grid import AFTER_S, BEFORE_S, CELL, COLUMNS, MOST, Clip, ClipGrid, Cover, clip_grid
from dfe_core.video.links import links

from ..data import artefact_cache, codeword_facts
from ..links import routes
from ..theme.formatting import clock, plural, text
from . import exports

_COVERS = {Cover.FILMED: "As filmed", Cover.BLURRED: "Faces blurred", Cover.MESH: "Meshes instead"}
_STRETCHED = 800
"""Pixels from which on a grid takes the width of the page."""
_ENDINGS = {"Film": ".mp4", "WebM": ".webm", "GIF": ".gif"}


@st.fragment
def show(choice: artefact_cache.Choice, face: FaceModel, number: int) -> None:
    """A choice of what stands for the faces, a button, then the clips."""
    dataset = choice.open_dataset()
    if not face.has_mesh:
        return
    with st.expander("Clips over people", icon=":material/grid_view:"):
        covers = list(_COVERS) if links(dataset) else [Cover.MESH]
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        cover = left.segmented_control(
            "Show",
            covers,
            default=covers[0],
            required=True,
            format_func=_COVERS.__getitem__,
            key=f"clips-cover-{number}",
        )
        asked = right.button("Play clips", icon=":material/play_circle:", width="stretch", key=f"clips-{number}")
        key = f"clips-on-{choice.dataset}-{number}"
        if asked:
            st.session_state[key] = cover
        if cover is None or st.session_state.get(key) != cover:
            st.caption(
                f"Up to {MOST} of the strongest moments, of as many people as show it, {BEFORE_S + AFTER_S:g} s each. "
                "They are made when asked for, and kept."
            )
            return
        _play(choice, face, number, cover)


def _play(choice: artefact_cache.Choice, face: FaceModel, number: int, cover: Cover) -> None:
    dataset = choice.open_dataset()
    among = None if cover is Cover.MESH else frozenset(links(dataset))
    found = codeword_facts.clips_of(choice.open_intervals(), dataset, number, among)
    clips = [Clip(recording=one.recording, subject=one.subject, peak_s=one.peak_s) for one in found]
    bar = st.progress(0.0, "Making the clips…")

    def heard(progress: Progress) -> None:
        bar.progress(progress.done / max(1, progress.total), f"Making the clips: {progress.detail}")

    try:
        grid = clip_grid(dataset, face, clips, cover, heard)
    except DataError as error:
        st.error(text(str(error)), icon=":material/error:")
        return
    finally:
        bar.empty()
    if grid is None:
        st.caption("None of these moments has a video that can be read.")
        return
    wide = min(COLUMNS, len(grid.clips)) * CELL
    st.video(
        grid.film.read_bytes(),
        format="video/webm",
        loop=True,
        autoplay=True,
        muted=True,
        width=wide if wide < _STRETCHED else "stretch",
    )
    st.caption(_shown(grid, cover))
    makers: dict[str, tuple[str, Callable[[Path], object]]] = {
        label: (ending, grid.export) for label, ending in _ENDINGS.items()
    }
    exports.buttons(makers, f"codeword-{number}-{cover.value}", f"clips-export-{number}-{cover.value}")
    with st.container(horizontal=True, gap="small"):
        for at, clip in enumerate(grid.clips):
            title = f"{at // COLUMNS + 1}.{at % COLUMNS + 1} {clip.subject or clip.recording} {clock(clip.peak_s)}"
            routes.link("recordings", title, recording=clip.recording, t=f"{clip.peak_s:.3f}")


def _shown(grid: ClipGrid, cover: Cover) -> str:
    """What the clips show, and what covering a face does not do."""
    people = len({clip.subject or clip.recording for clip in grid.clips})
    said = (
        f"{plural(len(grid.clips), 'clip')} of {people} {'person' if people == 1 else 'people'}, without sound. "
        "The links below open them, by row and column."
    )
    instead = sum(one is Cover.MESH for one in grid.covers)
    if cover is Cover.BLURRED:
        said += (
            " Blurred is where the extractor found faces; faces that it did not find, hair, clothes and places stay: "
            "this is not anonymous. Look at every clip before you publish it."
        )
        if instead:
            said += (
                f" In {plural(instead, 'clip')} the mesh stands for the whole picture: where the face is was not noted "
                "for every frame."
            )
    if cover is Cover.MESH:
        said += " Nothing of a video is in it; how a person moves is."
    return said
