"""All that is known of each codeword in one table: geometry, use in the chosen data, description, the lab's words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.artefact_names import MANIFEST, NOTES_FILE, tokens_name
from dfe_core.errors import DataError
from dfe_core.facs.codeword_names import CodewordName
from dfe_core.store import artefact_path
from dfe_core.tokens.annotations import Notebook, Notes
from dfe_core.tokens.phrasing import description_clauses, description_sentence, plain_name
from dfe_core.tokens.search import WordIndex, codeword_texts, index_words
from dfe_core.tokens.usage import usage

from . import artefact_cache
from .codeword_names import Known, known

_USAGE = {
    "uses": 0,
    "main_stage": -1,
    "presences": 0,
    **dict.fromkeys(("share_of_frames", "mean_intensity", "typical_mm", "largest_mm"), np.nan),
}


@dataclass(frozen=True, eq=False)
class Dictionary:
    """table: K rows, the codebook's columns, uses, share_of_frames, main_stage, mean_intensity, title (the plain name),
    description (with every part in mm), like (the action units that it is shaped like, may be empty), action_units
    (those confirmed, with strength: the chip), verdict (a `Verdict`), checked (whether the names were, on these data),
    picked, picked_low and picked_high (share of pairs of moments in which its sentence picks its own, with 95 %
    interval), name, tags and note (the lab's own). words: their index. names: the facts behind title, like and
    verdict."""

    table: pd.DataFrame
    words: WordIndex
    names: tuple[CodewordName, ...]


def dictionary(choice: artefact_cache.Choice) -> Dictionary:
    """The dictionary of the chosen codebook as the chosen dataset uses it."""
    codebook = choice.open_codebook()
    cache = choice.root / "tokens" / tokens_name(choice.model, choice.dataset) / MANIFEST
    stamp = cache.stat().st_mtime_ns if choice.encoded else 0
    own = artefact_path("models", choice.model, choice.root) / NOTES_FILE
    found = known(choice)
    noted = own.stat().st_mtime_ns if own.is_file() else 0
    key = (codebook.key, str(choice.root), choice.model, choice.dataset, choice.from_mm, stamp, noted)
    return _dictionary(key, found.key, choice, found)


@st.cache_resource(max_entries=8, show_spinner="Reading the codebook")
def _dictionary(key: tuple[str | float, ...], named: str, _choice: artefact_cache.Choice, _found: Known) -> Dictionary:
    """key, named: what the dictionary depends on; the rest is not hashed by the cache."""
    notes, codebook = _notes(_choice.model, _choice.root), _choice.open_codebook()
    names = _found.names
    table = codebook.table.drop(columns=[c for c in (*_USAGE, "description") if c in codebook.table.columns])
    if _choice.encoded:
        table = table.merge(usage(_choice.open_tokens(), _choice.open_intervals()), "left", "codeword")
    else:
        table = table.assign(**_USAGE)
    own = [notes.of(k) for k in range(len(table))]
    table = table.assign(
        title=[plain_name(n.description) for n in names],
        description=[description_sentence(n.description) for n in names],
        like=[n.label for n in names],
        action_units=[n.confirmed_label for n in names],
        verdict=pd.Series([n.verdict for n in names], dtype=object),
        side=[n.description.side for n in names],
        checked=_found.checked is not None,
        **_picked(_found, len(names)),
        name=[note.name for note in own],
        tags=[", ".join(note.tags) for note in own],
        note=[note.note for note in own],
    )
    clauses = [description_clauses(n.description) for n in names]
    units = [[unit.label for unit in n.in_facs_order] for n in names]
    return Dictionary(table, index_words(codeword_texts(codebook.table, clauses, notes, units=units)), names)


def _picked(found: Known, size: int) -> dict[str, np.ndarray]:
    """(K,) accuracy of every codeword's sentence with its interval, NaN where it was not scored."""
    columns = {"picked": "accuracy", "picked_low": "low", "picked_high": "high"}
    made = {name: np.full(size, np.nan) for name in columns}
    if found.checked is not None:
        table = found.checked.scores.sentences
        for name, column in columns.items():
            made[name][table["codeword"].to_numpy(int)] = table[column]
    return made


def _notes(model: str, root: Path) -> Notes:
    try:
        return Notebook.open(model, root).read()
    except DataError:  # a notes file that is not ours says so where notes are edited; codewords show without it
        return Notes()
