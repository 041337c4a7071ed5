"""Two codebooks compared, kept while the server runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from dfe_core.embedding.compare import Comparison, Matching, compare_fidelity, match_codebooks
from dfe_core.motion.identity import transfer

from . import artefact_cache
from .dictionary import Dictionary, dictionary


def fidelity(choice: artefact_cache.Choice, other: str) -> Comparison:
    """Which of the chosen model and another holds the chosen dataset better."""
    keys = [artefact_cache.tokens(choice.root, name, choice.dataset).manifest["key"] for name in (choice.model, other)]
    return _fidelity(tuple(keys), choice.model, other, choice.dataset, str(choice.root))


def matching(choice: artefact_cache.Choice, other: str) -> Matching:
    """Codewords of the chosen model against those of another."""
    a, b = artefact_cache.codebook(choice.root, choice.model), artefact_cache.codebook(choice.root, other)
    return _matching(
        a.key, b.key, a, b, artefact_cache.face(choice.root, a.face_id), artefact_cache.face(choice.root, b.face_id)
    )


def psi_here(choice: artefact_cache.Choice, other: str, codeword: int) -> np.ndarray:
    """(E,) a codeword of another model in the coefficients of the chosen model's face."""
    a, b = artefact_cache.codebook(choice.root, choice.model), artefact_cache.codebook(choice.root, other)
    if a.names == b.names:
        return b.psi[codeword]
    return transfer(
        b.psi[codeword], artefact_cache.face(choice.root, b.face_id), artefact_cache.face(choice.root, a.face_id)
    ).psi


def other_dictionary(choice: artefact_cache.Choice, other: str) -> Dictionary:
    """The dictionary of another model as the chosen dataset uses it."""
    return dictionary(artefact_cache.Choice(choice.root, other, choice.dataset))


@st.cache_resource(max_entries=8, show_spinner="Comparing on the recordings")
def _fidelity(keys: tuple[str, ...], a: str, b: str, dataset: str, root: str) -> Comparison:
    return compare_fidelity(a, b, dataset, Path(root))


@st.cache_resource(max_entries=8, show_spinner="Matching codewords")
def _matching(key_a: str, key_b: str, _a, _b, _face_a, _face_b) -> Matching:
    return match_codebooks(_a, _b, _face_a, _face_b)
