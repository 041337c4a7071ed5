"""Action units as expressions of a face: what a name such as ``AU12 left`` stands for in ψ."""

from __future__ import annotations

import numpy as np

from dfe_core.errors import DataError
from dfe_core.facs.action_units import au_coefficient_map
from dfe_core.ontology import ACTIONS, SAME_DIRECTION, action_label, normalise_au


def action_directions(names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """(E,) float32 ψ at full intensity by label, for every action unit and side that these coefficients can show and
    that has a direction of its own. Empty for coefficients that are not ARKit's."""
    where = au_coefficient_map(names)
    found = {action_label(au, side): where.weights(au, side) for au, side in ACTIONS if au not in SAME_DIRECTION}
    return {label: psi for label, psi in found.items() if psi is not None}


def action_psi(names: tuple[str, ...], au: str, side: str = "both") -> np.ndarray:
    """(E,) float32 ψ of one action unit at full intensity.

    Raises `DataError` for a code that is none, or that these coefficients cannot show on that side.
    """
    code = normalise_au(au)
    if code is None:
        raise DataError(repr(au), "no action unit of this name", "a code such as AU12")
    psi = au_coefficient_map(names).weights(code, side)
    if psi is None:
        raise DataError(
            action_label(code, side),
            "these coefficients cannot show it",
            ", ".join(action_directions(names)) or "ARKit coefficients",
        )
    return psi
