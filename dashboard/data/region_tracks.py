"""Tracks of a recording for the browser: the set that is edited, what stands below it, and the moving face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.artefact_names import EXCLUDED
from dfe_core.errors import DataError
from dfe_core.events.store import EventSet, list_events
from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.store import present
from dfe_core.intervals.agreement import TierAgreement, compare_tracks
from dfe_core.intervals.directions import WORDS
from dfe_core.intervals.editing import dataset_tracks
from dfe_core.intervals.path import state_runs
from dfe_core.intervals.regions import FACE_REGIONS, TRACK_REGIONS
from dfe_core.intervals.table import LABEL, SOURCE, TIER, tier_names
from dfe_core.ontology import action_label
from dfe_core.render.recording_pack import quantised
from dfe_core.store import content_key
from dfe_core.syllables.store import open_syllables
from dfe_core.tokens.presence import frame_step

from ..theme.palette import CATEGORIES
from .artefact_cache import Choice
from .packs import pack
from .tracks import aus_beside

MOST_FRAMES = 18_000
"""Frames of the face that the browser gets; of longer recordings every second, third … one."""
_BELOW = 4
"""Codewords, and action units, that are shown below the tracks: those that come and go most often."""


def track_sets(dataset: Dataset) -> list[str]:
    """Sets of events that have tiers, those of annotators last."""
    names = []
    for name in list_events(dataset.name, dataset.root):
        if name != EXCLUDED and {TIER, "category"} & set(EventSet.open(dataset.name, name, dataset.root).columns):
            names.append(name)
    return names


def set_key(dataset: Dataset, name: str) -> str:
    """Changes with the intervals of a set; empty where there is none."""
    if name not in list_events(dataset.name, dataset.root):
        return ""
    return content_key([EventSet.open(dataset.name, name, dataset.root).manifest["key"], sorted(dataset.sealed)])


def tracks_of_set(dataset: Dataset, name: str) -> pd.DataFrame:
    """`intervals.table.TRACK_COLUMNS` of a set of the dataset, read once."""
    return _tracks((str(dataset.path), name, set_key(dataset, name)), _dataset=dataset)


@st.cache_resource(max_entries=8, show_spinner=False)
def _tracks(key: tuple[str, str, str], *, _dataset: Dataset) -> pd.DataFrame:
    return dataset_tracks(_dataset, key[1])


def agreement(dataset: Dataset, ours: str, theirs: str, *, match: bool) -> list[TierAgreement]:
    """How far two sets agree, tier by tier. Raises `DataError` where they share no tier."""
    keys = (str(dataset.path), ours, theirs, set_key(dataset, ours), set_key(dataset, theirs))
    return _agreement(keys, match, _dataset=dataset)


@st.cache_resource(max_entries=8, show_spinner=False)
def _agreement(keys: tuple[str, ...], match: bool, *, _dataset: Dataset) -> list[TierAgreement]:
    ours, theirs = (tracks_of_set(_dataset, name) for name in keys[1:3])
    return compare_tracks(ours, theirs, _dataset, match=match)


def movement_pack(dataset: Dataset, recording: str) -> bytes:
    """time (s) and ψ of the valid frames of a recording, thinned to `MOST_FRAMES`."""
    return _movement((dataset.key, recording), _dataset=dataset)


@st.cache_resource(max_entries=6, show_spinner=False)
def _movement(key: tuple[str, str], *, _dataset: Dataset) -> bytes:
    frames = _dataset.frames(key[1])
    rows = np.flatnonzero(frames.valid)
    rows = rows[:: max(1, -(-len(rows) // MOST_FRAMES))]
    steps, scale = quantised(frames.psi[rows].T)
    return pack({}, time=frames.time_s[rows].astype(np.float32), psi=np.ascontiguousarray(steps.T), scale=scale)


def edited_tiers(table: pd.DataFrame, recording: str) -> list[dict[str, Any]]:
    """The tiers of a set for the view, those of regions always among them; the words that each offers."""
    own = table[table["recording"] == recording]
    names = tier_names(pd.concat([pd.DataFrame({TIER: list(TRACK_REGIONS)}), table]), TRACK_REGIONS)
    return [_tier(name, own[own[TIER] == name], edited=True, words=_words(name, table)) for name in names]


def _words(tier: str, table: pd.DataFrame) -> list[str]:
    """Labels of a tier: those that it has, the most frequent first, then those that it may have."""
    there = table.loc[table[TIER] == tier, LABEL].value_counts().index.tolist()
    return list(dict.fromkeys([*there, *(WORDS[tier] if tier in FACE_REGIONS else ())]))[:60]


def _tier(name: str, rows: pd.DataFrame, *, edited: bool, words: Sequence[str] = ()) -> dict[str, Any]:
    made = [
        {"tier": name, "on": round(1000 * on), "off": round(1000 * off), "label": str(label), "source": str(source)}
        for on, off, label, source in zip(rows["onset_s"], rows["offset_s"], rows[LABEL], rows[SOURCE], strict=True)
    ]
    return {"name": name, "edited": edited, "words": list(words), "rows": made}


def other_tiers(table: pd.DataFrame, recording: str, name: str) -> list[dict[str, Any]]:
    """The tiers of another set, to compare with."""
    own = table[table["recording"] == recording]
    return [_tier(f"{tier}, {name}", own[own[TIER] == tier], edited=False) for tier in tier_names(own, TRACK_REGIONS)]


def tiers_below(choice: Choice, recording: str) -> list[dict[str, Any]]:
    """Action units, codewords and syllables of the recording, where they are there."""
    return [*_units(choice, recording), *_codewords(choice, recording), *_syllables(choice, recording)]


def _rows(spans: Sequence[tuple[float, float, str]]) -> pd.DataFrame:
    return pd.DataFrame(spans, columns=["onset_s", "offset_s", LABEL]).assign(**{SOURCE: "computed"})


def _units(choice: Choice, recording: str) -> list[dict[str, Any]]:
    dataset = choice.open_dataset()
    aus = aus_beside(dataset)
    if aus is None or recording not in aus.recordings:
        return []
    part = aus.recording(recording)
    time_s = dataset.frames(recording).at(part.frame).time_s
    if len(time_s) < 2:
        return []
    edge = np.r_[time_s, time_s[-1] + frame_step(time_s)]
    shown = present(part.presence, part.intensity)
    found = []
    begun = (np.diff(shown.astype(np.int8), axis=0) > 0).sum(0)
    for column in np.argsort(-begun, kind="stable")[:_BELOW].tolist():
        label = action_label(*aus.aus[column])
        spans = [(edge[a], edge[b], label) for on, a, b in state_runs(shown[:, column].astype(np.int64)) if on]
        found.append(_tier(label, _rows(spans), edited=False))
    return [tier for tier in found if tier["rows"]]


def _codewords(choice: Choice, recording: str) -> list[dict[str, Any]]:
    if not choice.encoded:
        return []
    index = choice.open_intervals()
    there = index.presence.loc[index.presence["recording"] == recording, "codeword"].tolist()
    runs = {int(k): (own := index.runs(int(k)))[own["recording"] == recording] for k in there}
    found = []
    for codeword in sorted(runs, key=lambda k: len(runs[k]), reverse=True)[:_BELOW]:
        own = runs[codeword]
        spans = [(a, b, f"codeword {codeword}") for a, b in zip(own["start_s"], own["end_s"], strict=True)]
        found.append(_tier(f"codeword {codeword}", _rows(spans), edited=False))
    return found


def _syllables(choice: Choice, recording: str) -> list[dict[str, Any]]:
    if not choice.encoded:
        return []
    try:
        found = open_syllables(choice.open_tokens())
    except DataError:  # none for these tokens
        return []
    if found is None:
        return []
    own = found.segments[(found.segments["recording"] == recording) & (found.segments["syllable"] > 0)]
    spans = [(a, b, f"syllable {k}") for a, b, k in zip(own["start_s"], own["end_s"], own["syllable"], strict=True)]
    return [_tier("syllables", _rows(spans), edited=False)]


def label_colours(tiers: Sequence[dict[str, Any]]) -> dict[str, str]:
    """A colour for each label, by tier in the order of the words that it offers."""
    found: dict[str, str] = {}
    for tier in tiers:
        labels = list(dict.fromkeys([*tier["words"], *(row["label"] for row in tier["rows"])]))
        for number, label in enumerate(label for label in labels if label not in found):
            found[label] = CATEGORIES[number % len(CATEGORIES)]
    return found
