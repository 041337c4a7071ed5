"""From the coefficient names that data carries to the coefficients of a face: a matrix, and what it leaves behind."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from dfe_core.faces.arkit import canonical_name
from dfe_core.faces.model import FaceModel


def coefficient_map(source_names: Sequence[str], face: FaceModel) -> tuple[np.ndarray, list[str]]:
    """How data with other names drives a face: ``psi = values @ matrix``.

    A coefficient goes to the one of the same name, else to those that mean the same ARKit action. One that the face
    splits into sides (browInnerUp on ICT-FaceKit) drives both fully; two sides that the face does not split drive it
    by half each, so that both at 1 give 1.

    Returns
    -------
    (S, E) float32, and the source names that nothing on the face answers to (tongueOut on ICT-FaceKit).
    """
    exact = {name: i for i, name in enumerate(face.names)}
    by_key: dict[tuple[str, str], int] = {key: i for i, name in enumerate(face.names) if (key := _key(name))}
    matrix, missing = np.zeros((len(source_names), face.coefficients), np.float32), []
    for row, name in enumerate(source_names):
        targets = {exact[name]: 1.0} if name in exact else _targets(_key(name), by_key)
        for column, weight in targets.items():
            matrix[row, column] = weight
        if not targets:
            missing.append(name)
    return matrix, missing


def _targets(key: tuple[str, str] | None, by_key: dict[tuple[str, str], int]) -> dict[int, float]:
    """Column and weight of every coefficient that answers to a key."""
    if key is None:
        return {}
    if key in by_key:
        return {by_key[key]: 1.0}
    action, side = key
    if side:
        return {by_key[action, ""]: 0.5} if (action, "") in by_key else {}
    return {by_key[action, s]: 1.0 for s in ("left", "right") if (action, s) in by_key}


def _key(name: str) -> tuple[str, str] | None:
    """What a name means: an ARKit action with side "", or one side of an action that ARKit does not split."""
    if whole := canonical_name(name):
        return whole, ""
    match = re.fullmatch(r"(.+?)[ _.-]?(?:(left|Left)|(right|Right)|([Ll])|([Rr]))", name)
    if match is None:
        return None
    action = canonical_name(match[1])
    return (action, "left" if match[2] or match[4] else "right") if action else None
