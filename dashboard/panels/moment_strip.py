"""Moments of recordings as a strip of faces, or as links where the face has no mesh; a click opens the recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel

from ..data import media, moment_courses
from ..links import routes
from ..theme.formatting import clock
from ..views import browser_views
from . import mixes


@dataclass(frozen=True, kw_only=True)
class MomentPicture:
    """One moment: recording and second; psi (E,) of its face; note under it; words that say it without the picture;
    what of the video's frame the strip needs besides."""

    recording: str
    peak_s: float
    psi: np.ndarray
    note: str
    words: str
    still: Mapping[str, Any] = field(default_factory=dict)


def show(key: str, face: FaceModel, moments: Sequence[MomentPicture], dataset: Dataset) -> None:
    """Draw the strip; a click on a moment opens its recording there. Pointed at, a face shows what it did around its
    moment."""
    if not face.has_mesh:
        for moment in moments:
            at = f"{moment.recording} {clock(moment.peak_s)} · {moment.words}"
            routes.link("recordings", at, recording=moment.recording, t=round(moment.peak_s, 3))
        return
    items = [
        {
            "psi": mixes.rounded(moment.psi),
            "title": moment.recording,
            "note": f"{clock(moment.peak_s)}{f' · {moment.note}' if moment.note else ''}",
            "alt": f"{moment.recording} at {clock(moment.peak_s)}, {moment.words}",
            **moment.still,
        }
        for moment in moments
    ]
    around = moment_courses.courses(dataset, tuple((moment.recording, moment.peak_s) for moment in moments))
    data = {
        "face": media.face_address(face),
        "items": items,
        "movements": media.address(moment_courses.courses_pack(around), "application/octet-stream"),
    }
    with st.container():
        picked = browser_views.strip(key=key, data=data, on_pick_change=lambda: None).pick
    if picked is not None and picked < len(moments):
        routes.go("recordings", recording=moments[picked].recording, t=round(moments[picked].peak_s, 3))
