"""Emotion prototypes and the pain score as formulas over AUs. The sets disagree: name the source beside any score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Prototype:
    """An emotion's AU set after one source."""

    emotion: str
    aus: tuple[str, ...]
    source: str


_SOURCES = {
    "EMFACS": "the table usually called EMFACS, as Wikipedia's Facial Action Coding System has it",
    "OpenDBM": "AiCure OpenDBM 2.0, Emotional expressivity",
    "FACS 11-1": "strongest combinations of FACS Table 11-1 (Ekman & Friesen 1978), after MPR-online issue 4 art. 3",
}
_SETS = {
    "EMFACS": {
        "happiness": "6 12",
        "sadness": "1 4 15",
        "surprise": "1 2 5 26",
        "fear": "1 2 4 5 7 20 26",
        "anger": "4 5 7 23",
        "disgust": "9 15 16",
        "contempt": "12 14",
    },
    "OpenDBM": {
        "happiness": "6 12",
        "sadness": "1 4 15",
        "surprise": "1 2 5 26",
        "fear": "1 2 4 5 7 20 26",
        "anger": "4 5 7 23",
        "disgust": "9 15 16",
        "contempt": "12 14",
    },
    "FACS 11-1": {
        "happiness": "6 12 25",
        "sadness": "1 4 15",
        "surprise": "1 2 5 26",
        "fear": "1 2 4 5 20 25",
        "anger": "4 5 7 24",
        "disgust": "4 10 17",
    },
}
PROTOTYPES = tuple(
    Prototype(emotion, tuple(f"AU{n}" for n in numbers.split()), _SOURCES[key])
    for key, sets in _SETS.items()
    for emotion, numbers in sets.items()
)
"""In EMFACS contempt is one-sided (R12A + R14A)."""


@dataclass(frozen=True)
class PainScore:
    """PSPI per frame with its top of scale: 16, or 15 where AU43 is not measured."""

    score: np.ndarray
    maximum: int


def pspi(intensity: dict[str, np.ndarray], closed: np.ndarray | None = None) -> PainScore:
    """Prkachin–Solomon Pain Intensity: AU4 + max(AU6, AU7) + max(AU9, AU10) + AU43.

    Prkachin & Solomon 2008, Pain 139(2):267–274. `intensity` maps AU4, AU6, AU7, AU9, AU10 to (T,) values 0–5; `closed`
    is AU43 as (T,) 0 or 1, left out where the tool has none. There is no cut-off in the formula. NaN in, NaN out.
    """
    score = (
        intensity["AU4"]
        + np.maximum(intensity["AU6"], intensity["AU7"])
        + np.maximum(intensity["AU9"], intensity["AU10"])
    )
    return PainScore(score, 15) if closed is None else PainScore(score + closed, 16)
