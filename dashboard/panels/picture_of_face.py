"""The picture of a lab's own that a learned face is drawn as, on page Data: brought in, looked at, taken out again."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dfe_core.artefact_names import FACES
from dfe_core.errors import DataError
from dfe_core.expressions.marked_points import read_marked_points
from dfe_core.faces.face_picture import KINDS, FacePicture, check_may_have_picture, check_picture, open_picture_file
from dfe_core.faces.picture_store import attach_picture, detach_picture

from ..data import artefact_cache, people
from ..data.roles import Role
from ..data.staging import Staging
from ..theme.formatting import plural, text
from . import error_text

_SAID, _TAKEN_OUT, _STAGING = "picture-said", "picture-taken-out", "picture-staging"
_DOT, _RING = "#e4572e", "#ffffff"


def of_dataset(choice: artefact_cache.Choice) -> None:
    """The picture of the dataset's face; nothing for a face that has a surface of its own."""
    face = choice.open_dataset().face_id
    if not face.startswith("learned-"):
        return
    try:
        model = artefact_cache.face(choice.root, face)
        check_may_have_picture(model)
    except DataError:  # a mesh, or a face that is not here, of which the page says so elsewhere
        return
    held = model.picture
    with st.expander(
        f"A picture of your own · {text(held.source) or 'one' if held else 'none'}", icon=":material/image:"
    ):
        if said := st.session_state.pop(_SAID, ""):
            st.markdown(said)
        refused = people.refusal(Role.EDITOR)
        if held is not None:
            _preview(held, f"{plural(len(held.points), 'landmark')} in {text(held.source)}")
        else:
            st.caption(
                f"The face was learned from {plural(len(model.template), 'landmark')} and is drawn as the surface "
                "between them. Drawn as a picture of the animal it is easier to read: every codeword then warps the "
                "picture. Nothing that was learned or measured changes."
            )
        if refused:
            st.caption(refused)
            return
        _buttons(choice, face, held)
        _bring_in(choice, face)


def _buttons(choice: artefact_cache.Choice, face: str, held: FacePicture | None) -> None:
    removed = st.session_state.get(_TAKEN_OUT, {}).get(face)
    if held is not None:
        st.button(
            "Take the picture out",
            icon=":material/delete:",
            key=f"picture-out-{face}",
            on_click=_take_out,
            args=(choice, face),
        )
    elif removed is not None:
        st.button(
            f"Put {removed.source or 'the picture'} back",
            icon=":material/undo:",
            key=f"picture-back-{face}",
            on_click=_put_in,
            args=(choice, face, removed, removed.source),
        )


def _bring_in(choice: artefact_cache.Choice, face: str) -> None:
    """A picture and its landmarks, shown before they are taken."""
    left, right = st.columns(2)
    picture = left.file_uploader("Picture: PNG or JPEG", type=["png", "jpg", "jpeg"], key=f"picture-file-{face}")
    marked = right.file_uploader(
        "Landmarks in it: a table with x and y, JSON, or a 2-D recording",
        type=["csv", "tsv", "txt", "json"],
        key=f"picture-points-{face}",
        help="In pixels from the upper left corner, one row per landmark, in the order of the recordings",
    )
    frame = right.number_input(
        "Frame of the recording that the picture shows",
        min_value=0,
        value=None,
        step=1,
        placeholder="of a recording",
        key=f"picture-frame-{face}",
    )
    staging = st.session_state.setdefault(_STAGING, Staging())
    try:
        held = staging.hold([file for file in (picture, marked) if file is not None])
        if picture is None or marked is None:
            return
        found = open_picture_file(held[0], read_marked_points(held[1], None if frame is None else int(frame)))
        placed = check_picture(artefact_cache.face(choice.root, face), found, marked.name)
    except DataError as error:
        st.warning(error_text.sentence(error), icon=":material/edit_off:")
        return
    _preview(found, f"Landmarks fit the face at rest to {placed.misfit:.1%} of their spread.")
    st.button(
        "Draw the face as this picture",
        type="primary",
        key=f"picture-in-{face}",
        on_click=_put_in,
        args=(choice, face, found, marked.name),
    )


def _preview(picture: FacePicture, caption: str) -> None:
    """The picture with its landmarks."""
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture.pixels)
    draw, size = ImageDraw.Draw(image), max(2.0, max(picture.size) / 120)
    for x, y in picture.points:
        draw.ellipse((x - size, y - size, x + size, y + size), fill=_DOT, outline=_RING)
    stream = io.BytesIO()
    image.save(stream, next(kind for kind, media in KINDS.items() if media == picture.kind))
    st.image(stream.getvalue(), caption=caption, width=320)


def _put_in(choice: artefact_cache.Choice, face: str, picture: FacePicture, where: str | Path) -> None:
    def act() -> str:
        attach_picture(face, picture, where, choice.root)
        st.session_state.get(_TAKEN_OUT, {}).pop(face, None)
        return f"The face is drawn as {text(picture.source) or 'the picture'}."

    _run(face, act)


def _take_out(choice: artefact_cache.Choice, face: str) -> None:
    def act() -> str:
        removed = detach_picture(face, choice.root)
        if removed is not None:
            st.session_state.setdefault(_TAKEN_OUT, {})[face] = removed
        return "The face is drawn as its own surface again."

    _run(face, act)


def _run(face: str, act: Callable[[], str]) -> None:
    try:
        with people.acting(Role.EDITOR, "picture", (f"{FACES}/{face}",)):
            st.session_state[_SAID] = f":material/check: {act()}"
    except DataError as error:
        st.session_state[_SAID] = f":material/error: {text(str(error))}"
