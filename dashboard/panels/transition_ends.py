"""The faces of a transition: at rest, words, a photo, one codeword, a kept mix or a moment; each stands in the link."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from dfe_core.errors import DataError
from dfe_core.expressions.columns import arkit_columns
from dfe_core.motion.photo import photo_expression
from dfe_core.motion.transitions import described
from dfe_core.video.extra import INSTALL, available

from ..data import artefact_cache, examples, notes, people
from ..data.dictionary import dictionary
from ..data.roles import Role
from ..data.staging import Staging
from ..links import query_parameters
from ..links.numbers import whole
from ..theme.formatting import clock
from ..views import cards
from . import error_text, fields

KINDS = ("At rest", "Codeword", "Kept face", "Moment", "Words", "Photo")
EXAMPLE = "a broad smile and brows up"
PHOTOS = ("jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "json", "csv")


@dataclass(frozen=True, eq=False)
class Stop:
    """One end: psi (E,), its title, and its (codeword, intensity) pairs, None for a recorded face."""

    psi: np.ndarray
    title: str
    tokens: tuple[tuple[int, float], ...] | None


def parse(text: str | None) -> tuple[str, str]:
    """``codeword:35``, ``face:name``, ``moment:s01-1@2.5``, ``words:smile`` or ``photo:jawOpen:0.5`` as kind and value;
    at rest for anything else."""
    kind, _, value = (text or "").partition(":")
    known = dict(zip(("codeword", "face", "moment", "words", "photo"), KINDS[1:], strict=True))
    return (known[kind], value) if kind in known else (KINDS[0], "")


def choose(choice: artefact_cache.Choice, name: str, label: str, fallback: str) -> Stop:
    """The controls of one end, as the link's parameter `name` has it."""
    kind, value = parse(query_parameters.read(name) or fallback)
    if (named := query_parameters.read(name)) and kind == KINDS[0] and named != "rest":
        query_parameters.unusable(label.lower(), [named])
    st.markdown(f"**{label}**")
    faces = notes.read(choice).faces
    possible = {
        KINDS[2]: bool(faces),
        KINDS[3]: bool(choice.dataset),
        KINDS[4]: arkit_columns(choice.open_face().names),
    }
    kinds = [k for k in KINDS if possible.get(k, True)]
    kind = st.selectbox(
        label, kinds, index=kinds.index(kind) if kind in kinds else 0, key=f"{name}-kind", label_visibility="collapsed"
    )
    shown = dict(zip(KINDS, (at_rest, codeword, kept, moment, in_words, photo), strict=True))[kind]
    return shown(choice, name, value if kind == parse(query_parameters.read(name) or fallback)[0] else "")


def at_rest(choice: artefact_cache.Choice, name: str, value: str) -> Stop:
    """The neutral face."""
    query_parameters.write(**{name: "rest"})
    return Stop(np.zeros(choice.open_codebook().psi.shape[1], np.float32), "At rest", ())


def codeword(choice: artefact_cache.Choice, name: str, value: str) -> Stop:
    """One codeword at intensity 1."""
    book, table = choice.open_codebook(), dictionary(choice).table
    numbers = [k for k in range(1, book.size)]
    wanted = whole(value) or 0
    number = wanted if 0 < wanted < book.size else numbers[0]
    number = st.selectbox(
        "Codeword",
        numbers,
        index=numbers.index(number),
        key=f"{name}-codeword",
        format_func=lambda k: cards.title_of(table.iloc[int(k)]),
    )
    query_parameters.write(**{name: f"codeword:{number}"})
    return Stop(book.psi[number], f"Codeword {number}", ((number, 1.0),))


def kept(choice: artefact_cache.Choice, name: str, value: str) -> Stop:
    """A mix that the lab kept."""
    book, faces = choice.open_codebook(), notes.read(choice).faces
    picked = st.selectbox(
        "Kept face", list(faces), index=list(faces).index(value) if value in faces else 0, key=f"{name}-kept"
    )
    query_parameters.write(**{name: f"face:{picked}"})
    tokens = tuple(
        (int(k), float(g)) for k, g in zip(faces[picked]["codewords"], faces[picked]["intensities"], strict=True)
    )
    return Stop(sum(g * book.psi[k] for k, g in tokens), picked, tokens)


def moment(choice: artefact_cache.Choice, name: str, value: str) -> Stop:
    """A recorded face."""
    recordings = choice.open_dataset().recordings.set_index("recording")
    names = recordings.index.tolist()
    wanted, time_s = examples.moment_of(value, names) or (names[0], 0.0)
    picked = st.selectbox("Recording", names, index=names.index(wanted), key=f"{name}-recording")
    end = float(recordings.loc[picked, "duration_s"])
    key = f"{name}-second-{picked}"
    time_s = st.slider("Time", 0.0, max(end, 0.1), min(time_s, end), 0.1, format="%.1f s", key=key)
    query_parameters.write(**{name: f"moment:{picked}@{time_s:.3f}"})
    psi, exact = examples.frame_at(choice, picked, time_s)
    return Stop(psi, f"{picked}, {clock(exact)}", None)


def in_words(choice: artefact_cache.Choice, name: str, value: str) -> Stop:
    """The face that words describe; the last that could be read while they cannot."""
    names = choice.open_face().names
    words = st.text_input(
        "In words",
        value or EXAMPLE,
        key=f"{name}-words",
        help="As on the part From words: what the face shows, not when",
    )
    try:
        psi = described(words.strip() or EXAMPLE, names, choice.open_codebook())
    except DataError as error:
        fields.wrong(st, f"{error.found[:1].upper()}{error.found[1:]}. Try {error.expected}.")
        return Stop(np.zeros(len(names), np.float32), "At rest", None)
    words = words.strip() or EXAMPLE
    query_parameters.write(**{name: f"words:{words}"})
    return Stop(psi, words[:1].upper() + words[1:], None)


def photo(choice: artefact_cache.Choice, name: str, value: str) -> Stop:
    """The expression of a photo. Its coefficients stand in the link; the picture does not leave this machine."""
    face = choice.open_face()
    limits = examples.ranges(face.names, choice.open_codebook().psi)
    shape = examples.shape_of(value, limits)
    if refused := people.refusal(Role.EDITOR):  # a viewer fills no disk
        st.caption(refused)
    else:
        dropped = st.file_uploader(
            "A picture, or its coefficients as JSON or CSV" if available() else "The photo’s coefficients: JSON or CSV",
            type=list(PHOTOS if available() else PHOTOS[-2:]),
            key=f"{name}-photo",
        )
        if not available():
            st.caption(f"Pictures themselves need MediaPipe: `{INSTALL}`.")
        staging = st.session_state.setdefault(f"{name}-photo-staging", Staging())
        try:
            held = staging.hold([dropped] if dropped else [])
            if held:
                taken = photo_expression(held[0], face, root=choice.root)
                shape = examples.within(face.names, taken.psi, limits)
                if taken.faces > 1:
                    st.caption(f"Of {taken.faces} faces in this picture the largest counts.")
        except DataError as error:
            st.warning(error_text.sentence(error), icon=":material/edit_off:")
    query_parameters.write(**{name: f"photo:{examples.written(shape) or ''}"})
    return Stop(examples.psi_of(shape, face.names), "Photo" if shape else "At rest", None)
