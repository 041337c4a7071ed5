"""Two codebooks compared, kept while the server runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import streamlit as st

from dfe_core.embedding.compare import Comparison, Matching, compare_fidelity, match_codebooks
from dfe_core.faces.model import FaceModel
from dfe_core.faces.names import coefficient_map
from dfe_core.motion.identity import transfer
from dfe_core.tokenizer.codebook import Codebook

from . import artefact_cache


def fidelity(choice: artefact_cache.Choice, other: artefact_cache.Choice) -> Comparison:
    """Which of the chosen model and another holds the chosen dataset better."""
    keys = tuple(one.open_tokens().manifest["key"] for one in (choice, other))
    return _fidelity(keys, choice.model, other.model, choice.dataset, str(choice.root))


def comparable(choice: artefact_cache.Choice) -> list[str]:
    """The other models whose codewords can be shown on the face of the chosen one, at least in part."""
    face = choice.open_face()
    others = {
        name: replace(choice, model=name).open_codebook().names
        for name in artefact_cache.model_names(choice.root)
        if name != choice.model
    }
    return [name for name, names in others.items() if len(coefficient_map(names, face)[1]) < len(names)]


def matching(choice: artefact_cache.Choice, other: artefact_cache.Choice) -> Matching:
    """Codewords of the chosen model against those of another."""
    a, b = choice.open_codebook(), other.open_codebook()
    return _matching(a.key, b.key, a, b, choice.open_face(), other.open_face())


def psi_here(choice: artefact_cache.Choice, other: artefact_cache.Choice, codeword: int) -> np.ndarray:
    """(E,) a codeword of another model in the coefficients of the chosen model's face."""
    codebook = other.open_codebook()
    if choice.open_codebook().names == codebook.names:
        return codebook.psi[codeword]
    return transfer(codebook.psi[codeword], other.open_face(), choice.open_face()).psi


@st.cache_resource(max_entries=8, show_spinner="Comparing on the recordings")
def _fidelity(keys: tuple[str, ...], a: str, b: str, dataset: str, root: str) -> Comparison:
    return compare_fidelity(a, b, dataset, Path(root))


@st.cache_resource(max_entries=8, show_spinner="Matching codewords")
def _matching(key_a: str, key_b: str, _a: Codebook, _b: Codebook, _face_a: FaceModel, _face_b: FaceModel) -> Matching:
    return match_codebooks(_a, _b, _face_a, _face_b)
