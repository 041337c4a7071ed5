"""What codewords are called by all that is known: checked on this data, held against its coverage, or by shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import streamlit as st

from dfe_core.artefact_names import CODEWORD_NAMES, MANIFEST, aus_name, keyed_name
from dfe_core.errors import DataError
from dfe_core.expressions.exclusions import exclusions_manifest
from dfe_core.facs.codeword_names import CodewordName, confirm, name_codewords
from dfe_core.facs.name_scores import CheckedNames, load_checked, scores_key
from dfe_core.facs.store import AlignedAus, list_aligned
from dfe_core.store import artefact_path
from dfe_core.tokenizer.codebook import Codebook

from . import artefact_cache, coverage_analyses


@dataclass(frozen=True, eq=False, kw_only=True)
class Known:
    """Names of the K codewords; checked: on this data, None where that was not done; aus: what their action units were
    held against, empty for shape alone; estimate: whether those are estimates from the same coefficients; key: of all
    that the names are made from."""

    names: tuple[CodewordName, ...]
    key: str = ""
    checked: CheckedNames | None = None
    aus: str = ""
    estimate: bool = False


def known(choice: artefact_cache.Choice) -> Known:
    """The names as they are known now: checked ones first, measured action units before estimates."""
    codebook = choice.open_codebook()
    if choice.encoded:
        for aus in measured_first(choice):
            key = _key(choice, aus)
            made = artefact_path("analyses", keyed_name(CODEWORD_NAMES, key), choice.root) / MANIFEST
            if made.is_file() and (checked := _checked(key, codebook, choice)) is not None:
                names, against = _by_both(key, checked, choice)
                return Known(
                    names=names,
                    key=f"{key} {against}",
                    checked=checked,
                    aus=checked.aus,
                    estimate=checked.estimate,
                )
        for aus in measured_first(choice)[:-1]:
            if (found := coverage_analyses.analysis(choice, aus)) is not None:
                return Known(
                    names=_against(found.coverage.key, codebook.key, codebook, found),
                    key=found.coverage.key,
                    aus=aus,
                    estimate=found.coverage.estimate,
                )
    return Known(names=_by_shape(codebook.key, codebook.face_id, codebook, choice), key=codebook.key)


def measured_first(choice: artefact_cache.Choice) -> list[str]:
    """Names of action units of the dataset, estimates last, then none."""
    names = list_aligned(choice.dataset, choice.root) if choice.dataset else []
    usable = []
    for name in names:
        made = artefact_path("analyses", aus_name(choice.dataset, name), choice.root) / MANIFEST
        try:
            usable.append(
                (
                    _aligned(
                        choice.dataset,
                        name,
                        choice.root,
                        artefact_cache.stamp(made, exclusions_manifest(choice.root, choice.dataset)),
                    ).estimate,
                    name,
                )
            )
        except DataError:  # the Coverage page says what is wrong with it
            continue
    return [*(name for _, name in sorted(usable)), ""]


@lru_cache(maxsize=32)
def _aligned(dataset: str, name: str, root: Path, stamp: tuple[int, ...]) -> AlignedAus:
    return AlignedAus.open(dataset, name, root)


def _key(choice: artefact_cache.Choice, aus: str) -> str:
    aligned = AlignedAus.open(choice.dataset, aus, choice.root) if aus else None
    tokens = choice.open_tokens()
    return scores_key(
        choice.open_codebook(),
        tokens,
        choice.open_dataset(),
        aligned,
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _checked(key: str, _codebook: Codebook, _choice: artefact_cache.Choice) -> CheckedNames | None:
    return load_checked(key, _codebook, _choice.root)


def _by_both(key: str, checked: CheckedNames, choice: artefact_cache.Choice) -> tuple[tuple[CodewordName, ...], str]:
    """Checked names, held against the coverage of the same action units as well where that has been analysed, and its
    key: no page names an action unit that another page says does not go with the codeword."""
    found = coverage_analyses.analysis(choice, checked.aus) if checked.aus else None
    if found is None:
        return checked.names, ""
    return _also_against(key, found.coverage.key, checked, found), found.coverage.key


@st.cache_resource(max_entries=8, show_spinner=False)
def _also_against(
    key: str, coverage_key: str, _checked: CheckedNames, _found: coverage_analyses.Analysis
) -> tuple[CodewordName, ...]:
    pairs = dict(tuple(_found.coverage.pairs.groupby("codeword")))
    return tuple(confirm(name, pairs.get(k), _checked.estimate) for k, name in enumerate(_checked.names))


@st.cache_resource(max_entries=8, show_spinner=False)
def _against(
    key: str, codebook_key: str, _codebook: Codebook, _found: coverage_analyses.Analysis
) -> tuple[CodewordName, ...]:
    return tuple(
        name_codewords(
            _codebook.psi, _found.inputs.face, pairs=_found.coverage.pairs, estimate=_found.coverage.estimate
        )
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _by_shape(key: str, face_id: str, _codebook: Codebook, _choice: artefact_cache.Choice) -> tuple[CodewordName, ...]:
    return tuple(name_codewords(_codebook.psi, artefact_cache.face(_choice.root, face_id)))
