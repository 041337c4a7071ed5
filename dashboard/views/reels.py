"""Movements for the reel view: one pack of ψ over time for each face they are played on."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from dfe_core.faces.model import FaceModel
from dfe_core.motion.identity import identity_template
from dfe_core.motion.timeline import Timeline, Track
from dfe_core.ontology import ACTION_UNITS

from ..data import media
from ..data.packs import pack
from . import browser_views

_PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#AA4499", "#999933")


def show(
    faces: list[tuple[FaceModel, np.ndarray, str]],
    time_s: np.ndarray,
    timeline: Timeline | None,
    key: str,
    alt: str,
    height: int = 400,
) -> None:
    """Play (T, E) ψ on each face beside the others, with the timeline's tracks below."""
    arrays = {f"psi{i}": psi.astype(np.float32) for i, (_, psi, _) in enumerate(faces)}
    data = pack({}, time=time_s.astype(np.float32), **arrays)
    browser_views.reel(
        key=key,
        data={
            "reel": media.address(data, "application/octet-stream"),
            "height": height,
            "alt": alt,
            "faces": [{"face": media.face_address(face), "title": title} for face, _, title in faces],
            "tracks": tracks(timeline),
        },
    )


def tracks(timeline: Timeline | None) -> list[dict[str, Any]]:
    """The tracks as lanes."""
    return (
        []
        if timeline is None
        else [
            {
                "label": label(track),
                "onset": track.onset_s,
                "apex": track.apex_s,
                "offset": track.offset_s,
                "end": track.end_s,
                "intensity": track.intensity,
                "colour": _PALETTE[i % len(_PALETTE)],
            }
            for i, track in enumerate(timeline.tracks)
        ]
    )


def label(track: Track) -> str:
    """``AU12 left · lip corner puller``."""
    unit = ACTION_UNITS.get(track.target) if track.kind == "action" else None
    return f"{track.label} · {unit.title}" if unit else track.label[:1].upper() + track.label[1:]


def person(face: FaceModel, parameters: dict[str, float]) -> FaceModel:
    """The face of another person: the same expressions on another neutral."""
    moved = {name: value for name, value in parameters.items() if value}
    if not moved:
        return face
    name = "-".join(f"{k}{v:.2f}" for k, v in sorted(moved.items()))
    return dataclasses.replace(face, id=f"{face.id}~{name}"[:100], template=identity_template(face, moved))
