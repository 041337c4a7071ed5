"""What simulated people do: actions, the ARKit coefficients that a tracker reports for each, and whole displays.

The secondary weights in `Action.recipe` are the cross-talk of face trackers (a smile reads a little as a cheek raise).
Rates, times and weights are chosen by hand so that the statistics of `simulate.statistics` come near those of real
takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from dfe_core.expressions.columns import arkit_columns

SIDES = ("both", "left", "right")
"""Sides of an event; the index is its code in `Events.side`."""


@dataclass(frozen=True, kw_only=True)
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
    in_facs: whether FACS has a code for it.
    one_sided: share of a paired action's own events that are one-sided, half of them left.
    lower: whether it moves the lower face, whose sides differ in strength more than those of brows and lids.
    restful: whether a resting face may show a little of it.
    """

    code: str
    recipe: dict[str, float]
    rate: float = 1.2
    sides: str = "whole"
    dynamics: str = "face"
    family: str = ""
    in_facs: bool = True
    one_sided: float = 0.0
    lower: bool = True
    restful: bool = True

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """The sides it is driven by."""
        return ("both",) if self.sides == "whole" else ("left", "right")


@dataclass(frozen=True, kw_only=True)
class ActionTiming:
    """Median seconds of onset, hold and offset, and the spread of their logarithms."""

    onset_s: float
    hold_s: float
    offset_s: float
    spread: float = 0.35
    intensity: tuple[float, float] = (0.5, 5.0)


DYNAMICS = MappingProxyType(
    {
        "face": ActionTiming(onset_s=0.30, hold_s=0.60, offset_s=0.50),
        "display": ActionTiming(onset_s=0.45, hold_s=1.60, offset_s=0.80),
        "instructed": ActionTiming(onset_s=0.35, hold_s=0.70, offset_s=0.40, spread=0.15, intensity=(2.5, 5.0)),
        "blink": ActionTiming(onset_s=0.08, hold_s=0.04, offset_s=0.14, spread=0.15, intensity=(4.2, 5.0)),
        "closed": ActionTiming(onset_s=0.18, hold_s=1.20, offset_s=0.25, spread=0.3, intensity=(4.2, 5.0)),
        "wink": ActionTiming(onset_s=0.12, hold_s=0.30, offset_s=0.18, spread=0.25, intensity=(3.5, 5.0)),
        "gaze": ActionTiming(onset_s=0.07, hold_s=0.90, offset_s=0.08, spread=0.45, intensity=(0.6, 3.2)),
        "brief": ActionTiming(onset_s=0.07, hold_s=0.07, offset_s=0.12, spread=0.2, intensity=(1.0, 3.0)),
        "syllable": ActionTiming(onset_s=0.09, hold_s=0.03, offset_s=0.10, spread=0.2, intensity=(0.3, 2.6)),
    }
)
"""Onset about 0.3 s, faster than offset; a blink about 0.3 s in all; saccades within two frames; ``brief`` lasts under
half a second, as micro-expressions do; ``instructed`` movements are those that a person is asked to make."""

ONE_SIDED = 0.02
"""Share of a paired action's own events that are one-sided, where people seldom move one side alone."""


def _paired(
    code: str, stem: str, rate: float = 1.0, one_sided: float = ONE_SIDED, lower: bool = True, **also: float
) -> Action:
    return Action(
        code=code,
        recipe={f"{stem}*": 1.0, **{f"{k}*": v for k, v in also.items()}},
        rate=rate,
        sides="paired",
        one_sided=one_sided,
        lower=lower,
    )


ACTIONS: tuple[Action, ...] = (
    Action(code="AU1", recipe={"browInnerUp": 1.0}, rate=1.5, lower=False),
    _paired("AU2", "browOuterUp", 1.2, 0.06, lower=False),
    _paired("AU4", "browDown", 2.0, lower=False),
    _paired("AU5", "eyeWide", 1.2, lower=False),
    _paired("AU6", "cheekSquint", 1.0, eyeSquint=0.10),
    _paired("AU7", "eyeSquint", 1.2, lower=False),
    Action(code="AU8", recipe={"mouthClose": 1.0}, rate=0.0),
    _paired("AU9", "noseSneer", 0.9, 0.03, mouthUpperUp=0.12),
    _paired("AU10", "mouthUpperUp", 0.9, 0.06),
    _paired("AU12", "mouthSmile", 2.4, 0.06, cheekSquint=0.08, mouthDimple=0.06),
    _paired("AU14", "mouthDimple", 1.4, 0.15),
    _paired("AU15", "mouthFrown", 1.2, 0.04),
    _paired("AU16", "mouthLowerDown", 0.8, 0.03),
    Action(code="AU17", recipe={"mouthShrugLower": 1.0, "mouthShrugUpper": 0.4}, rate=1.0),
    Action(code="AU18", recipe={"mouthPucker": 1.0}, rate=0.8),
    Action(code="AD19", recipe={"tongueOut": 1.0, "jawOpen": 0.15}, rate=0.3, restful=False),
    _paired("AU20", "mouthStretch", 0.9, 0.03),
    Action(code="AU22", recipe={"mouthFunnel": 1.0}, rate=0.6),
    _paired("AU24", "mouthPress", 1.5),
    Action(code="AU26", recipe={"jawOpen": 0.65}, rate=1.2, restful=False),
    Action(code="AU28", recipe={"mouthRollLower": 1.0, "mouthRollUpper": 0.9}, rate=0.7),
    Action(code="AD29", recipe={"jawForward": 1.0}, rate=0.5),
    Action(code="AD30", recipe={"jaw*": 1.0}, rate=0.6, sides="single", restful=False),
    Action(code="AD34", recipe={"cheekPuff": 1.0}, rate=0.5),
    Action(
        code="AU43",
        recipe={"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
        rate=0.8,
        dynamics="closed",
        family="lids",
        restful=False,
    ),
    Action(
        code="AU45",
        recipe={"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "eyeSquintLeft": 0.05, "eyeSquintRight": 0.05},
        rate=15.0,
        dynamics="blink",
        family="lids",
        restful=False,
    ),
    Action(
        code="AU46",
        recipe={"eyeBlink*": 1.0, "cheekSquint*": 0.10},
        rate=0.05,
        sides="single",
        dynamics="wink",
        family="lids",
        restful=False,
    ),
    Action(
        code="AU61",
        recipe={"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
        rate=6.0,
        dynamics="gaze",
        family="gaze across",
        restful=False,
    ),
    Action(
        code="AU62",
        recipe={"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0},
        rate=6.0,
        dynamics="gaze",
        family="gaze across",
        restful=False,
    ),
    Action(
        code="AU63",
        recipe={"eyeLookUpLeft": 1.0, "eyeLookUpRight": 1.0, "eyeWideLeft": 0.05, "eyeWideRight": 0.05},
        rate=3.0,
        dynamics="gaze",
        family="gaze up or down",
        restful=False,
    ),
    Action(
        code="AU64",
        recipe={"eyeLookDownLeft": 1.0, "eyeLookDownRight": 1.0, "eyeBlinkLeft": 0.10, "eyeBlinkRight": 0.10},
        rate=6.0,
        dynamics="gaze",
        family="gaze up or down",
        restful=False,
    ),
    Action(code="mouthSideways", recipe={"mouth*": 1.0}, rate=1.5, sides="single", in_facs=False, restful=False),
    Action(code="upperLipShrug", recipe={"mouthShrugUpper": 1.0}, rate=1.2, in_facs=False, restful=False),
)
"""The last two have no FACS code: the whole mouth moving sideways, and the upper lip pushed up without the chin."""

INDEX = MappingProxyType({action.code: i for i, action in enumerate(ACTIONS)})
CHANNELS: tuple[tuple[str, str], ...] = tuple((a.code, side) for a in ACTIONS for side in a.channels)
"""(C) of (action, side): what can be active apart. A paired action's symmetric event drives its left and its right."""


@dataclass(frozen=True)
class Display:
    """Several actions at once: (code, side, share of the display's intensity) each, and how often a minute.

    One that is not on both sides may happen in its mirror image, by the habit of its first one-sided member.
    """

    name: str
    rate: float
    members: tuple[tuple[str, str, float], ...] = field(default_factory=tuple)


def _with(**shares: float) -> tuple[tuple[str, str, float], ...]:
    return tuple((code, "both", share) for code, share in shares.items())


DISPLAYS: tuple[Display, ...] = (
    Display("happiness", 1.4, _with(AU12=1.0, AU6=0.8, AU7=0.3, AU10=0.2, AU16=0.3)),
    Display("laughter", 0.5, _with(AU12=1.0, AU6=1.0, AU26=0.7, AU7=0.5, AU10=0.4, AU16=0.5, AU9=0.3)),
    Display("polite smile", 0.6, _with(AU12=0.6, AU14=0.5, AU24=0.3)),
    Display("sadness", 0.5, _with(AU1=1.0, AU15=1.0, AU4=0.6, AU17=0.5, AU7=0.3, AU24=0.2)),
    Display("surprise", 0.5, _with(AU1=1.0, AU2=1.0, AU5=1.0, AU26=0.8)),
    Display("fear", 0.3, _with(AU1=1.0, AU2=0.9, AU4=0.6, AU5=1.0, AU20=0.8, AU26=0.4, AU16=0.3)),
    Display("anger", 0.5, _with(AU4=1.0, AU5=0.4, AU7=0.8, AU24=0.8, AU9=0.3, AU17=0.4)),
    Display("disgust", 0.5, _with(AU9=1.0, AU10=0.8, AU17=0.6, AU4=0.5, AU7=0.5, AU15=0.3)),
    Display("pain", 0.3, _with(AU4=0.9, AU6=0.8, AU7=1.0, AU9=0.6, AU10=0.6, AU20=0.4)),
    Display("contempt", 0.2, (("AU14", "left", 1.0), ("AU12", "left", 0.5), ("AU7", "both", 0.2))),
    Display("thinking", 0.4, (*_with(AU63=0.8, AU4=0.5, AU24=0.4), ("mouthSideways", "left", 0.8))),
    Display("wondering", 0.4, (*_with(AU63=0.8, AU1=0.5, AU18=0.3), ("mouthSideways", "right", 0.8))),
    Display("chewing", 0.4, _with(AU26=0.6, AU8=0.3, AU24=0.2)),
    Display("doubt", 0.4, _with(AU2=0.8, AU1=0.4, AU15=0.6, AU17=0.8, AU24=0.3)),
    Display("one brow", 0.05, (("AU2", "right", 1.0), *_with(AU15=0.6, AU17=0.8))),
)
"""Emotion prototypes (after Ekman, Friesen & Hager 2002; pain: Prkachin & Solomon 2008), each with weaker companions,
and everyday ones."""


def display_rates() -> np.ndarray:
    """(A,) events a minute that each action owes to displays."""
    rates = np.zeros(len(ACTIONS))
    for display in DISPLAYS:
        for code, _, _ in display.members:
            rates[INDEX[code]] += display.rate
    return rates


def one_sided_display_rates() -> np.ndarray:
    """(A,) one-sided events a minute that each action owes to displays."""
    rates = np.zeros(len(ACTIONS))
    for display in DISPLAYS:
        for code, side, _ in display.members:
            rates[INDEX[code]] += display.rate * (side != "both")
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
