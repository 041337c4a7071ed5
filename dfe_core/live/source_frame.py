"""One frame of a live source, whichever it is, and what is wrong with a packet that is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfe_core.expressions.validation import ARKIT_LIMITS
from dfe_core.faces.arkit import ARKIT_NAMES, canonical_name
from dfe_core.text_enum import StrEnum

INDEX = {name: i for i, name in enumerate(ARKIT_NAMES)}
"""Where each of ARKit's coefficients is in the values of a frame."""


class PacketFault(StrEnum):
    """What is wrong with a packet."""

    SHORT = "too short"
    VERSION = "of another version"
    TEXT = "a text that is none"
    TIME = "no frame time"
    SIZE = "of another size"
    VALUE = "a value that is no number, or out of range"
    ADDRESS = "no OSC address"
    TYPES = "no OSC types"
    DEPTH = "too many OSC messages, or too deep"


class PacketError(ValueError):
    """A packet that cannot be read: it is counted by its fault and passed over."""

    def __init__(self, fault: PacketFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceFrame:
    """What a source sends of one moment.

    values: (S,) float32 of ARKit's coefficients in the order of `ARKIT_NAMES`, None where no face is in the picture.
    time_s: of the source's own clock, None where it sends none. pose: pitch, yaw and roll of the head in radians, None
    where they are not sent. subject: whose face, empty where the source does not say.
    """

    values: np.ndarray | None
    time_s: float | None = None
    pose: tuple[float, float, float] | None = None
    subject: str = ""


def checked_values(values: np.ndarray) -> np.ndarray:
    """(S,) float32 as an import takes them: a little below 0 is 0. Raises `PacketError` for what no coefficient can
    be."""
    low, high = ARKIT_LIMITS
    with np.errstate(invalid="ignore", over="ignore"):
        found = np.asarray(values, np.float32)
        if not ((found >= low) & (found <= high)).all():
            raise PacketError(PacketFault.VALUE)
    return np.maximum(found, np.float32(0))


def arkit_place(spelling: str) -> int:
    """The place of a coefficient among the values by any tool's spelling of it, −1 for none."""
    name = canonical_name(spelling)
    return INDEX.get(name, -1) if name else -1
