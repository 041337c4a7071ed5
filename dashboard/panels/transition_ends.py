"""The faces of a transition: at rest, one codeword, a kept mix or a moment of a recording; each stands in the link."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from ..data import artefact_cache, examples, notes
from ..data.dictionary import dictionary
from ..links import query_parameters
from ..links.numbers import whole
from ..theme.formatting import clock
from ..views import cards

KINDS = ("At rest", "Codeword", "Kept face", "Moment")


@dataclass(frozen=True, eq=False)
class Stop:
    """One end: psi (E,), its title, and its (codeword, intensity) pairs, None for a recorded face."""

    psi: np.ndarray
    title: str
    tokens: tuple[tuple[int, float], ...] | None


def parse(text: str | None) -> tuple[str, str]:
    """``codeword:35``, ``face:name`` or ``moment:s01-1@2.5`` as kind and value; at rest for anything else."""
    kind, _, value = (text or "").partition(":")
    return {"codeword": (KINDS[1], value), "face": (KINDS[2], value), "moment": (KINDS[3], value)}.get(
        kind, (KINDS[0], "")
    )


def choose(choice: artefact_cache.Choice, name: str, label: str, fallback: str) -> Stop:
    """The controls of one end, as the link's parameter `name` has it."""
    kind, value = parse(query_parameters.read(name) or fallback)
    if (named := query_parameters.read(name)) and kind == KINDS[0] and named != "rest":
        query_parameters.unusable(label.lower(), [named])
    st.markdown(f"**{label}**")
    faces = notes.read(choice).faces
    kinds = [k for k in KINDS if (k != KINDS[2] or faces) and (k != KINDS[3] or choice.dataset)]
    kind = st.selectbox(
        label, kinds, index=kinds.index(kind) if kind in kinds else 0, key=f"{name}-kind", label_visibility="collapsed"
    )
    return {KINDS[0]: at_rest, KINDS[1]: codeword, KINDS[2]: kept, KINDS[3]: moment}[kind](choice, name, value)


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
