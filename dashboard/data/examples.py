"""Faces given as an example: a moment of a recording, or coefficients set by sliders; both stand in the link."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dfe_core.faces.arkit import ARKIT_NAMES
from dfe_core.faces.model import mirrored_name

from . import artefact_cache

GROUPS = {
    "Brows": ("brow",),
    "Eyes": ("eye",),
    "Cheeks": ("cheek", "nose"),
    "Mouth": ("mouth",),
    "Jaw": ("jaw", "tongue"),
}
"""Coefficients by what their names begin with."""
LEAST = 0.03
"""Coefficients of a face nearer to rest than this are left out of a link."""


def grouped(names: tuple[str, ...]) -> dict[str, list[str]]:
    """Coefficients by part of the face; those that no part claims are under “Other”. Empty parts are left out."""
    found: dict[str, list[str]] = {group: [] for group in (*GROUPS, "Other")}
    for name in names:
        group = next((g for g, starts in GROUPS.items() if name.lower().startswith(starts)), "Other")
        found[group].append(name)
    return {group: members for group, members in found.items() if members}


def most_moved(shape: Mapping[str, float]) -> str:
    """The part of the face that holds the largest coefficient of a shape; empty for a face at rest."""
    if not shape:
        return ""
    largest = max(shape, key=lambda name: abs(shape[name]))
    return next(iter(grouped((largest,))))


def in_rows(names: list[str]) -> list[tuple[str, ...]]:
    """Coefficients two in a row, the left and the right one of a movement beside each other."""
    rows: list[tuple[str, ...]] = []
    waiting: list[str] = []
    for name in names:
        other = mirrored_name(name, tuple(names))
        if other == name:
            waiting.append(name)
        elif names.index(name) < names.index(other):
            rows.append((name, other))
    return rows + [tuple(waiting[i : i + 2]) for i in range(0, len(waiting), 2)]


def ranges(names: tuple[str, ...], codewords: np.ndarray) -> dict[str, tuple[float, float]]:
    """From where to where each coefficient is set. codewords: (K, E) their coefficients.

    ARKit's go from 0 to 1; those of other faces (principal components) have no such limits and move both ways: as far
    as the codeword that moves them most, in whole numbers."""
    far = np.ceil(np.maximum(np.abs(codewords).max(0), 1.0))
    return {
        name: (0.0, 1.0) if name in ARKIT_NAMES else (-float(reach), float(reach))
        for name, reach in zip(names, far, strict=True)
    }


def shape_of(text: str | None, limits: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """``jawOpen:0.5,browInnerUp:1`` as coefficients within their limits; what cannot be read is left out."""
    found = {}
    for part in (text or "").split(","):
        name, _, amount = part.partition(":")
        try:
            value = float(amount)
        except ValueError:
            continue
        low, high = limits.get(name, (0.0, 0.0))
        if value and low <= value <= high:
            found[name] = value
    return found


def unread(text: str | None, limits: Mapping[str, tuple[float, float]]) -> list[str]:
    """The parts of a link's face that `shape_of` leaves out, but for coefficients at rest."""
    parts = [part for part in (text or "").split(",") if part]
    return [part for part in parts if not shape_of(part, limits) and part.rpartition(":")[2].strip("0.")]


def within(names: tuple[str, ...], psi: np.ndarray, limits: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """ψ (E,) as coefficients within their limits, without those that hardly move."""
    shape = {n: round(float(np.clip(v, *limits[n])), 2) for n, v in zip(names, psi, strict=True)}
    return {name: value for name, value in shape.items() if abs(value) >= LEAST}


def written(shape: Mapping[str, float]) -> str | None:
    """The inverse of `shape_of`; None for a face at rest."""
    return ",".join(f"{name}:{value:g}" for name, value in shape.items() if value) or None


def psi_of(shape: Mapping[str, float], names: tuple[str, ...]) -> np.ndarray:
    """(E,) float32."""
    return np.array([shape.get(name, 0.0) for name in names], np.float32)


def moment_of(text: str | None, recordings: list[str]) -> tuple[str, float] | None:
    """``s01-1@12.5`` as a recording and its second, None when the link names none that is there."""
    name, at, seconds = (text or "").rpartition("@")
    try:
        time_s = float(seconds)
    except ValueError:
        return None
    return (name, time_s) if at and name in recordings and np.isfinite(time_s) else None


def frame_at(choice: artefact_cache.Choice, recording: str, time_s: float) -> tuple[np.ndarray, float]:
    """ψ (E,) of the frame nearest to a second, and its own second."""
    frames = choice.open_dataset().frames(recording)
    row = int(np.abs(frames.time_s - time_s).argmin())
    return frames.psi[row], float(frames.time_s[row])
