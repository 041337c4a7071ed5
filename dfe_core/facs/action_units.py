"""Action units on a face: where ARKit's coefficients lie among its own, and which detector emits which AUs.

The vocabulary itself (codes, names, recipes, with their sources) is `dfe_core.ontology`. Its correspondence of ARKit
coefficients to FACS is anatomical and judged by hand, not peer reviewed and not from Apple: it serves naming, templates
and estimates, never as a measurement.

An action unit is written ``AU12`` (descriptor: ``AD30``), a side ``left``, ``right`` or ``both``, the face's own left.
An AU whose sides ARKit controls apart has the columns left and right; one with a single control has the column both.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from dfe_core.expressions.columns import arkit_columns, split_side
from dfe_core.ontology import ACTIONS


@dataclass(frozen=True)
class CoefficientMap:
    """Where each ARKit coefficient lies among a face's own names: ARKit name to column indices (two where the face
    splits one control, as ICT-FaceKit does browInnerUp and cheekPuff)."""

    names: tuple[str, ...]
    where: MappingProxyType[str, tuple[int, ...]]

    def weights(self, au: str, side: str) -> np.ndarray | None:
        """(E,) float32 ψ of the AU at full intensity on these names; None where they cannot show it."""
        parts = self._parts(au, side)
        if parts is None:
            return None
        psi = np.zeros(len(self.names), np.float32)
        for indices, weight in parts:
            psi[list(indices)] = weight
        return psi

    def _parts(self, au: str, side: str) -> list[tuple[tuple[int, ...], float]] | None:
        if (au, side) in ACTIONS:
            found = [(self.where.get(name, ()), weight) for name, weight in ACTIONS[au, side].items()]
        elif (au, "both") in ACTIONS and side in ("left", "right"):
            found = [(self._one_side(name, side), weight) for name, weight in ACTIONS[au, "both"].items()]
        else:
            return None
        return found if all(indices for indices, _ in found) else None

    def _one_side(self, name: str, side: str) -> tuple[int, ...]:
        indices = self.where.get(name, ())
        return tuple(i for i in indices if len(indices) == 2 and split_side(self.names[i])[1] == side)


def au_coefficient_map(names: tuple[str, ...]) -> CoefficientMap:
    """Find the ARKit coefficients among `names`, in any usual spelling; names that are none of them are left out."""
    return CoefficientMap(tuple(names), MappingProxyType(arkit_columns(tuple(names))))


@dataclass(frozen=True, kw_only=True)
class Emission:
    """What one detector can emit: an AU outside `aus` is not measured by it, never missed."""

    tool: str
    aus: tuple[str, ...]
    scale: str
    source: str


def _codes(numbers: str) -> tuple[str, ...]:
    return tuple(f"AU{n}" for n in numbers.split())


EMISSIONS = MappingProxyType(
    {
        e.tool: e
        for e in (
            Emission(
                tool="openface-r",
                aus=_codes("1 2 4 5 6 7 9 10 12 14 15 17 20 23 25 26 45"),
                scale="intensity 0–5",
                source="OpenFace wiki, Action Units; header of its output",
            ),
            Emission(
                tool="openface-c",
                aus=_codes("1 2 4 5 6 7 9 10 12 14 15 17 20 23 25 26 28 45"),
                scale="presence 0/1",
                source="OpenFace wiki, Action Units; trained apart from the intensities: the two may disagree",
            ),
            Emission(
                tool="openface-3",
                aus=_codes("1 2 4 6 9 12 25 26"),
                scale="score 0–1",
                source="inferred from OpenFace 3's training script: DISFA's eight AUs, in this order",
            ),
            Emission(
                tool="py-feat",
                aus=_codes("1 2 4 5 6 7 9 10 11 12 14 15 17 20 23 24 25 26 28 43"),
                scale="probability 0–1",
                source="py-feat feat/multitask/MODEL_CARD.md; a probability, not a FACS intensity",
            ),
            Emission(
                tool="libreface-intensity",
                aus=_codes("1 2 4 5 6 9 12 15 17 20 25 26"),
                scale="intensity 0–5",
                source="LibreFace AU_Recognition/solver_inference.py",
            ),
            Emission(
                tool="libreface-detection",
                aus=_codes("1 2 4 6 7 10 12 14 15 17 23 24"),
                scale="presence 0/1",
                source="LibreFace AU_Detection/solver_inference.py",
            ),
        )
    }
)

DETECTOR_CAVEAT = (
    "AU detectors are often wrong: macro-F1 on DISFA+ is between 0.25 and 0.69 over current tools "
    "(py-feat's model card and cross-tool comparison), so the detector bounds any agreement."
)
SIMULATED_DETECTOR_CAVEAT = (
    "A simulated detector reported these AUs of simulated people: without sides, blind to what OpenFace does not "
    "report, and with errors as large as those that were measured on real detectors."
)
ESTIMATE_CAVEAT = (
    "These AUs are an estimate from ARKit coefficients by a hand-made table, not FACS coding: a linear "
    "fit of AUs on ARKit coefficients reaches R² 0.24 out of sample (py-feat)."
)
