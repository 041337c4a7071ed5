"""What simulated people do: actions, the ARKit coefficients that a tracker reports for each, and whole displays.

The secondary weights in `Action.recipe` are the cross-talk of face trackers (a smile reads a little as a cheek raise).
All rates, times and weights are chosen by hand to look like conversation; none is an estimate from people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from dfe_core.expressions.columns import arkit_columns

SIDES = ("both", "left", "right")
"""Sides of an event; the index is its code in `Events.side`."""


@dataclass(frozen=True)
class Action:
    """One thing a face does.

    Attributes
    ----------
    code: its FACS code, or a name of its own where FACS has none.
    recipe: coefficient to weight at full intensity; ``*`` in a name stands for Left or Right.
    rate: events a minute outside displays and speech.
    sides: ``whole`` (one control), ``paired`` (both sides, or one of them), ``single`` (always one side).
    dynamics: key of `DYNAMICS`.
    family: actions of one family share muscles and never overlap; its own code by default.
    """

    code: str
    recipe: dict[str, float]
    rate: float = 1.2
    sides: str = "whole"
    dynamics: str = "face"
    family: str = ""
    in_facs: bool = True

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """The sides it is driven by."""
        return ("both",) if self.sides == "whole" else ("left", "right")


@dataclass(frozen=True)
class Dynamics:
    """Median seconds of onset, hold and offset, and the spread of their logarithms."""

    onset_s: float
    hold_s: float
    offset_s: float
    spread: float = 0.35
    intensity: tuple[float, float] = (0.5, 5.0)


DYNAMICS = MappingProxyType({
    "face": Dynamics(0.30, 0.60, 0.50), "blink": Dynamics(0.08, 0.04, 0.14, 0.15, (4.2, 5.0)),
    "closed": Dynamics(0.18, 1.20, 0.25, 0.3, (4.2, 5.0)), "wink": Dynamics(0.12, 0.30, 0.18, 0.25, (3.5, 5.0)),
    "gaze": Dynamics(0.07, 0.90, 0.08, 0.45, (1.0, 4.0)), "brief": Dynamics(0.07, 0.07, 0.12, 0.2, (1.0, 3.0)),
    "syllable": Dynamics(0.09, 0.03, 0.10, 0.2, (0.3, 2.6))})
"""Onset about 0.3 s, faster than offset; a blink about 0.3 s in all; saccades within two frames; ``brief`` lasts under
half a second, as micro-expressions do."""

ONE_SIDED = 0.4
"""Share of a paired action's own events that are one-sided, half of them left."""


def _paired(code: str, stem: str, rate: float = 1.8, **also: float) -> Action:
    return Action(code, {f"{stem}*": 1.0, **{f"{k}*": v for k, v in also.items()}}, rate, "paired")


ACTIONS: tuple[Action, ...] = (
    Action("AU1", {"browInnerUp": 1.0}, 2.0),
    _paired("AU2", "browOuterUp", 2.0), _paired("AU4", "browDown", 2.5), _paired("AU5", "eyeWide"),
    _paired("AU6", "cheekSquint", 1.6, eyeSquint=0.10), _paired("AU7", "eyeSquint", 2.0),
    Action("AU8", {"mouthClose": 1.0}, 0.0),
    _paired("AU9", "noseSneer", 1.6, mouthUpperUp=0.12), _paired("AU10", "mouthUpperUp", 1.8),
    _paired("AU12", "mouthSmile", 3.0, cheekSquint=0.08, mouthDimple=0.06), _paired("AU14", "mouthDimple", 2.0),
    _paired("AU15", "mouthFrown", 1.8), _paired("AU16", "mouthLowerDown", 1.6),
    Action("AU17", {"mouthShrugLower": 1.0, "mouthShrugUpper": 0.4}), Action("AU18", {"mouthPucker": 1.0}, 1.0),
    Action("AD19", {"tongueOut": 1.0, "jawOpen": 0.15}, 0.5),
    _paired("AU20", "mouthStretch", 1.8), Action("AU22", {"mouthFunnel": 1.0}, 0.8), _paired("AU24", "mouthPress", 2.0),
    Action("AU26", {"jawOpen": 0.65}, 1.2), Action("AU28", {"mouthRollLower": 1.0, "mouthRollUpper": 0.9}),
    Action("AD29", {"jawForward": 1.0}, 0.8), Action("AD30", {"jaw*": 1.0}, 1.5, "single"),
    Action("AD34", {"cheekPuff": 1.0}, 0.8),
    Action("AU43", {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}, 1.2, dynamics="closed", family="lids"),
    Action("AU45", {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "eyeSquintLeft": 0.05, "eyeSquintRight": 0.05}, 14.0,
           dynamics="blink", family="lids"),
    Action("AU46", {"eyeBlink*": 1.0, "cheekSquint*": 0.10}, 2.0, "single", "wink", "lids"),
    Action("AU61", {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0}, 7.0, dynamics="gaze", family="gaze across"),
    Action("AU62", {"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0}, 7.0, dynamics="gaze", family="gaze across"),
    Action("AU63", {"eyeLookUpLeft": 1.0, "eyeLookUpRight": 1.0, "eyeWideLeft": 0.05, "eyeWideRight": 0.05}, 4.0,
           dynamics="gaze", family="gaze up or down"),
    Action("AU64", {"eyeLookDownLeft": 1.0, "eyeLookDownRight": 1.0, "eyeBlinkLeft": 0.10, "eyeBlinkRight": 0.10}, 6.0,
           dynamics="gaze", family="gaze up or down"),
    Action("mouthSideways", {"mouth*": 1.0}, 2.0, "single", in_facs=False),
    Action("upperLipShrug", {"mouthShrugUpper": 1.0}, 1.5, in_facs=False),
)
"""The last two have no FACS code: the whole mouth moving sideways, and the upper lip pushed up without the chin."""

INDEX = MappingProxyType({action.code: i for i, action in enumerate(ACTIONS)})
CHANNELS: tuple[tuple[str, str], ...] = tuple((a.code, side) for a in ACTIONS for side in a.channels)
"""(C) of (action, side): what can be active apart. A paired action's symmetric event drives its left and its right."""


@dataclass(frozen=True)
class Display:
    """Several actions at once: (code, side, share of the display's intensity) each, and how often a minute."""

    name: str
    rate: float
    members: tuple[tuple[str, str, float], ...] = field(default_factory=tuple)


def _both(*codes: str) -> tuple[tuple[str, str, float], ...]:
    return tuple((code, "both", 1.0) for code in codes)


DISPLAYS: tuple[Display, ...] = (
    Display("happiness", 1.0, (("AU12", "both", 1.0), ("AU6", "both", 0.8))),
    Display("laughter", 0.3, (*_both("AU12", "AU6"), ("AU26", "both", 0.7), ("AU7", "both", 0.5))),
    Display("sadness", 0.4, (*_both("AU1", "AU15"), ("AU4", "both", 0.6), ("AU17", "both", 0.5))),
    Display("surprise", 0.4, _both("AU1", "AU2", "AU5", "AU26")),
    Display("fear", 0.2, (*_both("AU1", "AU2", "AU4", "AU5", "AU20"), ("AU26", "both", 0.5))),
    Display("anger", 0.4, _both("AU4", "AU5", "AU7", "AU24")),
    Display("disgust", 0.3, (("AU9", "both", 1.0), ("AU10", "both", 0.8), ("AU17", "both", 0.6))),
    Display("contempt, left", 0.2, (("AU12", "left", 0.5), ("AU14", "left", 1.0))),
    Display("contempt, right", 0.2, (("AU12", "right", 0.5), ("AU14", "right", 1.0))),
    Display("thinking", 0.2, (("AU63", "both", 0.8), ("AU4", "both", 0.5), ("mouthSideways", "left", 0.8))),
    Display("wondering", 0.2, (("AU63", "both", 0.8), ("AU1", "both", 0.5), ("mouthSideways", "right", 0.8))),
    Display("chewing", 0.5, (("AU26", "both", 0.6), ("AU8", "both", 0.4))),
    Display("doubt", 0.3, (("AU2", "right", 1.0), ("AU15", "both", 0.6), ("AU17", "both", 0.8))),
)
"""Emotion prototypes after the EMFACS sets, and everyday ones."""


def display_rates() -> np.ndarray:
    """(A,) events a minute that each action owes to displays."""
    rates = np.zeros(len(ACTIONS))
    for display in DISPLAYS:
        for code, _, _ in display.members:
            rates[INDEX[code]] += display.rate
    return rates


def recipe_matrix(names: tuple[str, ...], omitted: tuple[str, ...] = ()) -> np.ndarray:
    """(C, E) float32: ψ of every channel at full intensity on a face with these coefficient names.

    Channels of the actions `omitted` move nothing. A coefficient that the face splits in two moves both; one that it
    lacks (ICT-FaceKit has no tongueOut) is left out.
    """
    where, matrix = arkit_columns(names), np.zeros((len(CHANNELS), len(names)), np.float32)
    for row, (code, side) in zip(matrix, CHANNELS, strict=True):
        for name, weight in ACTIONS[INDEX[code]].recipe.items() if code not in omitted else ():
            row[list(where.get(name.replace("*", side.capitalize()), ()))] = weight
    return matrix
