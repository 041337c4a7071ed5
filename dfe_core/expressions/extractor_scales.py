"""Coefficients of several extractors in one dataset: refused, or brought to one range where the user asks for it.

Extractors of one family share the basis and differ in scale (the first FLAME expression reaches about 3.5 from DECA,
6.5 from EMOCA, 9 from SPECTRE). One factor an extractor is taken off; the jaw, in radians from all, stays. ARKit's
coefficients have a scale of their own, 1 being the whole action, and are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from dfe_core.expressions.recording import Recording
from dfe_core.faces.coefficients import JAW

SPACES = ("flame", "bfm")
"""Families whose extractors differ in scale."""
_APPS = ("live-link-face", "ifacialmocap", "face-cap")
"""Phone apps that write what Apple's ARKit tracks: one tool under three names."""
_UNTOLD = ("arkit", "gltf", "dfe")
"""What readers put down for files of ARKit's names that do not say what made them."""


def tool(space: str, extractor: str) -> str:
    """What tells extractors apart that must not be mixed; empty for ARKit data of which nobody knows what made them.

    space, extractor: as `Recording` has them.
    """
    if space != "arkit":
        return extractor
    known = extractor.lower()
    return "" if known in _UNTOLD else "Apple's ARKit" if known in _APPS else known


def common_scales(recordings: Iterable[Recording]) -> dict[str, float]:
    """Factors by extractor that give its expressions the root mean square of those of the first extractor met.

    Recordings are taken one at a time; those of other families than `SPACES`, and extractors whose expressions never
    leave 0, get none.
    """
    total: dict[str, np.ndarray] = {}
    for recording in recordings:
        if recording.space in SPACES:
            values = recording.psi[recording.valid][:, _expressions(recording)].astype(np.float64)
            sums = np.array([(values**2).sum(), values.size])
            total[recording.extractor] = total.get(recording.extractor, 0) + sums
    sizes = {name: float(np.sqrt(squares / count)) for name, (squares, count) in total.items() if squares > 0}
    first = next(iter(sizes.values()), 1.0)
    return {name: first / size for name, size in sizes.items()}


def rescaled(recording: Recording, scales: dict[str, float]) -> Recording:
    """The recording with its expressions multiplied by its extractor's factor, and a note that says so."""
    factor = scales.get(recording.extractor, 1.0)
    if recording.space not in SPACES or factor == 1.0:
        return recording
    weight = np.where(_expressions(recording), np.float32(factor), np.float32(1))
    return replace(
        recording,
        psi=recording.psi * weight,
        notes=(*recording.notes, f"Expressions times {factor:.4g}, {recording.extractor}'s factor."),
    )


def extractor_note(scales: dict[str, float], extractors: dict[str, str]) -> str:
    """What was done to every extractor, for people. extractors: a file of each, by name; scales: as `common_scales`
    gives them, empty where none was asked for."""
    if len(scales) < 2:
        named = ", ".join(f"{extractor} ({file} …)" for extractor, file in extractors.items())
        return (
            f"Recordings of several tools, taken as they are: {named}. Tools differ in what they see and how "
            "strongly they report it; the column extractor names the tool of each recording."
        )
    first, *rest = scales
    told = ", ".join(f"{name} times {scales[name]:.4g}" for name in rest)
    return (
        f"Extractors mixed as asked, expressions brought to the root mean square of {first}'s: {told}. "
        "What one extractor smooths away and another does not is still in the data."
    )


def _expressions(recording: Recording) -> np.ndarray:
    """(E,) whether a coefficient is an expression."""
    return np.array([name not in JAW for name in recording.names])
