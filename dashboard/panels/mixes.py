"""Mixed faces: in the link, through the encoder, among the recordings, and kept beside the model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.motion.mixer import RoundTrip, encoder_of, round_trip
from dfe_core.table_rows import typed_rows
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.face_index import FaceIndex, build_moments
from dfe_core.tokens.subject_identification import IdentityLeak, identity_leak

from ..data import artefact_cache, notes
from ..links import query_parameters
from ..selection.codeword_selection import kept_as
from ..theme.formatting import text
from . import page_frame

if TYPE_CHECKING:
    from dfe_core.tokenizer.model import Tokenizer


def read(size: int) -> dict[int, float]:
    """The mix that the link names, ``12:0.8,40:0.5``; what cannot be read is left out."""
    return parse(query_parameters.read("mix") or "", size)


def parse(text: str, size: int) -> dict[int, float]:
    """``12:0.8,40:0.5`` as codeword → intensity, for codewords 1 … size − 1 and intensities 0 … 2."""
    found: dict[int, float] = {}
    for part in text.split(","):
        number, _, amount = part.partition(":")
        try:
            codeword, intensity = int(number), float(amount or 1)
        except ValueError:
            continue
        if 0 < codeword < size and 0 <= intensity <= 2:
            found[codeword] = intensity
    return found


def unread(text: str | None, size: int) -> list[str]:
    """The parts of a link's mix that `parse` leaves out."""
    return [part for part in (text or "").split(",") if part and not parse(part, size)]


def written(mixed: dict[int, float]) -> str:
    """The inverse of `parse`."""
    return ",".join(f"{k}:{g:g}" for k, g in mixed.items())


def write(mixed: dict[int, float]) -> None:
    """Name a mix in the link."""
    query_parameters.write(mix=written(mixed) or None)


def rounded(psi: np.ndarray) -> list[float]:
    """ψ for a view, rounded to what can be seen."""
    return [round(float(v), 4) for v in psi]


def encoded(choice: artefact_cache.Choice, codebook: Codebook, face: FaceModel, mixed: dict[int, float]) -> RoundTrip:
    """What the model's own encoder makes of a mix. The first call loads the model."""
    with page_frame.waiting("Encoding"):
        return round_trip(
            codebook,
            face,
            list(mixed),
            list(mixed.values()),
            encoder_of(_tokenizer(codebook.key, choice.model, str(choice.root))),
        )


@dataclass(frozen=True, kw_only=True)
class NearMoment:
    """A recorded face at time_s seconds, distance_mm (root mean square over the vertices) from the face asked for."""

    recording: str
    time_s: float
    distance_mm: float


def nearest_moments(choice: artefact_cache.Choice, psi: np.ndarray) -> list[NearMoment]:
    """The moments of the chosen recordings whose face is nearest, nearest first."""
    dataset = choice.open_dataset()
    face = choice.open_face()
    return typed_rows(_moments(dataset.key, face.id, dataset, face).search(psi, limit=8), NearMoment)


def save(choice: artefact_cache.Choice, mixed: dict[int, float]) -> None:
    """Keep a mix under a name."""
    kept_as("Keep this face", "save-face", partial(_save_face, choice, mixed), "surprised, lopsided")


def _save_face(choice: artefact_cache.Choice, mixed: dict[int, float], name: str) -> str:
    with notes.writing(choice) as (book, author):
        book.save_face(name, list(mixed), list(mixed.values()), author)
    return f"“{text(name)}” is kept."


def saved(choice: artefact_cache.Choice) -> None:
    """Open a face that was kept."""
    faces = notes.read(choice).faces
    if not faces:
        return
    name = st.selectbox(
        "Saved faces",
        list(faces),
        index=None,
        placeholder="Open a saved face",
        key="saved-face",
        label_visibility="collapsed",
    )
    if name is not None and st.session_state.get("saved-face-opened") != name:
        st.session_state["saved-face-opened"] = name
        write(dict(zip(faces[name]["codewords"], faces[name]["intensities"], strict=True)))
        query_parameters.rerun_fragment()


def leak(choice: artefact_cache.Choice) -> IdentityLeak | None:
    """The identity leak if it has been measured in this session."""
    return st.session_state.get(f"leak-{choice.model}-{choice.dataset}")


def measure_leak(choice: artefact_cache.Choice) -> None:
    """Measure the identity leak, or read what was measured before."""
    with page_frame.waiting("Fitting the probes"):
        st.session_state[f"leak-{choice.model}-{choice.dataset}"] = identity_leak(
            choice.model, choice.dataset, choice.root
        )


@st.cache_resource(max_entries=2, show_spinner=False)
def _tokenizer(key: str, model: str, root: str) -> Tokenizer:
    from dfe_core.tokenizer.storage import load_model

    return load_model(model, Path(root), "cpu")[0]


@st.cache_resource(max_entries=2, show_spinner="Indexing the recordings once")
def _moments(key: str, face_id: str, _dataset: Dataset, _face: FaceModel) -> FaceIndex:
    return build_moments(_dataset, _face)
