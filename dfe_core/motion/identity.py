"""The same expression on another face: another identity of the same model, or another model altogether."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dfe_core.errors import DataError
from dfe_core.faces.model import FaceModel
from dfe_core.faces.names import coefficient_map

MOST = 3.0
"""Identity parameters are taken up to this size: beyond it faces stop being faces."""


@dataclass(frozen=True)
class Transfer:
    """Expressions on another face: psi (…, E') float32; lost: coefficients in use that the other face has not;
    lost_share: their part of the mean displacement energy, measured on the face they came from."""

    psi: np.ndarray
    lost: tuple[str, ...]
    lost_share: float


def transfer(psi: np.ndarray, source: FaceModel, target: FaceModel) -> Transfer:
    """(…, E) expressions of one face to the coefficients of another, by the meaning of their names.

    Raises `DataError` when the faces share no coefficient.
    """
    psi = np.asarray(psi, np.float32)
    matrix, missing = coefficient_map(source.names, target)
    if len(missing) == len(source.names):
        raise DataError(target.id, f"no coefficient answers to those of {source.id}", "faces with ARKit coefficients")
    flat = psi.reshape(-1, source.coefficients)
    gone = np.zeros_like(flat)
    columns = [source.names.index(name) for name in missing]
    gone[:, columns] = flat[:, columns]
    lost = tuple(source.names[c] for c in columns if np.abs(flat[:, c]).max(initial=0) > 1e-3)
    return Transfer((flat @ matrix).reshape(*psi.shape[:-1], target.coefficients), lost, _share(gone, flat, source))


def identity_template(face: FaceModel, parameters: Mapping[str, float]) -> np.ndarray:
    """(V, 3) float32 m: the neutral face of a person with these identity parameters (0: the mean).

    Raises `DataError` for a parameter that the face has not or one beyond ±`MOST`.
    """
    template = face.template.astype(np.float64)
    for name, value in parameters.items():
        if name not in face.identity_names or face.identity_basis is None:
            raise DataError(
                f"{face.id}, {name}",
                "no such identity parameter",
                ", ".join(face.identity_names) or "a face with identity parameters",
            )
        if not abs(value) <= MOST:
            raise DataError(f"{face.id}, {name}", f"{value:g}", f"-{MOST:g} to {MOST:g}")
        template += value * face.identity_basis[face.identity_names.index(name)]
    return template.astype(np.float32)


def _share(part: np.ndarray, whole: np.ndarray, face: FaceModel) -> float:
    total = np.einsum("te,ef,tf->", whole, face.gram, whole)
    return float(np.einsum("te,ef,tf->", part, face.gram, part) / total) if total > 0 else 0.0
