"""A recording for the player: ψ, tokens, the error after every stage, what else moves, as one pack for the browser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from dfe_core.channels.measures import measure_stretch
from dfe_core.channels.series import channel_series
from dfe_core.channels.sources import channel_sources
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.facs.store import AlignedAus, list_aligned
from dfe_core.render.recording_pack import recording_arrays
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.stage_usage import error_by_stage

from .channel_lanes import au_lane, channel_lanes, filled_lane, pack_parts
from .packs import pack

PART = 18_000
"""Frames in one part: ten minutes at 30 a second, 3 MB for the browser."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Track:
    """Frames of a recording that have tokens: data (the pack), frame (T,) their numbers, time_s (T,), tokens (T, N),
    error_mm (T, N); lanes: labels of what else is shown over time; measures (M,) of the whole recording, as
    `CHANNEL_MEASURES` names them."""

    data: bytes
    frame: np.ndarray
    time_s: np.ndarray
    tokens: np.ndarray
    error_mm: np.ndarray
    part: int
    parts: int
    lanes: tuple[str, ...]
    measures: np.ndarray


def track(
    dataset: Dataset,
    tokens: TokenCache,
    codebook: Codebook,
    face: FaceModel,
    recording: str,
    part: int = 0,
    aus: AlignedAus | None = None,
) -> Track:
    """Part `part` of a recording, with a lane of action units where they are given. Raises `DataError` when it has no
    tokens, or tokens of frames that are not there."""
    key = (dataset.key, str(tokens.path), codebook.key, channel_sources(dataset).key, "" if aus is None else aus.key)
    return _track(key, recording, part, _dataset=dataset, _tokens=tokens, _codebook=codebook, _face=face, _aus=aus)


def aus_beside(dataset: Dataset) -> AlignedAus | None:
    """The action units that are shown beside tokens: of a tool before those derived from coefficients, then by name."""
    fitting = []
    for name in list_aligned(dataset.name, dataset.root):
        try:
            aus = AlignedAus.open(dataset.name, name, dataset.root)
        except DataError:  # broken ones are named where they are chosen
            continue
        fitting += [aus] if aus.matches(dataset) else []
    return min(fitting, key=lambda aus: aus.estimate, default=None)


@st.cache_resource(max_entries=6, show_spinner=False)
def _track(
    key: tuple[str, ...],
    recording: str,
    part: int,
    *,
    _dataset: Dataset,
    _tokens: TokenCache,
    _codebook: Codebook,
    _face: FaceModel,
    _aus: AlignedAus | None,
) -> Track:
    found, frames = _tokens.recording(recording), _dataset.frames(recording)
    psi = frames.at(found.frame).psi
    error = error_by_stage(_codebook, found, psi, _face)
    parts = max(1, -(-len(psi) // PART))
    keep = slice(min(part, parts - 1) * PART, (min(part, parts - 1) + 1) * PART)
    series = channel_series(_dataset, recording, channel_sources(_dataset))
    lanes = channel_lanes(series, frames.rows(found.frame)[keep])
    units = None if _aus is None else au_lane(_aus, recording, found.frame[keep])
    lanes = lanes if units is None else [units, *lanes]
    rows = frames.rows(found.frame)[keep]
    gaps = filled_lane(_dataset.extras(recording), rows, frames.time_s) if "filled" in _dataset.manifest else None
    lanes = lanes if gaps is None else [*lanes, gaps]
    header, curves = pack_parts(lanes, found.time_s[keep])
    data = pack(
        header,
        channels=curves,
        **recording_arrays(
            found.time_s[keep],
            psi[keep],
            tokens=found.tokens[keep],
            intensities=found.intensities[keep],
            levels=_tokens.levels,
            error=error[keep],
        ),
    )
    return Track(
        data=data,
        frame=found.frame[keep],
        time_s=found.time_s[keep],
        tokens=found.tokens[keep],
        error_mm=error[keep],
        part=min(part, parts - 1),
        parts=parts,
        lanes=tuple(lane.label for lane in lanes),
        measures=measure_stretch(series, slice(0, len(series.time_s)))[0],
    )
