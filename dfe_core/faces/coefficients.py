"""Faces that are coefficients alone: FLAME's and BFM's model files are licensed and the user's own, their coefficients
are not."""

from __future__ import annotations

import re

import numpy as np

from dfe_core.faces.model import FaceModel

JAW = ("jaw_x", "jaw_y", "jaw_z")
"""FLAME's jaw pose as an axis-angle vector, radians; opening is +x."""


def flame_names(expressions: int) -> tuple[str, ...]:
    """``exp_000`` … then the three jaw angles: the order of ψ of FLAME data."""
    return (*(f"exp_{i:03d}" for i in range(expressions)), *JAW)


def flame_id(expressions: int) -> str:
    """The id of the FLAME coefficient space with so many expression components, e.g. ``flame-50+jaw``."""
    return f"flame-{expressions}+jaw"


BFM_EXPRESSIONS = 64
"""Expression components of the Basel Face Model as Deep3DFaceRecon uses it (Guo et al. 2018 onto BFM 2009)."""
BFM_ID = f"bfm-{BFM_EXPRESSIONS}"


def bfm_names() -> tuple[str, ...]:
    """``bfm_00`` … ``bfm_63``: the order of ψ of Deep3DFaceRecon's data."""
    return tuple(f"bfm_{i:02d}" for i in range(BFM_EXPRESSIONS))


def coefficient_face(face_id: str) -> FaceModel | None:
    """The face without a mesh that an id names (``flame-50+jaw``, ``bfm-64``), None for others."""
    if face_id == BFM_ID:
        return bare_face(BFM_ID, f"BFM coefficients ({BFM_EXPRESSIONS} expression), no mesh", bfm_names())
    match = re.fullmatch(r"flame-(\d{1,3})\+jaw", face_id)
    if not match or not 1 <= int(match[1]) <= 100:
        return None
    return bare_face(
        flame_id(int(match[1])),
        f"FLAME coefficients ({match[1]} expression, 3 jaw), no mesh",
        flame_names(int(match[1])),
    )


def bare_face(face_id: str, title: str, names: tuple[str, ...]) -> FaceModel:
    """A `FaceModel` with coefficients but no vertices: it trains and tokenises in ψ and draws nothing."""
    empty = np.zeros(0, np.uint8)
    return FaceModel(
        id=face_id,
        title=title,
        names=names,
        template=np.zeros((0, 3), np.float32),
        triangles=np.zeros((0, 3), np.int32),
        basis=np.zeros((len(names), 0, 3), np.float32),
        mirror=np.zeros(0, np.int32),
        regions=empty,
        sides=empty,
        materials=empty,
    )
