"""How far the brows, the eyes, the mouth and the head have moved from rest, in mm (degrees for the head), by frame.

Letters of the shapes: T frames, E coefficients, D dimensions of a region, V vertices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from dfe_core.errors import DataError
from dfe_core.expressions.columns import arkit_columns
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.head_pose import head_pose
from dfe_core.expressions.neutral import calm_frames, resting_face, thinned
from dfe_core.faces.model import FaceModel
from dfe_core.tokenizer.mesh_inner_product import mesh_factor

HEAD = "head"
FACE_REGIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "brow": ("brow",),
        "eye": ("eye",),
        "cheek": ("cheek", "nose"),
        "mouth": ("upper lip", "lower lip", "mouth corner", "jaw"),
    }
)
"""The regions of the mesh that each track of the face is measured on."""
TRACK_REGIONS = (*FACE_REGIONS, HEAD)
"""Tiers that are found, in the order they are shown."""
_KEPT = 0.999
"""Share of the movement of a region that its dimensions keep."""
FEWEST = 30
"""Frames that a recording must have to be followed."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RegionSpace:
    """Coordinates of one region.

    Attributes
    ----------
    region: its name. factor: (E, D) ψ to coordinates whose length is the root mean square over the region's vertices of
    their displacement, mm.
    """

    region: str
    factor: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class RegionMovement:
    """The movement of one region in one recording.

    Attributes
    ----------
    recording, region: their names.
    time_s: (T,) of its valid frames.
    values: (T, D) float64 from rest, mm (degrees for the head).
    """

    recording: str
    region: str
    time_s: np.ndarray
    values: np.ndarray


def region_spaces(face: FaceModel) -> dict[str, RegionSpace]:
    """The coordinates of every region of a face by name.

    Of ARKit coefficients, each counts in the region that it moves most, so that a smile which pushes the cheeks up does
    not count as an eye that moves, and gaze, which turns eyeballs, not as lids; of others, all count everywhere.
    Raises `DataError` without a mesh.
    """
    if not face.has_mesh:
        raise DataError(face.id, "no mesh, and so no regions", "a face with a mesh")
    grams = {name: _gram(face, own) for name, own in tracks_of(face).items()}
    grams["other"] = _gram(face, ("other",))
    size = np.stack([np.diag(gram) for gram in grams.values()])
    most = size.argmax(0)
    found = {}
    for number, name in enumerate(tracks_of(face)):
        own = most == number if arkit_columns(face.names) else np.ones(face.coefficients, bool)
        factor = mesh_factor(grams[name] * own[:, None] * own[None]) * 1e3
        strength = (factor**2).sum(0)
        order = np.argsort(-strength)
        share = np.cumsum(strength[order]) / max(strength.sum(), 1e-30)
        found[name] = RegionSpace(region=name, factor=factor[:, order[: int(np.searchsorted(share, _KEPT)) + 1]])
    return found


def tracks_of(face: FaceModel) -> dict[str, tuple[str, ...]]:
    """The tracks of a face and the regions that each is measured on: `FACE_REGIONS`; of a face with regions of a lab's
    own, those of both that it has."""
    if not face.own_regions:
        return dict(FACE_REGIONS)
    every = dict(FACE_REGIONS) | {name: (*FACE_REGIONS.get(name, ()), name) for name in face.own_regions}
    there = {face.region_names[code] for code in np.unique(face.regions)}
    return {name: own for name, own in every.items() if there & set(own)}


def _gram(face: FaceModel, regions: tuple[str, ...]) -> np.ndarray:
    """(E, E) `FaceModel.gram` over the vertices of some regions alone."""
    own = np.isin(face.regions, [face.region_names.index(name) for name in regions if name in face.region_names])
    flat = face.basis[:, own].reshape(face.coefficients, -1).astype(np.float64)
    return flat @ flat.T / max(int(own.sum()), 1)


def region_movement(dataset: Dataset, recording: str, spaces: Mapping[str, RegionSpace]) -> list[RegionMovement]:
    """The movement of each region in the valid frames of a recording; the head's where the recording holds head pose.

    Rest is the face that the recording returns to (`neutral.resting_face`).
    """
    frames = dataset.frames(recording)
    valid = frames.valid
    if valid.sum() < FEWEST:
        return []
    values = {name: frames.psi[valid].astype(np.float64) @ space.factor for name, space in spaces.items()}
    extractor = str(dataset.recordings.set_index("recording").at[recording, "extractor"])
    pose = head_pose(dataset.extras(recording), extractor)
    if pose is not None and np.isfinite(pose.angles[valid]).all():
        values[HEAD] = np.degrees(pose.angles[valid])
    time_s = frames.time_s[valid]
    return [
        RegionMovement(recording=recording, region=name, time_s=time_s, values=from_rest(own, time_s))
        for name, own in values.items()
    ]


def from_rest(values: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(T, D) values less those at rest."""
    calm = values[calm_frames(values[:, None], time_s)]
    return values - resting_face(calm[thinned(len(calm), values.shape[1])][:, None])[0]
